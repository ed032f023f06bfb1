/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/forecast.h"

#include <math.h>
#include <string.h>

#define MS_NS          1000000ull
/* Samples closer together than this say the same twice. */
#define SPACING_MS     200
/* … but the first few are taken as they come: a process that fills its table in
 * a second has no time for more. */
#define DENSE_SAMPLES  4
#define WINDOW_MS      30000
#define GROWTH_SAMPLES 3
#define GROWTH_SPAN_MS 500
/* Nothing that old is of use, and it would run times out of their 32 bits. */
#define GAP_MS         (3600 * 1000ull)
#define REBASE_MS      (1ull << 31)
#define HORIZON_S      (30.0 * 24 * 3600)

_Static_assert(sizeof(struct forecast_history) == 208, "10,000 are held");

/* Index of the sample that is `age` samples older than the newest. */
static unsigned int at(const struct forecast_history *history, unsigned int age)
{
	return (history->next + 2u * FORECAST_SAMPLES - 1 - age) % FORECAST_SAMPLES;
}

/* Moves the base to the oldest sample, and all times with it. */
static void rebase(struct forecast_history *history)
{
	uint32_t shift = history->at_ms[at(history, history->len - 1u)];

	for (unsigned int age = 0; age < history->len; age++)
		history->at_ms[at(history, age)] -= shift;
	history->base_ns += shift * MS_NS;
}

static void put(struct forecast_history *history, uint64_t now_ms, uint64_t used)
{
	history->at_ms[history->next] = (uint32_t)now_ms;
	history->used[history->next] = used < UINT32_MAX ? (uint32_t)used : UINT32_MAX;
	history->next = (history->next + 1) % FORECAST_SAMPLES;
	if (history->len < FORECAST_SAMPLES)
		history->len++;
}

/* The newest sample stands until it is far enough from the one before it;
 * comparing with that, and not with the newest, lets a history move on however
 * fast the samples come. */
static bool replaces_newest(const struct forecast_history *history)
{
	return history->len >= DENSE_SAMPLES &&
	       history->at_ms[at(history, 0)] - history->at_ms[at(history, 1)] <
		       SPACING_MS;
}

void forecast_add(struct forecast_history *history, uint64_t now_ns, uint64_t used)
{
	if (history->len && now_ns >= history->base_ns) {
		uint64_t now_ms = (now_ns - history->base_ns) / MS_NS;
		if (now_ms >= history->at_ms[at(history, 0)] &&
		    now_ms - history->at_ms[at(history, 0)] <= GAP_MS) {
			if (replaces_newest(history)) {
				history->next = (uint8_t)at(history, 0);
				history->len--;
			}
			put(history, now_ms, used);
			if (now_ms >= REBASE_MS)
				rebase(history);
			return;
		}
	}
	memset(history, 0, sizeof(*history));
	history->base_ns = now_ns;
	put(history, 0, used);
}

/* Sums for a straight line through the samples of the window; seconds and slots
 * are relative to the newest, so that they stay small and sums exact. */
struct sums {
	unsigned int n;
	double span_s;
	double x, y, xx, xy, yy;
};

static void sum_window(const struct forecast_history *history, unsigned int len,
		       struct sums *sums)
{
	uint32_t newest_ms = history->at_ms[at(history, 0)];
	uint32_t newest = history->used[at(history, 0)];

	memset(sums, 0, sizeof(*sums));
	for (unsigned int age = 0; age < len; age++) {
		unsigned int i = at(history, age);
		uint32_t ago_ms = newest_ms - history->at_ms[i];
		double x = -(double)ago_ms / 1e3;
		double y = (double)history->used[i] - (double)newest;

		if (ago_ms > WINDOW_MS)
			break;
		sums->n++;
		sums->span_s = -x;
		sums->x += x;
		sums->y += y;
		sums->xx += x * x;
		sums->xy += x * y;
		sums->yy += y * y;
	}
}

