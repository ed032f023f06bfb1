/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long random lives of processes, and what must hold at every step of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "between.h"
#include "policy/policy.h"

#define MS 1000000ull
#define S  (1000 * MS)

/* xorshift64: the same walk each time. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t below(uint64_t *seed, uint64_t bound)
{
	return next_random(seed) % bound;
}

struct life {
	uint64_t seed;
	struct policy_settings set;
	struct policy_fd state;
	struct policy_observation now;
	/* what the alerts told so far */
	bool open;
	uint64_t said_ns[POLICY_ACTIONS]; /* in this incident; 0: not */
	enum policy_level highest;
	uint64_t said_limit;        /* the highest that a level was said under */
	bool raised[POLICY_LEVELS]; /* … and above that since the level was said */
	uint64_t held_ns[POLICY_LEVELS]; /* when it was last at this level or above */
	unsigned int again;              /* levels said anew, over all lives */
	/* how often, over all lives */
	unsigned int opened, recovered[POLICY_REASON_LAST + 1],
		by_action[POLICY_ACTIONS], sealed;
};

static void begin(struct life *life)
{
	static const uint64_t limits[] = {8, 64, 256, 1024, 20000, UINT64_MAX};

	memset(&life->state, 0, sizeof(life->state));
	life->now.exited = false;
	life->now.soft_limit = limits[below(&life->seed, 6)];
	life->now.count = below(&life->seed, 300);
	life->now.own_limit = below(&life->seed, 3) == 0;
	life->now.own_limit_known = below(&life->seed, 2) == 0;
	life->set = (struct policy_settings){
		.warn_bp = 6000 + (uint32_t)below(&life->seed, 3000),
		.critical_bp = 9000 + (uint32_t)below(&life->seed, 1000),
		.hysteresis_bp = (uint32_t)below(&life->seed, 1500),
		.repeat_ns = below(&life->seed, 4) ? 300 * S : 0,
		.min_limit = 16,
	};
}

static void walk(struct life *life)
{
	struct policy_observation *now = &life->now;
	uint64_t step = below(&life->seed, 40), dice = below(&life->seed, 1000);

	now->now_ns += 1 + below(&life->seed, 3 * S);
	if (dice < 450)
		now->count += step;
	else
		now->count -= step < now->count ? step : now->count;
	if (now->count > now->soft_limit && below(&life->seed, 10))
		now->count = now->soft_limit; /* mostly it stays under its limit */
	if (dice < 10) {
		now->soft_limit = now->count + below(&life->seed, now->count + 20);
	} else if (dice < 15) {
		now->soft_limit = below(&life->seed, now->count + 1);
		now->own_limit |= below(&life->seed, 2);
	} else if (dice < 20) {
		now->now_ns += 60 * S;
	}
	life->set.ignore = life->set.ignore ? dice % 8 != 0 : dice % 200 == 0;
	now->used = now->count < now->soft_limit ? now->count : now->soft_limit;
	now->has_table = dice % 50 != 1;
	now->settled = below(&life->seed, 3) > 0;
	now->refusal = POLICY_REFUSAL_NONE;
	if (now->used == now->soft_limit && below(&life->seed, 2))
		now->refusal = POLICY_REFUSAL_TABLE_FULL;
	else if (dice % 150 == 2)
		now->refusal = POLICY_REFUSAL_OTHER;
	now->other_limit = (unsigned int)below(&life->seed, 3);
	now->exited = dice % 300 == 3;
}

static enum policy_level level_said(enum policy_action action)
{
	switch (action) {
	case POLICY_FD_WARNING:
		return POLICY_LEVEL_WARNING;
	case POLICY_FD_CRITICAL:
		return POLICY_LEVEL_CRITICAL;
	case POLICY_FD_EXHAUSTED:
		return POLICY_LEVEL_EXHAUSTED;
	default:
		return POLICY_LEVEL_OK;
	}
}

/* A level that was said before in this incident, and not as said again. */
static void check_rise(struct life *life, enum policy_level level)
{
	assert_true(life->raised[level] ||
		    life->now.now_ns - life->held_ns[level] >= 60 * S);
	life->again++;
}

static void check_alert(struct life *life, const struct policy_decision *what)
{
	const struct policy_observation *now = &life->now;
	enum policy_level level = level_said(what->action);
	uint64_t last = life->said_ns[what->action];

	assert_false(now->exited);
	assert_false(life->set.ignore);
	assert_false(life->state.sealed);
	assert_int_equal(what->reason, POLICY_REASON_NONE);
	assert_int_equal(what->opens, !life->open);
	if (what->opens) {
		life->opened++;
		life->open = true;
		assert_false(what->repeats);
	}
	if (what->action == POLICY_FD_EXHAUSTED)
		assert_int_equal(now->refusal, POLICY_REFUSAL_TABLE_FULL);
	else if (what->action == POLICY_OTHER_LIMIT)
		assert_int_equal(now->refusal, POLICY_REFUSAL_OTHER);
	else if (now->has_table)
		assert_true(now->soft_limit >= life->set.min_limit);
	if (level) {
		/* upwards only, unless it says again what lasts, or what it left: under
		 * a higher limit, or for a minute */
		if (what->repeats)
			assert_true(level <= life->highest);
		assert_int_equal(what->anew, !what->repeats && level <= life->highest);
		if (what->anew)
			check_rise(life, level);
		if (what->repeats)
			assert_int_not_equal(life->set.repeat_ns, 0);
		if (last && what->repeats)
			assert_true(now->now_ns - last >= life->set.repeat_ns);
		if (level > life->highest)
			life->highest = level;
		if (now->has_table && now->soft_limit > life->said_limit)
			life->said_limit = now->soft_limit;
		for (int told = 0; told <= (int)level; told++)
			life->raised[told] = false;
	}
	life->said_ns[what->action] = now->now_ns;
}

