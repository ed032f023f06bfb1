/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saved settings of the view: what is written is read again, whatever else is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "top/settings.h"

static struct setting example(void)
{
	struct setting set = {.saved = true,
			      .sort = COLUMN_GROWTH,
			      .descending = true,
			      .tree = TREE_PARENTS};

	set.wanted[COLUMN_PID] = set.wanted[COLUMN_NAME] = set.wanted[COLUMN_TREND] =
		true;
	return set;
}

static void assert_same(const struct setting *a, const struct setting *b)
{
	assert_int_equal(a->saved, b->saved);
	if (!a->saved)
		return;
	for (int c = 0; c < COLUMNS_LEN; c++)
		assert_int_equal(a->wanted[c], b->wanted[c]);
	assert_int_equal(a->sort, b->sort);
	assert_int_equal(a->descending, b->descending);
	assert_int_equal(a->tree, b->tree);
}

static void test_written_and_read(void **state)
{
	struct setting set[SETTINGS_LEN] = {{0}, example()}, out[SETTINGS_LEN];
	char *text = settings_format(set);

	(void)state;
	assert_non_null(text);
	assert_int_equal(settings_parse(text, strlen(text), out), 0);
	for (size_t i = 0; i < SETTINGS_LEN; i++)
		assert_same(&set[i], &out[i]);
	cJSON_free(text);
}

static void test_what_others_wrote(void **state)
{
	static const char *const wrong[] = {"", "x", "[]", "1", "{", "\"1\""};
	static const char *const odd[] = {
		"{}",
		"{\"1\":7}",
		"{\"1\":{}}",
		"{\"1\":{\"columns\":[7,\"zip\",null],\"sort\":\"trend\",\"group\":9}}",
		"{\"1\":{\"columns\":{},\"descending\":\"x\"},\"3\":{}}",
	};
	struct setting out[SETTINGS_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(settings_parse(wrong[i], strlen(wrong[i]), out),
				 -EINVAL);
		assert_false(out[0].saved || out[1].saved);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_int_equal(settings_parse(odd[i], strlen(odd[i]), out), 0);
		assert_int_equal(out[0].saved, i >= 2);
		assert_false(out[1].saved);
		if (!out[0].saved)
			continue;
		assert_true(out[0].wanted[COLUMN_PID] && out[0].wanted[COLUMN_NAME]);
		assert_int_equal(out[0].sort, COLUMN_USAGE);
		assert_int_equal(out[0].tree, TREE_NONE);
	}
}

static void test_file(void **state)
{
	struct setting set[SETTINGS_LEN] = {example()}, out[SETTINGS_LEN];
	char directory[] = "/tmp/fdwarden-settings-XXXXXX", home[64], path[256],
	     why[512];
	char file[128];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(home, sizeof(home), "%s/config", directory);
	assert_int_equal(setenv("XDG_CONFIG_HOME", home, 1), 0);
	/* without a file */
	assert_int_equal(settings_load(out, why, sizeof(why)), 0);
	assert_false(out[0].saved);
	assert_int_equal(settings_save(set, path, sizeof(path), why, sizeof(why)), 0);
	snprintf(file, sizeof(file), "%s/fdwarden/top.json", home);
	assert_string_equal(path, file);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(settings_load(out, why, sizeof(why)), 0);
	assert_same(&out[0], &set[0]);
	/* again, over what is there */
	assert_int_equal(settings_save(set, path, sizeof(path), why, sizeof(why)), 0);
	/* no file of ours */
	assert_int_equal(truncate(file, 3), 0);
	assert_int_equal(settings_load(out, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "no settings of"));
	assert_false(out[0].saved);
	unlink(file);
	/* what is no file is not even opened, also by way of a link */
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(settings_load(out, why, sizeof(why)), -ENOTSUP);
	assert_non_null(strstr(why, "no file"));
	unlink(file);
	assert_int_equal(symlink("/dev/zero", file), 0);
	assert_int_equal(settings_load(out, why, sizeof(why)), -ENOTSUP);
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_true(settings_load(out, why, sizeof(why)) < 0);
	assert_true(settings_save(set, path, sizeof(path), why, sizeof(why)) < 0);
	rmdir(file);
	snprintf(file, sizeof(file), "%s/fdwarden", home);
	assert_int_equal(rmdir(file), 0);
	/* what root follows is root's: a link that another user has laid is not */
	if (geteuid() == 0) {
		assert_int_equal(symlink(directory, file), 0);
		assert_true(settings_save(set, path, sizeof(path), why, sizeof(why)) <
			    0);
		assert_non_null(strstr(why, "not a directory of yours"));
		unlink(file);
		assert_int_equal(chown(home, 65534, 65534), 0);
		assert_int_equal(
			settings_save(set, path, sizeof(path), why, sizeof(why)),
			-EPERM);
	}
	rmdir(home);
	assert_int_equal(rmdir(directory), 0);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	assert_int_equal(settings_load(out, why, sizeof(why)), 0);
	assert_int_equal(settings_save(set, path, sizeof(path), why, sizeof(why)),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_and_read),
		cmocka_unit_test(test_what_others_wrote),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
