// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread. What is made of the figures is in server_replies.c. */
#include "server/server_roster.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "server/handoff.h"
#include "server/server_replies.h"
#include "thread.h"

struct server_roster {
	struct server_queue questions;
	struct server_queue *processes, *replies;
	struct roster_keeper *keeper;
	struct server_replies *made;
	pthread_t thread;
	bool started;
	struct handoff *figures;
	const struct feed *feed; /* the newest that was taken; NULL: none yet */
};

/* ---- the monitor's thread ---- */

int server_roster_fd(const struct server_roster *r)
{
	return handoff_fd(r->figures);
}

struct feed *server_roster_want(struct server_roster *r, uint64_t tick)
{
	return handoff_want(r->figures, tick);
}

void server_roster_feed(struct server_roster *r)
{
	handoff_give(r->figures);
}

/* ---- the thread ---- */

static void refresh(struct server_roster *r)
{
	struct feed *feed = handoff_take(r->figures);

	if (feed)
		r->feed = feed;
	if (feed && !roster_keeper_update(r->keeper, feed))
		server_replies_renew(r->made);
}

/* A process goes on to the thread that looks into it. One that the last tick did not see
 * may have begun since: that thread looks anew, and says it if there is none. */
static struct server_queue *find(struct server_roster *r, const struct roster *roster,
				 struct server_job *job)
{
	server_job_know(job, roster_find(roster, job->request.pid, 0), r->feed);
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
	if (server_queue_put(next, job))
		return;
	server_job_fail(job, REQUEST_BUSY,
			"too many requests of this user wait; ask again");
	(void)server_queue_put(r->replies, job);
}

static void *run(void *arg)
{
	struct server_roster *r = arg;
	struct server_job *job;

	while ((job = server_queue_take(&r->questions, true)))
		answer(r, job);
	return NULL;
}

bool server_roster_ask(struct server_roster *r, struct server_job *job)
{
	return server_queue_put(&r->questions, job);
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
	err = handoff_open(&r->figures);
	if (!err)
		err = server_queue_open(&r->questions, true, false);
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
	if (r->figures)
		handoff_end(r->figures);
	if (r->started)
		pthread_join(r->thread, NULL);
	server_queue_free(&r->questions);
	server_replies_free(r->made);
	roster_keeper_free(r->keeper);
	handoff_close(r->figures);
	free(r);
}
