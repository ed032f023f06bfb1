/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alerts that are too long for a log's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/alert_lines.h"
#include "output/call_sites.h"

#define S       1000000000ull
#define SITES   5
#define FRAMES  12
#define FILES   60
#define MEMBERS 50

static const struct alert_host host = {.name = "web-3", .boot_id = "b007"};
static struct descriptor descriptors[FILES];
static char paths[FILES][256];

/* A file in a directory of its own each: no two are a group. */
static struct inventory *make_inventory(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(paths[i], sizeof(paths[0]), "/srv/%c%u/%0200u",
			 'a' + (int)(i % 26), i * 7919, i);
		descriptors[i] = (struct descriptor){.fd = i,
						     .file = 1000 + i,
						     .inode = 5000 + i,
						     .kind = DESCRIPTOR_FILE,
						     .path = paths[i]};
	}
	return inventory_new(descriptors, FILES, 100);
}

static struct call_sites *make_calls(const char *function)
{
	struct call_chain *chains = calloc(SITES, sizeof(*chains));
	const struct call_unknown unknown = {.before = 3};
	struct call_opening openings[SITES * (SITES + 1) / 2];
	size_t len = 0;

	for (int i = 0; i < SITES; i++) {
		chains[i].frames = calloc(FRAMES, sizeof(*chains[i].frames));
		chains[i].len = FRAMES;
		for (uint32_t n = 0; n < FRAMES; n++)
			chains[i].frames[n] = (struct call_frame){
				.function = function,
				.file = "/usr/lib/go-1.19/src/net/http/transport.go",
				.line = 100 * (uint32_t)i + n + 1,
				.module = "/srv/api/api",
				.offset = 0x1234};
		for (int n = 0; n <= i; n++)
			openings[len++] = (struct call_opening){.chain = (size_t)i,
								.type = "tcp",
								.opened_ns = len * S};
	}
	return call_sites_make(chains, SITES, openings, len, &unknown, 0, 20 * S);
}

static struct explanation make_why(void)
{
	struct diagnosis_history history = {.used = FILES, .soft_limit = 64};
	struct explanation why = {.inventory = make_inventory()};

	why.diagnoses_len = diagnosis_make(why.inventory, &history, why.diagnoses);
	why.origin_known = true;
	why.origin = (struct origin){.kind = ORIGIN_UNIT,
				     .soft = 64,
				     .hard = 64,
				     .owner = (uid_t)-1,
				     .unit = strdup("app.service"),
				     .evidence = strdup("line 3 sets it")};
	why.advice[0] = (struct advice){
		.action = ADVICE_DROP_IN,
		.value = 4096,
		.text = strdup("Raise it in a drop-in."),
		.commands_len = 2,
	};
	assert_int_equal(command_write(&why.advice[0].commands[0], "/etc/x", "a\n"), 0);
	assert_int_equal(command_make(&why.advice[0].commands[1],
				      "systemctl restart %s", "app.service"),
			 0);
	why.advice_len = 1;
	return why;
}

static struct alert make_alert(struct identity *who)
{
	return (struct alert){
		.time_ns = 1000 * S,
		.what.action = POLICY_FD_CRITICAL,
		.id = "11111111-1111-4111-8111-111111111111",
		.incident = "22222222-2222-4222-8222-222222222222",
		.duration_ns = 5 * S,
		.host = &host,
		.who = who,
		.fd = {.known = true,
		       .count = FILES,
		       .used = FILES,
		       .soft_limit = 64,
		       .hard_limit = 64,
		       .refused_known = true},
	};
}

static cJSON *at(const cJSON *root, const char *outer, const char *inner)
{
	return cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(root, outer), inner);
}

static void is_text(const cJSON *item, const char *text)
{
	assert_true(cJSON_IsString(item));
	assert_string_equal(item->valuestring, text);
}

