/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An alert as lines of a log that takes no longer ones: what does not fit into the first
 * follows in alerts fd-details of the same incident.
 */
#ifndef FDWARDEN_ALERT_LINES_H
#define FDWARDEN_ALERT_LINES_H

#include <stddef.h>

#include "output/alert.h"

/* The least that a line is bounded to. */
#define ALERT_LINE_MIN       4096
/* So many lines are made of one alert at the most; what would need more is left out, and the
 * last one says so. */
#define ALERT_LINES_MAX      32
#define ALERT_LINES_TEXT_MAX 512

struct alert_lines {
	size_t len; /* 0: the alert fits as it is */
	struct {
		char *line;                      /* with its newline */
		char text[ALERT_LINES_TEXT_MAX]; /* its message; of the first "" */
	} of[ALERT_LINES_MAX];
};

/*
 * Makes lines of at most `max` bytes each, the newline among them, of an alert whose own line
 * is `whole`; max is 0 for no bound, or ALERT_LINE_MIN and more. Nothing is left out but what
 * has no room in a line of its own: "shortened" is true there. Returns 0, or -ENOMEM;
 * alert_lines_clear() in either case.
 */
int alert_lines_make(const struct alert *alert, const char *whole, size_t max,
		     struct alert_lines *out);
void alert_lines_clear(struct alert_lines *lines);

#endif
