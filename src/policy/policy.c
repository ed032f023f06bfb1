/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include <stddef.h>
#include <string.h>

#include "policy/levels.h"

#define SECOND_NS        1000000000ull
/* Another limit's trouble is over when it has refused nothing for this long. */
#define OTHER_FRESH_NS   (60 * SECOND_NS)
/* While refusals of a full table come closer together than this, its repeated
 * alert waits for the next one and is FD_EXHAUSTED. */
#define REFUSED_FRESH_NS (60 * SECOND_NS)
/* An incident that opens so soon after the last one is a flap. */
#define FLAP_WINDOW_NS   (60 * SECOND_NS)
/* So many refusals of a sealed process, each so soon after the one before, and it is in
 * trouble. Observed ones: of many in a moment the sensor reports eight a second. */
#define SEAL_REFUSALS    5
/* Soft limits under this raise no alert by their level either. */
#define SEAL_DOUBT_MIN   16
#define SEAL_FEW         8 /* one in so many of those below the limit */
#define SEAL_FRESH_NS    (60 * SECOND_NS)
#define FLAP_FIRST_NS    (2 * SECOND_NS)
#define FLAP_MOST_NS     (60 * SECOND_NS)

enum policy_level policy_level_of(const struct policy_settings *set, uint64_t used,
				  uint64_t soft_limit)
{
	if (soft_limit < set->min_limit)
		return POLICY_LEVEL_OK;
	return levels_reached(set, used, soft_limit);
}

bool policy_fd_seal_is_doubtful(const struct policy_fd *state, uint64_t count,
				uint64_t used, uint64_t soft_limit)
{
	return state->sealed && !state->seal_seen && used >= soft_limit &&
	       soft_limit >= SEAL_DOUBT_MIN && count - used < used;
}

/* Whether a sealed process goes on asking for what it is said not to want. */
static bool asks_for_more(struct policy_fd *state,
			  const struct policy_observation *seen)
{
	if (!state->sealed || seen->refusal != POLICY_REFUSAL_TABLE_FULL)
		return false;
	/* A few above a full table are what was inherited, or put there by number. */
	if (policy_fd_seal_is_doubtful(state, seen->count, seen->used,
				       seen->soft_limit) &&
	    (seen->count - seen->used) * SEAL_FEW <= seen->used)
		return true;
	if (levels_elapsed(seen->now_ns, state->seal_refused_ns) >= SEAL_FRESH_NS)
		state->seal_refusals = 0;
	state->seal_refused_ns = levels_stamp(seen->now_ns);
	return ++state->seal_refusals >= SEAL_REFUSALS;
}

/*
 * Sealed or full? Both may have more descriptors open than the soft limit: a
 * sandbox that lowered the limit under its count, and a process that is really
 * out of slots and holds a few numbers above the limit besides, such as a shell
 * that keeps its terminal at 255, was given `ulimit -n 64`, and then opened 64.
 * One look at the table can't tell them apart, but the order of events does:
 *
 * - At the first sight of a lower limit the sandbox has no slot left, since that
 *   is what it lowered the limit for. The shell has: it is seen at 4 of 64. From
 *   then on its limit stays as it is, so it is never taken for sealed however
 *   full it gets. On its way up the sensor reports it at the warning level, so
 *   that it is seen in time even if it fills within one interval.
 * - Who lowered it: a limit that an administrator (prlimit) put under a running
 *   process is trouble, not a wish. The sensor notes the calls of the process
 *   itself, and it is attached before the first snapshot, so between two sights
 *   own_limit is to be trusted even for processes older than the monitor.
 * - At the first sight of a process there is no order. If it is known not to
 *   have set its limit, it was born with it and is on the usual way to full.
 *   If it has set it and was watched all along, it did not climb, for then the
 *   sensor would have shown it at the warning level: sealed. If it is older
 *   than the monitor, nothing is known; a sandbox is by far the more frequent,
 *   and a wrong alert for each of them at every start is the greater evil.
 */
