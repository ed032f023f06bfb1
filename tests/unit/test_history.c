/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The histories as a file: what is put in comes out, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "between.h"
#include "state/history.h"

#define SECOND_NS 1000000000ull
#define BOOT      "01234567-89ab-cdef-0123-456789abcdef"

static const struct leak_settings set = {
	.enabled = true,
	.windows = 6,
	.window_ns = 10 * SECOND_NS,
	.horizon_ns = 86400 * SECOND_NS,
};

/* A process that leaks `pace` a second for so long. */
static struct process *leaking(struct process_table *table, pid_t pid, int seconds,
			       double pace)
{
	struct process *process =
		process_table_add(table, pid, 1000 + (uint64_t)pid, 0);

	assert_non_null(process);
	process->leak = calloc(1, sizeof(*process->leak));
	assert_non_null(process->leak);
	for (int i = 0; i < seconds; i++) {
		struct leak_sample sample = {
			.now_ns = (100 + (uint64_t)i) * SECOND_NS,
			.used = 50 + (uint64_t)(pace * i),
			.soft_limit = 1024,
			.opened_known = true,
			.opened = 50 + (uint64_t)(pace * i),
			.growth = LEAK_GROWTH_ELSE,
		};
		leak_see(process->leak, &set, &sample);
	}
	return process;
}

static int decode(const char *data, size_t len, struct process_table *into,
		  const char **why)
{
	/* of its own size, so that a byte too far is seen by a sanitizer */
	char *copy = malloc(len ? len : 1);
	int n;

	assert_non_null(copy);
	memcpy(copy, data, len);
	n = history_decode(copy, len, BOOT, into, why);
	free(copy);
	return n;
}

static void assert_same_scale(const struct leak_scale *a, const struct leak_scale *b)
{
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->parts, b->parts);
	assert_int_equal(a->block, b->block);
	assert_int_equal(a->part_floor, b->part_floor);
	assert_int_equal(a->part_top, b->part_top);
	assert_int_equal(a->part_opens, b->part_opens);
	assert_int_equal(a->swing, b->swing);
	assert_memory_equal(a->peak, b->peak, sizeof(a->peak));
	for (unsigned int age = 0; age < a->len; age++) {
		unsigned int i = (a->next + 2u * LEAK_WINDOWS - 1 - age) % LEAK_WINDOWS,
			     j = (b->next + 2u * LEAK_WINDOWS - 1 - age) % LEAK_WINDOWS;

		assert_int_equal(a->floor[i], b->floor[j]);
		assert_int_equal(a->opens[i], b->opens[j]);
	}
}

static void test_round_trip(void **state)
{
	const struct leak_sample late = {
		.now_ns = 500 * SECOND_NS, .used = UINT64_MAX, .soft_limit = 1024};
	struct process_table *from = process_table_new(), *to = process_table_new();
	struct leak_estimate was, is;
	struct process *a, *b;
	const char *why;
	size_t len;
	char *data;

	(void)state;
	a = leaking(from, 7, 400, 1);
	assert_int_equal(leak_stage(a->leak), LEAK_SUSPECTED);
	leaking(from, 8, 400, 0); /* nothing happens: left out */
	leaking(from, 9, 200, 0.5);
	data = history_encode(from, BOOT, &len);
	assert_non_null(data);
	assert_int_equal(decode(data, len, to, &why), 2);
	assert_int_equal(process_table_count(to), 2);
	b = process_table_find(to, 7, 1007);
	assert_non_null(b);
	assert_true(b->resumed);
	for (int i = 0; i < LEAK_SCALES; i++)
		assert_same_scale(&a->leak->scales[i], &b->leak->scales[i]);
	assert_int_equal(leak_stage(b->leak), LEAK_SUSPECTED);
	assert_true(leak_estimate(a->leak, &late, &was));
	assert_true(leak_estimate(b->leak, &late, &is));
	assert_int_equal(was.floor_then, is.floor_then);
	assert_between(is.exhausted_in_s, was.exhausted_in_s * 0.95,
		       was.exhausted_in_s * 1.05);
	free(data);
	process_table_free(from);
	process_table_free(to);
}

