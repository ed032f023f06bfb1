/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <unistd.h>

#include "output/incident.h"

#define ID   "06cc38e2-599e-4cf2-87f5-1dc8afbc5cd7"
#define BOOT "820315ae-b3e1-435d-8797-2adede9b8da4"
#define ALERT                                                                          \
	"{\"@timestamp\":\"2026-11-26T07:13:09.292467Z\",\"event\":{\"action\":"       \
	"\"fd-warning\"},\"message\":\"a\"}\n"

static const struct policy_settings settings = {
	.warn_bp = 8000,
	.critical_bp = 9500,
	.hysteresis_bp = 500,
	.dwell_ns = 250000000,
	.repeat_ns = 900000000000ull,
	.min_limit = 16,
	.leak = true,
};

static const struct incident_begin begin = {
	.id = ID,
	.boot_id = BOOT,
	.at_ns = (1ull << 60) + 1, /* no double has it */
	.boot_realtime_ns = 1795967293447742625ull,
	.policy = {.table_seen = true,
		   .last_soft_limit = UINT64_MAX,
		   .above_ns = {0, 77, 78},
		   .seal_refusals = 2,
		   .soon = true},
	.past = {{.at_ns = 5, .used = 0}, {.at_ns = 1, .for_ns = 10, .used = 3}},
	.past_len = 2,
};

static const struct incident_seen seen = {
	.process = {.now_ns = (1ull << 60) + 3,
		    .has_table = true,
		    .count = 65,
		    .used = 64,
		    .soft_limit = 64,
		    .own_limit_known = true,
		    .refusal = POLICY_REFUSAL_OTHER,
		    .other_limit = 7,
		    .leak = POLICY_LEAK_SUSPECTED,
		    .settled = true},
	.again = true,
	.decided = {{.action = POLICY_FD_EXHAUSTED, .opens = true},
		    {.action = POLICY_OTHER_LIMIT, .limit = 7, .repeats = true},
		    {.action = POLICY_FD_RECOVERED,
		     .reason = POLICY_REASON_LIMIT_RAISED}},
	.decided_len = 3,
	.refused_known = true,
	.refused = {{.name = "openat", .error = EMFILE, .count = UINT64_MAX}},
	.refused_len = 1,
};

/* All lines of the list, as one text, to be freed. */
static char *text_of(char *lines[], size_t n, size_t *len)
{
	char *text = calloc(1, 1 << 16);

	assert_non_null(text);
	*len = 0;
	for (size_t i = 0; i < n; i++) {
		assert_non_null(lines[i]);
		*len += (size_t)sprintf(text + *len, "%s", lines[i]);
		free(lines[i]);
	}
	return text;
}

static char *whole(size_t *len)
{
	char *lines[] = {incident_begin_line(&begin),
			 incident_seen_line(&seen, &settings),
			 strdup(ALERT),
			 incident_seen_line(&seen, NULL),
			 incident_lost_line(3),
			 incident_short_line("fd-critical", "<b>\x1b[31m", 1),
			 incident_full_line()};

	return text_of(lines, sizeof(lines) / sizeof(lines[0]), len);
}

static void check_seen(const struct incident_seen *got)
{
	assert_memory_equal(&got->process, &seen.process, sizeof(seen.process));
	assert_int_equal(got->settings.warn_bp, 8000);
	assert_true(got->settings.leak && got->settings_known);
	assert_true(got->again);
	assert_int_equal(got->decided_len, 3);
	assert_int_equal(got->decided[1].action, POLICY_OTHER_LIMIT);
	assert_int_equal(got->decided[1].limit, 7);
	assert_true(got->decided[1].repeats && !got->decided[1].opens);
	assert_int_equal(got->decided[2].reason, POLICY_REASON_LIMIT_RAISED);
	assert_true(got->refused_known);
	assert_int_equal(got->refused_len, 1);
	assert_string_equal(got->refused[0].name, "openat");
	assert_true(got->refused[0].count == UINT64_MAX);
}

