/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The view's columns, bars, histories, keys, and what it writes without a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <curses.h>
#include <errno.h>

#include "between.h"
#include "imitated_roster.h"
#include "top/batch.h"
#include "top/columns.h"
#include "top/gauge.h"
#include "top/history.h"
#include "top/keys.h"

/* ---- columns ---- */

static void all_wanted(bool wanted[COLUMNS_LEN])
{
	for (int c = 0; c < COLUMNS_LEN; c++)
		wanted[c] = !column_info(c)->hidden;
}

static int sum_of(const int widths[COLUMNS_LEN])
{
	int sum = 0;

	for (int c = 0; c < COLUMNS_LEN; c++)
		sum += widths[c] ? widths[c] + 1 : 0;
	return sum - 1;
}

static void test_columns_fit_every_screen(void **state)
{
	int widths[COLUMNS_LEN], before[COLUMNS_LEN] = {0};
	bool wanted[COLUMNS_LEN];

	(void)state;
	all_wanted(wanted);
	for (int width = 40; width <= 400; width++) {
		column_widths(width, 7, wanted, widths);
		assert_between(sum_of(widths), 1, width);
		for (int c = 0; c < COLUMNS_LEN; c++) {
			/* what fits a narrower screen fits a wider one */
			if (before[c])
				assert_true(widths[c] > 0);
			if (widths[c])
				assert_true(widths[c] >= column_info(c)->least);
		}
		memcpy(before, widths, sizeof(before));
		/* those without which it says nothing */
		assert_true(widths[COLUMN_PID] && widths[COLUMN_NAME] &&
			    widths[COLUMN_USAGE]);
	}
}

static void test_columns_of_usual_screens(void **state)
{
	int widths[COLUMNS_LEN];
	bool wanted[COLUMNS_LEN];

	(void)state;
	all_wanted(wanted);
	column_widths(80, 5, wanted, widths);
	assert_true(widths[COLUMN_USED] && widths[COLUMN_SOFT] && widths[COLUMN_FULL] &&
		    widths[COLUMN_USER] && widths[COLUMN_GROWTH] &&
		    widths[COLUMN_TREND]);
	assert_false(widths[COLUMN_COMMAND]);
	/* of a host that has been up for long */
	column_widths(80, 7, wanted, widths);
	assert_true(widths[COLUMN_GROWTH] && widths[COLUMN_TREND] >= 8);
	column_widths(200, 7, wanted, widths);
	for (int c = 0; c < COLUMNS_LEN; c++)
		assert_true(wanted[c] == (widths[c] > 0));
	/* hidden ones give their room to others */
	wanted[COLUMN_USER] = wanted[COLUMN_FULL] = false;
	column_widths(80, 5, wanted, widths);
	assert_false(widths[COLUMN_USER] || widths[COLUMN_FULL]);
	assert_true(widths[COLUMN_REFUSED] > 0);
}

static void test_signs(void **state)
{
	struct alert_fd fd = {.known = true};
	struct item item = {.fd = &fd};

	(void)state;
	assert_int_equal(column_sign(&item), ' ');
	fd.sealed = true;
	assert_int_equal(column_sign(&item), '=');
	fd.leak_suspected = true;
	assert_int_equal(column_sign(&item), '?');
	item.level = POLICY_LEVEL_WARNING;
	assert_int_equal(column_sign(&item), '!');
	item.level = POLICY_LEVEL_CRITICAL;
	assert_int_equal(column_sign(&item), '#');
	item.level = POLICY_LEVEL_EXHAUSTED;
	assert_int_equal(column_sign(&item), 'X');
}

static void test_keys_of_sort(void **state)
{
	char keys[] = COLUMN_KEYS, *place = NULL;
	enum column column;
	int n = 0;

	(void)state;
	for (char *key = strtok_r(keys, ", ", &place); key;
	     key = strtok_r(NULL, ", ", &place), n++)
		assert_int_equal(column_parse(key, &column), 0);
	/* all that can be sorted by, and "limit" */
	for (int c = 0; c < COLUMNS_LEN; c++)
		n -= column_info(c)->value != NULL;
	assert_int_equal(n, 1);
	assert_int_equal(column_parse("limit", &column), 0);
	assert_int_equal(column, COLUMN_SOFT);
	assert_int_equal(column_parse("trend", &column), -EINVAL);
	assert_int_equal(column_parse("", &column), -EINVAL);
}

static void assert_number(uint64_t value, int width, const char *expected)
{
	char cell[COLUMN_CELL_LEN];

	column_number(value, width, cell);
	assert_string_equal(cell, expected);
}

