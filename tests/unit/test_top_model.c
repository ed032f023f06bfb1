/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The view's model: rates, order, filter, groups, selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "imitated_roster.h"
#include "top/model.h"

static bool user_name(uid_t uid, char *name, size_t size)
{
	if (uid != 33)
		return false;
	snprintf(name, size, "www-data");
	return true;
}

static struct model *new_model(const struct roster *roster)
{
	struct model *m = model_new(user_name);

	assert_non_null(m);
	assert_int_equal(model_update(m, roster), 0);
	return m;
}

/* "3 1 2": pids of processes, names of groups, in the order of lines. */
static void assert_lines(const struct model *m, const char *expected)
{
	char text[1024] = "", one[64];
	size_t len;
	const struct line *lines = model_lines(m, &len);

	for (size_t i = 0; i < len; i++) {
		const struct item *item = lines[i].item;

		if (item->group)
			snprintf(one, sizeof(one), "%s%s", i ? " " : "", item->name);
		else
			snprintf(one, sizeof(one), "%s%d", i ? " " : "",
				 (int)item->who->pid);
		strncat(text, one, sizeof(text) - strlen(text) - 1);
	}
	assert_string_equal(text, expected);
}

static int selected_pid(const struct model *m)
{
	size_t len;
	const struct line *lines = model_lines(m, &len);

	return len ? lines[model_selected(m)].item->who->pid : 0;
}

/* ---- figures ---- */

static void test_rates_come_from_two_rosters(void **state)
{
	struct roster a = new_roster(), b;
	struct roster_row *row = add_row(&a, 10, "web", 100, 1000);
	const struct item *item;
	struct model *m;

	(void)state;
	row->fd.opened = 1000;
	row->fd.closed = 900;
	m = new_model(&a);
	item = model_find(m, 10, 10 * S);
	assert_non_null(item);
	assert_false(item->rates_known);
	assert_false(model_totals(m)->rates_known);
	b = next_roster(&a, 2);
	b.rows[0].fd.opened = 1050;
	b.rows[0].fd.closed = 910;
	b.rows[0].refused = 6;
	b.refused = 8;
	assert_int_equal(model_update(m, &b), 0);
	item = model_find(m, 10, 10 * S);
	assert_true(item->rates_known);
	assert_float_equal(item->opened_per_s, 25, 1e-9);
	assert_float_equal(item->closed_per_s, 5, 1e-9);
	assert_float_equal(item->refused_per_s, 3, 1e-9);
	assert_float_equal(model_totals(m)->refused_per_s, 4, 1e-9);
	assert_float_equal(model_totals(m)->opened_per_s, 25, 1e-9);
	model_free(m);
	roster_clear(&a);
	roster_clear(&b);
}

static void test_the_same_roster_again_changes_nothing(void **state)
{
	struct roster a = new_roster(), b, again;
	struct model *m;

	(void)state;
	add_row(&a, 10, "web", 100, 1000);
	m = new_model(&a);
	b = next_roster(&a, 1);
	b.rows[0].fd.opened = 7;
	model_update(m, &b);
	again = next_roster(&b, 0);
	again.number = b.number;
	model_update(m, &again);
	assert_true(model_find(m, 10, 10 * S)->rates_known);
	assert_float_equal(model_find(m, 10, 10 * S)->opened_per_s, 7, 1e-9);
	model_free(m);
	roster_clear(&a);
	roster_clear(&b);
	roster_clear(&again);
}

static void test_another_program_has_no_rates(void **state)
{
	struct roster a = new_roster(), b;
	struct model *m;

	(void)state;
	add_row(&a, 10, "web", 100, 1000)->fd.opened = 500;
	m = new_model(&a);
	b = next_roster(&a, 1);
	b.rows[0].fd.opened = 3; /* by exec, or of another monitor */
	model_update(m, &b);
	assert_false(model_find(m, 10, 10 * S)->rates_known);
	model_free(m);
	roster_clear(&a);
	roster_clear(&b);
}

static void test_a_restarted_daemon_begins_anew(void **state)
{
	struct roster a = new_roster(), b;
	struct model *m;

	(void)state;
	a.number = 100;
	a.refused = 5;
	add_row(&a, 10, "web", 100, 1000)->fd.opened = 500;
	m = new_model(&a);
	b = next_roster(&a, 5);
	b.number = 1;
	b.refused = 0;
	b.rows[0].fd.opened = 900;
	model_update(m, &b);
	assert_false(model_find(m, 10, 10 * S)->rates_known);
	assert_float_equal(model_totals(m)->refused_per_s, 0, 1e-9);
	model_free(m);
	roster_clear(&a);
	roster_clear(&b);
}

