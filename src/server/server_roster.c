// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread, and the way of the figures to it. What is made of them is in server_replies.c. */
#include "server/server_roster.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "server/server_replies.h"
#include "thread.h"

/* After the last question, figures are kept at hand for so long. */
#define WANTED_NS   5000000000ull
/* How long a question waits for figures, when none are there. */
#define PATIENCE_NS 5000000000ull

struct server_roster {
	struct server_queue questions;
	struct server_queue *processes, *replies;
	struct roster_keeper *keeper;
	struct server_replies *made;
	uint64_t taken_tick; /* of what the keeper has */
	pthread_t thread;
	bool started;
	int want_fd;
	atomic_uint_fast64_t tick;      /* the monitor's last */
	atomic_uint_fast64_t wanted_ns; /* when it was last asked for; 0: never */

	pthread_mutex_t lock; /* of the feeds' places, never held for long */
	pthread_cond_t fed;
	struct feed feeds[3];
	struct feed *spare; /* the monitor's, to be filled */
	struct feed *ready; /* filled, and not taken yet if `fresh` */
	struct feed *mine;  /* the thread's */
	bool fresh, closing;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the monitor's thread ---- */

int server_roster_fd(const struct server_roster *r)
{
	return r->want_fd;
}

struct feed *server_roster_want(struct server_roster *r, uint64_t tick)
{
	uint64_t wanted_ns = atomic_load(&r->wanted_ns);
	eventfd_t ignored;

	(void)eventfd_read(r->want_fd, &ignored);
	atomic_store(&r->tick, tick);
	if (!wanted_ns || now_ns() > wanted_ns + WANTED_NS)
		return NULL;
	return r->spare;
}

void server_roster_feed(struct server_roster *r)
{
	struct feed *filled = r->spare;

	pthread_mutex_lock(&r->lock);
	r->spare = r->ready;
	r->ready = filled;
	r->fresh = true;
	pthread_cond_signal(&r->fed);
	pthread_mutex_unlock(&r->lock);
}

/* ---- the thread ---- */

/* Under the lock: of which tick the newest figures are. */
static uint64_t newest(const struct server_roster *r)
{
	return r->fresh ? r->ready->tick : r->taken_tick;
}

/* Takes what is newest; waits for it where there is nothing of the present tick. A monitor
 * that is slow to give it makes older figures do. */
static void refresh(struct server_roster *r)
{
	struct timespec until = thread_deadline(PATIENCE_NS);
	uint64_t have;
	bool fresh;

	atomic_store(&r->wanted_ns, now_ns());
	pthread_mutex_lock(&r->lock);
	have = newest(r);
	if (have != atomic_load(&r->tick)) {
		eventfd_write(r->want_fd, 1);
		while (newest(r) == have && !r->closing &&
		       !pthread_cond_timedwait(&r->fed, &r->lock, &until))
			;
	}
	fresh = r->fresh;
	if (fresh) {
		struct feed *taken = r->ready;

		r->ready = r->mine;
		r->mine = taken;
		r->fresh = false;
	}
	pthread_mutex_unlock(&r->lock);
	if (!fresh || roster_keeper_update(r->keeper, r->mine))
		return;
	server_replies_renew(r->made);
	r->taken_tick = r->mine->tick;
}

/* A process goes on to the thread that looks into it. */
static struct server_queue *find(struct server_roster *r, const struct roster *roster,
				 struct server_job *job)
{
	const struct roster_row *row = roster_find(roster, job->request.pid, 0);

	if (!row) {
		server_job_fail(job, REQUEST_NO_SUCH_PROCESS,
				"no process %d with a descriptor table",
				(int)job->request.pid);
		return r->replies;
	}
	job->watched_ns = row->who.start_ns;
	job->watched = row->fd;
	return r->processes;
}

static void answer(struct server_roster *r, struct server_job *job)
{
	const struct roster *roster = roster_keeper_roster(r->keeper);
	struct server_queue *next = r->replies;

	refresh(r);
	if (!roster->number)
		server_job_fail(job, REQUEST_FAILED,
				"the monitor has given no figures yet; ask again");
	else if (job->request.kind == REQUEST_SNAPSHOT)
		server_replies_snapshot(r->made, job);
	else if (job->request.kind == REQUEST_SELF)
		server_replies_self(r->made, job);
	else
		next = find(r, roster, job);
	server_queue_put(next, job);
}

static void *run(void *arg)
{
	struct server_roster *r = arg;
	struct server_job *job;

	while ((job = server_queue_take(&r->questions, true)))
		answer(r, job);
	return NULL;
}

void server_roster_ask(struct server_roster *r, struct server_job *job)
{
	server_queue_put(&r->questions, job);
}

/* ---- life ---- */

int server_roster_open(struct server_queue *processes, struct server_queue *replies,
		       struct server_roster **out)
{
	struct server_roster *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->processes = processes;
	r->replies = replies;
	r->spare = &r->feeds[0];
	r->ready = &r->feeds[1];
	r->mine = &r->feeds[2];
	pthread_mutex_init(&r->lock, NULL);
	thread_cond_init(&r->fed);
	r->want_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = r->want_fd < 0 ? -errno : server_queue_open(&r->questions, false);
	r->keeper = roster_keeper_new();
	r->made = r->keeper ? server_replies_new(r->keeper) : NULL;
	if (!err && !r->made)
		err = -ENOMEM;
	if (!err)
		err = thread_start(&r->thread, "server-roster", run, r);
	r->started = !err;
	if (err)
		server_roster_close(r);
	else
		*out = r;
	return err;
}

void server_roster_close(struct server_roster *r)
{
	if (!r)
		return;
	server_queue_close(&r->questions);
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_broadcast(&r->fed);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
	server_queue_free(&r->questions);
	server_replies_free(r->made);
	roster_keeper_free(r->keeper);
	for (int i = 0; i < 3; i++)
		feed_clear(&r->feeds[i]);
	if (r->want_fd >= 0)
		close(r->want_fd);
	pthread_cond_destroy(&r->fed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
