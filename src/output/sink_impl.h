/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of sinks share: the queue, the thread, the accounts. A kind is
 * a struct that begins with a struct sink, and a struct sink_type.
 */
#ifndef FDWARDEN_SINK_IMPL_H
#define FDWARDEN_SINK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "output/sink.h"

#define SINK_REPORTS    8
#define SINK_REPORT_MAX 256

struct sink_type {
	const char *name;
	const char *slow; /* "N alerts lost while …" */
	/* Where so many wait, a new alert takes the place of one of the same incident.
	 * 0: each is written. */
	size_t merge_above;
	/* All but destroy are called by the sink's thread only.
	 * start: NULL for nothing to do. */
	void (*start)(struct sink *sink);
	/* Hands one alert over, and may block in sink_wait() or in the kernel.
	 * 0; -ECANCELED: sink_wait() said so; -errno, see sink_explain(). */
	int (*write)(struct sink *sink, const struct sink_message *message);
	/* NULL: nothing to reopen. */
	int (*reopen)(struct sink *sink);
	/* Looks whether what is open is still what it should be: before each alert, and
	 * once a second. NULL: nothing to look at. */
	void (*look)(struct sink *sink);
	/* Closes what the kind has opened and frees the struct. */
	void (*destroy)(struct sink *sink);
};

struct sink_item {
	struct sink_item *next;
	bool reopen; /* not an alert, but the word to reopen */
	size_t bytes;
	struct sink_message message; /* its strings follow */
	char strings[];
};

struct sink {
	const struct sink_type *type;
	/* Owner and thread: a thread that is stuck in the kernel outlives
	 * sink_close(), and what it uses must, too. */
	atomic_int holders;
	atomic_bool cancelled;
	int wake_fd;  /* readable once cancelled */
	int event_fd; /* readable while there are reports */
	pthread_t thread;
	char why[128]; /* of a failure; the thread's own */

	pthread_mutex_t lock; /* of all that follows; never held while writing */
	pthread_cond_t filled, ended;
	struct sink_item *head, **tail; /* waiting; the one in work is not in it */
	size_t lines, bytes;            /* with the one in work */
	bool closing, done;
	bool reopen_wanted; /* there was no memory to queue it */
	uint64_t written, dropped;
	int last_error;
	bool full;             /* alerts are being lost for want of room */
	uint64_t lost_full;    /* since that began */
	uint64_t lost_failing; /* since last_error was set */
	uint64_t lost_untold;  /* of losses that are over: sink_take_loss() */
	char reports[SINK_REPORTS][SINK_REPORT_MAX];
	unsigned first_report, reports_len;
};

/* Readies `sink` (zeroed, of `type`) and starts its thread. On failure nothing
 * of it is left and the caller still owns what the kind has opened. */
int sink_start(struct sink *sink, const struct sink_type *type);

/* Waits until poll() has `events` or an error on `fd` (-1: for the time only).
 * 1: it has; 0: timeout_ms (-1: none) is over; -ECANCELED: the sink is closed and
 * its time is up. */
int sink_wait(struct sink *sink, int fd, short events, int timeout_ms);

/* Alerts that were lost so far. */
uint64_t sink_lost(struct sink *sink);

/* Something to be logged; by the sink's thread. */
void sink_say(struct sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says better than an errno what is wrong, before write() returns one. */
void sink_explain(struct sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
