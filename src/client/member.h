/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member of a line of JSON as it is written there: to be passed on, with numbers that a
 * double can't hold.
 */
#ifndef FDWARDEN_MEMBER_H
#define FDWARDEN_MEMBER_H

#include <stddef.h>

/* The value of a member of the object that `line` is; the name is one without escapes.
 * NULL: there is none, or the line is no object. */
const char *member_find(const char *line, size_t len, const char *name,
			size_t *value_len);

#endif