static void test_a_reused_pid_is_another_process(void **state)
{
	struct roster a = new_roster(), b;
	struct model *m;

	(void)state;
	add_row(&a, 10, "old", 100, 1000);
	m = new_model(&a);
	b = next_roster(&a, 1);
	b.rows[0].who.start_ns = 999 * S;
	b.rows[0].fd.used = 5;
	model_update(m, &b);
	assert_null(model_find(m, 10, 10 * S));
	assert_non_null(model_find(m, 10, 999 * S));
	assert_false(model_find(m, 10, 999 * S)->rates_known);
	assert_int_equal(model_find(m, 10, 999 * S)->history->len, 1);
	model_free(m);
	roster_clear(&a);
	roster_clear(&b);
}

static void test_users_are_names_but_in_containers(void **state)
{
	struct roster a = new_roster();
	struct model *m;

	(void)state;
	add_row(&a, 1, "a", 1, 10)->who.uid = 33;
	add_row(&a, 2, "b", 1, 10)->who.uid = 1234;
	a.rows[1].who.container_id = NULL;
	add_row(&a, 3, "c", 1, 10)->who.uid = 33;
	a.rows[2].who.container_id = strdup("0123456789ab");
	m = new_model(&a);
	assert_string_equal(model_find(m, 1, 1 * S)->user, "www-data");
	assert_string_equal(model_find(m, 2, 2 * S)->user, "1234");
	assert_string_equal(model_find(m, 3, 3 * S)->user, "33");
	model_free(m);
	roster_clear(&a);
}

/* ---- order ---- */

static struct roster some(void)
{
	struct roster r = new_roster();

	add_row(&r, 1, "init", 40, 1000);
	add_row(&r, 20, "nginx", 900, 1000)->level = POLICY_LEVEL_WARNING;
	set_service(&r.rows[1], "nginx.service");
	add_row(&r, 21, "nginx", 300, 1000);
	set_service(&r.rows[2], "nginx.service");
	add_row(&r, 30, "Java", 700, 1000);
	set_service(&r.rows[3], "app.service");
	r.rows[3].who.command_line = strdup("/usr/bin/java -jar shop.jar");
	add_row(&r, 40, "chrome", 12, 10)->fd.sealed = true;
	add_row(&r, 50, "odd", 0, 0)->fd.known = false;
	return r;
}

static void test_fullest_first(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);

	(void)state;
	/* who chose to be full is after the others, who is not known is the last */
	assert_lines(m, "20 30 21 1 40 50");
	model_sort(m, COLUMN_USAGE, false);
	assert_lines(m, "1 21 30 20 40 50");
	model_sort(m, COLUMN_PID, false);
	assert_lines(m, "1 20 21 30 40 50");
	model_sort(m, COLUMN_NAME, false);
	assert_lines(m, "30 40 1 20 21 50");
	model_sort(m, COLUMN_SERVICE, false);
	assert_lines(m, "30 20 21 1 40 50");
	model_free(m);
	roster_clear(&r);
}

static void test_sorted_by_each_column(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);
	size_t len;

	(void)state;
	for (int c = 0; c < COLUMNS_LEN; c++) {
		if (!column_info(c)->value)
			continue;
		model_sort(m, c, true);
		model_lines(m, &len);
		assert_int_equal(len, 6);
		model_sort(m, c, false);
		model_lines(m, &len);
		assert_int_equal(len, 6);
	}
	model_free(m);
	roster_clear(&r);
}

/* ---- filter ---- */

static void test_filter(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);

	(void)state;
	model_filter(m, "NGINX");
	assert_lines(m, "20 21");
	assert_int_equal(model_matching(m), 2);
	/* all words, wherever they are */
	model_filter(m, "java shop");
	assert_lines(m, "30");
	model_filter(m, "java nginx");
	assert_lines(m, "");
	assert_int_equal(model_selected(m), 0);
	model_filter(m, "   ");
	assert_lines(m, "20 30 21 1 40 50");
	model_filter(m, "21");
	assert_lines(m, "21");
	/* the view's own command line has these words, and sudo's, which began it */
	r.rows[0].who.command_line = strdup("fdwarden top webshop");
	model_filter(m, "webshop");
	assert_lines(m, "1");
	model_set_viewer(m, 1);
	model_filter(m, "webshop");
	assert_lines(m, "");
	/* totals are of all */
	assert_int_equal(model_totals(m)->processes, 6);
	/* a user alone, not who is called so */
	model_filter(m, "user:no-such-user");
	assert_int_equal(model_matching(m), 0);
	model_filter(m, NULL);
	assert_string_equal(model_filter_text(m), "");
	model_free(m);
	roster_clear(&r);
}

