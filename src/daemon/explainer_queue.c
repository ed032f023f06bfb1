// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs, the lists that they wait in, and who may wait there. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/explainer_impl.h"

uint64_t explainer_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void explainer_job_free(struct explainer_job *job)
{
	explain_question_clear(&job->question);
	explanation_clear(&job->why);
	explanation_clear(&job->rest);
	free(job);
}

void explainer_job_release(struct explainer_job *job)
{
	if (job && --job->holders == 0)
		explainer_job_free(job);
}

/* What is ahead of its time waits for all that is not. */
void explainer_queue_put(struct explainer_job **list, struct explainer_job *job,
			 size_t *len)
{
	struct explainer_job **at = list;

	while (*at &&
	       (job->purpose == EXPLAINER_AHEAD || (*at)->purpose != EXPLAINER_AHEAD))
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	(*len)++;
}

static bool explainer_queue_is_at_work_for(const struct explainer *e, uid_t uid)
{
	for (int slot = FOR_FILES; uid && slot < SLOTS; slot++)
		if (e->workers[slot] && e->workers[slot]->job &&
		    identity_charged(&e->workers[slot]->job->question.who) == uid)
			return true;
	return false;
}

/* One user's files keep one thread at the most. NULL: there is nothing to do. */
struct explainer_job *explainer_queue_take(struct explainer *e, enum slot slot)
{
	struct explainer_job **at = slot == FOR_KERNEL ? &e->queue : &e->files, *job;

	while (*at && slot != FOR_KERNEL &&
	       explainer_queue_is_at_work_for(e,
					      identity_charged(&(*at)->question.who)))
		at = &(*at)->next;
	job = *at;
	if (!job)
		return NULL;
	*at = job->next;
	if (slot == FOR_KERNEL)
		e->waiting--;
	else
		e->files_waiting--;
	return job;
}

struct explainer_job *explainer_queue_take_ended(struct explainer *e)
{
	struct explainer_job *job = e->ended;

	if (job)
		e->ended = job->next;
	if (!e->ended)
		e->ended_end = &e->ended;
	return job;
}

/* From the list that it is in. false: it is in none. */
bool explainer_queue_unlink(struct explainer_job **list,
			    const struct explainer_job *job)
{
	while (*list && *list != job)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = job->next;
	return true;
}

static size_t explainer_queue_count(const struct explainer *e, uid_t uid)
{
	size_t count = 0;

	for (const struct explainer_job *job = e->files; job; job = job->next)
		count += identity_charged(&job->question.who) == uid;
	return count;
}

/* Why its files are not read; false: they may be. */
bool explainer_queue_refuses(struct explainer *e, const struct explainer_job *job,
			     char *text, size_t size)
{
	uid_t uid = identity_charged(&job->question.who);
	pid_t slowest = 0;

	if (user_budget_is_over(&e->budget, uid, explainer_now_ns(), &slowest)) {
		e->slow_user = uid;
		e->slow_pid = slowest;
		snprintf(text, size,
			 "not looked up: reading what processes of user %u have "
			 "named, most of all process %d, has used up this user's "
			 "time",
			 uid, (int)slowest);
		return true;
	}
	if (e->files_waiting < EXPLAINER_QUEUE_MAX &&
	    (!uid || explainer_queue_count(e, uid) < EXPLAINER_USER_MAX))
		return false;
	snprintf(text, size,
		 "not looked up: too many processes, of user %u or of all, wait for "
		 "files to be read",
		 uid);
	return true;
}
