/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/tally.h"

#include <stdlib.h>
#include <string.h>

#include "fdwarden/wire.h"

static void tally_count(struct tally *tally, const struct tally_call *more)
{
	struct tally_call *last = &tally->calls[TALLY_CALLS - 1];

	if (!more->count)
		return;
	for (size_t i = 0; i < tally->calls_len; i++) {
		if (tally->calls[i].call == more->call &&
		    tally->calls[i].error == more->error) {
			tally->calls[i].count += more->count;
			return;
		}
	}
	if (tally->calls_len < TALLY_CALLS) {
		tally->calls[tally->calls_len++] = *more;
		return;
	}
	/* No process makes so many different calls by itself: the last entry takes the
	 * rest, so that the sum stays right. */
	last->call = FDW_CALL_ELSE;
	last->count += more->count;
}

static void tally_name(struct tally *tally, const struct tally_member *member,
		       const char *command_line)
{
	struct tally_member *to;

	if (tally->members_len == TALLY_MEMBERS)
		return;
	to = &tally->members[tally->members_len++];
	*to = *member;
	to->command_line =
		command_line ? strndup(command_line, TALLY_COMMAND_MAX) : NULL;
}

void tally_add(struct tally *tally, const struct tally_figures *figures, bool alone)
{
	struct tally_member member = {
		.pid = figures->pid,
		.table_known = figures->table_known,
		.used = figures->used,
		.soft_limit = figures->soft_limit,
		.alone = alone,
	};

	for (size_t i = 0; i < figures->calls_len; i++) {
		member.refused += figures->calls[i].count;
		if (!alone)
			tally_count(tally, &figures->calls[i]);
	}
	tally->processes++;
	tally->alone += alone;
	tally_name(tally, &member, figures->command_line);
}

void tally_merge(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->calls_len; i++)
		tally_count(tally, &from->calls[i]);
	for (size_t i = 0; i < from->members_len; i++)
		tally_name(tally, &from->members[i], from->members[i].command_line);
	tally->processes += from->processes;
	tally->alone += from->alone;
}

void tally_clear(struct tally *tally)
{
	for (size_t i = 0; i < tally->members_len; i++)
		free(tally->members[i].command_line);
	memset(tally, 0, sizeof(*tally));
}
