/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites as members of a JSON document, as a page and as folded stacks. Names come
 * from a program's files: hostile.
 */
#ifndef FDWARDEN_CALL_SITES_OUTPUT_H
#define FDWARDEN_CALL_SITES_OUTPUT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "output/alert.h"
#include "output/page.h"
#include "policy/call_site.h"

/* How much of them the JSON has. */
struct call_sites_form {
	size_t sites, frames; /* at most so many; 0: all */
	size_t text_max;      /* bytes of a text at the most; 0: all of it */
};

/* For one line of a log, and for a document. */
extern const struct call_sites_form call_sites_in_alert, call_sites_in_full;

/* Members "call_sites", "unknown" and "unknown_why" of the "fd" object. 0 or -ENOMEM. */
int call_sites_add(cJSON *fd, const struct call_sites *sites,
		   const struct call_sites_form *form);

/* A trace that is over. All of it is the caller's. */
struct call_sites_view {
	const char *python; /* "Python 3.11", or why it is not known; "": none runs */
	bool python_known;
	uint64_t realtime_ns; /* when it ended, since 1970 */
	const struct alert_host *host;
	const struct identity *who;
	const struct call_sites *sites;
	const char *watched; /* see openings_way() */
	bool ended;          /* the process: no table confirms what is told */
	uint64_t missed;     /* runs of a program that the kernel left out */
	uint64_t no_stack, too_high,
		not_unwound; /* openings without a site, over all */
	bool full;           /* its table, when the trace ended */
	uint64_t refused;    /* calls of it meanwhile; 0: none, or not known */
	const char *room;    /* what gives it room, where it is full */
	bool room_is_command;
	bool room_told; /* before it waited, that no command gives it room: not again */
};

/* {"@timestamp", "host", "process", "service", "container", "fd", "trace"} with the members
 * of an alert. NULL: no memory. */
cJSON *call_sites_document(const struct call_sites_view *view);

/* Prints the page. 0 or -errno of the writing. */
int call_sites_page(const struct call_sites_view *view, const struct page *page);

/* One line a stack, "main;serve;leak 12", as flamegraph.pl and others read them. */
int call_sites_folded(const struct call_sites_view *view, FILE *out);

#endif