static void test_numbers(void **state)
{
	char cell[COLUMN_CELL_LEN];

	(void)state;
	assert_number(0, 7, "0");
	assert_number(9999999, 7, "9999999");
	assert_number(10000000, 7, "10.0M");
	assert_number(1048576, 6, "1.05M");
	assert_number(999999, 5, "1.00M");
	assert_number(UINT64_MAX, 7, "none");
	assert_number(UINT64_MAX - 1, 7, "18.4E");
	column_rate(0.01, cell);
	assert_string_equal(cell, "0");
	column_rate(-3.14, cell);
	assert_string_equal(cell, "-3.1");
	column_rate(200000, cell);
	assert_string_equal(cell, "200k");
	column_span(0, cell);
	assert_string_equal(cell, "0s");
	column_span(99.4, cell);
	assert_string_equal(cell, "99s");
	column_span(605, cell);
	assert_string_equal(cell, "10m05");
	column_span(7200, cell);
	assert_string_equal(cell, "2h00");
	column_span(400000, cell);
	assert_string_equal(cell, "4d15");
}

/* Rates over the longest numbers stay in their columns. */
static void test_rates_are_short(void **state)
{
	char cell[COLUMN_CELL_LEN];

	(void)state;
	for (double value = 0.04; value < 1e12; value *= 1.7) {
		column_rate(value, cell);
		assert_true(strlen(cell) <= 5);
		column_rate(-value, cell);
		assert_true(strlen(cell) <= 6);
	}
}

static void test_what_is_not_full_does_not_read_so(void **state)
{
	struct alert_fd fd = {.known = true,
			      .used = 99999,
			      .soft_limit = 100000,
			      .hard_limit = 100000};
	struct item item = {.fd = &fd};

	(void)state;
	assert_int_equal(item_permille(&item), 999);
	fd.used = 100000;
	assert_int_equal(item_permille(&item), 1000);
	fd.soft_limit = UINT64_MAX;
	assert_int_equal(item_permille(&item), -1);
	fd.known = false;
	assert_int_equal(item_permille(&item), -1);
}

/* ---- bars and sparklines ---- */

static void test_bars(void **state)
{
	char text[GAUGE_SIZE(20)];

	(void)state;
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 0.5, false), 5);
	assert_string_equal(text, "|||||");
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 0, false), 0);
	/* a little is something, and nearly full is not full */
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 0.001, false), 1);
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 0.999, false), 9);
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 1, false), 10);
	assert_int_equal(gauge_bar(text, sizeof(text), 10, 7, false), 10);
	assert_int_equal(gauge_bar(text, sizeof(text), 10, -1, false), 0);
	assert_int_equal(gauge_bar(text, sizeof(text), 4, 0.4, true), 2);
	assert_string_equal(text, "━╸");
	/* no room for a character: none is cut in two */
	gauge_bar(text, 3, 4, 1, true);
	assert_string_equal(text, "");
}

static void test_sparklines(void **state)
{
	const uint32_t values[] = {0, 50, 100};
	char text[GAUGE_SIZE(8)];
	uint32_t low, high;

	(void)state;
	assert_int_equal(gauge_spark(text, sizeof(text), values, 3, 0, 100, true), 3);
	assert_string_equal(text, "▁▄█");
	gauge_spark(text, sizeof(text), values, 3, 0, 100, false);
	assert_string_equal(text, "_-#");
	gauge_range(values, 3, &low, &high);
	assert_int_equal(low, 0);
	assert_int_equal(high, 100);
	/* one up or down is no mountain */
	gauge_range((const uint32_t[]){7, 8}, 2, &low, &high);
	assert_int_equal(low, 7);
	assert_int_equal(high, 15);
	gauge_range(NULL, 0, &low, &high);
	gauge_range((const uint32_t[]){UINT32_MAX}, 1, &low, &high);
	assert_int_equal(high, UINT32_MAX);
}

static void test_graphs(void **state)
{
	const uint32_t values[] = {1, 50, 100};
	char text[GAUGE_SIZE(8)];

	(void)state;
	gauge_graph(text, sizeof(text), values, 3, 100, 1, 2, true);
	assert_string_equal(text, "  █");
	gauge_graph(text, sizeof(text), values, 3, 100, 0, 2, true);
	assert_string_equal(text, "▁██");
	gauge_graph(text, sizeof(text), values, 3, 0, 0, 2, true);
	gauge_graph(text, sizeof(text), values, 3, 100, 0, 2, false);
	assert_string_equal(text, ".::");
}

/* ---- histories ---- */

