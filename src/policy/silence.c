// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/silence.h"

#include <stddef.h>

/* What the levels are shares of is what the policy takes for it: the program's own wall,
 * where that is lower than the limit. */
static enum policy_level level_of(const struct policy_settings *set,
				  const struct policy_observation *seen)
{
	struct policy_settings any = *set;
	uint64_t limit = seen->wall && seen->wall < seen->soft_limit ? seen->wall
								     : seen->soft_limit;

	any.min_limit = 0;
	return seen->has_table ? policy_level_of(&any, seen->used, limit)
			       : POLICY_LEVEL_OK;
}

enum silence silence_of(const struct policy_fd *state,
			const struct policy_settings *set,
			const struct policy_observation *seen)
{
	enum policy_level level = level_of(set, seen);

	if (seen->exited ||
	    (level == POLICY_LEVEL_OK && seen->refusal == POLICY_REFUSAL_NONE))
		return SILENCE_NONE;
	if (set->ignore)
		return SILENCE_IGNORED;
	if (state->sealed)
		return SILENCE_SEALED;
	if (level > state->level && !seen->managed &&
	    seen->soft_limit >= set->min_limit)
		return SILENCE_DWELLS;
	if (state->incident)
		return SILENCE_TOLD;
	if (seen->managed)
		return SILENCE_MANAGED;
	return seen->soft_limit < set->min_limit ? SILENCE_SMALL : SILENCE_NONE;
}

const char *silence_text(enum silence silence)
{
	static const char *const texts[SILENCES] = {
		[SILENCE_NONE] = NULL,
		[SILENCE_IGNORED] = "a rule ignores it, or output.hook has started it",
		[SILENCE_SEALED] = "it is sealed: it has lowered its own limit to what "
				   "it has, or below",
		[SILENCE_MANAGED] = "this program rests that high by design; a refused "
				    "call will be told",
		[SILENCE_SMALL] = "its soft limit is below thresholds.min_limit; a "
				  "refused call will be told",
		[SILENCE_DWELLS] = "the level has not lasted for thresholds.dwell yet",
		[SILENCE_TOLD] = "its incident was told of; a level that lasts is told "
				 "again after thresholds.repeat",
	};

	return texts[silence];
}
