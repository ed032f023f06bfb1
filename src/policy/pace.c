// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/pace.h"

/* A look may take one part in so many of a core: half of a hundredth at rest, two hundredths
 * otherwise. At rest that is once a second up to some 5,000 processes. */
#define SHARE_AT_REST  200
#define SHARE_BUSY     50
/* Whoever sets a shorter interval has it as long as looks cost no more than this allows. */
#define APART_LEAST_NS 1000000000ull

uint64_t pace_ns(const struct pace *pace)
{
	uint64_t share = pace->busy ? SHARE_BUSY : SHARE_AT_REST;
	uint64_t apart_ns = PACE_MOST_NS;

	if (pace->cost_ns < PACE_MOST_NS / share)
		apart_ns = pace->cost_ns * share;
	return apart_ns > APART_LEAST_NS && apart_ns > pace->interval_ns
		       ? apart_ns
		       : pace->interval_ns;
}
