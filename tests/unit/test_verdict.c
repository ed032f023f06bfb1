/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "output/verdict.h"

static struct roster_row rows[4];
static struct roster roster;
static char line[VERDICT_LINE_MAX];

static void set_row(size_t i, pid_t pid, const char *comm, uint64_t used, uint64_t soft)
{
	rows[i] = (struct roster_row){
		.who = {.pid = pid, .start_ns = 1},
		.fd = {.known = true, .count = used, .used = used, .soft_limit = soft},
	};
	snprintf(rows[i].who.comm, sizeof(rows[i].who.comm), "%s", comm);
}

static enum verdict ask(pid_t pid, const char *service)
{
	struct verdict_question question = {
		.warn_bp = 8000, .critical_bp = 9500, .pid = pid, .service = service};

	return verdict_make(&roster, &question, line, sizeof(line));
}

static int set_up(void **state)
{
	(void)state;
	set_row(0, 10, "sh", 3, 1024);
	set_row(1, 20, "nginx", 870, 1024);
	set_row(2, 30, "dhcpcd", 20, 10);
	set_row(3, 40, "java", 500, UINT64_MAX);
	rows[2].fd.sealed = true;
	rows[1].who.service = (char *)"nginx.service";
	roster = (struct roster){
		.system = {.known = true, .allocated = 5000, .max = 100000},
		.interval_ns = 1000000000,
		.rows = rows,
		.len = 4,
	};
	return 0;
}

static void host_is_as_its_fullest(void **state)
{
	(void)state;
	assert_int_equal(ask(0, NULL), VERDICT_WARNING);
	assert_string_equal(
		line,
		"FDWARDEN WARNING - nginx[20] (nginx.service) has 870 of 1024 "
		"descriptors open (85.0%); fullest of 4 | "
		"'usage'=84.96%;80;95;0;100 'used'=870;820;973;0;1024 "
		"'processes'=4;;;0; 'above_warning'=1;;;0; 'files'=5000;;;0;100000");
	rows[1].fd.used = 973;
	assert_int_equal(ask(0, NULL), VERDICT_CRITICAL);
	rows[1].fd.used = 972; /* 94.92 % */
	assert_int_equal(ask(0, NULL), VERDICT_WARNING);
	rows[1].fd.used = 819; /* 79.98 % */
	assert_int_equal(ask(0, NULL), VERDICT_OK);
	assert_non_null(strstr(line, "FDWARDEN OK - nginx[20]"));
}

static enum verdict ask_name(const char *name)
{
	struct verdict_question question = {
		.warn_bp = 8000, .critical_bp = 9500, .name = name};

	return verdict_make(&roster, &question, line, sizeof(line));
}

/* A program, a service without its suffix, a pattern: the fullest of those. */
static void by_name(void **state)
{
	(void)state;
	assert_int_equal(ask_name("sh"), VERDICT_OK);
	assert_non_null(strstr(line, "sh[10] has 3 of 1024"));
	assert_null(strstr(line, "'files'")); /* the host was not asked about */
	assert_int_equal(ask_name("nginx"), VERDICT_WARNING);
	assert_int_equal(ask_name("*"), VERDICT_WARNING);
	assert_non_null(strstr(line, "nginx[20]"));
	assert_non_null(strstr(line, "fullest of 4"));
	assert_int_equal(ask_name("nobody"), VERDICT_UNKNOWN);
	assert_non_null(
		strstr(line, "no process, service, container or pod is called nobody"));
}

static void refused_is_critical(void **state)
{
	(void)state;
	rows[0].level = POLICY_LEVEL_EXHAUSTED;
	rows[0].refused = 17;
	assert_int_equal(ask(0, NULL), VERDICT_CRITICAL);
	assert_non_null(strstr(line, "sh[10] has 3 of 1024"));
	assert_non_null(strstr(line, "; 17 calls were refused"));
	rows[0].refused = 1;
	assert_int_equal(ask(0, NULL), VERDICT_CRITICAL);
	assert_non_null(strstr(line, "; 1 call was refused"));
}

