/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which soft limits fdwarden itself has raised, as far as this process knows: what a monitor
 * did by a rule, and what 'fdwarden raise' and the live view told it. For all threads.
 */
#ifndef FDWARDEN_RAISES_H
#define FDWARDEN_RAISES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct raise {
	uint64_t from,
		to; /* the soft limit before the first one, and behind the last one */
	uint64_t when_ns; /* of the last one, since 1970 */
	bool by_hand;     /* … which somebody asked for; else a rule did */
};

/* Notes that the soft limit of the process `pid`, which began at `start_ticks` (as
 * identity_start_ticks() has it), was raised just now. What was raised before is gone on with.
 * Of more than some hundred, the one that is longest ago is forgotten. */
void raises_note(pid_t pid, uint64_t start_ticks, uint64_t from, uint64_t to,
		 bool by_hand);

/* Whether the soft limit that this process has, `soft_limit`, is what fdwarden raised it to.
 * `start_ns`: when it began, since boot. */
bool raises_find(pid_t pid, uint64_t start_ns, uint64_t soft_limit, struct raise *out);

#endif
