/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/line_buffer.h"
#include "server/request.h"

static struct request request;
static char why[256];

static enum request_error parse(const char *line)
{
	request_clear(&request);
	*why = 0;
	return request_parse(line, strlen(line), &request, why, sizeof(why));
}

static void requests_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"request\":\"snapshot\"}"), REQUEST_OK);
	assert_int_equal(request.kind, REQUEST_SNAPSHOT);
	assert_int_equal(request.since, 0);
	assert_null(request.pids);
	assert_string_equal(request.id, "");
	assert_int_equal(parse("{\"request\":\"snapshot\",\"since\":1767323045678,"
			       "\"pids\":[9,1,5],\"id\":7,\"new\":{}}\r"),
			 REQUEST_OK);
	assert_int_equal(request.since, 1767323045678);
	assert_int_equal(request.pids_len, 3);
	assert_int_equal(request.pids[0], 1);
	assert_int_equal(request.pids[2], 9);
	assert_string_equal(request.id, "7");
	assert_int_equal(parse("{\"request\":\"snapshot\",\"pids\":[]}"), REQUEST_OK);
	assert_non_null(request.pids);
	assert_int_equal(
		parse("{\"request\":\"process\",\"pid\":12,\"id\":\"a\\\"b\"}"),
		REQUEST_OK);
	assert_int_equal(request.pid, 12);
	assert_int_equal(request.width, 80);
	assert_string_equal(request.id, "\"a\\\"b\"");
	assert_int_equal(parse("{\"request\":\"process\",\"pid\":1,\"width\":120}"),
			 REQUEST_OK);
	assert_int_equal(request.width, 120);
	assert_int_equal(parse("{\"request\":\"kinds\",\"pids\":[3],\"id\":null}"),
			 REQUEST_OK);
	assert_string_equal(request.id, "null");
	assert_int_equal(parse("{\"request\":\"subscribe\",\"recent\":1e9}"),
			 REQUEST_OK);
	assert_int_equal(request.recent, REQUEST_RECENT_MAX);
	assert_int_equal(parse("{\"request\":\"self\"}"), REQUEST_OK);
	request_clear(&request);
}

static void questions_about_incidents(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"request\":\"incidents\"}"), REQUEST_OK);
	assert_int_equal(request.kind, REQUEST_INCIDENTS);
	assert_int_equal(request.pid, 0);
	assert_int_equal(request.max, REQUEST_PAST_DEFAULT);
	assert_null(request.service);
	assert_int_equal(
		parse("{\"request\":\"incidents\",\"pid\":9,\"start_ns\":"
		      "\"1767323045678901234\",\"service\":\"a.service\",\"max\":999}"),
		REQUEST_OK);
	assert_int_equal(request.pid, 9);
	assert_true(request.start_ns == 1767323045678901234ull);
	assert_string_equal(request.service, "a.service");
	assert_int_equal(request.max, REQUEST_PAST_MAX);
	assert_int_equal(
		parse("{\"request\":\"report\",\"incident\":\"06cc38e2-599e-4cf2-87f5-"
		      "1dc8afbc5cd7\",\"width\":100,\"ascii\":true}"),
		REQUEST_OK);
	assert_int_equal(request.kind, REQUEST_REPORT);
	assert_string_equal(request.incident, "06cc38e2-599e-4cf2-87f5-1dc8afbc5cd7");
	assert_int_equal(request.width, 100);
	assert_true(request.ascii);
	request_clear(&request);
}

