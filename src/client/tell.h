/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells a running daemon what was done beside it.
 */
#ifndef FDWARDEN_CLIENT_TELL_H
#define FDWARDEN_CLIENT_TELL_H

#include <stdint.h>

#include "client/client.h"

/* Tells the daemon at `path` that the soft limit of `pid` was raised by hand, so that it can
 * say so; waits for it for some seconds at most. It does not matter much: 0, or -errno where
 * none is there, this user may not ask it, it is an older one, or it finds another limit. */
int client_tell_raised(const char *path, pid_t pid, uint64_t from, uint64_t to);

#endif
