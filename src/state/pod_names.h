/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of Kubernetes' pods and containers without its API: from the names of what the
 * kubelet leaves on its node, /var/log/pods/NAMESPACE_POD_UID and
 * /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log. No file there is opened, no link
 * followed. A thread of its own lists them, as a directory may be on a network, and what it
 * found is kept. For any thread.
 */
#ifndef FDWARDEN_POD_NAMES_H
#define FDWARDEN_POD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "state/identity.h"

/* Kubernetes' own bounds, and a NUL. */
#define POD_NAMES_LABEL    64
#define POD_NAMES_LEN      254

/* What one caller waits for a listing that it has asked for; while one is overdue, not at
 * all. One is made a second at most. */
#define POD_NAMES_WAIT_NS  20000000ull
#define POD_NAMES_AGAIN_NS 1000000000ull

struct pod_names {
	char name_space
		[POD_NAMES_LABEL]; /* as Kubernetes takes them: letters, digits, - and . */
	char pod[POD_NAMES_LEN];
	char container
		[POD_NAMES_LABEL]; /* empty: not known, as of a pod's own sandbox */
};

/* The names of the pod and container that a process is in. False: it is in none, that is the
 * word of a user alone, or the node does not tell. */
bool pod_names_find(const struct identity *who, struct pod_names *out);

/* Where the host's files are, as /host. NULL: /. Kept. */
void pod_names_set_root(const char *root);

#endif
