/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/exposition.h"
#include "output/metrics.h"

#include <uthash.h>

#define ROWS 500
#define MANY 300

static struct roster_row rows[ROWS];
static struct roster roster;
static char names[ROWS][32];
static struct metrics *metrics;
static struct ledger_figures counted;

static int set_up(void **state)
{
	(void)state;
	memset(rows, 0, sizeof(rows));
	memset(&counted, 0, sizeof(counted));
	metrics = metrics_new(false);
	assert_non_null(metrics);
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

static int tear_down(void **state)
{
	(void)state;
	metrics_free(metrics);
	ledger_figures_clear(&counted);
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

static char *text_of(bool open_metrics)
{
	char *out = NULL;
	size_t len = 0;

	assert_int_equal(
		metrics_text(metrics, &roster, &counted, open_metrics, &out, &len), 0);
	assert_int_equal(strlen(out), len);
	return out;
}

static char *text(void)
{
	return text_of(false);
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
	has(out, "fdwarden_snapshot_seconds 0.0015");
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
	/* By pid only while it is in an incident. */
	assert_null(strstr(out, "pid="));
	free(out);
	strcpy(row->incident, "some");
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
	strcpy(add(NULL, 5, UINT64_MAX)->incident, "some");
	strcpy(add(NULL, 5, 0)->incident, "some");
	add(NULL, 64, 64)->fd.sealed = true;
	strcpy(rows[2].incident, "some");
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
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "s%03u.service", i);
		add(name, i, 1000);
	}
	strcpy(rows[3].incident, "some");
	out = text();
	assert_int_equal(count(out, "\nfdwarden_process_usage_ratio{"), 1);
	assert_non_null(strstr(out, "process_usage_ratio{pid=\"103\""));
	/* 256, and one for all others. */
	assert_int_equal(count(out, "\nfdwarden_service_usage_ratio{"), 257);
	assert_non_null(strstr(out, "ratio{service=\"s299.service\"}"));
	assert_non_null(strstr(out, "ratio{service=\"s045.service\"}"));
	assert_non_null(strstr(out, "ratio{service=\"s003.service\"}"));
	assert_null(strstr(out, "ratio{service=\"s044.service\"}"));
	has(out, "fdwarden_service_processes{service=\"(others)\"} 44");
	has(out, "fdwarden_service_usage_ratio{service=\"(others)\"} 0.044");
	free(out);
}

/* As it was before there were workloads. */
static void test_fullest(void **state)
{
	char *out;

	(void)state;
	metrics_free(metrics);
	metrics = metrics_new(true);
	for (unsigned int i = 0; i < MANY; i++)
		add(NULL, i, 1000);
	strcpy(rows[3].incident, "some");
	out = text();
	assert_int_equal(count(out, "\nfdwarden_process_usage_ratio{"),
			 METRICS_PROCESSES);
	assert_non_null(strstr(out, "ratio{pid=\"103\""));
	assert_non_null(strstr(out, "ratio{pid=\"351\""));
	assert_null(strstr(out, "ratio{pid=\"350\""));
	free(out);
}

/* An incident without a level is a suspected leak, or another limit's: never both. */
static void test_incidents_without_a_level(void **state)
{
	struct roster_row *row = add("leaky.service", 10, 100);
	char *out;

	(void)state;
	strcpy(row->incident, "one");
	row->fd.leak_suspected = true;
	row = add("refused.service", 10, 100);
	strcpy(row->incident, "two");
	row = add("near.service", 90, 100);
	strcpy(row->incident, "three");
	row->level = POLICY_LEVEL_WARNING;
	row->fd.leak_suspected = true;
	out = text();
	has(out, "fdwarden_service_incidents{service=\"leaky.service\","
		 "level=\"leak-suspected\"} 1");
	has(out, "fdwarden_service_incidents{service=\"leaky.service\","
		 "level=\"other-limit\"} 0");
	has(out, "fdwarden_service_incidents{service=\"refused.service\","
		 "level=\"other-limit\"} 1");
	has(out, "fdwarden_service_incidents{service=\"near.service\","
		 "level=\"warning\"} 1");
	has(out, "fdwarden_service_incidents{service=\"near.service\","
		 "level=\"leak-suspected\"} 0");
	free(out);
	assert_int_equal(roster_trouble(POLICY_LEVEL_OK, true), ROSTER_LEAK);
	assert_int_equal(roster_trouble(POLICY_LEVEL_OK, false), ROSTER_OTHER_LIMIT);
	assert_int_equal(roster_trouble(POLICY_LEVEL_CRITICAL, true),
			 POLICY_LEVEL_CRITICAL);
}

