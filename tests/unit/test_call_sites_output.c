/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call sites as JSON, as a page and as folded stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/call_sites.h"

#define S 1000000000ull

static const struct alert_host host = {.name = "web-3", .boot_id = "b007"};
static struct identity who = {.pid = 1234, .comm = "api"};

static struct call_frame frame(const char *function, const char *file, uint32_t line)
{
	return (struct call_frame){
		.function = function,
		.file = file,
		.line = line,
		.module = "/usr/bin/api",
		.build_id = "c0ffee",
		.offset = 0x1234,
	};
}

/* Two chains, inner frames first; the second ends where the stack was cut. */
static struct call_sites *make(const char *function)
{
	struct call_chain *chains = calloc(2, sizeof(*chains));
	const struct call_unknown unknown = {.before = 3, .no_stack = 1};
	struct call_opening openings[14];
	struct call_sites *sites;

	for (int i = 0; i < 2; i++) {
		chains[i].frames = calloc(3, sizeof(*chains[i].frames));
		chains[i].len = 3;
		chains[i].site = 1;
		chains[i].frames[0] = frame("open64", "", 0);
		chains[i].frames[2] = frame("main", "src/main.c", 80);
	}
	chains[0].frames[1] = frame(function, "src/leak.c", 12);
	chains[1].frames[1] = frame("", "", 0);
	chains[1].end = CALL_CHAIN_CUT;
	for (size_t i = 0; i < 14; i++)
		openings[i] = (struct call_opening){
			.chain = i >= 12, .type = "file", .opened_ns = (i + 1) * S};
	sites = call_sites_make(chains, 2, openings, 14, &unknown, 0, 20 * S);
	assert_non_null(sites);
	return sites;
}

static struct call_sites_view view_of(const struct call_sites *sites)
{
	return (struct call_sites_view){.realtime_ns = 1795000000 * S,
					.host = &host,
					.who = &who,
					.sites = sites};
}

static char *folded(const struct call_sites_view *view)
{
	static char *text;
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(call_sites_folded(view, out), 0);
	fclose(out);
	return text;
}

static char *page(const struct call_sites_view *view)
{
	static char *text;
	static size_t len;
	FILE *out = open_memstream(&text, &len);
	struct page form = {.out = out, .width = 80};

	assert_int_equal(call_sites_page(view, &form), 0);
	fclose(out);
	return text;
}

static void has(const char *text, const char *what)
{
	if (!text || !strstr(text, what))
		fail_msg("no %s in %s", what, text ? text : "nothing");
}

static void folded_stacks(void **state)
{
	struct call_sites *sites = make("leak");
	struct call_sites_view view = view_of(sites);
	char *text = folded(&view);

	(void)state;
	assert_string_equal(text, "main;leak;open64 12\n"
				  "[missing];main;/usr/bin/api+0x1234;open64 2\n"
				  "[unknown] 4\n");
	free(text);
	call_sites_free(sites);
}

/* A name is the program's own: none of it parts frames, lines or the number. */
static void folded_hostile_name(void **state)
{
	struct call_sites *sites = make("a;b c\n999\n\033[31m");
	struct call_sites_view view = view_of(sites);
	char *text = folded(&view);

	(void)state;
	assert_null(strchr(text, '\033'));
	has(text, "main;a:b_c");
	assert_int_equal(strncmp(text, "main;", 5), 0);
	has(strchr(text, '\n'), "\n[missing];"); /* the first line is one line */
	has(text, ";open64 12\n");
	free(text);
	call_sites_free(sites);
}

static void page_for_people(void **state)
{
	struct call_sites *sites = make("leak");
	struct call_sites_view view = view_of(sites);
	char *text = page(&view);

	(void)state;
	has(text, "api[1234]: 18 descriptors open, 14 of them opened in the last 20.0 "
		  "s (0.7 a\n"
		  "second), 4 unknown\n");
	has(text, "12  file         leak() at src/leak.c:12\n");
	has(text, "0.6 a second; oldest 19.0 s, median ");
	has(text, ">#1  leak() at src/leak.c:12\n");
	has(text, "(more of the stack was not kept)\n");
	has(text, "4  unknown, of which\n");
	has(text, "3 were open before the trace began\n");
	has(text, "1 were seen, but there was no room for the stack\n");
	assert_null(strstr(text, "could not be unwound")); /* 0 of them */
	assert_null(strstr(text, "left out"));
	free(text);
	view.missed = 5;
	view.ended = true;
	text = page(&view);
	has(text, "api[1234] has ended: 18 descriptors were open, as far as was seen");
	has(text, "\n5 runs of our programs that the kernel left out.");
	free(text);
	call_sites_free(sites);
}

