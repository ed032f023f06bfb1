// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/incident_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/postmortem.h"

#define NS_PER_S      1000000000ull
/* Of a time with its zone: to the minute. */
#define TO_THE_MINUTE 16

static char *row_text(const struct source_incident *from)
{
	char when[48], lasted[48], *text = NULL;

	postmortem_time(from->began_s * NS_PER_S, when, sizeof(when));
	postmortem_span(from->lasted_ns, lasted, sizeof(lasted));
	if (from->open)
		snprintf(lasted, sizeof(lasted), "-");
	if (asprintf(&text, "%.*s  %-11.11s %-11.11s %8" PRIu64 "  %s", TO_THE_MINUTE,
		     when, lasted, from->worst, from->refused, from->who) < 0)
		return NULL;
	return text;
}

static bool fill(struct incident_row *row, const struct source_incident *from)
{
	snprintf(row->id, sizeof(row->id), "%s", from->id);
	snprintf(row->worst, sizeof(row->worst), "%s", from->worst);
	row->text = row_text(from);
	row->cause = strdup(from->cause ? from->cause : "");
	row->line = strdup(from->line ? from->line : "");
	return row->text && row->cause && row->line;
}

static void clear_row(struct incident_row *row)
{
	free(row->text);
	free(row->cause);
	free(row->line);
}

void incident_rows_take(struct incident_rows *rows, const struct source_incidents *from)
{
	incident_rows_clear(rows);
	rows->rows = calloc(from->len + 1, sizeof(*rows->rows));
	rows->left_off = from->left_off;
	rows->unreadable = from->unreadable;
	for (size_t i = 0; rows->rows && i < from->len; i++) {
		if (fill(&rows->rows[rows->len], &from->rows[i])) {
			rows->len++;
			continue;
		}
		clear_row(&rows->rows[rows->len]);
		memset(&rows->rows[rows->len], 0, sizeof(*rows->rows));
	}
}

void incident_rows_clear(struct incident_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		clear_row(&rows->rows[i]);
	free(rows->rows);
	memset(rows, 0, sizeof(*rows));
}

size_t incident_rows_find(const struct incident_rows *rows, const char *id,
			  size_t otherwise)
{
	for (size_t i = 0; i < rows->len; i++)
		if (!strcmp(rows->rows[i].id, id))
			return i;
	if (!rows->len)
		return 0;
	return otherwise < rows->len ? otherwise : rows->len - 1;
}
