/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Incidents as lines of a list. Pure; what is in the lines is others' text still, which
 * whoever shows it makes harmless.
 */
#ifndef FDWARDEN_TOP_INCIDENT_ROWS_H
#define FDWARDEN_TOP_INCIDENT_ROWS_H

#include <stddef.h>

#include "top/source.h"

struct incident_row {
	char id[40];
	char worst[16];
	char *text;  /* below INCIDENT_ROWS_TITLE */
	char *cause; /* what is known of it: its cause and the line of code; "" */
	char *line;
};

struct incident_rows {
	struct incident_row *rows; /* the newest first */
	size_t len, left_off;
	size_t unreadable; /* records, whoever's they are */
};

#define INCIDENT_ROWS_TITLE "WHEN              LASTED      WORST        REFUSED  WHO"

/* Puts these in their place; without memory for all it has fewer. */
void incident_rows_take(struct incident_rows *rows,
			const struct source_incidents *from);
void incident_rows_clear(struct incident_rows *rows);

/* Where the one with this id is; `otherwise`, and not beyond the last, if it is not there. */
size_t incident_rows_find(const struct incident_rows *rows, const char *id,
			  size_t otherwise);

#endif
