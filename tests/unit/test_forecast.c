/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth and time to exhaustion, on made-up series. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "between.h"
#include "policy/forecast.h"

#define MS 1000000ull
#define S  (1000 * MS)

static void near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%g is not %g +- %g", value, expected, tolerance);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct forecast estimate(const struct forecast_history *history, uint64_t limit)
{
	struct forecast out = {.growth_known = true,
			       .growth_per_s = -1,
			       .exhaustion_known = true,
			       .exhausted_in_s = -1,
			       .low_s = -1,
			       .high_s = -1};

	forecast_estimate(history, limit, &out);
	return out;
}

static void few_samples(void **unused)
{
	struct forecast_history history = {0};

	(void)unused;
	assert_false(estimate(&history, 100).growth_known);
	forecast_add(&history, 5 * S, 10);
	forecast_add(&history, 6 * S, 20);
	assert_false(estimate(&history, 100).growth_known);
	assert_false(estimate(&history, 100).exhaustion_known);
	forecast_add(&history, 7 * S, 30);
	assert_true(estimate(&history, 100).growth_known);
	near(estimate(&history, 100).growth_per_s, 10, 1e-9);
	assert_true(estimate(&history, 100).exhaustion_known);
	near(estimate(&history, 100).exhausted_in_s, 7, 1e-9);

	/* three samples, but too close together: not from 0.4 s, from 0.5 s on */
	history = (struct forecast_history){0};
	for (uint64_t i = 0; i < 3; i++)
		forecast_add(&history, 200 * i * MS, 10 * i);
	assert_false(estimate(&history, 100).growth_known);
	forecast_add(&history, 500 * MS, 25);
	near(estimate(&history, 100).growth_per_s, 50, 1e-9);
}

static struct forecast present(const uint32_t *used, size_t len)
{
	struct forecast_history history = {0};
	struct forecast out;

	for (size_t i = 0; i < len; i++)
		forecast_add(&history, (i + 1) * S, used[i]);
	forecast_now(&history, 128, &out);
	return out;
}

