// SPDX-License-Identifier: GPL-2.0-or-later
/* How often all processes are looked at, by what a look costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/pace.h"

#define MS     1000000ull
#define SECOND 1000000000ull

static uint64_t apart(uint64_t interval_ns, uint64_t cost_ns, bool busy)
{
	struct pace pace = {interval_ns, cost_ns, busy};

	return pace_ns(&pace);
}

/* Where a look costs little, the interval is the configured one, whatever is amiss. */
static void test_small_host(void **state)
{
	(void)state;
	assert_int_equal(apart(SECOND, 0, false), SECOND);
	assert_int_equal(apart(SECOND, 5 * MS, false), SECOND);
	assert_int_equal(apart(SECOND, 20 * MS, true), SECOND);
	/* set shorter, it is kept, too */
	assert_int_equal(apart(100 * MS, 5 * MS, false), 100 * MS);
	assert_int_equal(apart(100 * MS, 20 * MS, true), 100 * MS);
}

/* Half of a hundredth of a core at rest, two hundredths when something is amiss. */
static void test_large_host(void **state)
{
	(void)state;
	assert_int_equal(apart(SECOND, 15 * MS, false), 3 * SECOND);
	assert_int_equal(apart(SECOND, 15 * MS, true), SECOND);
	assert_int_equal(apart(SECOND, 60 * MS, true), 3 * SECOND);
	assert_int_equal(apart(100 * MS, 15 * MS, false), 3 * SECOND);
}

/* Nothing waits for longer, however large the host is. */
static void test_bound(void **state)
{
	(void)state;
	assert_int_equal(apart(SECOND, 25 * MS, false), PACE_MOST_NS);
	assert_int_equal(apart(SECOND, 26 * MS, false), PACE_MOST_NS);
	assert_int_equal(apart(SECOND, SECOND, true), PACE_MOST_NS);
	assert_int_equal(apart(SECOND, UINT64_MAX, true), PACE_MOST_NS);
	/* but by configuration */
	assert_int_equal(apart(60 * SECOND, SECOND, false), 60 * SECOND);
	assert_int_equal(apart(60 * SECOND, 0, true), 60 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_host),
		cmocka_unit_test(test_large_host),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
