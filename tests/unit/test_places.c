// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket's places: no user takes them all, and none keeps one for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/places.h"

static void test_shares(void **state)
{
	size_t taken = 0, got[8] = {0};

	(void)state;
	/* users who each want all of them */
	for (int user = 0; user < 8; user++) {
		for (int i = 0; i < 100; i++) {
			if (!places_admit(100, taken, got[user], false))
				continue;
			taken++;
			got[user]++;
		}
	}
	assert_int_equal(got[0], PLACES_OF_USER);
	assert_int_equal(taken, 100 - PLACES_FOR_ROOT);
	/* root still comes, up to the last one */
	while (places_admit(100, taken, 0, true))
		taken++;
	assert_int_equal(taken, 100);
}

static void test_requests(void **state)
{
	(void)state;
	assert_true(places_wait(PLACES_JOBS - 1, false));
	assert_false(places_wait(PLACES_JOBS, false));
	assert_true(places_wait(PLACES_JOBS, true));
}

static void test_replies(void **state)
{
	(void)state;
	assert_true(places_keep(1, PLACES_BYTES - 1, false));
	assert_false(places_keep(1, PLACES_BYTES, false));
	assert_true(places_keep(1, PLACES_BYTES, true));
	/* a host with very many processes: one at a time */
	assert_true(places_keep(0, 2 * PLACES_BYTES, false));
}

static void test_idle(void **state)
{
	(void)state;
	assert_false(places_idle(false, 5, 5 + PLACES_IDLE_NS));
	assert_true(places_idle(false, 5, 6 + PLACES_IDLE_NS));
	assert_false(places_idle(true, 5, 6 + PLACES_IDLE_NS));
	assert_false(places_idle(false, 6, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
