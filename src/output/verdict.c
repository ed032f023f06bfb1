// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/verdict.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
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

static bool is_asked(const struct roster_row *row, const struct verdict_question *q)
{
	if (q->pid && row->who.pid != q->pid)
		return false;
	if (q->name && !identity_matches(&row->who, q->name))
		return false;
	return !q->service || identity_is_service(row->who.service, q->service);
}

/* A single look takes each process with a descriptor above its limit for one that lowered it
 * on purpose. Who is asked about by name and has no slot free may as well be in trouble. */
static bool may_be_trouble(const struct roster *roster, const struct roster_row *row,
			   const struct verdict_question *q)
{
	return row->fd.sealed && !roster->interval_ns &&
	       (q->pid || q->service || q->name) && row->fd.used >= row->fd.soft_limit;
}

/* Nobody is to be told that it is full: it chose to be, or a rule ignores it. */
static bool is_silent(const struct roster_row *row)
{
	return row->fd.sealed || row->fd.ignored ||
	       (row->fd.managed && row->level < POLICY_LEVEL_EXHAUSTED);
}

/* One that was refused stands above all; one that nobody is told of below all. */
static int rank(const struct roster_row *row)
{
	if (is_silent(row))
		return 0;
	return row->level == POLICY_LEVEL_EXHAUSTED ? 2 : 1;
}

static bool is_worse(const struct roster_row *a, const struct roster_row *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
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
		out->over += !is_silent(row) && reaches(&row->fd, q->warn_bp);
		if (!out->worst || is_worse(row, out->worst))
			out->worst = row;
	}
}

static enum verdict judge(const struct roster *roster, const struct roster_row *row,
			  const struct verdict_question *q)
{
	if (may_be_trouble(roster, row, q))
		return VERDICT_WARNING;
	if (is_silent(row))
		return VERDICT_OK;
	if (row->level == POLICY_LEVEL_EXHAUSTED || reaches(&row->fd, q->critical_bp))
		return VERDICT_CRITICAL;
	return row->fd.leak_suspected || reaches(&row->fd, q->warn_bp) ? VERDICT_WARNING
								       : VERDICT_OK;
}

static void describe(const struct roster *roster, const struct roster_row *row,
		     const struct findings *found, const struct verdict_question *q,
		     char *text, size_t size)
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
	if (len < size && fd->sealed)
		len += (size_t)snprintf(
			text + len, size - len, "%s",
			may_be_trouble(roster, row, q)
				? ": in trouble, or it lowered its limit on purpose; "
				  "one look can't tell, a running daemon can"
				: ", by its own choice: it lowered its limit");
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
					"; %" PRIu64 " calls were refused",
					row->refused);
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

static void add_data(const struct roster *roster, const struct roster_row *row,
		     const struct findings *found, const struct verdict_question *q,
		     char *data, size_t size)
{
	const struct alert_fd *fd = &row->fd;
	size_t len = 0;

	if (fd->soft_limit != UINT64_MAX)
		len = (size_t)snprintf(
			data, size,
			"'usage'=%.2f%%;%g;%g;0;100 'used'=%" PRIu64 ";%" PRIu64
			";%" PRIu64 ";0;%" PRIu64,
			100 * share_of(fd), q->warn_bp / 100.0, q->critical_bp / 100.0,
			fd->used, threshold(wall_of(fd), q->warn_bp),
			threshold(wall_of(fd), q->critical_bp), fd->soft_limit);
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
		verdict = judge(roster, found.worst, question);
		describe(roster, found.worst, &found, question, text, sizeof(text));
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
