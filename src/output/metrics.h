/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor sees as metrics, in the text format of Prometheus or in OpenMetrics. By
 * workload: services, containers, pods, users; processes by pid only while they are in an
 * incident. Bounded: see METRICS_SERIES_MAX.
 */
#ifndef FDWARDEN_METRICS_H
#define FDWARDEN_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "output/ledger.h"
#include "output/roster.h"

/* Processes in one answer, and those that have had a place within a day. */
#define METRICS_PROCESSES     50
#define METRICS_PROCESSES_DAY 160

/*
 * No more series than this begin within any 24 hours, on a host of any size and with however
 * many processes that come and go; while `fullest` is off. Names, images and namespaces of
 * containers and pods stay as they are first read.
 */
#define METRICS_SERIES_MAX    20000

struct metrics;

/* `fullest`: also processes that are in no incident, the fullest first, up to
 * METRICS_PROCESSES; then nothing bounds the series of a day. NULL: no memory. */
struct metrics *metrics_new(bool fullest);
void metrics_free(struct metrics *metrics); /* accepts NULL */

/* *text is the caller's to free(); *len its length. 0 or -ENOMEM. */
int metrics_text(struct metrics *metrics, const struct roster *roster,
		 const struct ledger_figures *counted, bool open_metrics, char **text,
		 size_t *len);

#endif
