// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explainer.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/origin_cache.h"
#include "thread.h"

/* Descriptors that are looked at: some 12 MB while that lasts. */
#define DESCRIPTORS_MAX 65536
/* From so many on the memory is given back to the system. */
#define TRIM_FROM       1024
/* At the end, how long a thread may be over files. */
#define END_NS          200000000ull

/* Of the caller and of the thread that works on it: the last one frees. */
struct explainer_job {
	struct explainer_job *next; /* in the queue, or among those that ended */
	enum explainer_purpose purpose;
	uint64_t number;
	char incident[37];
	struct explain_question question; /* the thread's, once it has taken the job */
	/* The rest is under the lock. */
	int holders;
	enum explainer_stage stage;
	bool ended;              /* is among the ended, or has been given away */
	struct explanation why;  /* the caller's, from the stage on that it has seen */
	struct explanation rest; /* origin and advice, before the caller takes them */
};

struct worker {
	struct explainer *explainer;
	pthread_t thread;
	struct explainer_job *job; /* NULL: idle */
	uint64_t files_since_ns;   /* over files since then; 0: not */
	bool given_up;
};

/* Of the owner and of each thread: the last one frees. */
struct explainer {
	struct census *census; /* used in the first step alone, by one thread */
	char why_none[EXPLANATION_WHY_MAX];
	int event_fd;
	uint64_t patience_ns;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t asked, answered;
	int holders;
	bool leave;
	struct worker *worker; /* NULL: none */
	unsigned stuck;        /* threads that were given up, and have not come back */
	struct explainer_job *queue;
	struct explainer_job *ended, **ended_end;
	size_t waiting;
	struct origin_cache *origins;
	struct explainer_stats stats;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- jobs; under the lock ---- */

static void free_job(struct explainer_job *job)
{
	explain_question_clear(&job->question);
	explanation_clear(&job->why);
	explanation_clear(&job->rest);
	free(job);
}

static void release_job(struct explainer_job *job)
{
	if (job && --job->holders == 0)
		free_job(job);
}

/* What is ahead of its time waits for all that is not. */
static void put_in_queue(struct explainer *e, struct explainer_job *job)
{
	struct explainer_job **at = &e->queue;

	while (*at &&
	       (job->purpose == EXPLAINER_AHEAD || (*at)->purpose != EXPLAINER_AHEAD))
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	e->waiting++;
}

static struct explainer_job *take_from_queue(struct explainer *e)
{
	struct explainer_job *job = e->queue;

	e->queue = job->next;
	e->waiting--;
	return job;
}

static struct explainer_job *take_ended(struct explainer *e)
{
	struct explainer_job *job = e->ended;

