/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a root to what a path leads to. Inside src/guard/ only. */
#ifndef FDWARDEN_GUARD_WALK_H
#define FDWARDEN_GUARD_WALK_H

#include "guard/open.h"

struct guard_found {
	int fd; /* O_PATH */
	struct guard_file file;
	struct guard_rights rights; /* those that are left at the end of the way */
	bool by_link;               /* its name was that of a symbolic link */
	bool refused;               /* some directory may not be passed */
};

/* `lenient`: goes on where a directory may not be passed, and says so. 0 or -errno. */
int guard_walk(const struct guard_root *root, const char *path, bool lenient,
	       struct guard_found *out);

/* What is said of a file without asking a server. 0 or -errno. */
int guard_look(int fd, struct guard_file *out);

/* Whether what lies there lies on a disk, in memory or on a network: no window to the
 * kernel. */
bool guard_is_real(int fd, const struct guard_file *file);

#endif
