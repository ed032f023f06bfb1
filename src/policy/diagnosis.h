/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a process that runs out of descriptors: rules over what its
 * descriptors are and how they became so many. Each says what it is sure of, with
 * the evidence; none may say what is not so. Pure.
 */
#ifndef FDWARDEN_DIAGNOSIS_H
#define FDWARDEN_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/growth.h"
#include "policy/inventory.h"

/* The rules; their names are in diagnosis_rule_name(). */
enum diagnosis_rule {
	DIAGNOSIS_CLOSE_WAIT,           /* peers have closed, the process has not */
	DIAGNOSIS_OUTGOING_CONNECTIONS, /* to one peer, without bound */
	DIAGNOSIS_ACCEPTED_CONNECTIONS, /* load, not leak */
	DIAGNOSIS_SAME_FILE,            /* one file or directory again and again */
	DIAGNOSIS_FILES_NOT_CLOSED,     /* many files of one directory or pattern */
	DIAGNOSIS_DELETED_FILES,
	DIAGNOSIS_PIPES,       /* ends left behind */
	DIAGNOSIS_EVENT_LOOPS, /* epoll, eventfd, timerfd */
	DIAGNOSIS_INOTIFY,
	DIAGNOSIS_PROCESSES_LEFT, /* pidfds of processes that ended */
	DIAGNOSIS_UNIX_SOCKETS,
	DIAGNOSIS_INHERITED,      /* many children have the same */
	DIAGNOSIS_INHERITED_FROM, /* it has most from its parent, since its exec */
	DIAGNOSIS_CHURN,          /* opens and closes much */
	DIAGNOSIS_MIXTURE,        /* several kinds in a ratio of whole numbers */
	DIAGNOSIS_KIND,           /* mostly one kind, of which no other rule speaks */
	DIAGNOSIS_SPIN, /* calls are refused again and again without a pause */
	DIAGNOSIS_RULES
};

/* How the process came to have so many. */
struct diagnosis_history {
	bool counters_known; /* the next two */
	uint64_t opened, closed;
	bool growth_known;
	double growth_per_s;
	double growth_over_s;      /* … seen over so long */
	bool growth_sound;         /* … and above zero beyond chance */
	double age_s;              /* of the process; 0: unknown */
	uint64_t used, soft_limit; /* soft_limit 0: unknown; ~0: unlimited */
	/* Programs that it started, with copies of its table; 0: none, unknown. */
	uint64_t children;
	/* It is at a level that is alerted, or a call was refused: what fills the table is
	 * told whatever its share is. */
	bool in_trouble;
	/* By the floor of its count (policy/leak.h), and it stands. */
	bool leak_suspected;
	/* An alert of this incident has told of a leak, while it grew. At the wall nothing
	 * grows any more. */
	bool leak_told;
	/* What it had when it came near its levels, or was first watched: what has become more
	 * since then decides what grows. Not known (zeroed): there was no such look. */
	struct growth_look before;
	/* … and what was opened and closed until then; 0 and 0: from the start. */
	uint64_t opened_before, closed_before;
	/* Descriptors that its parent has as well, after an exec; 0: none, unknown. */
	uint64_t inherited;
	pid_t parent;
	/* Calls that were refused a second, over the last tick, and what share of one core
	 * the process took; 0: none, unknown. The name is static. */
	double refused_per_s, core_share;
	const char *refused_call;
};

#define DIAGNOSIS_MAX       4
#define DIAGNOSIS_TEXT_MAX  256
#define DIAGNOSIS_PROOF_MAX 256

struct diagnosis {
	enum diagnosis_rule rule;
	bool leak;      /* not closed by mistake: a higher limit only puts it off */
	uint64_t count; /* descriptors that it explains */
	double share;   /* … of all */
	/* Hostile bytes are in these as they are. */
	char text[DIAGNOSIS_TEXT_MAX];   /* a plain sentence: what is wrong */
	char proof[DIAGNOSIS_PROOF_MAX]; /* what was seen: "412 tcp in CLOSE_WAIT …" */
};

/* Returns how many, 0..DIAGNOSIS_MAX: leaks first, then the one that explains most. 0: no
 * clear cause, which is never so of a process in trouble that has descriptors. */
size_t diagnosis_make(const struct inventory *inventory,
		      const struct diagnosis_history *history,
		      struct diagnosis out[DIAGNOSIS_MAX]);

/* "close-wait", "accepted-connections", …. Static. */
const char *diagnosis_rule_name(enum diagnosis_rule rule);

#endif