static void test_history(void **state)
{
	struct history h = {0};
	uint32_t values[HISTORY_STEPS];
	const uint64_t step = HISTORY_STEP_NS, from = 1000000 * step;

	(void)state;
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, 10), 0);
	history_add(&h, from, 5);
	history_add(&h, from + 1, 9);
	history_add(&h, from + 2, 7); /* the peak within a step stays */
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, HISTORY_STEPS), 1);
	assert_int_equal(values[0], 9);
	/* steps that were not seen are as before */
	history_add(&h, from + 3 * step, 20);
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, HISTORY_STEPS), 4);
	assert_int_equal(values[2], 9);
	assert_int_equal(values[3], 20);
	/* two steps a point, the newest ones whole */
	assert_int_equal(history_read(&h, 4, values, 2), 2);
	assert_int_equal(values[0], 9);
	assert_int_equal(values[1], 20);
	for (unsigned i = 4; i < 3 * HISTORY_STEPS; i++)
		history_add(&h, from + i * step, i);
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, HISTORY_STEPS),
			 HISTORY_STEPS);
	assert_int_equal(values[HISTORY_STEPS - 1], 3 * HISTORY_STEPS - 1);
	assert_int_equal(values[0], 2 * HISTORY_STEPS);
	/* the clock was set back: it begins anew */
	history_add(&h, from, 1);
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, HISTORY_STEPS), 1);
	history_add(&h, from + 2 * HISTORY_STEPS * step, UINT64_MAX);
	assert_int_equal(history_read(&h, HISTORY_STEPS, values, HISTORY_STEPS), 1);
	assert_int_equal(values[0], UINT32_MAX);
}

/* ---- keys ---- */

static void test_each_key_does_one_thing(void **state)
{
	static const enum key_place places[] = {KEY_IN_LIST, KEY_IN_PROCESS,
						KEY_IN_MENU};
	size_t len;
	const struct key_info *table = key_table(&len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_true(table[i].shown || i > 0);
		assert_int_equal(table[i].shown == NULL, table[i].help == NULL);
		for (int k = 0; k < KEY_CODES_MAX && table[i].codes[k]; k++)
			for (size_t p = 0; p < 3; p++)
				if (table[i].places & places[p])
					assert_int_equal(
						key_find(table[i].codes[k], places[p]),
						table[i].action);
	}
	assert_int_equal(key_find('q', KEY_IN_LIST), KEY_DOES_QUIT);
	assert_int_equal(key_find('c', KEY_IN_LIST), KEY_DOES_COLUMNS);
	/* what a key does in one place it does in all where it does anything */
	assert_int_equal(key_find('c', KEY_IN_PROCESS), KEY_DOES_COLUMNS);
	assert_int_equal(key_find('a', KEY_IN_PROCESS), KEY_DOES_COPY);
	assert_int_equal(key_find('a', KEY_IN_LIST), KEY_DOES_NOTHING);
	assert_int_equal(key_find('r', KEY_IN_LIST), KEY_DOES_RAISE);
	assert_int_equal(key_find('r', KEY_IN_PROCESS), KEY_DOES_RAISE);
	assert_int_equal(key_find(0, KEY_IN_LIST), KEY_DOES_NOTHING);
}

/* ---- without a terminal ---- */

static char *written(const struct model *model, int width, bool json)
{
	struct batch_style style = {.width = width};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(json ? batch_json(model, out) : batch_text(model, &style, out),
			 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_batch(void **state)
{
	struct roster r = new_roster();
	struct model *m = model_new(NULL);
	cJSON *document, *processes;
	char *text;

	(void)state;
	add_row(&r, 7, "a\033[2Jb", 95, 100)->level = POLICY_LEVEL_CRITICAL;
	add_row(&r, 8, "full", 100, 100)->fd.growth_known = true;
	r.rows[1].who.command_line = strdup("full --of\nlines");
	model_update(m, &r);
	text = written(m, 120, false);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "2 processes, 195 descriptors"));
	assert_non_null(strstr(text, "95.0%"));
	/* a head, titles, a line each, and an empty one */
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		assert_between(end - line, 0, 200);
	free(text);
	text = written(m, 0, false);
	assert_non_null(strstr(text, "full --of?lines\n"));
	free(text);
	text = written(m, 0, true);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	document = cJSON_Parse(text);
	processes = cJSON_GetObjectItem(document, "processes");
	assert_int_equal(cJSON_GetArraySize(processes), 2);
	/* in the order of the view */
	assert_int_equal(cJSON_GetObjectItem(
				 cJSON_GetObjectItem(cJSON_GetArrayItem(processes, 0),
						     "process"),
				 "pid")
				 ->valueint,
			 8);
	cJSON_Delete(document);
	free(text);
	model_free(m);
	roster_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_fit_every_screen),
		cmocka_unit_test(test_columns_of_usual_screens),
		cmocka_unit_test(test_keys_of_sort),
		cmocka_unit_test(test_signs),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_rates_are_short),
		cmocka_unit_test(test_what_is_not_full_does_not_read_so),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_sparklines),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_each_key_does_one_thing),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
