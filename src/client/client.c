// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/denial.h"
#include "output/text.h"
#include "state/json_read.h"

#define BUFFER_MIN 16384

struct client {
	int fd;
	struct client_greeting greeting;
	/* What was read and not taken yet: bytes[start..end); no newline in
	 * [start..searched). */
	char *bytes;
	size_t start, searched, end, size;
};

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

static int left_ms(int64_t until_ms)
{
	int64_t left = until_ms < 0 ? -1 : until_ms - now_ms();

	return until_ms >= 0 && left < 0 ? 0 : (int)left;
}

/* 0, -EAGAIN: not by then, or -errno. */
static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int n = poll(&poll_fd, 1, left_ms(until_ms));

	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN;
}

/* ---- lines ---- */

/* Makes room behind what is there. */
static int make_room(struct client *c)
{
	size_t len = c->end - c->start, size = c->size ? c->size : BUFFER_MIN;
	char *bytes;

	if (c->start) {
		memmove(c->bytes, c->bytes + c->start, len);
		c->searched -= c->start;
		c->start = 0;
		c->end = len;
	}
	if (len + BUFFER_MIN / 2 <= c->size)
		return 0;
	if (len > CLIENT_LINE_MAX)
		return -EMSGSIZE;
	while (len + BUFFER_MIN / 2 > size)
		size *= 2;
	bytes = realloc(c->bytes, size);
	if (!bytes)
		return -ENOMEM;
	c->bytes = bytes;
	c->size = size;
	return 0;
}

/* 0: something came; -EAGAIN: nothing is there. */
static int receive(struct client *c)
{
	int err = make_room(c);
	ssize_t n;

	if (err)
		return err;
	n = recv(c->fd, c->bytes + c->end, c->size - c->end, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	c->end += (size_t)n;
	return 0;
}

/* Whether a whole line is there: its length without the newline. */
static bool find_line(struct client *c, size_t *len)
{
	char *newline = c->end > c->searched ? memchr(c->bytes + c->searched, '\n',
						      c->end - c->searched)
					     : NULL;

	c->searched = c->end;
	if (!newline)
		return false;
	*len = (size_t)(newline - (c->bytes + c->start));
	return true;
}

/* A long line's memory is not kept. */
static void tidy(struct client *c)
{
	if (c->start < c->end)
		return;
	c->start = c->searched = c->end = 0;
	if (c->size <= 64ul * BUFFER_MIN)
		return;
	free(c->bytes);
	c->bytes = NULL;
	c->size = 0;
}

int client_read_line(struct client *c, int timeout_ms, const char **line, size_t *len)
{
	int64_t until_ms = deadline(timeout_ms);
	int err;

	tidy(c);
	while (!find_line(c, len)) {
		err = receive(c);
		if (err == -EAGAIN)
			err = wait_for(c->fd, POLLIN, until_ms);
		if (err)
			return err;
	}
	*line = c->bytes + c->start;
	c->start += *len + 1;
	c->searched = c->start;
	return 0;
}

static int parse(const char *line, size_t len, cJSON **out)
{
	*out = json_read(line, len, JSON_READ_DEEP, NULL);
	if (cJSON_IsObject(*out))
		return 0;
	cJSON_Delete(*out);
	*out = NULL;
	return -EPROTO;
}

int client_read(struct client *c, int timeout_ms, cJSON **out)
{
	const char *line;
	size_t len;
	int err = client_read_line(c, timeout_ms, &line, &len);

	*out = NULL;
	return err ? err : parse(line, len, out);
}

/* ---- requests ---- */

cJSON *client_request(const char *name)
{
	cJSON *request = cJSON_CreateObject();

	if (request && cJSON_AddStringToObject(request, "request", name))
		return request;
	cJSON_Delete(request);
	return NULL;
}

static int send_all(struct client *c, const char *text, size_t len)
{
	int64_t until_ms = deadline(CLIENT_TIMEOUT_MS);

	while (len) {
		ssize_t n = send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		int err = 0;

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = wait_for(c->fd, POLLOUT, until_ms);
		} else if (errno != EINTR) {
			err = -errno;
		}
		if (err == -EAGAIN)
			return -ETIMEDOUT;
		if (err && err != -EINTR)
			return err;
	}
	return 0;
}

int client_send(struct client *client, const cJSON *request)
{
	char *text = cJSON_PrintUnformatted(request);
	size_t len = text ? strlen(text) : 0;
	int err;

	if (!text)
		return -ENOMEM;
	text[len] = '\n'; /* instead of its NUL */
	err = send_all(client, text, len + 1);
	cJSON_free(text);
	return err;
}

