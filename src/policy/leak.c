// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/leak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/leak_impl.h"

#define SECOND_NS     1e9
/* The time left may be so many times the time over which the rise was seen: at a steady
 * pace, a quarter of the way from where it began to the limit must be behind it. */
#define REACH         3
/* … a third of it, by the shortest windows. */
#define REACH_FAST    2
/* … half of it, where it takes hours and nothing is known that would tell a leak from the
 * load of a morning. */
#define REACH_BLIND   1
#define BLIND_FROM_S  3600
/* … an eighth, to be watched. */
#define REACH_WATCHED 7
/* Floors from before the ring are remembered for one to two blocks of so many windows. */
#define BLOCK_WINDOWS 32
/* A suspicion ends when so much of the rise was given back, */
#define FALL_SHARE    0.5
/* … or when for so many times the windows that it took */
#define STOP_TIMES    2
/* … the floor rose by less than this share of its pace, */
#define STOP_SHARE    0.25
/* … unless so much of the limit is used that it can't rise any more, */
#define WALL_SHARE    0.95
/* … or when the limit is further away than so many horizons. */
#define HORIZON_TIMES 2
#define PARTS_ALL     (1u << (2 * (LEAK_SCALES - 1))) /* 4^(scales - 1) */

_Static_assert(LEAK_FACTOR == 4, "PARTS_ALL");
_Static_assert(sizeof(struct leak_history) <= 600,
	       "10,000 are held: with their forecasts "
	       "under 8 MiB");

struct leak_suspicion {
	enum leak_stage stage; /* LEAK_RIPE, LEAK_SUSPECTED */
	uint32_t scale;
	bool fitted; /* the next two; not yet after leak_resume() */
	bool absolute; /* it rose by so much that its distance to the limit is no matter */
	struct leak_line line;
	uint64_t end_ns; /* where the last window of the line begins */
	uint64_t floor_then, then_ns, floor_now;
	double span_s; /* of the line */
	enum leak_turnover turnover;
	uint64_t peak, peak_ns; /* highest floor, and when it was reached */
};

uint16_t leak_pack(uint64_t number)
{
	unsigned int exponent = 0;

	while (number > 2047) {
		number >>= 1;
		exponent++;
	}
	if (exponent > 31 || (exponent == 31 && number == 2047))
		return LEAK_OPENS_UNKNOWN - 1;
	return (uint16_t)(exponent << 11 | number);
}

uint64_t leak_unpack(uint16_t packed)
{
	return (uint64_t)(packed & 2047) << (packed >> 11);
}

/* ---- windows ---- */

static uint64_t window_of(const struct leak_history *history, uint32_t scale)
{
	return history->window_ns << (2 * scale);
}

/* When its last whole window ended. */
static uint64_t end_of(const struct leak_history *history, uint32_t scale)
{
	uint64_t end_ns = history->begin_ns;

	for (; scale; scale--)
		end_ns -= history->scales[scale].parts * window_of(history, scale - 1);
	return end_ns;
}

static void begin_part(struct leak_scale *scale)
{
	scale->part_floor = LEAK_UNKNOWN;
	scale->part_top = scale->part_opens = 0;
	scale->parts = 0;
}

static void begin(struct leak_history *history, uint64_t window_ns, uint64_t now_ns)
{
	leak_clear(history);
	history->window_ns = window_ns;
	history->begin_ns = now_ns;
	history->opened = UINT64_MAX;
	for (unsigned int i = 0; i < LEAK_SCALES; i++)
		begin_part(&history->scales[i]);
}

static void remember(struct leak_scale *scale, uint32_t floor)
{
	if (floor != LEAK_UNKNOWN && floor > scale->peak[0])
		scale->peak[0] = floor;
	if (++scale->block < BLOCK_WINDOWS)
		return;
	scale->block = 0;
	scale->peak[1] = scale->peak[0];
	scale->peak[0] = 0;
}

/* The window under way is over. */
static void push(struct leak_scale *scale)
{
	uint32_t swing = 0;

	if (scale->len == LEAK_WINDOWS)
		remember(scale, scale->floor[scale->next]);
	else
		scale->len++;
	scale->floor[scale->next] = scale->part_floor;
	scale->opens[scale->next] =
		scale->part_opens == UINT32_MAX || scale->part_floor == LEAK_UNKNOWN
			? LEAK_OPENS_UNKNOWN
			: leak_pack(scale->part_opens);
	scale->next = (uint8_t)((scale->next + 1) % LEAK_WINDOWS);
	if (scale->part_floor != LEAK_UNKNOWN) {
		swing = scale->part_top - scale->part_floor;
		scale->swing = swing > scale->swing
				       ? swing
				       : swing + (scale->swing - swing) / 2;
	}
}

