/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows each process's floor for the monitor: asks what the descriptors are when a
 * leak begins to show, and again before it is suspected.
 */
#ifndef FDWARDEN_LEAKS_H
#define FDWARDEN_LEAKS_H

#include <stdint.h>

#include "config/config.h"
#include "daemon/details.h"
#include "policy/growth.h"
#include "policy/policy.h"
#include "state/process_table.h"

/* What was looked at of a process that is watched. */
struct leak_watch {
	struct growth_look then, now;
	uint64_t asked_ns; /* for `then`; 0: not, or it has come */
	uint64_t ripe_ns;  /* when it was asked for `now`; 0: not, or it has come */
	uint64_t now_ns;   /* when `now` came; 0: never */
	enum leak_growth growth;
};

/* The settings of all processes. */
void leaks_settings(const struct config *config, struct leak_settings *out);

/* A process as a snapshot showed it. Returns what the policy is to be told. */
enum policy_leak leaks_look(struct process *process, const struct leak_settings *set,
			    struct details *details, uint64_t now_ns);

/* An answer to what was asked. */
void leaks_learn(struct process *process, const struct explanation *why,
		 uint64_t now_ns);

#endif
