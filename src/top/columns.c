// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/columns.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers ---- */

/* Three digits that matter, and a letter: "1.05M", "524k". */
static void shorten(double value, char cell[COLUMN_CELL_LEN])
{
	static const char letters[] = "\0kMGTPE";
	size_t at = 0;

	while (fabs(value) >= 999.5 && letters[at + 1]) {
		value /= 1000;
		at++;
	}
	snprintf(cell, COLUMN_CELL_LEN, "%.*f%.1s",
		 fabs(value) >= 99.5   ? 0
		 : fabs(value) >= 9.95 ? 1
				       : 2,
		 value, at ? &letters[at] : "");
}

void column_number(uint64_t value, int width, char cell[COLUMN_CELL_LEN])
{
	if (value == UINT64_MAX) {
		snprintf(cell, COLUMN_CELL_LEN, "none");
		return;
	}
	if (snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64, value) > width)
		shorten((double)value, cell);
}

void column_rate(double per_s, char cell[COLUMN_CELL_LEN])
{
	double size = fabs(per_s);

	if (size < 0.05)
		snprintf(cell, COLUMN_CELL_LEN, "0");
	else if (size < 99.95)
		snprintf(cell, COLUMN_CELL_LEN, "%.1f", per_s);
	else if (size < 9999.5)
		snprintf(cell, COLUMN_CELL_LEN, "%.0f", per_s);
	else
		shorten(per_s, cell);
}

void column_span(double seconds, char cell[COLUMN_CELL_LEN])
{
	uint64_t s = seconds < 0 ? 0 : (uint64_t)(seconds + 0.5);

	if (s < 100)
		snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64 "m%02" PRIu64, s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64 "h%02" PRIu64, s / 3600,
			 s / 60 % 60);
	else
		snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64 "d%02" PRIu64, s / 86400,
			 s / 3600 % 24);
}

/* ---- what they say ---- */

#define NUMBER_WIDTH 7

static const char *number(bool known, uint64_t value, char cell[COLUMN_CELL_LEN])
{
	if (!known)
		return "-";
	column_number(value, NUMBER_WIDTH, cell);
	return cell;
}

static const char *pid_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	if (i->group)
		snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64, i->members);
	else
		snprintf(cell, COLUMN_CELL_LEN, "%d", (int)i->who->pid);
	return cell;
}

static const char *user_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	(void)cell;
	return i->user && *i->user ? i->user : "-";
}

static const char *name_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	(void)cell;
	if (i->group)
		return i->name;
	return i->who->comm[0] ? i->who->comm : "-";
}

static const char *service_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	(void)cell;
	if (i->group)
		return "";
	if (i->who->service)
		return i->who->service;
	if (i->who->pod_name) /* as the daemon has told it */
		return i->who->pod_name;
	return i->who->container_id ? i->who->container_id : "-";
}

static const char *usage_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	int permille = item_permille(i);

	if (permille < 0)
		return "-";
	if (permille >= 1000)
		return "100%";
	snprintf(cell, COLUMN_CELL_LEN, "%d.%d%%", permille / 10, permille % 10);
	return cell;
}

static const char *used_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return number(i->known, i->used, cell);
}

static const char *count_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return number(i->known, i->count, cell);
}

static const char *soft_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return i->group ? "" : number(i->fd->known, i->fd->soft_limit, cell);
}

static const char *hard_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return i->group ? "" : number(i->fd->known, i->fd->hard_limit, cell);
}

static const char *growth_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	if (!i->growth_known)
		return "-";
	cell[0] = '+';
	column_rate(i->growth_per_s, cell + (i->growth_per_s >= 0.05));
	return cell;
}

static const char *full_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	if (item_is_full(i))
		return "full";
	if (!i->group && i->fd->known && i->fd->sealed)
		return "sealed";
	if (!i->group && i->fd->managed)
		return "managed";
	if (!i->exhaustion_known)
		return "-";
	column_span(i->exhausted_in_s, cell);
	return cell;
}

static const char *rate(const struct item *i, double per_s, char cell[COLUMN_CELL_LEN])
{
	if (!i->rates_known)
		return "-";
	column_rate(per_s, cell);
	return cell;
}

static const char *opened_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return rate(i, i->opened_per_s, cell);
}

static const char *closed_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return rate(i, i->closed_per_s, cell);
}

static const char *refused_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	return number(true, i->refused, cell);
}