static const char *member_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* "error":{"code","message"}: 0 if there is none. */
static int read_error(const cJSON *line, char *why, size_t why_size)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(line, "error");
	const char *code = member_text(error, "code");
	const char *message = member_text(error, "message");

	if (!error)
		return 0;
	message = message ? message : "the daemon says an error without a message";
	text_line(why, why_size, message, strlen(message));
	if (code && !strcmp(code, "no-such-process"))
		return -ENOENT;
	if (code && !strcmp(code, "busy"))
		return -EBUSY;
	return -EREMOTEIO;
}

static void explain(int err, char *why, size_t why_size)
{
	if (err == -ECONNRESET || err == -EPIPE)
		snprintf(why, why_size, "the daemon has closed the connection");
	else if (err == -EAGAIN || err == -ETIMEDOUT)
		snprintf(why, why_size, "the daemon does not answer in time");
	else if (err == -EPROTO)
		snprintf(why, why_size, "what the daemon sent is no JSON object");
	else
		snprintf(why, why_size, "the daemon can't be asked: %s",
			 strerror(-err));
}

int client_ask_line(struct client *client, const cJSON *request, int timeout_ms,
		    cJSON **reply, const char **line, size_t *len, char *why,
		    size_t why_size)
{
	int64_t until_ms = deadline(timeout_ms);
	int err = client_send(client, request);

	*reply = NULL;
	while (!err) {
		err = client_read_line(client, left_ms(until_ms), line, len);
		if (!err)
			err = parse(*line, *len, reply);
		if (err)
			break;
		err = read_error(*reply, why, why_size);
		if (err) {
			cJSON_Delete(*reply);
			*reply = NULL;
			return err;
		}
		if (cJSON_GetObjectItemCaseSensitive(*reply, "reply"))
			return 0;
		cJSON_Delete(*reply);
		*reply = NULL;
	}
	explain(err, why, why_size);
	return err;
}

int client_ask(struct client *client, const cJSON *request, int timeout_ms,
	       cJSON **reply, char *why, size_t why_size)
{
	const char *line;
	size_t len;

	return client_ask_line(client, request, timeout_ms, reply, &line, &len, why,
			       why_size);
}

/* ---- life ---- */

static void keep_text(char *out, size_t size, const char *text)
{
	text_line(out, size, text ? text : "", text ? strlen(text) : 0);
}

static int read_greeting(struct client *c, const char *path, int timeout_ms, char *why,
			 size_t why_size)
{
	struct client_greeting *out = &c->greeting;
	const cJSON *us, *host, *protocol, *pid;
	cJSON *line;
	int err = client_read(c, timeout_ms, &line);

	if (err) {
		explain(err, why, why_size);
		return err;
	}
	err = read_error(line, why, why_size);
	if (err)
		goto out;
	us = cJSON_GetObjectItemCaseSensitive(line, "fdwarden");
	host = cJSON_GetObjectItemCaseSensitive(line, "host");
	protocol = cJSON_GetObjectItemCaseSensitive(us, "protocol");
	pid = cJSON_GetObjectItemCaseSensitive(us, "pid");
	if (!cJSON_IsNumber(protocol)) {
		snprintf(why, why_size, "%s: what listens there is no fdwarden daemon",
			 path);
		err = -EPROTO;
		goto out;
	}
	out->protocol = protocol->valueint;
	out->pid = cJSON_IsNumber(pid) ? pid->valueint : 0;
	keep_text(out->version, sizeof(out->version), member_text(us, "version"));
	keep_text(out->host_name, sizeof(out->host_name), member_text(host, "name"));
	keep_text(out->boot_id, sizeof(out->boot_id),
		  member_text(cJSON_GetObjectItemCaseSensitive(host, "boot"), "id"));
	if (out->protocol != CLIENT_PROTOCOL) {
		snprintf(why, why_size,
			 "the daemon at %s speaks protocol %d, this fdwarden %d: use "
			 "the version of the daemon (%s), or restart it with this one",
			 path, out->protocol, CLIENT_PROTOCOL, out->version);
		err = -EPROTO;
	}
out:
	cJSON_Delete(line);
	return err;
}

static int connect_to(struct client *c, const char *path, int timeout_ms, char *why,
		      size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = timeout_ms / 1000,
				   .tv_usec = timeout_ms % 1000 * 1000};

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, why_size, "%s: the path is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* What waits behind many others, or at a stopped daemon, does not wait for ever. */
	if (c->fd >= 0)
		setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address))) {
		int err = -errno;

		denial_explain(path, err, why, why_size);
		return err;
	}
	return 0;
}

int client_open(const char *path, int timeout_ms, struct client **out, char *why,
		size_t why_size)
{
	struct client *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	if (!c) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	c->fd = -1;
	err = connect_to(c, path, timeout_ms, why, why_size);
	if (!err)
		err = read_greeting(c, path, timeout_ms, why, why_size);
	if (err)
		client_close(c);
	else
		*out = c;
	return err;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->bytes);
	free(client);
}

const struct client_greeting *client_greeting(const struct client *client)
{
	return &client->greeting;
}

int client_fd(const struct client *client)
{
	return client->fd;
}