/* ---- groups ---- */

static void test_groups_have_sum_and_worst(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);
	const struct item *group;
	size_t len;

	(void)state;
	model_group(m, TREE_SERVICE);
	assert_lines(m, "nginx.service 20 21 app.service 30 (no service) 1 40 50");
	group = model_lines(m, &len)[0].item;
	assert_int_equal(group->members, 2);
	assert_int_equal(group->used, 1200);
	assert_int_equal(group->who->pid, 20);
	assert_int_equal(group->level, POLICY_LEVEL_WARNING);
	assert_int_equal(item_permille(group), 900);
	/* it is worse off by its level, whatever its share */
	r.rows[2].level = POLICY_LEVEL_EXHAUSTED;
	model_update(m, &r);
	model_sort(m, COLUMN_NAME, true);
	assert_lines(m, "nginx.service 20 21 app.service 30 (no service) 50 1 40");
	assert_int_equal(model_lines(m, &len)[0].item->who->pid, 21);
	model_sort(m, COLUMN_USAGE, true);
	model_group(m, TREE_CONTAINER);
	assert_lines(m, "(host) 20 30 21 1 40 50");
	model_group(m, TREE_NONE);
	assert_lines(m, "20 30 21 1 40 50");
	model_free(m);
	roster_clear(&r);
}

/* Of a group in which one is full no time is told that another has left. */
static void test_groups_tell_of_a_full_one(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);
	char cell[COLUMN_CELL_LEN];
	struct column_value value;
	const struct item *group;
	size_t len;

	(void)state;
	r.rows[1].fd.exhaustion_known = true;
	r.rows[1].fd.exhausted_in_s = 30;
	model_update(m, &r);
	model_group(m, TREE_SERVICE);
	group = model_lines(m, &len)[0].item;
	assert_string_equal(column_info(COLUMN_FULL)->text(group, cell), "30s");
	assert_false(item_is_full(group));
	r.rows[2].fd.used = r.rows[2].fd.soft_limit;
	model_update(m, &r);
	group = model_lines(m, &len)[0].item;
	assert_string_equal(column_info(COLUMN_FULL)->text(group, cell), "full");
	column_info(COLUMN_FULL)->value(group, &value);
	assert_true(value.number < 0);
	r.rows[2].fd.sealed = true;
	model_update(m, &r);
	group = model_lines(m, &len)[0].item;
	assert_string_equal(column_info(COLUMN_FULL)->text(group, cell), "30s");
	model_free(m);
	roster_clear(&r);
}

static void test_folded_groups_stay_folded(void **state)
{
	struct roster r = some(), next;
	struct model *m = new_model(&r);

	(void)state;
	model_group(m, TREE_SERVICE);
	model_select(m, 2); /* a member of the first one */
	assert_true(model_fold(m));
	assert_lines(m, "nginx.service app.service 30 (no service) 1 40 50");
	assert_int_equal(model_selected(m), 0);
	next = next_roster(&r, 1);
	model_update(m, &next);
	assert_lines(m, "nginx.service app.service 30 (no service) 1 40 50");
	assert_true(model_fold(m));
	assert_lines(m, "nginx.service 20 21 app.service 30 (no service) 1 40 50");
	model_group(m, TREE_NONE);
	assert_false(model_fold(m));
	model_free(m);
	roster_clear(&r);
	roster_clear(&next);
}

/* ---- by parents ---- */

/* Pids and how deep they are: "1 20.1 21.2". */
static void assert_tree(const struct model *m, const char *expected)
{
	char text[1024] = "", one[64];
	size_t len;
	const struct line *lines = model_lines(m, &len);

	for (size_t i = 0; i < len; i++) {
		snprintf(one, sizeof(one), "%s%d", i ? " " : "",
			 (int)lines[i].item->who->pid);
		if (lines[i].depth)
			snprintf(one + strlen(one), sizeof(one) - strlen(one), ".%u",
				 lines[i].depth);
		strncat(text, one, sizeof(text) - strlen(text) - 1);
	}
	assert_string_equal(text, expected);
}