static const char *kind_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	if (i->group)
		return "";
	if (!i->kind || !*i->kind)
		return "-";
	snprintf(cell, COLUMN_CELL_LEN, "%" PRIu64 " %s", i->kind_count, i->kind);
	return cell;
}

static const char *command_text(const struct item *i, char cell[COLUMN_CELL_LEN])
{
	if (i->group) {
		snprintf(cell, COLUMN_CELL_LEN, "worst: %.*s[%d]",
			 (int)sizeof(i->who->comm), i->who->comm, (int)i->who->pid);
		return cell;
	}
	if (i->who->command_line)
		return i->who->command_line;
	return i->who->executable ? i->who->executable : "-";
}

/* ---- by colour ---- */

/* Soon enough to drop everything, and to look after it today. */
#define SOON_S  60
#define TODAY_S 3600

enum paint column_usage_paint(const struct item *i)
{
	static const enum paint paints[POLICY_LEVELS] = {
		[POLICY_LEVEL_OK] = PAINT_OK,
		[POLICY_LEVEL_WARNING] = PAINT_WARNING,
		[POLICY_LEVEL_CRITICAL] = PAINT_CRITICAL,
		[POLICY_LEVEL_EXHAUSTED] = PAINT_EXHAUSTED,
	};

	if (!i->fd->known || (!i->group && i->fd->sealed))
		return PAINT_DIM;
	return paints[i->level];
}

char column_sign(const struct item *i)
{
	static const char signs[POLICY_LEVELS] = {
		[POLICY_LEVEL_OK] = ' ',
		[POLICY_LEVEL_WARNING] = '!',
		[POLICY_LEVEL_CRITICAL] = '#',
		[POLICY_LEVEL_EXHAUSTED] = 'X',
	};

	if (i->level == POLICY_LEVEL_OK && !i->group && i->fd->leak_suspected)
		return '?';
	if (i->level == POLICY_LEVEL_OK && !i->group && i->fd->known && i->fd->sealed)
		return '=';
	return signs[i->level];
}

static enum paint name_paint(const struct item *i)
{
	if (i->group)
		return PAINT_STRONG;
	return i->level > POLICY_LEVEL_OK ? column_usage_paint(i) : PAINT_PLAIN;
}

static enum paint dim_paint(const struct item *i)
{
	return i->group ? PAINT_ACCENT : PAINT_DIM;
}

static enum paint user_paint(const struct item *i)
{
	return i->who->uid == 0 ? PAINT_DIM : PAINT_PLAIN;
}

static enum paint growth_paint(const struct item *i)
{
	if (!i->growth_known || fabs(i->growth_per_s) < 0.05)
		return PAINT_DIM;
	return i->growth_per_s > 0 ? PAINT_WARNING : PAINT_OK;
}

static enum paint full_paint(const struct item *i)
{
	if (item_is_full(i))
		return PAINT_EXHAUSTED;
	if (!i->exhaustion_known || (!i->group && i->fd->sealed))
		return PAINT_DIM;
	return i->exhausted_in_s < SOON_S    ? PAINT_CRITICAL
	       : i->exhausted_in_s < TODAY_S ? PAINT_WARNING
					     : PAINT_PLAIN;
}

static enum paint opened_paint(const struct item *i)
{
	return i->rates_known && i->opened_per_s >= 0.05 ? PAINT_PLAIN : PAINT_DIM;
}

static enum paint closed_paint(const struct item *i)
{
	return i->rates_known && i->closed_per_s >= 0.05 ? PAINT_PLAIN : PAINT_DIM;
}

static enum paint refused_paint(const struct item *i)
{
	if (i->rates_known && i->refused_per_s > 0)
		return PAINT_EXHAUSTED;
	return i->refused ? PAINT_CRITICAL : PAINT_DIM;
}

/* ---- by order ---- */

/* Ranks: those that count, those that were chosen to be so, and unknown ones. */
enum { RANK_KNOWN, RANK_SEALED, RANK_UNKNOWN };

static void set(struct column_value *out, bool known, double value)
{
	out->rank = known ? RANK_KNOWN : RANK_UNKNOWN;
	out->number = known ? value : 0;
}

static void set_text(struct column_value *out, const char *text)
{
	out->text = true;
	out->rank = text && *text && strcmp(text, "-") != 0 ? RANK_KNOWN : RANK_UNKNOWN;
	out->string = text ? text : "";
}

static void pid_value(const struct item *i, struct column_value *out)
{
	set(out, true, i->group ? (double)i->members : (double)i->who->pid);
}