/* Each line as it must be; the trees are the caller's. */
static size_t make_lines(const struct alert *alert, size_t max,
			 cJSON *trees[ALERT_LINES_MAX])
{
	static struct alert_lines lines;
	char *whole = alert_json_line(alert);
	size_t len;

	assert_non_null(whole);
	assert_int_equal(alert_lines_make(alert, whole, max, &lines), 0);
	free(whole);
	len = lines.len;
	for (size_t i = 0; i < len; i++) {
		const char *line = lines.of[i].line;

		assert_true(strlen(line) <= max);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		trees[i] = cJSON_Parse(line);
		assert_non_null(trees[i]);
		is_text(at(trees[i], "fd", "incident"), alert->incident);
		if (!i && len > 1)
			assert_int_equal(
				at(trees[0], "fd", "details_follow")->valuedouble,
				len - 1);
		if (!i)
			continue;
		is_text(at(trees[i], "event", "action"), "fd-details");
		is_text(at(trees[i], "fd", "details_of"), alert->id);
		is_text(cJSON_GetObjectItemCaseSensitive(trees[i], "message"),
			lines.of[i].text);
		assert_string_not_equal(at(trees[i], "event", "id")->valuestring,
					alert->id);
	}
	alert_lines_clear(&lines);
	return len;
}

static void free_lines(cJSON *trees[ALERT_LINES_MAX], size_t len)
{
	for (size_t i = 0; i < len; i++)
		cJSON_Delete(trees[i]);
}

/* Entries of a list over all lines, and how many lines have some. */
static int count_entries(cJSON *trees[ALERT_LINES_MAX], size_t len, const char *list,
			 int *lines)
{
	int entries = 0;

	*lines = 0;
	for (size_t i = 0; i < len; i++) {
		const cJSON *here = at(trees[i], "fd", list);

		if (!here)
			here = cJSON_GetObjectItemCaseSensitive(trees[i], list);
		if (!here)
			here = cJSON_GetObjectItemCaseSensitive(
				at(trees[i], "fd", "group"), list);
		entries += cJSON_GetArraySize(here);
		*lines += here != NULL;
	}
	return entries;
}

static bool is_shortened(cJSON *trees[ALERT_LINES_MAX], size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at(trees[i], "fd", "shortened"))
			return true;
	return false;
}

static struct identity api = {.pid = 197,
			      .comm = "api",
			      .uid = 33,
			      .executable = (char *)"/srv/api/api",
			      .command_line = (char *)"/srv/api/api --serve",
			      .service = (char *)"api.service"};

static void short_ones_stay_whole(void **state)
{
	struct alert alert = make_alert(&api);
	cJSON *trees[ALERT_LINES_MAX];

	(void)state;
	assert_int_equal(make_lines(&alert, ALERT_LINE_MIN, trees), 0);
	assert_int_equal(make_lines(&alert, 0, trees), 0);
}

