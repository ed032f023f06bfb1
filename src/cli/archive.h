/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of incidents, for those who read them: the directory of a configuration.
 */
#ifndef FDWARDEN_ARCHIVE_H
#define FDWARDEN_ARCHIVE_H

#include <stddef.h>

#include "output/incident.h"

#define ARCHIVE_WHY_MAX 512

/* One record of the directory. */
struct archive_entry {
	char id[ALERT_ID_LEN];
	long long changed_ns; /* CLOCK_REALTIME */
	/* When it began, CLOCK_REALTIME; archive_sort() has it. */
	unsigned long long began_ns;
};

struct archive {
	char *path;
	struct archive_entry *entries; /* the last written first */
	size_t len;
};

/* Lists those in `directory`, or where that is NULL in that of the configuration (NULL: the
 * usual). 0, or -errno with one line in `why`. */
int archive_open(const char *directory, const char *config, struct archive *out,
		 char *why, size_t why_size);
void archive_close(struct archive *archive);

/* Reads all of them, and brings those that began last to the front. What cannot be read has
 * the time of its last change. 0 or -ENOMEM. */
int archive_sort(struct archive *archive);

/* Reads one. 0, or -errno with one line in `why`. */
int archive_read(const struct archive *archive, const char *id, struct incident *out,
		 char *why, size_t why_size);

/* Reads what is meant: "last", the id or its beginning, or with a slash in it the path of a
 * record. `id` is then whose it is. */
int archive_find(const char *what, const char *directory, const char *config,
		 struct incident *out, char id[ALERT_ID_LEN], char *why,
		 size_t why_size);

#endif
