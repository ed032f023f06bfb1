/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitoring itself: records and snapshots go in, alerts come out. Knows no event
 * loop, no signals and no files of its own, so that it can be driven by anything.
 */
#ifndef FDWARDEN_MONITOR_H
#define FDWARDEN_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#include "collect/sensor.h"
#include "collect/snapshot.h"
#include "config/config.h"
#include "output/outlet.h"

struct monitor;

/* Figures of the monitor itself. */
struct monitor_self {
	const char *sensor, *counters, *snapshot;
	const char *sensor_refused; /* why it is not fexit; "" if it is, or wanted so */
	uint64_t processes, descriptors;
	struct snapshot_stats last_snapshot;
	uint64_t snapshots_failed;
	struct sensor_losses losses;
	uint64_t drift; /* processes that only the snapshot found near their limit */
};

/*
 * Loads everything and attaches the sensor. `config` and `outlet` are borrowed.
 * Returns 0, or -errno with one line in `why`.
 */
int monitor_open(const struct config *config, struct outlet *outlet, struct monitor **out,
		 char *why, size_t why_size);

/* A reloaded configuration takes effect with the next tick. */
void monitor_set_config(struct monitor *monitor, const struct config *config);

/* Readable when the sensor has records; monitor_consume() then handles them. */
int monitor_fd(const struct monitor *monitor);
void monitor_consume(struct monitor *monitor);

/* One snapshot, and all that follows from it. Once each interval. Returns 0, or
 * -errno if no snapshot could be taken this time: records are handled all the
 * same. */
int monitor_tick(struct monitor *monitor);

void monitor_self(const struct monitor *monitor, struct monitor_self *out);

/* Handles what has come in until now, sends what waits in summaries, and frees.
 * Accepts NULL. */
void monitor_close(struct monitor *monitor);

#endif