/* As the daemon's levels have it. */
static void programs_are_judged_by_what_they_take(void **state)
{
	(void)state;
	rows[1].fd.used = 1000;
	rows[1].fd.managed = true;
	assert_int_equal(ask(0, NULL), VERDICT_OK);
	assert_int_equal(ask(20, NULL), VERDICT_OK);
	assert_non_null(strstr(line, "(97.7%): it rests high by design"));
	rows[1].level = POLICY_LEVEL_EXHAUSTED; /* a call was refused */
	assert_int_equal(ask(20, NULL), VERDICT_CRITICAL);
	rows[1].level = POLICY_LEVEL_OK;
	rows[1].fd.managed = false;
	rows[1].fd.used = 400;
	rows[1].fd.effective_limit = 400;
	assert_int_equal(ask(20, NULL), VERDICT_CRITICAL);
	assert_non_null(strstr(line,
			       "400 of 1024 descriptors open (100.0%), and takes no "
			       "more than 400"));
	assert_non_null(strstr(line, "'used'=400;320;380;0;1024"));
}

/* Known to all who ask, and not forgotten below the levels. */
static void suspicion_is_a_warning(void **state)
{
	(void)state;
	rows[1].fd.used = 700;
	assert_int_equal(ask(0, NULL), VERDICT_OK);
	rows[0].fd.used = 400;
	rows[0].fd.leak_suspected = true;
	assert_int_equal(ask(0, NULL), VERDICT_WARNING);
	assert_non_null(strstr(line, "sh[10] has 400 of 1024"));
	assert_non_null(strstr(line, "; a leak is suspected: fdwarden inspect 10"));
	rows[1].fd.used = 980;
	assert_int_equal(ask(0, NULL), VERDICT_CRITICAL);
	assert_non_null(strstr(line, "nginx[20]"));
}

static void one_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(ask(10, NULL), VERDICT_OK);
	assert_string_equal(line, "FDWARDEN OK - sh[10] has 3 of 1024 descriptors open "
				  "(0.3%) | 'usage'=0.29%;80;95;0;100 "
				  "'used'=3;820;973;0;1024");
	assert_int_equal(ask(30, NULL), VERDICT_OK);
	assert_non_null(strstr(line, "by its own choice"));
	assert_int_equal(ask(40, NULL), VERDICT_OK);
	assert_non_null(strstr(line, "has 500 descriptors open, and no limit | "
				     "'used'=500;;;0;"));
	assert_int_equal(ask(99, NULL), VERDICT_UNKNOWN);
	assert_string_equal(line, "FDWARDEN UNKNOWN - no process 99 with a descriptor "
				  "table");
	rows[0].fd.known = false;
	assert_int_equal(ask(10, NULL), VERDICT_UNKNOWN);
	assert_int_equal(ask(0, "nginx.service"), VERDICT_WARNING);
	assert_non_null(strstr(line, "; fullest of 1 |"));
	assert_int_equal(ask(0, "ssh.service"), VERDICT_UNKNOWN);
	assert_string_equal(line, "FDWARDEN UNKNOWN - no process of service "
				  "ssh.service");
}

/* Without a daemon it is not known why a full process is so. */
static void one_look_is_no_all_clear(void **state)
{
	(void)state;
	roster.interval_ns = 0;
	rows[2].fd.used = 10;
	assert_int_equal(ask(30, NULL), VERDICT_OK);
	rows[2].fd.sealed = false;
	rows[2].fd.seal_unsure = true;
	assert_int_equal(ask(30, NULL), VERDICT_WARNING);
	assert_non_null(
		strstr(line, "10 of 10 descriptors open (100.0%): in trouble, "));
	/* of the host the same, but that what is critical comes before */
	rows[1].fd.used = 500;
	assert_int_equal(ask(0, NULL), VERDICT_WARNING);
	assert_non_null(strstr(line, "dhcpcd[30]"));
	rows[1].fd.used = 980;
	assert_int_equal(ask(0, NULL), VERDICT_CRITICAL);
	assert_non_null(strstr(line, "nginx[20]"));
}

