/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes count as sealed, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/policy.h"

#define S 1000000000ull

static const struct policy_settings set = {
	.warn_bp = 8000,
	.critical_bp = 9500,
	.hysteresis_bp = 500,
	.repeat_ns = 900 * S,
	.min_limit = 16,
};

/* What is known of who set the limit. */
enum origin { OLDER, BORN_WITH, OWN };

enum kind { SNAP, NEAR, FULL };

struct step {
	enum kind kind;
	enum origin origin;
	uint64_t count, used, soft;
	bool sealed;
	const char *says; /* first decision's action; NULL: nothing */
};

#define STEPS 6
static const struct script {
	const char *name;
	struct step steps[STEPS];
} scripts[] = {
	{"sandbox, limit seen before and after",
	 {{SNAP, BORN_WITH, 30, 30, 1024, false, NULL},
	  {SNAP, OWN, 30, 20, 20, true, NULL},
	  {FULL, OWN, 30, 20, 20, true, NULL},
	  {SNAP, OWN, 30, 20, 20, true, NULL}}},
	{"sandbox that lowers to exactly what it has",
	 {{SNAP, BORN_WITH, 30, 30, 1024, false, NULL},
	  {SNAP, OWN, 30, 30, 30, true, NULL},
	  {FULL, OWN, 30, 30, 30, true, NULL}}},
	{"sandbox that allows itself nothing",
	 {{SNAP, BORN_WITH, 5, 5, 1024, false, NULL},
	  {SNAP, OWN, 5, 0, 0, true, NULL},
	  {FULL, OWN, 5, 0, 0, true, NULL}}},
	{"sandbox, first seen as one",
	 {{SNAP, OWN, 30, 20, 20, true, NULL}, {FULL, OWN, 30, 20, 20, true, NULL}}},
	{"full before the monitor came, with one inherited above",
	 {{SNAP, OLDER, 65, 64, 64, true, NULL},
	  {FULL, OLDER, 65, 64, 64, false, "fd-exhausted"}}},
	{"the same, when the monitor was there all along",
	 {{SNAP, OWN, 65, 64, 64, true, NULL}, {FULL, OWN, 65, 64, 64, true, NULL}}},
	{"sandbox older than the monitor",
	 {{SNAP, OLDER, 30, 20, 20, true, NULL},
	  {FULL, OLDER, 30, 20, 20, true, NULL}}},
	{"sandbox in trouble before",
	 {{SNAP, BORN_WITH, 90, 90, 100, false, "fd-warning"},
	  {NEAR, OWN, 90, 50, 50, true, "fd-recovered"},
	  {SNAP, OWN, 90, 50, 50, true, NULL}}},
	{"sandbox with an incident behind it",
	 {{SNAP, BORN_WITH, 90, 90, 100, false, "fd-warning"},
	  {SNAP, BORN_WITH, 30, 30, 100, false, "fd-recovered"},
	  {SNAP, OWN, 30, 20, 20, true, NULL}}},
	{"the limit is raised again: unsealed, and near it",
	 {{SNAP, OWN, 30, 20, 20, true, NULL},
	  {SNAP, OWN, 30, 30, 31, false, "fd-critical"}}},
	{"it closes what is above: unsealed",
	 {{SNAP, OWN, 30, 20, 20, true, NULL},
	  {SNAP, OWN, 20, 20, 20, true, NULL},
	  {SNAP, OWN, 10, 10, 20, false, NULL},
	  {FULL, OWN, 20, 20, 20, false, "fd-exhausted"}}},
	{"lowered from outside",
	 {{SNAP, BORN_WITH, 60, 60, 1024, false, NULL},
	  {SNAP, BORN_WITH, 60, 50, 50, false, "fd-critical"},
	  {FULL, BORN_WITH, 60, 50, 50, false, "fd-exhausted"},
	  {SNAP, BORN_WITH, 10, 10, 50, false, "fd-recovered"}}},
	{"lowered from outside, older than the monitor",
	 {{SNAP, OLDER, 60, 60, 1024, false, NULL},
	  {SNAP, OLDER, 60, 50, 50, false, "fd-critical"}}},
	{"cut to nothing from outside is not well",
	 {{SNAP, BORN_WITH, 90, 90, 100, false, "fd-warning"},
	  {SNAP, BORN_WITH, 90, 0, 0, false, NULL},
	  {FULL, BORN_WITH, 90, 0, 0, false, "fd-exhausted"},
	  {SNAP, BORN_WITH, 90, 90, 1024, false, "fd-recovered"}}},
	{"a shell with 255 open lowers to 64, and fills up",
	 {{SNAP, OWN, 4, 4, 1024, false, NULL},
	  {SNAP, OWN, 4, 3, 64, false, NULL},
	  {NEAR, OWN, 53, 52, 64, false, "fd-warning"},
	  {SNAP, OWN, 65, 64, 64, false, "fd-critical"},
	  {FULL, OWN, 65, 64, 64, false, "fd-exhausted"},
	  {SNAP, OWN, 10, 9, 64, false, "fd-recovered"}}},
	{"… within one interval: the sensor shows it on its way",
	 {{SNAP, OWN, 4, 4, 1024, false, NULL},
	  {NEAR, OWN, 53, 52, 64, false, "fd-warning"},
	  {FULL, OWN, 65, 64, 64, false, "fd-exhausted"}}},
	{"born with the limit and one number above it, seen when full",
	 {{FULL, BORN_WITH, 65, 64, 64, false, "fd-exhausted"}}},
	{"taken for a sandbox, and goes on asking",
	 {{SNAP, OLDER, 80, 64, 64, true, NULL},
	  {FULL, OLDER, 80, 64, 64, true, NULL},
	  {FULL, OLDER, 80, 64, 64, true, NULL},
	  {FULL, OLDER, 80, 64, 64, true, NULL},
	  {FULL, OLDER, 80, 64, 64, true, NULL},
	  {FULL, OLDER, 80, 64, 64, false, "fd-exhausted"}}},
	{"lowered, but with room left",
	 {{SNAP, OWN, 10, 10, 1024, false, NULL},
	  {SNAP, OWN, 10, 10, 20, false, NULL},
	  {FULL, OWN, 20, 20, 20, false, "fd-exhausted"}}},
};

