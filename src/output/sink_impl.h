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
	const char *noun; /* what it is given, if that is no "alert"; NULL */
	/* Where so many wait, a new alert takes the place of one of the same incident.
	 * 0: each is written. */
	size_t merge_above;
	/* Its alerts are one stream: nothing is written into it before the word of what was
	 * lost. Otherwise each is by itself, and may fail by itself. */
	bool stream;
	/* After a failure the word of what was lost is tried so soon by itself, and then at
	 * twice the time each, up to the longest. */
	int retry_ms, retry_max_ms;
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
	struct sink_item *next; /* first */
	bool reopen;            /* not an alert, but the word to reopen */
	size_t bytes;
	uint64_t lost_after;         /* dropped behind it */
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
	uint64_t merged;                /* what those stand for, beside themselves */
	bool closing, done;
	bool reopen_wanted; /* there was no memory to queue it */
	uint64_t written, dropped;
	int last_error;
	bool full;             /* alerts are being lost until there is room */
	uint64_t lost_full;    /* since that began */
	uint64_t lost_failing; /* since last_error was set */
	uint64_t lost_before;  /* to be told before what comes next */
	uint64_t lost_told;    /* sink_take_loss() */
	struct sink_loss loss;
	int64_t retry_at_ms; /* when the word of it is tried again, CLOCK_MONOTONIC */
	int retry_ms;        /* how long that was put off; 0: not yet */
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

/* ---- what is lost, and told (sink_loss.c); under the lock, but for the last one ---- */

/* Alerts, with those that they stand for, which there was no room for. */
void sink_lose_full(struct sink *sink, uint64_t alerts);

/* There may be room again. */
void sink_look_for_room(struct sink *sink);

/* One could not be written, for the reason -err. */
void sink_lose_failing(struct sink *sink, uint64_t alerts, int err);

/* One was written. */
void sink_account_written(struct sink *sink);

/* In how many ms the word of what is lost is to be tried; 0: now; -1: there is none. */
int sink_loss_due_ms(const struct sink *sink);

/* Writes that word, if there is one to be told. Returns 0, or what write() does. */
int sink_tell_loss(struct sink *sink);

/* Adds a report; under the lock. */
void sink_report_locked(struct sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Something to be logged; by the sink's thread. */
void sink_say(struct sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says better than an errno what is wrong, before write() returns one. */
void sink_explain(struct sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
