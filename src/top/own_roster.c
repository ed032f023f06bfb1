// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/own_roster.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "daemon/feed.h"
#include "state/identity_reader.h"

/* What is known of a row beside what it shows; in the same order. */
struct own_row {
	uint64_t exec_id;
	bool read;
};

struct own_roster {
	struct feed feed;
	struct roster roster;
	struct own_row *more;
	struct identity_reader *reader;
};

/* ---- a feed ---- */

static int compare(const void *left, const void *right)
{
	const struct feed_row *a = left, *b = right;
	struct roster_key key = {b->row.who.pid, b->row.who.start_ns};

	return roster_compare(&a->row, &key);
}

static bool is_same(const struct alert_fd *a, const struct alert_fd *b)
{
	return a->known == b->known && a->count == b->count && a->used == b->used &&
	       a->soft_limit == b->soft_limit && a->hard_limit == b->hard_limit &&
	       a->opened == b->opened && a->closed == b->closed &&
	       fabs(a->growth_per_s - b->growth_per_s) < 0.005;
}

/* Moves the strings of the same program; those of another one are dropped. */
static void keep_strings(struct roster_row *row, struct own_row *more,
			 struct roster_row *old, const struct own_row *old_more)
{
	struct identity *to = &row->who, *from = &old->who;

	row->changed = is_same(&row->fd, &old->fd) && row->refused == old->refused &&
				       row->level == old->level
			       ? old->changed
			       : row->changed;
	if (more->exec_id != old_more->exec_id) {
		identity_clear(from);
		return;
	}
	to->executable = from->executable;
	to->command_line = from->command_line;
	to->cgroup = from->cgroup;
	to->service = from->service;
	to->container_id = from->container_id;
	to->pod_uid = from->pod_uid;
	to->container_runtime = from->container_runtime;
	to->denied = from->denied;
	more->read = old_more->read;
	memset(from, 0, sizeof(*from));
}

/* Both are in order. */
static void merge(struct own_roster *own, struct roster_row *rows, struct own_row *more)
{
	struct roster *old = &own->roster;
	size_t at = 0;

	for (size_t i = 0; i < own->feed.len; i++) {
		struct feed_row *from = &own->feed.rows[i];
		struct roster_key key = {from->row.who.pid, from->row.who.start_ns};

		rows[i] = from->row;
		rows[i].changed = old->number + 1;
		more[i].exec_id = from->exec_id;
		while (at < old->len && roster_compare(&old->rows[at], &key) < 0)
			identity_clear(&old->rows[at++].who);
		if (at < old->len && roster_compare(&old->rows[at], &key) == 0) {
			keep_strings(&rows[i], &more[i], &old->rows[at], &own->more[at]);
			at++;
		}
	}
	while (at < old->len)
		identity_clear(&old->rows[at++].who);
}

/* ---- who they are ---- */

static void read_identities(struct own_roster *own, uint64_t patience_ns)
{
	uint64_t until_ns = kernel_now_ns() + patience_ns;

	for (size_t i = 0; i < own->roster.len; i++) {
		if (own->more[i].read)
			continue;
		identity_reader_read(own->reader, &own->roster.rows[i].who);
		own->more[i].read = true;
		if (kernel_now_ns() > until_ns)
			break;
	}
}

static void set_self(struct roster *roster, const struct monitor *monitor)
{
	struct self_figures *self = &roster->self;
	struct monitor_self from;

	monitor_self(monitor, &from);
	memset(self, 0, sizeof(*self));
	snprintf(self->sensor, sizeof(self->sensor), "%s", from.sensor);
	snprintf(self->counters, sizeof(self->counters), "%s", from.counters);
	snprintf(self->snapshot, sizeof(self->snapshot), "%s", from.snapshot);
	self->snapshot_ns = from.last_snapshot.took_ns;
	self->processes = from.processes;
	self->descriptors = from.descriptors;
	self->torn = from.torn;
}

int own_roster_update(struct own_roster *own, struct monitor *monitor,
		      uint64_t patience_ns)
{
	struct roster_row *rows;
	struct own_row *more;
	uint64_t number = own->roster.number + 1;
	size_t len;

	if (feed_fill(&own->feed, monitor))
		return -ENOMEM;
	len = own->feed.len;
	rows = calloc(len + 1, sizeof(*rows));
	more = calloc(len + 1, sizeof(*more));
	if (!rows || !more) {
		free(rows);
		free(more);
		return -ENOMEM;
	}
	if (len > 1)
		qsort(own->feed.rows, len, sizeof(*own->feed.rows), compare);
	merge(own, rows, more);
	free(own->roster.rows);
	free(own->more);
	own->roster = own->feed.head;
	own->roster.number = number;
	own->roster.rows = rows;
	own->roster.len = len;
	own->more = more;
	set_self(&own->roster, monitor);
	read_identities(own, patience_ns);
	return 0;
}

const struct roster *own_roster(const struct own_roster *own)
{
	return &own->roster;
}

/* ---- life ---- */

struct own_roster *own_roster_new(void)
{
	struct own_roster *own = calloc(1, sizeof(*own));

	if (!own)
		return NULL;
	own->reader = identity_reader_new(IDENTITY_READER_DEADLINE_MS);
	if (own->reader)
		return own;
	free(own);
	return NULL;
}

void own_roster_free(struct own_roster *own)
{
	if (!own)
		return;
	identity_reader_free(own->reader);
	feed_clear(&own->feed);
	roster_clear(&own->roster);
	free(own->more);
	free(own);
}
