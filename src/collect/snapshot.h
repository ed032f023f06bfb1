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

/* How to take it: AUTO is WALK where it loads, else ITER. */
enum snapshot_choice {
	SNAPSHOT_AUTO,
	SNAPSHOT_WALK, /* a program run without a descriptor (since 6.7) */
	SNAPSHOT_ITER, /* a task iterator (since 5.8) */
};

/* With `counters` (of a sensor; NULL: none), records have opened and closed.
 * Returns 0, or -errno with one line in `why`. */
int snapshot_open(enum snapshot_choice choice,
		  const struct sensor_counters_map *counters, struct snapshot **out,
		  char *why, size_t why_size);

/* Visits each table, now and then one twice; a process with several has several
 * records. Returns 0 or -errno; -ENFILE, -EMFILE: none could be taken this time. */
int snapshot_take(struct snapshot *snapshot, snapshot_visit visit, void *context,
		  struct snapshot_stats *stats);

/* "prog-run" or "iter/task". Static. */
const char *snapshot_name(const struct snapshot *snapshot);

/* With AUTO: why prog-run is not used, one line; "" if it is. */
const char *snapshot_reason(const struct snapshot *snapshot);

/* Accepts NULL. */
void snapshot_close(struct snapshot *snapshot);

#endif
