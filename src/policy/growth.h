/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kinds of descriptors grow, from two looks at what a process has. Pure.
 */
#ifndef FDWARDEN_GROWTH_H
#define FDWARDEN_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/inventory.h"
#include "policy/leak.h"

#define GROWTH_KINDS 16
#define GROWTH_SHOWN 4

/* So many of one type and state. */
struct growth_kind {
	char type[24];     /* hostile where the kernel's name of an inode is */
	const char *state; /* static; NULL: none */
	enum inventory_direction direction;
	uint64_t count;
};

/* The most frequent ones; of what is not in it there are at most `rest`. Zeroed: not
 * known. */
struct growth_look {
	bool known;
	struct growth_kind kinds[GROWTH_KINDS];
	size_t len;
	uint64_t rest;
};

/* One that grew. */
struct growth {
	struct growth_kind kind; /* as it is now */
	uint64_t grown;
};

void growth_look(const struct inventory *inventory, struct growth_look *out);

/* All that grew, most first. Returns how many, 0..GROWTH_KINDS; 0 too if either look is not
 * known. */
size_t growth_all(const struct growth_look *then, const struct growth_look *now,
		  struct growth out[GROWTH_KINDS]);

/* Whether two are of one type, state and direction. */
bool growth_same(const struct growth_kind *a, const struct growth_kind *b);

/* An accepted connection that is open on both sides: a client's. */
bool growth_is_client(const struct growth_kind *kind);

/* Those that grew, most first. Returns how many, 0..GROWTH_SHOWN. */
size_t growth_compare(const struct growth_look *then, const struct growth_look *now,
		      struct growth out[GROWTH_SHOWN]);

/* Whether what grew are mostly accepted connections, open on both sides. Where nothing
 * grew between the two looks, what there is most of decides. */
enum leak_growth growth_judge(const struct growth_look *then,
			      const struct growth_look *now);

#endif
