/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two text formats that scrapers read: that of Prometheus (0.0.4), and OpenMetrics (1.0),
 * in which a family of counters is called without its _total and the end is marked.
 */
#ifndef FDWARDEN_EXPOSITION_H
#define FDWARDEN_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define EXPOSITION_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_OPENMETRICS_TYPE                                                    \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"

struct exposition {
	FILE *out;
	bool open_metrics;
	bool labelled; /* the sample that is being written has labels */
};

/* A family, before its samples. `type`: "counter", of which the name ends with _total,
 * "gauge" or "info", of which it ends with _info. */
void exposition_family(struct exposition *x, const char *name, const char *type,
		       const char *help);

/* A sample: its name, its labels if it has any, and its value. */
void exposition_sample(struct exposition *x, const char *name);
void exposition_label(struct exposition *x, const char *name, const char *value);
void exposition_value(struct exposition *x, double value);
void exposition_count(struct exposition *x, uint64_t value);

/* A family of one sample without labels. */
void exposition_one(struct exposition *x, const char *name, const char *type,
		    const char *help, double value);

void exposition_end(struct exposition *x);

/* Whether who sends this Accept header (NULL: none) would rather have OpenMetrics. */
bool exposition_wants_open_metrics(const char *accept);

#endif
