/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics over HTTP, for Prometheus and those who read the same: GET /metrics,
 * in the one of their two formats that is asked for. HTTP is
 * libmicrohttpd's, in a thread of its own, so that whoever asks costs the monitor nothing
 * but a copy of its figures.
 */
#ifndef FDWARDEN_EXPORTER_H
#define FDWARDEN_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/feed.h"

struct exporter;

/* Listens at once. `listen` is ADDRESS:PORT, as the configuration allows it, or the path of a
 * unix socket, which its user alone and `group` (name or number; NULL: none) may connect to;
 * `fullest`: metrics_new()'s. Returns 0, or -errno with one line in `why`. With 0, `why` says
 * what is not as it was wanted, or is empty. */
int exporter_open(const char *listen, const char *group, bool fullest,
		  struct exporter **out, char *why, size_t why_size);
void exporter_close(struct exporter *exporter); /* accepts NULL */

/* Of the monitor's thread, as in server/handoff.h. */
int exporter_fd(const struct exporter *exporter);
struct feed *exporter_want(struct exporter *exporter, uint64_t tick);
void exporter_feed(struct exporter *exporter);

#endif
