/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/roster_keeper.h"
#include "state/user_names.h"

#define NOW_NS  1767323045678901000ull
#define BOOT_NS 1766000000000001000ull

static struct feed feed;

static void begin(uint64_t tick)
{
	assert_int_equal(feed_reserve(&feed, 16), 0);
	feed.tick = tick;
	feed.head = (struct roster){
		.realtime_ns = NOW_NS + tick * 1000000000u,
		.boot_realtime_ns = BOOT_NS + tick * 1000, /* as the clock is slewed */
	};
}

static struct feed_row *add(pid_t pid, uint64_t start_ns, uint64_t used, uint64_t files)
{
	struct feed_row *row = &feed.rows[feed.len++];

	memset(row, 0, sizeof(*row));
	row->row.who.pid = pid;
	row->row.who.start_ns = start_ns;
	row->row.fd.known = true;
	row->row.fd.count = row->row.fd.used = used;
	row->row.fd.soft_limit = 100;
	row->files = files;
	row->exec_id = 1;
	return row;
}

static const struct roster *update(struct roster_keeper *keeper)
{
	assert_int_equal(roster_keeper_update(keeper, &feed), 0);
	return roster_keeper_roster(keeper);
}

static void changes_are_seen(void **state)
{
	struct roster_keeper *keeper = roster_keeper_new();
	const struct roster *r = roster_keeper_roster(keeper);
	uint64_t first;

	(void)state;
	assert_int_equal(r->number, 0);
	assert_false(roster_keeper_knows(keeper, 0));
	begin(1);
	add(30, 5, 10, 0xa);
	add(20, 5, 10, 0xb);
	add(10, 5, 10, 0xa);
	r = update(keeper);
	first = r->number;
	assert_int_equal(first, (NOW_NS + 1000000000) / 1000000);
	assert_int_equal(r->rows[0].who.pid, 10);
	assert_int_equal(r->rows[0].fd.shared_with, 1);
	assert_int_equal(r->rows[1].fd.shared_with, 0);
	assert_int_equal(r->rows[2].fd.shared_with, 1);
	/* one grows, and a clock that is slewed is no change */
	begin(2);
	add(10, 5, 11, 0xa);
	add(20, 5, 10, 0xb);
	add(30, 5, 10, 0xa);
	r = update(keeper);
	assert_int_equal(r->number, first + 1);
	assert_int_equal(r->rows[0].changed, first + 1);
	assert_int_equal(r->rows[1].changed, first);
	assert_int_equal(r->rows[2].changed, first);
	assert_int_equal(r->boot_realtime_ns, BOOT_NS + 1000);
	/* one runs another program */
	begin(3);
	add(10, 5, 11, 0xa);
	add(20, 5, 10, 0xb)->exec_id = 2;
	add(30, 5, 10, 0xa);
	r = update(keeper);
	assert_int_equal(r->rows[1].changed, first + 2);
	assert_int_equal(r->rows[2].changed, first);
	/* the clock is set: every start is another */
	begin(4);
	feed.head.boot_realtime_ns += 3600000000000ull;
	add(10, 5, 11, 0xa);
	r = update(keeper);
	assert_int_equal(r->rows[0].changed, first + 3);
	roster_keeper_free(keeper);
}

static void gone_are_known(void **state)
{
	struct roster_keeper *keeper = roster_keeper_new();
	struct roster_key *gone;
	uint64_t first;
	size_t len;

	(void)state;
	begin(1);
	add(10, 5, 1, 1);
	add(20, 5, 1, 2);
	add(30, 5, 1, 3);
	first = update(keeper)->number;
	/* one exits, another's pid is used again */
	begin(2);
	add(10, 9, 1, 1);
	add(20, 5, 1, 2);
	update(keeper);
	begin(3);
	update(keeper);
	assert_int_equal(roster_keeper_gone(keeper, first, &gone, &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(gone[0].pid, 10);
	assert_int_equal(gone[0].start_ns, 5);
	assert_int_equal(gone[1].pid, 30);
	free(gone);
	assert_int_equal(roster_keeper_gone(keeper, first + 1, &gone, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(gone[0].start_ns, 9);
	free(gone);
	assert_int_equal(roster_keeper_gone(keeper, first + 2, &gone, &len), 0);
	assert_int_equal(len, 0);
	free(gone);
	assert_true(roster_keeper_knows(keeper, first));
	assert_false(roster_keeper_knows(keeper, first - 1));
	assert_false(roster_keeper_knows(keeper, first + 3));
	roster_keeper_free(keeper);
}

/* More than are kept: what is too old is not known any more, and nothing is wrong. */
static void old_ones_are_forgotten(void **state)
{
	struct roster_keeper *keeper = roster_keeper_new();
	uint64_t first = 0;
	struct roster_key *gone;
	size_t len;

	(void)state;
	for (unsigned i = 1; i < 2000; i++) {
		begin(i);
		for (int n = 0; n < 16; n++)
			add(n + 1, i, 1, 1);
		update(keeper);
		if (i == 1)
			first = roster_keeper_roster(keeper)->number;
	}
	assert_false(roster_keeper_knows(keeper, first));
	assert_true(roster_keeper_knows(keeper, first + 1900));
	assert_int_equal(roster_keeper_gone(keeper, first + 1900, &gone, &len), 0);
	assert_int_equal(len, 98 * 16);
	free(gone);
	roster_keeper_free(keeper);
}

static void text_is_made_when_it_has_changed(void **state)
{
	struct roster_keeper *keeper = roster_keeper_new();
	const char *before, *after;
	size_t len;

	(void)state;
	begin(1);
	add(10, 5, 1, 1);
	add(20, 5, 1, 2);
	update(keeper);
	before = roster_keeper_text(keeper, 0, &len);
	assert_int_equal(len, strlen(before));
	assert_non_null(strstr(before, "\"used\":1,"));
	begin(2);
	add(10, 5, 1, 1);
	add(20, 5, 2, 2);
	update(keeper);
	after = roster_keeper_text(keeper, 0, &len);
	assert_ptr_equal(before, after);
	after = roster_keeper_text(keeper, 1, &len);
	assert_non_null(strstr(after, "\"used\":2,"));
	roster_keeper_free(keeper);
}

static int tear_down(void **state)
{
	(void)state;
	feed_clear(&feed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(gone_are_known),
		cmocka_unit_test(old_ones_are_forgotten),
		cmocka_unit_test(text_is_made_when_it_has_changed),
	};

	user_names_set_file("/dev/null");
	identity_set_proc_root("/nonexistent");
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
