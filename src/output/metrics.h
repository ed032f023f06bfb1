/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor sees as metrics, in the text format of Prometheus (which OpenMetrics
 * readers take as well). Bounded: a host of any size has at most METRICS_PROCESSES
 * processes in it and METRICS_SERVICES services, those in trouble and the fullest first.
 */
#ifndef FDWARDEN_METRICS_H
#define FDWARDEN_METRICS_H

#include <stddef.h>

#include "output/roster.h"

#define METRICS_PROCESSES    50
#define METRICS_SERVICES     200
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* *text is the caller's to free(); *len its length. 0 or -ENOMEM. */
int metrics_text(const struct roster *roster, char **text, size_t *len);

#endif
