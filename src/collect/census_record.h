/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's records of descriptors, gathered into a census's result.
 */
#ifndef FDWARDEN_CENSUS_RECORD_H
#define FDWARDEN_CENSUS_RECORD_H

#include <stddef.h>

#include "collect/census.h"
#include "fdwarden/wire.h"

/* All strings of one census. A table of a million descriptors with paths of 4 KiB would
 * take 4 GB; what is beyond is told without. */
#define CENSUS_TEXT_MAX (16u << 20)

/* Grows while records come. Zeroed at first. */
struct census_list {
	struct descriptor
		*descriptors; /* strings are offsets into `text` until the end */
	size_t len, room;
	char *text;
	size_t text_len, text_room;
	uint64_t nameless;
};

/*
 * Adds the records in the first `len` bytes of `bytes`, all of them whole. Returns 0,
 * -ENOMEM, or -EPROTO if they are not what struct fdw_descriptor says.
 */
int census_list_add(struct census_list *list, const char *bytes, size_t len);

/* Hands all over to *out, whose other members are left alone; the list is empty then. */
void census_list_finish(struct census_list *list, struct census_result *out);
void census_list_clear(struct census_list *list);

#endif
