/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sensor and snapshot together: chosen, attached, and proved to work.
 */
#ifndef FDWARDEN_COLLECTORS_H
#define FDWARDEN_COLLECTORS_H

#include "collect/sensor.h"
#include "collect/snapshot.h"

enum collectors_choice {
	COLLECTORS_AUTO, /* fexit where it attaches and proves itself, else tracepoint */
	COLLECTORS_TRACEPOINT,
	COLLECTORS_FEXIT,
};

struct collectors_options {
	enum collectors_choice sensor;
	enum snapshot_choice snapshot;
	const uint32_t *steps; /* near-limit levels, ascending, basis points */
	size_t steps_len;
	bool files_in_reach; /* fs.file-max: sensor_watch_files() from the start */
};

struct collectors {
	struct sensor *sensor;
	struct snapshot *snapshot;
	uint64_t since_ns; /* all is seen from here on; records of our own proof are
			      from before */
	char refused[256]; /* with AUTO: why fexit is not used; "" if it is */
};

/* Returns 0, or -errno with one line in `why`. */
int collectors_open(const struct collectors_options *options,
		    const struct sensor_handlers *handlers, struct collectors *out,
		    char *why, size_t why_size);

/* Accepts what a failed open left. */
void collectors_close(struct collectors *collectors);

#endif