static void assert_refused(const char *data, size_t len, int err, const char *reason)
{
	struct process_table *to = process_table_new();
	const char *why = "";

	assert_int_equal(decode(data, len, to, &why), err);
	assert_string_equal(why, reason);
	assert_int_equal(process_table_count(to), 0);
	process_table_free(to);
}

static void test_refused(void **state)
{
	struct process_table *from = process_table_new();
	size_t len;
	char *data;

	(void)state;
	leaking(from, 7, 400, 1);
	data = history_encode(from, BOOT, &len);
	for (size_t cut = 0; cut < len; cut++)
		assert_refused(data, cut, -EINVAL, "it is damaged");
	for (size_t i = 8; i < len; i++) {
		if (i >= 16 && i < 52)
			continue; /* the boot's id */
		data[i] ^= 1;
		assert_refused(data, len, -EINVAL, "it is damaged");
		data[i] ^= 1;
	}
	data[20] ^= 1;
	assert_refused(data, len, -ESTALE, "it is from before the last boot");
	data[20] ^= 1;
	data[7]++;
	assert_refused(data, len, -ESTALE, "it is of another version");
	free(data);
	process_table_free(from);
}

/* Bytes that no daemon wrote, with a checksum that fits: whatever comes of it is whole. */
static void test_random(void **state)
{
	struct process_table *from = process_table_new();
	uint64_t chance = 1;
	size_t len;
	char *data;
	int taken = 0;

	(void)state;
	leaking(from, 7, 400, 1);
	leaking(from, 9, 4000, 0.1);
	data = history_encode(from, BOOT, &len);
	for (int i = 0; i < 20000; i++) {
		struct process_table *to = process_table_new();
		char *bad = malloc(len);
		const char *why;
		struct process *p;

		memcpy(bad, data, len);
		for (int j = 0; j < 2; j++) {
			chance = chance * 6364136223846793005ull +
				 1442695040888963407ull;
			bad[52 + (chance >> 33) % (len - 52)] = (char)(chance >> 20);
		}
		history_seal(bad, len);
		if (decode(bad, len, to, &why) > 0)
			taken++;
		p = process_table_find(to, 7, 1007);
		for (int t = 0; p && p->leak && t < 100; t++) {
			struct leak_sample sample = {.now_ns = (500 + (uint64_t)t) *
							       SECOND_NS,
						     .used = 400,
						     .soft_limit = 1024,
						     .growth = LEAK_GROWTH_ELSE};
			struct leak_estimate estimate;

			leak_see(p->leak, &set, &sample);
			leak_estimate(p->leak, &sample, &estimate);
		}
		process_table_free(to);
		free(bad);
	}
	assert_true(taken > 100);
	free(data);
	process_table_free(from);
}

/* 10,000 that all grow: a figure for docs/forecast.md, with a bound that only a mistake
 * breaks. */
static void test_ten_thousand(void **state)
{
	struct process_table *from = process_table_new(), *to = process_table_new();
	struct timespec begin, written, end;
	const char *why;
	size_t len;
	char *data;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct process *process = process_table_add(
			from, 1 + i, 1000000000000ull + (uint64_t)i, 0);

		process->leak = calloc(1, sizeof(*process->leak));
		for (uint64_t t = 0; t < 14 * 256; t++) {
			struct leak_sample sample = {
				.now_ns = (100 + 10 * t) * SECOND_NS,
				.used = 100 + (t * 7 + (uint64_t)i) % 90,
				.soft_limit = 1u << 20,
				.opened_known = true,
				.opened = 300 * t};
			leak_see(process->leak, &set, &sample);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	data = history_encode(from, BOOT, &len);
	clock_gettime(CLOCK_MONOTONIC, &written);
	assert_non_null(data);
	assert_int_equal(history_decode(data, len, BOOT, to, &why), 10000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("10000 histories: %zu bytes, %.1f ms to write, %.1f ms to read\n",
		      len,
		      (double)(written.tv_sec - begin.tv_sec) * 1e3 +
			      (double)(written.tv_nsec - begin.tv_nsec) / 1e6,
		      (double)(end.tv_sec - written.tv_sec) * 1e3 +
			      (double)(end.tv_nsec - written.tv_nsec) / 1e6);
	assert_true(len < 5u << 20);
	free(data);
	process_table_free(from);
	process_table_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