static void user_value(const struct item *i, struct column_value *out)
{
	set_text(out, i->user);
}

static void name_value(const struct item *i, struct column_value *out)
{
	set_text(out, i->group ? i->name : i->who->comm);
}

static void service_value(const struct item *i, struct column_value *out)
{
	set_text(out, i->group ? i->name : service_text(i, NULL));
}

/* A sealed process chose to be full: it would only hide those that are not to be. */
static void usage_value(const struct item *i, struct column_value *out)
{
	double usage = item_usage(i);

	/* without a limit it is never full */
	set(out, i->fd->known, isnan(usage) ? 0 : usage);
	if (i->fd->known && i->fd->sealed)
		out->rank = RANK_SEALED;
}

static void used_value(const struct item *i, struct column_value *out)
{
	set(out, i->known, (double)i->used);
}

static void count_value(const struct item *i, struct column_value *out)
{
	set(out, i->known, (double)i->count);
}

static void soft_value(const struct item *i, struct column_value *out)
{
	set(out, i->fd->known, (double)i->fd->soft_limit);
}

static void hard_value(const struct item *i, struct column_value *out)
{
	set(out, i->fd->known, (double)i->fd->hard_limit);
}

static void growth_value(const struct item *i, struct column_value *out)
{
	set(out, i->growth_known, i->growth_per_s);
}

static void full_value(const struct item *i, struct column_value *out)
{
	bool full = item_is_full(i);

	set(out, full || i->exhaustion_known, full ? -1 : i->exhausted_in_s);
}

static void opened_value(const struct item *i, struct column_value *out)
{
	set(out, i->rates_known, i->opened_per_s);
}

static void closed_value(const struct item *i, struct column_value *out)
{
	set(out, i->rates_known, i->closed_per_s);
}

static void refused_value(const struct item *i, struct column_value *out)
{
	set(out, true, (double)i->refused);
}

static void kind_value(const struct item *i, struct column_value *out)
{
	set_text(out, i->kind);
}

static void command_value(const struct item *i, struct column_value *out)
{
	set_text(out, i->who->command_line ? i->who->command_line : i->who->executable);
}

/* ---- the table ---- */

static const struct column_info infos[COLUMNS_LEN] = {
	[COLUMN_PID] = {"pid", "PID", "process id; of a group, its processes",
			COLUMN_TEXT, 5, 7, 0, .right = true, .ascending = true,
			.text = pid_text, .paint = dim_paint, .value = pid_value},
	[COLUMN_USER] = {"user", "USER", "user that it runs as", COLUMN_TEXT, 8, 12, 4,
			 .ascending = true, .text = user_text, .paint = user_paint,
			 .value = user_value},
	[COLUMN_NAME] = {"name", "NAME", "name of the process", COLUMN_TEXT, 11, 15, 0,
			 .ascending = true, .text = name_text, .paint = name_paint,
			 .value = name_value},
	[COLUMN_SERVICE] = {"service", "SERVICE", "service or container", COLUMN_TEXT,
			    16, 28, 10, .ascending = true, .text = service_text,
			    .value = service_value},
	[COLUMN_USAGE] = {"usage", "USAGE", "taken slots of the soft limit", COLUMN_BAR,
			  12, 28, 0, .text = usage_text, .paint = column_usage_paint,
			  .value = usage_value},
	[COLUMN_USED] = {"used", "USED",
			 "descriptors below the soft limit; of a group, the sum",
			 COLUMN_TEXT, 6, 7, 1, .right = true, .text = used_text,
			 .value = used_value},
	[COLUMN_SOFT] = {"soft", "SOFT", "soft limit, at which calls are refused",
			 COLUMN_TEXT, 7, 7, 2, .right = true, .text = soft_text,
			 .value = soft_value},
	[COLUMN_HARD] = {"hard", "HARD",
			 "hard limit, up to which the soft one may be raised",
			 COLUMN_TEXT, 7, 7, 8, .right = true, .text = hard_text,
			 .paint = dim_paint, .value = hard_value},
	[COLUMN_COUNT] = {"count", "COUNT", "all open descriptors", COLUMN_TEXT, 7, 7,
			  13, .right = true, .hidden = true, .text = count_text,
			  .value = count_value},
	[COLUMN_GROWTH] = {"growth", "GROW/S", "descriptors more a second", COLUMN_TEXT,
			   6, 7, 5, .right = true, .text = growth_text,
			   .paint = growth_paint, .value = growth_value},
	[COLUMN_FULL] = {"full", "FULL IN", "time until it is full, as it grows now",
			 COLUMN_TEXT, 7, 7, 3, .right = true, .ascending = true,
			 .text = full_text, .paint = full_paint, .value = full_value},
	[COLUMN_OPENED] = {"opened", "OPEN/S", "descriptors opened a second",
			   COLUMN_TEXT, 6, 6, 9, .right = true, .text = opened_text,
			   .paint = opened_paint, .value = opened_value},
	[COLUMN_CLOSED] = {"closed", "CLOSE/S", "descriptors closed a second",
			   COLUMN_TEXT, 7, 7, 9, .right = true, .text = closed_text,
			   .paint = closed_paint, .value = closed_value},
	[COLUMN_REFUSED] = {"refused", "REFUSED",
			    "calls refused since monitoring began", COLUMN_TEXT, 7, 7,
			    7, .right = true, .text = refused_text,
			    .paint = refused_paint, .value = refused_value},
	[COLUMN_TREND] = {"trend", "TREND", "descriptors over the last minutes",
			  COLUMN_SPARK, 8, 22, 6, .paint = column_usage_paint},
	[COLUMN_KIND] = {"kind", "MAINLY", "what most of the descriptors are",
			 COLUMN_TEXT, 13, 26, 11, .ascending = true, .text = kind_text,
			 .value = kind_value},
	[COLUMN_COMMAND] = {"command", "COMMAND", "command line", COLUMN_TEXT, 16, 4096,
			    12, .ascending = true, .text = command_text,
			    .paint = dim_paint, .value = command_value},
};

