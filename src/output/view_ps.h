/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `fdwarden ps` shows of one snapshot: a table for people, a document for
 * programs.
 */
#ifndef FDWARDEN_VIEW_PS_H
#define FDWARDEN_VIEW_PS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "output/alert.h"
#include "output/self.h"
#include "state/identity.h"

struct view_ps_row {
	const struct identity *who;
	const struct alert_fd *fd;
	uint64_t refused; /* calls refused since monitoring began; 0 without a daemon */
	char user[48];    /* to sort by; empty: by its number */
};

/* One snapshot; all of it is the caller's. */
struct view_ps {
	uint64_t realtime_ns; /* when it was taken, since 1970 */
	const struct alert_host *host;
	const struct alert_system *system;
	struct view_ps_row *rows;
	size_t len;
	size_t all; /* of which these are some; 0: they are all */
	/* What could not be seen. Rows of which something was denied
	 * (identity.denied) or torn (alert_fd.torn) are counted by the view. */
	uint64_t unread; /* processes whose table could not be read */
	uint64_t lost;   /* records that found no room: processes that are missing */
	const struct self_figures *self; /* for the JSON; NULL: none */
};

/* Those of the live view, but the kind, which is not looked at here. */
enum view_ps_key {
	VIEW_PS_USAGE, /* fullest first; sealed ones after all others, unknown last */
	VIEW_PS_USED,  /* most first, and so for all numbers that follow */
	VIEW_PS_COUNT,
	VIEW_PS_SOFT,
	VIEW_PS_HARD,
	VIEW_PS_GROWTH,
	VIEW_PS_FULL, /* the soonest first */
	VIEW_PS_OPENED,
	VIEW_PS_CLOSED,
	VIEW_PS_REFUSED,
	VIEW_PS_PID,  /* lowest first */
	VIEW_PS_USER, /* by bytes, and so for all texts; none last */
	VIEW_PS_NAME,
	VIEW_PS_SERVICE,
	VIEW_PS_COMMAND,
	VIEW_PS_KEYS
};

/* "usage", …; "limit" is another name of "soft". 0 or -EINVAL. */
int view_ps_key_parse(const char *name, enum view_ps_key *out);
#define VIEW_PS_NUMBER_KEYS                                                            \
	"usage, used, count, limit, soft, hard, growth, full, opened, closed, refused"
#define VIEW_PS_TEXT_KEYS "pid, user, name, service, command"
#define VIEW_PS_KEY_NAMES VIEW_PS_NUMBER_KEYS ", " VIEW_PS_TEXT_KEYS

/* Stable in what it shows: ties are in the order of pids. */
void view_ps_sort(struct view_ps_row *rows, size_t len, enum view_ps_key key);

struct view_ps_style {
	bool colour;
	bool utf8; /* the caller has set LC_CTYPE, and it is UTF-8 */
	int width; /* of a line in columns; 0: as long as it takes. Figures are never
		      cut: the service and the command give way, in this order. */
};

/* Prints the table, in the rows' order, and below it the totals and what could not
 * be seen. Nothing of a process reaches `out` raw. 0 or -errno of the writing. */
int view_ps_table(const struct view_ps *view, const struct view_ps_style *style,
		  FILE *out);

/* {"@timestamp", "host":{"name"}, "system":{"allocated","max","nr_open"},
 * "self", "processes":[{"process","fd"}…]} with the members of an alert. NULL: no
 * memory. */
cJSON *view_ps_json(const struct view_ps *view);

#endif
