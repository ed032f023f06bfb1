// SPDX-License-Identifier: GPL-2.0-or-later
/* From an instruction to its line, by the tables that code objects have. */
#include "unwind/python.h"

/* More lines than this no file has: the table is damaged. */
#define LINE_MAX 100000000

static uint32_t line_of(int64_t line)
{
	return line > 0 && line < LINE_MAX ? (uint32_t)line : 0;
}

/* ---- since 3.11: an entry for each range of instructions ---- */

enum location_kind { /* below these: columns in one byte more, the line as before */
		     LOCATION_ONE_LINE = 10, /* to 12: so many lines on, less 10 */
		     LOCATION_NO_COLUMNS = 13,
		     LOCATION_LONG = 14,
		     LOCATION_NONE = 15,
};

struct table {
	const uint8_t *at, *end;
};

/* Six bits a byte, the lowest first; the seventh says that more follow. */
static uint64_t take_number(struct table *t)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte = 0x40;

	while (byte & 0x40 && t->at < t->end && shift < 60) {
		byte = *t->at++;
		value |= (uint64_t)(byte & 0x3f) << shift;
		shift += 6;
	}
	return value;
}

static int64_t take_signed(struct table *t)
{
	uint64_t value = take_number(t);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static void skip(struct table *t, size_t bytes)
{
	t->at += (size_t)(t->end - t->at) < bytes ? (size_t)(t->end - t->at) : bytes;
}

/* The rest of an entry. Returns by how many lines it goes on. */
static int64_t take_location(struct table *t, unsigned kind)
{
	int64_t lines = 0;

	switch (kind) {
	case LOCATION_NONE:
		break;
	case LOCATION_LONG:
		lines = take_signed(t);
		for (int i = 0; i < 3; i++) /* last line and columns */
			(void)take_number(t);
		break;
	case LOCATION_NO_COLUMNS:
		lines = take_signed(t);
		break;
	case LOCATION_ONE_LINE:
	case LOCATION_ONE_LINE + 1:
	case LOCATION_ONE_LINE + 2:
		lines = (int64_t)kind - LOCATION_ONE_LINE;
		skip(t, 2);
		break;
	default:
		skip(t, 1);
	}
	return lines;
}

static uint32_t line_since_3_11(struct table t, int64_t line, uint64_t at)
{
	uint64_t end = 0;

	while (t.at < t.end) {
		uint8_t first = *t.at++;
		unsigned kind = first >> 3 & 15;

		line += take_location(&t, kind);
		if (line < -LINE_MAX || line > LINE_MAX)
			return 0;
		end += 2 * ((first & 7) + 1u);
		if (at < end)
			return kind == LOCATION_NONE ? 0 : line_of(line);
	}
	return 0;
}

/* ---- 3.10: ranges, and by how much the line of each differs ---- */

static uint32_t line_of_3_10(struct table t, int64_t line, uint64_t at)
{
	uint64_t end = 0;

	for (; t.end - t.at >= 2; t.at += 2) {
		int8_t lines = (int8_t)t.at[1];

		end += t.at[0];
		if (lines != INT8_MIN)
			line += lines;
		if (at < end)
			return lines == INT8_MIN ? 0 : line_of(line);
	}
	return 0;
}

/* ---- before: where lines begin ---- */

static uint32_t line_before_3_10(struct table t, int64_t line, uint64_t at)
{
	uint64_t begin = 0;

	/* Before its first instruction a frame stands at -1. */
	if ((int32_t)at < 0)
		at = 0;
	for (; t.end - t.at >= 2; t.at += 2) {
		begin += t.at[0];
		if (begin > at)
			break;
		line += (int8_t)t.at[1];
	}
	return line_of(line);
}

uint32_t python_line(uint32_t version, const uint8_t *table, size_t len,
		     uint32_t first_line, uint64_t at)
{
	const struct table t = {table, table + len};

	if (version >= 0x030b)
		return line_since_3_11(t, first_line, at);
	return version == 0x030a ? line_of_3_10(t, first_line, at)
				 : line_before_3_10(t, first_line, at);
}
