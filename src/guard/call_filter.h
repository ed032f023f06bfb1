/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system calls a helper may make from then on. */
#ifndef FDWARDEN_CALL_FILTER_H
#define FDWARDEN_CALL_FILTER_H

enum call_filter {
	CALL_FILTER_READER, /* reads what it is handed, opens nothing */
	CALL_FILTER_OPENER, /* opens for reading, and hands over */
	/* opens and lists for reading, and asks the host's name service, which may be a
	 * library with a unix socket to whoever knows the users */
	CALL_FILTER_FINDER,
};

/* Lets it read, take and give back memory, and talk on the sockets that it has: all other
 * calls fail with ENOSYS, and those of another ABI end it, for good. Needs no_new_privs.
 * Returns 0; -ENOSYS where the kernel has no such filters; another -errno if it can't be
 * had, as in a unit that does not allow seccomp(). */
int call_filter_set(enum call_filter filter);

#endif
