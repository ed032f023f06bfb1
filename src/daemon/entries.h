/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a descriptor table, to be known again: a number and what it stands for. */
#ifndef FDWARDEN_ENTRIES_H
#define FDWARDEN_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
	uint64_t file; /* address of its struct file */
	uint32_t fd;
};

/* Zeroed: empty. */
struct entries {
	struct entry *at;
	size_t len, room;
};

/* false: no memory, and it is not among them. */
bool entries_add(struct entries *entries, uint32_t fd, uint64_t file);

/* By number, for entries_has(). */
void entries_sort(struct entries *entries);
bool entries_has(const struct entries *entries, uint32_t fd, uint64_t file);

/* Compares what begins with a struct entry, for qsort() and bsearch(): by number. */
int entries_by_number(const void *a, const void *b);

void entries_clear(struct entries *entries);

#endif
