/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that the program has for its actions, rules, limits and others are those of
 * docs/words.md and of the schema: neither more nor fewer. A word that comes to one of
 * them alone fails here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "output/self.h"
#include "policy/call_site.h"
#include "policy/descriptor.h"
#include "policy/diagnosis.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "state/advice.h"
#include "state/holders.h"
#include "state/origin.h"

#define WORDS_MAX 64
#define FILE_MAX  (1 << 20)

struct words {
	const char *text[WORDS_MAX];
	size_t len;
};

static bool has(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->len; i++)
		if (strcmp(words->text[i], word) == 0)
			return true;
	return false;
}

/* A set: a word that several values share is one. NULL, for a value that has none, is left out. */
static void add(struct words *words, const char *word)
{
	if (!word || has(words, word))
		return;
	assert_true(words->len < WORDS_MAX);
	words->text[words->len++] = word;
}

static void expect_all(const struct words *these, const struct words *in,
		       const char *what, const char *where)
{
	for (size_t i = 0; i < these->len; i++)
		if (!has(in, these->text[i]))
			fail_msg("%s: \"%s\" is not in %s", what, these->text[i],
				 where);
}

/* ---- what documents them ---- */

/* The caller frees it. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, FILE_MAX);
	size_t len;

	assert_non_null(file);
	assert_non_null(text);
	len = fread(text, 1, FILE_MAX - 1, file);
	assert_true(len > 0 && len < FILE_MAX - 1);
	fclose(file);
	return text;
}

/* Of the lines "| `word` | text |" below "## heading": column 0 is the word, 1 the text. Cuts
 * `page` into pieces, which the words then are. */
static void page_words(char *page, const char *heading, int column, struct words *out)
{
	char *line, *rest, *end, wanted[64];

	snprintf(wanted, sizeof(wanted), "\n## %s\n", heading);
	rest = strstr(page, wanted);
	if (!rest)
		fail_msg("docs/words.md has no \"## %s\"", heading);
	rest += strlen(wanted);
	end = strstr(rest, "\n## ");
	if (end)
		*end = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *word = line, *text;

		if (strncmp(word, "| `", 3) != 0)
			continue;
		word += 3;
		text = strstr(word, "` | ");
		assert_non_null(text);
		*text = '\0';
		text += 4;
		assert_true(strlen(text) > 2);
		text[strlen(text) - 2] = '\0';
		add(out, column ? text : word);
	}
	assert_true(out->len > 0);
}

/* "a/b": a member b of a member a of what the schema defines. */
static void schema_words(const cJSON *schema, const char *path, struct words *out)
{
	char copy[256], *rest = copy, *name;
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(schema, "$defs"), *one;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/")))
		at = cJSON_GetObjectItemCaseSensitive(at, name);
	at = cJSON_GetObjectItemCaseSensitive(at, "enum");
	if (!at)
		fail_msg("the schema has no words at %s", path);
	cJSON_ArrayForEach (one, at)
		add(out, one->valuestring);
	assert_true(out->len > 0);
}

/* ---- what the program has ---- */

static void expect_words(const struct words *program, const char *heading, int column,
			 const char *schema_path)
{
	struct words page = {.len = 0}, schema = {.len = 0};
	char *text = read_file("docs/words.md");

	page_words(text, heading, column, &page);
	expect_all(program, &page, heading, "docs/words.md");
	expect_all(&page, program, heading, "the program, but in docs/words.md");
	if (schema_path) {
		char *json = read_file("docs/alert.schema.json");
		cJSON *parsed = cJSON_Parse(json);

		assert_non_null(parsed);
		schema_words(parsed, schema_path, &schema);
		expect_all(program, &schema, heading, "docs/alert.schema.json");
		expect_all(&schema, program, heading,
			   "the program, but in docs/alert.schema.json");
		cJSON_Delete(parsed);
		free(json);
	}
	free(text);
}

static void test_actions(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < POLICY_ACTIONS; i++)
		add(&words, policy_action_name((enum policy_action)i));
	assert_int_equal(words.len, POLICY_ACTIONS);
	expect_words(&words, "event.action", 0,
		     "alert/properties/event/properties/action");
}

static void test_reasons(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i <= POLICY_REASON_LAST; i++)
		add(&words, policy_reason_name((enum policy_reason)i));
	assert_int_equal(words.len, POLICY_REASON_LAST);
	expect_words(&words, "fd.reason", 0, "fd/properties/reason");
}

static void test_origins(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < ORIGIN_KINDS; i++)
		add(&words, origin_kind_name((enum origin_kind)i));
	assert_int_equal(words.len, ORIGIN_KINDS);
	expect_words(&words, "limit.origin", 0, "limit/properties/origin");
}

static void test_rules(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < DIAGNOSIS_RULES; i++)
		add(&words, diagnosis_rule_name((enum diagnosis_rule)i));
	assert_int_equal(words.len, DIAGNOSIS_RULES);
	expect_words(&words, "diagnosis[].rule", 0, "diagnosis/items/properties/rule");
}

static void test_advice(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < ADVICE_ACTIONS; i++)
		add(&words, advice_action_name((enum advice_action)i));
	assert_int_equal(words.len, ADVICE_ACTIONS);
	expect_words(&words, "advice[].action", 0, "advice/items/properties/action");
}

/* Several limits share RLIMIT_NOFILE; what is limited tells them apart. */
static void test_limits(void **state)
{
	struct words names = {.len = 0}, texts = {.len = 0};

	(void)state;
	for (unsigned int id = 1; limits_of(id); id++) {
		add(&names, limits_of(id)->name);
		add(&texts, limits_of(id)->text);
	}
	assert_true(texts.len > names.len);
	expect_words(&names, "fd.limit", 0, NULL);
	expect_words(&texts, "fd.limit", 1, NULL);
}

static void test_holders(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = HOLDERS_NONE + 1; i < HOLDERS_WHATS; i++)
		add(&words, holders_name((enum holders_what)i));
	expect_words(&words, "fd.holders.what", 0,
		     "fd/properties/holders/properties/what");
}

static void test_kinds(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < DESCRIPTOR_KINDS; i++)
		add(&words, descriptor_kind_name((enum descriptor_kind)i));
	assert_int_equal(words.len, DESCRIPTOR_KINDS);
	expect_words(&words, "Kinds of descriptors", 0, NULL);
}

/* The manual names them as well. */
static void test_losses(void **state)
{
	static const struct self_figures none;
	struct self_loss losses[SELF_LOSSES];
	struct words words = {.len = 0};
	char *manual = read_file("docs/fdwarden.8");
	const char *section = strstr(manual, ".Ss Figures of its own");

	(void)state;
	assert_non_null(section);
	self_losses(&none, losses);
	for (size_t i = 0; i < SELF_LOSSES; i++) {
		assert_non_null(losses[i].name);
		add(&words, losses[i].name);
		if (!strstr(section, losses[i].name))
			fail_msg("%s is not in docs/fdwarden.8", losses[i].name);
	}
	assert_int_equal(words.len, SELF_LOSSES);
	expect_words(&words, "self", 0, NULL);
	free(manual);
}

static void test_languages(void **state)
{
	struct words words = {.len = 0};

	(void)state;
	for (int i = 0; i < CALL_LANGUAGES; i++)
		add(&words, call_language_name((enum call_language)i));
	expect_words(&words, "language", 0, "language");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions), cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_origins), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_advice),  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_holders), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_losses),  cmocka_unit_test(test_languages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
