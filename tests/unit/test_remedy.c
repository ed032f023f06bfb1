/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/remedy.h"

#define SECOND_NS 1000000000ull
#define NOW_NS    (1000 * SECOND_NS)

static const struct remedy_settings quarter = {
	.raise_soft = true,
	.step_bp = 2500,
	.interval_ns = 60 * SECOND_NS,
};

static struct remedy_question question(void)
{
	struct remedy_question q = {
		.now_ns = NOW_NS,
		.critical = true,
		.explained = true,
		.soft_limit = 1024,
		.hard_limit = 4096,
		.nr_open = 1048576,
	};

	return q;
}

static enum remedy_verdict decide(const struct remedy_question *q,
				  const struct remedy_settings *set, uint64_t *soft)
{
	struct remedy_state state = {0};

	*soft = 0;
	return remedy_decide(&state, set, q, soft);
}

static void raises_by_a_step(void **state)
{
	static const struct {
		uint64_t soft, hard, nr_open;
		uint32_t step_bp;
		uint64_t wanted;
	} cases[] = {
		{1024, 4096, 1048576, 2500, 1280},
		{1024, 4096, 1048576, 10000, 2048},
		{1000, 1100, 1048576, 2500, 1100},    /* the hard limit */
		{1000, UINT64_MAX, 1100, 2500, 1100}, /* nr_open */
		{1000, UINT64_MAX, 0, 2500, 1250},    /* … which is not known */
		{3, 4096, 1048576, 1, 4},             /* at least by 1 */
		{101, 4096, 1048576, 100, 103},       /* no less than the step */
		{0, 4096, 1048576, 2500, 1},
		{UINT64_MAX - 2, UINT64_MAX, 0, 10000, UINT64_MAX},
		{1ull << 62, UINT64_MAX, 0, 10000, 1ull << 63},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct remedy_settings set = quarter;
		struct remedy_question q = question();
		uint64_t soft;

		set.step_bp = cases[i].step_bp;
		q.soft_limit = cases[i].soft;
		q.hard_limit = cases[i].hard;
		q.nr_open = cases[i].nr_open;
		assert_int_equal(decide(&q, &set, &soft), REMEDY_RAISE);
		assert_int_equal(soft, cases[i].wanted);
	}
}

static void not_wanted(void **state)
{
	const struct remedy_settings off = {.step_bp = 2500};
	struct remedy_question q = question();
	uint64_t soft;

	(void)state;
	assert_int_equal(decide(&q, &off, &soft), REMEDY_NOT_WANTED);
	q.critical = false;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_NOT_WANTED);
	q = question();
	q.soft_limit = UINT64_MAX;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_NOT_WANTED);
	assert_int_equal(soft, 0);
}

static void never_above_the_hard_limit(void **state)
{
	struct remedy_question q = question();
	uint64_t soft;

	(void)state;
	for (q.hard_limit = 0; q.hard_limit <= q.soft_limit; q.hard_limit += 128)
		assert_int_equal(decide(&q, &quarter, &soft), REMEDY_AT_HARD);
	q.hard_limit = 4096;
	q.nr_open = 1024;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_AT_HARD);
	assert_int_equal(soft, 0);
}

static void never_for_a_leak(void **state)
{
	struct remedy_settings leaks = quarter;
	struct remedy_question q = question();
	uint64_t soft;

	(void)state;
	leaks.leaks = true;
	q.leak = true;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_LEAK);
	assert_int_equal(decide(&q, &leaks, &soft), REMEDY_RAISE);
	q.explained = q.leak = false;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_UNEXPLAINED);
	assert_int_equal(decide(&q, &leaks, &soft), REMEDY_RAISE);
}

/* What computes its own wall at its start makes nothing of a limit that is raised. */
static void not_where_it_is_of_no_use(void **state)
{
	struct remedy_question q = question();
	uint64_t soft;

	(void)state;
	q.no_use = true;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_NO_USE);
	q.soft_limit = q.hard_limit;
	assert_int_equal(decide(&q, &quarter, &soft), REMEDY_AT_HARD);
}

static void at_most_so_often(void **state)
{
	struct remedy_question q = question();
	struct remedy_state raised = {.raised_ns = NOW_NS - 59 * SECOND_NS};
	uint64_t soft = 0;

	(void)state;
	assert_int_equal(remedy_decide(&raised, &quarter, &q, &soft), REMEDY_TOO_SOON);
	q.now_ns += SECOND_NS;
	assert_int_equal(remedy_decide(&raised, &quarter, &q, &soft), REMEDY_RAISE);
	/* a record that was overtaken */
	q.now_ns = NOW_NS - 100 * SECOND_NS;
	assert_int_equal(remedy_decide(&raised, &quarter, &q, &soft), REMEDY_TOO_SOON);
}

static void is_due(void **state)
{
	const struct remedy_settings off = {0};
	struct remedy_state s = {0};

	(void)state;
	assert_true(remedy_is_due(&s, &quarter, true, NOW_NS));
	assert_false(remedy_is_due(&s, &quarter, false, NOW_NS));
	assert_false(remedy_is_due(&s, &off, true, NOW_NS));
	s.asked_ns = NOW_NS - 59 * SECOND_NS;
	assert_false(remedy_is_due(&s, &quarter, true, NOW_NS));
	assert_true(remedy_is_due(&s, &quarter, true, NOW_NS + SECOND_NS));
	s.raised_ns = NOW_NS;
	assert_false(remedy_is_due(&s, &quarter, true, NOW_NS + SECOND_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raises_by_a_step),
		cmocka_unit_test(not_wanted),
		cmocka_unit_test(never_above_the_hard_limit),
		cmocka_unit_test(never_for_a_leak),
		cmocka_unit_test(not_where_it_is_of_no_use),
		cmocka_unit_test(at_most_so_often),
		cmocka_unit_test(is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