	if (job)
		e->ended = job->next;
	if (!e->ended)
		e->ended_end = &e->ended;
	return job;
}

/* From the list that it is in. false: it is in none. */
static bool unlink_job(struct explainer_job **list, const struct explainer_job *job)
{
	while (*list && *list != job)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = job->next;
	return true;
}

static void reach(struct explainer *e, struct explainer_job *job,
		  enum explainer_stage stage)
{
	job->stage = stage;
	/* one holder: the caller is done with it */
	if (stage == EXPLAINER_HAS_ALL && !job->ended && job->holders > 1) {
		job->ended = true;
		job->next = NULL;
		*e->ended_end = job;
		e->ended_end = &job->next;
		eventfd_write(e->event_fd, 1);
	}
	pthread_cond_broadcast(&e->answered);
}

static void free_explainer(struct explainer *e)
{
	struct explainer_job *job;

	while (e->queue)
		free_job(take_from_queue(e));
	while ((job = take_ended(e)))
		free_job(job);
	origin_cache_free(e->origins);
	census_close(e->census);
	if (e->event_fd >= 0)
		close(e->event_fd);
	pthread_cond_destroy(&e->asked);
	pthread_cond_destroy(&e->answered);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Leaves the lock. */
static void leave(struct explainer *e)
{
	bool last = --e->holders == 0;

	pthread_mutex_unlock(&e->lock);
	if (last)
		free_explainer(e);
}

/* ---- the thread ---- */

/* Returns the number of descriptors looked at. */
static size_t do_descriptors(struct explainer *e, struct explainer_job *job)
{
	struct explanation why = {0};
	size_t looked = 0;

	if (!e->census)
		snprintf(why.unexplained, sizeof(why.unexplained), "%s", e->why_none);
	else
		(void)explain_descriptors(e->census, &job->question, DESCRIPTORS_MAX,
					  &why, NULL);
	if (why.inventory)
		looked = inventory_total(why.inventory);
	pthread_mutex_lock(&e->lock);
	job->why = why;
	reach(e, job, EXPLAINER_HAS_DESCRIPTORS);
	pthread_mutex_unlock(&e->lock);
	return looked;
}

/* false: it was given up meanwhile. */
static bool do_limit(struct explainer *e, struct worker *worker,
		     struct explainer_job *job)
{
	struct explanation rest = {0};
	struct origin known;
	bool found, given_up;
	int err;

	pthread_mutex_lock(&e->lock);
	worker->files_since_ns = now_ns();
	found = origin_cache_get(e->origins, &job->question, &known);
	pthread_mutex_unlock(&e->lock);
	err = explain_limit(&job->question, job->why.diagnoses, job->why.diagnoses_len,
			    found ? &known : NULL, &rest);
	pthread_mutex_lock(&e->lock);
	if (!err && !found)
		origin_cache_put(e->origins, &job->question, &rest.origin);
	worker->files_since_ns = 0;
	given_up = worker->given_up;
	if (given_up)
		explanation_clear(&rest);
	else
		job->rest = rest;
	pthread_mutex_unlock(&e->lock);
	return !given_up;
}

static void work(struct explainer *e, struct worker *worker, struct explainer_job *job)
{
	size_t looked = 0;
	bool idle;

	if (job->purpose != EXPLAINER_AHEAD)
		looked = do_descriptors(e, job);
	if (job->purpose != EXPLAINER_REMEDY && job->purpose != EXPLAINER_KINDS &&
	    !do_limit(e, worker, job))
		return;
	pthread_mutex_lock(&e->lock);
	e->stats.worked++;
	reach(e, job, EXPLAINER_HAS_ALL);
	idle = !e->queue;
	pthread_mutex_unlock(&e->lock);
	if (idle && looked >= TRIM_FROM)
		malloc_trim(0);
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct explainer *e = worker->explainer;
	struct explainer_job *job;

	pthread_mutex_lock(&e->lock);
	while (!worker->given_up) {
		while (!e->queue && !e->leave)
			pthread_cond_wait(&e->asked, &e->lock);
		if (e->leave)
			break;
		job = take_from_queue(e);
		job->holders++;
		worker->job = job;
		pthread_mutex_unlock(&e->lock);
		work(e, worker, job);
		pthread_mutex_lock(&e->lock);
		worker->job = NULL;
		release_job(job);
	}
	if (worker->given_up)
		e->stuck--;
	else
		e->worker = NULL;
	pthread_cond_broadcast(&e->answered);
	leave(e);
	free(worker);
	return NULL;
}

/* Under the lock: with a thread there always is a place to be stuck in. */
static int need_worker(struct explainer *e)
{
	struct worker *worker;
	int err;

	if (e->worker)
		return 0;
	if (e->stuck == EXPLAINER_STUCK_MAX)
		return -EBUSY;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	worker->explainer = e;
	e->holders++;
	err = thread_start(&worker->thread, "explainer", run, worker);
	if (err) {
		e->holders--;
		free(worker);
		return err;
	}
	pthread_detach(worker->thread);
	e->worker = worker;
	return 0;
}

/* ---- the caller's side ---- */

struct explainer_job *explainer_ask(struct explainer *e, enum explainer_purpose purpose,
				    const char incident[37],
				    struct explain_question *question)
{
	struct explainer_job *job = calloc(1, sizeof(*job));
	bool ahead = purpose == EXPLAINER_AHEAD;

	if (!job) {
		explain_question_clear(question);
		return NULL;
	}
	job->purpose = purpose;
	snprintf(job->incident, sizeof(job->incident), "%s", incident);
	job->question = *question;
	memset(question, 0, sizeof(*question));
	pthread_mutex_lock(&e->lock);
	job->number = ++e->stats.asked;
	/* what is ahead of its time must not take the room of what is not */
	if (need_worker(e) || e->waiting >= EXPLAINER_QUEUE_MAX / (ahead ? 4 : 1)) {
		e->stats.dropped += !ahead;
		free_job(job);
		job = NULL;
	} else {
		/* Nobody waits for one ahead of its time: the thread's own. */
		job->holders = !ahead;
		put_in_queue(e, job);
		pthread_cond_signal(&e->asked);
	}
	pthread_mutex_unlock(&e->lock);
	return ahead ? NULL : job;
}

/* Under the lock, when the thread is done with the job. */
static void take_rest(struct explainer_job *job)
{
	if (job->stage == EXPLAINER_HAS_ALL)
		explanation_take_limit(&job->why, &job->rest);
}

enum explainer_stage explainer_wait(struct explainer *e, struct explainer_job *job,
				    enum explainer_stage stage, uint64_t wait_ns)
{
	struct timespec until = thread_deadline(wait_ns);
	enum explainer_stage reached;
	int late = 0;

	pthread_mutex_lock(&e->lock);
	while (job->stage < stage && !late)
		late = pthread_cond_timedwait(&e->answered, &e->lock, &until);
	reached = job->stage;
	take_rest(job);
	pthread_mutex_unlock(&e->lock);
	return reached;
}

const struct explanation *explainer_why(const struct explainer_job *job)
{
	return &job->why;
}

const struct explain_question *explainer_question(const struct explainer_job *job)
{
	return &job->question;
}

const char *explainer_incident(const struct explainer_job *job)
{
	return job->incident;
}

uint64_t explainer_number(const struct explainer_job *job)
{
	return job->number;
}

enum explainer_purpose explainer_purpose_of(const struct explainer_job *job)
{
	return job->purpose;
}

void explainer_done(struct explainer *e, struct explainer_job *job)
{
	if (!job)
		return;
	pthread_mutex_lock(&e->lock);
	e->waiting -= unlink_job(&e->queue, job);
	if (unlink_job(&e->ended, job)) {
		e->ended_end = &e->ended;
		while (*e->ended_end)
			e->ended_end = &(*e->ended_end)->next;
	}
	release_job(job);
	pthread_mutex_unlock(&e->lock);
}

int explainer_fd(const struct explainer *e)
{
	return e->event_fd;
}

struct explainer_job *explainer_next(struct explainer *e)
{
	struct explainer_job *job;
	eventfd_t ignored;

	pthread_mutex_lock(&e->lock);
	job = take_ended(e);
	if (job)
		take_rest(job);
	else
		(void)eventfd_read(e->event_fd, &ignored);
	pthread_mutex_unlock(&e->lock);
	return job;
}

void explainer_tick(struct explainer *e)
{
	struct worker *worker;

	pthread_mutex_lock(&e->lock);
	worker = e->worker;
	if (worker && worker->files_since_ns &&
	    now_ns() - worker->files_since_ns > e->patience_ns) {
		worker->given_up = true;
		e->worker = NULL;
		e->stuck++;
		e->stats.late++;
		if (worker->job->purpose != EXPLAINER_AHEAD)
			reach(e, worker->job, EXPLAINER_HAS_ALL);
		if (e->queue)
			(void)need_worker(e);
	}
	pthread_mutex_unlock(&e->lock);
}

void explainer_stats(struct explainer *e, struct explainer_stats *out)
{
	pthread_mutex_lock(&e->lock);
	*out = e->stats;
	pthread_mutex_unlock(&e->lock);
}

/* ---- life ---- */

struct explainer *explainer_new(struct census *census, const char *why,
				uint64_t patience_ns)
{
	struct explainer *e = calloc(1, sizeof(*e));

	if (!e) {
		census_close(census);
		return NULL;
	}
	e->census = census;
	e->patience_ns = patience_ns;
	snprintf(e->why_none, sizeof(e->why_none), "%s", why);
	e->holders = 1;
	e->ended_end = &e->ended;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->asked, NULL);
	thread_cond_init(&e->answered);
	e->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->origins = origin_cache_new();
	if (e->event_fd < 0 || !e->origins) {
		free_explainer(e);
		return NULL;
	}
	/* From the start, like all that alerting needs. If not, then later. */
	pthread_mutex_lock(&e->lock);
	(void)need_worker(e);
	pthread_mutex_unlock(&e->lock);
	return e;
}

void explainer_free(struct explainer *e)
{
	struct timespec until;

	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->leave = true;
	pthread_cond_broadcast(&e->asked);
	until = thread_deadline(END_NS);
	/* The first step uses the census, and ends: that is waited for. */
	while (e->worker) {
		int late = pthread_cond_timedwait(&e->answered, &e->lock, &until);

		if (late && e->worker && e->worker->files_since_ns) {
			e->worker->given_up = true;
			e->stuck++;
			e->worker = NULL;
		} else if (late) {
			until = thread_deadline(END_NS);
		}
	}
	census_close(e->census);
	e->census = NULL;
	leave(e);
}
