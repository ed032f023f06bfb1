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

#include "output/roster.h"

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
};

/* Makes room for `len` rows, and empties it. 0 or -ENOMEM. */
int feed_reserve(struct feed *feed, size_t len);
void feed_clear(struct feed *feed);

#endif
