/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/incident.h"
#include "output/incident_replay.h"
#include "output/postmortem.h"
#include "policy/policy.h"

#define ID   "06cc38e2-599e-4cf2-87f5-1dc8afbc5cd7"
#define BOOT "820315ae-b3e1-435d-8797-2adede9b8da4"
#define S    1000000000ull
/* What is markup, closes a string or a tag, or turns the direction of text. */
#define EVIL                                                                           \
	"</title><script>alert(1)</script><img src=x "                                 \
	"onerror='a()'>\\\"&\\u202e\\u001b[31m"

static const struct policy_settings settings = {.warn_bp = 8000,
						.critical_bp = 9500,
						.hysteresis_bp = 500,
						.dwell_ns = 250000000,
						.repeat_ns = 900 * S,
						.min_limit = 16};

/* A process that opens one each second up to its limit of 100, is refused there, and closes
 * all; as the daemon would have written it, by the policy itself. */
struct told {
	char *text;
	size_t len;
	size_t decided;
};

static void add(struct told *told, char *line)
{
	size_t len = strlen(line);

	told->text = realloc(told->text, told->len + len + 1);
	assert_non_null(told->text);
	memcpy(told->text + told->len, line, len + 1);
	told->len += len;
	free(line);
}

static struct told a_record(bool from_low)
{
	struct incident_begin begin = {
		.id = ID, .boot_id = BOOT, .boot_realtime_ns = 1795967293 * S};
	struct told told = {0};
	struct policy_fd state = {0};
	bool begun = false;

	for (uint64_t second = 1; second <= 130; second++) {
		uint64_t used = second < 100 ? second : second < 120 ? 100 : 10;
		struct incident_seen seen = {
			.process = {.now_ns = 1000 * S + second * S,
				    .has_table = true,
				    .count = used,
				    .used = used,
				    .soft_limit = 100,
				    .own_limit_known = true,
				    .refusal = used == 100 && second % 4 == 0
						       ? POLICY_REFUSAL_TABLE_FULL
						       : POLICY_REFUSAL_NONE,
				    .settled = true},
			.refused_known = true,
			.refused = {{.name = "openat",
				     .error = EMFILE,
				     .count = second}},
			.refused_len = 1,
		};
		struct policy_fd before = state;
		int n = policy_fd_observe(&state, &settings, &seen.process,
					  seen.decided);

		seen.decided_len = (size_t)n;
		told.decided += (size_t)n;
		if (n && !begun) {
			begin.at_ns = seen.process.now_ns;
			begin.policy = before;
			add(&told, incident_begin_line(&begin));
		} else if (!begun && from_low) {
			begin.past[begin.past_len++] = (struct incident_past){
				.at_ns = seen.process.now_ns, .used = used};
		}
		begun |= n > 0;
		if (begun)
			add(&told, incident_seen_line(&seen, &settings));
	}
	return told;
}

static void with_names(struct told *told, const char *name)
{
	char *line = NULL;

	assert_true(
		asprintf(
			&line,
			"{\"@timestamp\":\"2026-11-29T16:48:04.796632Z\",\"event\":{"
			"\"action\":\"fd-exhausted\"},\"message\":\"%s\",\"host\":{"
			"\"name\":\"%s\"},\"process\":{\"pid\":7,\"name\":\"%s\","
			"\"command_line\":\"%s\",\"executable\":\"%s\",\"user\":{"
			"\"name\":"
			"\"%s\"}},\"service\":{\"name\":\"%s\"},\"container\":{\"id\":"
			"\"%s\"},\"fd\":{\"types\":[{\"type\":\"%s\",\"count\":3}],"
			"\"groups\":[{\"text\":\"%s\",\"count\":3}],\"call_sites\":[{"
			"\"count\":2,\"function\":\"%s\",\"file\":\"%s\",\"line\":3}],"
			"\"call_sites_left_out\":13,\"unknown\":1,"
			"\"refused\":{\"emfile\":4,\"by_syscall\":{\"%s\":4}}},"
			"\"diagnosis\":[{\"text\":\"%s\",\"evidence\":\"%s\"}],"
			"\"limit\":{"
			"\"soft\":64,\"evidence\":\"%s\"},\"advice\":[{\"text\":\"%s\","
			"\"commands\":[\"%s\"]}]}\n",
			name, name, name, name, name, name, name, name, name, name,
			name, name, name, name, name, name, name, name) > 0);
	add(told, line);
}

