/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include <string.h>

#include "policy/levels.h"

/* fs.file-max is bypassed by some and hit by others at the same moment, so that
 * the count alone says little right after a refusal. */
#define SYSTEM_QUIET_NS 2000000000ull

static bool refused_lately(const struct policy_system *state, uint64_t now_ns)
{
	return state->refused_ns &&
	       levels_elapsed(now_ns, state->refused_ns) < SYSTEM_QUIET_NS;
}

static void track(struct policy_system *state, const struct policy_settings *set,
		  const struct policy_system_observation *seen)
{
	enum policy_level reached = POLICY_LEVEL_OK;

	if (seen->known)
		reached = levels_reached(set, seen->allocated, seen->max);
	if (seen->refused) {
		reached = POLICY_LEVEL_EXHAUSTED;
		state->refused_ns = levels_stamp(seen->now_ns);
	}
	if (reached >= state->level)
		state->level = reached;
	else if (seen->known && !refused_lately(state, seen->now_ns))
		state->level = levels_fall(set, state->level, reached, seen->allocated,
					   seen->max);
	levels_forget(state->alerted_ns, state->under_ns, state->level,
		      seen->known && state->told_max && seen->max > state->told_max,
		      seen->now_ns);
	if (seen->known && state->level > POLICY_LEVEL_OK)
		state->trouble_max = seen->max;
}

static int say_level(struct policy_system *state, const struct policy_settings *set,
		     const struct policy_system_observation *seen,
		     struct policy_decision *out)
{
	static const enum policy_action actions[POLICY_LEVELS] = {
		[POLICY_LEVEL_WARNING] = POLICY_SYSTEM_WARNING,
		[POLICY_LEVEL_CRITICAL] = POLICY_SYSTEM_CRITICAL,
		[POLICY_LEVEL_EXHAUSTED] = POLICY_SYSTEM_EXHAUSTED,
	};
	enum policy_level level = state->level;
	bool before;

	/* As for a process: exhausted is said when a call is refused. */
	if (level == POLICY_LEVEL_EXHAUSTED && !seen->refused) {
		if (refused_lately(state, seen->now_ns))
			return 0;
		level = POLICY_LEVEL_CRITICAL;
	}
	before = state->alerted_ns[level] != 0;
	if (!levels_alert_due(state->alerted_ns, level, set->repeat_ns, seen->now_ns) &&
	    !(state->again && before))
		return 0;
	state->again = false;
	if (seen->known && seen->max > state->told_max)
		state->told_max = seen->max;
	*out = (struct policy_decision){.action = actions[level], .repeats = before};
	return 1;
}

static int close_incident(struct policy_system *state, enum policy_reason reason,
			  struct policy_decision *out)
{
	memset(state, 0, sizeof(*state));
	*out = (struct policy_decision){.action = POLICY_SYSTEM_RECOVERED,
					.reason = reason};
	return 1;
}

int policy_system_observe(struct policy_system *state,
			  const struct policy_settings *set,
			  const struct policy_system_observation *seen,
			  struct policy_decision out[POLICY_MAX_DECISIONS])
{
	bool opens;
	int said;

	if (set->ignore)
		return state->incident
			       ? close_incident(state, POLICY_REASON_CLOSED, out)
			       : 0;
	track(state, set, seen);
	if (state->level == POLICY_LEVEL_OK) {
		if (!state->incident)
			return 0;
		/* Only a known count lets the level fall, so it is known here. */
		return close_incident(
			state, levels_reason(set, seen->allocated, state->trouble_max),
			out);
	}
	opens = !state->incident;
	if (opens) {
		state->incident = true;
		state->opened_ns = seen->now_ns;
	}
	said = say_level(state, set, seen, out);
	if (opens && said)
		out[0].opens = true;
	return said;
}
