// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/history.h"

#include <string.h>

static void append(struct history *history, uint32_t value)
{
	history->newest = (uint8_t)((history->newest + 1) % HISTORY_STEPS);
	history->most[history->newest] = value;
	if (history->len < HISTORY_STEPS)
		history->len++;
}

void history_add(struct history *history, uint64_t now_ns, uint64_t used)
{
	uint32_t value = used > UINT32_MAX ? UINT32_MAX : (uint32_t)used;
	uint64_t step = now_ns / HISTORY_STEP_NS, ahead = step - history->step;
	uint32_t *newest = &history->most[history->newest], last = *newest;

	if (history->len && ahead == 0) {
		if (value > *newest)
			*newest = value;
		return;
	}
	/* Back in time, ahead is huge. */
	if (!history->len || ahead >= HISTORY_STEPS) {
		memset(history, 0, sizeof(*history));
		ahead = 1;
	}
	for (; ahead > 1; ahead--)
		append(history, last);
	append(history, value);
	history->step = step;
}

/* The value `ago` steps before the newest. */
static uint32_t value_at(const struct history *history, size_t ago)
{
	return history->most[(history->newest + HISTORY_STEPS - ago) % HISTORY_STEPS];
}

size_t history_read(const struct history *history, size_t steps, uint32_t *values,
		    size_t points)
{
	size_t each, got, n;

	if (!points || !steps)
		return 0;
	if (steps > HISTORY_STEPS)
		steps = HISTORY_STEPS;
	each = (steps + points - 1) / points;
	got = history->len < steps ? history->len : steps;
	n = (got + each - 1) / each;
	for (size_t i = 0; i < n; i++) {
		uint32_t most = 0;

		/* Counted from the newest, so that only the oldest is of fewer. */
		for (size_t ago = i * each; ago < (i + 1) * each && ago < got; ago++)
			if (value_at(history, ago) > most)
				most = value_at(history, ago);
		values[n - 1 - i] = most;
	}
	return n;
}
