// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/entries.h"

#include <stdlib.h>
#include <string.h>

bool entries_add(struct entries *entries, uint32_t fd, uint64_t file)
{
	if (entries->len == entries->room) {
		size_t room = entries->room ? 2 * entries->room : 256;
		struct entry *grown =
			reallocarray(entries->at, room, sizeof(struct entry));

		if (!grown)
			return false;
		entries->at = grown;
		entries->room = room;
	}
	entries->at[entries->len++] = (struct entry){file, fd};
	return true;
}

int entries_by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->fd > y->fd) - (x->fd < y->fd);
}

void entries_sort(struct entries *entries)
{
	if (entries->len)
		qsort(entries->at, entries->len, sizeof(struct entry),
		      entries_by_number);
}

bool entries_has(const struct entries *entries, uint32_t fd, uint64_t file)
{
	const struct entry key = {.fd = fd}, *found = NULL;

	if (entries->len)
		found = bsearch(&key, entries->at, entries->len, sizeof(key),
				entries_by_number);
	return found && found->file == file;
}

void entries_clear(struct entries *entries)
{
	free(entries->at);
	memset(entries, 0, sizeof(*entries));
}