static void nonsense_is_named(void **state)
{
	static const struct {
		const char *line;
		enum request_error error;
		const char *why;
	} cases[] = {
		{"", REQUEST_BAD, "one JSON object"},
		{"GET / HTTP/1.1", REQUEST_BAD, "one JSON object"},
		{"[]", REQUEST_BAD, "one JSON object"},
		{"{\"request\":\"self\"", REQUEST_BAD, "one JSON object"},
		{"{}", REQUEST_BAD, "'request'"},
		{"{\"request\":3}", REQUEST_BAD, "'request'"},
		{"{\"request\":\"reboot\"}", REQUEST_UNKNOWN, "there are snapshot"},
		{"{\"request\":\"Self\"}", REQUEST_UNKNOWN, "there are"},
		{"{\"request\":\"process\"}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"process\",\"pid\":0}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"process\",\"pid\":1.5}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"process\",\"pid\":4e9}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"process\",\"pid\":\"1\"}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"process\",\"pid\":1,\"width\":1}", REQUEST_BAD,
		 "'width'"},
		{"{\"request\":\"snapshot\",\"since\":-1}", REQUEST_BAD, "'since'"},
		{"{\"request\":\"snapshot\",\"since\":1e300}", REQUEST_BAD, "'since'"},
		{"{\"request\":\"snapshot\",\"pids\":1}", REQUEST_BAD, "'pids'"},
		{"{\"request\":\"snapshot\",\"pids\":[1,\"2\"]}", REQUEST_BAD,
		 "'pids'"},
		{"{\"request\":\"kinds\"}", REQUEST_BAD, "'pids'"},
		{"{\"request\":\"self\",\"id\":{}}", REQUEST_BAD, "'id'"},
		{"{\"request\":\"incidents\",\"pid\":-1}", REQUEST_BAD, "'pid'"},
		{"{\"request\":\"incidents\",\"start_ns\":5}", REQUEST_BAD,
		 "'start_ns'"},
		{"{\"request\":\"incidents\",\"start_ns\":\"5x\"}", REQUEST_BAD,
		 "'start_ns'"},
		{"{\"request\":\"incidents\",\"max\":0}", REQUEST_BAD, "'max'"},
		{"{\"request\":\"incidents\",\"service\":\"\"}", REQUEST_BAD,
		 "'service'"},
		{"{\"request\":\"report\"}", REQUEST_BAD, "'incident'"},
		{"{\"request\":\"report\",\"incident\":\"\"}", REQUEST_BAD,
		 "'incident'"},
		{"{\"request\":\"report\",\"incident\":\"../a\"}", REQUEST_BAD,
		 "'incident'"},
		{"{\"request\":\"report\",\"incident\":\"/etc\"}", REQUEST_BAD,
		 "'incident'"},
		{"{\"request\":\"report\",\"incident\":"
		 "\"06cc38e2-599e-4cf2-87f5-1dc8afbc5cd7a\"}",
		 REQUEST_BAD, "'incident'"},
		{"{\"request\":\"report\",\"incident\":\"a\",\"width\":1}", REQUEST_BAD,
		 "'width'"},
		{"{\"request\":\"self\",\"id\":\"\xff\"}", REQUEST_BAD, "'id'"},
		{"{\"request\":\"subscribe\",\"recent\":\"all\"}", REQUEST_BAD,
		 "'recent'"},
		{"{\"request\":\"raised\",\"pid\":1,\"from\":8}", REQUEST_BAD, "'to'"},
		{"{\"request\":\"raised\",\"pid\":1,\"from\":9,\"to\":9}", REQUEST_BAD,
		 "'to'"},
		{"{\"request\":\"raised\",\"from\":8,\"to\":9}", REQUEST_BAD, "'pid'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (parse(cases[i].line) != cases[i].error)
			fail_msg("%s: %s", cases[i].line, why);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: \"%s\" is not about %s", cases[i].line, why,
				 cases[i].why);
	}
	/* the id is known all the same */
	assert_int_equal(parse("{\"request\":\"x\",\"id\":5}"), REQUEST_UNKNOWN);
	assert_string_equal(request.id, "5");
	request_clear(&request);
}

static void large_ones_are_bounded(void **state)
{
	static char line[REQUEST_LINE_MAX];
	char *at = line;

	(void)state;
	/* as deep as a line is long */
	memset(line, '[', REQUEST_LINE_MAX - 1);
	line[REQUEST_LINE_MAX - 1] = 0;
	assert_int_equal(parse(line), REQUEST_BAD);
	/* brackets in a text are no depth */
	assert_int_equal(
		parse("{\"request\":\"self\",\"id\":\"[[[[[[[[[[[[[[[[[[[[\"}"),
		REQUEST_OK);
	at += sprintf(at, "{\"request\":\"kinds\",\"pids\":[1");
	for (int i = 0; i < REQUEST_KINDS_MAX; i++)
		at += sprintf(at, ",%d", i + 2);
	sprintf(at, "]}");
	assert_int_equal(parse(line), REQUEST_BAD);
	assert_non_null(strstr(why, "at most 256"));
	at = line + sprintf(line, "{\"request\":\"self\",\"id\":\"");
	memset(at, 'a', REQUEST_ID_MAX);
	strcpy(at + REQUEST_ID_MAX, "\"}");
	assert_int_equal(parse(line), REQUEST_BAD);
	request_clear(&request);
}

/* All ways to cut a text into pieces of one length. */
static void lines_come_in_pieces(void **state)
{
	static const char text[] = "one\n\ntwo words\nthree\nrest";
	static const char *const lines[] = {"one", "", "two words", "three"};

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct line_buffer buffer = {.max = 16};
		size_t at = 0, n = 0, len, room;
		const char *line;

		while (at < sizeof(text) - 1) {
			char *to = line_buffer_room(&buffer, &room);

			assert_non_null(to);
			len = piece < sizeof(text) - 1 - at ? piece
							    : sizeof(text) - 1 - at;
			len = len < room ? len : room;
			memcpy(to, text + at, len);
			at += len;
			line_buffer_add(&buffer, len);
			while ((line = line_buffer_next(&buffer, &len))) {
				assert_true(n < 4);
				assert_int_equal(len, strlen(lines[n]));
				assert_memory_equal(line, lines[n++], len);
			}
		}
		assert_int_equal(n, 4);
		line_buffer_clear(&buffer);
	}
}

static void long_lines_find_no_room(void **state)
{
	struct line_buffer buffer = {.max = 5000};
	size_t room, total = 0;
	char *to;

	(void)state;
	while ((to = line_buffer_room(&buffer, &room))) {
		memset(to, 'x', room);
		line_buffer_add(&buffer, room);
		total += room;
		assert_null(line_buffer_next(&buffer, &room));
	}
	assert_int_equal(total, 5000);
	line_buffer_clear(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(questions_about_incidents),
		cmocka_unit_test(nonsense_is_named),
		cmocka_unit_test(large_ones_are_bounded),
		cmocka_unit_test(lines_come_in_pieces),
		cmocka_unit_test(long_lines_find_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