#define PRESENT(...)                                                                   \
	present((uint32_t[]){__VA_ARGS__},                                             \
		sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* What has come at once, and is over, is no growth; what goes on, or comes again, is. */
static void present_bursts(void **unused)
{
	(void)unused;
	/* as it comes, and when it has just come */
	near(PRESENT(3, 3, 110).growth_per_s, 53.5, 1e-9);
	assert_true(PRESENT(3, 60, 110).exhaustion_known);
	assert_true(PRESENT(3, 60, 110, 110).exhaustion_known);
	/* over: at one go, in two, in five; with what has come before */
	near(PRESENT(3, 3, 110, 110, 110).growth_per_s, 0, 1e-9);
	assert_false(PRESENT(3, 3, 110, 110, 110).exhaustion_known);
	near(PRESENT(3, 60, 110, 110, 110).growth_per_s, 0, 1e-9);
	assert_false(PRESENT(3, 60, 110, 110, 110).exhaustion_known);
	near(PRESENT(10, 20, 30, 40, 50, 60, 60, 60).growth_per_s, 0, 1e-9);
	near(PRESENT(3, 4, 5, 105, 105, 105).growth_per_s, 0, 1e-9);
	/* its end in small steps, where samples are dense: a table that fills at once */
	{
		static const uint32_t used[] = {53, 61, 63, 64, 64, 64, 64, 64};
		static const uint64_t ms[] = {1, 3, 4, 5, 400, 1400, 2400, 3400};
		struct forecast_history history = {0};
		struct forecast out;

		for (size_t i = 0; i < 8; i++)
			forecast_add(&history, ms[i] * MS, used[i]);
		forecast_now(&history, 64, &out);
		near(out.growth_per_s, 0, 1e-9);
	}
	/* what grows on after it is that */
	near(PRESENT(3, 100, 101, 102, 103).growth_per_s, 1, 1e-9);
	near(PRESENT(3, 100, 101, 102, 103).exhausted_in_s, 25, 1e-6);
	/* again and again, steadily, and a few */
	assert_true(PRESENT(3, 23, 23, 43, 43, 63, 63, 63).growth_per_s > 5);
	near(PRESENT(10, 20, 30, 40, 50, 60).growth_per_s, 10, 1e-9);
	assert_true(PRESENT(3, 8, 8, 8).growth_per_s > 1);
	/* seconds say nothing of hours: 50 a second when it starts, under another limit */
	{
		struct forecast_history history = {0};
		struct forecast out;

		for (uint64_t i = 0; i < 4; i++)
			forecast_add(&history, (i + 1) * S, 50 * i);
		forecast_now(&history, 20000, &out);
		near(out.growth_per_s, 50, 1e-9);
		assert_false(out.exhaustion_known);
		forecast_now(&history, 8000, &out);
		assert_true(out.exhaustion_known);
		assert_true(estimate(&history, 20000).exhaustion_known);
		for (uint64_t i = 4; i < 12; i++)
			forecast_add(&history, (i + 1) * S, 50 * i);
		forecast_now(&history, 20000, &out);
		near(out.exhausted_in_s, 389, 1e-6);
		/* days of half a minute, and two more descriptors */
		forecast_now(&history, 10000000, &out);
		assert_false(out.exhaustion_known);
	}
	assert_false(
		PRESENT(10, 10, 10, 10, 11, 11, 11, 12, 12, 12, 12).exhaustion_known);
	assert_true(
		PRESENT(10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15).exhaustion_known);
	/* the diagnosis is of all that was seen */
	{
		struct forecast_history history = {0};

		for (uint64_t i = 0; i < 6; i++)
			forecast_add(&history, (i + 1) * S, i < 2 ? 3 : 110);
		assert_true(estimate(&history, 128).growth_per_s > 10);
	}
}

/* What is full has no time left to tell, and does not grow once it has been so for a second. */
static void full_tables(void **unused)
{
	struct forecast_history history = {0};
	struct forecast out;

	(void)unused;
	for (uint64_t i = 0; i <= 20; i++)
		forecast_add(&history, (i + 1) * S, 44 + i);
	/* it has just become full: how fast it came there is still told, a time is not */
	forecast_now(&history, 64, &out);
	near(out.growth_per_s, 1, 1e-9);
	assert_true(out.growth_sound);
	assert_false(out.exhaustion_known);
	near(out.exhausted_in_s, 0, 0);
	assert_true(out.low_s == 0 && out.high_s == 0);
	assert_false(estimate(&history, 64).exhaustion_known);
	assert_true(estimate(&history, 64).growth_sound);
	assert_true(estimate(&history, 65).exhaustion_known);
	forecast_add(&history, 22 * S, 64);
	forecast_add(&history, 23 * S, 64);
	forecast_now(&history, 64, &out);
	assert_true(out.growth_known);
	near(out.growth_per_s, 0, 1e-9);
	assert_false(out.growth_sound || out.exhaustion_known);
	/* under a limit that it has not met it may only pause */
	forecast_now(&history, 128, &out);
	assert_true(out.growth_per_s > 0.5);
	/* above the limit, as after it was lowered */
	forecast_now(&history, 60, &out);
	near(out.growth_per_s, 1, 0.3);
	assert_false(out.exhaustion_known);
}

/* A growth has ended when it pauses for longer than it ever did, and not before. */
static void ended_growth(void **unused)
{
	(void)unused;
	assert_true(PRESENT(10, 12, 14, 16, 18, 20, 20, 20).growth_per_s > 1);
	near(PRESENT(10, 12, 14, 16, 18, 20, 20, 20, 20).growth_per_s, 0, 1e-9);
	assert_false(PRESENT(10, 12, 14, 16, 18, 20, 20, 20, 20).exhaustion_known);
	/* it goes on */
	assert_true(PRESENT(10, 12, 14, 16, 18, 20, 20, 20, 20, 22).growth_per_s > 0.5);
	/* one each 4 s: 8 s without are nothing, 20 s are */
	assert_true(PRESENT(10, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13,
			    13, 13, 13, 13, 13)
			    .growth_per_s > 0.1);
	near(PRESENT(10, 11, 11, 11, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
		     12, 12, 12, 12, 12, 12)
		     .growth_per_s,
	     0, 1e-9);
	/* what gives back afterwards shrinks */
	near(PRESENT(10, 14, 18, 22, 26, 30, 29, 28, 27, 26).growth_per_s, -1, 1e-9);
}

static void straight_lines(void **unused)
{
	static const struct {
		double per_s;
		uint64_t start, limit, interval_ms;
		bool known;
		double in_s;
	} cases[] = {
		{1, 100, 1024, 1000, true, 901},
		{20, 100, 1024, 1000, true, 464 / 20.0},
		{-5, 500, 1024, 1000, false, 0},
		{0, 1000, 1024, 1000, false, 0},
		{100, 0, 10000, 250, true, 94.25},
		{1, 100, UINT64_MAX, 1000, false, 0},         /* never */
		{1, 100, 2592000 + 122, 1000, true, 2591999}, /* 30 days */
		{1, 100, 2592000 + 123, 1000, false, 0},
		{100, 0, 2301, 1000, true, 0.01},
		{100, 0, 2300, 1000, false, 0}, /* full */
		{100, 0, 1000, 1000, false, 0}, /* over it already */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct forecast_history history = {0};
		struct forecast out;

		for (uint64_t n = 0; n < 24; n++) {
			uint64_t ms = n * cases[i].interval_ms;

			forecast_add(&history, 1000 * S + ms * MS,
				     (uint64_t)((double)cases[i].start +
						cases[i].per_s * (double)ms / 1e3));
		}
		out = estimate(&history, cases[i].limit);
		assert_true(out.growth_known);
		near(out.growth_per_s, cases[i].per_s, 1e-6);
		if (out.exhaustion_known != cases[i].known)
			fail_msg("case %zu", i);
		near(out.exhausted_in_s, cases[i].in_s, 1e-3);
		assert_true(out.low_s <= out.exhausted_in_s + 1e-9);
		assert_true(out.high_s >= out.exhausted_in_s - 1e-9);
	}
}

static void noise(void **unused)
{
	struct forecast_history flat = {0}, rising = {0};
	uint64_t seed = 88172645463325252ull;
	unsigned int alarms = 0;
	double worst = 0;

	(void)unused;
	for (uint64_t n = 0; n < 20000; n++) {
		uint64_t jitter = next_random(&seed) % 41;
		struct forecast out;

		forecast_add(&flat, n * S, 500 + jitter);
		forecast_add(&rising, n * S, 10 * n + jitter);
		if (n < 24)
			continue;
		alarms += estimate(&flat, 1024).exhaustion_known;
		out = estimate(&rising, 1000000);
		worst = fmax(worst, fabs(out.growth_per_s - 10));
		assert_true(out.exhaustion_known);
	}
	/* Twice the standard error, one side: some 3 % of pure noise. */
	assert_between(alarms, 1, 20000 * 5 / 100);
	assert_true(worst < 2);
}

static void staircase(void **unused)
{
	struct forecast_history history = {0};

	(void)unused;
	/* one descriptor each 4 s */
	for (uint64_t n = 0; n < 100; n++)
		forecast_add(&history, n * S, 100 + n / 4);
	near(estimate(&history, 1024).growth_per_s, 0.25, 0.02);
	assert_true(estimate(&history, 1024).exhaustion_known);
	near(estimate(&history, 1024).exhausted_in_s, 900 / 0.25, 300);

	/* a sawtooth goes nowhere */
	history = (struct forecast_history){0};
	for (uint64_t n = 0; n < 96; n++)
		forecast_add(&history, n * S, 100 + 10 * (n % 3));
	assert_false(estimate(&history, 1024).exhaustion_known);
}

static void window(void **unused)
{
	struct forecast_history history = {0};

	(void)unused;
	/* What is more than 30 s old does not count: flat since then. */
	for (uint64_t n = 0; n < 10; n++)
		forecast_add(&history, n * 2 * S, 100 * n);
	for (uint64_t n = 0; n <= 6; n++)
		forecast_add(&history, (20 + 5 * n) * S, 900);
	near(estimate(&history, 1024).growth_per_s, 0, 1e-9);
	/* Exactly 30 s old still does. */
	history = (struct forecast_history){0};
	forecast_add(&history, 100 * S, 0);
	forecast_add(&history, 115 * S, 150);
	forecast_add(&history, 130 * S, 300);
	near(estimate(&history, 1024).growth_per_s, 10, 1e-9);
	forecast_add(&history, 130 * S + 250 * MS, 300);
	assert_true(estimate(&history, 1024).growth_per_s < 10);
	forecast_add(&history, 170 * S, 300);
	assert_false(estimate(&history, 1024).growth_known);
}

/* Bursts of records do not push the longer past out of the history, and neither
 * do they hold it still. */
static void bursts(void **unused)
{
	struct forecast_history history = {0};
	uint64_t now_ns = 1000 * S, used = 0;

	(void)unused;
	for (int i = 0; i < 10000; i++) {
		now_ns += 10 * MS;
		forecast_add(&history, now_ns, ++used);
	}
	assert_int_equal(history.len, FORECAST_SAMPLES);
	near(estimate(&history, UINT32_MAX).growth_per_s, 100, 1);
	/* the newest is there as it was seen */
	near(estimate(&history, used + 50).exhausted_in_s, 0.5, 0.01);
	/* 23 gaps of 200 ms, or nearly */
	assert_true(history.at_ms[(history.next + 23) % 24] -
			    history.at_ms[history.next % 24] >
		    22 * 200);
}

static void clock_goes_back(void **unused)
{
	struct forecast_history history = {0};

	(void)unused;
	for (uint64_t n = 0; n < 30; n++)
		forecast_add(&history, (1000 + n) * S, n);
	forecast_add(&history, 1020 * S, 7);
	assert_int_equal(history.len, 1);
	assert_int_equal(history.used[0], 7);
	forecast_add(&history, 10 * S, 8); /* before the base as well */
	assert_int_equal(history.len, 1);
	assert_int_equal(history.base_ns, 10 * S);
	/* the same instant twice is not back */
	forecast_add(&history, 10 * S, 9);
	assert_int_equal(history.len, 2);
}

static void long_life(void **unused)
{
	struct forecast_history history = {0};
	uint64_t now_ns = 1000 * S, used = 0;

	(void)unused;
	/* 60 days of a sample each 10 s: 32 bits of ms are over after 49 */
	for (uint64_t n = 0; n < 60 * 8640; n++) {
		forecast_add(&history, now_ns, used);
		assert_int_equal(history.len, n < 23 ? n + 1 : 24);
		if (n > 24 && n % 997 == 0)
			near(estimate(&history, UINT64_MAX).growth_per_s, 2, 1e-6);
		now_ns += 10 * S;
		used += 20;
	}
	assert_int_equal(history.len, FORECAST_SAMPLES);
	assert_true(history.base_ns > 1000 * S);
	near(estimate(&history, used - 20 + 200).exhausted_in_s, 100, 1e-3);
	/* and a sleep of a year */
	now_ns += 365ull * 86400 * S;
	forecast_add(&history, now_ns, 5);
	assert_int_equal(history.len, 1);
	assert_false(estimate(&history, 1024).growth_known);
}

static void huge_counts(void **unused)
{
	struct forecast_history history = {0};

	(void)unused;
	for (uint64_t n = 0; n < 5; n++)
		forecast_add(&history, n * S, UINT64_MAX - 5 + n);
	near(estimate(&history, UINT64_MAX).growth_per_s, 0, 0);
	history = (struct forecast_history){0};
	for (uint64_t n = 0; n < 24; n++)
		forecast_add(&history, n * S, UINT32_MAX - 100 + n);
	near(estimate(&history, UINT32_MAX).growth_per_s, 1, 1e-9);
	near(estimate(&history, UINT32_MAX).exhausted_in_s, 77, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_samples),     cmocka_unit_test(straight_lines),
		cmocka_unit_test(noise),           cmocka_unit_test(staircase),
		cmocka_unit_test(window),          cmocka_unit_test(bursts),
		cmocka_unit_test(clock_goes_back), cmocka_unit_test(long_life),
		cmocka_unit_test(huge_counts),     cmocka_unit_test(present_bursts),
		cmocka_unit_test(full_tables),     cmocka_unit_test(ended_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