static void test_tree_by_parents(void **state)
{
	struct roster r = new_roster();
	struct model *m;

	(void)state;
	add_row(&r, 1, "init", 10, 1000);
	add_row(&r, 20, "web", 20, 1000)->who.ppid = 1;
	add_row(&r, 21, "worker", 900, 1000)->who.ppid = 20;
	add_row(&r, 30, "shell", 300, 1000)->who.ppid = 1;
	add_row(&r, 31, "cat", 5, 1000)->who.ppid = 30;
	add_row(&r, 40, "orphan", 1, 1000)->who.ppid = 39;
	m = new_model(&r);
	model_group(m, TREE_PARENTS);
	/* the fullest is on the first way down */
	assert_tree(m, "1 20.1 21.2 30.1 31.2 40");
	assert_false(model_fold(m));
	model_sort(m, COLUMN_PID, true);
	assert_tree(m, "40 1 30.1 31.2 20.1 21.2");
	/* whose parent is not shown is at the top */
	model_sort(m, COLUMN_USAGE, true);
	model_filter(m, "wor");
	assert_tree(m, "21");
	model_filter(m, NULL);
	model_free(m);
	/* a parent that began later is another process; and there is no circle */
	r.rows[0].who.ppid = 31;
	r.rows[3].who.ppid = 31;
	r.rows[4].who.ppid = 30;
	r.rows[5].who.ppid = 40;
	r.rows[1].who.start_ns = 25 * S;
	m = new_model(&r);
	model_group(m, TREE_PARENTS);
	assert_tree(m, "21 30 31.1 1 20.1 40");
	model_free(m);
	roster_clear(&r);
}

/* As deep as a fork bomb makes it. */
static void test_deep_tree(void **state)
{
	struct roster r = new_roster();
	struct model *m;
	size_t len;

	(void)state;
	for (pid_t pid = 1; pid <= 20000; pid++)
		add_row(&r, pid, "bomb", 3, 64)->who.ppid = pid - 1;
	m = new_model(&r);
	model_group(m, TREE_PARENTS);
	assert_int_equal(model_lines(m, &len)[19999].depth, 19999);
	assert_int_equal(len, 20000);
	model_free(m);
	roster_clear(&r);
}

/* ---- selection ---- */

static void test_the_first_line_can_be_followed(void **state)
{
	struct roster r = some(), next;
	struct model *m = new_model(&r);

	(void)state;
	assert_int_equal(selected_pid(m), 20);
	next = next_roster(&r, 1);
	next.rows[1].fd.used = 1; /* 20 is not the fullest any more */
	model_update(m, &next);
	assert_int_equal(selected_pid(m), 30);
	model_follow(m, true);
	assert_true(model_follows(m));
	roster_clear(&r);
	r = next_roster(&next, 1);
	r.rows[1].fd.used = 900;
	model_update(m, &r);
	assert_int_equal(selected_pid(m), 30);
	/* another one that is selected by hand ends it */
	model_move(m, -1);
	assert_false(model_follows(m));
	assert_int_equal(selected_pid(m), 20);
	model_follow(m, true);
	model_filter(m, "app");
	assert_false(model_follows(m));
	model_free(m);
	roster_clear(&r);
	roster_clear(&next);
}

static void test_selection_follows_its_process(void **state)
{
	struct roster r = some(), next;
	struct model *m = new_model(&r);

	(void)state;
	model_move(m, 2);
	assert_int_equal(selected_pid(m), 21);
	next = next_roster(&r, 1);
	next.rows[2].fd.used = 999; /* it is the fullest now */
	model_update(m, &next);
	assert_lines(m, "21 20 30 1 40 50");
	assert_int_equal(selected_pid(m), 21);
	assert_int_equal(model_selected(m), 0);
	model_free(m);
	roster_clear(&r);
	roster_clear(&next);
}

static void test_the_first_line_stays_the_first(void **state)
{
	struct roster r = some(), next;
	struct model *m = new_model(&r);

	(void)state;
	assert_int_equal(selected_pid(m), 20);
	next = next_roster(&r, 1);
	next.rows[2].fd.used = 999;
	model_update(m, &next);
	assert_int_equal(selected_pid(m), 21);
	model_free(m);
	roster_clear(&r);
	roster_clear(&next);
}

