// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/text.h"
#include "state/identity_match.h"

#define TEXT_MAX      2048
/* Of the limit: from here on how full it is says more than a suspicion. */
#define SUSPECT_BELOW 0.8

void verdict_line(enum verdict verdict, const char *text, const char *data, char *line,
		  size_t size)
{
	static const char *const names[] = {
		[VERDICT_OK] = "OK",
		[VERDICT_WARNING] = "WARNING",
		[VERDICT_CRITICAL] = "CRITICAL",
		[VERDICT_UNKNOWN] = "UNKNOWN",
	};
	char safe[TEXT_MAX];

	text_line(safe, sizeof(safe), text, strlen(text));
	/* Behind a bar is performance data. */
	for (char *at = safe; *at; at++)
		if (*at == '|')
			*at = '?';
	snprintf(line, size, "FDWARDEN %s - %s%s%s", names[verdict], safe,
		 *data ? " | " : "", data);
}

/* What it is measured by, as the daemon's levels are: some take no more well below. */
static uint64_t wall_of(const struct alert_fd *fd)
{
	return fd->effective_limit && fd->effective_limit < fd->soft_limit
		       ? fd->effective_limit
		       : fd->soft_limit;
}

/* What is used of that; with no slot at all, it is full. */
static double share_of(const struct alert_fd *fd)
{
	return fd->soft_limit ? (double)fd->used / (double)wall_of(fd) : 1;
}

static bool reaches(const struct alert_fd *fd, uint32_t bp)
{
	return (__uint128_t)fd->used * 10000 >= (__uint128_t)wall_of(fd) * bp;
}

/* A bound of a range: "", "~" or a number; what is behind it in *end. */
static bool parse_bound(const char *text, char **end, double none, double *out)
{
	*end = (char *)text;
	*out = none;
	if (*text == '~') {
		*end = (char *)text + 1;
		*out = -INFINITY;
		return true;
	}
	if (*text < '0' || *text > '9')
		return true;
	*out = strtod(text, end);
	return !text[strspn(text, "0123456789.:")] && isfinite(*out);
}

int verdict_range_parse(const char *text, struct verdict_range *out)
{
	const char *at = text + (*text == '@');
	char *end;

	*out = (struct verdict_range){.inside = *text == '@'};
	if (strlen(text) >= sizeof(out->text) || !strchr(text, ':'))
		return -EINVAL;
	snprintf(out->text, sizeof(out->text), "%s", text);
	if (!parse_bound(at, &end, 0, &out->low) || *end != ':' ||
	    !parse_bound(end + 1, &end, INFINITY, &out->high) || *end ||
	    out->high == -INFINITY || out->low > out->high)
		return -EINVAL;
	return 0;
}

/* Whether a threshold is reached: a range, or a share of the limit and what is above it. */
static bool crosses(const struct alert_fd *fd, const struct verdict_range *range,
		    uint32_t bp)
{
	double percent = 100 * share_of(fd);

	if (!range)
		return reaches(fd, bp);
	return (percent >= range->low && percent <= range->high) == range->inside;
}

static bool warns(const struct alert_fd *fd, const struct verdict_question *q)
{
	return crosses(fd, q->warn_range, q->warn_bp);
}

static bool is_asked(const struct roster_row *row, const struct verdict_question *q)
{
	if (q->pid && row->who.pid != q->pid)
		return false;
	if (q->name && !identity_matches(&row->who, q->name))
		return false;
	return !q->service || identity_is_service(row->who.service, q->service);
}

/* Nobody is to be told that it is full: it chose to be, or a rule ignores it. */
static bool is_silent(const struct roster_row *row)
{
	return row->fd.sealed || row->fd.ignored ||
	       (row->fd.managed && row->level < POLICY_LEVEL_EXHAUSTED);
}

/* One that was refused stands above all; one that nobody is told of below all. What may be full,
 * or may have chosen to be, is a warning: above what is below one, below what is critical. */
