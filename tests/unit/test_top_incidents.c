// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostile_names.h"
#include "top/incident_rows.h"
#include "top/reply.h"

/* ---- what a reply gives ---- */

static struct incident_rows rows;
static char *report; /* its lines, each with a newline */
static char error[64];

static void on_incidents(void *context, const struct source_incidents *incidents)
{
	(void)context;
	assert_null(incidents->error);
	assert_int_equal(incidents->pid, 7);
	assert_int_equal(incidents->start_ns, 70);
	incident_rows_take(&rows, incidents);
}

static void on_report(void *context, const struct source_report *from)
{
	size_t size = 1;

	(void)context;
	free(report);
	for (size_t i = 0; i < from->len; i++)
		size += strlen(from->lines[i]) + 1;
	report = calloc(1, size);
	for (size_t i = 0; i < from->len; i++)
		strcat(strcat(report, from->lines[i]), "\n");
}

static const struct source_handlers handlers = {.incidents = on_incidents,
						.report = on_report};

static void take(const char *text)
{
	cJSON *json = cJSON_Parse(text);

	assert_non_null(json);
	if (strstr(text, "\"page\""))
		reply_report(json, "aa", &handlers);
	else
		reply_incidents(json, 7, 70, &handlers);
	cJSON_Delete(json);
}

static int clear(void **state)
{
	(void)state;
	incident_rows_clear(&rows);
	free(report);
	report = NULL;
	error[0] = 0;
	return 0;
}

/* ---- tests ---- */

static void test_rows(void **state)
{
	(void)state;
	take("{\"reply\":\"incidents\",\"left_off\":3,\"unreadable\":2,"
	     "\"incidents\":["
	     "{\"incident\":\"aa\",\"began\":\"2026-01-02T03:04:05.6Z\",\"ended\":"
	     "\"2026-01-02T03:08:08Z\",\"duration\":243000000000,\"who\":\"api[7] of "
	     "api.service\",\"worst\":\"exhausted\",\"refused\":12,\"cause\":\"It "
	     "leaks\",\"line\":\"f() at /a.go:3\"},"
	     "{\"incident\":\"bb\",\"began\":\"2026-01-02T01:00:00Z\",\"duration\":"
	     "5000000000,\"who\":\"api[6]\",\"worst\":\"warning\"}]}");
	assert_int_equal(rows.len, 2);
	assert_int_equal(rows.left_off, 3);
	assert_int_equal(rows.unreadable, 2);
	assert_string_equal(rows.rows[0].text,
			    "2026-01-02 03:04  4 min 3 s   exhausted         12  "
			    "api[7] of api.service");
	assert_string_equal(rows.rows[0].cause, "It leaks");
	assert_string_equal(rows.rows[0].line, "f() at /a.go:3");
	assert_string_equal(rows.rows[0].worst, "exhausted");
	/* of one that goes on no duration is told */
	assert_string_equal(
		rows.rows[1].text,
		"2026-01-02 01:00  -           warning            0  api[6]");
	assert_string_equal(rows.rows[1].cause, "");
	/* the columns are below their names */
	assert_ptr_equal(strstr(INCIDENT_ROWS_TITLE, "WHO") - INCIDENT_ROWS_TITLE,
			 strstr(rows.rows[1].text, "api") - rows.rows[1].text);
}

/* The selected one stays it when a new one comes, and is another when it goes. */
static void test_find(void **state)
{
	(void)state;
	assert_int_equal(incident_rows_find(&rows, "aa", 4), 0);
	take("{\"incidents\":[{\"incident\":\"cc\"},{\"incident\":\"aa\"},"
	     "{\"incident\":\"bb\"}]}");
	assert_int_equal(incident_rows_find(&rows, "aa", 0), 1);
	assert_int_equal(incident_rows_find(&rows, "dd", 1), 1);
	assert_int_equal(incident_rows_find(&rows, "dd", 9), 2);
}

/* What a daemon sends may be anything. */
static void test_nonsense(void **state)
{
	(void)state;
	take("{\"incidents\":[7,null,{},{\"incident\":5},{\"incident\":\"aa\","
	     "\"began\":\"soon\",\"duration\":-4,\"refused\":\"x\",\"who\":[]}]}");
	assert_int_equal(rows.len, 1);
	take("{\"incidents\":7}");
	assert_int_equal(rows.len, 0);
	take("{\"page\":[\"one\",2,\"\",\"three\"]}");
	assert_string_equal(report, "one\n\nthree\n");
	take("{\"page\":{}}");
	assert_string_equal(report, "");
}

static void test_long_ones(void **state)
{
	struct source_incident one = {.worst = "much-worse-than-it-ever-was"};
	struct source_incidents list = {.rows = &one, .len = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile_names) / sizeof(hostile_names[0]); i++) {
		one.id = one.who = one.cause = one.line = hostile_names[i];
		incident_rows_take(&rows, &list);
		assert_int_equal(rows.len, 1);
		assert_string_equal(rows.rows[0].cause, hostile_names[i]);
		assert_string_equal(strstr(rows.rows[0].text, "       0  ") + 10,
				    hostile_names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_rows, clear),
		cmocka_unit_test_teardown(test_find, clear),
		cmocka_unit_test_teardown(test_nonsense, clear),
		cmocka_unit_test_teardown(test_long_ones, clear),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
