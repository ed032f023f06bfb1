/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `fdwarden inspect` shows of one process: a page for people, a document for
 * programs.
 */
#ifndef FDWARDEN_VIEW_INSPECT_H
#define FDWARDEN_VIEW_INSPECT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "output/alert.h"
#include "output/explanation.h"
#include "output/page.h"
#include "policy/descriptor.h"

#define VIEW_INSPECT_UNSEEN_MAX 5

/* All of it is the caller's. */
struct view_inspect {
	uint64_t realtime_ns; /* when it was taken, since 1970 */
	const struct alert_host *host;
	const struct identity *who;
	const char *user; /* name of its user; NULL: unknown */
	const struct alert_fd *fd;
	uint64_t
		growth_over_ns; /* fd->growth_per_s is from two counts, so far apart; 0:
				    from many, by a monitor */
	const struct explanation *why;
	const struct descriptor *descriptors; /* all of them, for the JSON; NULL: not
						 wanted */
	size_t descriptors_len;
	/* What could not be seen, and why: a sentence each. */
	const char *unseen[VIEW_INSPECT_UNSEEN_MAX];
	size_t unseen_len;
};

/* Prints the page. 0 or -errno of the writing. */
int view_inspect_page(const struct view_inspect *view, const struct page *page);

/* {"@timestamp", "host", "process", "service", "container", "fd", "diagnosis",
 * "limit", "advice", "unseen"} with the members of an alert. NULL: no memory. */
cJSON *view_inspect_json(const struct view_inspect *view);

#endif
