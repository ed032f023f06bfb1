/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/remedy.h"

#define WHOLE_BP 10000u

static bool elapsed(uint64_t since_ns, uint64_t interval_ns, uint64_t now_ns)
{
	return !since_ns || (now_ns > since_ns && now_ns - since_ns >= interval_ns);
}

bool remedy_is_due(const struct remedy_state *state, const struct remedy_settings *set,
		   bool critical, uint64_t now_ns)
{
	return set->raise_soft && critical &&
	       elapsed(state->asked_ns, set->interval_ns, now_ns) &&
	       elapsed(state->raised_ns, set->interval_ns, now_ns);
}

static uint64_t one_step_up(uint64_t soft_limit, uint32_t step_bp)
{
	__uint128_t step =
		((__uint128_t)soft_limit * step_bp + WHOLE_BP - 1) / WHOLE_BP;

	return step > UINT64_MAX - soft_limit
		       ? UINT64_MAX
		       : soft_limit + (step ? (uint64_t)step : 1);
}

enum remedy_verdict remedy_decide(const struct remedy_state *state,
				  const struct remedy_settings *set,
				  const struct remedy_question *question,
				  uint64_t *soft_limit)
{
	uint64_t bound = question->hard_limit;

	if (!set->raise_soft || !question->critical ||
	    question->soft_limit == UINT64_MAX)
		return REMEDY_NOT_WANTED;
	if (!elapsed(state->raised_ns, set->interval_ns, question->now_ns))
		return REMEDY_TOO_SOON;
	if (question->nr_open && question->nr_open < bound)
		bound = question->nr_open;
	if (question->soft_limit >= bound)
		return REMEDY_AT_HARD;
	if (!set->leaks && !question->explained)
		return REMEDY_UNEXPLAINED;
	if (!set->leaks && question->leak)
		return REMEDY_LEAK;
	if (question->no_use)
		return REMEDY_NO_USE;
	*soft_limit = one_step_up(question->soft_limit, set->step_bp);
	if (*soft_limit > bound)
		*soft_limit = bound;
	return REMEDY_RAISE;
}
