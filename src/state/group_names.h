/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of groups, from wherever the host has its groups. A directory service may take
 * seconds: not for who must not wait.
 */
#ifndef FDWARDEN_GROUP_NAMES_H
#define FDWARDEN_GROUP_NAMES_H

#include <sys/types.h>

/* 0 or -errno; -ENOENT: there is no such group. */
int group_names_find(const char *name, gid_t *out);

#endif
