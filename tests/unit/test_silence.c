/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why nothing is told: each reason as the policy gives it, and none where it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "policy/silence.h"

#define S 1000000000ull

static const struct policy_settings usual = {
	.warn_bp = 8000,
	.critical_bp = 9500,
	.hysteresis_bp = 500,
	.dwell_ns = S / 4,
	.repeat_ns = 900 * S,
	.min_limit = 16,
};

static struct policy_observation seen_at(uint64_t now_ns, uint64_t used, uint64_t limit)
{
	return (struct policy_observation){
		.now_ns = now_ns,
		.has_table = true,
		.count = used,
		.used = used,
		.soft_limit = limit,
		.own_limit_known = true,
		.settled = true,
	};
}

/* What comes of it after the policy has seen it; -1: that tells something. */
static int after(struct policy_fd *state, const struct policy_settings *set,
		 const struct policy_observation *seen)
{
	struct policy_decision out[POLICY_MAX_DECISIONS];

	if (policy_fd_observe(state, set, seen, out))
		return -1;
	return (int)silence_of(state, set, seen);
}

static void test_a_level_that_lasts(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 50, 64);

	(void)state;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_NONE);
	seen = seen_at(11 * S, 52, 64);
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_DWELLS);
	seen.now_ns += S / 2;
	assert_int_equal(after(&fd, &usual, &seen), -1);
	seen.now_ns += S;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_TOLD);
	/* a worse one has to last, too */
	seen = seen_at(13 * S, 62, 64);
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_DWELLS);
	seen.now_ns += S / 2;
	assert_int_equal(after(&fd, &usual, &seen), -1);
	seen = seen_at(14 * S, 10, 64);
	assert_int_equal(after(&fd, &usual, &seen), -1);
	seen.now_ns += S;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_NONE);
}

static void test_ignored(void **state)
{
	struct policy_fd fd = {0};
	struct policy_settings set = usual;
	struct policy_observation seen = seen_at(10 * S, 64, 64);

	(void)state;
	set.ignore = true;
	assert_int_equal(after(&fd, &set, &seen), SILENCE_IGNORED);
	seen.refusal = POLICY_REFUSAL_TABLE_FULL;
	assert_int_equal(after(&fd, &set, &seen), SILENCE_IGNORED);
	/* also where the table is not known */
	seen.has_table = false;
	assert_int_equal(after(&fd, &set, &seen), SILENCE_IGNORED);
	seen = seen_at(11 * S, 3, 64);
	assert_int_equal(after(&fd, &set, &seen), SILENCE_NONE);
}

static void test_sealed(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 4, 4);

	(void)state;
	seen.count = 9;
	seen.own_limit = true;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_SEALED);
}

static void test_small_limits(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 8, 8);

	(void)state;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_SMALL);
	seen.refusal = POLICY_REFUSAL_TABLE_FULL;
	seen.now_ns += S;
	assert_int_equal(after(&fd, &usual, &seen), -1);
}

static void test_managed(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 1000, 1024);

	(void)state;
	seen.managed = true;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_MANAGED);
}

/* The levels are shares of what it will really hold. */
static void test_wall(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 330, 1024);

	(void)state;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_NONE);
	seen.wall = 341;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_DWELLS);
}

static void test_what_has_ended(void **state)
{
	struct policy_fd fd = {0};
	struct policy_observation seen = seen_at(10 * S, 64, 64);

	(void)state;
	seen.exited = true;
	assert_int_equal(after(&fd, &usual, &seen), SILENCE_NONE);
}

static void test_texts(void **state)
{
	(void)state;
	assert_null(silence_text(SILENCE_NONE));
	for (int i = SILENCE_NONE + 1; i < SILENCES; i++)
		assert_non_null(silence_text((enum silence)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_level_that_lasts),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_small_limits),
		cmocka_unit_test(test_managed),
		cmocka_unit_test(test_wall),
		cmocka_unit_test(test_what_has_ended),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
