/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A monitor's figures, for the tests of what hands them to others. */
#ifndef FDWARDEN_TESTS_IMITATED_FEED_H
#define FDWARDEN_TESTS_IMITATED_FEED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/feed.h"

/* Fills it with `len` processes of tick `tick`: each with `used` of 100. */
static inline void feed_fill(struct feed *feed, uint64_t tick, size_t len,
			     uint64_t used)
{
	if (feed_reserve(feed, len))
		abort();
	feed->tick = tick;
	feed->head = (struct roster){
		.realtime_ns = 1795000000000000000ull + tick * 1000000000u,
		.interval_ns = 1000000000u,
		.host_name = "web-3",
		.self = {.pid = 1, .sensor = "fexit", .snapshot = "prog-run"},
	};
	for (size_t i = 0; i < len; i++) {
		struct feed_row *row = &feed->rows[feed->len++];

		memset(row, 0, sizeof(*row));
		/* Above any that this machine may have: nothing is read of them. */
		row->row.who.pid = (1 << 28) + (int)i;
		row->row.who.start_ns = 5000000000ull + i;
		snprintf(row->row.who.comm, sizeof(row->row.who.comm), "worker");
		row->row.fd.known = true;
		row->row.fd.count = row->row.fd.used = used;
		row->row.fd.soft_limit = row->row.fd.hard_limit = 100;
		row->files = i + 1;
	}
}

#endif
