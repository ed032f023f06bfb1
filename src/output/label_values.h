/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which values of one label are told. There are so many places, and one that was taken is
 * kept for a day after its value was last seen: however many processes, units or containers
 * come and go, no more series than places begin within any 24 hours. Pure.
 */
#ifndef FDWARDEN_LABEL_VALUES_H
#define FDWARDEN_LABEL_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A value's longest text, and its NUL. */
#define LABEL_VALUE_LEN     256
#define LABEL_VALUE_KEEP_NS (24 * 3600 * 1000000000ull)

struct label_values;

/* NULL: no memory. free accepts NULL. */
struct label_values *label_values_new(size_t places);
void label_values_free(struct label_values *values);

/*
 * The place of `text`, which is cut to LABEL_VALUE_LEN; given to it if it has none and one
 * is free. `owner` is whose it is: a user other than root gets half of all places at most.
 * `now_ns` is of a clock that runs on. -ENOSPC: none is free; -ENOMEM.
 */
int label_values_place(struct label_values *values, const char *text, uid_t owner,
		       uint64_t now_ns);

/* The same for one that has a place; -ENOENT. It is not seen by that. */
int label_values_find(const struct label_values *values, const char *text);

/* What has this place; NULL: nothing has it. Valid until it is given to another. */
const char *label_values_text(const struct label_values *values, size_t place);

/* Whether its place was given to it by the last label_values_place(), which returned it. */
bool label_values_is_new(const struct label_values *values);

size_t label_values_places(const struct label_values *values);

#endif
