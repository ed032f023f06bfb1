/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes rosters of a monitor's figures, one after the other: finds out who the processes
 * are, each once, and what has changed since when. For one thread, and not for one that
 * must not wait: who a process is is read from files.
 */
#ifndef FDWARDEN_ROSTER_KEEPER_H
#define FDWARDEN_ROSTER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/feed.h"
#include "output/roster.h"

struct roster_keeper;

/* NULL: no memory. free accepts NULL. */
struct roster_keeper *roster_keeper_new(void);
void roster_keeper_free(struct roster_keeper *keeper);

/*
 * Takes new figures; puts the feed's rows in order. 0, or -ENOMEM with the roster as it was.
 * Numbers go up by one, and begin with milliseconds since 1970, so that those of a keeper
 * before this one are lower.
 */
int roster_keeper_update(struct roster_keeper *keeper, struct feed *feed);

/* What it has: number 0 before the first update. Valid until the next one. */
const struct roster *roster_keeper_roster(const struct roster_keeper *keeper);

/* The JSON of row `i`, made when it has changed and is asked for. NULL: no memory. */
const char *roster_keeper_text(struct roster_keeper *keeper, size_t i, size_t *len);

/* Whether it still knows who has left since roster `since`. */
bool roster_keeper_knows(const struct roster_keeper *keeper, uint64_t since);

/* Those who have. 0 or -ENOMEM; the caller frees *gone. */
int roster_keeper_gone(const struct roster_keeper *keeper, uint64_t since,
		       struct roster_key **gone, size_t *len);

#endif