static enum verdict ask_ranges(const char *warn, const char *critical)
{
	struct verdict_range ranges[2];
	struct verdict_question question = {
		.warn_bp = 8000,
		.critical_bp = 9500,
		.pid = 20,
		.warn_range = warn ? &ranges[0] : NULL,
		.critical_range = critical ? &ranges[1] : NULL,
	};

	if (warn)
		assert_int_equal(verdict_range_parse(warn, &ranges[0]), 0);
	if (critical)
		assert_int_equal(verdict_range_parse(critical, &ranges[1]), 0);
	return verdict_make(&roster, &question, line, sizeof(line));
}

/* As plugins have them: outside of it, or with @ inside. */
static void ranges(void **state)
{
	static const char *const bad[] = {
		"",      "10",   "80%",  "10:5",  "a:b",
		"1:2:3", "1:~",  "-1:5", "1: 5",  "@10",
		"0x1:5", "nan:", "1:2:", "@@1:2", "12345678901234567890:1234567890"};
	struct verdict_range range;

	(void)state;
	rows[1].fd.used = 512; /* half of 1024 */
	assert_int_equal(ask_ranges("10:80", "5:95"), VERDICT_OK);
	assert_int_equal(ask_ranges("60:80", "5:95"), VERDICT_WARNING);
	assert_non_null(
		strstr(line, "'usage'=50.00%;60:80;5:95;0;100 'used'=512;;;0;"));
	assert_int_equal(ask_ranges("10:40", "5:49"), VERDICT_CRITICAL);
	assert_int_equal(ask_ranges("~:50", NULL), VERDICT_OK);
	assert_int_equal(ask_ranges("~:49.9", NULL), VERDICT_WARNING);
	assert_non_null(
		strstr(line, "'usage'=50.00%;~:49.9;95;0;100 'used'=512;;973;0;"));
	assert_int_equal(ask_ranges("60:", NULL), VERDICT_WARNING);
	assert_int_equal(ask_ranges("@40:60", NULL), VERDICT_WARNING);
	assert_int_equal(ask_ranges("@50.1:60", NULL), VERDICT_OK);
	assert_int_equal(ask_ranges(":49", NULL), VERDICT_WARNING);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!verdict_range_parse(bad[i], &range))
			fail_msg("'%s' is taken for a range", bad[i]);
}

static void time_is_in_a_fitting_unit(void **state)
{
	(void)state;
	rows[1].fd.exhaustion_known = true;
	rows[1].fd.exhausted_in_s = 41;
	ask(20, NULL);
	assert_non_null(strstr(line, "; full in about 41 s | "));
	rows[1].fd.exhausted_in_s = 3878;
	ask(20, NULL);
	assert_non_null(strstr(line, "; full in about 65 min | "));
	rows[1].fd.used = 1024; /* it is */
	ask(20, NULL);
	assert_null(strstr(line, "full in"));
}

/* A bar would begin performance data, a newline a second line. */
static void names_are_harmless(void **state)
{
	(void)state;
	snprintf(rows[1].who.comm, sizeof(rows[1].who.comm), "a|b\n\033[2Jc\xff");
	assert_int_equal(ask(20, NULL), VERDICT_WARNING);
	assert_null(strchr(line, '\n'));
	assert_null(strchr(line, '\033'));
	assert_ptr_equal(strchr(line, '|'), strrchr(line, '|'));
	assert_non_null(strstr(line, " | 'usage'="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(host_is_as_its_fullest, set_up),
		cmocka_unit_test_setup(by_name, set_up),
		cmocka_unit_test_setup(refused_is_critical, set_up),
		cmocka_unit_test_setup(programs_are_judged_by_what_they_take, set_up),
		cmocka_unit_test_setup(suspicion_is_a_warning, set_up),
		cmocka_unit_test_setup(one_is_asked_for, set_up),
		cmocka_unit_test_setup(one_look_is_no_all_clear, set_up),
		cmocka_unit_test_setup(ranges, set_up),
		cmocka_unit_test_setup(time_is_in_a_fitting_unit, set_up),
		cmocka_unit_test_setup(names_are_harmless, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