/* In the log's line a name is cut; in a document of its own it is whole. */
/* What is refused opens nothing: it is said, and what makes room. */
static void page_of_a_full_one(void **state)
{
	struct call_sites *sites = make("leak");
	struct call_sites_view view = view_of(sites);
	char *text;

	(void)state;
	view.full = true;
	view.refused = 31;
	view.room = "fdwarden raise 1234 --soft 128";
	view.room_is_command = true;
	text = page(&view);
	has(text, "Its table is full: its calls that open are refused (31 meanwhile)");
	has(text, "\n    fdwarden raise 1234 --soft 128\n");
	free(text);
	view.refused = 0;
	view.room = "nothing gives it room";
	view.room_is_command = false;
	text = page(&view);
	assert_null(strstr(text, "meanwhile"));
	has(text, "none of those is here;");
	has(text, "nothing gives it room\n");
	free(text);
	view.room_told = true;
	text = page(&view);
	has(text, "none of those is here.");
	assert_null(strstr(text, "nothing gives it room"));
	free(text);
	call_sites_free(sites);
}

static void json_of_two_lengths(void **state)
{
	char name[1001];
	struct call_sites *sites;
	cJSON *small = cJSON_CreateObject(), *full = cJSON_CreateObject();
	const char *text;

	(void)state;
	memset(name, 'x', 1000);
	name[1000] = 0;
	sites = make(name);
	assert_int_equal(call_sites_add(small, sites, &call_sites_in_alert), 0);
	assert_int_equal(call_sites_add(full, sites, &call_sites_in_full), 0);
	text = cJSON_GetStringValue(cJSON_GetObjectItem(
		cJSON_GetArrayItem(cJSON_GetObjectItem(small, "call_sites"), 0),
		"function"));
	assert_true(strlen(text) < 256);
	text = cJSON_GetStringValue(cJSON_GetObjectItem(
		cJSON_GetArrayItem(cJSON_GetObjectItem(full, "call_sites"), 0),
		"function"));
	assert_string_equal(text, name);
	cJSON_Delete(small);
	cJSON_Delete(full);
	call_sites_free(sites);
}

/* The members, and that the numbers add up. */
static void json_members(void **state)
{
	struct call_sites *sites = make("leak");
	struct call_sites_view view = view_of(sites);
	cJSON *json = call_sites_document(&view), *fd, *first, *why;

	(void)state;
	assert_non_null(json);
	fd = cJSON_GetObjectItem(json, "fd");
	first = cJSON_GetArrayItem(cJSON_GetObjectItem(fd, "call_sites"), 0);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(first, "function")), "leak");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "file")),
			    "src/leak.c");
	assert_int_equal(cJSON_GetObjectItem(first, "line")->valueint, 12);
	assert_int_equal(cJSON_GetObjectItem(first, "count")->valueint, 12);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "frames")), 3);
	assert_int_equal(cJSON_GetObjectItem(fd, "unknown")->valueint, 4);
	why = cJSON_GetObjectItem(fd, "unknown_why");
	assert_int_equal(cJSON_GetArraySize(why), 2); /* what is 0 is left out */
	/* With function and line there is no need of the build ID. */
	assert_null(cJSON_GetObjectItem(first, "build_id"));
	first = cJSON_GetArrayItem(cJSON_GetObjectItem(fd, "call_sites"), 1);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(first, "build_id")), "c0ffee");
	cJSON_Delete(json);
	call_sites_free(sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_stacks),
		cmocka_unit_test(folded_hostile_name),
		cmocka_unit_test(page_for_people),
		cmocka_unit_test(page_of_a_full_one),
		cmocka_unit_test(json_of_two_lengths),
		cmocka_unit_test(json_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
