/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads who a process is for a thread that must not be held up. /proc/PID/cmdline
 * waits for the lock of the process's memory and for the pages that it lies in, and
 * both may be held for ever (a hung FUSE mapping, a page fault on a dead NFS
 * server). So a thread of its own reads, and the caller waits for a short time.
 * For one calling thread.
 */
#ifndef FDWARDEN_IDENTITY_READER_H
#define FDWARDEN_IDENTITY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/identity.h"

/* Far longer than it takes, and no harm to an alert that has to wait. */
#define IDENTITY_READER_DEADLINE_MS 100
/* Threads that may be stuck at the same time with a command line, each with another process;
 * of these, with one user's (but root's). */
#define IDENTITY_READER_STUCK_MAX   4
#define IDENTITY_READER_STUCK_USER  2
/* Anyone can have a command line take as long as he likes, in as many processes as he may
 * have. So long it is waited for those of one user (but root) in each period, which is a
 * twentieth of the time; and for those of all together, root's of containers included, which is
 * a quarter, so that the caller's watchdog lives. Counted is what the reading thread slept or
 * computed, if it is more than a read takes; not that it waited for a CPU. */
#define IDENTITY_READER_SHARE_NS    300000000ull
#define IDENTITY_READER_PERIOD_NS   6000000000ull
#define IDENTITY_READER_ALL_NS      5000000000ull
#define IDENTITY_READER_ALL_TIMES   4

struct identity_reader;

struct identity_reader_stats {
	uint64_t late; /* reads given up, their thread left to itself */
	/* not begun: the process, or too many threads, were stuck, or a share was used up */
	uint64_t left_out;
	unsigned stuck; /* threads that are, now */
};

/* NULL: no memory. */
struct identity_reader *identity_reader_new(int deadline_ms);

/*
 * As identity_read_proc(), but it takes at most the deadline, and does nothing where
 * nothing is missing. What could be read until then is in `who`: the command line
 * is read last. Returns 0 or -errno as that does, and -ETIMEDOUT: not in time, or its
 * thread is still stuck from before; -EBUSY: too many threads are stuck, or a share is used
 * up, which costs the command line alone; -EAGAIN, -ENOMEM: no thread could be made,
 * or no copy.
 */
int identity_reader_read(struct identity_reader *reader, struct identity *who);

/*
 * As identity_reader_read() for each of `len`, into `errs`, but the thread is woken for many
 * at a time and reads all of one at once: for thousands, of which waking it twice for each
 * would be most of the time. One that holds the thread up is waited for as long as twice the
 * deadline.
 */
void identity_reader_read_all(struct identity_reader *reader,
			      struct identity *const who[], int errs[], size_t len);

/* For tests: what all have together, in IDENTITY_READER_ALL_TIMES as much time. */
void identity_reader_set_all(struct identity_reader *reader, uint64_t share_ns);

void identity_reader_stats(struct identity_reader *reader,
			   struct identity_reader_stats *out);

/* Something for the log: the first thread is stuck, all of them are, a share is used up. Fills a line and
 * returns true, once for each in the reader's life. */
bool identity_reader_report(struct identity_reader *reader, char *line, size_t size);

/* Does not wait for threads that are stuck: they free what is theirs when they come
 * back. Accepts NULL. */
void identity_reader_free(struct identity_reader *reader);

#endif
