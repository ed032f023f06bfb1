// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether some windows rise as a leak does. */
#include <math.h>
#include <stdlib.h>

#include "policy/leak_impl.h"

#define PAIRS_MAX      (LEAK_WINDOWS * (LEAK_WINDOWS - 1) / 2)
/* Of all pairs of windows, so many more must rise than fall. */
#define STEADY_SHARE   0.8
/* No single step may be more than this of the whole rise: a pool that was filled at
 * once, or a burst that lasts. */
#define STEP_SHARE     0.4
/* Fewer descriptors say nothing, however small the limit is. */
#define RISE_MIN       10
/* … nor does less than this share of the limit: near it, chance would do. In hours chance
 * has less to say, and a slow leak has not risen by more. */
#define RISE_SHARE     0.125
/* … in the shortest windows this one: a burst and a tooth together may last as long. */
#define RISE_FAST      0.25
#define RISE_SLOW      0.05
#define SLOW_FROM_S    3600
/* … nor, of what comes and goes by chance, does less than so many of its standard
 * deviations, which are the roots of the count. */
#define RISE_CHANCE    5
/* So much of the rise must go above all that was there before: the teeth of a saw are
 * longer than windows. */
#define NEW_SHARE      0.75
/* A bend is believed to be smaller than measured by so many of its standard errors. */
#define BEND_DOUBT     -0.5
/* Opens tell a load from a leak where there are at least so many for each that is open in
 * the end, */
#define TURNOVER       3
/* … and hardly anything was closed where there are at most so many for one more. */
#define NO_TURNOVER    1.5
/* As much of a rise must be more than the opens explain. */
#define LEAK_SHARE     0.5
#define NORMAL_95      1.96
/* An absolute rise must be so much of all that is open, */
#define ABSOLUTE_SHARE 0.25
/* … and its second half may bring so much less than its first: a cache that fills slows
 * down. */
#define SLOW_DOWN      0.8
/* The second half of the time may bring so many times as much as the first. */
#define SPEED_UP       1.4

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_value);
	return n % 2 ? list[n / 2] : (list[n / 2 - 1] + list[n / 2]) / 2;
}

/* The slopes between all pairs, in order; the bounds are Sen's, which ask nothing of how
 * the noise is distributed. */
bool leak_fit(const struct leak_series *series, struct leak_line *line)
{
	double slopes[PAIRS_MAX], heights[LEAK_WINDOWS], reach, above;
	size_t n = series->len, pairs = 0;
	long low, high;

	if (n < 3)
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			slopes[pairs++] = (series->floor[j] - series->floor[i]) /
					  (series->at_s[j] - series->at_s[i]);
	line->slope = median(slopes, pairs);
	reach = NORMAL_95 *
		sqrt((double)n * (double)(n - 1) * (double)(2 * n + 5) / 18);
	low = lround(floor(((double)pairs - reach) / 2)) - 1;
	high = lround(ceil(((double)pairs + reach) / 2));
	line->low = slopes[low < 0 ? 0 : low];
	line->high = slopes[high >= (long)pairs ? (long)pairs - 1 : high];
	for (size_t i = 0; i < n; i++)
		heights[i] = series->floor[i] +
			     line->slope * (series->at_s[n - 1] - series->at_s[i]);
	line->at_end = median(heights, n);
	line->swing = 0;
	for (size_t i = 0; i < 2; i++) {
		above = series->swing[i] - line->slope * series->swing_s[i];
		if (above > line->swing)
			line->swing = above;
	}
	return true;
}

static double rise_of(const struct leak_series *series)
{
	return series->floor[series->len - 1] - series->floor[0];
}

static bool is_steady(const struct leak_series *series)
{
	double most = 0, pairs;
	int balance = 0;

	for (size_t i = 0; i < series->len; i++) {
		for (size_t j = i + 1; j < series->len; j++)
			balance += (series->floor[j] > series->floor[i]) -
				   (series->floor[j] < series->floor[i]);
		if (i && series->floor[i] - series->floor[i - 1] > most)
			most = series->floor[i] - series->floor[i - 1];
	}
	pairs = (double)(series->len * (series->len - 1)) / 2;
	return balance >= STEADY_SHARE * pairs && most <= STEP_SHARE * rise_of(series);
}

static bool is_new(const struct leak_series *series)
{
	double last = series->floor[series->len - 1], from = series->floor[0];

	if (series->before > from)
		from = series->before;
	return last - from >= NEW_SHARE * rise_of(series);
}

/* A parabola by least squares through time and floor, with time from 0 to 1: what it grows
 * by in its first half and in its second. */