/* What tells the cause stays in the first line as long as it can. */
static void call_sites_follow(void **state)
{
	struct alert alert = make_alert(&api);
	struct explanation why = make_why();
	struct call_sites *calls =
		make_calls("net/http.(*Transport).queueForDial.func1");
	cJSON *trees[ALERT_LINES_MAX];
	char *whole;
	size_t len;
	int lines, left;

	(void)state;
	alert.why = &why;
	alert.calls = calls;
	whole = alert_json_line(&alert);
	len = make_lines(&alert, strlen(whole) - 1, trees);
	free(whole);
	assert_int_equal(len, 2);
	assert_false(is_shortened(trees, len));
	assert_null(at(trees[0], "fd", "call_sites"));
	assert_non_null(at(trees[0], "fd", "types"));
	assert_non_null(cJSON_GetObjectItemCaseSensitive(trees[0], "advice"));
	assert_int_equal(count_entries(trees, len, "call_sites", &lines), SITES);
	free_lines(trees, len);

	len = make_lines(&alert, 4096, trees);
	assert_true(len >= 4);
	assert_false(is_shortened(trees, len));
	is_text(at(trees[0], "fd", "unexplained"),
		"too long for output.max_line: fd-details follows");
	assert_int_equal(count_entries(trees, len, "call_sites", &lines), SITES);
	assert_true(lines > 1);
	/* What is in other lines counts as left out of this one. */
	for (size_t i = 1; i < len; i++) {
		const cJSON *sites = at(trees[i], "fd", "call_sites"), *site;

		if (!sites)
			continue;
		left = SITES * (SITES + 1) / 2;
		cJSON_ArrayForEach (site, sites)
			left -= (int)cJSON_GetObjectItemCaseSensitive(site, "count")
					->valuedouble;
		assert_int_equal(
			left, at(trees[i], "fd", "call_sites_left_out")->valuedouble);
		assert_int_equal(at(trees[i], "fd", "unknown")->valuedouble, 3);
	}
	assert_int_equal(count_entries(trees, len, "advice", &lines), 1);
	assert_int_equal(count_entries(trees, len, "groups", &lines), 10);
	free_lines(trees, len);
	call_sites_free(calls);
	explanation_clear(&why);
}

static void members_follow(void **state)
{
	struct identity none = {.comm = "worker", .service = (char *)"pool.service"};
	struct alert alert = make_alert(&none);
	struct alert_member members[MEMBERS];
	char command[300];
	cJSON *trees[ALERT_LINES_MAX];
	size_t len;
	int lines;

	(void)state;
	memset(command, 'c', sizeof(command) - 1);
	command[sizeof(command) - 1] = 0;
	for (int i = 0; i < MEMBERS; i++)
		members[i] =
			(struct alert_member){.pid = i + 1, .command_line = command};
	alert.group = (struct alert_group){.name = "pool.service",
					   .processes = 80,
					   .members = members,
					   .members_len = MEMBERS};
	len = make_lines(&alert, 8192, trees);
	assert_true(len >= 3);
	assert_false(is_shortened(trees, len));
	assert_int_equal(count_entries(trees, len, "members", &lines), MEMBERS);
	free_lines(trees, len);
}

/* Whatever a process has its names and its memory be, no line is longer. */
static void hostile_ones_are_bounded(void **state)
{
	static char nasty[4096];
	struct identity who = {.pid = 1,
			       .comm = "\001\002\"\\",
			       .executable = nasty,
			       .command_line = nasty,
			       .service = nasty,
			       .container_id = nasty};
	struct alert alert = make_alert(&who);
	struct explanation why = make_why();
	struct alert_refusal refused[64];
	struct call_sites *calls;
	cJSON *trees[ALERT_LINES_MAX];
	size_t len;

	(void)state;
	memset(nasty, 1, sizeof(nasty) - 1);
	calls = make_calls(nasty);
	for (int i = 0; i < 64; i++)
		refused[i] = (struct alert_refusal){"openat", 24, 1000000000};
	free(why.origin.evidence);
	why.origin.evidence = strdup(nasty);
	free(why.advice[0].text);
	why.advice[0].text = strdup(nasty);
	for (int i = 0; i < FILES; i++)
		memset(paths[i] + 1, '\033', 200);
	alert.why = &why;
	alert.calls = calls;
	alert.fd.refused = refused;
	alert.fd.refused_len = 64;
	alert.request = (struct alert_request){"openat", nasty, 24};
	for (size_t max = ALERT_LINE_MIN; max < 70000; max += 997) {
		len = make_lines(&alert, max, trees);
		assert_true(len > 1);
		free_lines(trees, len);
	}
	len = make_lines(&alert, ALERT_LINE_MIN, trees);
	assert_true(is_shortened(trees, len));
	free_lines(trees, len);
	call_sites_free(calls);
	explanation_clear(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_ones_stay_whole),
		cmocka_unit_test(call_sites_follow),
		cmocka_unit_test(members_follow),
		cmocka_unit_test(hostile_ones_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
