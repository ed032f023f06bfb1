/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many entries of the refusals' map are whose, so that one user can't fill it. The sensor
 * counts them up as it makes them (bpf/refusal.bpf.h); each look sets them anew, for ended
 * processes' entries are taken away.
 */
#ifndef FDWARDEN_SHARES_H
#define FDWARDEN_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shares {
	uint32_t *uids; /* one for each entry */
	size_t len, max;
	bool short_of_memory; /* not all are in */
};

/* One more entry of this user, into what began zeroed. */
void shares_add(struct shares *shares, uint32_t uid);

/* Sets the map `fd` (user → entries) by them, unless they are not all (`whole`), and frees them.
 * Entries that were made meanwhile are missing until the next look: these are bounds, not
 * accounts. */
void shares_tell(struct shares *shares, int fd, bool whole);

#endif
