/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /tmp/perf-PID.map, in which a just-in-time compiler says what it has put where. Its
 * text is a process's own: anything may be in it. Pure.
 */
#ifndef FDWARDEN_PERF_MAP_H
#define FDWARDEN_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>

struct perf_map;

/* Lines that are none are left out. `text` is copied. NULL: no memory. free accepts NULL. */
struct perf_map *perf_map_new(const char *text, size_t len);
void perf_map_free(struct perf_map *map);
size_t perf_map_len(const struct perf_map *map);

/* The name of the code at `address`, as it was written last, or NULL. `start`: where it
 * begins. */
const char *perf_map_find(const struct perf_map *map, uint64_t address,
			  uint64_t *start);

/*
 * Takes a name apart, as V8 writes them: "JS:*leak /srv/x.js:12:5" is function "leak",
 * file "/srv/x.js" and line 12. Of others the function is the name. Cut to the sizes.
 */
void perf_map_split(const char *name, char *function, size_t function_size, char *file,
		    size_t file_size, uint32_t *line);

#endif
