// SPDX-License-Identifier: GPL-2.0-or-later
/* A running daemon, over its socket. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/client.h"
#include "client/tell.h"
#include "output/alert.h"
#include "output/json.h"
#include "output/text.h"
#include "top/reply.h"
#include "top/source_impl.h"
#include "state/json_read.h"

/* Between two tries to reach a daemon that has gone. */
#define RETRY_NS     1000000000ull
/* Of a service's name, which the daemon takes no longer. */
#define SERVICE_MAX  256
/* To connect, and once more for the greeting; keys wait meanwhile. A daemon that is there
 * takes less than 10. */
#define RECONNECT_MS 200
/* A daemon that does not answer for so long is as good as gone. */
#define ANSWER_NS    10000000000ull

/* What was asked, and what is to be asked when that is answered. */
struct incidents_question {
	pid_t pid;
	uint64_t start_ns;
	char service[SERVICE_MAX + 1]; /* empty: none */
};

struct report_question {
	char id[ALERT_ID_LEN];
	int width;
	bool utf8;
};

struct socket_source {
	struct source source;
	char *path;
	struct client *client; /* NULL: it has gone */
	struct roster roster;
	/* when it was asked; 0: is not */
	uint64_t snapshot_ns, page_ns, kinds_ns, incidents_ns, report_ns;
	uint64_t retry_ns;
	struct incidents_question incidents, next_incidents;
	struct report_question report, next_report;
	bool incidents_wait, report_wait; /* there is a next one */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct socket_source *of(struct source *source)
{
	return (struct socket_source *)source;
}

/* ---- losing it, and finding it again ---- */

static void lose(struct socket_source *s, const char *why)
{
	char text[512];

	if (s->incidents_ns && !s->incidents_wait) {
		s->next_incidents = s->incidents;
		s->incidents_wait = true;
	}
	if (s->report_ns && !s->report_wait) {
		s->next_report = s->report;
		s->report_wait = true;
	}
	client_close(s->client);
	s->client = NULL;
	s->snapshot_ns = s->page_ns = s->kinds_ns = 0;
	s->incidents_ns = s->report_ns = 0;
	s->retry_ns = now_ns() + RETRY_NS;
	snprintf(text, sizeof(text), "%s; trying again", why);
	s->source.to.trouble(s->source.to.context, text);
}

static void take_greeting(struct socket_source *s)
{
	snprintf(s->source.name, sizeof(s->source.name), "daemon %d",
		 (int)client_greeting(s->client)->pid);
}

/* The name is also the id, by which an error is told whose it is. */
static int request(struct socket_source *s, cJSON *question, const char *name,
		   uint64_t *asked_ns)
{
	int err = question ? json_add_text(question, "id", name) : -ENOMEM;

	if (!err)
		err = client_send(s->client, question);

	cJSON_Delete(question);
	if (!err)
		*asked_ns = now_ns();
	else if (err != -ENOMEM)
		lose(s, "the daemon has closed the connection");
	return err;
}

/* ---- questions ---- */

static void refresh(struct source *source)
{
	struct socket_source *s = of(source);
	cJSON *question;

	if (!s->client || s->snapshot_ns)
		return;
	question = client_request("snapshot");
	if (question && s->roster.number &&
	    json_add_uint(question, "since", s->roster.number)) {
		cJSON_Delete(question);
		return;
	}
	request(s, question, "snapshot", &s->snapshot_ns);
}

static void ask_kinds(struct source *source, const pid_t *pids, size_t len)
{
	struct socket_source *s = of(source);
	cJSON *question, *list;

	if (!s->client || s->kinds_ns)
		return;
	question = client_request("kinds");
	list = question ? cJSON_AddArrayToObject(question, "pids") : NULL;
	for (size_t i = 0; list && i < len && i < SOURCE_KINDS_MAX; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(pids[i]));
	request(s, question, "kinds", &s->kinds_ns);
}

static void ask_page(struct source *source, pid_t pid, int width, bool utf8)
{
	struct socket_source *s = of(source);
	cJSON *question;

	if (!s->client || s->page_ns)
		return;
	question = client_request("process");
	if (question && (json_add_uint(question, "pid", (uint64_t)pid) ||
			 json_add_uint(question, "width", (uint64_t)width) ||
			 !cJSON_AddBoolToObject(question, "ascii", !utf8))) {
		cJSON_Delete(question);
		return;
	}
	request(s, question, "process", &s->page_ns);
}

/* The one that waits, when the one before it is answered; one that can't be sent waits on. */
static void send_incidents(struct socket_source *s)
{
	struct incidents_question *q = &s->incidents;
	char start[24];
	cJSON *question;

	if (!s->client || s->incidents_ns || !s->incidents_wait)
		return;
	*q = s->next_incidents;
	s->incidents_wait = false;
	snprintf(start, sizeof(start), "%" PRIu64, q->start_ns);
	question = client_request("incidents");
	if (question &&
	    (json_add_uint(question, "pid", (uint64_t)q->pid) ||
	     json_add_text(question, "start_ns", start) ||
	     (q->service[0] && json_add_text(question, "service", q->service)))) {
		cJSON_Delete(question);
		return;
	}
	s->incidents_wait = request(s, question, "incidents", &s->incidents_ns) != 0;
}

static void send_report(struct socket_source *s)
{
	struct report_question *q = &s->report;
	cJSON *question;

	if (!s->client || s->report_ns || !s->report_wait)
		return;
	*q = s->next_report;
	s->report_wait = false;
	question = client_request("report");
	if (question && (json_add_text(question, "incident", q->id) ||
			 json_add_uint(question, "width", (uint64_t)q->width) ||
			 !cJSON_AddBoolToObject(question, "ascii", !q->utf8))) {
		cJSON_Delete(question);
		return;
	}
	s->report_wait = request(s, question, "report", &s->report_ns) != 0;
}

static void ask_incidents(struct source *source, pid_t pid, uint64_t start_ns,
			  const char *service)
{
	struct socket_source *s = of(source);
	struct incidents_question *q = &s->next_incidents;

	q->pid = pid;
	q->start_ns = start_ns;
	snprintf(q->service, sizeof(q->service), "%s",
		 service && strlen(service) <= SERVICE_MAX ? service : "");
	s->incidents_wait = true;
	send_incidents(s);
}

static void ask_report(struct source *source, const char *id, int width, bool utf8)
{
	struct socket_source *s = of(source);
	struct report_question *q = &s->next_report;

	snprintf(q->id, sizeof(q->id), "%s", id);
	q->width = width;
	q->utf8 = utf8;
	s->report_wait = true;
	send_report(s);
}

static void reconnect(struct socket_source *s)
{
	char why[400];

	if (client_open(s->path, RECONNECT_MS, &s->client, why, sizeof(why))) {
		s->client = NULL;
		lose(s, why);
		return;
	}
	take_greeting(s);
	s->source.to.trouble(s->source.to.context, NULL);
	refresh(&s->source);
	send_report(s);
	send_incidents(s);
}

/* ---- answers ---- */

static void take_snapshot(struct socket_source *s, const cJSON *reply)
{
	int err = roster_apply_json(&s->roster, reply);

	s->snapshot_ns = 0;
	if (err == -ESTALE) {
		/* It has begun to count anew. */
		roster_clear(&s->roster);
		refresh(&s->source);
	} else if (err) {
		lose(s, "what the daemon sent can't be read");
	} else {
		s->source.to.roster(s->source.to.context, &s->roster);
	}
}

static void take_error(struct socket_source *s, const cJSON *reply)
{
	const char *id = json_text_at(reply, "id");
	struct source_page page = {.error = reply_error(reply)};
	struct source_incidents incidents = {.pid = s->incidents.pid,
					     .start_ns = s->incidents.start_ns,
					     .error = page.error};
	struct source_report report = {.id = s->report.id, .error = page.error};
	char why[400];

	if (id && !strcmp(id, "kinds")) {
		s->kinds_ns = 0;
	} else if (id && !strcmp(id, "process")) {
		s->page_ns = 0;
		s->source.to.page(s->source.to.context, &page);
	} else if (id && !strcmp(id, "incidents")) {
		s->incidents_ns = 0;
		s->source.to.incidents(s->source.to.context, &incidents);
		send_incidents(s);
	} else if (id && !strcmp(id, "report")) {
		s->report_ns = 0;
		s->source.to.report(s->source.to.context, &report);
		send_report(s);
	} else {
		text_line(why, sizeof(why), page.error, strlen(page.error));
		lose(s, why);
	}
}

static void take(struct socket_source *s, const cJSON *line)
{
	const char *reply = json_text_at(line, "reply");

	if (reply_error(line)) {
		take_error(s, line);
	} else if (reply && !strcmp(reply, "snapshot")) {
		take_snapshot(s, line);
	} else if (reply && !strcmp(reply, "kinds")) {
		s->kinds_ns = 0;
		reply_kinds(line, &s->source.to);
	} else if (reply && !strcmp(reply, "process")) {
		s->page_ns = 0;
		reply_page(line, &s->source.to);
	} else if (reply && !strcmp(reply, "incidents")) {
		s->incidents_ns = 0;
		reply_incidents(line, s->incidents.pid, s->incidents.start_ns,
				&s->source.to);
		send_incidents(s);
	} else if (reply && !strcmp(reply, "report")) {
		s->report_ns = 0;
		reply_report(line, s->report.id, &s->source.to);
		send_report(s);
	}
}

static bool is_late(uint64_t asked_ns)
{
	return asked_ns && now_ns() - asked_ns > ANSWER_NS;
}

static void handle(struct source *source)
{
	struct socket_source *s = of(source);
	cJSON *line;
	int err;

	if (!s->client) {
		if (now_ns() >= s->retry_ns)
			reconnect(s);
		return;
	}
	while (s->client) {
		err = client_read(s->client, 0, &line);
		if (err == -EAGAIN || err == -EINTR)
			break;
		if (err) {
			lose(s, err == -ECONNRESET
					? "the daemon has ended"
					: "what the daemon sent can't be read");
			return;
		}
		take(s, line);
		cJSON_Delete(line);
	}
	if (s->client && is_late(s->snapshot_ns))
		lose(s, "the daemon does not answer");
}

static size_t fds(const struct source *source, struct pollfd *out)
{
	const struct socket_source *s = (const struct socket_source *)source;

	if (!s->client)
		return 0;
	out[0] = (struct pollfd){.fd = client_fd(s->client), .events = POLLIN};
	return 1;
}

static uint64_t deadline_ns(const struct source *source)
{
	const struct socket_source *s = (const struct socket_source *)source;

	if (!s->client)
		return s->retry_ns;
	return s->snapshot_ns ? s->snapshot_ns + ANSWER_NS + 1 : 0;
}

/* ---- life ---- */

static void close_socket(struct source *source)
{
	struct socket_source *s = of(source);

	client_close(s->client);
	roster_clear(&s->roster);
	free(s->path);
	free(s);
}

static void tell_raised(struct source *source, pid_t pid, uint64_t from, uint64_t to)
{
	(void)client_tell_raised(of(source)->path, pid, from, to);
}

static const struct source_ops ops = {
	.close = close_socket,
	.fds = fds,
	.deadline_ns = deadline_ns,
	.handle = handle,
	.refresh = refresh,
	.ask_kinds = ask_kinds,
	.ask_page = ask_page,
	.tell_raised = tell_raised,
	.ask_incidents = ask_incidents,
	.ask_report = ask_report,
};

int source_open_socket(const char *path, const struct source_handlers *handlers,
		       struct source **out, char *why, size_t why_size)
{
	struct socket_source *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!s)
		return err;
	s->source.ops = &ops;
	s->source.to = *handlers;
	s->path = strdup(path);
	if (s->path)
		err = client_open(path, CLIENT_TIMEOUT_MS, &s->client, why, why_size);
	if (err) {
		close_socket(&s->source);
		return err;
	}
	take_greeting(s);
	*out = &s->source;
	return 0;
}