static void track_seal(struct policy_fd *state, const struct policy_observation *seen)
{
	bool over = seen->count > seen->soft_limit;
	bool full = seen->used >= seen->soft_limit;

	/* A record overtaken by a snapshot would make a limit that was lowered
	 * in between look lowered once more. */
	if (state->table_seen && seen->now_ns < state->table_ns)
		return;
	if (!state->table_seen) {
		state->sealed = over && (seen->own_limit || !seen->own_limit_known);
		/* What was there at the first look of all climbed unseen. */
		state->seal_seen =
			state->sealed && seen->own_limit_known && !seen->began;
	} else if (seen->soft_limit < state->last_soft_limit && seen->own_limit &&
		   (over || full)) {
		state->sealed = state->seal_seen = true;
	}
	if (seen->soft_limit > seen->count || asks_for_more(state, seen))
		state->sealed = false;
	state->table_seen = true;
	state->table_ns = seen->now_ns;
	state->last_soft_limit = seen->soft_limit;
}

static void open_incident(struct policy_fd *state, uint64_t now_ns)
{
	bool flap = state->recovered_ns &&
		    levels_elapsed(now_ns, state->recovered_ns) < FLAP_WINDOW_NS;

	state->flaps = flap ? state->flaps + 1 : 0;
	state->incident = true;
	state->opened_ns = now_ns;
}

static int close_incident(struct policy_fd *state, uint64_t now_ns,
			  enum policy_reason reason, struct policy_decision *out)
{
	struct policy_fd after = {
		.sealed = state->sealed,
		.seal_seen = state->seal_seen,
		.table_seen = state->table_seen,
		.table_ns = state->table_ns,
		.last_soft_limit = state->last_soft_limit,
		.recovered_ns = levels_stamp(now_ns),
		.flaps = state->flaps,
	};

	*state = after;
	*out = (struct policy_decision){.action = POLICY_FD_RECOVERED,
					.reason = reason};
	return 1;
}

/* How long a level must last to count. */
static uint64_t dwell_of(const struct policy_settings *set, bool soon)
{
	return soon && set->dwell_ns > POLICY_SOON_NS ? POLICY_SOON_NS : set->dwell_ns;
}

/* The highest level that has lasted. Programs that try out how many descriptors they can
 * have (PostgreSQL at its start), and children that close at once what they were forked
 * with, are above a level for some milliseconds. */
static enum policy_level lasting(struct policy_fd *state,
				 const struct policy_settings *set,
				 const struct policy_observation *seen,
				 enum policy_level reached)
{
	enum policy_level lasts = POLICY_LEVEL_OK;

	if (!set->dwell_ns)
		return reached;
	state->soon = seen->soon;
	/* A record that a snapshot has overtaken says nothing of now. */
	if (state->table_seen && seen->now_ns < state->table_ns)
		return reached < state->level ? reached : state->level;
	for (int level = POLICY_LEVEL_WARNING; level <= POLICY_LEVEL_CRITICAL;
	     level++) {
		if (level > (int)reached) {
			state->above_ns[level] = 0;
			continue;
		}
		if (!state->above_ns[level])
			state->above_ns[level] = levels_stamp(seen->now_ns);
		if (seen->began || level <= (int)state->level ||
		    levels_elapsed(seen->now_ns, state->above_ns[level]) >=
			    dwell_of(set, seen->soon))
			lasts = (enum policy_level)level;
	}
	return lasts;
}

uint64_t policy_fd_due_ns(const struct policy_fd *state,
			  const struct policy_settings *set)
{
	if (!set->dwell_ns || set->ignore || state->sealed)
		return 0;
	for (int level = (int)state->level + 1; level <= POLICY_LEVEL_CRITICAL; level++)
		if (state->above_ns[level])
			return state->above_ns[level] + dwell_of(set, state->soon);
	return 0;
}

