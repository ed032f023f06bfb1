// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/before.h"

#include <stdlib.h>

#include "policy/forecast.h"

/* Shares of the lowest level: from here on it is near, and from there on far again. */
#define NEAR_NUMERATOR   3
#define NEAR_DENOMINATOR 4
#define FAR_DENOMINATOR  2
/* It grows fast if it is full within so long. */
#define SOON_S           60
/* So few are not worth a look. */
#define USED_MIN         20
/* A question that found no room is asked again. */
#define AGAIN_NS         3000000000ull

static bool before_is_above(const struct process *process, uint32_t lowest_bp,
			    uint32_t numerator, uint32_t denominator)
{
	return (__uint128_t)process->table.used * 10000 * denominator >=
	       (__uint128_t)process->table.soft_limit * lowest_bp * numerator;
}

static bool before_is_wanted(const struct process *process, uint32_t lowest_bp)
{
	struct forecast forecast;

	if (process->trouble->policy.sealed ||
	    process->table.soft_limit == UINT64_MAX || process->table.used < USED_MIN)
		return false;
	if (before_is_above(process, lowest_bp, NEAR_NUMERATOR, NEAR_DENOMINATOR))
		return true;
	if (!before_is_above(process, lowest_bp, 1, FAR_DENOMINATOR * 2))
		return false;
	forecast_estimate(&process->history, process->table.soft_limit, &forecast);
	return forecast.exhaustion_known && forecast.exhausted_in_s < SOON_S;
}

bool before_watch(struct process *process, struct details *details, uint32_t lowest_bp,
		  uint64_t now_ns)
{
	struct before *before = process->before;

	if (before && !process->trouble->policy.incident &&
	    !before_is_above(process, lowest_bp, 1, FAR_DENOMINATOR * 2)) {
		free(before);
		process->before = NULL;
		return false;
	}
	if ((before && before->look.known) || !before_is_wanted(process, lowest_bp))
		return false;
	if (!before)
		before = process->before = calloc(1, sizeof(*before));
	if (!before || (before->asked_ns && now_ns < before->asked_ns + AGAIN_NS) ||
	    !details_ask_kinds(details, process))
		return false;
	before->asked_ns = now_ns;
	if (process->table.flags & FDW_TABLE_COUNTERS) {
		before->opened = process->table.opened;
		before->closed = process->table.closed;
	}
	return true;
}

void before_learn(struct process *process, const struct explanation *why)
{
	struct before *before = process->before;

	if (before && !before->look.known && why->inventory)
		growth_look(why->inventory, &before->look);
}
