/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All processes at one instant, counted by ourselves or by the daemon.
 */
#ifndef FDWARDEN_LOOK_H
#define FDWARDEN_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/remote.h"
#include "output/roster.h"

struct look {
	struct roster roster;
	bool from_daemon;
	uint64_t lost; /* processes that are missing: no memory for them */
};

/* By ourselves: needs privileges. Only of `pids` (NULL: of all) it is read who they are. 0, or
 * -errno with one line in `why`; to be cleared in any case. */
int look_ourselves(const int *pids, size_t pids_len, struct look *out, char *why,
		   size_t why_size);

/* By the daemon if remote_is_wanted(), else by ourselves; where it can't be, `why` has both
 * reasons. */
int look_take(const struct remote_options *set, const int *pids, size_t pids_len,
	      struct look *out, char *why, size_t why_size);

/* The same, but a daemon that can be asked is asked first, also by who may look: it has seen how
 * a process came to where it is. Not where one of `pids` is newer than its last look, nor where
 * that is older than LOOK_FRESH_S. */
int look_take_daemons(const struct remote_options *set, const int *pids,
		      size_t pids_len, struct look *out, char *why, size_t why_size);
#define LOOK_FRESH_S 5.0

void look_clear(struct look *look);

/* "from the daemon's last look, 0.4 s ago" */
void look_say_age(const struct look *look, char *text, size_t size);

#endif
