// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/perf_map.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t start, size;
	uint64_t order; /* of the line: a later one has taken the earlier one's place */
	const char *name;
};

struct perf_map {
	char *text;
	struct entry *entries;
	size_t len;
	uint64_t widest;
};

/* "7f00 3c name": hexadecimal. false: it is no such line. */
static bool parse_line(char *line, struct entry *out)
{
	char *end, *space;

	if (!isxdigit((unsigned char)line[0]))
		return false;
	out->start = strtoull(line, &end, 16);
	if (*end != ' ' || !isxdigit((unsigned char)end[1]))
		return false;
	out->size = strtoull(end + 1, &space, 16);
	if (*space != ' ' || !space[1] || !out->size ||
	    out->start + out->size < out->start)
		return false;
	out->name = space + 1;
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

struct perf_map *perf_map_new(const char *text, size_t len)
{
	struct perf_map *map = calloc(1, sizeof(*map));
	char *line, *end;

	if (!map)
		return NULL;
	map->text = malloc(len + 1);
	map->entries = calloc(count_lines(text, len), sizeof(*map->entries));
	if (!map->text || !map->entries) {
		perf_map_free(map);
		return NULL;
	}
	memcpy(map->text, text, len);
	map->text[len] = 0;
	for (line = map->text; line < map->text + len; line = end + 1) {
		struct entry *entry = &map->entries[map->len];

		end = memchr(line, '\n', (size_t)(map->text + len - line));
		if (!end)
			end = map->text + len;
		*end = 0;
		if (!parse_line(line, entry))
			continue;
		entry->order = map->len++;
		if (entry->size > map->widest)
			map->widest = entry->size;
	}
	qsort(map->entries, map->len, sizeof(*map->entries), by_start);
	return map;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	free(map->text);
	free(map->entries);
	free(map);
}

size_t perf_map_len(const struct perf_map *map)
{
	return map->len;
}

/* As many that begin before it are looked at: places are taken again and again. */
#define LOOK_BACK 64

const char *perf_map_find(const struct perf_map *map, uint64_t address, uint64_t *start)
{
	const struct entry *best = NULL;
	size_t low = 0, high = map->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low, n = 0; i-- > 0 && n < LOOK_BACK; n++) {
		const struct entry *entry = &map->entries[i];

		if (address - entry->start >= map->widest)
			break;
		if (address - entry->start < entry->size &&
		    (!best || entry->order > best->order))
			best = entry;
	}
	if (!best)
		return NULL;
	*start = best->start;
	return best->name;
}

/* ":12" at the end of text[0..len): its number, and the length without it. */
static bool take_number(const char *text, size_t *len, uint32_t *number)
{
	size_t at = *len;
	uint64_t value = 0, unit = 1;

	while (at > 0 && isdigit((unsigned char)text[at - 1]) && *len - at < 9) {
		value += unit * (uint64_t)(text[--at] - '0');
		unit *= 10;
	}
	if (at == *len || at == 0 || text[at - 1] != ':')
		return false;
	*number = (uint32_t)value;
	*len = at - 1;
	return true;
}

/* V8's kinds of code, and how far a function was optimised. */
static const char *after_kind(const char *name)
{
	static const char *const kinds[] = {
		"JS:",   "LazyCompile:", "Function:",        "Script:",
		"Eval:", "Builtin:",     "BytecodeHandler:", "RegExp:"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(name, kinds[i], strlen(kinds[i]))) {
			name += strlen(kinds[i]);
			/* "JS:^leak": interpreted "~", baseline "^", optimised "*" "+" */
			return *name ? name + (strchr("~^*+", *name) != NULL) : name;
		}
	return NULL;
}

void perf_map_split(const char *name, char *function, size_t function_size, char *file,
		    size_t file_size, uint32_t *line)
{
	const char *rest = after_kind(name), *space;
	uint32_t column, number;
	size_t len;

	*line = 0;
	file[0] = 0;
	space = rest ? strchr(rest, ' ') : NULL;
	if (!rest || !space) {
		snprintf(function, function_size, "%s", rest ? rest : name);
		return;
	}
	snprintf(function, function_size, "%.*s", (int)(space - rest), rest);
	if (!function[0])
		snprintf(function, function_size, "(anonymous)");
	len = strlen(space + 1);
	if (take_number(space + 1, &len, &number)) {
		*line = number;
		if (take_number(space + 1, &len, &column))
			*line = column; /* the number before was the column */
	}
	snprintf(file, file_size, "%.*s", (int)len, space + 1);
}
