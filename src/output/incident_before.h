/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many files the whole system had open before an incident of it: of the last minute each
 * second, and before, up to an hour back, the fewest of each minute. Of processes others keep
 * that. Pure.
 */
#ifndef FDWARDEN_INCIDENT_BEFORE_H
#define FDWARDEN_INCIDENT_BEFORE_H

#include <stddef.h>
#include <stdint.h>

#include "output/incident.h"

#define INCIDENT_BEFORE_LEN 60

struct incident_before {
	/* rings: the next one goes to [seconds_n % INCIDENT_BEFORE_LEN] */
	struct incident_past seconds[INCIDENT_BEFORE_LEN], minutes[INCIDENT_BEFORE_LEN];
	size_t seconds_n, minutes_n;
	struct incident_past minute; /* that goes on; for_ns 0: none */
};

/* One observation, later than those before it (CLOCK_BOOTTIME). */
void incident_before_see(struct incident_before *before, uint64_t now_ns,
			 uint64_t used);

/* What is known of the time before now_ns. */
void incident_before_put(const struct incident_before *before, uint64_t now_ns,
			 struct incident_begin *begin);

#endif
