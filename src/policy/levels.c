/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/levels.h"

#define WHOLE_BP 10000u
/* A level that was left for so long is news when it is reached again. */
#define LEFT_NS  60000000000ull

/* Limits go up to 2^64 - 1, so the products need more than 64 bits. */
__extension__ typedef unsigned __int128 wide;

static bool reaches(uint64_t used, uint64_t limit, uint32_t share_bp)
{
	if (limit == 0 || limit == UINT64_MAX)
		return false;
	return (wide)used * WHOLE_BP >= (wide)limit * share_bp;
}

static uint32_t share_of(const struct policy_settings *set, enum policy_level level)
{
	switch (level) {
	case POLICY_LEVEL_WARNING:
		return set->warn_bp;
	case POLICY_LEVEL_CRITICAL:
		return set->critical_bp;
	default:
		return WHOLE_BP;
	}
}

enum policy_level levels_reached(const struct policy_settings *set, uint64_t used,
				 uint64_t limit)
{
	if (reaches(used, limit, set->critical_bp))
		return POLICY_LEVEL_CRITICAL;
	if (reaches(used, limit, set->warn_bp))
		return POLICY_LEVEL_WARNING;
	return POLICY_LEVEL_OK;
}

bool levels_below(const struct policy_settings *set, enum policy_level level,
		  uint64_t used, uint64_t limit)
{
	uint32_t share = share_of(set, level);

	/* Nothing is ever free under a limit of 0: who got into trouble and was
	 * then cut down to that is not well. */
	if (limit == 0)
		return false;
	if (limit == UINT64_MAX)
		return true;
	/* A hysteresis as wide as the level itself must not keep an empty table
	 * in trouble for ever. */
	if (used == 0)
		return true;
	share = share > set->hysteresis_bp ? share - set->hysteresis_bp : 0;
	return !reaches(used, limit, share);
}

enum policy_level levels_fall(const struct policy_settings *set,
			      enum policy_level level, enum policy_level reached,
			      uint64_t used, uint64_t limit)
{
	while (level > reached && levels_below(set, level, used, limit))
		level--;
	return level > reached ? level : reached;
}

bool levels_alert_due(uint64_t alerted_ns[POLICY_LEVELS], enum policy_level level,
		      uint64_t repeat_ns, uint64_t now_ns)
{
	uint64_t last = alerted_ns[level];

	if (last && (!repeat_ns || levels_elapsed(now_ns, last) < repeat_ns))
		return false;
	for (int below = POLICY_LEVEL_WARNING; below <= (int)level; below++)
		alerted_ns[below] = levels_stamp(now_ns);
	return true;
}

void levels_forget(uint64_t alerted_ns[POLICY_LEVELS], uint64_t under_ns[POLICY_LEVELS],
		   enum policy_level level, bool raised, uint64_t now_ns)
{
	for (int above = POLICY_LEVEL_WARNING; above < POLICY_LEVELS; above++) {
		if (above <= (int)level || !alerted_ns[above]) {
			under_ns[above] = 0;
			continue;
		}
		if (!under_ns[above])
			under_ns[above] = levels_stamp(now_ns);
		if (!raised && levels_elapsed(now_ns, under_ns[above]) < LEFT_NS)
			continue;
		alerted_ns[above] = 0;
		under_ns[above] = 0;
	}
}

enum policy_reason levels_reason(const struct policy_settings *set, uint64_t used,
				 uint64_t trouble_limit)
{
	/* It is the limit that made it well if the slots in use would still be
	 * trouble under the old one. */
	if (trouble_limit &&
	    !levels_below(set, POLICY_LEVEL_WARNING, used, trouble_limit))
		return POLICY_REASON_LIMIT_RAISED;
	return POLICY_REASON_CLOSED;
}
