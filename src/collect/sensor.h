/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sensor: sees every call that gives, takes or refuses a descriptor, and
 * sends records near the limit and on refusals.
 */
#ifndef FDWARDEN_SENSOR_H
#define FDWARDEN_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/hooks.h"
#include "fdwarden/wire.h"

/* Called from sensor_consume() for each record, in order. Records are checked
 * (size, type, lengths) before; they live during the call only. */
struct sensor_handlers {
	void *context;
	void (*near)(void *context, const struct fdw_near *record);
	void (*refused)(void *context, const struct fdw_refused *record);
};

struct sensor_losses {
	uint64_t ring_full;  /* records */
	uint64_t refusals;   /* refusals not counted: their map is full */
	uint64_t processes;  /* calls not counted: no state for the process */
	uint64_t unreadable; /* kernel memory that could not be read */
	uint64_t gate;       /* records not made: another was being made there */
	uint64_t malformed;  /* records that failed the check */
	uint64_t missed;     /* runs of our programs that the kernel left out, as they
				   were running on that CPU (counted since 5.12) */
};

enum sensor_kind {
	SENSOR_TRACEPOINT, /* at the exits of all calls */
	SENSOR_FEXIT,      /* on the functions that hand out descriptors */
};

struct sensor;

/*
 * Loads the programs for these near-limit levels (ascending, basis points); sees
 * nothing until sensor_attach(). Both return 0, or -errno with one line in `why`.
 * `files_in_reach` is for sensor_watch_files().
 */
int sensor_open(enum sensor_kind kind, const uint32_t *steps, size_t steps_len,
		const struct sensor_handlers *handlers, struct sensor **out, char *why,
		size_t why_size);
int sensor_attach(struct sensor *sensor, bool files_in_reach, char *why,
		  size_t why_size);

/*
 * Refusals by fs.file-max: the fexit sensor watches them from here on, for good (5.10
 * can't attach a program again). Until then they cost an open nothing. The tracepoint
 * sensor always does. Returns 1 if it newly watches, 0 if it did before, or -errno:
 * to be tried again.
 */
int sensor_watch_files(struct sensor *sensor);

/* Accepts NULL. */
void sensor_close(struct sensor *sensor);

/* Which sensor this is ("tracepoint", "fexit"), and how it keeps its counters. Static. */
const char *sensor_name(const struct sensor *sensor);
const char *sensor_counters(const struct sensor *sensor);

/* New levels, from now on. */
void sensor_set_steps(struct sensor *sensor, const uint32_t *steps, size_t steps_len);

/* Becomes readable, and stays so, while there are records; sensor_consume() handles
 * those that wait, at most some thousand. Returns their number or -errno. */
int sensor_fd(const struct sensor *sensor);
int sensor_consume(struct sensor *sensor);

/* Handles all records that were sent before this call, however many. Returns 0, or -errno:
 * -EBUSY if one of them is still being written after DRAIN_PATIENCE_US, behind which none
 * can be read. */
int sensor_drain(struct sensor *sensor);

void sensor_losses(const struct sensor *sensor, struct sensor_losses *out);

/* Visits the exact number of refusals of each process and call, those of ended
 * processes included. Returns how many were visited, or -errno. */
typedef void (*sensor_visit_refusal)(void *context, const struct fdw_refusal_key *key,
				     const struct fdw_refusal_value *value);
int sensor_refusals(struct sensor *sensor, sensor_visit_refusal visit, void *context);

/* An ended process: frees what the kernel still keeps of its refusals. */
void sensor_forget_refusal(struct sensor *sensor, const struct fdw_refusal_key *key);

/* To have it run programs for single processes; the sensor's. NULL: this one can't. */
struct hooks *sensor_hooks(const struct sensor *sensor);

/* The map of per-process counters, for the snapshot to read. */
struct sensor_counters_map {
	int fd;
	bool task_storage; /* else a hash by pid */
};
void sensor_counters_map(const struct sensor *sensor, struct sensor_counters_map *out);

#endif
