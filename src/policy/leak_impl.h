/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the search for leaks: leak.c keeps windows and suspicions, leak_fit.c
 * says of some windows whether they rise as a leak does.
 */
#ifndef FDWARDEN_LEAK_IMPL_H
#define FDWARDEN_LEAK_IMPL_H

#include <stddef.h>

#include "policy/leak.h"

/* Some windows of one scale, the oldest first. */
struct leak_series {
	size_t len;
	double floor[LEAK_WINDOWS];
	double at_s[LEAK_WINDOWS];  /* where it begins, from the first one */
	double opens[LEAK_WINDOWS]; /* < 0: unknown */
	bool shortest;              /* of the first scale */
	double before; /* highest floor from before them; < 0: there was none */
	/* Of the count above the floor in windows so long, rise included; 0: not known. */
	double swing[2], swing_s[2];
};

/* A line through them. */
struct leak_line {
	double slope, low, high; /* a second; bounds of 95 % */
	double at_end; /* the floor where the last window begins, by the line */
	double swing;  /* of the count above the line */
};

/* By Theil and Sen, so that single windows don't bend it. false: fewer than 3. */
bool leak_fit(const struct leak_series *series, struct leak_line *line);

/*
 * Whether they rise as a leak does, from the time that is left at the pace of `line` on:
 * steadily, above all that was there before, not slowing down to an end below the limit,
 * and not as the number of opens does.
 */
bool leak_rises(const struct leak_series *series, const struct leak_line *line,
		double limit);

/* A rise of so many descriptors is evidence whatever the limit is, if nothing else explains
 * it. */
#define LEAK_RISE_ABSOLUTE 512

/*
 * The same of a limit that is far away, as those of Go, JVMs and Node: over an hour or more
 * it rises steadily by LEAK_RISE_ABSOLUTE or more and by a good part of what is open, without
 * slowing down, and what comes and goes does not explain it: either hardly anything is
 * closed, or all that is open was replaced again and again and the rate of opens stayed.
 */
bool leak_rises_by_itself(const struct leak_series *series,
			  const struct leak_line *line, double limit);

/* Whether a line through all of them would say too little of the last ones: the leak began
 * among them. */
bool leak_speeds_up(const struct leak_series *series);

enum leak_turnover {
	LEAK_TURNOVER_UNKNOWN,
	LEAK_TURNOVER_NONE, /* hardly anything was closed */
	LEAK_TURNOVER_SOME, /* what is opened stays long */
	LEAK_TURNOVER_FAST, /* all that is open is other than before: opens tell a load */
};
enum leak_turnover leak_turnover(const struct leak_series *series);

#endif
