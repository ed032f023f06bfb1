// SPDX-License-Identifier: GPL-2.0-or-later
/* Apart from screen.c, as term.h takes words like `lines` and `columns`. */
#include "top/terminal.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <term.h>
#include <unistd.h>

#define INSTEAD "'fdwarden top -b' writes text, and --json documents"

static int can(const char *capability)
{
	const char *text = tigetstr(capability);

	return text && text != (char *)-1;
}

/* newterm() ends the program by itself for some of these. */
int terminal_check(char *why, size_t why_size)
{
	const char *name = getenv("TERM");
	int moves, error;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(why, why_size, "standard %s is no terminal; " INSTEAD,
			 isatty(STDIN_FILENO) ? "output" : "input");
		return -ENOTTY;
	}
	if (!name || !*name) {
		snprintf(why, why_size,
			 "TERM is not set: it names the kind of "
			 "terminal; " INSTEAD);
		return -EINVAL;
	}
	if (setupterm(name, STDOUT_FILENO, &error) != OK) {
		snprintf(why, why_size,
			 "the kind of terminal '%.40s' is not known here: set TERM to "
			 "another one; " INSTEAD,
			 name);
		return -EINVAL;
	}
	moves = can("cup") && can("clear");
	del_curterm(cur_term);
	if (moves)
		return 0;
	snprintf(why, why_size,
		 "a terminal of the kind '%.40s' can't move its cursor; " INSTEAD,
		 name);
	return -EINVAL;
}
