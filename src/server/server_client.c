// SPDX-License-Identifier: GPL-2.0-or-later
/* One client: its lines become requests, one at a time, and replies and alerts go out as
 * it takes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "output/json.h"
#include "server/places.h"
#include "server/server_impl.h"

/* Sent to one before others have their turn. */
#define SEND_BUDGET   (256u << 10)
#define LINES_AT_ONCE 16
/* Who takes nothing of what waits for it, or connects and asks nothing, is dropped. */
#define STALL_NS      30000000000ull
/* What the threads behind need at the most, by far. */
#define PATIENCE_NS   30000000000ull

/* ---- life ---- */

static int on_client(sd_event_source *source, int fd, uint32_t events, void *context);

int server_client_add(struct server *s, int fd, uid_t uid, bool privileged)
{
	struct server_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = s;
	c->number = ++s->last_number;
	c->fd = fd;
	c->uid = uid;
	c->privileged = privileged;
	c->in.max = REQUEST_LINE_MAX;
	c->since_ns = c->moved_ns = c->used_ns = server_now_ns();
	c->events = EPOLLIN;
	err = sd_event_add_io(s->event, &c->source, fd, c->events, on_client, c);
	if (err < 0) {
		close(fd);
		free(c);
		return err;
	}
	s->clients[s->clients_len++] = c;
	(void)send_queue_reply(&c->out, shared_text_hold(s->greeting));
	server_client_serve(c);
	return 0;
}

void server_client_drop(struct server_client *c)
{
	struct server *s = c->server;

	for (size_t i = 0; i < s->clients_len; i++)
		if (s->clients[i] == c)
			s->clients[i] = s->clients[--s->clients_len];
	sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
	sd_event_source_unref(c->source);
	close(c->fd);
	line_buffer_clear(&c->in);
	send_queue_clear(&c->out);
	free(c);
}

/* ---- what goes out ---- */

static void put(struct server_client *c, struct shared_text *text)
{
	/* Half a reply would be read as another's: without memory it is over. */
	if (send_queue_reply(&c->out, text))
		c->ended = c->closing = true;
}

static void put_error(struct server_client *c, const char *id, enum request_error error,
		      const char *message)
{
	cJSON *json = cJSON_CreateObject(), *inner;
	char *text = NULL;

	if (json && *id)
		cJSON_AddRawToObject(json, "id", id);
	inner = json ? json_add_object(json, "error") : NULL;
	if (inner && !json_add_text(inner, "code", request_error_name(error)) &&
	    !json_add_text(inner, "message", message))
		text = cJSON_PrintUnformatted(json);
	put(c, text ? shared_text_format("%s\n", text) : NULL);
	cJSON_free(text);
	cJSON_Delete(json);
}

/* {"reply":"NAME","id":… and what `rest` adds. */
static void put_head(struct server_client *c, const struct request *request,
		     const char *rest)
{
	put(c,
	    shared_text_format("{\"reply\":\"%s\"%s%s%s", request_name(request->kind),
			       *request->id ? ",\"id\":" : "", request->id, rest));
}

/* An alert's own object within {"alert":…}\n. */
#define ALERT_BEFORE (sizeof("{\"alert\":") - 1)
#define ALERT_AFTER  (sizeof("}\n") - 1)

static bool is_alert_of(const struct shared_text *alert, const struct server_job *job)
{
	return alert->pid == job->request.pid && alert->start_ns == job->start_ns;
}

/* The last member of a process's reply: its recent alerts, oldest first. */
static void put_alerts_of(struct server_client *c, const struct server_job *job)
{
	static const char open[] = ",\"alerts\":[", close_all[] = "]}\n";
	struct server *s = c->server;
	size_t len = sizeof(open) + sizeof(close_all);
	struct shared_text *out;
	char *at;

	for (size_t i = 0; i < s->recent_len; i++) {
		const struct shared_text *alert =
			s->recent[(s->recent_first + i) % SERVER_RECENT_LINES];

		if (is_alert_of(alert, job))
			len += alert->len;
	}
	out = shared_text_new(len);
	at = out ? mempcpy(out->bytes, open, sizeof(open) - 1) : NULL;
	for (size_t i = 0; at && i < s->recent_len; i++) {
		const struct shared_text *alert =
			s->recent[(s->recent_first + i) % SERVER_RECENT_LINES];

		if (!is_alert_of(alert, job))
			continue;
		if (at[-1] != '[')
			*at++ = ',';
		at = mempcpy(at, alert->bytes + ALERT_BEFORE,
			     alert->len - ALERT_BEFORE - ALERT_AFTER);
	}
	if (at) {
		at = mempcpy(at, close_all, sizeof(close_all) - 1);
		out->len = (size_t)(at - out->bytes);
	}
	put(c, out);
}

/* Whether so much more may wait for its user to read it, in whichever connections. */
static bool has_room(const struct server_client *c, size_t more)
{
	const struct server *s = c->server;
	size_t held = 0;

	for (size_t i = 0; i < s->clients_len; i++)
		if (s->clients[i]->uid == c->uid)
			held += s->clients[i]->out.reply_bytes;
	return places_keep(held, more, c->privileged);
}

void server_client_reply(struct server_client *c, struct server_job *job)
{
	c->ticket = 0;
	if (!job->error && !has_room(c, job->body->len))
		server_job_fail(job, REQUEST_BUSY,
				"too many replies wait to be read by this user's "
				"clients; ask again");
	if (job->error) {
		put_error(c, job->request.id, job->error, job->why);
		return;
	}
	put_head(c, &job->request, ",");
	put(c, shared_text_hold(job->body));
	if (job->request.kind == REQUEST_PROCESS)
		put_alerts_of(c, job);
	else
		put(c, shared_text_format("}\n"));
}

