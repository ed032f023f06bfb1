// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int feed_reserve(struct feed *feed, size_t len)
{
	feed->len = feed->histories_len = 0;
	if (len <= feed->size)
		return 0;
	free(feed->rows);
	feed->size = len + len / 4;
	feed->rows = calloc(feed->size, sizeof(*feed->rows));
	if (feed->rows)
		return 0;
	feed->size = 0;
	return -ENOMEM;
}

struct feed_history *feed_add_history(struct feed *feed)
{
	struct feed_history *added;

	if (feed->histories_len == feed->histories_size) {
		size_t size = feed->histories_size ? feed->histories_size * 2 : 8;
		struct feed_history *grown =
			reallocarray(feed->histories, size, sizeof(*grown));

		if (!grown)
			return NULL;
		feed->histories = grown;
		feed->histories_size = size;
	}
	added = &feed->histories[feed->histories_len++];
	memset(added, 0, sizeof(*added));
	return added;
}

const struct feed_history *feed_find_history(const struct feed *feed, pid_t pid,
					     uint64_t start_ns)
{
	for (size_t i = 0; i < feed->histories_len; i++)
		if (feed->histories[i].pid == pid &&
		    feed->histories[i].start_ns == start_ns)
			return &feed->histories[i];
	return NULL;
}

void feed_clear(struct feed *feed)
{
	free(feed->histories);
	ledger_figures_clear(&feed->counted);
	free(feed->rows);
	memset(feed, 0, sizeof(*feed));
}
