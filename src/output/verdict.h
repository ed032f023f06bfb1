/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line and an exit code about a process, a service or a host, as Nagios and what is
 * compatible with it take them from a plugin.
 */
#ifndef FDWARDEN_VERDICT_H
#define FDWARDEN_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/roster.h"

#define VERDICT_LINE_MAX 4096

/* The exit codes of plugins. */
enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_CRITICAL, VERDICT_UNKNOWN };

/* A range of Nagios plugins, in percent: reached outside of low to high, or inside of it. */
struct verdict_range {
	bool inside;
	double low, high; /* may be infinite */
	char text[32];    /* as it was given: "10:80" */
};

/* "10:80", "10:", "~:80", "@10:20". 0, or -EINVAL: it is none, or a number alone. */
int verdict_range_parse(const char *text, struct verdict_range *out);

struct verdict_question {
	uint32_t warn_bp,
		critical_bp; /* basis points of the soft limit: from there on */
	/* in their place; NULL: not given */
	const struct verdict_range *warn_range, *critical_range;
	pid_t pid;           /* 0: not asked for */
	const char *service; /* NULL: not asked for */
	const char *name;    /* identity_matches(); NULL: not asked for */
};

/* About the fullest of the processes that are asked for. `line` has no newline, and
 * performance data behind a bar: 'label'=value[unit];warn;critical;min;max. */
enum verdict verdict_make(const struct roster *roster,
			  const struct verdict_question *question, char *line,
			  size_t size);

/* "FDWARDEN STATE - text | data": hostile text is made harmless, a bar in it, too. */
void verdict_line(enum verdict verdict, const char *text, const char *data, char *line,
		  size_t size);

#endif