static void add_opens(struct leak_scale *scale, uint32_t opens)
{
	if (__builtin_add_overflow(scale->part_opens, opens, &scale->part_opens))
		scale->part_opens = UINT32_MAX;
}

static void merge(struct leak_scale *into, const struct leak_scale *part)
{
	into->parts++;
	if (part->part_floor == LEAK_UNKNOWN)
		return;
	if (part->part_floor < into->part_floor)
		into->part_floor = part->part_floor;
	if (part->part_top > into->part_top)
		into->part_top = part->part_top;
	add_opens(into, part->part_opens);
}

/* Returns the scales of which a window is over, by bit. */
static uint32_t finish(struct leak_history *history)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < LEAK_SCALES; i++) {
		struct leak_scale *scale = &history->scales[i];

		if (i && scale->parts < LEAK_FACTOR)
			break;
		push(scale);
		over |= 1u << i;
		if (i + 1 < LEAK_SCALES)
			merge(&history->scales[i + 1], scale);
		begin_part(scale);
	}
	history->begin_ns += history->window_ns;
	history->watched -= history->watched > 0;
	return over;
}

static void put(struct leak_history *history, const struct leak_sample *sample)
{
	uint32_t used =
		sample->used < LEAK_UNKNOWN ? (uint32_t)sample->used : LEAK_UNKNOWN - 1;
	struct leak_scale *scale = &history->scales[0];
	uint64_t opens = 0;

	if (used < scale->part_floor)
		scale->part_floor = used;
	if (used > scale->part_top)
		scale->part_top = used;
	/* The counter begins anew with each daemon. */
	if (!sample->opened_known)
		opens = UINT32_MAX;
	else if (sample->opened >= history->opened)
		opens = sample->opened - history->opened;
	add_opens(scale, opens < UINT32_MAX ? (uint32_t)opens : UINT32_MAX);
	history->opened = sample->opened_known ? sample->opened : UINT64_MAX;
}

/* ---- what they say ---- */

static unsigned int slot(const struct leak_scale *scale, unsigned int age)
{
	return (scale->next + 2u * LEAK_WINDOWS - 1 - age) % LEAK_WINDOWS;
}

/* A tooth may be longer than a window: what is known of the longer ones, too. */
static void take_swings(const struct leak_history *history, uint32_t number,
			struct leak_series *out)
{
	for (uint32_t i = 0; i < 2 && number + i < LEAK_SCALES; i++) {
		const struct leak_scale *scale = &history->scales[number + i];

		out->swing[i] = scale->swing;
		out->swing_s[i] = (double)window_of(history, number + i) / SECOND_NS;
		if (scale->parts && scale->part_floor != LEAK_UNKNOWN &&
		    scale->part_top - scale->part_floor > scale->swing)
			out->swing[i] = scale->part_top - scale->part_floor;
	}
}

/* The newest `n` windows. false: the first or the last is not known. */
static bool take(const struct leak_history *history, uint32_t number, unsigned int n,
		 struct leak_series *out)
{
	const struct leak_scale *scale = &history->scales[number];
	double window_s = (double)window_of(history, number) / SECOND_NS;

	memset(out, 0, sizeof(*out));
	take_swings(history, number, out);
	out->shortest = !number;
	out->before = -1;
	if (scale->len == LEAK_WINDOWS)
		out->before = scale->peak[0] > scale->peak[1] ? scale->peak[0]
							      : scale->peak[1];
	for (unsigned int age = scale->len; age-- > 0;) {
		unsigned int i = slot(scale, age);
		double floor = scale->floor[i];

		if (scale->floor[i] == LEAK_UNKNOWN) {
			if (age == n - 1 || !age)
				return false;
			continue;
		}
		if (age >= n) {
			if (floor > out->before)
				out->before = floor;
			continue;
		}
		out->floor[out->len] = floor;
		out->at_s[out->len] = (n - 1 - age) * window_s;
		out->opens[out->len] = scale->opens[i] == LEAK_OPENS_UNKNOWN
					       ? -1
					       : (double)leak_unpack(scale->opens[i]);
		out->len++;
	}
	return true;
}

/* Nearly all processes end here, with one look at two windows. */
static bool may_rise(const struct leak_scale *scale, unsigned int n, double limit)
{
	double first = scale->floor[slot(scale, n - 1)],
	       last = scale->floor[slot(scale, 0)];

	return last > first &&
	       ((last - first) * (REACH_WATCHED + 1) * 2 >= limit - last ||
		last - first >= LEAK_RISE_ABSOLUTE);
}

