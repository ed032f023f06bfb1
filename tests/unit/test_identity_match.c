/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "state/identity_match.h"

static const struct identity nginx = {
	.comm = "nginx",
	.executable = (char *)"/usr/sbin/nginx-debug",
	.service = (char *)"web.service",
	.container_id = (char *)"4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db"
				"0b339c4c01",
	.pod_uid = (char *)"0e51c6f5-1b62-4b8e-9c9e-0d3bb8b5a1aa",
};

static void each_name_of_it(void **state)
{
	(void)state;
	assert_true(identity_matches(&nginx, "nginx"));
	assert_true(identity_matches(&nginx, "nginx-debug"));
	assert_true(identity_matches(&nginx, "web"));
	assert_true(identity_matches(&nginx, "web.service"));
	assert_true(identity_matches(&nginx, "4c01db0b339c"));
	assert_true(identity_matches(&nginx, nginx.container_id));
	assert_true(identity_matches(&nginx, nginx.pod_uid));
}

static void not_parts_of_it(void **state)
{
	(void)state;
	assert_false(identity_matches(&nginx, ""));
	assert_false(identity_matches(&nginx, "ngin"));
	assert_false(identity_matches(&nginx, "Nginx"));
	assert_false(identity_matches(&nginx, "/usr/sbin/nginx-debug"));
	assert_false(identity_matches(&nginx, "web.serv"));
	assert_false(identity_matches(&nginx, "web.socket"));
	assert_false(
		identity_matches(&nginx, "4c01db0b339")); /* too short to be sure */
	assert_false(identity_matches(&nginx, "4c01db0b339d"));
}

static void patterns(void **state)
{
	(void)state;
	assert_true(identity_matches(&nginx, "ngin?"));
	assert_true(identity_matches(&nginx, "*-debug"));
	assert_true(identity_matches(&nginx, "w[e]b.*"));
	assert_true(identity_matches(&nginx, "4c01*"));
	assert_true(identity_matches(&nginx, "*"));
	assert_false(identity_matches(&nginx, "web*.socket"));
	assert_false(identity_matches(&nginx, "[x]*"));
	assert_true(identity_is_pattern("a*"));
	assert_false(identity_is_pattern("a"));
}

static void services(void **state)
{
	(void)state;
	assert_true(identity_is_service("web.service", "web.service"));
	assert_true(identity_is_service("web.service", "web"));
	assert_true(identity_is_service("web@1.service", "web@*"));
	assert_false(identity_is_service("web.service", "we"));
	assert_false(identity_is_service("web.socket", "web"));
	assert_false(identity_is_service("", "*"));
	assert_false(identity_is_service(NULL, "*"));
	assert_false(identity_is_service("web.service", ""));
}

/* Of what is not known nothing matches, not even "*". */
static void what_is_not_known(void **state)
{
	const struct identity bare = {.comm = "worker"}, empty = {0};

	(void)state;
	assert_true(identity_matches(&bare, "worker"));
	assert_true(identity_matches(&bare, "*"));
	assert_false(identity_matches(&bare, "web"));
	assert_false(identity_matches(&empty, "*"));
	assert_false(identity_matches(&empty, "x"));
}

/* A program that was replaced while it runs, and names longer than the kernel keeps. */
static void long_and_deleted(void **state)
{
	const struct identity replaced = {
		.comm = "x", .executable = (char *)"/opt/api-server (deleted)"};
	const struct identity cut = {.comm = "a-very-long-pro"};
	const struct identity known = {.comm = "a-very-long-pro",
				       .executable =
					       (char *)"/opt/a-very-long-program"};

	(void)state;
	assert_true(identity_matches(&replaced, "api-server"));
	assert_true(identity_matches(&cut, "a-very-long-program"));
	assert_true(identity_matches(&known, "a-very-long-program"));
	assert_false(identity_matches(&known, "a-very-long-profile"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_of_it),   cmocka_unit_test(not_parts_of_it),
		cmocka_unit_test(patterns),          cmocka_unit_test(services),
		cmocka_unit_test(what_is_not_known), cmocka_unit_test(long_and_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
