// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int feed_reserve(struct feed *feed, size_t len)
{
	feed->len = 0;
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

void feed_clear(struct feed *feed)
{
	free(feed->rows);
	memset(feed, 0, sizeof(*feed));
}
