/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last alerts of a monitor of our own, for the pages of processes. */
#ifndef FDWARDEN_TOP_RECENT_H
#define FDWARDEN_TOP_RECENT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/types.h>

/* The oldest one makes room. */
#define RECENT_MAX 256

struct recent;

struct recent *recent_new(void);         /* NULL: no memory */
void recent_free(struct recent *recent); /* accepts NULL */

/* Copies an alert's JSON. Without memory for it, it is not among them. */
void recent_add(struct recent *recent, pid_t pid, const char *json, size_t len);

/* An array of a process's alerts, the oldest first, that the caller owns; NULL: no memory. */
cJSON *recent_of(const struct recent *recent, pid_t pid);

#endif