static void check_recovery(struct life *life, const struct policy_decision *what)
{
	const struct policy_observation *now = &life->now;
	bool silenced = life->set.ignore || life->state.sealed;

	assert_true(life->open);
	assert_false(what->opens);
	assert_int_not_equal(what->reason, POLICY_REASON_NONE);
	assert_int_equal(what->reason == POLICY_REASON_EXITED, now->exited);
	if (!now->exited && !silenced) {
		assert_true(now->settled);
		assert_int_equal(now->refusal, POLICY_REFUSAL_NONE);
		if (life->said_ns[POLICY_OTHER_LIMIT])
			assert_true(now->now_ns - life->said_ns[POLICY_OTHER_LIMIT] >=
				    60 * S);
		if (life->highest && now->soft_limit != UINT64_MAX && now->used)
			assert_true(now->used * 10000 +
					    now->soft_limit * life->set.hysteresis_bp <
				    now->soft_limit * life->set.warn_bp);
	}
	life->recovered[what->reason]++;
	life->open = false;
	life->highest = POLICY_LEVEL_OK;
	life->said_limit = 0;
	memset(life->said_ns, 0, sizeof(life->said_ns));
}

static void check_step(struct life *life)
{
	struct policy_decision out[POLICY_MAX_DECISIONS];
	const struct policy_observation *now = &life->now;
	int n;

	/* said when the table was not known */
	if (life->highest && !life->said_limit && now->has_table)
		life->said_limit = now->soft_limit;
	if (life->said_limit && now->has_table && now->soft_limit > life->said_limit)
		for (int level = 0; level < POLICY_LEVELS; level++)
			life->raised[level] = true;
	n = policy_fd_observe(&life->state, &life->set, now, out);
	assert_between(n, 0, POLICY_MAX_DECISIONS);
	for (int i = 0; i < n; i++) {
		life->by_action[out[i].action]++;
		if (out[i].action == POLICY_FD_RECOVERED) {
			assert_int_equal(i, n - 1);
			check_recovery(life, &out[i]);
		} else {
			check_alert(life, &out[i]);
		}
	}
	for (int level = 0; level <= (int)life->state.level; level++)
		life->held_ns[level] = now->now_ns;
	assert_int_equal(life->state.incident, life->open);
	if (life->state.level > POLICY_LEVEL_OK)
		assert_true(life->open);
	life->sealed += life->state.sealed;
	if (now->exited || life->set.ignore || life->state.sealed) {
		assert_false(life->open);
		return;
	}
	/* nothing that must be said is left unsaid */
	if (now->refusal != POLICY_REFUSAL_NONE)
		assert_true(life->open);
	if (now->has_table)
		assert_true(life->state.level >=
			    policy_level_of(&life->set, now->used, now->soft_limit));
}

static void random_lives(void **unused)
{
	struct life life = {.seed = 0x9e3779b97f4a7c15, .now.now_ns = S};

	(void)unused;
	begin(&life);
	for (int i = 0; i < 1000000; i++) {
		walk(&life);
		check_step(&life);
		if (life.now.exited)
			begin(&life);
	}
	/* the walk goes everywhere */
	assert_true(life.opened > 1000);
	assert_true(life.sealed > 1000);
	for (int r = POLICY_REASON_CLOSED; r <= POLICY_REASON_LIMIT_RAISED; r++)
		assert_true(life.recovered[r] > 100);
	for (int a = POLICY_FD_WARNING; a <= POLICY_FD_RECOVERED; a++)
		assert_true(life.by_action[a] > 500);
	assert_true(life.by_action[POLICY_OTHER_LIMIT] > 500);
	assert_true(life.again > 100);
	assert_int_equal(life.opened, life.by_action[POLICY_FD_RECOVERED] + life.open);
}

/* Whatever came before: a process that is well for good is not in an incident
 * after two minutes. */
static void every_incident_ends(void **unused)
{
	struct life life = {.seed = 88172645463325252ull, .now.now_ns = S};

	(void)unused;
	for (int i = 0; i < 2000; i++) {
		begin(&life);
		life.now.count %= 100;
		for (int j = 0; j < 100; j++) {
			walk(&life);
			life.now.exited = false;
			check_step(&life);
		}
		for (int j = 0; j < 123; j++) {
			struct policy_observation *now = &life.now;

			now->now_ns += S;
			now->soft_limit = 1000;
			now->count = now->used = 10;
			now->refusal = POLICY_REFUSAL_NONE;
			now->settled = now->has_table = true;
			check_step(&life);
		}
		assert_false(life.open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lives),
		cmocka_unit_test(every_incident_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
