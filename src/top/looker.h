/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at what processes' descriptors are, where no daemon does, as a daemon does it for
 * its clients: in a thread of its own, for it takes from milliseconds to seconds. For one
 * calling thread.
 */
#ifndef FDWARDEN_TOP_LOOKER_H
#define FDWARDEN_TOP_LOOKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "top/recent.h"
#include "top/source.h"

struct feed;
struct looker;

/* `incidents`: the directory of their records; NULL: none. 0 or -errno. close accepts NULL,
 * and waits for what is being looked at. */
int looker_open(const char *incidents, struct looker **out);
void looker_close(struct looker *looker);

/* Asks; what was asked before and not begun yet is dropped. `row` is what is known of the
 * process, and `feed` how it came to it; NULL: nothing. */
void looker_ask_kinds(struct looker *looker, const pid_t *pids, size_t len);
void looker_ask_page(struct looker *looker, const struct roster_row *row,
		     const struct feed *feed, pid_t pid, int width, bool utf8);
void looker_ask_incidents(struct looker *looker, pid_t pid, uint64_t start_ns,
			  const char *service);
void looker_ask_report(struct looker *looker, const char *id, int width, bool utf8);

/* Readable when there are answers, which looker_take() hands on; pages with the alerts that
 * are `recent`. */
int looker_fd(const struct looker *looker);
void looker_take(struct looker *looker, const struct recent *recent,
		 const struct source_handlers *to);

#endif
