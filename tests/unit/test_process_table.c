/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process table when there is no memory for its hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "between.h"

static int allocations_left;

static void *scarce_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Its own, so that just the hash's memory can be made to run out. */
#define uthash_malloc(size) scarce_malloc(size)
#include "state/process_table.c" /* NOLINT(bugprone-suspicious-include) */

/* Neither the table's first entry, nor one for which the hash must grow, ends the
 * program: it is not added, and all others stay. */
static void test_no_memory(void **state)
{
	struct process_table *table = process_table_new();
	int added = 0;

	(void)state;
	assert_non_null(table);
	for (int enough = 2, n = 0; n < enough; n++) {
		allocations_left = n;
		assert_null(process_table_add(table, 1, 1, 0));
		assert_int_equal(process_table_count(table), 0);
	}
	allocations_left = 2;
	while (added < 100000 && process_table_add(table, added + 1, 1, 0))
		added++;
	assert_between(added, 10, 99999);
	assert_int_equal(process_table_count(table), (size_t)added);
	for (int i = 1; i <= added; i++)
		assert_non_null(process_table_find(table, i, 1));
	assert_null(process_table_find(table, added + 1, 1));
	allocations_left = 1000;
	assert_non_null(process_table_add(table, added + 1, 1, 0));
	assert_non_null(process_table_find(table, added + 1, 1));
	process_table_free(table);
}

/* What comes of a process after its end was told brings it back no more, but for a
 * snapshot; two snapshots later nothing is kept of it. */
static void test_ended(void **state)
{
	struct process_table *table;
	const struct fdw_task task = {.tgid = 7, .start_ns = 70};
	const struct fdw_task reused = {.tgid = 7, .start_ns = 71};
	const struct fdw_snapshot_record seen = {.task = task, .header.time_ns = 9};
	struct process *p;

	(void)state;
	allocations_left = 1000;
	table = process_table_new();
	process_table_begin(table, 1);
	p = process_table_see(table, &task, NULL, 2);
	assert_non_null(p);
	process_table_end(table, p);
	assert_int_equal(process_table_count(table), 0);
	assert_null(process_table_see(table, &task, NULL, 3));
	assert_null(process_table_add(table, 7, 70, 0));
	assert_int_equal(process_table_late(table), 2);
	assert_non_null(process_table_see(table, &reused, NULL, 3));
	process_table_begin(table, 4);
	assert_null(process_table_see(table, &task, NULL, 5));
	p = process_table_see_in_snapshot(table, &seen);
	assert_non_null(p);
	assert_ptr_equal(process_table_see(table, &task, NULL, 10), p);
	process_table_end(table, p);
	process_table_begin(table, 11);
	assert_null(process_table_see(table, &task, NULL, 12));
	process_table_begin(table, 13);
	assert_non_null(process_table_see(table, &task, NULL, 14));
	assert_int_equal(process_table_late(table), 4);
	process_table_free(table);
}

#define MANY 9

static struct process *show(struct process_table *table, int pid, uint64_t now)
{
	const struct fdw_snapshot_record seen = {.task = {.tgid = pid, .start_ns = 70},
						 .table.files = 1000 + pid,
						 .header.time_ns = now};

	return process_table_see_in_snapshot(table, &seen);
}

static void remove_one(void *context, struct process *process)
{
	struct process_table *table = context;

	if (process->who.pid == 4 || process->who.pid == MANY)
		process_table_remove(table, process);
}

/* A snapshot shows them in any order, some not, some twice, and new ones between: each is the
 * one that it was, whatever was shown before it. */
static void test_any_order(void **state)
{
	struct process_table *table;
	struct process *known[MANY + 1];

	(void)state;
	allocations_left = 1000;
	table = process_table_new();
	process_table_begin(table, 1);
	for (int pid = 1; pid <= MANY; pid++)
		known[pid] = show(table, pid, 2);
	assert_int_equal(process_table_count(table), MANY);
	for (int first = 1; first <= MANY; first++)
		for (int step = 1; step < 8; step++) {
			process_table_begin(table, 10);
			for (int i = 0, pid = first; i < MANY; i++) {
				assert_ptr_equal(show(table, pid, 11), known[pid]);
				assert_int_equal(known[pid]->who.pid, pid);
				pid = (pid + step - 1) % MANY + 1;
			}
		}
	assert_int_equal(process_table_count(table), MANY);
	/* the next in order goes, and the last: what was next is no more */
	process_table_begin(table, 20);
	assert_ptr_equal(show(table, 3, 21), known[3]);
	process_table_each(table, remove_one, table);
	assert_ptr_equal(show(table, 5, 21), known[5]);
	assert_ptr_equal(show(table, 8, 21), known[8]);
	assert_non_null(show(table, MANY, 21));
	assert_int_equal(process_table_count(table), MANY - 1);
	process_table_free(table);
}

/* One that was in trouble, and is in none any more, has nothing of it left; what is written is
 * its own. */
static void test_trouble(void **state)
{
	struct process_table *table = process_table_new();
	const struct process_trouble *calm;
	struct process *one, *two;
	struct policy_fd policy;

	(void)state;
	allocations_left = 1000;
	one = process_table_add(table, 1, 1000, 5);
	two = process_table_add(table, 2, 1000, 5);
	calm = two->trouble;
	process_policy(one, &policy);
	policy.table_seen = true;
	policy.table_ns = 7;
	policy.last_soft_limit = 64;
	assert_int_equal(process_set_policy(one, &policy), 0);
	assert_ptr_equal(one->trouble, calm);
	policy.incident = true;
	assert_int_equal(process_set_policy(one, &policy), 0);
	assert_ptr_not_equal(one->trouble, calm);
	assert_ptr_equal(one->trouble->process, one);
	assert_false(two->trouble->policy.incident);
	process_rest(one, 100000000000u);
	assert_ptr_not_equal(one->trouble, calm);
	policy.incident = false;
	policy.recovered_ns = 8;
	assert_int_equal(process_set_policy(one, &policy), 0);
	process_rest(one, 1000000000u); /* it may flap */
	assert_ptr_not_equal(one->trouble, calm);
	process_trouble(one)->incident[0] = 'x';
	process_rest(one, 100000000000u);
	assert_ptr_not_equal(one->trouble, calm);
	process_trouble(one)->incident[0] = 0;
	process_rest(one, 100000000000u);
	assert_ptr_equal(one->trouble, calm);
	process_policy(one, &policy);
	assert_true(policy.table_seen && !policy.recovered_ns);
	assert_int_equal(policy.table_ns, 7);
	assert_int_equal(policy.last_soft_limit, 64);
	/* what was refused is not forgotten */
	assert_non_null(process_refusal_of(one, 2, 24));
	process_rest(one, 100000000000u);
	assert_int_equal(one->trouble->refusals_len, 1);
	process_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
