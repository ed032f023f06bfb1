/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process's recent counts, and what they say of the near future. Pure.
 */
#ifndef FDWARDEN_FORECAST_H
#define FDWARDEN_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#define FORECAST_SAMPLES 24

/* 24 samples, oldest overwritten: 208 bytes, of which a daemon holds 10,000.
 * Zeroed is empty. */
struct forecast_history {
	uint32_t at_ms[FORECAST_SAMPLES]; /* since base_ns */
	uint32_t used[FORECAST_SAMPLES];
	uint64_t base_ns; /* time of the first sample */
	uint8_t next, len;
};

struct forecast {
	bool growth_known;
	double growth_over_s; /* how long what follows was seen */
	double growth_per_s;  /* slots a second; negative when it shrinks */
	bool growth_sound;    /* it is above zero by more than chance */
	bool exhaustion_known; /* there is a sound estimate, and it is not full already */
	double exhausted_in_s; /* until all slots below the limit are taken */
	double low_s, high_s;  /* … between these, by the slope's uncertainty */
};

/* Adds what was seen at now_ns (any monotonic clock, ns). The newest sample is
 * always kept as it was seen; those before it are 200 ms apart at least (a burst
 * replaces its own last sample), but for the first 4. Going back in time clears
 * the history, and so does a gap of more than an hour. */
void forecast_add(struct forecast_history *history, uint64_t now_ns, uint64_t used);

/*
 * Slope by least squares over the samples of the last 30 s, and the time until
 * `limit` is reached from the newest sample. Growth is known from 3 samples over
 * 0.5 s on. It is sound when the slope is above zero by more than twice its standard
 * error. The time is known when growth is sound, the newest sample is below the limit and
 * the result is under 30 days. Its bounds are those of the slope and twice its standard
 * error.
 */
void forecast_estimate(const struct forecast_history *history, uint64_t limit,
		       struct forecast *out);

/*
 * The same for who is shown what goes on: what is over is no growth any more, and what came
 * since it decides. Over is a single burst after a second, as of a program that has just
 * started; how a table filled that has been full for a second; and what has paused for much
 * longer than it ever did in these 30 s. Of bursts that come again, and of a growth that goes
 * on, it is forecast_estimate(); but what a few seconds say is not drawn out to hours, nor a
 * descriptor or two to days.
 */
void forecast_now(const struct forecast_history *history, uint64_t limit,
		  struct forecast *out);

/* The sample that is so many older than the newest (0). false: there is none. */
bool forecast_sample(const struct forecast_history *history, unsigned int age,
		     uint64_t *at_ns, uint64_t *used);

#endif