const struct column_info *column_info(enum column column)
{
	return &infos[column];
}

int column_parse(const char *key, enum column *out)
{
	if (!strcmp(key, "limit"))
		key = infos[COLUMN_SOFT].key;
	for (int c = 0; c < COLUMNS_LEN; c++) {
		if (strcmp(key, infos[c].key) != 0 || !infos[c].value)
			continue;
		*out = (enum column)c;
		return 0;
	}
	return -EINVAL;
}

/* ---- widths ---- */

static int least_of(enum column column, int pid_digits)
{
	int least = infos[column].least;

	if (column == COLUMN_PID && pid_digits > least)
		least = pid_digits < infos[column].most ? pid_digits
							: infos[column].most;
	return least;
}

/* The shown columns, of most importance first, as far as there is room; one that does
 * not fit ends it, so that a narrower screen never has more. Returns what is left. */
static int choose(int width, int pid_digits, const bool wanted[COLUMNS_LEN],
		  int widths[COLUMNS_LEN])
{
	int left = width + 1; /* no space after the last */

	for (int importance = 0; importance <= 13; importance++) {
		for (int c = 0; c < COLUMNS_LEN; c++) {
			int least = least_of(c, pid_digits);

			if (infos[c].importance != importance || !wanted[c])
				continue;
			if (least + 1 > left)
				return left;
			widths[c] = least;
			left -= least + 1;
		}
	}
	return left;
}

static void grow(enum column column, int most, int *left, int widths[COLUMNS_LEN])
{
	int more = most - widths[column];

	if (!widths[column] || more <= 0)
		return;
	more = more < *left ? more : *left;
	widths[column] += more;
	*left -= more;
}

void column_widths(int width, int pid_digits, const bool wanted[COLUMNS_LEN],
		   int widths[COLUMNS_LEN])
{
	/* What is left goes to these, in turns. */
	static const struct {
		enum column column;
		int most;
	} turns[] = {
		{COLUMN_NAME, 15},      {COLUMN_USAGE, 16},   {COLUMN_TREND, 16},
		{COLUMN_SERVICE, 22},   {COLUMN_KIND, 18},    {COLUMN_USAGE, 22},
		{COLUMN_COMMAND, 40},   {COLUMN_SERVICE, 28}, {COLUMN_KIND, 26},
		{COLUMN_TREND, 22},     {COLUMN_USER, 12},    {COLUMN_USAGE, 28},
		{COLUMN_COMMAND, 4096},
	};
	int left;

	memset(widths, 0, COLUMNS_LEN * sizeof(*widths));
	if (!width) {
		for (int c = 0; c < COLUMNS_LEN; c++)
			widths[c] = wanted[c] ? infos[c].most : 0;
		return;
	}
	left = choose(width, pid_digits, wanted, widths);
	if (left > 0)
		for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
			grow(turns[i].column, turns[i].most, &left, widths);
}
