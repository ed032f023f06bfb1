// SPDX-License-Identifier: GPL-2.0-or-later
/* How many incidents of one user's are told, and how many are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "between.h"
#include "policy/budget.h"
#include "policy/user_budget.h"

#define SECOND 1000000000ull

/* A user starts 400 processes that fail; another's one, and root's, are told. */
static void test_one_user(void **state)
{
	struct budget *budget = budget_new();
	struct budget_withheld withheld;
	uint64_t now = 100 * SECOND;
	int told = 0, roots = 0;

	(void)state;
	for (int i = 0; i < 400; i++, now += 1000000) {
		bool tell = budget_admit(budget, 1000, now);

		told += tell;
		if (!tell)
			for (int more = 0; more < 3; more++)
				budget_withhold(budget, 1000, now);
		roots += budget_admit(budget, 0, now);
	}
	assert_int_equal(told, BUDGET_BURST);
	assert_int_equal(roots, 400);
	assert_true(budget_admit(budget, 1001, now));
	/* what was withheld is said once, and exactly */
	assert_false(budget_due(budget, now, false, &withheld));
	assert_true(budget_due(budget, now + BUDGET_QUIET_NS, false, &withheld));
	assert_int_equal(withheld.uid, 1000);
	assert_int_equal(withheld.incidents, 400 - BUDGET_BURST);
	assert_int_equal(withheld.alerts, 4 * (400 - BUDGET_BURST));
	assert_true(withheld.since_ns < withheld.until_ns);
	assert_false(budget_due(budget, now + BUDGET_QUIET_NS, true, &withheld));
	budget_free(budget);
}

/* It comes back with time, and what goes on for long is said in between. */
static void test_time(void **state)
{
	struct budget *budget = budget_new();
	struct budget_withheld withheld;
	uint64_t now = SECOND, said = 0, told = 0, asked = 0;

	(void)state;
	for (int i = 0; i < 3000; i++, now += SECOND / 10) {
		told += budget_admit(budget, 7, now);
		asked++;
		while (budget_due(budget, now, false, &withheld))
			said += withheld.incidents;
	}
	assert_between(told, BUDGET_BURST + 149, BUDGET_BURST + 151);
	assert_true(said > 0);
	while (budget_due(budget, now, true, &withheld))
		said += withheld.incidents;
	assert_int_equal(said + told, asked);
	/* all of it, after a rest */
	now += 1000 * SECOND;
	for (told = 0; told < 1000 && budget_admit(budget, 7, now); told++)
		;
	assert_int_equal(told, BUDGET_BURST);
	budget_free(budget);
}

/* More users than there is room for have one together, and it is not taken from those who
 * are known. */
static void test_many_users(void **state)
{
	struct budget *budget = budget_new();
	uint64_t told = 0;

	(void)state;
	for (uid_t uid = 1; uid <= BUDGET_USERS; uid++)
		assert_true(budget_admit(budget, uid, SECOND));
	for (uid_t uid = 100000; uid < 101000; uid++)
		told += budget_admit(budget, uid, SECOND);
	assert_int_equal(told, BUDGET_BURST);
	assert_true(budget_admit(budget, 1, SECOND));
	budget_free(budget);
}

/* Time to read files: asked with and without wanting to know who took it. */
static void test_reading_is_over(void **state)
{
	struct user_budget budget = {.share_ns = 1000, .period_ns = 1000000};
	pid_t slowest = 0;

	(void)state;
	assert_false(user_budget_is_over(&budget, 1000, 1, NULL));
	user_budget_charge(&budget, 1000, 7, 600, 1);
	assert_false(user_budget_is_over(&budget, 1000, 1, &slowest));
	user_budget_charge(&budget, 1000, 8, 400, 1);
	assert_true(user_budget_is_over(&budget, 1000, 1, NULL));
	assert_true(user_budget_is_over(&budget, 1000, 1, &slowest));
	assert_int_equal(slowest, 7);
	assert_false(user_budget_is_over(&budget, 1001, 1, NULL));
	assert_false(user_budget_is_over(&budget, 1000, 1000001, NULL));
	/* root's are not counted */
	user_budget_charge(&budget, 0, 9, 5000, 1);
	assert_false(user_budget_is_over(&budget, 0, 1, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_user),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_reading_is_over),
		cmocka_unit_test(test_many_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