static void read_all(const struct told *told, struct incident *incident,
		     struct postmortem *p)
{
	assert_int_equal(incident_read(told->text, told->len, incident), 0);
	assert_int_equal(incident->damaged, 0);
	assert_int_equal(postmortem_make(incident, ID, p), 0);
}

static char *printed(const struct postmortem *p, char form)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct page page = {.out = out, .width = 80};

	assert_non_null(out);
	if (form == 't')
		postmortem_text(p, &page);
	else if (form == 'm')
		postmortem_markdown(p, out);
	else
		postmortem_html(p, out);
	fclose(out);
	return text;
}

static void test_story(void **state)
{
	struct told told = a_record(true);
	struct incident incident;
	struct postmortem p;
	char *text;

	(void)state;
	with_names(&told, "api");
	read_all(&told, &incident, &p);
	assert_string_equal(p.worst, "exhausted");
	assert_string_equal(p.cause, "api");
	assert_int_equal(p.refused, 4);
	assert_int_equal(p.points_len, incident.seen_len + incident.begin.past_len);
	assert_int_equal(p.looks_len, 1);
	text = printed(&p, 't');
	assert_non_null(strstr(text, "api[7] of api"));
	assert_non_null(strstr(text, "descriptors were closed: 10 were left."));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	free(text);
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* Tags that are ours, and no other; nothing that loads or runs. */
static void check_tags(const char *html)
{
	static const char *const ours[] = {"!doctype", "html", "head", "meta",  "title",
					   "style",    "body", "h1",   "h2",    "p",
					   "dl",       "dt",   "dd",   "table", "tr",
					   "td",       "th",   "svg",  "path",  "rect",
					   "text",     "div",  "pre",  "br",    "span"};

	for (const char *at = strchr(html, '<'); at; at = strchr(at + 1, '<')) {
		const char *name = at + 1 + (at[1] == '/');
		bool known = false;

		for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
			size_t len = strlen(ours[i]);

			known |= !strncmp(name, ours[i], len) &&
				 !isalnum((unsigned char)name[len]);
		}
		if (!known)
			fail_msg("a tag that is not ours: %.40s", at);
	}
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, " src="));
	assert_null(strstr(html, "href"));
	assert_null(strstr(html, "http:"));
	assert_null(strstr(html, "https:"));
	assert_non_null(strstr(html, "default-src 'none'"));
}

