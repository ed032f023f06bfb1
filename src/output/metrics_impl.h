/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of metrics know of each other. Inside src/output/ only. */
#ifndef FDWARDEN_METRICS_IMPL_H
#define FDWARDEN_METRICS_IMPL_H

#include "output/exposition.h"
#include "output/metrics.h"

/* "warning", …, by enum roster_trouble. */
extern const char *const metrics_levels[ROSTER_TROUBLES];

/* "EMFILE", "ENFILE", else "other". Static. */
const char *metrics_error(int error);

/* Used slots by soft limit; -1 where there is no share: of a sealed one, which chose to be
 * full, of an ignored one, of which nobody wants to be told, and of a limit of ~0 or 0. */
double metrics_usage(const struct roster_row *row);

/* The monotonic clock of a roster: CLOCK_BOOTTIME, in ns. */
uint64_t metrics_clock(const struct roster *roster);

/* All families of one kind of workload. `values`: which of them have a place. 0 or
 * -ENOMEM. */
int metrics_workloads(struct exposition *x, enum workload_kind kind,
		      struct label_values *values, const struct roster *roster,
		      const struct ledger_figures *counted);

/* What client libraries of Prometheus tell of their own process. */
void metrics_own_process(struct exposition *x, const struct roster *roster);

#endif
