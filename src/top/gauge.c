// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/gauge.h"

#include <math.h>
#include <string.h>

/* Eighths of a line, from below. */
static const char *const rises[] = {"▁", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii_rises[] = {"_", "_", ".", "-", "-", "=", "+", "*", "#"};
/* A graph's line is filled from below, in ASCII with two heights. */
static const char *const ascii_fills[] = {" ", ".", ".", ".", ".", ":", ":", ":", ":"};

/* Smallest difference that fills the height of a sparkline. */
#define RANGE_MIN 8

static char *put(char *at, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - at) <= len)
		return at;
	memcpy(at, text, len + 1);
	return at + len;
}

/* A line, which leaves room between bars that are one below the other; its end may be
 * in the middle of a column. */
int gauge_bar(char *out, size_t size, int width, double share, bool utf8)
{
	int units, unit = utf8 ? 2 : 1;
	const char *end = out + size;
	char *at = out;

	if (!(share > 0))
		share = 0;
	if (share > 1)
		share = 1;
	units = (int)lround(share * width * unit);
	if (share > 0 && units == 0)
		units = 1;
	if (share < 1 && units == width * unit && units > 0)
		units--;
	for (int i = 0; i < units / unit; i++)
		at = put(at, end, utf8 ? "━" : "|");
	if (units % unit)
		at = put(at, end, "╸");
	*at = '\0';
	return (units + unit - 1) / unit;
}

static int eighths(uint32_t value, uint32_t low, uint32_t high)
{
	if (value <= low || high <= low)
		return 0;
	if (value >= high)
		return 8;
	return (int)(((uint64_t)(value - low) * 8 + (high - low) / 2) / (high - low));
}

int gauge_spark(char *out, size_t size, const uint32_t *values, size_t len,
		uint32_t low, uint32_t high, bool utf8)
{
	const char *end = out + size;
	char *at = out;

	for (size_t i = 0; i < len; i++) {
		int height = eighths(values[i], low, high);

		at = put(at, end, utf8 ? rises[height] : ascii_rises[height]);
	}
	*at = '\0';
	return (int)len;
}

void gauge_range(const uint32_t *values, size_t len, uint32_t *low, uint32_t *high)
{
	*low = len ? values[0] : 0;
	*high = *low;
	for (size_t i = 1; i < len; i++) {
		*low = values[i] < *low ? values[i] : *low;
		*high = values[i] > *high ? values[i] : *high;
	}
	if (*high - *low < RANGE_MIN && *high <= UINT32_MAX - RANGE_MIN)
		*high = *low + RANGE_MIN;
}

int gauge_graph(char *out, size_t size, const uint32_t *values, size_t len,
		uint32_t high, int line, int lines, bool utf8)
{
	const char *end = out + size;
	char *at = out;

	for (size_t i = 0; i < len; i++) {
		/* in eighths of a line over the whole height; what is not 0 shows */
		double share = high ? (double)values[i] / (double)high : 0;
		int all = (int)lround((share > 1 ? 1 : share) * lines * 8), here;

		if (values[i] && !all)
			all = 1;
		here = all - line * 8;
		here = here < 0 ? 0 : here > 8 ? 8 : here;
		if (utf8)
			at = put(at, end, here ? rises[here] : " ");
		else
			at = put(at, end, ascii_fills[here]);
	}
	*at = '\0';
	return (int)len;
}