/* What the levels are shares of. */
static uint64_t limit_of(const struct policy_observation *seen)
{
	return seen->wall && seen->wall < seen->soft_limit ? seen->wall
							   : seen->soft_limit;
}

static bool is_below(const struct policy_fd *state, const struct policy_settings *set,
		     const struct policy_observation *seen)
{
	if (seen->managed)
		return levels_elapsed(seen->now_ns, state->refused_ns) >=
		       REFUSED_FRESH_NS;
	return levels_below(set, POLICY_LEVEL_WARNING, seen->used, limit_of(seen));
}

static void note_told(struct policy_fd *state, const struct policy_observation *seen)
{
	if (seen->has_table && limit_of(seen) > state->told_limit)
		state->told_limit = limit_of(seen);
}

static bool is_raised(const struct policy_fd *state,
		      const struct policy_observation *seen)
{
	return seen->has_table && state->told_limit &&
	       limit_of(seen) > state->told_limit;
}

/* Under a limit that was raised so far that what filled the old one would not keep the
 * level, it was left, whether or not anyone looked before the table was full again. */
static void leave_by_limit(struct policy_fd *state, const struct policy_settings *set,
			   const struct policy_observation *seen)
{
	if (!is_raised(state, seen))
		return;
	state->level = levels_fall(set, state->level, POLICY_LEVEL_OK,
				   state->told_limit, limit_of(seen));
	levels_forget(state->alerted_ns, state->under_ns, state->level, true,
		      seen->now_ns);
}

static void track_level(struct policy_fd *state, const struct policy_settings *set,
			const struct policy_observation *seen)
{
	enum policy_level reached = POLICY_LEVEL_OK;

	/* one that was told when the table was not known */
	if (!state->told_limit && state->alerted_ns[POLICY_LEVEL_WARNING])
		note_told(state, seen);
	leave_by_limit(state, set, seen);
	if (seen->has_table && !seen->managed)
		reached = lasting(state, set, seen,
				  policy_level_of(set, seen->used, limit_of(seen)));
	if (seen->refusal == POLICY_REFUSAL_TABLE_FULL)
		reached = POLICY_LEVEL_EXHAUSTED;
	if (reached >= state->level)
		state->level = reached;
	else if (seen->settled && seen->has_table && seen->managed)
		state->level =
			is_below(state, set, seen) ? POLICY_LEVEL_OK : state->level;
	else if (seen->settled && seen->has_table)
		/* min_limit keeps a level from being reached, not from being
		 * held: a small table that refused a call is well only when it
		 * has room again. */
		state->level = levels_fall(set, state->level, reached, seen->used,
					   limit_of(seen));
	levels_forget(state->alerted_ns, state->under_ns, state->level,
		      is_raised(state, seen), seen->now_ns);
}

static void track_trouble(struct policy_fd *state, const struct policy_settings *set,
			  const struct policy_observation *seen)
{
	if (seen->refusal == POLICY_REFUSAL_TABLE_FULL)
		state->refused_ns = levels_stamp(seen->now_ns);
	if (!seen->has_table)
		return;
	if (seen->used > state->max_used)
		state->max_used = seen->used;
	if (state->level > POLICY_LEVEL_OK &&
	    !levels_below(set, POLICY_LEVEL_WARNING, seen->used, seen->soft_limit))
		state->trouble_soft_limit = seen->soft_limit;
}

