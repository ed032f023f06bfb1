/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which limit to propose. */
#include <inttypes.h>
#include <stdio.h>

#include "state/advice_impl.h"

/* A load is given twice to four times its peak: the growth of some seconds says nothing of
 * hours, and a huge limit harms programs that close or look at every possible number. */
#define LOAD_TIMES      2
/* … the upper end if it goes on to grow: by as much as the peak within so long. */
#define LOAD_GROWS_S    300.0
/* What leaks is only put off: by a quarter of what is used, rounded up. */
#define BANDAGE_DIVISOR 4

uint64_t advice_round_up(uint64_t value)
{
	uint64_t out = 1;

	if (value > (uint64_t)1 << 63)
		return UINT64_MAX;
	while (out < value)
		out *= 2;
	return out;
}

static bool is_leak(const struct advice_question *question)
{
	if (question->leak_suspected)
		return true;
	for (size_t i = 0; i < question->diagnoses_len; i++)
		if (question->diagnoses[i].leak)
			return true;
	return false;
}

/* So near its wall, a part of it, a program is at it. */
#define WALL_NEAR 5

static uint64_t bandage(uint64_t used)
{
	return advice_round_up(used + (used + BANDAGE_DIVISOR - 1) / BANDAGE_DIVISOR);
}

static uint64_t room_for(uint64_t peak, double growth_per_s)
{
	uint64_t value = advice_round_up(LOAD_TIMES * peak);

	if (growth_per_s * LOAD_GROWS_S >= (double)peak && value == LOAD_TIMES * peak)
		value *= 2;
	return value;
}

/* Whether the program is at what it computed of its limit: more takes a higher limit,
 * however much of that is free. */
static bool is_at_wall(const struct advice_question *question)
{
	const struct program *program = advice_program(question);
	uint64_t wall = program ? program_wall(program, question->soft_limit) : 0;
	uint64_t counted = 0;

	if (!wall)
		return false;
	if (program->wall.kind == PROGRAM_WALL_FDS)
		counted = question->used;
	for (size_t i = 0; i < question->diagnoses_len; i++)
		if (program->wall.kind == PROGRAM_WALL_CLIENTS &&
		    question->diagnoses[i].rule == DIAGNOSIS_ACCEPTED_CONNECTIONS)
			counted = question->diagnoses[i].count;
	return counted >= wall - wall / WALL_NEAR;
}

void advice_find_target(const struct advice_question *question,
			struct advice_target *out)
{
	uint64_t used = question->used;
	double growth = question->growth_known ? question->growth_per_s : 0;

	*out = (struct advice_target){.leak = is_leak(question)};
	out->peak = question->peak > used ? question->peak : used;
	out->value = out->leak ? bandage(used) : room_for(out->peak, growth);
	if (is_at_wall(question) && question->soft_limit <= UINT32_MAX &&
	    out->value < LOAD_TIMES * question->soft_limit)
		out->value = advice_round_up(LOAD_TIMES * question->soft_limit);
	/* No process can have more. Where that is no room to speak of, it is to be raised
	 * first. */
	if (question->nr_open && out->value > question->nr_open &&
	    question->nr_open >= out->peak + out->peak / BANDAGE_DIVISOR)
		out->value = question->nr_open;
	out->raise = used && out->value > question->soft_limit;
	out->hard =
		question->hard_limit > out->value ? question->hard_limit : out->value;
	/* What is full can't grow: what is measured of it is the calm since it was full, and
	 * how fast it would fill a higher limit is not known. */
	if (growth > 0 && used < question->soft_limit) {
		out->lasts_known = true;
		out->lasts_s = (double)(out->value - used) / growth;
	}
}

void advice_time(double seconds, char *text, size_t size)
{
	if (seconds < 120)
		snprintf(text, size, "%.0f s", seconds);
	else if (seconds < 2 * 3600.0)
		snprintf(text, size, "%.0f min", seconds / 60);
	else if (seconds < 2 * 86400.0)
		snprintf(text, size, "%.0f h", seconds / 3600);
	else if (seconds < 2 * 365 * 86400.0)
		snprintf(text, size, "%.0f days", seconds / 86400);
	else
		snprintf(text, size, "years");
}

void advice_number(uint64_t value, const char *infinity, char text[24])
{
	if (value == UINT64_MAX)
		snprintf(text, 24, "%s", infinity);
	else
		snprintf(text, 24, "%" PRIu64, value);
}