/* The time left for each second over which it was seen. */
static double reach_of(const struct leak_series *series, const struct leak_line *line,
		       double limit)
{
	double left = limit > line->at_end ? limit - line->at_end : 0;

	return left / line->slope / series->at_s[series->len - 1];
}

/* The load of a morning is a rise of hours: where opens don't tell it from a leak. */
static double reach_allowed(uint32_t scale, enum leak_turnover turnover, double span_s,
			    enum leak_growth growth)
{
	bool blind =
		turnover == LEAK_TURNOVER_SOME ||
		(turnover == LEAK_TURNOVER_UNKNOWN && growth != LEAK_GROWTH_ELSE) ||
		(turnover == LEAK_TURNOVER_NONE && growth == LEAK_GROWTH_UNKNOWN);

	return blind && span_s >= BLIND_FROM_S ? REACH_BLIND
	       : !scale                        ? REACH_FAST
					       : REACH;
}

static void note(struct leak_history *history, uint32_t scale,
		 const struct leak_series *series, const struct leak_line *line)
{
	struct leak_suspicion *s = history->suspicion;
	size_t last = series->len - 1;

	s->fitted = true;
	s->line = *line;
	s->end_ns = end_of(history, scale) - window_of(history, scale);
	s->floor_now = (uint64_t)series->floor[last];
	s->span_s = series->at_s[last];
	s->turnover = leak_turnover(series);
}

static void ripen(struct leak_history *history, uint32_t scale,
		  const struct leak_series *series, const struct leak_line *line)
{
	struct leak_suspicion *s = history->suspicion;

	if (!s)
		s = history->suspicion = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->stage = LEAK_RIPE;
	s->scale = scale;
	note(history, scale, series, line);
	s->floor_then = (uint64_t)series->floor[0];
	s->then_ns = s->end_ns - (uint64_t)(s->span_s * SECOND_NS);
	s->peak = (uint64_t)series->floor[series->len - 1];
	s->peak_ns = history->begin_ns;
}

/* The line for the estimate: through as many windows as rise at one pace, `least` or
 * more. false: there is none. */
static bool best_line(const struct leak_history *history, uint32_t number,
		      unsigned int least, struct leak_series *series,
		      struct leak_line *line)
{
	bool found = false;

	for (unsigned int n = history->scales[number].len; n >= least; n--) {
		struct leak_series some;
		struct leak_line its;

		if (!take(history, number, n, &some) || some.len < least ||
		    !leak_fit(&some, &its) || its.slope <= 0)
			continue;
		*series = some;
		*line = its;
		found = true;
		if (!leak_speeds_up(series))
			break;
	}
	return found;
}

/* A fast rise may be a slower one and the tooth of a saw: where longer windows rise as
 * well, the estimate is theirs. */
static void look_further(struct leak_history *history, uint32_t number, double limit)
{
	struct leak_series series;
	struct leak_line line;

	for (uint32_t i = number; i < LEAK_SCALES; i++)
		if (best_line(history, i, LEAK_WINDOWS_MIN, &series, &line) &&
		    series.at_s[series.len - 1] > history->suspicion->span_s &&
		    !leak_speeds_up(&series) && leak_rises(&series, &line, limit))
			note(history, i, &series, &line);
}

/* Looks at one scale. true: it is ripe by it. */
static bool look(struct leak_history *history, const struct leak_settings *set,
		 uint32_t number, double limit, enum leak_growth growth)
{
	const struct leak_scale *scale = &history->scales[number];
	struct leak_series series;
	struct leak_line line;

	for (unsigned int n = scale->len; n >= set->windows; n--) {
		double reach;
		bool absolute;

		if (!may_rise(scale, n, limit) || !take(history, number, n, &series) ||
		    series.len < set->windows || !leak_fit(&series, &line) ||
		    line.slope <= 0)
			continue;
		absolute = leak_rises_by_itself(&series, &line, limit);
		reach = absolute ? 0 : reach_of(&series, &line, limit);
		if (!absolute && (reach > REACH_WATCHED ||
				  (limit - line.swing - line.at_end) / line.slope >
					  (double)set->horizon_ns / SECOND_NS ||
				  !leak_rises(&series, &line, limit)))
			continue;
		history->watched = 2u << (2 * number);
		if (reach > reach_allowed(number, leak_turnover(&series),
					  series.at_s[series.len - 1], growth))
			continue;
		ripen(history, number, &series, &line);
		if (!history->suspicion)
			return false;
		history->suspicion->absolute = absolute;
		if (best_line(history, number, set->windows, &series, &line))
			note(history, number, &series, &line);
		look_further(history, number + 1, limit);
		return true;
	}
	return false;
}