static void test_what_is_gone_leaves_its_place(void **state)
{
	struct roster r = some(), next;
	struct model *m = new_model(&r);

	(void)state;
	model_move(m, 1);
	assert_int_equal(selected_pid(m), 30);
	next = next_roster(&r, 1);
	roster_row_clear(&next.rows[3]);
	memmove(&next.rows[3], &next.rows[4], 2 * sizeof(*next.rows));
	next.len--;
	model_update(m, &next);
	assert_lines(m, "20 21 1 40 50");
	assert_int_equal(selected_pid(m), 21);
	model_select(m, SIZE_MAX);
	assert_int_equal(selected_pid(m), 50);
	model_move(m, -100);
	assert_int_equal(selected_pid(m), 20);
	model_move(m, 100);
	assert_int_equal(selected_pid(m), 50);
	model_free(m);
	roster_clear(&r);
	roster_clear(&next);
}

static void test_the_window_holds_the_selection(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);

	(void)state;
	assert_int_equal(model_window(m, 3), 0);
	model_select(m, 3);
	assert_int_equal(model_window(m, 3), 1);
	model_select(m, 2);
	assert_int_equal(model_window(m, 3), 1);
	model_select(m, 0);
	assert_int_equal(model_window(m, 3), 0);
	model_select(m, 5);
	assert_int_equal(model_window(m, 3), 3);
	/* a screen that has grown is filled */
	assert_int_equal(model_window(m, 5), 1);
	assert_int_equal(model_window(m, 50), 0);
	assert_int_equal(model_window(m, 0), 0);
	model_free(m);
	roster_clear(&r);
}

/* ---- kinds ---- */

static void test_kinds_are_asked_for_what_is_seen(void **state)
{
	struct roster r = some();
	struct model *m = new_model(&r);
	pid_t pids[8];

	(void)state;
	assert_int_equal(model_kinds_wanted(m, 1, 2, 100, 0, pids, 8), 2);
	assert_int_equal(pids[0], 30);
	assert_int_equal(pids[1], 21);
	/* not again so soon */
	assert_int_equal(model_kinds_wanted(m, 0, 3, 110, 50, pids, 8), 1);
	assert_int_equal(pids[0], 20);
	assert_int_equal(model_kinds_wanted(m, 0, 3, 200, 105, pids, 8), 2);
	model_kind_set(m, 30, "tcp", 12, 700);
	model_kind_set(m, 31, "tcp", 12, 700); /* there is none */
	assert_string_equal(model_find(m, 30, 30 * S)->kind, "tcp");
	assert_int_equal(model_find(m, 30, 30 * S)->kind_count, 12);
	model_free(m);
	roster_clear(&r);
}

static void test_no_process_at_all(void **state)
{
	struct roster r = new_roster();
	struct model *m = new_model(&r);
	pid_t pid;

	(void)state;
	assert_lines(m, "");
	model_move(m, 1);
	model_move(m, -1);
	model_group(m, TREE_SERVICE);
	assert_false(model_fold(m));
	assert_int_equal(model_window(m, 10), 0);
	assert_int_equal(model_kinds_wanted(m, 0, 10, 1, 0, &pid, 1), 0);
	model_free(m);
	model_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_come_from_two_rosters),
		cmocka_unit_test(test_the_same_roster_again_changes_nothing),
		cmocka_unit_test(test_another_program_has_no_rates),
		cmocka_unit_test(test_a_restarted_daemon_begins_anew),
		cmocka_unit_test(test_a_reused_pid_is_another_process),
		cmocka_unit_test(test_users_are_names_but_in_containers),
		cmocka_unit_test(test_fullest_first),
		cmocka_unit_test(test_sorted_by_each_column),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_groups_have_sum_and_worst),
		cmocka_unit_test(test_groups_tell_of_a_full_one),
		cmocka_unit_test(test_folded_groups_stay_folded),
		cmocka_unit_test(test_selection_follows_its_process),
		cmocka_unit_test(test_the_first_line_stays_the_first),
		cmocka_unit_test(test_what_is_gone_leaves_its_place),
		cmocka_unit_test(test_the_window_holds_the_selection),
		cmocka_unit_test(test_kinds_are_asked_for_what_is_seen),
		cmocka_unit_test(test_tree_by_parents),
		cmocka_unit_test(test_deep_tree),
		cmocka_unit_test(test_the_first_line_can_be_followed),
		cmocka_unit_test(test_no_process_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
