/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The columns: one table of what they are called, how wide they are, what they show,
 * and how they sort. Pure.
 */
#ifndef FDWARDEN_TOP_COLUMNS_H
#define FDWARDEN_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "top/item.h"

/* In the order in which they are shown. */
enum column {
	COLUMN_PID,
	COLUMN_USER,
	COLUMN_NAME,
	COLUMN_SERVICE,
	COLUMN_USAGE,
	COLUMN_USED,
	COLUMN_SOFT,
	COLUMN_HARD,
	COLUMN_COUNT,
	COLUMN_GROWTH,
	COLUMN_FULL,
	COLUMN_OPENED,
	COLUMN_CLOSED,
	COLUMN_REFUSED,
	COLUMN_TREND,
	COLUMN_KIND,
	COLUMN_COMMAND,
	COLUMNS_LEN
};

/* What is drawn in a cell other than its text. */
enum column_form { COLUMN_TEXT, COLUMN_BAR, COLUMN_SPARK };

/* What a text says by its colour. */
enum paint {
	PAINT_PLAIN,
	PAINT_DIM,
	PAINT_TRACK, /* the empty part of a bar */
	PAINT_STRONG,
	PAINT_ACCENT,
	PAINT_OK,
	PAINT_WARNING,
	PAINT_CRITICAL,
	PAINT_EXHAUSTED,
	PAINTS
};

/* A value by which lines are sorted. */
struct column_value {
	int rank;  /* the lower ones come first, whichever the order */
	bool text; /* the next one holds */
	const char *string;
	double number;
};

#define COLUMN_CELL_LEN 128

struct column_info {
	const char *key;   /* of --sort: "usage" */
	const char *title; /* "USAGE" */
	const char *help;
	enum column_form form;
	int least, most; /* columns of the screen it is given */
	int importance;  /* where there is no room for all: the lowest stay */
	bool right, hidden /* unless it is asked for */,
		ascending /* sorts so at first */;
	/* What it says: into `cell`, or another string that lives as long as the item.
	 * NULL of what is not text. */
	const char *(*text)(const struct item *item, char cell[COLUMN_CELL_LEN]);
	enum paint (*paint)(const struct item *item); /* NULL: plain */
	void (*value)(const struct item *item, struct column_value *out); /* NULL: can't
									     be sorted */
};

const struct column_info *column_info(enum column column);

/* Of a key of --sort; "limit" is another name of "soft". 0 or -EINVAL. */
int column_parse(const char *key, enum column *out);
#define COLUMN_KEYS_OF_NUMBERS                                                         \
	"usage, used, count, limit, soft, hard, growth, full, opened, closed, refused"
#define COLUMN_KEYS_OF_NAMES "pid, user, name, service, kind, command"
#define COLUMN_KEYS          COLUMN_KEYS_OF_NUMBERS ", " COLUMN_KEYS_OF_NAMES

/* A level for eyes that see no colours: "!" warning, "#" critical, "X" refused, "?" a leak is
 * suspected, "=" sealed; " ": none. */
char column_sign(const struct item *item);

/* How an item's usage is coloured. */
enum paint column_usage_paint(const struct item *item);

/*
 * Widths of the columns on a screen `width` wide, for pids of so many digits; 0: not
 * shown. `wanted` says which may be; those of most importance stay. They and the spaces
 * between them take at most `width`. With width 0 all are as wide as they may be, and
 * the last as it takes (-1).
 */
void column_widths(int width, int pid_digits, const bool wanted[COLUMNS_LEN],
		   int widths[COLUMNS_LEN]);

/* Numbers as the columns show them: at most `width` long, beyond that in k, M, G. */
void column_number(uint64_t value, int width, char cell[COLUMN_CELL_LEN]);
void column_rate(double per_s, char cell[COLUMN_CELL_LEN]);
void column_span(double seconds, char cell[COLUMN_CELL_LEN]);

#endif
