// SPDX-License-Identifier: GPL-2.0-or-later
/* What is written for one refresh. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"
#include "output/text.h"
#include "top/batch.h"

#define CELL_MAX 4097

/* ---- text ---- */

static void print_head(const struct model *model, FILE *out)
{
	const struct roster *r = model_roster(model);
	const struct model_totals *t = model_totals(model);
	char at[32], host[3 * sizeof(r->host_name)];

	alert_timestamp(r->realtime_ns, at);
	text_terminal(host, sizeof(host), r->host_name, (int)sizeof(host), 0, 0);
	fprintf(out, "%s %s: %" PRIu64 " processes, %" PRIu64 " descriptors, ", at,
		host, t->processes, t->descriptors);
	if (r->system.known)
		fprintf(out, "%" PRIu64 "%s", r->system.allocated,
			r->system.max < INT64_MAX ? " of " : "");
	if (r->system.known && r->system.max < INT64_MAX)
		fprintf(out, "%" PRIu64, r->system.max);
	if (r->system.known)
		fputs(" files open, ", out);
	fprintf(out,
		"alerts: %" PRIu32 " exhausted, %" PRIu32 " critical, %" PRIu32
		" warning, refused: %" PRIu64 "\n",
		r->alerts[POLICY_LEVEL_EXHAUSTED], r->alerts[POLICY_LEVEL_CRITICAL],
		r->alerts[POLICY_LEVEL_WARNING], r->refused);
}

/* What is wide enough for numbers; the command is the last and takes the rest. */
static int width_of(enum column column, const int widths[COLUMNS_LEN])
{
	if (column == COLUMN_USAGE)
		return 6;
	return widths[column];
}

static void print_cell(const struct batch_style *style, enum column column, int width,
		       const char *text, FILE *out)
{
	static char safe[CELL_MAX * 20];
	bool right = column_info(column)->right || column == COLUMN_USAGE;

	text_terminal(safe, sizeof(safe), text, width,
		      !right && column != COLUMN_COMMAND, style->utf8);
	fprintf(out, "%*s", right ? width : 0, safe);
}

static void print_line(const struct batch_style *style, const int widths[COLUMNS_LEN],
		       const struct item *item, FILE *out)
{
	char cell[COLUMN_CELL_LEN];
	const char *gap = "";

	for (int c = 0; c < COLUMNS_LEN; c++) {
		const struct column_info *info = column_info(c);

		if (!widths[c])
			continue;
		fputs(gap, out);
		gap = " ";
		print_cell(style, c, width_of(c, widths),
			   item ? info->text(item, cell) : info->title, out);
	}
	fputc('\n', out);
}

int batch_text(const struct model *model, const struct batch_style *style, FILE *out)
{
	bool wanted[COLUMNS_LEN];
	int widths[COLUMNS_LEN];
	size_t len;
	const struct line *lines = model_lines(model, &len);

	for (int c = 0; c < COLUMNS_LEN; c++)
		wanted[c] = column_info(c)->text && !column_info(c)->hidden &&
			    c != COLUMN_KIND;
	column_widths(style->width, 7, wanted, widths);
	print_head(model, out);
	print_line(style, widths, NULL, out);
	for (size_t i = 0; i < len; i++)
		print_line(style, widths, lines[i].item, out);
	fputc('\n', out);
	if (fflush(out))
		return -errno;
	return ferror(out) ? -EIO : 0;
}

/* ---- JSON ---- */

/* The rows are the roster's. */
static const struct roster_row *row_of(const struct item *item)
{
	return (const struct roster_row *)((const char *)item->who -
					   offsetof(struct roster_row, who));
}

static int add_rows(cJSON *root, const struct model *model)
{
	cJSON *list = cJSON_AddArrayToObject(root, "processes");
	struct alert_host host;
	size_t len;
	const struct line *lines = model_lines(model, &len);

	if (!list)
		return -ENOMEM;
	roster_host(model_roster(model), &host);
	for (size_t i = 0; i < len; i++) {
		cJSON *row;

		if (lines[i].item->group)
			continue;
		row = roster_row_json(row_of(lines[i].item), &host);
		if (!row || !cJSON_AddItemToArray(list, row)) {
			cJSON_Delete(row);
			return -ENOMEM;
		}
	}
	return 0;
}

int batch_json(const struct model *model, FILE *out)
{
	cJSON *root = roster_head_json(model_roster(model), 0, NULL, 0);
	int err = root ? add_rows(root, model) : -ENOMEM;
	char *text = err ? NULL : cJSON_PrintUnformatted(root);

	if (!err && !text)
		err = -ENOMEM;
	if (text && (fputs(text, out) == EOF || fputc('\n', out) == EOF || fflush(out)))
		err = -errno;
	cJSON_free(text);
	cJSON_Delete(root);
	return err;
}
