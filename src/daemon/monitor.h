/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitoring itself: records and snapshots go in, alerts come out. Knows no event
 * loop, no signals and no files of its own, so that it can be driven by anything.
 */
#ifndef FDWARDEN_MONITOR_H
#define FDWARDEN_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/sensor.h"
#include "collect/snapshot.h"
#include "config/config.h"
#include "daemon/details.h"
#include "output/feed.h"
#include "output/outlet.h"
#include "state/standing.h"

struct monitor;

/* Figures of the monitor itself. */
struct monitor_self {
	const char *sensor, *counters, *snapshot;
	const char *sensor_refused; /* why it is not fexit; "" if it is, or wanted so */
	uint64_t started_realtime_ns; /* since 1970 */
	uint64_t processes, descriptors;
	struct snapshot_stats last_snapshot;
	uint64_t snapshot_realtime_ns; /* when it began, since 1970; 0: never */
	uint64_t snapshots_failed;
	uint64_t torn; /* counts that may be off by a bit, over all snapshots */
	struct sensor_losses losses;
	uint64_t drift; /* processes that only the snapshot found near their limit */
	uint64_t late;  /* records of processes whose end had been told */
	uint64_t alerts_lost;
	struct details_stats details;
	uint64_t ticks;   /* snapshots taken or tried */
	uint64_t changes; /* of what stands: alerts, and refusals counted */
};

/*
 * Loads everything and attaches the sensor. `config` and `outlet` are borrowed.
 * Returns 0, or -errno with one line in `why`.
 */
int monitor_open(const struct config *config, struct outlet *outlet,
		 struct monitor **out, char *why, size_t why_size);

/* From now on incidents are written down there; NULL: no more. It is borrowed. */
struct chronicle;
void monitor_set_chronicle(struct monitor *monitor, struct chronicle *chronicle);

/* When it began to see what is called (CLOCK_BOOTTIME), and the id of the boot. */
uint64_t monitor_since_ns(const struct monitor *monitor);
const char *monitor_boot_id(const struct monitor *monitor);

/* A reloaded configuration takes effect with the next tick. */
void monitor_set_config(struct monitor *monitor, const struct config *config);

/* Readable when the sensor has records; monitor_consume() then handles them. */
int monitor_fd(const struct monitor *monitor);
void monitor_consume(struct monitor *monitor);

/* Readable when it was found out what explains alerts that went out before. */
int monitor_details_fd(const struct monitor *monitor);
void monitor_details(struct monitor *monitor);

/* Readable when a trace has found something. */
int monitor_traces_fd(const struct monitor *monitor);
void monitor_traces(struct monitor *monitor);

/* One snapshot, and all that follows from it. Each monitor_pace_ns(). Returns 0, or
 * -errno if no snapshot could be taken this time: records are handled all the
 * same. */
int monitor_tick(struct monitor *monitor);

/* From one tick to the next, in ns: the interval, or longer where that would cost too much
 * (policy/pace.h). `asked`: by somebody who wants figures each interval. Shorter once
 * something is amiss: to be asked again after records. */
uint64_t monitor_pace_ns(const struct monitor *monitor, bool asked);

/* When the next tick is due, before its interval is over, for a level that has lasted by then
 * (CLOCK_BOOTTIME); 0: it is not. */
uint64_t monitor_due_ns(const struct monitor *monitor);

/* An output has lost alerts, and has been told so: what stands is told once more. */
void monitor_tell_again(struct monitor *monitor);

void monitor_self(const struct monitor *monitor, struct monitor_self *out);

/* The figures of its last tick, but `self`: a copy of memory, nothing is read for it. 0
 * or -ENOMEM. */
int monitor_feed(struct monitor *monitor, struct feed *out);

/* What stands, to be cleared by the caller; and taking it up again, before the first
 * tick. Returns the number of incidents. */
void monitor_standing(struct monitor *monitor, struct standing *out);
size_t monitor_resume(struct monitor *monitor, const struct standing *standing);

/* The histories of floors as bytes, to be freed; NULL: no memory. And taking them up
 * again, after what stands and before the first tick: history_decode(). */
char *monitor_history(struct monitor *monitor, size_t *len);
int monitor_resume_history(struct monitor *monitor, const char *data, size_t len,
			   const char **why);

/* The end: handles what has come in until now, and sends what waits in summaries.
 * After it only monitor_self(), monitor_standing() and monitor_close(). */
void monitor_finish(struct monitor *monitor);

/* Accepts NULL. */
void monitor_close(struct monitor *monitor);

#endif
