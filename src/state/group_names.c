// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/group_names.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>

/* An entry has the names of all members, of which a directory service may have thousands:
 * it is asked again with more room as long as that is what is wanting. */
#define ENTRY_FIRST_SIZE 4096u
#define ENTRY_MOST_SIZE  (4u << 20)

int group_names_find(const char *name, gid_t *out)
{
	struct group entry, *found = NULL;
	int err = ERANGE;

	for (size_t size = ENTRY_FIRST_SIZE; err == ERANGE && size <= ENTRY_MOST_SIZE;
	     size *= 4) {
		char *strings = malloc(size);

		if (!strings)
			return -ENOMEM;
		err = getgrnam_r(name, &entry, strings, size, &found);
		free(strings);
	}
	if (err)
		return -err;
	if (!found)
		return -ENOENT;
	*out = entry.gr_gid;
	return 0;
}
