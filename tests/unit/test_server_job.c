// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests that wait for a thread: users take turns, and none has it for himself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/places.h"
#include "server/server_job.h"

static struct server_queue queue;

static int set_up(void **state)
{
	(void)state;
	return server_queue_open(&queue, true, false);
}

static int tear_down(void **state)
{
	(void)state;
	server_queue_free(&queue);
	return 0;
}

static bool put(uid_t uid, uint64_t ticket)
{
	struct request request = {.kind = REQUEST_PROCESS};
	struct server_job *job = server_job_new(1, &request);
	bool taken;

	assert_non_null(job);
	job->uid = uid;
	job->privileged = !uid;
	job->ticket = ticket;
	taken = server_queue_put(&queue, job);
	if (!taken)
		server_job_free(job);
	return taken;
}

/* The next one's ticket; 0: there is none. */
static uint64_t take(void)
{
	struct server_job *job = server_queue_take(&queue, false);
	uint64_t ticket = job ? job->ticket : 0;

	server_job_free(job);
	return ticket;
}

static void test_users_take_turns(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		assert_true(put(1000, i));
	assert_true(put(1001, 11));
	assert_true(put(1001, 12));
	assert_int_equal(take(), 1);
	assert_int_equal(take(), 11);
	/* who asks again at once is no earlier for it */
	assert_true(put(1000, 6));
	assert_true(put(1002, 21));
	assert_int_equal(take(), 2);
	assert_int_equal(take(), 12);
	assert_int_equal(take(), 21);
	for (uint64_t i = 3; i <= 6; i++)
		assert_int_equal(take(), i);
	assert_int_equal(take(), 0);
}

static void test_root_is_first(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(put(1000, i));
	assert_true(put(0, 101));
	assert_true(put(0, 102));
	assert_int_equal(take(), 101);
	assert_int_equal(take(), 102);
	assert_int_equal(take(), 1);
}

/* One who asks and goes, again and again, leaves no more behind than that. */
static void test_a_share_of_it(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= PLACES_JOBS; i++)
		assert_true(put(1000, i));
	assert_false(put(1000, 99));
	assert_true(put(1001, 100));
	for (uint64_t i = 1; i <= 2 * PLACES_JOBS; i++)
		assert_true(put(0, 200));
	for (int i = 0; i < 2 * PLACES_JOBS; i++)
		assert_int_equal(take(), 200);
	assert_int_equal(take(), 1);
	assert_true(put(1000, 101));
}

static void test_first_come_first_served(void **state)
{
	(void)state;
	server_queue_free(&queue);
	assert_int_equal(server_queue_open(&queue, false, false), 0);
	for (uint64_t i = 1; i <= 2 * PLACES_JOBS; i++)
		assert_true(put(i % 2 ? 1000 : 0, i));
	for (uint64_t i = 1; i <= 2 * PLACES_JOBS; i++)
		assert_int_equal(take(), i);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_users_take_turns),
		TEST(test_root_is_first),
		TEST(test_a_share_of_it),
		TEST(test_first_come_first_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
