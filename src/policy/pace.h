/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often all processes are looked at. What happens near a limit is told by the sensor at
 * once; a look finds what no call shows (a limit that was lowered, a table that was inherited)
 * and what has ended. Its cost grows with the number of processes, so that on a host with very
 * many it is taken less often while nothing is amiss.
 */
#ifndef FDWARDEN_PACE_H
#define FDWARDEN_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* The longest that anything waits for a look, unless the interval is longer. */
#define PACE_MOST_NS 5000000000ull

struct pace {
	uint64_t interval_ns; /* as configured: the least */
	uint64_t cost_ns;     /* CPU time of the last look and what followed */
	bool busy; /* something is amiss, or somebody asks: looks may cost more */
};

/* From one look to the next, in ns: never less than the interval, and never more than the
 * longer of the interval and PACE_MOST_NS. */
uint64_t pace_ns(const struct pace *pace);

#endif
