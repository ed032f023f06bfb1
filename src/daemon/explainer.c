// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explainer_impl.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "thread.h"

/* Descriptors that are looked at: some 12 MB while that lasts. */
#define DESCRIPTORS_MAX 65536
/* From so many on the memory is given back to the system. */
#define TRIM_FROM       1024
/* At the end, how long a thread may be over files. */
#define END_NS          200000000ull

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

	while ((job = e->queue ? e->queue : e->files)) {
		(void)(explainer_queue_unlink(&e->queue, job) ||
		       explainer_queue_unlink(&e->files, job));
		explainer_job_free(job);
	}
	while ((job = explainer_queue_take_ended(e)))
		explainer_job_free(job);
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
	uint64_t from_ns = explainer_now_ns();
	bool found, given_up, holders = job->purpose == EXPLAINER_HOLDERS;
	uid_t uid = identity_charged(&job->question.who);
	int err;

	pthread_mutex_lock(&e->lock);
	worker->files_since_ns = from_ns;
	found = !holders && origin_cache_get(e->origins, &job->question, &known);
	pthread_mutex_unlock(&e->lock);
	err = holders ? explain_holders(&job->question, &rest)
		      : explain_limit(&job->question, job->why.diagnoses,
				      job->why.diagnoses_len, found ? &known : NULL,
				      &rest);
	pthread_mutex_lock(&e->lock);
	if (!err && !found && !holders)
		origin_cache_put(e->origins, &job->question, &rest.origin);
	user_budget_charge(&e->budget, uid, job->question.who.pid,
			   explainer_now_ns() - from_ns, explainer_now_ns());
	worker->files_since_ns = 0;
	given_up = worker->given_up;
	if (given_up)
		explanation_clear(&rest);
	else
		job->rest = rest;
	pthread_mutex_unlock(&e->lock);
	return !given_up;
}

/* Under the lock, all of it to the next one. */

static void say_unread(struct explainer_job *job, const char *text)
{
	if (explain_unread(&job->question, job->why.diagnoses, job->why.diagnoses_len,
			   text, &job->rest))
		explanation_clear(&job->rest);
}

static int need_worker(struct explainer *e, enum slot slot);

/* From the first step to the second. */
static void pass_on(struct explainer *e, struct explainer_job *job)
{
	char why[192];

	if (job->purpose == EXPLAINER_REMEDY || job->purpose == EXPLAINER_KINDS) {
		e->stats.worked++;
		reach(e, job, EXPLAINER_HAS_ALL);
	} else if (job->holders == 1) {
		/* its caller is done with it already */
		e->stats.worked++;
	} else if (explainer_queue_refuses(e, job, why, sizeof(why))) {
		e->stats.unread++;
		say_unread(job, why);
		reach(e, job, EXPLAINER_HAS_ALL);
	} else if (need_worker(e, FOR_FILES) && need_worker(e, FOR_FILES_TOO)) {
		e->stats.unread++;
		say_unread(job, "not looked up: all threads that read files are stuck");
		reach(e, job, EXPLAINER_HAS_ALL);
	} else {
		(void)need_worker(e, FOR_FILES_TOO);
		explainer_queue_put(&e->files, job, &e->files_waiting);
		pthread_cond_broadcast(&e->asked);
	}
}

static void work(struct explainer *e, struct worker *worker, struct explainer_job *job)
{
	size_t looked = 0;
	bool idle;

	if (worker->slot == FOR_KERNEL)
		looked = do_descriptors(e, job);
	else if (!do_limit(e, worker, job))
		return;
	pthread_mutex_lock(&e->lock);
	if (worker->slot == FOR_KERNEL) {
		pass_on(e, job);
	} else {
		e->stats.worked++;
		reach(e, job, EXPLAINER_HAS_ALL);
	}
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
	while (!worker->given_up && !e->leave) {
		job = explainer_queue_take(e, worker->slot);
		if (!job) {
			pthread_cond_wait(&e->asked, &e->lock);
			continue;
		}
		job->holders++;
		worker->job = job;
		pthread_mutex_unlock(&e->lock);
		work(e, worker, job);
		pthread_mutex_lock(&e->lock);
		worker->job = NULL;
		explainer_job_release(job);
		/* another one of that user's may have waited for it */
		pthread_cond_broadcast(&e->asked);
	}
	if (worker->given_up)
		e->stuck--;
	else
		e->workers[worker->slot] = NULL;
	pthread_cond_broadcast(&e->answered);
	leave(e);
	free(worker);
	return NULL;
}

