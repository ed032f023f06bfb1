/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli/values.h"

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"5", 5000000000},
		{"0.1", 100000000},
		{".5", 500000000},
		{"1.5", 1500000000},
		{"5s", 5000000000},
		{"250ms", 250000000},
		{"1m30s", 90000000000},
		{"2h", 7200000000000},
		{"0", 0},
		{"1d", 86400000000000},
		{"31536000", 31536000000000000},
	};
	static const char *const bad[] = {
		"",    " 5",  "5 s", "-5",   "+5", "s",    "5x",       "5s5",   "1.5h",
		"nan", "inf", "1e3", "0x10", ".",  "1..5", "31536001", "30s1m",
	};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(values_parse_duration(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_parse_duration(bad[i], &ns), -EINVAL);
}

static void numbers(void **state)
{
	static const char *const bad[] = {
		"",
		"k",
		"-1",
		" 1",
		"1 k",
		"1kk",
		"1G",
		"1.5k",
		"0x1",
		"18446744073709551616",
		"18014398509481984k",
	};
	uint64_t number;

	(void)state;
	assert_int_equal(values_parse_number("0", &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(values_parse_number("64k", &number), 0);
	assert_int_equal(number, 65536);
	assert_int_equal(values_parse_number("64K", &number), 0);
	assert_int_equal(number, 65536);
	assert_int_equal(values_parse_number("1M", &number), 0);
	assert_int_equal(number, 1048576);
	assert_int_equal(values_parse_number("18446744073709551615", &number), 0);
	assert_true(number == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_parse_number(bad[i], &number), -EINVAL);
}

/* 2026-01-15 12:00:00 in Berlin, an hour before UTC. */
#define NOW ((time_t)1768474800)

static void times(void **state)
{
	static const struct {
		const char *text;
		time_t since;
	} good[] = {
		{"10m", NOW - 600},
		{"90", NOW - 90},
		{"12:00", NOW},
		{"08:30", NOW - 12600},
		{"08:30:05", NOW - 12595},
		{"today", NOW - 43200},
		{"yesterday", NOW - 129600},
		{"2026-01-15", NOW - 43200},
		{"2026-01-15 11:59", NOW - 60},
		{"2026-01-15T11:59:30", NOW - 30},
		{"2026-01-15T10:59:30.123456Z", NOW - 30},
		/* in summer time */
		{"2025-07-01 00:00", 1751320800},
	};
	static const char *const bad[] = {
		"",
		"x",
		"08:30Z",
		"25:00",
		"2026-13-01",
		"2026-01-15 ",
		"2026-01-15 x",
		"08:30 2026-01-15",
		"todayish",
		"2026-01-15Zx",
		"-10m",
	};
	time_t since;

	(void)state;
	assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(values_parse_since(good[i].text, NOW, &since), 0);
		assert_int_equal(since, good[i].since);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_parse_since(bad[i], NOW, &since), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(numbers),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
