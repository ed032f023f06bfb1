/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where alerts go: standard output, a file, the journal, a program. Each sink
 * has a bounded queue and a thread that writes, so that a reader that is slow,
 * stopped or gone costs alerts (counted, and said once it reads again), never
 * monitoring.
 */
#ifndef FDWARDEN_SINK_H
#define FDWARDEN_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/policy.h"

/* Lines and bytes that wait in one sink's queue at the most. */
#define SINK_QUEUE_LINES 4096
#define SINK_QUEUE_BYTES (2u << 20)

/* One alert on its way out. `line` is its JSON with the newline. */
struct sink_message {
	const char *line;
	size_t len;
	const char *text; /* the message, one line, safe */
	enum policy_action action;
	int pid;              /* 0: none */
	uint64_t start_ns;    /* when it began, CLOCK_BOOTTIME */
	const char *name;     /* process; NULL: none; safe UTF-8 */
	const char *service;  /* NULL: none; safe UTF-8 */
	const char *incident; /* NULL: none */
	uint64_t
		merged; /* set by the sink: alerts of this incident before it, that waited
			    and that it stands for as well */
};

struct sink_stats {
	const char *name; /* "stdout", "file", "journal", "hook" */
	uint64_t written; /* alerts handed over whole */
	uint64_t dropped; /* alerts lost: queue full, or the write failed */
	uint64_t queued;  /* waiting now */
	int last_error;   /* errno of the last failure; 0: works */
};

struct sink;

/* Constructors: 0 and *out, or -errno. All descriptors that a sink needs are
 * opened here. Destruction with sink_close().
 * stdout: writes to `fd` (not closed); EPIPE is a dead reader.
 * file: appends to `path`, created with mode 0640; -errno if it can't be opened.
 *	A line that was written in part (disk full) is completed or cut off
 *	before the next one, so that the file never holds half a line for good.
 * journal: structured fields MESSAGE, PRIORITY, MESSAGE_ID, SYSLOG_IDENTIFIER
 *	and FDWARDEN_ACTION, _PID, _PROCESS, _SERVICE, _INCIDENT, _JSON.
 * hook: runs `program` (an absolute path; no shell, no arguments) with the alert
 *	on its standard input; one at a time, ended after 10 s. */
int sink_open_stdout(int fd, struct sink **out);
int sink_open_file(const char *path, struct sink **out);
int sink_open_journal(struct sink **out);
int sink_open_hook(const char *program, struct sink **out);

/* incidents: a directory with a record for each incident: what is put is appended to the
 *	file of its incident (output/incident.h), made with mode 0640; without one it is only
 *	the time to look what has grown too old. An alert has a `text`, other lines have none.
 *	The oldest records are removed, so that there are never more, nor larger or older
 *	ones, than `keep` says. The directory is made if there is none. It is locked while
 *	the sink is open; -EWOULDBLOCK: another one writes there. `taken` says where the lock
 *	is what failed, and who has it. */
struct sink_keep {
	uint64_t records;
	uint64_t bytes;  /* of all of them */
	uint64_t age_ns; /* since its last line; 0: any */
};
struct sink_taken {
	const char *lock; /* its name in the directory; NULL: it is another reason */
	pid_t owner;      /* 0: not known */
};
int sink_open_incidents(const char *path, const struct sink_keep *keep,
			struct sink_taken *taken, struct sink **out);

/* Queues a copy; never blocks. Returns 0, or -ENOBUFS: dropped and counted. */
int sink_put(struct sink *sink, const struct sink_message *message);

/* File: closes and opens the path anew (log rotation). Others: nothing.
 * Done by the writing thread, in order with the alerts. */
void sink_reopen(struct sink *sink);

/* Non-blocking. */
void sink_stats(struct sink *sink, struct sink_stats *out);

/*
 * What a sink's own stream is told of what it has lost. line() makes the alert that says so:
 * its JSON with the newline, to be freed, and its message of one line; NULL: no memory. It is
 * called by the sink's thread, which may outlive sink_close(): so `context` is the sink's, and
 * is freed by free_context().
 */
struct sink_loss {
	char *(*line)(const void *context, uint64_t alerts, char *text,
		      size_t text_size);
	void (*free_context)(void *context);
	void *context;
};

/* From now on it is told, before the next alert, and at the latest some seconds after it can
 * be. At most once for a sink. Takes `loss.context`. */
void sink_set_loss(struct sink *sink, struct sink_loss loss);

/* Alerts that it did not get, before it could be opened, to be told as well. */
void sink_missed(struct sink *sink, uint64_t alerts);

/* Alerts whose loss has been told since this was asked last: what stands is to be told anew.
 * sink_event_fd() says when. */
uint64_t sink_take_loss(struct sink *sink);

/*
 * A descriptor (eventfd) that becomes readable when the sink has something to
 * say on the daemon's own log: it failed, works again, or lost alerts.
 * sink_report() then fills one line and returns true, or returns false.
 */
int sink_event_fd(const struct sink *sink);
bool sink_report(struct sink *sink, char *line, size_t size);

/* No more will be put: it writes what waits, and then has ended. Neither waits;
 * sink_close() is still to be called. */
void sink_finish(struct sink *sink);
bool sink_has_ended(struct sink *sink);

/* Writes what waits, for at most timeout_ms, then gives up (counted), joins and
 * frees. Accepts NULL. Returns the number of alerts lost over its life. */
uint64_t sink_close(struct sink *sink, int timeout_ms);

#endif