static void run(const struct script *script)
{
	struct policy_fd state = {0};
	uint64_t now_ns = 1000 * S;

	for (const struct step *step = script->steps;
	     step < script->steps + STEPS && step->soft + step->count; step++) {
		struct policy_decision out[POLICY_MAX_DECISIONS];
		struct policy_observation seen = {
			.now_ns = now_ns,
			.has_table = true,
			.count = step->count,
			.used = step->used,
			.soft_limit = step->soft,
			.own_limit = step->origin == OWN,
			.own_limit_known = step->origin != OLDER,
			.refusal = step->kind == FULL ? POLICY_REFUSAL_TABLE_FULL
						      : POLICY_REFUSAL_NONE,
			.settled = step->kind == SNAP,
		};
		int n = policy_fd_observe(&state, &set, &seen, out);
		const char *says = n ? policy_action_name(out[0].action) : NULL;

		if (state.sealed != step->sealed || n > 1 || !says != !step->says ||
		    (says && strcmp(says, step->says) != 0))
			fail_msg("%s, step %td: sealed %d, says %s", script->name,
				 step - script->steps + 1, state.sealed,
				 says ? says : "nothing");
		now_ns += S;
	}
}

static void all_scripts(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		run(&scripts[i]);
}

/* A record from before the limit was lowered, read after the snapshot that saw
 * it lowered, must not make the next snapshot see it lowered once more. */
static void overtaken_record(void **unused)
{
	struct policy_fd state = {0};
	struct policy_decision out[POLICY_MAX_DECISIONS];
	struct policy_observation lowered = {.now_ns = 1002 * S,
					     .has_table = true,
					     .count = 10,
					     .used = 10,
					     .soft_limit = 64,
					     .own_limit = true,
					     .settled = true};
	struct policy_observation before = lowered, filled = lowered;

	(void)unused;
	before.now_ns = 1001 * S;
	before.soft_limit = 1024;
	before.settled = false;
	filled.now_ns = 1003 * S;
	filled.count = filled.used = 64;
	assert_int_equal(policy_fd_observe(&state, &set, &lowered, out), 0);
	assert_int_equal(policy_fd_observe(&state, &set, &before, out), 0);
	assert_int_equal(policy_fd_observe(&state, &set, &filled, out), 1);
	assert_false(state.sealed);
}

/* A sandbox that asks now and then stays one. */
static void asks_seldom(void **unused)
{
	struct policy_fd state = {0};
	struct policy_decision out[POLICY_MAX_DECISIONS];
	struct policy_observation seen = {.has_table = true,
					  .count = 30,
					  .used = 20,
					  .soft_limit = 20,
					  .own_limit = true,
					  .refusal = POLICY_REFUSAL_TABLE_FULL};

	(void)unused;
	for (int i = 0; i < 20; i++) {
		seen.now_ns = (1000 + 60 * (uint64_t)i) * S;
		assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 0);
		assert_true(state.sealed);
	}
}

/* What is said of one that nobody saw lower its limit. */
static void test_doubt(void **state)
{
	struct policy_observation seen = {.now_ns = 10 * S,
					  .has_table = true,
					  .count = 65,
					  .used = 64,
					  .soft_limit = 64,
					  .own_limit = true,
					  .settled = true};
	struct policy_decision out[POLICY_MAX_DECISIONS];
	struct policy_fd older = {0}, watched = {0}, begun = {0};

	(void)state;
	assert_int_equal(policy_fd_observe(&older, &set, &seen, out), 0);
	assert_true(policy_fd_seal_is_doubtful(&older, 65, 64, 64));
	assert_false(policy_fd_seal_is_doubtful(&older, 65, 60, 64));
	assert_false(policy_fd_seal_is_doubtful(&older, 128, 64, 64));
	assert_false(policy_fd_seal_is_doubtful(&older, 10, 8, 8));
	seen.own_limit_known = true;
	assert_int_equal(policy_fd_observe(&watched, &set, &seen, out), 0);
	assert_true(watched.sealed);
	assert_false(policy_fd_seal_is_doubtful(&watched, 65, 64, 64));
	/* Started between the sensor and the first look: its climb was not seen. */
	seen.began = true;
	assert_int_equal(policy_fd_observe(&begun, &set, &seen, out), 0);
	assert_true(policy_fd_seal_is_doubtful(&begun, 65, 64, 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_scripts),
		cmocka_unit_test(overtaken_record),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(asks_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
