/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor lets others have of its processes: a copy of the figures at its last
 * tick, without anything that has to be read for it. A roster_keeper makes a roster of
 * it.
 */
#ifndef FDWARDEN_FEED_H
#define FDWARDEN_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "output/ledger.h"
#include "output/roster.h"
#include "policy/diagnosis.h"

/* The calls of one process that were refused in its incident. */
#define FEED_REFUSALS 16
struct feed_refusals {
	struct alert_refusal calls[FEED_REFUSALS];
	size_t len;
	uint64_t first_ns, last_ns; /* as the monitor's clock; 0: not known */
	double per_s;               /* in the last tick */
	bool inexact;               /* there were more */
};

/* What has become known over time of a process that is in trouble or near it: what else
 * than one look its explanation rests on. */
struct feed_history {
	pid_t pid;
	uint64_t start_ns;
	bool own_limit, own_limit_known;
	uint64_t peak; /* most descriptors that were used in its incident */
	double seen_s; /* for how long it was watched; 0: not known */
	struct diagnosis_history verdict; /* without children and parent */
	struct feed_refusals refused;
};

struct feed_row {
	struct roster_row row; /* its identity without strings; shared_with unset */
	uint64_t exec_id;      /* of the program that it runs */
	uint64_t files;        /* names its table; equal in those that share it */
};

/* Zeroed is empty. Filled again and again. */
struct feed {
	uint64_t tick;      /* of the monitor, that it is of; from 1 */
	struct roster head; /* without rows; number unset */
	struct feed_row *rows;
	size_t len, size;
	struct feed_history *histories; /* of few, in the order of nothing */
	size_t histories_len, histories_size;
	struct ledger_figures counted; /* since the monitor began */
};

/* Makes room for `len` rows, and empties it. 0 or -ENOMEM. */
int feed_reserve(struct feed *feed, size_t len);

/* Room for one more history, which is zeroed. NULL: no memory. */
struct feed_history *feed_add_history(struct feed *feed);

/* NULL: none is known. */
const struct feed_history *feed_find_history(const struct feed *feed, pid_t pid,
					     uint64_t start_ns);
void feed_clear(struct feed *feed);

#endif
