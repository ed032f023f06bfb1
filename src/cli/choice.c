// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/choice.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/printing.h"
#include "output/text.h"

/* Together with the question and what came before it they fit a small terminal. */
#define LISTED_MAX 18
#define LINE_LEN   512
#define ANSWER_LEN 32

bool choice_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

static void say_fullness(const struct alert_fd *fd, char *text, size_t size)
{
	if (!fd->known)
		snprintf(text, size, "?");
	else if (fd->soft_limit == UINT64_MAX)
		snprintf(text, size, "%" PRIu64 ", no limit", fd->used);
	else
		snprintf(text, size, "%" PRIu64 " of %" PRIu64, fd->used,
			 fd->soft_limit);
}

/* "  1   1234  972 of 1024        nginx.service  nginx: worker process" */
static void print_row(size_t number, const struct roster_row *row, int width, bool utf8)
{
	const struct identity *who = &row->who;
	const char *place = who->service        ? who->service
			    : who->container_id ? who->container_id
						: "";
	char line[LINE_LEN], safe[4 * LINE_LEN], fullness[64];

	say_fullness(&row->fd, fullness, sizeof(fullness));
	snprintf(line, sizeof(line), "%3zu  %7d  %-18s %.28s%s%s", number,
		 (int)who->pid, fullness, place, *place ? "  " : "",
		 who->command_line ? who->command_line : who->comm);
	text_terminal(safe, sizeof(safe), line, width, 0, utf8);
	fprintf(stderr, "%s\n", safe);
}

/* 1 to `len`, or one of their pids; `len`: neither. */
static size_t find_answer(const char *answer, const struct roster_row *const *rows,
			  size_t len)
{
	char *end;
	long value = strtol(answer, &end, 10);

	if (end == answer || end[strspn(end, " \t\n")])
		return len;
	if (value >= 1 && (size_t)value <= len)
		return (size_t)value - 1;
	for (size_t i = 0; i < len; i++)
		if (rows[i]->who.pid == value)
			return i;
	return len;
}

int choice_ask(const char *name, const struct roster_row *const *rows, size_t len,
	       bool first, size_t *at)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	char safe[128], answer[ANSWER_LEN];
	int width = printing_page().width;

	text_terminal(safe, sizeof(safe), name, 40, 0, utf8);
	fprintf(stderr, "'%s' are %zu processes, the fullest first:\n", safe, len);
	for (size_t i = 0; i < len && i < LISTED_MAX; i++)
		print_row(i + 1, rows[i], width, utf8);
	if (len > LISTED_MAX)
		fprintf(stderr, "     and %zu more; 'fdwarden ps' lists them all\n",
			len - LISTED_MAX);
	for (;;) {
		fprintf(stderr,
			first ? "Which one (1 to %zu, or a pid; Enter: the "
				"fullest; q: none)? "
			      : "Which one (1 to %zu, or a pid; q: none)? ",
			len);
		fflush(stderr);
		if (!fgets(answer, sizeof(answer), stdin)) {
			fputc('\n', stderr);
			return -ECANCELED;
		}
		*at = first && *answer == '\n' ? 0 : find_answer(answer, rows, len);
		if (*at < len)
			return 0;
		if (*answer == 'q' || *answer == 'n')
			return -ECANCELED;
	}
}
