// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "output/incident_before.h"

#define S 1000000000ull

static struct incident_before before;
static struct incident_begin begin;

static int clear(void **state)
{
	(void)state;
	before = (struct incident_before){0};
	begin = (struct incident_begin){0};
	return 0;
}

/* Two hours, five looks a second: the last minute by seconds, the hour before by minutes, each
 * with the fewest; and what is older is not told. */
static void test_two_hours(void **state)
{
	uint64_t end = 5000 * S + 7200 * S;
	size_t seconds = 0, minutes = 0;

	(void)state;
	for (uint64_t at = 5000 * S; at < end; at += S / 5)
		incident_before_see(&before, at, at / S % 60 == 30 ? 7 : 100 + at / S);
	incident_before_put(&before, end, &begin);
	assert_true(begin.past_len <= INCIDENT_PAST_MAX);
	for (size_t i = 0; i < begin.past_len; i++) {
		const struct incident_past *past = &begin.past[i];

		assert_true(past->at_ns < end && past->at_ns + 3600 * S >= end);
		seconds += !past->for_ns;
		minutes += past->for_ns != 0;
		if (past->for_ns)
			assert_int_equal(past->used, 7);
		else
			assert_true(past->at_ns + 61 * S >= end);
	}
	assert_int_equal(seconds, INCIDENT_BEFORE_LEN);
	assert_true(minutes >= 58 && minutes <= INCIDENT_BEFORE_LEN);
}

static void test_little(void **state)
{
	(void)state;
	incident_before_put(&before, 9 * S, &begin);
	assert_int_equal(begin.past_len, 0);
	incident_before_see(&before, 8 * S, 3);
	/* this one begins the incident */
	incident_before_see(&before, 9 * S, 4);
	incident_before_put(&before, 9 * S, &begin);
	assert_int_equal(begin.past_len, 1);
	assert_int_equal(begin.past[0].used, 3);
	assert_int_equal(begin.past[0].for_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_hours, clear),
		cmocka_unit_test_setup(test_little, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