/* Of the fullest process, and sums. */
static void test_workload_figures(void **state)
{
	struct roster_row *row = add("web.service", 10, 100);
	char *out;

	(void)state;
	row->fd.growth_known = true;
	row->fd.growth_per_s = 1.5;
	row = add("web.service", 900, 1000);
	row->fd.hard_limit = 4096;
	row->fd.growth_known = row->fd.exhaustion_known = true;
	row->fd.growth_per_s = 2;
	row->fd.exhausted_in_s = 50;
	row->fd.leak_suspected = true;
	row->level = POLICY_LEVEL_WARNING;
	strcpy(row->incident, "some");
	row->who.uid = 3999999999u;
	row->who.container_id = "4f0c";
	row->who.pod_uid = "b5f1";
	out = text();
	has(out, "fdwarden_service_descriptors{service=\"web.service\"} 910");
	has(out, "fdwarden_service_used_descriptors{service=\"web.service\"} 900");
	has(out, "fdwarden_service_soft_limit{service=\"web.service\"} 1000");
	has(out, "fdwarden_service_hard_limit{service=\"web.service\"} 4096");
	has(out, "fdwarden_service_growth_per_second{service=\"web.service\"} 3.5");
	has(out, "fdwarden_service_seconds_to_full{service=\"web.service\"} 50");
	has(out, "fdwarden_service_leaking_processes{service=\"web.service\"} 1");
	has(out,
	    "fdwarden_service_incidents{service=\"web.service\",level=\"warning\"} 1");
	has(out, "fdwarden_service_incidents{service=\"web.service\","
		 "level=\"exhausted\"} 0");
	has(out, "fdwarden_container_usage_ratio{container_id=\"4f0c\"} 0.9");
	has(out, "fdwarden_pod_usage_ratio{pod_uid=\"b5f1\"} 0.9");
	has(out, "fdwarden_user_descriptors{uid=\"3999999999\"} 900");
	row->who.claimed_by = "user@1000.service";
	free(out);
	out = text();
	has(out, "fdwarden_container_processes{container_id=\"user@1000.service/4f0c\"}"
		 " 1");
	free(out);
}

/* From 0 on; and by call what there was. */
static void test_refused(void **state)
{
	struct ledger *ledger = ledger_new();
	struct roster_row *row = add("web.service", 10, 100);
	static const char *const many[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
	char *out = text();

	(void)state;
	has(out, "fdwarden_service_refused_calls_total{service=\"web.service\","
		 "errno=\"EMFILE\"} 0");
	has(out, "fdwarden_alerts_total{action=\"fd-exhausted\"} 0");
	free(out);
	ledger_refused(ledger, &row->who, true, "openat", EMFILE, 3, 1);
	ledger_refused(ledger, &row->who, true, "openat", EMFILE, 2, 2);
	ledger_refused(ledger, &row->who, true, "mmap", ENOMEM, 1, 2);
	for (size_t i = 0; i < 9; i++)
		ledger_refused(ledger, &row->who, true, many[i], ENFILE, 1, 2);
	ledger_alert(ledger, POLICY_FD_EXHAUSTED);
	assert_int_equal(ledger_copy(ledger, &counted), 0);
	ledger_free(ledger);
	roster.len = 0; /* its end takes nothing away */
	out = text();
#define WEB "{service=\"web.service\","
	has(out, "fdwarden_service_refused_calls_total" WEB "errno=\"EMFILE\"} 5");
	has(out, "fdwarden_service_refused_calls_total" WEB "errno=\"ENFILE\"} 9");
	has(out, "fdwarden_service_refused_calls_total" WEB "errno=\"other\"} 1");
	has(out, "fdwarden_service_refused_by_call_total" WEB
		 "call=\"openat\",errno=\"EMFILE\"} 5");
	has(out, "fdwarden_service_refused_by_call_total" WEB
		 "call=\"(others)\",errno=\"any\"} 3");
	has(out, "fdwarden_user_refused_calls_total{uid=\"0\",user=\"root\","
		 "errno=\"EMFILE\"} 5");
	has(out, "fdwarden_alerts_total{action=\"fd-exhausted\"} 1");
	free(out);
}

/* ---- a day ---- */

struct series {
	UT_hash_handle hh;
	char name[];
};

/* Adds those of a text. Each stands in it once. */
static void add_series(struct series **all, char *out)
{
	struct series *now = NULL, *found, *next;

	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		size_t len = (size_t)(strrchr(line, ' ') - line);

		if (*line == '#')
			continue;
		HASH_FIND(hh, now, line, len, found);
		if (found)
			fail_msg("twice: %s", line);
		found = calloc(1, sizeof(*found) + len + 1);
		memcpy(found->name, line, len);
		HASH_ADD_KEYPTR(hh, now, found->name, len, found);
	}
	HASH_ITER (hh, now, found, next) {
		struct series *known;

		HASH_DEL(now, found);
		HASH_FIND(hh, *all, found->name, strlen(found->name), known);
		if (known)
			free(found);
		else
			HASH_ADD_KEYPTR(hh, *all, found->name, strlen(found->name),
					found);
	}
}