/* Of the newest `len` samples. */
static void estimate(const struct forecast_history *history, unsigned int len,
		     uint64_t limit, struct forecast *out)
{
	struct sums sums;
	double sxx, sxy, syy, residual, seconds, left, error;
	uint64_t used;

	memset(out, 0, sizeof(*out));
	if (len < GROWTH_SAMPLES)
		return;
	sum_window(history, len, &sums);
	if (sums.n < GROWTH_SAMPLES || sums.span_s * 1e3 < GROWTH_SPAN_MS)
		return;

	sxx = sums.xx - sums.x * sums.x / sums.n;
	sxy = sums.xy - sums.x * sums.y / sums.n;
	syy = sums.yy - sums.y * sums.y / sums.n;
	out->growth_known = true;
	out->growth_per_s = sxy / sxx;
	out->growth_over_s = sums.span_s;

	/* slope > 2 × its standard error, both squared:
	 * slope² > 4 × residual / ((n - 2) × sxx) */
	residual = syy - out->growth_per_s * sxy;
	if (residual < 0)
		residual = 0;
	out->growth_sound = out->growth_per_s > 0 &&
			    out->growth_per_s * out->growth_per_s * (sums.n - 2) * sxx >
				    4 * residual;
	used = history->used[at(history, 0)];
	/* What is full has no time until then; whoever asks sees that it is. */
	if (!out->growth_sound || used >= limit)
		return;
	left = (double)(limit - used);
	seconds = left / out->growth_per_s;
	if (seconds >= HORIZON_S)
		return;
	out->exhaustion_known = true;
	out->exhausted_in_s = seconds;
	error = 2 * sqrt(residual / ((sums.n - 2) * sxx));
	out->low_s = left / (out->growth_per_s + error);
	out->high_s = left / (out->growth_per_s - error);
}

void forecast_estimate(const struct forecast_history *history, uint64_t limit,
		       struct forecast *out)
{
	estimate(history, history->len, limit, out);
}

/* A burst: so many at least, each step of it so many and so large a part of all that came. */
#define BURST_MIN              8
#define BURST_STEP_MIN         4
#define BURST_STEP             20
/* Nearly all of what came is in it. */
#define BURST_OF_ALL(sum, all) (5 * (sum) >= 4 * (all))
/* It is over when there was none of it for so long. */
#define BURST_OVER_MS          1000

/* How many came from the sample before the one that is `age` old. */
static uint32_t step(const struct forecast_history *history, unsigned int age)
{
	uint32_t now = history->used[at(history, age)],
		 before = history->used[at(history, age + 1)];

	return now > before ? now - before : 0;
}

static unsigned int samples_in_window(const struct forecast_history *history)
{
	uint32_t newest_ms = history->at_ms[at(history, 0)];
	unsigned int len = 0;

	while (len < history->len &&
	       newest_ms - history->at_ms[at(history, len)] <= WINDOW_MS)
		len++;
	return len;
}

/* The samples since the one burst that nearly all of the window's growth came in; 0: there was
 * none, there were several, or it goes on. */
static unsigned int samples_since_burst(const struct forecast_history *history)
{
	unsigned int len = samples_in_window(history), end = 0, bursts = 0;
	uint64_t all = 0, burst = 0, until_ms = 0;
	bool in_burst = false;

	for (unsigned int age = 0; age + 1 < len; age++)
		all += step(history, age);
	for (unsigned int age = len - 1; age-- > 0;) {
		uint32_t came = step(history, age),
			 ms = history->at_ms[at(history, age)];
		bool large =
			came >= BURST_STEP_MIN && (uint64_t)came * BURST_STEP >= all;

		bursts += large && !in_burst;
		if (large)
			until_ms = (uint64_t)ms + BURST_OVER_MS;
		/* its last ones come after large steps, where samples are dense */
		in_burst = large || (in_burst && ms < until_ms);
		if (in_burst && came) {
			burst += came;
			end = age;
		}
	}
	if (bursts != 1 || burst < BURST_MIN || !BURST_OF_ALL(burst, all) ||
	    history->at_ms[at(history, 0)] - history->at_ms[at(history, end)] <
		    BURST_OVER_MS)
		return 0;
	return end + 1;
}