static int rank(const struct roster_row *row, const struct verdict_question *q)
{
	if (is_silent(row))
		return 0;
	if (row->level == POLICY_LEVEL_EXHAUSTED)
		return 4;
	if (row->fd.seal_unsure)
		return 2;
	return crosses(&row->fd, q->critical_range, q->critical_bp) ? 3 : 1;
}

static bool is_worse(const struct roster_row *a, const struct roster_row *b,
		     const struct verdict_question *q)
{
	if (rank(a, q) != rank(b, q))
		return rank(a, q) > rank(b, q);
	/* under the warning level a suspicion is worse than a fuller table */
	if (a->fd.leak_suspected != b->fd.leak_suspected &&
	    share_of(&a->fd) < SUSPECT_BELOW && share_of(&b->fd) < SUSPECT_BELOW)
		return a->fd.leak_suspected;
	return share_of(&a->fd) > share_of(&b->fd);
}

struct findings {
	const struct roster_row *worst;   /* NULL: none whose table is known */
	uint64_t processes, unread, over; /* over: at or above the warning level */
};

static void find(const struct roster *roster, const struct verdict_question *q,
		 struct findings *out)
{
	*out = (struct findings){0};
	for (size_t i = 0; i < roster->len; i++) {
		const struct roster_row *row = &roster->rows[i];

		if (!is_asked(row, q))
			continue;
		out->processes++;
		if (!row->fd.known) {
			out->unread++;
			continue;
		}
		out->over += !is_silent(row) && warns(&row->fd, q);
		if (!out->worst || is_worse(row, out->worst, q))
			out->worst = row;
	}
}

static enum verdict judge(const struct roster_row *row,
			  const struct verdict_question *q)
{
	if (is_silent(row))
		return VERDICT_OK;
	if (row->level == POLICY_LEVEL_EXHAUSTED)
		return VERDICT_CRITICAL;
	if (row->fd.seal_unsure)
		return VERDICT_WARNING;
	if (crosses(&row->fd, q->critical_range, q->critical_bp))
		return VERDICT_CRITICAL;
	return row->fd.leak_suspected || warns(&row->fd, q) ? VERDICT_WARNING
							    : VERDICT_OK;
}

static void describe(const struct roster_row *row, const struct findings *found,
		     const struct verdict_question *q, char *text, size_t size)
{
	const struct alert_fd *fd = &row->fd;
	char full_in[ALERT_FULL_IN_MAX];
	size_t len;

	len = (size_t)snprintf(text, size, "%s[%d]%s%s%s", row->who.comm,
			       (int)row->who.pid, row->who.service ? " (" : "",
			       row->who.service ? row->who.service : "",
			       row->who.service ? ")" : "");
	if (len < size && fd->soft_limit != UINT64_MAX)
		len += (size_t)snprintf(text + len, size - len,
					" has %" PRIu64 " of %" PRIu64
					" descriptors open (%.1f%%)",
					fd->used, fd->soft_limit, 100 * share_of(fd));
	else if (len < size)
		len += (size_t)snprintf(
			text + len, size - len,
			" has %" PRIu64 " descriptors open, and no limit", fd->used);
	if (len < size && fd->seal_unsure)
		len += (size_t)snprintf(text + len, size - len, "%s",
					": in trouble, or it lowered its limit on "
					"purpose; one look can't tell, a running "
					"daemon can");
	if (len < size && fd->sealed)
		len += (size_t)snprintf(text + len, size - len, "%s",
					", by its own choice: it lowered its limit");
	if (len < size && fd->managed)
		len += (size_t)snprintf(text + len, size - len, "%s",
					": it rests high by design");
	if (len < size && wall_of(fd) < fd->soft_limit)
		len += (size_t)snprintf(text + len, size - len,
					", and takes no more than %" PRIu64,
					fd->effective_limit);
	if (len < size && fd->ignored)
		len += (size_t)snprintf(text + len, size - len, "%s",
					": a rule ignores it");
	if (len < size && row->refused)
		len += (size_t)snprintf(text + len, size - len,
					"; %" PRIu64 " %s refused", row->refused,
					row->refused == 1 ? "call was" : "calls were");
	if (len < size && fd->leak_suspected)
		len += (size_t)snprintf(text + len, size - len,
					"; a leak is suspected: fdwarden inspect %d",
					(int)row->who.pid);
	alert_full_in(fd->exhausted_in_s, full_in, sizeof(full_in));
	if (len < size && fd->exhaustion_known && !fd->sealed &&
	    fd->used < fd->soft_limit)
		len += (size_t)snprintf(text + len, size - len, "; %s", full_in);
	if (len < size && found->over > 1)
		len += (size_t)snprintf(text + len, size - len,
					"; %" PRIu64
					" processes are above the warning level",
					found->over);
	if (len < size && !q->pid)
		snprintf(text + len, size - len, "; fullest of %" PRIu64,
			 found->processes);
}

