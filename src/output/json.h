/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of JSON objects, so that a document is always valid: text is made
 * valid UTF-8, whole numbers stay whole. Each returns 0 or -ENOMEM.
 */
#ifndef FDWARDEN_JSON_H
#define FDWARDEN_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

/* Hostile text; NULL adds nothing. */
int json_add_text(cJSON *parent, const char *name, const char *text);

/* The same as an item, for a list. NULL: no memory. */
cJSON *json_text(const char *text);

/* A list of the lines of a text of ours. NULL: no memory. */
cJSON *json_lines(const char *text);

/* Exact over the whole range. (cJSON itself holds doubles and prints 1e15 and
 * more in the form 1e+15; from there on the item is cJSON_Raw.) */
int json_add_uint(cJSON *parent, const char *name, uint64_t value);

/* Rounded to `decimals` places; what is not finite adds nothing. */
int json_add_real(cJSON *parent, const char *name, double value, int decimals);

/* A share, from 0 on, with four decimals at most, and always with one: who learns the type of
 * a field by its first value takes 1 for a whole number. To be printed, not read: it is raw. */
int json_add_share(cJSON *parent, const char *name, double value);

/* A new empty object within `parent`. NULL: no memory. */
cJSON *json_add_object(cJSON *parent, const char *name);

#endif
