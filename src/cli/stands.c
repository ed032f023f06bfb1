// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/stands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN 1024
#define INDENT   4

/* The worst first. */
enum kind { EXHAUSTED, CRITICAL, WARNING, LEAK, OTHER, KINDS };

static const char *const words[KINDS] = {
	[EXHAUSTED] = "exhausted", [CRITICAL] = "critical",   [WARNING] = "warning",
	[LEAK] = "leak suspected", [OTHER] = "another limit",
};

bool stands_open(const struct roster_row *row)
{
	return row->incident[0] || row->level != POLICY_LEVEL_OK ||
	       row->fd.leak_suspected;
}

static enum kind kind_of(const struct roster_row *row)
{
	static const enum kind kinds[ROSTER_TROUBLES] = {
		[POLICY_LEVEL_EXHAUSTED] = EXHAUSTED,
		[POLICY_LEVEL_CRITICAL] = CRITICAL,
		[POLICY_LEVEL_WARNING] = WARNING,
		[ROSTER_LEAK] = LEAK,
		[ROSTER_OTHER_LIMIT] = OTHER,
	};

	return kinds[roster_trouble(row->level, row->fd.leak_suspected)];
}

const char *stands_word(const struct roster_row *row)
{
	return words[kind_of(row)];
}

static double share_of(const struct roster_row *row)
{
	return row->fd.soft_limit ? (double)row->fd.used / (double)row->fd.soft_limit
				  : 1;
}

static int compare(const void *a, const void *b)
{
	const struct roster_row *x = *(const struct roster_row *const *)a;
	const struct roster_row *y = *(const struct roster_row *const *)b;

	if (kind_of(x) != kind_of(y))
		return kind_of(x) < kind_of(y) ? -1 : 1;
	if (share_of(x) != share_of(y))
		return share_of(x) > share_of(y) ? -1 : 1;
	return x->who.pid < y->who.pid ? -1 : x->who.pid > y->who.pid;
}

int stands_find(const struct roster *roster, const struct roster_row ***rows,
		size_t *len)
{
	const struct roster_row **found =
		calloc(roster->len + 1, sizeof(const struct roster_row *));

	*rows = found;
	*len = 0;
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++)
		if (stands_open(&roster->rows[i]))
			found[(*len)++] = &roster->rows[i];
	qsort(found, *len, sizeof(const struct roster_row *), compare);
	return 0;
}

void stands_count(const struct roster_row *const *rows, size_t len, char *text,
		  size_t size)
{
	size_t counts[KINDS] = {0}, at = 0;

	*text = 0;
	for (size_t i = 0; i < len; i++)
		counts[kind_of(rows[i])]++;
	for (enum kind kind = 0; kind < KINDS && at < size; kind++)
		if (counts[kind])
			at += (size_t)snprintf(text + at, size - at, "%s%zu %s",
					       at ? ", " : "", counts[kind],
					       words[kind]);
}

/* "api[197] (api.service): 122 of 128 descriptors, 3 calls refused" */
static void describe(const struct roster_row *row, char *line, size_t size)
{
	const struct alert_fd *fd = &row->fd;
	size_t len = (size_t)snprintf(line, size, "%s[%d]%s%s%s", row->who.comm,
				      (int)row->who.pid, row->who.service ? " (" : "",
				      row->who.service ? row->who.service : "",
				      row->who.service ? ")" : "");

	if (len < size && fd->known && fd->soft_limit != UINT64_MAX)
		len += (size_t)snprintf(line + len, size - len,
					": %" PRIu64 " of %" PRIu64 " descriptors",
					fd->used, fd->soft_limit);
	if (len < size && row->refused)
		snprintf(line + len, size - len, ", %" PRIu64 " call%s refused",
			 row->refused, row->refused == 1 ? "" : "s");
}

void stands_print(const struct roster_row *const *rows, size_t len, size_t max,
		  const struct page *page)
{
	char line[LINE_LEN], lead[64];

	for (size_t i = 0; i < len && i < max; i++) {
		describe(rows[i], line, sizeof(line));
		snprintf(lead, sizeof(lead), "%*s%-14s  ", INDENT, "",
			 stands_word(rows[i]));
		page_text(page, lead, line);
	}
	if (len > max)
		printf("%*sand %zu more\n", INDENT, "", len - max);
}
