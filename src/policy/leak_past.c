// SPDX-License-Identifier: GPL-2.0-or-later
/* What the windows of a history say of the time behind it. */
#include <stddef.h>

#include "policy/leak.h"

/* The last `max` windows of one scale that are over before `until_ns`, the newest first. */
static size_t past_of(const struct leak_scale *scale, uint64_t end_ns, uint64_t long_ns,
		      uint64_t until_ns, struct leak_past *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < scale->len && n < max; i++) {
		size_t at = (scale->next + LEAK_WINDOWS - 1 - i) % LEAK_WINDOWS;

		if (end_ns < long_ns)
			break;
		if (end_ns <= until_ns && scale->floor[at] != LEAK_UNKNOWN)
			out[n++] = (struct leak_past){.at_ns = end_ns - long_ns,
						      .for_ns = long_ns,
						      .floor = scale->floor[at]};
		end_ns -= long_ns;
	}
	return n;
}

size_t leak_past(const struct leak_history *history, uint64_t until_ns,
		 uint64_t since_ns, struct leak_past out[LEAK_PAST_MAX])
{
	uint64_t end_ns = history->begin_ns, long_ns = history->window_ns;
	size_t n = 0, kept = 0;

	for (int i = 0; i < LEAK_SCALES && long_ns; i++) {
		const struct leak_scale *scale = &history->scales[i];

		/* A scale's window ends where its last part did. */
		if (i)
			end_ns -= scale->parts * (long_ns / LEAK_FACTOR);
		n += past_of(scale, end_ns, long_ns, until_ns, out + n,
			     LEAK_PAST_MAX - n);
		if (n && out[n - 1].at_ns < until_ns)
			until_ns = out[n - 1].at_ns;
		long_ns *= LEAK_FACTOR;
	}
	for (size_t i = 0; i < n; i++)
		if (out[i].at_ns + out[i].for_ns > since_ns)
			out[kept++] = out[i];
	return kept;
}