static void drop(struct leak_history *history)
{
	free(history->suspicion);
	history->suspicion = NULL;
}

static void search(struct leak_history *history, const struct leak_settings *set,
		   uint32_t over, const struct leak_sample *sample)
{
	if (sample->soft_limit == UINT64_MAX || !set->windows)
		return;
	for (unsigned int i = 0; i < LEAK_SCALES; i++) {
		if (!(over & 1u << i) || history->scales[i].len < set->windows)
			continue;
		if (look(history, set, i, (double)sample->soft_limit, sample->growth))
			return;
		/* by newer windows it is so no more */
		if (history->suspicion && history->suspicion->scale == i)
			drop(history);
	}
}

/* ---- a suspicion that stands ---- */

static bool is_over(const struct leak_history *history, const struct leak_settings *set,
		    const struct leak_sample *sample)
{
	const struct leak_suspicion *s = history->suspicion;
	const struct leak_scale *scale = &history->scales[s->scale];
	uint32_t floor = scale->floor[slot(scale, 0)];
	uint64_t quiet_ns = STOP_TIMES * set->windows * window_of(history, s->scale);
	double rise = s->peak > s->floor_then ? (double)(s->peak - s->floor_then) : 0;
	struct leak_estimate estimate;

	if (floor != LEAK_UNKNOWN && floor < s->peak &&
	    (double)floor < (double)s->floor_then + FALL_SHARE * rise)
		return true;
	if (sample->now_ns > s->peak_ns + quiet_ns &&
	    (double)sample->used < WALL_SHARE * (double)sample->soft_limit)
		return true;
	/* So much is evidence however far away the limit is. */
	if (rise >= LEAK_RISE_ABSOLUTE)
		return false;
	return leak_estimate(history, sample, &estimate) &&
	       estimate.exhausted_in_s >
		       HORIZON_TIMES * (double)set->horizon_ns / SECOND_NS;
}

/* Each window of its scale: a new line where there is a rising one. */
static void follow(struct leak_history *history, const struct leak_settings *set,
		   const struct leak_sample *sample)
{
	struct leak_suspicion *s = history->suspicion;
	const struct leak_scale *scale = &history->scales[s->scale];
	uint32_t floor = scale->len ? scale->floor[slot(scale, 0)] : LEAK_UNKNOWN;
	double window_s = (double)window_of(history, s->scale) / SECOND_NS;
	double pace = s->fitted ? STOP_SHARE * s->line.slope * window_s : 0;
	struct leak_series series;
	struct leak_line line;

	if (!scale->len)
		return;
	if (floor != LEAK_UNKNOWN && floor > s->peak &&
	    floor >= (double)s->peak + pace) {
		s->peak = floor;
		s->peak_ns = sample->now_ns;
	}
	if (is_over(history, set, sample)) {
		drop(history);
		return;
	}
	if (best_line(history, s->scale, LEAK_WINDOWS_MIN, &series, &line)) {
		note(history, s->scale, &series, &line);
		look_further(history, s->scale + 1, (double)sample->soft_limit);
	}
}

/* What is ripe becomes a suspicion, or doesn't, once it is known what it is that grows. */
static void decide(struct leak_history *history, const struct leak_sample *sample)
{
	struct leak_suspicion *s = history->suspicion;
	double limit = (double)sample->soft_limit, left;

	if (sample->growth == LEAK_GROWTH_NOT_ASKED)
		return;
	left = limit > s->line.at_end ? (limit - s->line.at_end) / s->line.slope : 0;
	if (s->absolute)
		left = 0;
	if (sample->growth == LEAK_GROWTH_CONNECTIONS ||
	    left > s->span_s * reach_allowed(s->scale, s->turnover, s->span_s,
					     sample->growth))
		drop(history);
	else
		s->stage = LEAK_SUSPECTED;
}

enum leak_stage leak_see(struct leak_history *history, const struct leak_settings *set,
			 const struct leak_sample *sample)
{
	uint64_t gap;
	uint32_t over = 0;

	if (!set->enabled || !set->window_ns) {
		leak_clear(history);
		return LEAK_NONE;
	}
	gap = sample->now_ns - history->begin_ns;
	if (history->window_ns != set->window_ns ||
	    sample->now_ns < history->begin_ns ||
	    gap / set->window_ns >= (uint64_t)LEAK_WINDOWS * PARTS_ALL)
		begin(history, set->window_ns, sample->now_ns);
	while (sample->now_ns - history->begin_ns >= history->window_ns)
		over |= finish(history);
	put(history, sample);
	if (history->suspicion && history->suspicion->stage == LEAK_SUSPECTED) {
		if (over & 1u << history->suspicion->scale)
			follow(history, set, sample);
	} else if (over) {
		search(history, set, over, sample);
	}
	if (history->suspicion && history->suspicion->stage == LEAK_RIPE)
		decide(history, sample);
	return leak_stage(history);
}

