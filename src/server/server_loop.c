// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread of the sockets: connections, alerts and replies come in, nothing waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/places.h"
#include "server/server_impl.h"

/* Connections taken before others have their turn. */
#define ACCEPTS_MAX 16
#define CHECK_US    1000000u
#define ACCURACY_US 250000u

/* What comes first. A storm of connects is the last to be served. */
enum {
	PRIORITY_ALERTS = SD_EVENT_PRIORITY_NORMAL - 20,
	PRIORITY_REPLIES = SD_EVENT_PRIORITY_NORMAL - 10,
	PRIORITY_MORE = SD_EVENT_PRIORITY_NORMAL + 10,
	PRIORITY_CONNECTS = SD_EVENT_PRIORITY_NORMAL + 20,
};

/* ---- connections ---- */

/* Tells one more than there is room for, in a line that it may read at leisure. */
static void turn_away(const struct server *s, int fd)
{
	(void)send(fd, s->busy->bytes, s->busy->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* Of a connection that can't be taken for want of a descriptor, the listening socket stays
 * readable for ever. The one kept back is given up for it; where it can't be had back,
 * connections wait until the next check. */
static void turn_away_with_reserve(struct server *s)
{
	int fd;

	if (s->reserve_fd >= 0)
		close(s->reserve_fd);
	// cppcheck-suppress nullPointer
	fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		turn_away(s, fd);
	s->reserve_fd = eventfd(0, EFD_CLOEXEC);
	if (s->reserve_fd < 0)
		sd_event_source_set_enabled(s->listener, SD_EVENT_OFF);
}

/* Takes it, if there is a place for its user: of the group's members none gets them all. */
static void take_in(struct server *s, int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	size_t of_user = 0;
	bool privileged;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		peer.uid = (uid_t)-1;
	for (size_t i = 0; i < s->clients_len; i++)
		of_user += s->clients[i]->uid == peer.uid;
	privileged = peer.uid == 0 || peer.uid == geteuid();
	if (places_admit(SERVER_CLIENTS_MAX, s->clients_len, of_user, privileged))
		(void)server_client_add(s, fd, peer.uid, privileged);
	else
		turn_away(s, fd);
}

static int on_connect(sd_event_source *source, int listener, uint32_t events,
		      void *context)
{
	struct server *s = context;

	(void)source, (void)events;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		// cppcheck-suppress nullPointer
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			take_in(s, fd);
		else if (errno == EMFILE || errno == ENFILE)
			turn_away_with_reserve(s);
		else if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
	return 0;
}

/* ---- alerts ---- */

static void keep_recent(struct server *s, struct shared_text *text)
{
	while (s->recent_len && (s->recent_len == SERVER_RECENT_LINES ||
				 s->recent_bytes + text->len > SERVER_RECENT_BYTES)) {
		struct shared_text *oldest = s->recent[s->recent_first];

		s->recent_bytes -= oldest->len;
		shared_text_release(oldest);
		s->recent_first = (s->recent_first + 1) % SERVER_RECENT_LINES;
		s->recent_len--;
	}
	s->recent[(s->recent_first + s->recent_len++) % SERVER_RECENT_LINES] =
		shared_text_hold(text);
	s->recent_bytes += text->len;
}

/* To each of those who subscribed. */
static void pass_on(struct server *s, struct server_alert_item *item, uint64_t lost)
{
	struct server_alert_item *next;

	for (; item; item = next) {
		next = item->next;
		keep_recent(s, item->text);
		for (size_t i = 0; i < s->clients_len; i++)
			if (s->clients[i]->subscribed)
				send_queue_alert(&s->clients[i]->out, item->text);
		shared_text_release(item->text);
		free(item);
	}
	for (size_t i = 0; lost && i < s->clients_len; i++)
		if (s->clients[i]->subscribed)
			send_queue_lose(&s->clients[i]->out, lost);
	/* from the end: one that is dropped is replaced by the last */
	for (size_t i = s->clients_len; i-- > 0;)
		if (s->clients[i]->subscribed)
			server_client_serve(s->clients[i]);
}

static void take_alerts(struct server *s)
{
	struct server_alert_item *items;
	eventfd_t ignored;
	uint64_t lost;

	(void)eventfd_read(s->alert_fd, &ignored);
	pthread_mutex_lock(&s->lock);
	items = s->head;
	lost = s->lost;
	s->head = NULL;
	s->tail = &s->head;
	s->lines = s->bytes = 0;
	s->lost = 0;
	pthread_mutex_unlock(&s->lock);
	pass_on(s, items, lost);
}

static int on_alerts(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source, (void)fd, (void)events;
	take_alerts(context);
	return 0;
}

/* ---- replies ---- */

static int on_replies(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct server *s = context;
	struct server_job *job;

	(void)source, (void)fd, (void)events;
	while ((job = server_queue_take(&s->replies, false))) {
		for (size_t i = 0; i < s->clients_len; i++) {
			struct server_client *client = s->clients[i];

			if (client->number != job->client ||
			    client->ticket != job->ticket)
				continue;
			server_client_reply(client, job);
			server_client_serve(client);
			break;
		}
		server_job_free(job);
	}
	return 0;
}

/* Requests that have come, and were not worked on for the others' sake. */
static int on_more(sd_event_source *source, void *context)
{
	struct server *s = context;

	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	for (size_t i = s->clients_len; i-- > 0;)
		server_client_serve(s->clients[i]);
	return 0;
}

/* ---- time ---- */

static int on_timer(sd_event_source *source, uint64_t due_us, void *context)
{
	struct server *s = context;
	uint64_t now_ns = server_now_ns();

	(void)due_us;
	if (s->reserve_fd < 0)
		s->reserve_fd = eventfd(0, EFD_CLOEXEC);
	sd_event_source_set_enabled(s->listener, SD_EVENT_ON);
	for (size_t i = s->clients_len; i-- > 0;)
		server_client_check(s->clients[i], now_ns);
	sd_event_source_set_time(source, now_ns / 1000 + CHECK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- life ---- */

static int on_stop(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct server *s = context;

	(void)source, (void)fd, (void)events;
	take_alerts(s); /* the last ones, as far as they are taken at once */
	return sd_event_exit(s->event, 0);
}

static int watch(struct server *s, int fd, sd_event_io_handler_t handler, int priority,
		 sd_event_source **out)
{
	sd_event_source *source = NULL;
	int err = sd_event_add_io(s->event, &source, fd, EPOLLIN, handler, s);

	if (err >= 0)
		err = sd_event_source_set_priority(source, priority);
	if (err >= 0 && !out)
		err = sd_event_source_set_floating(source, 1);
	if (out)
		*out = source;
	else
		sd_event_source_unref(source);
	return err < 0 ? err : 0;
}

static int make_lines(struct server *s)
{
	const struct server_settings *set = &s->settings;

	s->greeting = shared_text_format(
		"{\"fdwarden\":{\"protocol\":%d,\"version\":\"%s\",\"pid\":%d},%s}\n",
		SERVER_PROTOCOL, set->version, (int)getpid(), set->host_json);
	s->busy = shared_text_format("{\"error\":{\"code\":\"busy\",\"message\":\"%d "
				     "clients are connected, or %d of this user, or as "
				     "many as there are descriptors for; try again "
				     "later\"}}\n",
				     SERVER_CLIENTS_MAX, PLACES_OF_USER);
	return s->greeting && s->busy ? 0 : -ENOMEM;
}

int server_loop_set_up(struct server *s)
{
	int err = make_lines(s);

	if (!err)
		err = sd_event_new(&s->event);
	if (err >= 0)
		err = watch(s, s->socket.fd, on_connect, PRIORITY_CONNECTS,
			    &s->listener);
	if (err >= 0)
		err = watch(s, s->alert_fd, on_alerts, PRIORITY_ALERTS, NULL);
	if (err >= 0)
		err = watch(s, s->replies.event_fd, on_replies, PRIORITY_REPLIES, NULL);
	if (err >= 0)
		err = watch(s, s->stop_fd, on_stop, PRIORITY_ALERTS, NULL);
	if (err >= 0)
		err = sd_event_add_time(s->event, &s->timer, CLOCK_MONOTONIC,
					server_now_ns() / 1000 + CHECK_US, ACCURACY_US,
					on_timer, s);
	if (err >= 0)
		err = sd_event_add_defer(s->event, &s->more, on_more, s);
	if (err >= 0)
		err = sd_event_source_set_priority(s->more, PRIORITY_MORE);
	if (err >= 0)
		err = sd_event_source_set_enabled(s->more, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

void *server_loop_run(void *server)
{
	struct server *s = server;

	(void)sd_event_loop(s->event);
	return NULL;
}

void server_loop_tear_down(struct server *s)
{
	while (s->clients_len)
		server_client_drop(s->clients[s->clients_len - 1]);
	for (size_t i = 0; i < s->recent_len; i++)
		shared_text_release(
			s->recent[(s->recent_first + i) % SERVER_RECENT_LINES]);
	sd_event_source_unref(s->listener);
	sd_event_source_unref(s->timer);
	sd_event_source_unref(s->more);
	sd_event_unref(s->event);
	shared_text_release(s->greeting);
	shared_text_release(s->busy);
}
