/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which limit to propose. */
#include <inttypes.h>
#include <stdio.h>

#include "state/advice_impl.h"

/* What load needs in a week, as far as that is a sensible limit at all: the growth of
 * half a minute tells no more. */
#define LOAD_SECONDS (7 * 86400.0)
#define LOAD_MOST    ((uint64_t)1 << 20)
/* The kernel's own default: less helps nobody. */
#define LEAST        1024

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
	for (size_t i = 0; i < question->diagnoses_len; i++)
		if (question->diagnoses[i].leak)
			return true;
	return false;
}

void advice_find_target(const struct advice_question *question,
			struct advice_target *out)
{
	uint64_t used = question->used, need = used * 2;
	double growth = question->growth_known ? question->growth_per_s : 0;

	*out = (struct advice_target){.leak = is_leak(question)};
	if (growth > 0 && !out->leak) {
		double load = (double)used + growth * LOAD_SECONDS;
		uint64_t more = load < (double)LOAD_MOST ? (uint64_t)load : LOAD_MOST;

		need = need > more ? need : more;
	}
	if (need < LEAST)
		need = LEAST;
	out->value = advice_round_up(need);
	out->raise = used && out->value > question->soft_limit;
	out->hard =
		question->hard_limit > out->value ? question->hard_limit : out->value;
	if (growth > 0) {
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
