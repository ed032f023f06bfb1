/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way in which a file is opened on behalf of a process: what it named, as a
 * symbolic link or a path in a file, is as hostile as it is.
 *
 * Nothing leads out of the root, symbolic links and ".." included; directories are passed
 * and files read only with the rights that are given; only regular files on real file
 * systems are opened, never a FIFO, a device, or a file of procfs, sysfs and their like, not
 * even for a moment; and only up to a size. The one thing that is not bounded here is time:
 * a file system of a network may not answer, so that this belongs into a process that can
 * be ended (guard/helper.h).
 *
 * It is done one component after the other, not by openat2(RESOLVE_IN_ROOT): that asks for
 * our own rights to the directories on the way and follows links in /tmp that the process
 * could not; and systemd's RestrictSUIDSGID= takes it away (ENOSYS), as its filter can't
 * see into the flags.
 */
#ifndef FDWARDEN_GUARD_OPEN_H
#define FDWARDEN_GUARD_OPEN_H

#include "guard/rights.h"

/* A directory that is taken for "/", and whom is read for. */
struct guard_root {
	int dir; /* O_PATH; -1: none */
	struct guard_rights rights;
};

/* That of a process, by its directory in procfs (O_PATH). 0 or -errno. */
int guard_root_of_process(int process_dir, struct guard_root *out);
void guard_root_close(struct guard_root *root);

/* What else is asked of a file. All zero: nothing, but that it is not empty. */
struct guard_wish {
	uint64_t max; /* bytes; 0: any size */
	/* It is the process's own: it owns it, and neither a symbolic link nor another
	 * name leads to it. */
	bool own;
	/* It has it mapped, so that it needs no right to directories on the way. */
	bool mapped;
	bool must_match; /* … and no other file will do */
	uint32_t major, minor;
	uint64_t inode;
};

/*
 * Opens a regular file for reading. `path` is as seen from the root. `wish` NULL: none.
 * `out` NULL: not wanted. Returns the descriptor, or -errno; of our own: -EPERM it may not
 * be read for whom it is asked, -EINVAL it is no regular file, -EISDIR it is a directory,
 * -ENOTSUP it is not on a real file system, -EFBIG it is larger than wished, -ESTALE it is
 * another file than the one that is mapped.
 */
int guard_open(const struct guard_root *root, const char *path,
	       const struct guard_wish *wish, struct guard_file *out);

/* The same of a directory, to be listed. */
int guard_open_directory(const struct guard_root *root, const char *path);

/* What the path leads to, of any kind, as a descriptor with O_PATH: nothing is opened. */
int guard_find(const struct guard_root *root, const char *path, struct guard_file *out);

/* The same of what a link of procfs leads to (exe, map_files): the process runs it or has it
 * mapped. `rights` are still needed to read the file itself. */
int guard_open_link(int process_dir, const char *name,
		    const struct guard_rights *rights, const struct guard_wish *wish,
		    struct guard_file *out);

#endif