static int say_level(struct policy_fd *state, const struct policy_settings *set,
		     const struct policy_observation *seen, struct policy_decision *out)
{
	static const enum policy_action actions[POLICY_LEVELS] = {
		[POLICY_LEVEL_WARNING] = POLICY_FD_WARNING,
		[POLICY_LEVEL_CRITICAL] = POLICY_FD_CRITICAL,
		[POLICY_LEVEL_EXHAUSTED] = POLICY_FD_EXHAUSTED,
	};
	enum policy_level level = state->level;
	bool before;

	if (level == POLICY_LEVEL_EXHAUSTED &&
	    seen->refusal != POLICY_REFUSAL_TABLE_FULL) {
		if (levels_elapsed(seen->now_ns, state->refused_ns) < REFUSED_FRESH_NS)
			return 0;
		level = POLICY_LEVEL_CRITICAL;
	}
	if (level == POLICY_LEVEL_OK)
		return 0;
	if (level < POLICY_LEVEL_EXHAUSTED && state->table_seen &&
	    state->last_soft_limit < set->min_limit)
		return 0;
	before = state->alerted_ns[level] != 0;
	if (!levels_alert_due(state->alerted_ns, level, set->repeat_ns, seen->now_ns) &&
	    !(state->again && before && seen->settled))
		return 0;
	state->again = false;
	note_told(state, seen);
	*out = (struct policy_decision){.action = actions[level],
					.repeats = before,
					.anew = !before && level <= state->told_level};
	if (level > state->told_level)
		state->told_level = level;
	return 1;
}

static void track_leak(struct policy_fd *state, const struct policy_settings *set,
		       const struct policy_observation *seen)
{
	if (!set->leak || (seen->has_table && seen->soft_limit < set->min_limit))
		state->leak = false;
	else if (seen->settled && seen->leak != POLICY_LEAK_UNKNOWN)
		state->leak = seen->leak == POLICY_LEAK_SUSPECTED;
}

/* At the critical level it is no news that the table will be full. */
static int say_leak(struct policy_fd *state, const struct policy_settings *set,
		    const struct policy_observation *seen, struct policy_decision *out)
{
	bool before = state->leak_alerted_ns != 0;

	if (!state->leak || state->level >= POLICY_LEVEL_CRITICAL)
		return 0;
	if (before &&
	    (state->level > POLICY_LEVEL_OK || !set->repeat_ns ||
	     levels_elapsed(seen->now_ns, state->leak_alerted_ns) < set->repeat_ns) &&
	    !(state->again && seen->settled))
		return 0;
	state->again = false;
	if (!before)
		state->leak_soft_limit = state->last_soft_limit;
	state->leak_alerted_ns = levels_stamp(seen->now_ns);
	*out = (struct policy_decision){.action = POLICY_FD_LEAK_SUSPECTED,
					.repeats = before};
	return 1;
}

static int say_other(struct policy_fd *state, const struct policy_settings *set,
		     const struct policy_observation *seen, struct policy_decision *out)
{
	uint32_t bit = 1u << (seen->other_limit % 32);

	if (seen->refusal != POLICY_REFUSAL_OTHER)
		return 0;
	state->other_ns = levels_stamp(seen->now_ns);
	if (set->repeat_ns &&
	    levels_elapsed(seen->now_ns, state->other_alerted_ns) >= set->repeat_ns)
		state->other_alerted = 0;
	if (state->other_alerted & bit)
		return 0;
	if (!state->other_alerted)
		state->other_alerted_ns = levels_stamp(seen->now_ns);
	*out = (struct policy_decision){.action = POLICY_OTHER_LIMIT,
					.limit = seen->other_limit,
					.repeats = state->other_ever & bit};
	state->other_alerted |= bit;
	state->other_ever |= bit;
	return 1;
}

/* How long a process must have been well before its incident is over. */
static uint64_t flap_stay_ns(uint32_t flaps)
{
	uint64_t stay = FLAP_FIRST_NS;

	if (flaps == 0)
		return 0;
	while (--flaps && stay < FLAP_MOST_NS)
		stay *= 2;
	return stay < FLAP_MOST_NS ? stay : FLAP_MOST_NS;
}

