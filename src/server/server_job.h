/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client's request on its way through the server's threads, and the queues between
 * them: the thread of the sockets hands it to one that may wait, and gets it back with
 * the reply.
 */
#ifndef FDWARDEN_SERVER_JOB_H
#define FDWARDEN_SERVER_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/request.h"
#include "server/shared_text.h"
#include "output/alert.h"
#include "output/feed.h"

struct server_job {
	struct server_job *next;
	uint64_t client; /* its number; it may be gone by now */
	uint64_t ticket; /* of the request, by which the client knows the answer */
	uid_t uid;       /* whose it is; -1: not known */
	bool privileged; /* root, or the daemon's own user */
	uint64_t turn;   /* of the queue that it is in */
	struct request request;
	/* of a process that is asked for: what the monitor has seen of it, and its start */
	struct alert_fd watched;
	uint64_t watched_ns;
	struct feed_history history; /* pid 0: it is in no trouble */
	uint64_t start_ns;           /* of the process that was found and looked at */
	/* the answer: members of the reply, without braces; or what went wrong */
	struct shared_text *body;
	enum request_error error;
	char why[192];
};

/* The request is moved. NULL: no memory, and the request is as it was. */
struct server_job *server_job_new(uint64_t client, struct request *request);
void server_job_free(struct server_job *job); /* accepts NULL */

/* Puts in what the monitor knows of the process that is asked for. `row` NULL: nothing;
 * `feed` NULL: not how it came to it. */
void server_job_know(struct server_job *job, const struct roster_row *row,
		     const struct feed *feed);

/* Ends it with an error. */
void server_job_fail(struct server_job *job, enum request_error error,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

struct server_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct server_job *head; /* in the order in which they are taken */
	uint64_t round;          /* the latest turn that was taken */
	bool open, closing, shared;
	int event_fd; /* readable when there is something; -1: none is wanted */
};

/* `shared`: users take turns, and one has a share of it; otherwise what comes first is first.
 * 0 or -errno. */
int server_queue_open(struct server_queue *queue, bool shared, bool with_event);
void server_queue_free(struct server_queue *queue); /* and what waits in it */

/* Privileged ones come first, then each user's first, each user's second and so on, so that
 * however many one has, another's waits for one of them. false: so many of this user's wait
 * (places_wait()) that this one may not, and is the caller's still. */
bool server_queue_put(struct server_queue *queue, struct server_job *job);

/* The next one; waits for it unless told not to. NULL: it is closing, or none is there. */
struct server_job *server_queue_take(struct server_queue *queue, bool wait);

/* Whoever waits, or comes later, gets NULL. */
void server_queue_close(struct server_queue *queue);

#endif
