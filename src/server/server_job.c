// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/server_job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/places.h"

struct server_job *server_job_new(uint64_t client, struct request *request)
{
	struct server_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->client = client;
	job->request = *request;
	memset(request, 0, sizeof(*request));
	return job;
}

void server_job_free(struct server_job *job)
{
	if (!job)
		return;
	request_clear(&job->request);
	shared_text_release(job->body);
	free(job);
}

void server_job_know(struct server_job *job, const struct roster_row *row,
		     const struct feed *feed)
{
	const struct feed_history *history;

	if (!row)
		return;
	job->watched_ns = row->who.start_ns;
	job->watched = row->fd;
	history =
		feed ? feed_find_history(feed, row->who.pid, row->who.start_ns) : NULL;
	if (history)
		job->history = *history;
}

void server_job_fail(struct server_job *job, enum request_error error,
		     const char *format, ...)
{
	va_list args;

	job->error = error;
	va_start(args, format);
	vsnprintf(job->why, sizeof(job->why), format, args);
	va_end(args);
}

int server_queue_open(struct server_queue *queue, bool shared, bool with_event)
{
	memset(queue, 0, sizeof(*queue));
	queue->shared = shared;
	queue->event_fd = -1;
	if (with_event) {
		queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (queue->event_fd < 0)
			return -errno;
	}
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	queue->open = true;
	return 0;
}

void server_queue_free(struct server_queue *queue)
{
	struct server_job *job, *next;

	if (!queue->open)
		return;
	for (job = queue->head; job; job = next) {
		next = job->next;
		server_job_free(job);
	}
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	memset(queue, 0, sizeof(*queue));
}

/* Under the lock: a turn of its user's, and a place by it. */
static bool queue_in(struct server_queue *queue, struct server_job *job)
{
	struct server_job **at;
	size_t waiting = 0;

	for (at = &queue->head; *at; at = &(*at)->next)
		waiting += (*at)->uid == job->uid;
	if (queue->shared && !places_wait(waiting, job->privileged))
		return false;
	job->turn = !queue->shared || job->privileged ? 0 : queue->round + 1 + waiting;
	for (at = &queue->head; *at && (*at)->turn <= job->turn;)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	return true;
}

bool server_queue_put(struct server_queue *queue, struct server_job *job)
{
	bool taken;

	pthread_mutex_lock(&queue->lock);
	taken = queue_in(queue, job);
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	if (queue->event_fd >= 0)
		eventfd_write(queue->event_fd, 1);
	return taken;
}

struct server_job *server_queue_take(struct server_queue *queue, bool wait)
{
	struct server_job *job;
	eventfd_t ignored;

	pthread_mutex_lock(&queue->lock);
	while (wait && !queue->head && !queue->closing)
		pthread_cond_wait(&queue->filled, &queue->lock);
	job = queue->closing ? NULL : queue->head;
	if (job) {
		queue->head = job->next;
		if (job->turn > queue->round)
			queue->round = job->turn;
	} else if (queue->event_fd >= 0) {
		(void)eventfd_read(queue->event_fd, &ignored);
	}
	pthread_mutex_unlock(&queue->lock);
	return job;
}

void server_queue_close(struct server_queue *queue)
{
	if (!queue->open)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->closing = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}
