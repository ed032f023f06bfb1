/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names and images of Docker's and Podman's containers, from the files that these keep
 * (state/container_store.h). What root's say is root's word; what a user's rootless ones say is
 * that user's, as the container itself is (claimed_by). Threads of its own read them, one for root's
 * and one for those of all users, as they may be on a disk that hangs, and what was found is kept.
 * For any thread.
 */
#ifndef FDWARDEN_CONTAINER_NAMES_H
#define FDWARDEN_CONTAINER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "state/container_store.h"
#include "state/identity.h"

/* Containers that are remembered, of root's and of users'; the one that was asked for first gives
 * way. Of one user so many at most, so that nobody's others give way to his. */
#define CONTAINER_NAMES_MAX      1024
#define CONTAINER_NAMES_OF_USER  64
/* What one caller waits for an answer; while one is overdue, not at all. */
#define CONTAINER_NAMES_WAIT_NS  20000000ull
/* After that long a name is read anew, for a container may be renamed; and so is, sooner, what
 * had none. */
#define CONTAINER_NAMES_OLD_NS   300000000000ull
#define CONTAINER_NAMES_AGAIN_NS 5000000000ull
/* So long the files of one user may be read within a minute. */
#define CONTAINER_NAMES_SHARE_NS 1000000000ull

/* Of the container that a process is in. False: it is in none, it is of another runtime, or its
 * files do not tell. */
bool container_names_find(const struct identity *who, struct container_names *out);

/* Where the host's files are, as /host. NULL: /. Kept; what is known is forgotten. */
void container_names_set_root(const char *root);

#endif