static void halves(const struct leak_series *series, double *first, double *second)
{
	double n = (double)series->len, span = series->at_s[series->len - 1];
	double mean_x = 0, mean_y = 0, xx = 0, xy = 0, xq = 0, mean_q = 0, qq = 0,
	       qy = 0, rest = 0, slope, bend, tilt, doubt;

	for (size_t i = 0; i < series->len; i++) {
		mean_x += series->at_s[i] / span / n;
		mean_y += series->floor[i] / n;
		mean_q += series->at_s[i] * series->at_s[i] / span / span / n;
	}
	for (size_t i = 0; i < series->len; i++) {
		double x = series->at_s[i] / span, dx = x - mean_x;

		xx += dx * dx;
		xy += dx * (series->floor[i] - mean_y);
		xq += dx * (x * x - mean_q);
	}
	slope = xy / xx;
	tilt = xq / xx; /* of x² along x */
	for (size_t i = 0; i < series->len; i++) {
		double x = series->at_s[i] / span;
		double q = x * x - mean_q - tilt * (x - mean_x);

		qq += q * q;
		qy += q * (series->floor[i] - mean_y);
	}
	bend = qq > 0 ? qy / qq : 0;
	for (size_t i = 0; i < series->len; i++) {
		double x = series->at_s[i] / span;
		double q = x * x - mean_q - tilt * (x - mean_x);
		double off =
			series->floor[i] - mean_y - slope * (x - mean_x) - bend * q;

		rest += off * off;
	}
	doubt = series->len > 3 && qq > 0 ? BEND_DOUBT * sqrt(rest / (n - 3) / qq) : 0;
	if (bend < 0)
		bend = bend + doubt < 0 ? bend + doubt : 0;
	*first = slope / 2 + bend * (0.25 - tilt / 2);
	*second = slope / 2 + bend * (0.75 - tilt / 2);
}

bool leak_speeds_up(const struct leak_series *series)
{
	double first, second;

	if (series->len < 4)
		return false;
	halves(series, &first, &second);
	return second > SPEED_UP * first;
}

static bool halves_slow_down(const struct leak_series *series)
{
	double first, second;

	halves(series, &first, &second);
	return second < SLOW_DOWN * first;
}

/* Where it goes if each half of the time brings less than the one before by the same
 * share. */
static bool ends_below(const struct leak_series *series, double limit)
{
	double first, second, share;

	halves(series, &first, &second);
	if (second <= 0)
		return true;
	if (second >= first)
		return false;
	share = second / first;
	return series->floor[series->len - 1] + second * share / (1 - share) < limit;
}

enum leak_turnover leak_turnover(const struct leak_series *series)
{
	double opens = 0;

	for (size_t i = 0; i < series->len; i++) {
		if (series->opens[i] < 0)
			return LEAK_TURNOVER_UNKNOWN;
		opens += series->opens[i];
	}
	if (opens >= TURNOVER * series->floor[series->len - 1])
		return LEAK_TURNOVER_FAST;
	return opens > NO_TURNOVER * rise_of(series) ? LEAK_TURNOVER_SOME
						     : LEAK_TURNOVER_NONE;
}

/*
 * By Little's law the number of what is open is the rate of opens times how long each
 * stays open. So of a load the count grows as the rate does; of a leak it grows though
 * the rate stays. The whole floor is taken for load, in doubt.
 */
static bool is_load(const struct leak_series *series)
{
	size_t half = series->len / 2, last = series->len - half;
	double floors[2] = {0}, opens[2] = {0}, grown, explained;

	if (leak_turnover(series) != LEAK_TURNOVER_FAST)
		return false;
	for (size_t i = 0; i < half; i++) {
		floors[0] += series->floor[i] / (double)half;
		opens[0] += series->opens[i];
		floors[1] += series->floor[last + i] / (double)half;
		opens[1] += series->opens[last + i];
	}
	if (opens[1] <= opens[0])
		return false;
	if (opens[0] <= 0)
		return true;
	grown = floors[1] - floors[0];
	explained = floors[0] * (opens[1] / opens[0] - 1);
	return grown - explained < LEAK_SHARE * grown;
}

static bool is_much(const struct leak_series *series, double limit)
{
	double share = series->shortest                              ? RISE_FAST
		       : series->at_s[series->len - 1] < SLOW_FROM_S ? RISE_SHARE
								     : RISE_SLOW;

	double last = series->floor[series->len - 1];

	if (leak_turnover(series) >= LEAK_TURNOVER_SOME &&
	    rise_of(series) < RISE_CHANCE * sqrt(last))
		return false;
	return rise_of(series) >= RISE_MIN && rise_of(series) >= share * limit;
}

bool leak_rises_by_itself(const struct leak_series *series,
			  const struct leak_line *line, double limit)
{
	enum leak_turnover turnover = leak_turnover(series);
	double last = series->floor[series->len - 1];

	return line->slope > 0 && line->low > 0 &&
	       series->at_s[series->len - 1] >= SLOW_FROM_S &&
	       rise_of(series) >= LEAK_RISE_ABSOLUTE &&
	       rise_of(series) >= ABSOLUTE_SHARE * last &&
	       rise_of(series) >= RISE_CHANCE * sqrt(last) &&
	       (turnover == LEAK_TURNOVER_NONE || turnover == LEAK_TURNOVER_FAST) &&
	       !halves_slow_down(series) && is_new(series) && is_steady(series) &&
	       !ends_below(series, limit) && !is_load(series);
}

bool leak_rises(const struct leak_series *series, const struct leak_line *line,
		double limit)
{
	return line->slope > 0 && line->low > 0 && is_much(series, limit) &&
	       is_new(series) && is_steady(series) && !ends_below(series, limit) &&
	       !is_load(series);
}
