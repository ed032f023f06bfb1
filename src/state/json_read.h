/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where JSON of others is read: what clients of the socket and the daemon
 * behind it send, containers' files, the state file. It bounds what the parser is given.
 */
#ifndef FDWARDEN_JSON_READ_H
#define FDWARDEN_JSON_READ_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* The parser calls itself for each level, up to a thousand of them, which is too many for
 * the stack of a thread. No request has more than this, no document of a runtime more than
 * the other. */
#define JSON_READ_SHALLOW 16
#define JSON_READ_DEEP    64
/* Values in one text: each takes 64 bytes of memory and more, of two bytes of text. */
#define JSON_READ_VALUES  1000000

/*
 * Parses `len` bytes. `end`, where it is not NULL, is set behind what was read; without it
 * nothing but blanks may follow. NULL: it is no JSON, is deeper than `depth`, has too many
 * values, or there is no memory. To be given back with cJSON_Delete().
 */
cJSON *json_read(const char *text, size_t len, int depth, const char **end);

/* A member that is text, which lives as long as the object; NULL: there is none. */
const char *json_text_at(const cJSON *object, const char *name);

/* A member that is a number from 0 to 9e15, without its fraction: below, doubles are exact.
 * 0: there is none. */
uint64_t json_uint_at(const cJSON *object, const char *name);

#endif
