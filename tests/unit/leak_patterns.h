/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Series of counts as processes make them, with and without a leak: simulated second by
 * second from a seed, so that each run is the same.
 */
#ifndef FDWARDEN_LEAK_PATTERNS_H
#define FDWARDEN_LEAK_PATTERNS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HOUR 3600.0
#define DAY  86400.0

/* ---- chance ---- */

struct chance {
	uint64_t state;
};

static inline uint64_t chance_bits(struct chance *chance)
{
	uint64_t z = (chance->state += 0x9e3779b97f4a7c15ull); /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0 … 1 */
static inline double chance_share(struct chance *chance)
{
	return (double)(chance_bits(chance) >> 11) / 9007199254740992.0;
}

static inline double chance_between(struct chance *chance, double low, double high)
{
	return low + (high - low) * chance_share(chance);
}

static inline double chance_normal(struct chance *chance)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += chance_share(chance);
	return sum;
}

/* A number of events of which `mean` are to be expected. */
static inline double chance_events(struct chance *chance, double mean)
{
	double product, floor_of, n;

	if (mean <= 0)
		return 0;
	if (mean > 30) {
		n = rint(mean + sqrt(mean) * chance_normal(chance));
		return n > 0 ? n : 0;
	}
	floor_of = exp(-mean);
	product = chance_share(chance);
	for (n = 0; product > floor_of; n++)
		product *= chance_share(chance);
	return n;
}

/* ---- what a process does ---- */

/* Shares are of the limit, times in s. What is 0 is not there. */
struct pattern {
	double base; /* always open */
	/* of connections that come and go: their number on average at the day's peak, how long
	 * each lasts, and how much of the peak is left at night */
	double load, lasts_s, night;
	double day_s;  /* how long a day is; 0: the load is the same all the time */
	double wander; /* the load drifts by chance, by so much in an hour */
	/* files that are closed when garbage is collected */
	double saw, saw_s;
	/* bursts, so many an hour on average, up to this share, each up to that long */
	double bursts_an_hour, burst, burst_s;
	/* grows to this share, as 1 - exp(-t / grow_s), or linearly in grow_s */
	double grow, grow_s;
	bool grow_linearly;
	/* a job each day */
	double job, job_s;
	/* steps up by this share at step_s and stays */
	double step, step_s;
	/* a leak fills what is left in so many s, from leak_from_s on */
	double leak_s, leak_from_s;
	bool leak_with_load; /* as fast as the load's opens are */
};

struct process_simulated {
	const struct pattern *pattern;
	struct chance chance;
	double limit, phase_s;
	double drift, connections, saw, leaked, burst_left, burst_height, grown;
	double open, opened;
	double leak_per_s;
};

static inline void simulate_begin(struct process_simulated *p,
				  const struct pattern *pattern, double limit,
				  uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->pattern = pattern;
	p->limit = limit;
	p->chance.state = seed * 0x2545f4914f6cdd1dull + 1;
	p->phase_s = chance_share(&p->chance) * (pattern->day_s ? pattern->day_s : DAY);
	p->drift = 1;
	p->opened = 1000;
	if (pattern->leak_s)
		p->leak_per_s = limit * (1 - pattern->base) / pattern->leak_s;
	p->saw = chance_share(&p->chance) * pattern->saw * limit;
}

/* The day's curve: 0 at its least, 1 at its peak. */
static inline double simulate_day(const struct process_simulated *p, double t)
{
	double x = p->pattern->day_s ? (t + p->phase_s) / p->pattern->day_s : 0.5;

	return (1 - cos(2 * M_PI * x)) / 2;
}

/* The load that there is on average at t. */
static inline double simulate_target(const struct process_simulated *p, double t)
{
	const struct pattern *is = p->pattern;

	return is->load * p->limit * p->drift *
	       (is->night + (1 - is->night) * simulate_day(p, t));
}

static inline void simulate_load(struct process_simulated *p, double t)
{
	const struct pattern *is = p->pattern;
	double target, come, go;

	if (is->wander) {
		p->drift += is->wander / 60 * chance_normal(&p->chance) +
			    (1 - p->drift) / (6 * HOUR);
		p->drift = p->drift < 0.1 ? 0.1 : p->drift > 1.5 ? 1.5 : p->drift;
	}
	target = simulate_target(p, t);
	if (t == 0) /* as if it had run for long */
		p->connections = rint(target);
	come = chance_events(&p->chance, target / is->lasts_s);
	go = is->lasts_s <= 1 ? p->connections
			      : chance_events(&p->chance, p->connections / is->lasts_s);
	p->connections += come - (go < p->connections ? go : p->connections);
	p->opened += come;
	if (is->leak_with_load && t >= is->leak_from_s)
		p->leaked += p->leak_per_s * target / (is->load * p->limit);
}

static inline void simulate_bursts(struct process_simulated *p)
{
	const struct pattern *is = p->pattern;

	if (p->burst_left > 0) {
		p->burst_left--;
	} else if (chance_share(&p->chance) < is->bursts_an_hour / HOUR) {
		p->burst_left = chance_between(&p->chance, 1, is->burst_s);
		p->burst_height =
			rint(chance_between(&p->chance, 0.1, 1) * is->burst * p->limit);
		p->opened += p->burst_height;
	}
}

/* One second more; the number of descriptors at its end. */
static inline uint64_t simulate(struct process_simulated *p, double t)
{
	const struct pattern *is = p->pattern;
	double open = is->base * p->limit, grown = 0, leaked = p->leaked;

	if (is->load) {
		simulate_load(p, t);
		open += p->connections;
	}
	if (is->saw) {
		double more = is->saw * p->limit / is->saw_s;

		p->saw += more;
		p->opened += more;
		/* when it collects is not quite regular */
		if (p->saw >
		    is->saw * p->limit * chance_between(&p->chance, 0.95, 1.05))
			p->saw = 0;
		open += p->saw;
	}
	if (is->bursts_an_hour) {
		simulate_bursts(p);
		open += p->burst_left > 0 ? p->burst_height : 0;
	}
	if (is->grow)
		grown = is->grow_linearly ? (t < is->grow_s ? t / is->grow_s : 1)
					  : 1 - exp(-t / is->grow_s);
	if (is->job && fmod(t + p->phase_s, DAY) < is->job_s)
		open += is->job * p->limit;
	if (is->step && t >= is->step_s)
		open += is->step * p->limit;
	grown = floor(grown * is->grow * p->limit);
	p->opened += grown - p->grown;
	p->grown = grown;
	if (is->leak_s && !is->leak_with_load && t >= is->leak_from_s)
		p->leaked += p->leak_per_s;
	p->opened += floor(p->leaked) - floor(leaked);
	p->open = floor(open) + grown + floor(p->leaked);
	if (p->open > p->limit)
		p->open = p->limit;
	return (uint64_t)p->open;
}

#endif
