/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes by a name that somebody types. Pure. */
#ifndef FDWARDEN_IDENTITY_MATCH_H
#define FDWARDEN_IDENTITY_MATCH_H

#include <stdbool.h>

#include "state/identity.h"

/*
 * Whether a process is meant by `name`: its own name, its program's file name, its service (with
 * or without ".service"), its container (12 characters of the ID at least) or its pod; or, where
 * the name has one of * ? [, any of these as a shell's pattern matches it. Case counts. All but
 * the service and the container are chosen by the process itself.
 */
bool identity_matches(const struct identity *who, const char *name);

/* Whether `service`, or its name without ".service", is called `name`, or matches it where that is
 * a pattern. Either may be NULL: it is none. */
bool identity_is_service(const char *service, const char *name);

/* Whether it is a pattern, which may mean several on purpose. */
bool identity_is_pattern(const char *name);

#endif
