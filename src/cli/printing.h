/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands print on standard output: a JSON document, or a page for people.
 */
#ifndef FDWARDEN_PRINTING_H
#define FDWARDEN_PRINTING_H

#include <cjson/cJSON.h>

#include "output/page.h"

/* One document on a line; deletes it. NULL: there was no memory to make it. 0, -ENOMEM, or
 * -errno of the writing. */
int printing_json(cJSON *json);

/* Columns of the terminal that standard output is; of what is none, $COLUMNS. 0: neither is
 * known. */
int printing_width(void);

/* As wide as that, or 80; in colour there alone and not with NO_COLOR. */
struct page printing_page(void);

#endif