/* Under the lock: with a thread there always is a place to be stuck in. */
static int need_worker(struct explainer *e, enum slot slot)
{
	struct worker *worker;
	int err;

	if (e->workers[slot])
		return 0;
	if (slot != FOR_KERNEL && e->stuck >= EXPLAINER_STUCK_MAX)
		return -EBUSY;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	worker->explainer = e;
	worker->slot = slot;
	e->holders++;
	err = thread_start(&worker->thread, "explainer", run, worker);
	if (err) {
		e->holders--;
		free(worker);
		return err;
	}
	pthread_detach(worker->thread);
	e->workers[slot] = worker;
	return 0;
}

/* ---- the caller's side ---- */

struct explainer_job *explainer_ask(struct explainer *e, enum explainer_purpose purpose,
				    const char incident[37],
				    struct explain_question *question)
{
	struct explainer_job *job = calloc(1, sizeof(*job));
	bool ahead = purpose == EXPLAINER_AHEAD;
	bool files = ahead || purpose == EXPLAINER_HOLDERS;
	char why[192];

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
	if (files ? need_worker(e, FOR_FILES) ||
			    (ahead && e->files_waiting >= EXPLAINER_QUEUE_MAX / 4) ||
			    explainer_queue_refuses(e, job, why, sizeof(why))
		  : need_worker(e, FOR_KERNEL) || e->waiting >= EXPLAINER_QUEUE_MAX) {
		e->stats.dropped += !ahead;
		explainer_job_free(job);
		job = NULL;
	} else {
		/* Nobody waits for one ahead of its time: the thread's own. */
		job->holders = !ahead;
		if (files)
			explainer_queue_put(&e->files, job, &e->files_waiting);
		else
			explainer_queue_put(&e->queue, job, &e->waiting);
		pthread_cond_broadcast(&e->asked);
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
	e->waiting -= explainer_queue_unlink(&e->queue, job);
	e->files_waiting -= explainer_queue_unlink(&e->files, job);
	if (explainer_queue_unlink(&e->ended, job)) {
		e->ended_end = &e->ended;
		while (*e->ended_end)
			e->ended_end = &(*e->ended_end)->next;
	}
	explainer_job_release(job);
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
	job = explainer_queue_take_ended(e);
	if (job)
		take_rest(job);
	else
		(void)eventfd_read(e->event_fd, &ignored);
	pthread_mutex_unlock(&e->lock);
	return job;
}

/* Under the lock. */
static void give_up(struct explainer *e, struct worker *worker)
{
	worker->given_up = true;
	e->workers[worker->slot] = NULL;
	e->stuck++;
}

void explainer_tick(struct explainer *e)
{
	pthread_mutex_lock(&e->lock);
	for (enum slot slot = FOR_FILES; slot < SLOTS; slot++) {
		struct worker *worker = e->workers[slot];

		if (!worker || !worker->files_since_ns ||
		    explainer_now_ns() - worker->files_since_ns <= e->patience_ns)
			continue;
		give_up(e, worker);
		e->stats.late++;
		if (worker->job->purpose != EXPLAINER_AHEAD)
			reach(e, worker->job, EXPLAINER_HAS_ALL);
		if (e->files)
			(void)need_worker(e, slot);
	}
	pthread_mutex_unlock(&e->lock);
}

bool explainer_report(struct explainer *e, char *line, size_t size)
{
	bool found;

	pthread_mutex_lock(&e->lock);
	found = e->slow_pid != 0;
	if (found)
		snprintf(line, size,
			 "reading what processes of user %u have named takes too long, "
			 "most of all for process %d: where the limits of this user's "
			 "processes were set is told less often",
			 e->slow_user, (int)e->slow_pid);
	e->slow_pid = 0;
	pthread_mutex_unlock(&e->lock);
	return found;
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
	for (enum slot slot = 0; slot < SLOTS; slot++)
		(void)need_worker(e, slot);
	pthread_mutex_unlock(&e->lock);
	return e;
}

/* Under the lock. Those over files are left to themselves. false: another one works. */
static bool all_have_left(struct explainer *e, bool late)
{
	bool all = true;

	for (enum slot slot = 0; slot < SLOTS; slot++) {
		if (late && e->workers[slot] && e->workers[slot]->files_since_ns)
			give_up(e, e->workers[slot]);
		all &= !e->workers[slot];
	}
	return all;
}

void explainer_free(struct explainer *e)
{
	struct timespec until;
	int late = 0;

	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->leave = true;
	pthread_cond_broadcast(&e->asked);
	until = thread_deadline(END_NS);
	/* The first step uses the census, and ends: that is waited for. */
	while (!all_have_left(e, late)) {
		if (late)
			until = thread_deadline(END_NS);
		late = pthread_cond_timedwait(&e->answered, &e->lock, &until);
	}
	census_close(e->census);
	e->census = NULL;
	leave(e);
}
