/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The snapshot: the exact count of every descriptor table of every process, at
 * one go, from the kernel's own bitmaps.
 */
#ifndef FDWARDEN_SNAPSHOT_H
#define FDWARDEN_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "collect/sensor.h"
#include "fdwarden/wire.h"

struct snapshot_stats {
	uint64_t took_ns;
	uint64_t tables;
	uint64_t torn; /* counts that may be off by a bit */
};

typedef void (*snapshot_visit)(void *context, const struct fdw_snapshot_record *record);

struct snapshot;

/* With `counters` (of a sensor), records have opened and closed. Returns 0, or
 * -errno with one line in `why`. */
int snapshot_open(const struct sensor_counters_map *counters, struct snapshot **out,
		  char *why, size_t why_size);

/* Visits each table once; a process with several has several records. Returns 0
 * or -errno; -ENFILE, -EMFILE: none could be taken this time. */
int snapshot_take(struct snapshot *snapshot, snapshot_visit visit, void *context,
		  struct snapshot_stats *stats);

/* "iter/task". Static. */
const char *snapshot_name(const struct snapshot *snapshot);

/* Accepts NULL. */
void snapshot_close(struct snapshot *snapshot);

#endif
