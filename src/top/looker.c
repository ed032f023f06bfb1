// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/looker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/inspector.h"
#include "daemon/recall.h"
#include "server/shared_text.h"
#include "state/json_read.h"
#include "thread.h"
#include "top/reply.h"

struct looker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	int event_fd;
	struct inspector *inspector;
	struct recall *recall;
	bool closing;
	/* questions; NULL: none. `past`: incidents, or the report of one */
	struct server_job *page, *past, *kinds;
	struct server_job *answers; /* newest first */
};

/* ---- the thread ---- */

/* One who waits for a page waits longer for it than for anything else. */
static struct server_job *take_question(struct looker *l)
{
	struct server_job **from = l->page ? &l->page : l->past ? &l->past : &l->kinds;
	struct server_job *job = *from;

	*from = NULL;
	return job;
}

static bool is_past(enum request_kind kind)
{
	return kind == REQUEST_INCIDENTS || kind == REQUEST_REPORT;
}

static void *run(void *context)
{
	struct looker *l = context;
	struct server_job *job;

	pthread_mutex_lock(&l->lock);
	while (!l->closing) {
		job = take_question(l);
		if (!job) {
			pthread_cond_wait(&l->asked, &l->lock);
			continue;
		}
		pthread_mutex_unlock(&l->lock);
		if (is_past(job->request.kind))
			recall_answer(l->recall, job);
		else
			inspector_answer(l->inspector, job);
		pthread_mutex_lock(&l->lock);
		job->next = l->answers;
		l->answers = job;
		if (eventfd_write(l->event_fd, 1))
			continue; /* it is readable already */
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- questions and answers ---- */

/* The request is moved. */
static void ask(struct looker *l, struct server_job **to, struct request *request,
		const struct roster_row *row, const struct feed *feed)
{
	struct server_job *job = server_job_new(0, request);

	if (!job) {
		request_clear(request);
		return;
	}
	server_job_know(job, row, feed);
	pthread_mutex_lock(&l->lock);
	server_job_free(*to);
	*to = job;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
}

void looker_ask_kinds(struct looker *l, const pid_t *pids, size_t len)
{
	struct request request = {.kind = REQUEST_MAIN_KINDS, .is_object = true};

	request.pids_len = len < REQUEST_KINDS_MAX ? len : REQUEST_KINDS_MAX;
	request.pids = calloc(request.pids_len + 1, sizeof(*pids));
	if (!request.pids)
		return;
	memcpy(request.pids, pids, request.pids_len * sizeof(*pids));
	ask(l, &l->kinds, &request, NULL, NULL);
}

void looker_ask_page(struct looker *l, const struct roster_row *row,
		     const struct feed *feed, pid_t pid, int width, bool utf8)
{
	struct request request = {
		.kind = REQUEST_PROCESS,
		.is_object = true,
		.pid = pid,
		.width = width < REQUEST_WIDTH_MAX ? width : REQUEST_WIDTH_MAX,
		.ascii = !utf8,
	};

	ask(l, &l->page, &request, row, feed);
}

void looker_ask_incidents(struct looker *l, pid_t pid, uint64_t start_ns,
			  const char *service)
{
	struct request request = {
		.kind = REQUEST_INCIDENTS,
		.is_object = true,
		.pid = pid,
		.start_ns = start_ns,
		.service = service && *service ? strdup(service) : NULL,
		.max = REQUEST_PAST_DEFAULT,
	};

	ask(l, &l->past, &request, NULL, NULL);
}

void looker_ask_report(struct looker *l, const char *id, int width, bool utf8)
{
	struct request request = {
		.kind = REQUEST_REPORT,
		.is_object = true,
		.width = width < REQUEST_WIDTH_MAX ? width : REQUEST_WIDTH_MAX,
		.ascii = !utf8,
	};

	snprintf(request.incident, sizeof(request.incident), "%s", id);
	ask(l, &l->past, &request, NULL, NULL);
}

int looker_fd(const struct looker *l)
{
	return l->event_fd;
}

/* A job's body is members without braces. */
static cJSON *parse(const struct server_job *job)
{
	size_t len = job->body ? job->body->len : 0;
	char *text = malloc(len + 3);
	cJSON *reply;

	if (!text)
		return NULL;
	text[0] = '{';
	if (len)
		memcpy(text + 1, job->body->bytes, len);
	text[len + 1] = '}';
	reply = json_read(text, len + 2, JSON_READ_DEEP, NULL);
	free(text);
	return reply;
}

static void give_page(cJSON *reply, pid_t pid, const struct recent *recent,
		      const struct source_handlers *to)
{
	cJSON *alerts = recent_of(recent, pid);

	/* without memory for them it is a page all the same */
	if (alerts && !cJSON_AddItemToObject(reply, "alerts", alerts))
		cJSON_Delete(alerts);
	reply_page(reply, to);
}

static void hand_on_past(const struct server_job *job, const struct source_handlers *to)
{
	cJSON *reply = job->error == REQUEST_OK ? parse(job) : NULL;
	const char *error = job->error == REQUEST_OK ? "it can't be read" : job->why;
	const struct request *asked = &job->request;
	struct source_incidents incidents = {
		.pid = asked->pid, .start_ns = asked->start_ns, .error = error};
	struct source_report report = {.id = asked->incident, .error = error};

	if (asked->kind == REQUEST_INCIDENTS && reply)
		reply_incidents(reply, asked->pid, asked->start_ns, to);
	else if (asked->kind == REQUEST_INCIDENTS)
		to->incidents(to->context, &incidents);
	else if (reply)
		reply_report(reply, asked->incident, to);
	else
		to->report(to->context, &report);
	cJSON_Delete(reply);
}

static void hand_on(const struct server_job *job, const struct recent *recent,
		    const struct source_handlers *to)
{
	struct source_page page = {.pid = job->request.pid, .error = job->why};
	cJSON *reply = job->error == REQUEST_OK ? parse(job) : NULL;

	if (job->request.kind == REQUEST_MAIN_KINDS)
		reply_kinds(reply, to);
	else if (reply)
		give_page(reply, page.pid, recent, to);
	else
		to->page(to->context, &page);
	cJSON_Delete(reply);
}

void looker_take(struct looker *l, const struct recent *recent,
		 const struct source_handlers *to)
{
	struct server_job *job, *next, *first = NULL;
	eventfd_t ignored;

	if (eventfd_read(l->event_fd, &ignored))
		return;
	pthread_mutex_lock(&l->lock);
	job = l->answers;
	l->answers = NULL;
	pthread_mutex_unlock(&l->lock);
	/* The last answer is handed on last. */
	for (; job; job = next) {
		next = job->next;
		job->next = first;
		first = job;
	}
	for (job = first; job; job = next) {
		next = job->next;
		if (is_past(job->request.kind))
			hand_on_past(job, to);
		else
			hand_on(job, recent, to);
		server_job_free(job);
	}
}

/* ---- life ---- */

int looker_open(const char *incidents, struct looker **out)
{
	struct looker *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (!l)
		return err;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->asked, NULL);
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->inspector = inspector_new();
	l->recall = recall_new(incidents);
	if (l->event_fd < 0)
		err = -errno;
	else if (l->inspector && l->recall)
		err = thread_start(&l->thread, "looker", run, l);
	if (err) {
		inspector_free(l->inspector);
		recall_free(l->recall);
		if (l->event_fd >= 0)
			close(l->event_fd);
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

void looker_close(struct looker *l)
{
	struct server_job *next;

	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
	inspector_leave(l->inspector);
	pthread_join(l->thread, NULL);
	inspector_free(l->inspector);
	recall_free(l->recall);
	for (; l->answers; l->answers = next) {
		next = l->answers->next;
		server_job_free(l->answers);
	}
	server_job_free(l->page);
	server_job_free(l->past);
	server_job_free(l->kinds);
	close(l->event_fd);
	free(l);
}
