/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many slots a process had taken over the last minutes, for a sparkline or a
 * graph: a fixed number of steps of a fixed time, each with its highest value, so
 * that a peak between two of them is seen. Pure.
 */
#ifndef FDWARDEN_TOP_HISTORY_H
#define FDWARDEN_TOP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_STEPS   90
#define HISTORY_STEP_NS 2000000000ull /* so: three minutes */

/* Zeroed is empty. */
struct history {
	uint32_t most[HISTORY_STEPS]; /* a ring */
	uint64_t step;                /* number of the newest, since 1970 */
	uint8_t newest, len;
};

/* What was seen at now_ns. Steps without a sight of their own are as the one before;
 * going back in time, or a gap of the whole length, begins anew. */
void history_add(struct history *history, uint64_t now_ns, uint64_t used);

/* The last `steps` steps in at most `points` values, oldest first, each the highest of
 * as many steps. Returns their number: fewer while the history is short. */
size_t history_read(const struct history *history, size_t steps, uint32_t *values,
		    size_t points);

#endif
