// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known of single programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "between.h"
#include "policy/program.h"

static void test_found(void **state)
{
	static const struct {
		const char *executable, *comm, *title; /* NULL: not found */
	} cases[] = {
		{"/usr/sbin/nginx", "x", "nginx"},
		{"/usr/sbin/nginx (deleted)", NULL, "nginx"},
		{NULL, "nginx", "nginx"},
		{"/usr/sbin/nginx-debug", "worker", NULL},
		{NULL, "ngin", NULL},
		{NULL, "", NULL},
		{NULL, NULL, NULL},
		{"/usr/sbin/php-fpm8.2", NULL, "PHP-FPM"},
		{NULL, "valkey-server", "Redis"},
		/* the file counts before the name */
		{"/usr/sbin/squid", "postgres", "Squid"},
		/* what an interpreter runs has but a name */
		{"/usr/bin/python3.11", "supervisord", "Supervisor"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct program *found =
			program_find(cases[i].executable, cases[i].comm);

		if (!cases[i].title) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_string_equal(found->title, cases[i].title);
	}
}

static void test_files(void **state)
{
	const struct program *fpm = program_find(NULL, "php-fpm8.2");
	char file[PATH_MAX];

	(void)state;
	assert_true(program_file(fpm, "/usr/sbin/php-fpm8.2", "x", file, sizeof(file)));
	assert_string_equal(file, "/etc/php/8.2/fpm/pool.d/www.conf");
	/* its name is its own choice: no part of a path */
	assert_true(program_file(fpm, NULL, "php-fpm/../..", file, sizeof(file)));
	assert_string_equal(file, "/etc/php/*/fpm/pool.d/www.conf");
	assert_true(program_file(fpm, NULL, "php-fpm", file, sizeof(file)));
	assert_string_equal(file, "/etc/php/*/fpm/pool.d/www.conf");
	assert_false(program_file(fpm, NULL, "php-fpm", file, 10));
	assert_false(program_file(program_find(NULL, "mosquitto"), NULL, "mosquitto",
				  file, sizeof(file)));
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(program_value(program_find(NULL, "nginx"), 2048), 2048);
	assert_int_equal(program_value(program_find(NULL, "haproxy"), 2048), 900);
	/* never below what it is by itself */
	assert_int_equal(program_value(program_find(NULL, "redis-server"), 2048),
			 10000);
	assert_int_equal(program_value(program_find(NULL, "redis-server"), 16384),
			 16352);
	/* as measured: 507 under 600, 931 under 1024 */
	assert_between(program_wall(program_find(NULL, "squid"), 600), 500, 507);
	assert_between(program_wall(program_find(NULL, "squid"), 1024), 920, 931);
	assert_int_equal(program_wall(program_find(NULL, "squid"), 50), 0);
	assert_int_equal(program_wall(program_find(NULL, "squid"), UINT64_MAX), 0);
	assert_int_equal(program_wall(program_find(NULL, "nginx"), 1024), 0);
}

/* Each row says enough, and is found by each of its names. */
static void test_rows(void **state)
{
	const struct program *row;
	size_t rows = 0;

	(void)state;
	for (; (row = program_at(rows)); rows++) {
		char names[128], *rest, *name;

		assert_non_null(row->title);
		assert_non_null(row->version);
		assert_non_null(program_way_name(row->way));
		if (row->way == PROGRAM_SETS || row->for_children)
			assert_non_null(row->before);
		if (row->before)
			assert_true(row->behind && row->file && row->place);
		if (row->wall.kind != PROGRAM_WALL_NONE)
			assert_true(row->wall.div && row->full);
		strcpy(names, row->match);
		for (name = strtok_r(names, " *", &rest); name;
		     name = strtok_r(NULL, " *", &rest))
			assert_ptr_equal(program_find(NULL, name), row);
	}
	assert_true(rows >= 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
