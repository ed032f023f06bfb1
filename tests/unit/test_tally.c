/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in a summary, and what all of them were refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fdwarden/wire.h"
#include "policy/tally.h"

static uint64_t sum_of(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tally->calls_len; i++)
		sum += tally->calls[i].count;
	return sum;
}

static void add(struct tally *tally, int32_t pid, const struct tally_call *calls,
		size_t len, bool alone)
{
	struct tally_figures figures = {.pid = pid, .calls = calls, .calls_len = len};

	tally_add(tally, &figures, alone);
}

/* By call and by error. */
static void calls_are_told_apart(void **state)
{
	static const struct tally_call calls[] = {
		{2, EMFILE, 3}, {2, ENFILE, 4}, {5, EMFILE, 0}};
	struct tally tally = {0};

	(void)state;
	add(&tally, 1, calls, 3, false);
	add(&tally, 2, calls, 3, false);
	assert_int_equal(tally.calls_len, 2);
	assert_int_equal(tally.calls[0].count, 6);
	assert_int_equal(tally.calls[1].count, 8);
	assert_int_equal(tally.calls[1].error, ENFILE);
	tally_clear(&tally);
}

static void more_calls_than_room(void **state)
{
	/* with what must not be written to behind it */
	struct tally tally = {0}, more = {0};

	(void)state;
	for (uint32_t i = 0; i < TALLY_CALLS + 30; i++) {
		struct tally_call call = {i, EMFILE, 1 + i};

		add(&tally, 1, &call, 1, false);
		assert_int_equal(tally.processes, i + 1);
	}
	assert_int_equal(tally.calls_len, TALLY_CALLS);
	assert_int_equal(tally.calls[TALLY_CALLS - 1].call, FDW_CALL_ELSE);
	assert_int_equal(sum_of(&tally), (TALLY_CALLS + 30) * (TALLY_CALLS + 31) / 2);
	tally_merge(&more, &tally);
	tally_merge(&more, &tally);
	assert_int_equal(sum_of(&more), 2 * sum_of(&tally));
	assert_int_equal(more.processes, 2 * (TALLY_CALLS + 30));
	assert_int_equal(more.members_len, TALLY_MEMBERS);
	tally_clear(&tally);
	tally_clear(&more);
}

/* Their refusals are those of their own alerts. */
static void those_alone_are_not_summed(void **state)
{
	static const struct tally_call call = {2, EMFILE, 7};
	struct tally tally = {0}, other = {0};

	(void)state;
	add(&tally, 1, &call, 1, true);
	add(&tally, 2, &call, 1, false);
	tally_merge(&other, &tally);
	assert_int_equal(sum_of(&other), 7);
	assert_int_equal(other.alone, 1);
	assert_true(other.members[0].alone);
	assert_false(other.members[1].alone);
	assert_int_equal(other.members[0].refused, 7);
	tally_clear(&tally);
	tally_clear(&other);
	assert_int_equal(other.members_len, 0);
}

static void command_lines_are_cut(void **state)
{
	char text[2 * TALLY_COMMAND_MAX];
	struct tally tally = {0};
	struct tally_figures figures = {.pid = 1, .command_line = text};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	tally_add(&tally, &figures, false);
	assert_int_equal(strlen(tally.members[0].command_line), TALLY_COMMAND_MAX);
	tally_clear(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_told_apart),
		cmocka_unit_test(more_calls_than_room),
		cmocka_unit_test(those_alone_are_not_summed),
		cmocka_unit_test(command_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