static void test_all_comes_back(void **state)
{
	struct incident incident;
	size_t len;
	char *text = whole(&len);

	(void)state;
	assert_int_equal(incident_read(text, len, &incident), 0);
	assert_int_equal(incident.damaged, 0);
	assert_true(incident.begun && !incident.begin.is_system);
	assert_string_equal(incident.begin.id, ID);
	assert_true(incident.begin.at_ns == begin.at_ns);
	assert_true(incident.begin.policy.last_soft_limit == UINT64_MAX);
	assert_int_equal(incident.begin.policy.above_ns[2], 78);
	assert_int_equal(incident.begin.policy.seal_refusals, 2);
	assert_true(incident.begin.policy.soon);
	assert_int_equal(incident.begin.past_len, 2);
	assert_int_equal(incident.begin.past[1].for_ns, 10);
	assert_int_equal(incident.seen_len, 2);
	check_seen(&incident.seen[0]);
	check_seen(&incident.seen[1]);
	assert_int_equal(incident.alerts_len, 2);
	assert_int_equal(incident.lost, 3);
	assert_true(incident.shortened);
	incident_clear(&incident);
	free(text);
}

static void test_system(void **state)
{
	struct incident_begin of_system = begin;
	struct incident_seen files = {
		.is_system = true,
		.system = {.now_ns = 9, .known = true, .allocated = 7, .max = 8},
		.decided = {{.action = POLICY_SYSTEM_CRITICAL, .opens = true}},
		.decided_len = 1};
	struct incident incident;
	char *lines[2], *text;
	size_t len;

	(void)state;
	of_system.is_system = of_system.resumed = true;
	of_system.system_policy.told_max = 5;
	lines[0] = incident_begin_line(&of_system);
	lines[1] = incident_seen_line(&files, &settings);
	text = text_of(lines, 2, &len);
	assert_int_equal(incident_read(text, len, &incident), 0);
	assert_true(incident.begin.is_system && incident.resumed_len == 1);
	assert_int_equal(incident.begin.system_policy.told_max, 5);
	assert_true(incident.seen[0].is_system && incident.seen[0].system.known);
	assert_int_equal(incident.seen[0].system.allocated, 7);
	incident_clear(&incident);
	free(text);
}

/* Wherever it was cut: what was whole before it is read. */
static void test_torn(void **state)
{
	struct incident incident;
	size_t len, first;
	char *text = whole(&len);

	(void)state;
	first = (size_t)(strchr(text, '\n') - text);
	for (size_t cut = 0; cut <= len; cut++) {
		char *copy = malloc(cut + 1); /* of that size: for a sanitizer */
		int err;

		memcpy(copy, text, cut);
		err = incident_read(copy, cut, &incident);
		assert_int_equal(err, cut < first ? -EINVAL : 0);
		assert_true(incident.damaged <= 1);
		if (!err)
			assert_true(incident.begun);
		incident_clear(&incident);
		free(copy);
	}
	free(text);
}

/* One byte after the other is something else: no line but its own is lost. */
static void test_damaged(void **state)
{
	static const char bytes[] = {0, '"', '{', ']', '9', '\n', (char)0xff};
	struct incident incident;
	size_t len;
	char *text = whole(&len);

	(void)state;
	for (size_t at = 0; at < len; at++) {
		char was = text[at];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			text[at] = bytes[i];
			if (!incident_read(text, len, &incident))
				assert_true(incident.damaged <= 2 &&
					    incident.seen_len <= 2);
			incident_clear(&incident);
		}
		text[at] = was;
	}
	free(text);
}

static void test_nothing_of_a_record(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"[]\n",
		"{}\n",
		"null",
		"{\"begin\":{}}\n",
		"{\"begin\":{\"version\":2}}\n",
		"{\"seen\":{\"used\":5}}\n",
		"{\"event\":{}}\n",
		"{\"seen\":{\"refusal\":3},\"settings\":{}}\n",
		"{\"seen\":{},\"settings\":{},\"decided\":[{\"action\":\"x\"}]}\n",
	};
	struct incident incident;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(incident_read(texts[i], strlen(texts[i]), &incident),
				 -EINVAL);
		incident_clear(&incident);
	}
}

static void test_names_of_files(void **state)
{
	static const char *const others[] = {
		"",
		"new",
		"..",
		"/etc/passwd",
		ID,
		ID "x",
		ID ".jsonl.gz",
		"../" ID ".jsonl",
		"06CC38E2-599e-4cf2-87f5-1dc8afbc5cd7.jsonl",
	};
	char name[INCIDENT_FILE_LEN], id[ALERT_ID_LEN];

	(void)state;
	incident_file(ID, name);
	assert_string_equal(name, ID ".jsonl");
	assert_true(incident_of_file(name, id));
	assert_string_equal(id, ID);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(incident_of_file(others[i], id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_comes_back),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_nothing_of_a_record),
		cmocka_unit_test(test_names_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
