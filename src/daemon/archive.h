/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of incidents, for those who read them: the directory of a configuration.
 */
#ifndef FDWARDEN_ARCHIVE_H
#define FDWARDEN_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/incident.h"

#define ARCHIVE_WHY_MAX 512

/* One record of the directory. */
struct archive_entry {
	char id[ALERT_ID_LEN];
	uint64_t changed_ns; /* CLOCK_REALTIME */
	uint64_t size;       /* in bytes, then */
};

struct archive {
	char *path;
	struct archive_entry *entries; /* in no order */
	size_t len;
};

/* Lists those in `directory`, or where that is NULL in that of the configuration (NULL: the
 * usual). 0, or -errno with one line in `why`. */
int archive_open(const char *directory, const char *config, struct archive *out,
		 char *why, size_t why_size);
void archive_close(struct archive *archive);

/* The order of a list: those that began last (CLOCK_REALTIME) are before the others, and of
 * the same time those with the lesser id. */
bool archive_is_before(uint64_t began_ns, const char *id, uint64_t other_ns,
		       const char *other_id);

/* Reads one. 0, or -errno with one line in `why`. */
int archive_read(const struct archive *archive, const char *id, struct incident *out,
		 char *why, size_t why_size);

/* Reads what is meant: "last", which began last (all are read for it, and what cannot be read
 * counts by its last change), the id or its beginning, with a slash in it the path of a record,
 * or else the name of a process, with its pid in brackets or without: of those the one that
 * began last. `id` is then whose it is. */
int archive_find(const char *what, const char *directory, const char *config,
		 struct incident *out, char id[ALERT_ID_LEN], char *why,
		 size_t why_size);

/* Likewise by an id or its beginning alone, which is not empty. */
int archive_find_id(const char *what, const char *directory, struct incident *out,
		    char id[ALERT_ID_LEN], char *why, size_t why_size);

#endif