static void test_names_that_are_markup(void **state)
{
	struct told told = a_record(true);
	struct incident incident;
	struct postmortem p;
	char *text;

	(void)state;
	with_names(&told, EVIL);
	read_all(&told, &incident, &p);
	text = printed(&p, 'h');
	/* Of the evil text alone: the word src= is told, but in no tag. */
	for (char *at; (at = strstr(text, " src="));)
		at[1] = '_';
	check_tags(text);
	assert_null(strstr(text, "\xe2\x80\xae"));
	free(text);
	text = printed(&p, 'm');
	assert_null(strchr(text, '\x1b'));
	/* only in what is printed as it is: commands, and the table of kinds */
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(!strchr(line, '<') || !strncmp(line, "  ", 2));
	free(text);
	text = printed(&p, 't');
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	free(text);
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* Two sites below one caller, and a name in a frame that is markup. */
static void test_flame_graph(void **state)
{
	static const char alert[] =
		"{\"event\":{\"action\":\"fd-warning\"},\"message\":\"m\","
		"\"@timestamp\":\"2026-11-29T16:48:04Z\",\"fd\":{\"call_sites\":[{"
		"\"count\":16,\"function\":\"open_it\",\"frames\":[{\"function\":"
		"\"<b "
		"onx='a()'>&\"},{\"function\":\"open_it\"},{\"function\":\"main\"}]},{"
		"\"count\":4,\"function\":\"other\",\"frames\":[{\"function\":"
		"\"other\"},{\"function\":\"main\"}]},{\"count\":2,\"function\":"
		"\"alone\"}]}}\n";
	struct told told = {0};
	struct incident incident;
	struct postmortem p;
	char *text;

	(void)state;
	add(&told, strdup(alert));
	read_all(&told, &incident, &p);
	/* the alert does not say of any that it is not known */
	assert_int_equal(p.unknown_sites, 0);
	text = printed(&p, 'h');
	check_tags(text);
	/* their caller is one, as wide as both; what each called is below it */
	assert_non_null(strstr(text, "flex:20\"><span title=\"20: main\">20 main</span>"
				     "<div class=\"flames\"><div class=\"flame\" "
				     "style=\"flex:16\"><span class=\"site\" "
				     "title=\"16: open_it\">16 open_it</span><div"));
	assert_non_null(strstr(text, "4 other</span></div></div></div>"));
	assert_non_null(strstr(text, "2 alone</span>"));
	free(text);
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* Kinds over time: one stack for each look, also of those that the table leaves out. */
static void test_timeline(void **state)
{
	struct told told = a_record(true);
	struct incident incident;
	struct postmortem p;
	char *text, *at;
	int looks = 0;

	(void)state;
	for (int i = 0; i < 9; i++)
		with_names(&told, "api");
	read_all(&told, &incident, &p);
	assert_int_equal(p.timeline_len, 9);
	assert_true(p.looks_len < 9);
	/* as the alert says it, of which not all sites are listed */
	assert_int_equal(p.unknown_sites, 1);
	assert_int_equal(p.other_sites, 13);
	text = printed(&p, 't');
	assert_non_null(strstr(text, " 13 by other code, which is known"));
	assert_non_null(strstr(text, " 1 others: opened before"));
	free(text);
	text = printed(&p, 'h');
	check_tags(text);
	assert_non_null(strstr(text, ">13</td><td class=\"dim\">by other code"));
	assert_non_null(strstr(text, ">1</td><td class=\"dim\">others: opened"));
	for (at = text; (at = strstr(at, "class=\"look\"")); at++)
		looks++;
	assert_int_equal(looks, 9);
	free(text);
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* What an alert is called is printed as it is, at three places. */
static void test_actions_that_nobody_gave(void **state)
{
	static const char alert[] =
		"{\"event\":{\"action\":\"fd-" EVIL "<b>\"},\"message\":\"m\","
		"\"@timestamp\":\"2026-11-29T16:48:04Z\"}\n";
	struct told told = {0};
	struct incident incident;
	struct postmortem p;
	char *text;

	(void)state;
	add(&told, strdup(alert));
	read_all(&told, &incident, &p);
	assert_string_equal(p.worst, "?");
	for (const char *form = "tm"; *form; form++) {
		text = printed(&p, *form);
		assert_null(strchr(text, '\x1b'));
		assert_null(strchr(text, '<'));
		assert_null(strstr(text, "script"));
		assert_non_null(strstr(text, " ? "));
		free(text);
	}
	text = printed(&p, 'h');
	assert_null(strstr(text, "script"));
	free(text);
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* Of code without a line's number none is told, in no form. */
static void test_code_without_a_line(void **state)
{
	static const char alert[] =
		"{\"event\":{\"action\":\"fd-warning\"},\"message\":\"m\","
		"\"@timestamp\":\"2026-11-29T16:48:04Z\",\"fd\":{\"call_sites\":[{"
		"\"count\":3,\"function\":\"f\",\"file\":\"a.c\"},{\"count\":2,"
		"\"function\":\"g\",\"module\":\"/usr/lib/b.so\"},{\"count\":1,"
		"\"function\":\"h\",\"file\":\"c.c\",\"line\":12}]}}\n";
	struct told told = {0};
	struct incident incident;
	struct postmortem p;
	char *text;

	(void)state;
	add(&told, strdup(alert));
	read_all(&told, &incident, &p);
	assert_string_equal(p.line, "f at a.c");
	for (const char *form = "tmh"; *form; form++) {
		text = printed(&p, *form);
		assert_non_null(strstr(text, "a.c"));
		assert_null(strstr(text, "a.c:"));
		assert_null(strstr(text, "b.so:"));
		assert_non_null(strstr(text, "c.c:12"));
		free(text);
	}
	postmortem_clear(&p);
	incident_clear(&incident);
	free(told.text);
}

/* What is missing from a record is missing from the report, and no reason for none. */
static void test_scraps(void **state)
{
	static const char *const texts[] = {
		"{\"event\":{},\"@timestamp\":\"x\"}\n",
		"{\"event\":{\"action\":\"fd-warning\"},\"@timestamp\":\"\",\"fd\":{"
		"\"types\":[1,{\"type\":2}],\"call_sites\":[{}],\"groups\":[{}]},"
		"\"advice\":[1],\"limit\":2,\"diagnosis\":3,\"process\":[]}\n",
		"{\"event\":{\"action\":\"fd-warning\"},\"@timestamp\":\"2026-11-29T16:"
		"48:"
		"04Z\",\"fd\":{\"group\":{\"name\":\"x\",\"processes\":5,\"members\":[{"
		"},"
		"2]},\"refused\":{\"by_syscall\":[1]}}}\n",
		"{\"seen\":{}}\n",
		"{\"files\":{\"known\":true,\"allocated\":\"18446744073709551615\"}}\n"
		"{\"files\":{\"known\":true,\"now_ns\":\"18446744073709551615\"}}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct incident incident;
		struct postmortem p;

		assert_int_equal(incident_read(texts[i], strlen(texts[i]), &incident),
				 0);
		assert_int_equal(postmortem_make(&incident, ID, &p), 0);
		for (const char *form = "tmh"; *form; form++)
			free(printed(&p, *form));
		cJSON_Delete(postmortem_json(&p));
		postmortem_clear(&p);
		incident_clear(&incident);
	}
}

/* ---- replay ---- */

static void test_replay_agrees(void **state)
{
	struct told told = a_record(true);
	struct incident incident;
	struct replay replay;

	(void)state;
	assert_int_equal(incident_read(told.text, told.len, &incident), 0);
	assert_int_equal(incident_replay(&incident, NULL, NULL, &replay), 0);
	assert_int_equal(replay.then_len, told.decided);
	assert_true(told.decided >= 4);
	assert_true(replay_agrees(&replay) && !replay.changed && !replay.open);
	replay_clear(&replay);
	/* one decision that the record has otherwise is seen */
	incident.seen[0].decided[0].action = POLICY_FD_CRITICAL;
	assert_int_equal(incident_replay(&incident, NULL, NULL, &replay), 0);
	assert_false(replay_agrees(&replay));
	replay_clear(&replay);
	incident_clear(&incident);
	free(told.text);
}

static void warn_earlier(void *context, struct policy_settings *set)
{
	(void)context;
	set->warn_bp = 5000;
}

/* One descriptor a second: 50 % is 30 s before 80 %. */
static void test_replay_with_other_levels(void **state)
{
	struct told told = a_record(true);
	struct incident incident;
	struct replay replay;

	(void)state;
	assert_int_equal(incident_read(told.text, told.len, &incident), 0);
	assert_int_equal(incident_replay(&incident, warn_earlier, NULL, &replay), 0);
	assert_true(replay.changed);
	assert_true(replay.now_len >= 2);
	assert_int_equal(replay.now[0].what.action, POLICY_FD_WARNING);
	assert_true(replay.now[0].what.opens);
	assert_int_equal((replay.then[0].at_ns - replay.now[0].at_ns) / S, 30);
	replay_clear(&replay);
	incident_clear(&incident);
	free(told.text);
}

static void test_replay_of_what_is_not_there(void **state)
{
	static const char summary[] = "{\"event\":{\"action\":\"fd-warning\"},"
				      "\"@timestamp\":\"2026-11-29T16:48:04Z\"}\n";
	struct incident incident;
	struct replay replay;

	(void)state;
	assert_int_equal(incident_read(summary, strlen(summary), &incident), 0);
	assert_int_equal(incident_replay(&incident, NULL, NULL, &replay), -EINVAL);
	incident_clear(&incident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),
		cmocka_unit_test(test_names_that_are_markup),
		cmocka_unit_test(test_flame_graph),
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_actions_that_nobody_gave),
		cmocka_unit_test(test_code_without_a_line),
		cmocka_unit_test(test_scraps),
		cmocka_unit_test(test_replay_agrees),
		cmocka_unit_test(test_replay_with_other_levels),
		cmocka_unit_test(test_replay_of_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
