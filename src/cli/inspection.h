/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that can be found out about one process by looking at it, without a daemon.
 */
#ifndef FDWARDEN_INSPECTION_H
#define FDWARDEN_INSPECTION_H

#include <stddef.h>
#include <stdint.h>

#include "collect/census.h"
#include "output/alert.h"
#include "output/explanation.h"
#include "state/process_table.h"

struct inspection {
	struct process_table *processes;
	struct process *process; /* in it */
	struct alert_fd fd;
	uint64_t growth_over_ns; /* fd's growth is from two counts, so far apart */
	struct census_result descriptors;
	struct explanation why;
};

/* Takes a good quarter of a second, for growth is seen from two counts. Returns 0, or
 * -errno with one line in `why`; out is to be cleared in any case. */
int inspection_take(int pid, struct inspection *out, char *why, size_t why_size);
/* Finds the process alone: `processes`, `process` and who it is. The same otherwise. */
int inspection_find(int pid, struct inspection *out, char *why, size_t why_size);
void inspection_clear(struct inspection *inspection);

#endif
