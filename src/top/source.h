/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the view's figures come from: a running daemon, over its socket, or a monitor
 * of its own. The one is asked and answers later, the other answers at once or from a
 * thread; nothing here waits. For one thread.
 */
#ifndef FDWARDEN_TOP_SOURCE_H
#define FDWARDEN_TOP_SOURCE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "output/roster.h"

/* All about one process, as text. Owned by the source. */
struct source_page {
	pid_t pid;
	const char *error; /* why there is none; NULL: there is */
	const char *const *lines;
	size_t len;
};

/* One incident that is over, or goes on, as it is listed. */
struct source_incident {
	const char *id, *who, *worst; /* "" where it is not known */
	const char *cause, *line;     /* NULL: not known */
	uint64_t began_s, lasted_ns;  /* CLOCK_REALTIME */
	bool open;                    /* it is not known to have ended */
	uint64_t refused;
};

/* The newest first. Owned by the source. */
struct source_incidents {
	pid_t pid; /* as they were asked for: it is no answer to another question */
	uint64_t start_ns;
	const char *error; /* why there is no list; NULL: there is */
	const struct source_incident *rows;
	size_t len, left_off;
	size_t unreadable; /* records, whoever's they are */
};

/* The report of one. Owned by the source. */
struct source_report {
	const char *id; /* as it was asked for */
	const char *error;
	const char *const *lines;
	size_t len;
};

/* What comes from a source, called from source_handle() and source_refresh(). */
struct source_handlers {
	void *context;
	/* Stays as it is until the next refresh is asked for. */
	void (*roster)(void *context, const struct roster *roster);
	/* Main kind of a process's descriptors. */
	void (*kind)(void *context, pid_t pid, const char *kind, uint64_t count,
		     uint64_t of);
	void (*page)(void *context, const struct source_page *page);
	void (*incidents)(void *context, const struct source_incidents *incidents);
	void (*report)(void *context, const struct source_report *report);
	/* It can't say anything now; NULL: it can again. */
	void (*trouble)(void *context, const char *why);
};

struct source;

#define SOURCE_FDS_MAX   3
#define SOURCE_KINDS_MAX 256 /* in one question */

/* Both return 0, or -errno with one line in `why`. The handlers are copied. */
int source_open_socket(const char *path, const struct source_handlers *handlers,
		       struct source **out, char *why, size_t why_size);
/* `config` is borrowed. */
int source_open_local(const struct config *config,
		      const struct source_handlers *handlers, struct source **out,
		      char *why, size_t why_size);
void source_close(struct source *source); /* accepts NULL */

/* "daemon 812", "own look": for the title. Lives until it is closed. */
const char *source_name(const struct source *source);

/* Tells it that the soft limit of a process was raised from the view. */
void source_tell_raised(struct source *source, pid_t pid, uint64_t from, uint64_t to);

/* To be polled for; source_handle() then, and each time that the deadline passed
 * (CLOCK_MONOTONIC; 0: there is none). */
size_t source_fds(const struct source *source, struct pollfd fds[SOURCE_FDS_MAX]);
uint64_t source_deadline_ns(const struct source *source);
void source_handle(struct source *source);

/* Questions. While one is still unanswered it is not asked again; of incidents and reports the
 * last question that came meanwhile is asked then, and what a daemon left unanswered is asked
 * again when it is back. */
void source_refresh(struct source *source);
void source_ask_kinds(struct source *source, const pid_t *pids, size_t len);
/* `utf8`: the page may have signs that are not ASCII. */
void source_ask_page(struct source *source, pid_t pid, int width, bool utf8);
/* Incidents of the process that began then (CLOCK_BOOTTIME), and of the service; NULL: it is
 * in none. And the report of one. */
void source_ask_incidents(struct source *source, pid_t pid, uint64_t start_ns,
			  const char *service);
void source_ask_report(struct source *source, const char *id, int width, bool utf8);

#endif
