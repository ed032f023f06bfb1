/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom a file is read for. The daemon may read every file of the host; what it opens
 * because a process says so, it opens only if that process could have done so itself.
 *
 * This is reckoned from owner and mode, not tried: to take on the process's user takes
 * CAP_SETUID, which the service does not have. What a security module (SELinux, AppArmor)
 * forbids the process is not known here.
 */
#ifndef FDWARDEN_GUARD_RIGHTS_H
#define FDWARDEN_GUARD_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_GROUPS_MAX 64
#define GUARD_RANGES_MAX 8

/* Users, or groups, of a user namespace, as they are numbered here. */
struct guard_range {
	uint32_t first, len;
};

struct guard_rights {
	/* The host's own settings: any file. A symbolic link that is not root's ends that:
	 * what it leads to is read with the rights of the link's owner. */
	bool all;
	uid_t uid; /* -1: nobody's; only what is there for all */
	gid_t gid;
	gid_t groups[GUARD_GROUPS_MAX];
	size_t groups_len;
	/* It may be in others: what a file's mode gives to all, but takes from its group, it is
	 * not sure to have. */
	bool groups_unknown;
	/* CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH, over files whose owner and group are in
	 * these ranges: those of its user namespace. */
	bool overrides;
	struct guard_range uids[GUARD_RANGES_MAX], gids[GUARD_RANGES_MAX];
	size_t uids_len, gids_len;
};

/* What decides of a file. */
struct guard_file {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t dev;
	ino_t ino;
	uint32_t links;
	uint64_t size;
	uint64_t changed_ns; /* since 1970, when inode or content was changed last */
};

/* Everything; a user alone, without further groups and capabilities (gid -1: its groups are
 * not known). */
struct guard_rights guard_rights_all(void);
struct guard_rights guard_rights_of_user(uid_t uid, gid_t gid);

/* Those of a process, by its directory in procfs. What can't be read there is taken for a
 * right that it does not have. */
void guard_rights_of_process(int process_dir, struct guard_rights *out);

/* Whether it may read a file or list a directory; whether it may pass through a directory.
 * `fd` is of the file, with O_PATH or without: a file with an access control list is for
 * its owner alone, as the list may take from any group or user what the mode gives. */
bool guard_may_read(const struct guard_rights *rights, const struct guard_file *file,
		    int fd);
bool guard_may_search(const struct guard_rights *rights, const struct guard_file *dir,
		      int fd);

#endif