static bool is_over(struct policy_fd *state, const struct policy_settings *set,
		    const struct policy_observation *seen)
{
	/* An incident of other limits alone does not wait for the count: it may
	 * stay just under the warning level all its life. */
	bool by_count = state->told_limit || state->alerted_ns[POLICY_LEVEL_WARNING];

	if (by_count && !seen->has_table)
		return false;
	if (state->leak) {
		state->below_since_ns = 0;
		return false;
	}
	if (state->level > POLICY_LEVEL_OK ||
	    (by_count && !is_below(state, set, seen))) {
		state->below_since_ns = 0;
		return false;
	}
	if (!seen->settled)
		return false;
	if (!state->below_since_ns)
		state->below_since_ns = levels_stamp(seen->now_ns);
	if (state->other_ns &&
	    levels_elapsed(seen->now_ns, state->other_ns) < OTHER_FRESH_NS)
		return false;
	return levels_elapsed(seen->now_ns, state->below_since_ns) >=
	       flap_stay_ns(state->flaps);
}

static enum policy_reason reason_of(const struct policy_fd *state,
				    const struct policy_settings *set,
				    const struct policy_observation *seen)
{
	if (!seen->has_table)
		return POLICY_REASON_CLOSED;
	/* it is as high as before, and well */
	if (seen->managed && seen->soft_limit <= state->trouble_soft_limit)
		return POLICY_REASON_CLOSED;
	/* What leaks has as many as before, and more room. */
	if (state->leak_alerted_ns && !state->trouble_soft_limit &&
	    seen->soft_limit > state->leak_soft_limit &&
	    seen->used >= state->max_used / 2)
		return POLICY_REASON_LIMIT_RAISED;
	return levels_reason(set, seen->used, state->trouble_soft_limit);
}

bool policy_fd_rests(const struct policy_fd *state, uint64_t now_ns,
		     struct policy_rest *out)
{
	out->table_seen = state->table_seen;
	out->table_ns = state->table_ns;
	out->last_soft_limit = state->last_soft_limit;
	for (int level = 0; level < POLICY_LEVEL_EXHAUSTED; level++)
		if (state->above_ns[level])
			return false;
	return !state->incident && !state->sealed && state->level == POLICY_LEVEL_OK &&
	       !state->leak && !state->seal_refusals &&
	       (!state->recovered_ns ||
		levels_elapsed(now_ns, state->recovered_ns) >= FLAP_WINDOW_NS);
}

void policy_fd_rise(const struct policy_rest *rest, struct policy_fd *out)
{
	*out = (struct policy_fd){
		.table_seen = rest->table_seen,
		.table_ns = rest->table_ns,
		.last_soft_limit = rest->last_soft_limit,
	};
}

void policy_fd_tell_again(struct policy_fd *state)
{
	state->again = state->incident;
}

int policy_fd_observe(struct policy_fd *state, const struct policy_settings *set,
		      const struct policy_observation *seen,
		      struct policy_decision out[POLICY_MAX_DECISIONS])
{
	enum policy_reason reason;
	bool opens = false;
	int said = 0;

	if (seen->exited) {
		if (state->incident)
			said = close_incident(state, seen->now_ns, POLICY_REASON_EXITED,
					      out);
		memset(state, 0, sizeof(*state));
		return said;
	}
	if (seen->has_table)
		track_seal(state, seen);
	if (set->ignore || state->sealed) {
		if (!state->incident)
			return 0;
		return close_incident(state, seen->now_ns,
				      set->ignore ? POLICY_REASON_IGNORED
						  : POLICY_REASON_CLOSED,
				      out);
	}

	track_level(state, set, seen);
	track_leak(state, set, seen);
	if (!state->incident && (state->level > POLICY_LEVEL_OK || state->leak ||
				 seen->refusal == POLICY_REFUSAL_OTHER)) {
		open_incident(state, seen->now_ns);
		opens = true;
	}
	if (!state->incident)
		return 0;
	track_trouble(state, set, seen);
	said += say_level(state, set, seen, &out[said]);
	said += say_leak(state, set, seen, &out[said]);
	said += say_other(state, set, seen, &out[said]);
	if (opens)
		out[0].opens = true;
	if (!is_over(state, set, seen))
		return said;
	reason = reason_of(state, set, seen);
	return said + close_incident(state, seen->now_ns, reason, &out[said]);
}
