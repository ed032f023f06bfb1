// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <string.h>

#include "state/group_names.h"

static size_t entry_size; /* so much room "developers" takes */
static unsigned int asked;

/* In place of the C library's: one group, and a directory service that is not there. */
int getgrnam_r(const char *name, struct group *entry, char *strings, size_t size,
	       struct group **out)
{
	asked++;
	*out = NULL;
	if (!strcmp(name, "unreachable"))
		return EIO;
	if (strcmp(name, "developers") != 0)
		return 0;
	if (size < entry_size)
		return ERANGE;
	memset(strings, 'x', size); /* all of it is ours */
	*entry = (struct group){.gr_name = strings, .gr_gid = 4711};
	*out = entry;
	return 0;
}

static void test_group(void **state)
{
	gid_t gid = 0;

	(void)state;
	entry_size = 100;
	assert_int_equal(group_names_find("developers", &gid), 0);
	assert_int_equal(gid, 4711);
	assert_int_equal(asked, 1);
	assert_int_equal(group_names_find("others", &gid), -ENOENT);
	assert_int_equal(group_names_find("unreachable", &gid), -EIO);
	assert_int_equal(gid, 4711);
}

/* The names of all members are in the entry. */
static void test_group_of_thousands(void **state)
{
	gid_t gid = 0;

	(void)state;
	entry_size = 300000;
	assert_int_equal(group_names_find("developers", &gid), 0);
	assert_int_equal(gid, 4711);
}

/* It ends. */
static void test_group_without_end(void **state)
{
	gid_t gid = 0;

	(void)state;
	entry_size = SIZE_MAX;
	asked = 0;
	assert_int_equal(group_names_find("developers", &gid), -ERANGE);
	assert_true(asked < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_of_thousands),
		cmocka_unit_test(test_group_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
