/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live view: takes what comes from a source and from the keyboard, and shows it,
 * until it is left.
 */
#ifndef FDWARDEN_TOP_VIEW_H
#define FDWARDEN_TOP_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "top/columns.h"
#include "top/source.h"

struct view;

#define VIEW_INTERVAL_MIN_NS 100000000ull
#define VIEW_INTERVAL_MAX_NS 3600000000000ull

struct view_options {
	uint64_t interval_ns;
	uint64_t refreshes; /* it ends after so many; 0: never */
	enum column sort;
	bool descending;
	bool sort_given;    /* by hand: what is saved has no say in it */
	const char *filter; /* from the start; NULL: none. Borrowed for view_new(). */
};

/* NULL: no memory. free accepts NULL. */
struct view *view_new(const struct view_options *options);
void view_free(struct view *view);

/* What a source is to be opened with. */
struct source_handlers view_handlers(struct view *view);

/*
 * Takes the terminal over, shows what comes from the source, and gives the terminal
 * back, however it ends. Returns 0, or -errno with one line in `why`: the terminal can't
 * be used. A terminal that goes away is an end like another.
 */
int view_run(struct view *view, struct source *source, char *why, size_t why_size);

#endif
