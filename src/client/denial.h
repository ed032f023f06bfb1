/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the daemon's socket can't be had, and what to do.
 */
#ifndef FDWARDEN_DENIAL_H
#define FDWARDEN_DENIAL_H

#include <stddef.h>

/* One line of what connect() to `path` said (a negative errno). */
void denial_explain(const char *path, int err, char *why, size_t why_size);

#endif
