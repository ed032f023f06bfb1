// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/item.h"

#include <math.h>

double item_usage(const struct item *item)
{
	const struct alert_fd *fd = item->fd;

	if (!fd || !fd->known || fd->soft_limit == UINT64_MAX)
		return NAN;
	/* with no slot at all, it is full */
	return fd->soft_limit ? (double)fd->used / (double)fd->soft_limit : 1;
}

int item_permille(const struct item *item)
{
	double usage = item_usage(item);
	int rounded;

	if (isnan(usage))
		return -1;
	rounded = usage >= 1 ? 1000 : (int)(usage * 1000 + 0.5);
	return rounded >= 1000 && item->fd->used < item->fd->soft_limit ? 999 : rounded;
}

bool item_is_full(const struct item *item)
{
	if (item->group)
		return item->full;
	return item->fd->known && !item->fd->sealed &&
	       item->fd->used >= item->fd->soft_limit;
}
