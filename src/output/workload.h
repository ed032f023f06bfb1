/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process is a part of, as metrics have it: its service, its container, its pod, its
 * user. The key of one is a label's value: one line of valid UTF-8.
 */
#ifndef FDWARDEN_WORKLOAD_H
#define FDWARDEN_WORKLOAD_H

#include <stdbool.h>

#include "output/label_values.h"
#include "state/identity.h"

enum workload_kind {
	WORKLOAD_SERVICE,
	WORKLOAD_CONTAINER,
	WORKLOAD_POD,
	WORKLOAD_USER,
	WORKLOAD_KINDS
};

/* "service", and so on. Static. */
const char *workload_kind_name(enum workload_kind kind);

/* How many of a kind are told; what is more is one more, which is called so. */
size_t workload_places(enum workload_kind kind);
#define WORKLOAD_OTHERS "(others)"

/*
 * Its key: the service's name, the container's id, the pod's uid, the user's number. Where
 * a user's word alone says that it is that container or pod, whose word it is stands before
 * it, with a slash. False: it is part of none of that kind, or that is not known.
 */
bool workload_key(enum workload_kind kind, const struct identity *who,
		  char key[LABEL_VALUE_LEN]);

#endif
