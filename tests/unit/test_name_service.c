/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of users, and a name service that keeps one waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/name_service.h"
#include "state/user_names.h"

#define S    1000000000ull
#define SLOW 77 /* is answered when the gate is opened */
#define SICK 78 /* the service fails */
#define NONE 79

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int asked;

static int lookup(uid_t uid, char name[NAME_SERVICE_LEN])
{
	atomic_fetch_add(&asked, 1);
	name[0] = '\0';
	if (uid == SLOW) {
		pthread_mutex_lock(&gate);
		pthread_mutex_unlock(&gate);
	}
	if (uid == SICK)
		return -EIO;
	if (uid != NONE)
		snprintf(name, NAME_SERVICE_LEN, "user%u", uid);
	return 0;
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * S + (uint64_t)now.tv_nsec;
}

/* Asks until it is known, at `now_ns` of the caller's clock. */
static void until_known(struct name_service *names, uid_t uid, uint64_t now_ns)
{
	char name[NAME_SERVICE_LEN];

	while (name_service_find(names, uid, now_ns, name) == NAME_SERVICE_WAITS)
		usleep(1000);
}

static int begin(void **state)
{
	atomic_store(&asked, 0);
	user_names_set_file("/dev/null");
	*state = name_service_new(lookup);
	return *state ? 0 : -1;
}

static int end(void **state)
{
	name_service_free(*state);
	user_names_set_file(NULL);
	return 0;
}

static void answers_are_kept(void **state)
{
	struct name_service *names = *state;
	char name[NAME_SERVICE_LEN];

	until_known(names, 5, S);
	assert_int_equal(name_service_find(names, 5, S, name), NAME_SERVICE_KNOWN);
	assert_string_equal(name, "user5");
	until_known(names, NONE, S);
	assert_int_equal(name_service_find(names, NONE, S, name), NAME_SERVICE_NONE);
	assert_string_equal(name, "");
	for (int i = 0; i < 100; i++)
		name_service_find(names, 5, 2 * S, name);
	assert_int_equal(atomic_load(&asked), 2);
	/* asked for anew in time, and good until then */
	assert_int_equal(
		name_service_find(names, 5, 2 * S + NAME_SERVICE_KEEP_NS, name),
		NAME_SERVICE_KNOWN);
	while (atomic_load(&asked) < 3)
		usleep(1000);
}

static void what_fails_is_asked_again(void **state)
{
	struct name_service *names = *state;
	char name[NAME_SERVICE_LEN];
	uint64_t now_ns = S;

	for (int want = 1; want < 4; want++) {
		while (atomic_load(&asked) < want) {
			assert_int_equal(name_service_find(names, SICK, now_ns, name),
					 NAME_SERVICE_WAITS);
			usleep(1000);
		}
		now_ns += 2 * NAME_SERVICE_NONE_NS;
		/* the answer may be on its way */
		usleep(10000);
		name_service_find(names, SICK, now_ns, name);
		now_ns += 2 * NAME_SERVICE_NONE_NS;
	}
}

static void a_service_that_does_not_answer(void **state)
{
	struct name_service *names = *state;
	char name[NAME_SERVICE_LEN], line[256];
	uint64_t began_ns, now_ns = S;

	pthread_mutex_lock(&gate);
	assert_false(name_service_report(names, now_ns, line, sizeof(line)));
	/* Waits once, for the first; then for nobody. */
	began_ns = real_ns();
	for (uid_t uid = SLOW; uid < SLOW + 500; uid++)
		assert_int_equal(name_service_find(names, uid, now_ns, name),
				 NAME_SERVICE_WAITS);
	/* Of 500 that would wait for 10 ms each. */
	assert_true(real_ns() - began_ns < 3 * S);
	assert_false(name_service_report(names, now_ns, line, sizeof(line)));
	assert_true(name_service_report(names, now_ns + S, line, sizeof(line)));
	assert_non_null(strstr(line, "does not answer"));
	assert_false(name_service_report(names, now_ns + S, line, sizeof(line)));
	pthread_mutex_unlock(&gate);
	until_known(names, SLOW, now_ns + S);
	until_known(names, SLOW + 499, now_ns + S);
	while (!name_service_report(names, now_ns + S, line, sizeof(line)))
		usleep(1000);
	assert_non_null(strstr(line, "answers again"));
	assert_int_equal(name_service_find(names, SLOW, now_ns + S, name),
			 NAME_SERVICE_KNOWN);
	assert_string_equal(name, "user77");
}

/* … is not waited for at the end either. */
static void given_up(void **state)
{
	struct name_service *names = name_service_new(lookup);
	char name[NAME_SERVICE_LEN];
	int before = atomic_load(&asked);

	(void)state;
	pthread_mutex_lock(&gate);
	name_service_find(names, SLOW, S, name);
	while (atomic_load(&asked) == before)
		usleep(1000);
	name_service_free(names);
	pthread_mutex_unlock(&gate);
}

static void memory_is_bounded(void **state)
{
	struct name_service *names = *state;
	char name[NAME_SERVICE_LEN];

	for (uid_t uid = 1000; uid < 1000 + 2 * NAME_SERVICE_USERS; uid++)
		until_known(names, uid, S);
	/* the newest is still there, the first has to be asked for again */
	assert_int_equal(atomic_load(&asked), 2 * NAME_SERVICE_USERS);
	name_service_find(names, 999 + 2 * NAME_SERVICE_USERS, S, name);
	assert_int_equal(atomic_load(&asked), 2 * NAME_SERVICE_USERS);
	until_known(names, 1000, S);
	assert_int_equal(atomic_load(&asked), 2 * NAME_SERVICE_USERS + 1);
}

/* What the file has is not asked for. */
static void the_file_comes_first(void **state)
{
	struct name_service *names = *state;
	char name[NAME_SERVICE_LEN];

	user_names_set_file(NULL);
	assert_int_equal(name_service_find(names, 0, S, name), NAME_SERVICE_KNOWN);
	assert_string_equal(name, "root");
	assert_int_equal(atomic_load(&asked), 0);
}

/* The system's own, with root's name. */
static void the_system_is_asked(void **state)
{
	struct name_service *names = name_service_new(NULL);
	char name[NAME_SERVICE_LEN];

	(void)state;
	user_names_set_file("/dev/null");
	until_known(names, 0, S);
	assert_int_equal(name_service_find(names, 0, S, name), NAME_SERVICE_KNOWN);
	assert_string_equal(name, "root");
	name_service_free(names);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(answers_are_kept),
		TEST(what_fails_is_asked_again),
		TEST(a_service_that_does_not_answer),
		TEST(given_up),
		TEST(memory_is_bounded),
		TEST(the_file_comes_first),
		TEST(the_system_is_asked),
	};

	name_service_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
