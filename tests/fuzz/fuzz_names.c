// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a traced process says of its code: its perf map, its mappings, its symbols; and what
 * the child that reads its files may answer, once it is not ours any more. The first byte
 * chooses which.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/demangle.h"
#include "unwind/maps.h"
#include "unwind/perf_map.h"
#include "unwind/unwinder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void one_perf_map(const char *text, size_t len)
{
	static const uint64_t addresses[] = {0, 1, 0x1000, 0x7f0000001234, UINT64_MAX};
	struct perf_map *map = perf_map_new(text, len);
	char function[64], file[64];
	uint64_t start;
	uint32_t line;

	check(map);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const char *name = perf_map_find(map, addresses[i], &start);

		if (!name)
			continue;
		check(start <= addresses[i]);
		perf_map_split(name, function, sizeof(function), file, sizeof(file),
			       &line);
		check(strlen(function) < sizeof(function) &&
		      strlen(file) < sizeof(file));
	}
	perf_map_free(map);
}

static void one_maps(const char *text, size_t len)
{
	struct maps maps = {0};
	char *copy = malloc(len + 1);

	check(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	check(maps_take(&maps, copy, len) == 0);
	for (uint64_t at = 0; at < 1u << 20; at += 4095) {
		const struct mapping *found = maps_find(&maps, at);

		check(!found || (found->start <= at && at < found->end &&
				 strlen(found->path) <= len));
	}
	maps_clear(&maps);
}

static void one_symbol(const char *text, size_t len)
{
	char name[512], out[100];

	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	demangle(name, out, sizeof(out));
	check(strlen(out) < sizeof(out));
}

static void one_description(const char *bytes, size_t len)
{
	static struct unwind_description description;
	struct unwind_described frame;
	size_t at = 0, before = 0;

	memset(&description, 0, sizeof(description));
	if (len > sizeof(description))
		len = sizeof(description);
	memcpy(&description, bytes, len);
	/* as unwinder_describe() leaves it */
	if (description.header.size < offsetof(struct unwind_description, frames))
		return;
	while (unwind_description_next(&description, &at, &frame)) {
		check(at > before && at <= sizeof(description.frames));
		check(strlen(frame.function) + strlen(frame.module) +
			      strlen(frame.file) + strlen(frame.build_id) <
		      sizeof(description.frames));
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *, size_t) = {
		one_perf_map, one_maps, one_symbol, one_description};

	if (size)
		parsers[data[0] % 4]((const char *)data + 1, size - 1);
	return 0;
}
