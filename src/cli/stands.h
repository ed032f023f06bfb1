/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The incidents that stand, as a few lines for people.
 */
#ifndef FDWARDEN_STANDS_H
#define FDWARDEN_STANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "output/page.h"
#include "output/roster.h"

/* Whether the process is in an incident now. */
bool stands_open(const struct roster_row *row);

/* What of: "exhausted", "critical", "warning", "leak suspected", "another limit". */
const char *stands_word(const struct roster_row *row);

/* The processes with an open incident, the worst first; *rows has pointers into the roster,
 * which the caller frees. 0 or -ENOMEM. */
int stands_find(const struct roster *roster, const struct roster_row ***rows,
		size_t *len);

/* "1 critical, 2 warning", in `text`; empty: none stands. */
void stands_count(const struct roster_row *const *rows, size_t len, char *text,
		  size_t size);

/* Each with its word, indented, `max` at most; and how many more there are. */
void stands_print(const struct roster_row *const *rows, size_t len, size_t max,
		  const struct page *page);

#endif