/* A table that is full can't grow: how it came to be so is past when it has been full for so
 * long. */
#define FULL_OVER_MS 1000

/* The samples since the table became full; 0: it is not, or has just become so. */
static unsigned int samples_since_full(const struct forecast_history *history,
				       uint64_t limit)
{
	unsigned int len = samples_in_window(history), full = 0;

	while (full < len && history->used[at(history, full)] >= limit)
		full++;
	if (!full ||
	    history->at_ms[at(history, 0)] - history->at_ms[at(history, full - 1)] <
		    FULL_OVER_MS)
		return 0;
	return full;
}

/* A pause that is so many times as long as the longest before it, in which so many would have
 * come, is the end of a growth: of those that come one by one by chance the second is so in 2
 * of 100 times. */
#define REST_TIMES 2
#define REST_OWED  4

/* The samples since the growth ended; 0: there was none, or it goes on as it did. */
static unsigned int samples_since_growth(const struct forecast_history *history)
{
	unsigned int len = samples_in_window(history), end = 0;
	uint32_t begin_ms, last_ms, longest_ms = 0, now_ms;
	double came = 0, rest_ms;

	if (len < 2)
		return 0;
	now_ms = history->at_ms[at(history, 0)];
	begin_ms = last_ms = history->at_ms[at(history, len - 1)];
	for (unsigned int age = len - 1; age-- > 0;) {
		uint32_t ms = history->at_ms[at(history, age)];

		if (!step(history, age))
			continue;
		came += step(history, age);
		longest_ms = ms - last_ms > longest_ms ? ms - last_ms : longest_ms;
		last_ms = ms;
		end = age;
	}
	rest_ms = (double)(now_ms - last_ms);
	if (came <= 0 || last_ms == begin_ms || rest_ms <= REST_TIMES * longest_ms ||
	    came * rest_ms < REST_OWED * (double)(last_ms - begin_ms))
		return 0;
	return end + 1;
}

/* How many of the newest samples say what goes on now. */
static unsigned int samples_of_now(const struct forecast_history *history,
				   uint64_t limit)
{
	const unsigned int since[] = {samples_since_full(history, limit),
				      samples_since_burst(history),
				      samples_since_growth(history)};
	unsigned int len = history->len;

	for (size_t i = 0; i < sizeof(since) / sizeof(since[0]); i++)
		if (since[i] >= GROWTH_SAMPLES && since[i] < len)
			len = since[i];
	return len;
}

/* Fewer may be any program's comings and goings. */
#define RISE_MIN     3
/* From a few seconds nothing is foretold for longer than so many times as long: programs open
 * much when they start. And from half a minute nothing beyond a day. */
#define FEW_S        10
#define FEW_FORETELL 60
#define FORETELL_S   86400.0

static bool is_foretold(const struct forecast *f)
{
	double most =
		f->growth_over_s < FEW_S ? FEW_FORETELL * f->growth_over_s : FORETELL_S;

	return f->growth_per_s * f->growth_over_s >= RISE_MIN &&
	       f->exhausted_in_s <= most;
}

void forecast_now(const struct forecast_history *history, uint64_t limit,
		  struct forecast *out)
{
	estimate(history, history->len ? samples_of_now(history, limit) : 0, limit,
		 out);
	if (out->exhaustion_known && !is_foretold(out)) {
		out->exhaustion_known = false;
		out->exhausted_in_s = out->low_s = out->high_s = 0;
	}
}

bool forecast_sample(const struct forecast_history *history, unsigned int age,
		     uint64_t *at_ns, uint64_t *used)
{
	unsigned int i;

	if (age >= history->len)
		return false;
	i = at(history, age);
	*at_ns = history->base_ns + history->at_ms[i] * (uint64_t)1000000;
	*used = history->used[i];
	return true;
}