/* ---- what comes in ---- */

static void subscribe(struct server_client *c, const struct request *request)
{
	struct server *s = c->server;
	size_t first =
		s->recent_len > request->recent ? s->recent_len - request->recent : 0;

	put_head(c, request, "}\n");
	for (size_t i = first; i < s->recent_len; i++)
		send_queue_alert(
			&c->out,
			s->recent[(s->recent_first + i) % SERVER_RECENT_LINES]);
	c->subscribed = true;
}

/* To the thread that answers such a question. */
static bool queue_up(struct server *s, enum request_kind kind, struct server_job *job)
{
	switch (kind) {
	case REQUEST_MAIN_KINDS:
	case REQUEST_RAISED:
		return server_queue_put(&s->inspections, job);
	case REQUEST_INCIDENTS:
	case REQUEST_REPORT:
		return server_queue_put(&s->recalls, job);
	default:
		return server_roster_ask(s->roster, job);
	}
}

static void hand_on(struct server_client *c, struct request *request)
{
	struct server *s = c->server;
	enum request_kind kind = request->kind;
	struct server_job *job;
	uint64_t ticket;

	memcpy(c->id, request->id, sizeof(c->id));
	job = server_job_new(c->number, request);
	if (!job) {
		put_error(c, request->id, REQUEST_FAILED, "no memory");
		return;
	}
	job->uid = c->uid;
	job->privileged = c->privileged;
	job->ticket = ticket = ++s->last_ticket;
	if (!queue_up(s, kind, job)) {
		put_error(c, c->id, REQUEST_BUSY,
			  "too many requests of this user wait; ask again");
		server_job_free(job);
		return;
	}
	c->ticket = ticket;
	c->since_ns = server_now_ns();
}

static void take_line(struct server_client *c, const char *line, size_t len)
{
	struct request request;
	enum request_error error;
	char why[256];

	if (len && line[len - 1] == '\r')
		len--;
	if (!len)
		return;
	error = request_parse(line, len, &request, why, sizeof(why));
	c->asked = true;
	c->used_ns = server_now_ns();
	if (error) {
		put_error(c, request.id, error, why);
		c->closing = c->closing || !request.is_object;
	} else if (request.kind == REQUEST_SUBSCRIBE) {
		subscribe(c, &request);
	} else {
		hand_on(c, &request);
	}
	request_clear(&request);
}

/* The next request is read when the one before is answered and the answer is on its way: so
 * what one client has us keep is bounded. */
static bool takes_requests(const struct server_client *c)
{
	return !c->ticket && !c->closing && !c->out.replies;
}

/* Returns how many lines were taken. */
static int take_lines(struct server_client *c)
{
	const char *line;
	size_t len;
	int n = 0;

	while (n < LINES_AT_ONCE && takes_requests(c) &&
	       (line = line_buffer_next(&c->in, &len))) {
		take_line(c, line, len);
		n++;
	}
	return n;
}

static void receive(struct server_client *c)
{
	size_t room;
	char *to = line_buffer_room(&c->in, &room);
	ssize_t n;

	if (!to) {
		put_error(c, "", REQUEST_BAD, "a line is at most 65536 bytes long");
		c->ended = c->closing = true;
		return;
	}
	n = recv(c->fd, to, room, MSG_DONTWAIT);
	if (n > 0)
		line_buffer_add(&c->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->ended = true;
}

/* ---- both ---- */

static void watch(struct server_client *c)
{
	uint32_t events = 0;

	if (!c->ended && takes_requests(c))
		events |= EPOLLIN;
	if (!send_queue_is_empty(&c->out))
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	(void)sd_event_source_set_io_events(c->source, events);
}

/* Whether nothing more is to come of it: it has sent its last request, and has all. */
static bool is_over(const struct server_client *c)
{
	return send_queue_is_empty(&c->out) && !c->ticket &&
	       (c->closing ||
		(c->ended && !c->subscribed && !line_buffer_has_line(&c->in)));
}

void server_client_serve(struct server_client *c)
{
	int err = 0, lines = 0;
	bool more;

	do {
		bool waited = !send_queue_is_empty(&c->out);
		size_t sent = 0;

		lines += take_lines(c);
		if (!send_queue_is_empty(&c->out))
			err = send_queue_send(&c->out, c->fd, SEND_BUDGET, &sent);
		if (sent || !waited)
			c->moved_ns = server_now_ns();
		more = !err && takes_requests(c) && line_buffer_has_line(&c->in);
	} while (more && lines < LINES_AT_ONCE);
	if ((err && err != -EAGAIN) || is_over(c)) {
		server_client_drop(c);
		return;
	}
	if (more)
		sd_event_source_set_enabled(c->server->more, SD_EVENT_ONESHOT);
	watch(c);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct server_client *c = context;

	(void)source, (void)fd;
	/* Half closed is EPOLLIN alone: it still reads. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		server_client_drop(c);
		return 0;
	}
	if (events & EPOLLIN && !line_buffer_has_line(&c->in))
		receive(c);
	server_client_serve(c);
	return 0;
}

void server_client_check(struct server_client *c, uint64_t now_ns)
{
	if (c->ticket && now_ns > c->since_ns + PATIENCE_NS) {
		c->ticket = 0;
		put_error(c, c->id, REQUEST_FAILED, "it takes too long");
		server_client_serve(c);
		return;
	}
	if (places_idle(c->ticket || c->subscribed || !send_queue_is_empty(&c->out),
			c->used_ns, now_ns) ||
	    (!send_queue_is_empty(&c->out) && now_ns > c->moved_ns + STALL_NS) ||
	    (!c->asked && now_ns > c->since_ns + STALL_NS))
		server_client_drop(c);
}
