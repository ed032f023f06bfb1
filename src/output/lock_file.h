/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One daemon for a place: a file that who writes there has locked while it runs.
 */
#ifndef FDWARDEN_LOCK_FILE_H
#define FDWARDEN_LOCK_FILE_H

#include <stdbool.h>
#include <sys/types.h>

/* Takes the lock that is the file `name` in `dir`, without waiting. Returns its descriptor,
 * which the caller hands to lock_file_leave(); -EWOULDBLOCK: another one has it, whose pid is
 * in `owner` if it is known (else 0); -errno. */
int lock_file_take(int dir, const char *name, pid_t *owner);

/* Whether it was -errno for want of room on the disk, or of a file to open: there may be some
 * later, so that this is no reason not to write there. Any other is one. */
bool lock_file_lacks_room(int err);

/* Removes the file and closes `fd`. */
void lock_file_leave(int dir, const char *name, int fd);

#endif