/* A limit's share as a threshold of `used`, which is whole. */
static uint64_t threshold(uint64_t limit, uint32_t bp)
{
	return (uint64_t)(((__uint128_t)limit * bp + 9999) / 10000);
}

static const char *in_percent(const struct verdict_range *range, uint32_t bp,
			      char text[32])
{
	if (range)
		return range->text;
	snprintf(text, 32, "%g", bp / 100.0);
	return text;
}

/* A range of shares is told of the share alone. */
static const char *in_slots(const struct alert_fd *fd,
			    const struct verdict_range *range, uint32_t bp,
			    char text[32])
{
	*text = 0;
	if (!range)
		snprintf(text, 32, "%" PRIu64, threshold(wall_of(fd), bp));
	return text;
}

static void add_data(const struct roster *roster, const struct roster_row *row,
		     const struct findings *found, const struct verdict_question *q,
		     char *data, size_t size)
{
	const struct alert_fd *fd = &row->fd;
	char percent[2][32], slots[2][32];
	size_t len = 0;

	if (fd->soft_limit != UINT64_MAX)
		len = (size_t)snprintf(
			data, size,
			"'usage'=%.2f%%;%s;%s;0;100 'used'=%" PRIu64
			";%s;%s;0;%" PRIu64,
			100 * share_of(fd),
			in_percent(q->warn_range, q->warn_bp, percent[0]),
			in_percent(q->critical_range, q->critical_bp, percent[1]),
			fd->used, in_slots(fd, q->warn_range, q->warn_bp, slots[0]),
			in_slots(fd, q->critical_range, q->critical_bp, slots[1]),
			fd->soft_limit);
	else
		len = (size_t)snprintf(data, size, "'used'=%" PRIu64 ";;;0;", fd->used);
	if (q->pid)
		return;
	len += (size_t)snprintf(data + len, size - len,
				" 'processes'=%" PRIu64 ";;;0; 'above_warning'=%" PRIu64
				";;;0;",
				found->processes, found->over);
	if (!q->service && !q->name && roster->system.known)
		snprintf(data + len, size - len, " 'files'=%" PRIu64 ";;;0;%" PRIu64,
			 roster->system.allocated, roster->system.max);
}

enum verdict verdict_make(const struct roster *roster,
			  const struct verdict_question *question, char *line,
			  size_t size)
{
	char text[TEXT_MAX], data[1024];
	enum verdict verdict = VERDICT_UNKNOWN;
	struct findings found;

	find(roster, question, &found);
	*data = 0;
	if (found.worst) {
		verdict = judge(found.worst, question);
		describe(found.worst, &found, question, text, sizeof(text));
		add_data(roster, found.worst, &found, question, data, sizeof(data));
	} else if (found.unread) {
		snprintf(text, sizeof(text), "the descriptor table can't be read");
	} else if (question->pid) {
		snprintf(text, sizeof(text), "no process %d with a descriptor table",
			 (int)question->pid);
	} else if (question->name) {
		snprintf(text, sizeof(text),
			 "no process, service, container or pod is called %s",
			 question->name);
	} else if (question->service) {
		snprintf(text, sizeof(text), "no process of service %s",
			 question->service);
	} else {
		snprintf(text, sizeof(text), "no process is seen");
	}
	verdict_line(verdict, text, data, line, size);
	return verdict;
}
