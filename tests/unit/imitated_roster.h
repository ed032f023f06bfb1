/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rosters for the tests of the view: rows are added by hand, in the order of pids. */
#ifndef FDWARDEN_TESTS_IMITATED_ROSTER_H
#define FDWARDEN_TESTS_IMITATED_ROSTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/roster.h"

#define S     1000000000ull
#define EPOCH (1795000000ull * S)

static inline struct roster_row *add_row(struct roster *r, pid_t pid, const char *name,
					 uint64_t used, uint64_t soft)
{
	struct roster_row *row;

	/* Room is doubled: a sanitizer's realloc() copies whatever it is asked to grow. */
	if (!(r->len & (r->len - 1)))
		r->rows =
			realloc(r->rows, (r->len ? 2 * r->len : 1) * sizeof(*r->rows));
	row = &r->rows[r->len++];
	memset(row, 0, sizeof(*row));
	row->who.pid = pid;
	row->who.start_ns = (uint64_t)pid * S;
	snprintf(row->who.comm, sizeof(row->who.comm), "%s", name);
	row->fd.known = true;
	row->fd.count = row->fd.used = used;
	row->fd.soft_limit = soft;
	row->fd.hard_limit = 4096;
	row->fd.counters_known = true;
	return row;
}

static inline void set_service(struct roster_row *row, const char *service)
{
	free(row->who.service);
	row->who.service = strdup(service);
}

/* A later look at the same processes: what the caller changes then is what happened. */
static inline struct roster next_roster(const struct roster *from, uint64_t seconds)
{
	struct roster next;

	if (roster_copy(&next, from))
		abort();
	next.number = from->number + 1;
	next.realtime_ns = from->realtime_ns + seconds * S;
	return next;
}

static inline struct roster new_roster(void)
{
	return (struct roster){.number = 1,
			       .realtime_ns = EPOCH,
			       .interval_ns = S,
			       .host_name = "web-3",
			       .boot_realtime_ns = EPOCH - 1000 * S};
}

#endif
