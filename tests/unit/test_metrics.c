/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/metrics.h"

#define ROWS 300

static struct roster_row rows[ROWS];
static struct roster roster;
static char names[ROWS][32];

static int set_up(void **state)
{
	(void)state;
	memset(rows, 0, sizeof(rows));
	roster = (struct roster){
		.system = {.known = true, .allocated = 960, .max = 100000},
		.self = {.pid = 1,
			 .sensor = "fexit",
			 .snapshot = "prog-run",
			 .snapshot_ns = 1500000,
			 .processes = 3,
			 .descriptors = 77,
			 .torn = 4},
		.alerts = {[POLICY_LEVEL_CRITICAL] = 2},
		.refused = 9,
		.rows = rows,
	};
	return 0;
}

static struct roster_row *add(const char *service, uint64_t used, uint64_t soft)
{
	struct roster_row *row = &rows[roster.len];

	*row = (struct roster_row){
		.who = {.pid = 100 + (int)roster.len, .comm = "worker"},
		.fd = {.known = true, .count = used, .used = used, .soft_limit = soft},
	};
	if (service) {
		snprintf(names[roster.len], sizeof(names[0]), "%s", service);
		row->who.service = names[roster.len];
	}
	roster.len++;
	return row;
}

static char *text(void)
{
	char *out = NULL;
	size_t len = 0;

	assert_int_equal(metrics_text(&roster, &out, &len), 0);
	assert_int_equal(strlen(out), len);
	return out;
}

static void has(const char *all, const char *line)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(all, whole))
		fail_msg("no line %s in %s", line, all);
}

static size_t count(const char *all, const char *what)
{
	size_t n = 0;

	while ((all = strstr(all, what))) {
		n++;
		all++;
	}
	return n;
}

static void test_host_and_self(void **state)
{
	char *out = text();

	(void)state;
	has(out, "fdwarden_files_allocated 960");
	has(out, "fdwarden_files_max 100000");
	has(out, "fdwarden_processes 3");
	has(out, "fdwarden_refused_calls_total 9");
	has(out, "fdwarden_incidents{level=\"critical\"} 2");
	has(out, "fdwarden_incidents{level=\"warning\"} 0");
	has(out, "fdwarden_snapshot_seconds 0.001500");
	has(out, "fdwarden_losses_total{what=\"torn\"} 4");
	has(out, "# TYPE fdwarden_losses_total counter");
	assert_null(strstr(out, "fdwarden_nr_open"));
	free(out);
}

static void test_what_is_not_known_is_absent(void **state)
{
	struct roster_row *row = add(NULL, 0, 0);
	char *out;

	(void)state;
	row->fd = (struct alert_fd){0};
	roster.system.known = false;
	out = text();
	assert_null(strstr(out, "fdwarden_files"));
	assert_null(strstr(out, "pid="));
	free(out);
}

static void test_process(void **state)
{
	struct roster_row *row = add("web.service", 972, 1024);
	char *out;

	(void)state;
	row->fd.growth_known = true;
	row->fd.growth_per_s = -1.5;
	row->refused = 17;
	out = text();
#define LABELS "{pid=\"100\",name=\"worker\",service=\"web.service\"}"
	has(out, "fdwarden_process_used_descriptors" LABELS " 972");
	has(out, "fdwarden_process_soft_limit" LABELS " 1024");
	has(out, "fdwarden_process_usage_ratio" LABELS " 0.94921875");
	has(out, "fdwarden_process_growth_per_second" LABELS " -1.5");
	has(out, "fdwarden_process_refused_calls_total" LABELS " 17");
	free(out);
}

static void test_no_share_of_no_limit(void **state)
{
	char *out;

	(void)state;
	add(NULL, 5, UINT64_MAX);
	add(NULL, 5, 0);
	add(NULL, 64, 64)->fd.sealed = true;
	out = text();
	assert_null(strstr(out, "\nfdwarden_process_usage_ratio{"));
	assert_int_equal(count(out, "\nfdwarden_process_soft_limit{"), 2);
	free(out);
}

static void test_services(void **state)
{
	char *out;

	(void)state;
	add("b.service", 10, 100);
	add("a.service", 50, 100);
	add("b.service", 30, 100);
	add(NULL, 99, 100);
	out = text();
	has(out, "fdwarden_service_processes{service=\"b.service\"} 2");
	has(out, "fdwarden_service_descriptors{service=\"b.service\"} 40");
	has(out, "fdwarden_service_usage_ratio{service=\"b.service\"} 0.3");
	has(out, "fdwarden_service_usage_ratio{service=\"a.service\"} 0.5");
	assert_int_equal(count(out, "\nfdwarden_service_processes{"), 2);
	free(out);
}

/* However many there are: trouble first, then the fullest. */
static void test_bounded(void **state)
{
	char name[32];
	char *out;

	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		snprintf(name, sizeof(name), "s%03u.service", i);
		add(name, i, 1000);
	}
	strcpy(rows[3].incident, "some");
	out = text();
	assert_int_equal(count(out, "\nfdwarden_process_usage_ratio{"),
			 METRICS_PROCESSES);
	assert_int_equal(count(out, "\nfdwarden_service_usage_ratio{"),
			 METRICS_SERVICES);
	assert_non_null(strstr(out, "ratio{pid=\"103\""));
	assert_non_null(strstr(out, "ratio{pid=\"399\""));
	assert_non_null(strstr(out, "ratio{pid=\"351\""));
	assert_null(strstr(out, "ratio{pid=\"350\""));
	assert_non_null(strstr(out, "ratio{service=\"s100.service\"}"));
	assert_null(strstr(out, "ratio{service=\"s099.service\"}"));
	free(out);
}

static void test_hostile_names(void **state)
{
	struct roster_row *row = add("x\"} 1\nevil 2\\.service", 1, 2);
	char *out;

	(void)state;
	strcpy(row->who.comm, "a\x1b[2J\xff\n\"\\");
	out = text();
	assert_null(strstr(out, "\nevil"));
	assert_null(strchr(out, '\x1b'));
	assert_null(strchr(out, '\xff'));
	has(out, "fdwarden_process_usage_ratio{pid=\"100\",name=\"a\xef\xbf\xbd[2J"
		 "\xef\xbf\xbd\xef\xbf\xbd\\\"\\\\\","
		 "service=\"x\\\"} 1\xef\xbf\xbd"
		 "evil 2\\\\.service\"} 0.5");
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_host_and_self, set_up),
		cmocka_unit_test_setup(test_what_is_not_known_is_absent, set_up),
		cmocka_unit_test_setup(test_process, set_up),
		cmocka_unit_test_setup(test_no_share_of_no_limit, set_up),
		cmocka_unit_test_setup(test_services, set_up),
		cmocka_unit_test_setup(test_bounded, set_up),
		cmocka_unit_test_setup(test_hostile_names, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
