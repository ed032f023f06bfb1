// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "server/server_impl.h"
#include "thread.h"

/* How long the end waits for a record that is being read. */
#define RECALL_PATIENCE_S 2

uint64_t server_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the monitor's side ---- */

static struct server_alert_item *new_item(const struct sink_message *message)
{
	static const char open[] = "{\"alert\":", close[] = "}\n";
	struct server_alert_item *item = malloc(sizeof(*item));
	size_t len = message->len;
	char *at;

	if (!item)
		return NULL;
	while (len && message->line[len - 1] == '\n')
		len--;
	item->next = NULL;
	item->text = shared_text_new(sizeof(open) - 1 + len + sizeof(close) - 1);
	if (!item->text) {
		free(item);
		return NULL;
	}
	item->text->pid = message->pid;
	item->text->start_ns = message->start_ns;
	at = mempcpy(item->text->bytes, open, sizeof(open) - 1);
	at = mempcpy(at, message->line, len);
	memcpy(at, close, sizeof(close) - 1);
	return item;
}

void server_alert(struct server *s, const struct sink_message *message)
{
	struct server_alert_item *item = new_item(message);

	pthread_mutex_lock(&s->lock);
	if (item && s->lines < SERVER_INBOX_LINES &&
	    s->bytes + item->text->len <= SERVER_INBOX_BYTES) {
		s->lines++;
		s->bytes += item->text->len;
		*s->tail = item;
		s->tail = &item->next;
		item = NULL;
	} else {
		s->lost++;
	}
	pthread_mutex_unlock(&s->lock);
	eventfd_write(s->alert_fd, 1);
	if (item)
		shared_text_release(item->text);
	free(item);
}

int server_fd(const struct server *s)
{
	return server_roster_fd(s->roster);
}

struct feed *server_want(struct server *s, uint64_t tick)
{
	return server_roster_want(s->roster, tick);
}

void server_feed(struct server *s)
{
	server_roster_feed(s->roster);
}

/* ---- the thread that looks into single processes ---- */

static void *run_inspections(void *arg)
{
	struct server *s = arg;
	struct server_job *job;

	while ((job = server_queue_take(&s->inspections, true))) {
		s->settings.inspect(s->settings.inspect_context, job);
		server_queue_put(&s->replies, job);
	}
	return NULL;
}

/* ---- the thread that reads records of incidents ---- */

static void *run_recalls(void *arg)
{
	struct server *s = arg;
	struct server_job *job;

	while ((job = server_queue_take(&s->recalls, true))) {
		s->settings.recall(s->settings.recall_context, job);
		server_queue_put(&s->replies, job);
	}
	return NULL;
}

/* false: the disk holds it. */
static bool end_recalls(struct server *s)
{
	struct timespec until;

	server_queue_close(&s->recalls);
	if (!s->recall_started)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RECALL_PATIENCE_S;
	if (!pthread_timedjoin_np(s->recall_thread, NULL, &until))
		return true;
	pthread_detach(s->recall_thread);
	return false;
}

/* ---- life ---- */

static int open_queues(struct server *s)
{
	int err = server_queue_open(&s->inspections, true, false);

	if (!err)
		err = server_queue_open(&s->recalls, true, false);
	if (!err)
		err = server_queue_open(&s->replies, false, true);
	if (err)
		return err;
	s->alert_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->reserve_fd = eventfd(0, EFD_CLOEXEC);
	return s->alert_fd < 0 || s->stop_fd < 0 || s->reserve_fd < 0 ? -errno : 0;
}

static int start_threads(struct server *s)
{
	int err = server_roster_open(&s->inspections, &s->replies, &s->roster);

	if (!err)
		err = thread_start(&s->inspect_thread, "server-inspect",
				   run_inspections, s);
	s->inspect_started = !err;
	if (!err)
		err = thread_start_plain(&s->recall_thread, "server-recall",
					 run_recalls, s);
	s->recall_started = !err;
	if (!err)
		err = server_loop_set_up(s);
	if (!err)
		err = thread_start_plain(&s->loop_thread, "server", server_loop_run, s);
	s->loop_started = !err;
	return err;
}

int server_open(const struct server_settings *settings, struct server **out, char *why,
		size_t why_size)
{
	struct server *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!s) {
		if (settings->recall_free)
			settings->recall_free(settings->recall_context);
		return -ENOMEM;
	}
	s->settings = *settings;
	s->tail = &s->head;
	s->alert_fd = s->stop_fd = s->reserve_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	err = server_socket_open(settings->path, settings->group, &s->socket, why,
				 why_size);
	if (!err) {
		err = open_queues(s);
		if (!err)
			err = start_threads(s);
		if (err)
			snprintf(why, why_size, "the socket can't be served: %s",
				 strerror(-err));
	}
	if (err)
		server_close(s);
	else
		*out = s;
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void free_inbox(struct server *s)
{
	struct server_alert_item *item, *next;

	for (item = s->head; item; item = next) {
		next = item->next;
		shared_text_release(item->text);
		free(item);
	}
}

void server_close(struct server *s)
{
	bool ended;

	if (!s)
		return;
	if (s->loop_started) {
		eventfd_write(s->stop_fd, 1);
		pthread_join(s->loop_thread, NULL);
	}
	server_roster_close(s->roster);
	server_queue_close(&s->inspections);
	if (s->inspect_started)
		pthread_join(s->inspect_thread, NULL);
	ended = end_recalls(s);
	server_loop_tear_down(s);
	server_queue_free(&s->inspections);
	server_socket_close(&s->socket);
	free_inbox(s);
	close_fd(s->alert_fd);
	close_fd(s->stop_fd);
	close_fd(s->reserve_fd);
	pthread_mutex_destroy(&s->lock);
	if (!ended) /* what is left is that thread's still */
		return;
	server_queue_free(&s->recalls);
	server_queue_free(&s->replies);
	if (s->settings.recall_free)
		s->settings.recall_free(s->settings.recall_context);
	free(s);
}
