/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/handoff.h"

#include "imitated_feed.h"

static struct handoff *handoff;

static int set_up(void **state)
{
	(void)state;
	return handoff_open(&handoff);
}

static int tear_down(void **state)
{
	(void)state;
	handoff_close(handoff);
	return 0;
}

static bool is_wanted(int timeout_ms)
{
	struct pollfd waits = {.fd = handoff_fd(handoff), .events = POLLIN};

	return poll(&waits, 1, timeout_ms) == 1;
}

/* The other thread: takes once. */
static void *take(void *tick)
{
	struct feed *feed = handoff_take(handoff);

	*(uint64_t *)tick = feed ? feed->tick : 0;
	return NULL;
}

static void give_for(uint64_t tick, uint64_t interval_ns)
{
	struct feed *feed = handoff_want(handoff, tick);

	assert_non_null(feed);
	feed_fill(feed, tick, 3, tick);
	feed->head.interval_ns = interval_ns;
	handoff_give(handoff);
}

static void give(uint64_t tick)
{
	give_for(tick, 3600000000000u);
}

/* While nobody asks, a monitor fills nothing. */
static void nobody_asks(void **state)
{
	(void)state;
	for (uint64_t tick = 1; tick < 5; tick++)
		assert_null(handoff_want(handoff, tick));
	assert_false(is_wanted(0));
}

/* A question wakes the monitor, which then gives what it has, and after each tick. */
static void first_question(void **state)
{
	pthread_t asker;
	uint64_t tick = 77;

	(void)state;
	assert_null(handoff_want(handoff, 4));
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give(4);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 4);
	assert_false(is_wanted(0)); /* that question is answered */
	/* Asked a moment ago, it is kept at hand. */
	assert_non_null(handoff_want(handoff, 5));
}

/* One that comes before the monitor's first tick waits for it. */
static void before_the_first_tick(void **state)
{
	pthread_t asker;
	uint64_t tick = 77;

	(void)state;
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give(1);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 1);
}

/* Of the present tick there is nothing newer, and nobody waits for it. */
static void same_tick(void **state)
{
	pthread_t asker;
	uint64_t tick = 0;

	(void)state;
	assert_null(handoff_want(handoff, 9));
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give(9);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 9);
	assert_null(handoff_take(handoff));
	assert_false(is_wanted(0));
}

/* A monitor that rests has had no tick for longer than its interval: it is woken. */
static void same_tick_but_old(void **state)
{
	pthread_t asker;
	uint64_t tick = 0;

	(void)state;
	assert_null(handoff_want(handoff, 9));
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give_for(9, 0);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 9);
	assert_false(is_wanted(300)); /* nobody asks: by then it is old */
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give(10);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 10);
}

/* What is taken stays as it is until the next one is, whatever the monitor fills meanwhile. */
static void taken_is_not_touched(void **state)
{
	pthread_t asker;
	struct feed *mine;
	uint64_t tick = 0;

	(void)state;
	assert_null(handoff_want(handoff, 1));
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	give(1);
	pthread_join(asker, NULL);
	give(2);
	mine = handoff_take(handoff);
	assert_non_null(mine);
	assert_int_equal(mine->tick, 2);
	for (tick = 3; tick < 9; tick++)
		give(tick);
	assert_int_equal(mine->tick, 2);
	assert_int_equal(mine->rows[2].row.fd.used, 2);
	mine = handoff_take(handoff);
	assert_int_equal(mine->tick, 8); /* the newest of those */
	assert_int_equal(mine->rows[0].row.fd.used, 8);
}

/* Who waits when all ends gets nothing, at once. */
static void ends_while_one_waits(void **state)
{
	pthread_t asker;
	uint64_t tick = 77;

	(void)state;
	assert_null(handoff_want(handoff, 4));
	assert_int_equal(pthread_create(&asker, NULL, take, &tick), 0);
	assert_true(is_wanted(60000));
	handoff_end(handoff);
	pthread_join(asker, NULL);
	assert_int_equal(tick, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_asks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_question, set_up, tear_down),
		cmocka_unit_test_setup_teardown(before_the_first_tick, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(same_tick, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_tick_but_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(taken_is_not_touched, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ends_while_one_waits, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