static size_t free_series(struct series *all)
{
	size_t n = HASH_COUNT(all);
	struct series *one, *next;

	HASH_ITER (hh, all, one, next) {
		HASH_DEL(all, one);
		free(one);
	}
	return n;
}

#define LOOKS    100
#define PER_LOOK 500 /* processes that are there for one look alone */

/* The worst of hosts: each process has a service, container, pod and user of its own, is in
 * an incident, and was refused calls. */
static void fill_look(unsigned int look, struct ledger *ledger, char ids[][32])
{
	static const char *const calls[] = {
		"openat", "accept4",  "socket", "dup",   "pipe2",
		"fcntl",  "eventfd2", "open",   "creat", "epoll_create1"};

	roster.len = 0;
	roster.realtime_ns = (look + 1) * (LABEL_VALUE_KEEP_NS / LOOKS);
	for (unsigned int i = 0; i < PER_LOOK; i++) {
		unsigned int n = look * PER_LOOK + i;
		struct roster_row *row;

		snprintf(ids[i], sizeof(ids[0]), "run-%u.service", n);
		row = add(ids[i], n % 90, 100);
		row->who.pid = (int)n + 2;
		row->who.uid = n + 1;
		row->who.container_id = row->who.pod_uid = row->who.service;
		row->fd.growth_known = row->fd.exhaustion_known = true;
		row->fd.counters_known = true;
		row->fd.hard_limit = 4096;
		strcpy(row->incident, "some");
		for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
			ledger_refused(ledger, &row->who, true, calls[c], EMFILE, 1,
				       roster.realtime_ns);
	}
	assert_int_equal(ledger_copy(ledger, &counted), 0);
}

/* 50,000 short-lived processes within a day. */
static void test_series_of_a_day(void **state)
{
	struct ledger *ledger = ledger_new();
	static char ids[PER_LOOK][32];
	struct series *all = NULL;
	uint64_t others = 0;
	size_t n;

	(void)state;
	for (unsigned int look = 0; look < LOOKS; look++) {
		char *out;

		fill_look(look, ledger, ids);
		out = text();
		add_series(&all, out);
		free(out);
	}
	n = free_series(all);
	print_message("%zu series of %d processes\n", n, LOOKS * PER_LOOK);
	assert_true(n <= METRICS_SERIES_MAX);
	/* None of the refusals is lost for that. */
	for (size_t i = 0; i < counted.len; i++)
		if (counted.lines[i].kind == WORKLOAD_SERVICE)
			others += counted.lines[i].emfile;
	assert_int_equal(others, (uint64_t)LOOKS * PER_LOOK * 10);
	ledger_free(ledger);
}

