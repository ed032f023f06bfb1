/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names and images of Docker's and Podman's containers, from the files that these keep:
 * /var/lib/docker/containers/ID/config.v2.json and
 * /var/lib/containers/storage/overlay-containers/containers.json. They are root's; of a container
 * that is a user's word alone nothing is looked up. A thread of its own reads them, as they may be
 * on a disk that hangs, and what it found is kept. For any thread.
 */
#ifndef FDWARDEN_CONTAINER_NAMES_H
#define FDWARDEN_CONTAINER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "state/identity.h"

#define CONTAINER_NAMES_LEN       129 /* Docker has no bound; longer ones are not told */
#define CONTAINER_NAMES_IMAGE_LEN 256
/* Containers that are remembered; the one that was asked for first gives way. */
#define CONTAINER_NAMES_MAX       1024
/* What one caller waits for an answer; while one is overdue, not at all. */
#define CONTAINER_NAMES_WAIT_NS   20000000ull
/* After that long a name is read anew, for a container may be renamed; and so is, sooner, what
 * had none. */
#define CONTAINER_NAMES_OLD_NS    300000000000ull
#define CONTAINER_NAMES_AGAIN_NS  5000000000ull

struct container_names {
	char name[CONTAINER_NAMES_LEN];
	char image
		[CONTAINER_NAMES_IMAGE_LEN]; /* as it was named at the start; "": not known */
};

/* Of the container that a process is in. False: it is in none, it is of another runtime, or its
 * files do not tell. */
bool container_names_find(const struct identity *who, struct container_names *out);

/* Where the host's files are, as /host. NULL: /. Kept; what is known is forgotten. */
void container_names_set_root(const char *root);

#endif
