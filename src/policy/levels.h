/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two halves of the policy share: a process (policy.c) and the whole
 * system (policy_system.c). For them alone.
 */
#ifndef FDWARDEN_POLICY_LEVELS_H
#define FDWARDEN_POLICY_LEVELS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* Level that `used` of `limit` reaches by its share alone: OK .. CRITICAL. */
enum policy_level levels_reached(const struct policy_settings *set, uint64_t used,
				 uint64_t limit);

/* Whether `used` is under what keeps `level`, once it is reached. */
bool levels_below(const struct policy_settings *set, enum policy_level level,
		  uint64_t used, uint64_t limit);

/* The level after an observation that may lower it: down from `level` to the
 * first that still holds, but not under `reached`. */
enum policy_level levels_fall(const struct policy_settings *set,
			      enum policy_level level, enum policy_level reached,
			      uint64_t used, uint64_t limit);

/* Whether `level` is to be alerted now, and notes it as done: for it and for
 * all below it. */
bool levels_alert_due(uint64_t alerted_ns[POLICY_LEVELS], enum policy_level level,
		      uint64_t repeat_ns, uint64_t now_ns);

/*
 * Forgets the alerts of the levels above `level` that are over, so that the next rise to
 * them is told at once: the limit is higher than any they were told under (`raised`), or
 * they have not been reached for a minute. What swings about a level faster than that is
 * told of once an interval, as before. under_ns is the caller's to keep, zeroed at first.
 */
void levels_forget(uint64_t alerted_ns[POLICY_LEVELS], uint64_t under_ns[POLICY_LEVELS],
		   enum policy_level level, bool raised, uint64_t now_ns);

/* Why an incident that was last in trouble under `trouble_limit` (0: unknown) is
 * over with `used`. */
enum policy_reason levels_reason(const struct policy_settings *set, uint64_t used,
				 uint64_t trouble_limit);

/* Records come a little out of order: a time that is ahead is no time ago. */
static inline uint64_t levels_elapsed(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* A time to keep where 0 means never. */
static inline uint64_t levels_stamp(uint64_t now_ns)
{
	return now_ns ? now_ns : 1;
}

#endif