/* The places of what has gone are free a day later, not before. */
static void test_places(void **state)
{
	struct label_values *values = label_values_new(4);

	(void)state;
	assert_int_equal(label_values_place(values, "a", 0, 1), 0);
	assert_int_equal(label_values_place(values, "b", 1000, 1), 1);
	assert_int_equal(label_values_place(values, "c", 1000, 2), 2);
	/* One user has a half. */
	assert_int_equal(label_values_place(values, "d", 1000, 2), -ENOSPC);
	assert_int_equal(label_values_place(values, "d", 1001, 2), 3);
	assert_int_equal(label_values_place(values, "e", 0, 3), -ENOSPC);
	assert_int_equal(label_values_place(values, "a", 0, 3), 0);
	assert_int_equal(label_values_place(values, "e", 0, 1 + LABEL_VALUE_KEEP_NS),
			 -ENOSPC);
	assert_int_equal(label_values_place(values, "e", 0, 2 + LABEL_VALUE_KEEP_NS),
			 1);
	assert_int_equal(label_values_find(values, "b"), -ENOENT);
	assert_int_equal(label_values_find(values, "a"), 0);
	assert_string_equal(label_values_text(values, 1), "e");
	label_values_free(values);
}

/* One user's many who are refused a call and end at once, and then as many who live: of the
 * others who come later each still has a place. */
static void test_places_of_the_dead(void **state)
{
	size_t half = workload_places(WORKLOAD_USER) / 2;
	struct ledger *ledger = ledger_new();
	struct identity who = {.pid = 2, .charged_uid = 1000};
	char *out;

	(void)state;
	for (uid_t i = 0; i < half; i++) {
		who.uid = 200000 + i;
		ledger_refused(ledger, &who, true, "openat", EMFILE, 1, 1);
	}
	assert_int_equal(ledger_copy(ledger, &counted), 0);
	roster.realtime_ns = 1;
	free(text());
	for (uid_t i = 0; i < half; i++) {
		struct roster_row *row = add(NULL, 10, 100);

		row->who.uid = 300000 + i;
		row->who.charged_uid = 1000;
	}
	free(text());
	for (uid_t i = 0; i < half; i++)
		add(NULL, 10, 100)->who.uid = 4000 + i;
	out = text();
	has(out,
	    "fdwarden_user_refused_calls_total{uid=\"200000\",errno=\"EMFILE\"} 1");
	has(out, "fdwarden_user_processes{uid=\"4000\"} 1");
	has(out, "fdwarden_user_processes{uid=\"4031\"} 1");
	assert_null(strstr(out, "{uid=\"300000\"}"));
	free(out);
	ledger_free(ledger);
}

/* ---- formats ---- */

static void test_open_metrics(void **state)
{
	char *out = text_of(true);

	(void)state;
	has(out, "# TYPE fdwarden_refused_calls counter");
	has(out, "fdwarden_refused_calls_total 9");
	has(out, "# TYPE fdwarden info");
	assert_string_equal(out + strlen(out) - 6, "# EOF\n");
	assert_int_equal(count(out, "# EOF"), 1);
	free(out);
	out = text();
	assert_null(strstr(out, "# EOF"));
	has(out, "# TYPE fdwarden_info gauge");
	free(out);
}

static void test_accept(void **state)
{
	(void)state;
	/* Of Prometheus 2.42 and 3. */
	assert_true(exposition_wants_open_metrics(
		"application/openmetrics-text;version=1.0.0,"
		"application/openmetrics-text;version=0.0.1;q=0.75,"
		"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
	assert_true(exposition_wants_open_metrics(
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		"application/openmetrics-text;version=0.0.1;q=0.5,"
		"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
	assert_false(exposition_wants_open_metrics(NULL));
	assert_false(exposition_wants_open_metrics(""));
	assert_false(exposition_wants_open_metrics("*/*"));
	assert_false(exposition_wants_open_metrics("text/html, application/xml"));
	assert_false(exposition_wants_open_metrics(
		"text/plain, application/openmetrics-text;q=0.5"));
	assert_false(
		exposition_wants_open_metrics("application/openmetrics-text; q=0"));
	assert_false(exposition_wants_open_metrics("application/openmetrics-text;q="));
	assert_false(exposition_wants_open_metrics("application/openmetrics-textual"));
	assert_true(exposition_wants_open_metrics(",,  Application/OpenMetrics-Text"));
}

static void test_hostile_names(void **state)
{
	struct roster_row *row = add("x\"} 1\nevil 2\\.service", 1, 2);
	char *out;

	(void)state;
	strcpy(row->incident, "some");
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
		cmocka_unit_test_setup_teardown(test_host_and_self, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_known_is_absent,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_share_of_no_limit, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_services, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fullest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_workload_figures, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_incidents_without_a_level, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_series_of_a_day, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places_of_the_dead, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_open_metrics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
