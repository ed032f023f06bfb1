/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of Docker and Podman say of one container, at the places that these are
 * configured to: /etc/docker/daemon.json ("data-root") and storage.conf(5) (graphroot,
 * rootless_storage_path), else their defaults. A user's own are read with that user's rights alone.
 * This waits for disks, and so belongs into a thread that may.
 */
#ifndef FDWARDEN_CONTAINER_STORE_H
#define FDWARDEN_CONTAINER_STORE_H

#include <stdbool.h>
#include <sys/types.h>

#define CONTAINER_ID_LEN    64
#define CONTAINER_NAME_LEN  129 /* Docker has no bound; longer ones are not told */
#define CONTAINER_IMAGE_LEN 256
#define CONTAINER_OF_ROOT   ((uid_t)-1)

struct container_question {
	char id[CONTAINER_ID_LEN +
		1];          /* hexadecimal digits, which the caller has seen to */
	bool docker, podman; /* whose it may be */
	uid_t user;          /* whose rootless one it is, or CONTAINER_OF_ROOT */
};

struct container_names {
	char name[CONTAINER_NAME_LEN];
	char image
		[CONTAINER_IMAGE_LEN]; /* as it was named at the start; "": not known */
};

/* `root`: a directory that is taken for "/". False: the files do not tell, and `out` is empty. */
bool container_store_ask(const char *root, const struct container_question *question,
			 struct container_names *out);

#endif
