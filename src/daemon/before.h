/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process had when it came near its levels: with what it has later, that says what
 * grows, and so whether it leaks. For the monitor's thread.
 */
#ifndef FDWARDEN_BEFORE_H
#define FDWARDEN_BEFORE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/details.h"
#include "policy/growth.h"
#include "state/process_table.h"

struct before {
	struct growth_look look; /* not known: it has not come yet */
	uint64_t asked_ns;
	uint64_t opened, closed; /* until it was asked; 0: not known */
};

/* A process as a snapshot shows it, with its lowest level at `lowest_bp` of the limit: asks
 * for a look when it comes near that level or grows fast towards it, and forgets it when it
 * is far from it again. true: it has asked. */
bool before_watch(struct process *process, struct details *details, uint32_t lowest_bp,
		  uint64_t now_ns);

/* An answer to what was asked. */
void before_learn(struct process *process, const struct explanation *why);

#endif
