// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/shares.h"

#include <bpf/bpf.h>
#include <stdlib.h>

#define STALE_MAX 64 /* users that are forgotten with one look */

void shares_add(struct shares *shares, uint32_t uid)
{
	if (shares->len == shares->max) {
		size_t max = shares->max ? 2 * shares->max : 256;
		uint32_t *more = realloc(shares->uids, max * sizeof(*more));

		if (!more) {
			shares->short_of_memory = true;
			return;
		}
		shares->uids = more;
		shares->max = max;
	}
	shares->uids[shares->len++] = uid;
}

static int by_uid(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* Those of whom nothing is left. */
static void forget_stale(const struct shares *shares, int fd)
{
	uint32_t uid, before, stale[STALE_MAX];
	const uint32_t *from = NULL;
	size_t n = 0;

	while (n < STALE_MAX && !bpf_map_get_next_key(fd, from, &uid)) {
		if (!shares->len ||
		    !bsearch(&uid, shares->uids, shares->len, sizeof(uid), by_uid))
			stale[n++] = uid;
		before = uid;
		from = &before;
	}
	while (n)
		bpf_map_delete_elem(fd, &stale[--n]);
}

void shares_tell(struct shares *shares, int fd, bool whole)
{
	if (whole && !shares->short_of_memory) {
		if (shares->len)
			qsort(shares->uids, shares->len, sizeof(*shares->uids), by_uid);
		forget_stale(shares, fd);
		for (size_t i = 0, to; i < shares->len; i = to) {
			uint64_t entries;

			for (to = i;
			     to < shares->len && shares->uids[to] == shares->uids[i];)
				to++;
			entries = to - i;
			bpf_map_update_elem(fd, &shares->uids[i], &entries, BPF_ANY);
		}
	}
	free(shares->uids);
	*shares = (struct shares){0};
}
