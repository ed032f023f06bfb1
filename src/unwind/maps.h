/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mapped into a process: /proc/PID/maps, taken apart. */
#ifndef FDWARDEN_MAPS_H
#define FDWARDEN_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPS_MAX (16u << 20) /* bytes; 65,530 mappings are the most by default */

/* One line. */
struct mapping {
	uint64_t start, end, offset;
	uint64_t inode;
	uint32_t major, minor;
	bool executable;
	const char *path; /* "": none */
};

/* Zeroed is none. */
struct maps {
	char *text; /* that the paths point into. Owned */
	struct mapping *at;
	size_t len;
};

/* Takes the text (NUL-ended, `len` bytes before the NUL) in place of what there was; it is
 * freed with it, or at once on failure. 0 or -ENOMEM. */
int maps_take(struct maps *maps, char *text, size_t len);
void maps_clear(struct maps *maps);

/* The one that holds the address; NULL: none. */
const struct mapping *maps_find(const struct maps *maps, uint64_t address);

/* All of a file up to `max` bytes, NUL-ended; to be freed. NULL and errno. */
char *maps_read(int fd, size_t max, size_t *len);

#endif