enum leak_stage leak_stage(const struct leak_history *history)
{
	if (history->suspicion)
		return history->suspicion->stage;
	return history->watched ? LEAK_WATCHED : LEAK_NONE;
}

static double seconds_to(double room, double slope)
{
	if (room <= 0)
		return 0;
	return slope > 0 ? room / slope : INFINITY;
}

/* Slots between the floor as a line of this slope has it by now and the limit. A leak that
 * has slowed down since its last window is below its line. */
static double room_of(const struct leak_suspicion *s, const struct leak_sample *now,
		      double slope)
{
	double since_s = now->now_ns > s->end_ns
				 ? (double)(now->now_ns - s->end_ns) / SECOND_NS
				 : 0;

	return (double)now->soft_limit -
	       fmin(s->line.at_end + slope * since_s, (double)now->used);
}

bool leak_estimate(const struct leak_history *history, const struct leak_sample *now,
		   struct leak_estimate *out)
{
	const struct leak_suspicion *s = history->suspicion;

	memset(out, 0, sizeof(*out));
	if (!s || !s->fitted || s->line.slope <= 0 || now->soft_limit == UINT64_MAX)
		return false;
	out->floor_then = s->floor_then;
	out->floor_now = s->floor_now;
	out->span_s = s->end_ns > s->then_ns
			      ? (double)(s->end_ns - s->then_ns) / SECOND_NS
			      : 0;
	out->slope_per_s = s->line.slope;
	out->slope_low_per_s = s->line.low;
	out->slope_high_per_s = s->line.high;
	/* At the latest when the floor itself meets the limit. */
	out->exhausted_in_s = seconds_to(room_of(s, now, s->line.slope) - s->line.swing,
					 s->line.slope);
	out->low_s =
		seconds_to(room_of(s, now, s->line.high) - s->line.swing, s->line.high);
	out->high_s = seconds_to(room_of(s, now, s->line.low), s->line.low);
	return true;
}

void leak_resume(struct leak_history *history, const struct leak_settings *set,
		 uint64_t now_ns, uint64_t used)
{
	struct leak_suspicion_kept kept = {
		.scale = 1,
		.stage = LEAK_SUSPECTED,
		.floor_then = used,
		.then_ns = now_ns,
		.peak = used,
		.peak_ns = now_ns,
	};

	if (history->suspicion || !set->enabled)
		return;
	if (history->window_ns != set->window_ns)
		begin(history, set->window_ns, now_ns);
	leak_resume_suspicion(history, &kept);
}

void leak_keep_suspicion(const struct leak_history *history,
			 struct leak_suspicion_kept *out)
{
	const struct leak_suspicion *s = history->suspicion;

	memset(out, 0, sizeof(*out));
	if (!s || s->stage != LEAK_SUSPECTED)
		return;
	out->stage = s->stage;
	out->scale = s->scale;
	out->floor_then = s->floor_then;
	out->then_ns = s->then_ns;
	out->peak = s->peak;
	out->peak_ns = s->peak_ns;
}

bool leak_resume_suspicion(struct leak_history *history,
			   const struct leak_suspicion_kept *kept)
{
	struct leak_suspicion *s;
	struct leak_series series;
	struct leak_line line;

	if (kept->stage != LEAK_SUSPECTED || kept->scale >= LEAK_SCALES ||
	    history->suspicion)
		return false;
	s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->stage = LEAK_SUSPECTED;
	s->scale = kept->scale;
	s->floor_then = kept->floor_then;
	s->then_ns = kept->then_ns;
	s->peak = kept->peak;
	s->peak_ns = kept->peak_ns;
	history->suspicion = s;
	if (best_line(history, s->scale, LEAK_WINDOWS_MIN, &series, &line))
		note(history, s->scale, &series, &line);
	return true;
}

bool leak_is_eventful(const struct leak_history *history)
{
	if (history->suspicion)
		return true;
	for (unsigned int i = 0; i < LEAK_SCALES; i++) {
		const struct leak_scale *scale = &history->scales[i];

		for (unsigned int j = 1; j < scale->len; j++)
			if (scale->floor[j] != scale->floor[0])
				return true;
	}
	return false;
}

void leak_clear(struct leak_history *history)
{
	free(history->suspicion);
	memset(history, 0, sizeof(*history));
}
