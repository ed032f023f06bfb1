// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "state/user_names.h"

static char path[64];
static char name[32];

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/fdwarden-passwd-XXXXXX");
	fd = mkstemp(path);
	user_names_set_file(path);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	user_names_set_file(NULL);
	return unlink(path) < 0;
}

static void expect(uid_t uid, const char *expected)
{
	bool found = user_names_find(uid, name, sizeof(name));

	assert_int_equal(found, expected != NULL);
	if (expected)
		assert_string_equal(name, expected);
}

static void test_names(void **state)
{
	(void)state;
	put("root:x:0:0::/root:/bin/sh\nwww:x:33:33\ntoor:x:0:0::/:\nalice:x:1000:1\n"
	    "nobody:x:65534:1::/:\nlast:x:70000:1");
	expect(0, "root"); /* the first of two */
	expect(33, "www");
	expect(1000, "alice");
	expect(65534, "nobody");
	expect(70000, "last");
	expect(1, NULL);
	expect((uid_t)-1, NULL);
}

static void test_rubbish(void **state)
{
	(void)state;
	put("");
	expect(0, NULL);
	put("\n:\n::\n:::\n:x:5:\na\nb:\nc:x\nd:x:\ne:x:y:\nf:x:6z:\n"
	    "g:x:99999999999:\n+::::::\nevil\x1b[2J\xff:x:7:\n");
	expect(0, NULL);
	expect(5, NULL);
	expect(6, NULL);
	expect(7, "evil\x1b[2J\xff");
	/* longer than there is room for: none, rather than another one */
	put("0123456789012345678901234567890123456789:x:8:\n");
	expect(8, NULL);
}

static void test_changes(void **state)
{
	(void)state;
	put("one:x:1:\n");
	expect(1, "one");
	usleep(50000);     /* the kernel's time of a change is that of a tick */
	put("two:x:1:\n"); /* as long as before */
	expect(1, "two");
	usleep(50000);
	put("one:x:2:\n");
	expect(1, NULL);
	expect(2, "one");
	/* it is gone: what was read still holds */
	assert_int_equal(unlink(path), 0);
	expect(2, "one");
	put("three:x:2:\n");
	expect(2, "three");
}

/* When nothing can be opened. */
static void test_no_descriptor(void **state)
{
	struct rlimit was, none;

	(void)state;
	put("one:x:1:\n");
	expect(1, "one");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect(1, "one");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_rubbish),
		TEST(test_changes),
		TEST(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
