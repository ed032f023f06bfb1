/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the snapshot: the two ways to take one. All functions return 0 or
 * -errno; close accepts what a failed open left behind.
 */
#ifndef FDWARDEN_SNAPSHOT_IMPL_H
#define FDWARDEN_SNAPSHOT_IMPL_H

#include "collect/snapshot.h"

struct snapshot_method {
	const char *name;
	/* `counters` may be NULL. */
	int (*open)(const struct sensor_counters_map *counters, void **state);
	/* Sets stats->tables and stats->torn through snapshot_visit_one(). */
	int (*take)(void *state, snapshot_visit visit, void *context,
		    struct snapshot_stats *stats);
	void (*close)(void *state);
};

/* A program that walks the tasks, run without a descriptor (since 6.7). */
extern const struct snapshot_method snapshot_walk;
/* A task iterator, read through a descriptor made for each snapshot (since 5.8). */
extern const struct snapshot_method snapshot_iter;

static inline void snapshot_visit_one(const struct fdw_snapshot_record *record,
				      snapshot_visit visit, void *context,
				      struct snapshot_stats *stats)
{
	stats->tables++;
	stats->torn += !!(record->table.flags & FDW_TABLE_TORN);
	visit(context, record);
}

/* Both objects have the same maps of the sensor's counters, and the same two
 * inputs: lets `object` (a skeleton with them) share those of `counters`. */
#define SNAPSHOT_SHARE_COUNTERS(object, counters)                                      \
	({                                                                             \
		const struct sensor_counters_map *c_ = (counters);                     \
		bool storage_ = c_ && c_->task_storage;                                \
                                                                                       \
		(object)->rodata->have_counters = c_ != NULL;                          \
		(object)->rodata->use_task_storage = storage_;                         \
		bpf_map__set_autocreate((object)->maps.process_storage, storage_);     \
		bpf_map__set_autocreate((object)->maps.process_hash, c_ && !storage_); \
		!c_ ? 0                                                                \
		    : bpf_map__reuse_fd(storage_ ? (object)->maps.process_storage      \
						 : (object)->maps.process_hash,        \
					c_->fd);                                       \
	})

#endif
