/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether to raise a process's soft limit for it, and to what. Pure.
 */
#ifndef FDWARDEN_REMEDY_H
#define FDWARDEN_REMEDY_H

#include <stdbool.h>
#include <stdint.h>

/* What a rule allows. Zeroed: nothing. */
struct remedy_settings {
	bool raise_soft;      /* on_critical = raise-soft */
	uint32_t step_bp;     /* by this share of the soft limit */
	uint64_t interval_ns; /* at most so often for one process */
	bool leaks;           /* also what leaks */
};

/* Of one process. Zeroed is the start. */
struct remedy_state {
	uint64_t asked_ns;  /* when its cause was asked for last; 0: never */
	uint64_t raised_ns; /* when its limit was raised last; 0: never */
};

struct remedy_question {
	uint64_t now_ns;
	bool critical;  /* its level is critical, or above */
	bool explained; /* it is known what its descriptors are */
	bool leak;      /* … and that they leak */
	bool no_use;    /* the program is known to make nothing of it */
	uint64_t soft_limit, hard_limit; /* ~0: unlimited */
	uint64_t nr_open; /* the kernel's own bound of a table; 0: unknown */
};

enum remedy_verdict {
	REMEDY_RAISE,
	REMEDY_NOT_WANTED,  /* by the rule, or it is not critical (any more) */
	REMEDY_TOO_SOON,    /* the interval is not over */
	REMEDY_AT_HARD,     /* the hard limit does not allow more */
	REMEDY_UNEXPLAINED, /* it may be a leak */
	REMEDY_LEAK,        /* it is one */
	REMEDY_NO_USE,      /* it computed its own wall when it started */
};

/* Whether to find out, now, what the descriptors are. To be asked as long as a process is
 * critical. */
bool remedy_is_due(const struct remedy_state *state, const struct remedy_settings *set,
		   bool critical, uint64_t now_ns);

/* The verdict; for REMEDY_RAISE `soft_limit` is the new one: a step above the old one, at
 * least by 1, never above the hard limit nor nr_open. The state is the caller's to keep:
 * raised_ns when it was really raised. */
enum remedy_verdict remedy_decide(const struct remedy_state *state,
				  const struct remedy_settings *set,
				  const struct remedy_question *question,
				  uint64_t *soft_limit);

#endif
