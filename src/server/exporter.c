// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "output/exposition.h"
#include "output/metrics.h"
#include "output/roster_keeper.h"
#include "server/handoff.h"
#include "server/http_library.h"
#include "server/server_socket.h"

#include <utlist.h>

/*
 * A scraper has one connection, and is done within milliseconds. When there are more than
 * a few, the oldest is hung up on: who sends or takes a byte now and then holds up
 * nobody. The library's own limit is above that, so that it never stops to accept.
 */
#define CONNECTIONS_KEPT 64
#define CONNECTIONS_MAX  128
#define IDLE_SECONDS     15
#define BACKLOG          128

/* One connection, of the library's thread. */
struct visitor {
	int fd;
	bool hung_up; /* it has been told to go, and counts no more */
	struct visitor *prev, *next;
};

struct exporter {
	struct visitor *visitors; /* the oldest first */
	unsigned int visitors_len;
	struct http_library mhd;
	struct handoff *figures;
	/* libmicrohttpd's thread's */
	struct roster_keeper *keeper;
	struct metrics *metrics;
	struct ledger_figures counted; /* of the figures that were taken last */
	/* The answer of one roster, for all who ask before there is another: one for each format.
	 * NULL: none yet. */
	struct MHD_Response *kept[2];
	uint64_t kept_of[2]; /* the roster's number */
	struct MHD_Daemon *http;
	struct server_socket file; /* of a unix socket; its path NULL: of none */
};

/* ---- libmicrohttpd's thread ---- */

/* `text` is static, or to be freed by the library. */
static enum MHD_Result reply(const struct exporter *e,
			     struct MHD_Connection *connection, unsigned int status,
			     const char *type, char *text, size_t len,
			     enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response =
		e->mhd.create_response_from_buffer(len, text, mode);
	enum MHD_Result result = MHD_NO;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	if (e->mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     e->mhd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD")))
		result = e->mhd.queue_response(connection, status, response);
	e->mhd.destroy_response(response);
	return result;
}

static enum MHD_Result refuse(const struct exporter *e,
			      struct MHD_Connection *connection, unsigned int status,
			      const char *text)
{
	return reply(e, connection, status, "text/plain; charset=utf-8", (char *)text,
		     strlen(text), MHD_RESPMEM_PERSISTENT);
}

/* The figures before them go back with the feed, to be filled anew. */
static void take_counted(struct exporter *e, struct feed *feed)
{
	struct ledger_figures before = e->counted;

	e->counted = feed->counted;
	feed->counted = before;
}

/* Makes the answer anew where the roster is another. */
static int keep_answer(struct exporter *e, const struct roster *roster,
		       bool open_metrics)
{
	struct MHD_Response **kept = &e->kept[open_metrics], *fresh;
	char *text;
	size_t len;

	if (*kept && e->kept_of[open_metrics] == roster->number)
		return 0;
	if (metrics_text(e->metrics, roster, &e->counted, open_metrics, &text, &len))
		return -ENOMEM;
	fresh = e->mhd.create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!fresh) {
		free(text);
		return -ENOMEM;
	}
	if (!e->mhd.add_response_header(fresh, MHD_HTTP_HEADER_CONTENT_TYPE,
					open_metrics ? EXPOSITION_OPENMETRICS_TYPE
						     : EXPOSITION_TEXT_TYPE)) {
		e->mhd.destroy_response(fresh);
		return -ENOMEM;
	}
	/* Who is still being sent the former one has a share of it. */
	if (*kept)
		e->mhd.destroy_response(*kept);
	*kept = fresh;
	e->kept_of[open_metrics] = roster->number;
	return 0;
}

static enum MHD_Result tell(struct exporter *e, struct MHD_Connection *connection)
{
	bool open_metrics =
		exposition_wants_open_metrics(e->mhd.lookup_connection_value(
			connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	struct feed *feed = handoff_take(e->figures);
	const struct roster *roster = roster_keeper_roster(e->keeper);

	/* Without memory for the new figures, those before them. */
	if (feed && !roster_keeper_update(e->keeper, feed))
		take_counted(e, feed);
	if (!roster->number)
		return refuse(e, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "The monitor has given no figures yet; ask again.\n");
	if (keep_answer(e, roster, open_metrics))
		return refuse(e, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "There is no memory for it.\n");
	return e->mhd.queue_response(connection, MHD_HTTP_OK, e->kept[open_metrics]);
}

/* For who follows a link from a list of targets. */
static const char landing[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<title>fdwarden</title></head><body><h1>fdwarden " FDWARDEN_VERSION "</h1>\n"
	"<p>File descriptors of this host, by service, container, pod and user: "
	"<a href=\"/metrics\">metrics</a>.</p></body></html>\n";

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	struct exporter *e = context;

	(void)version, (void)upload, (void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		*upload_len = 0;
		return refuse(e, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			      "Only GET and HEAD are served.\n");
	}
	if (!strcmp(url, "/"))
		return reply(e, connection, MHD_HTTP_OK, "text/html; charset=utf-8",
			     (char *)landing, sizeof(landing) - 1,
			     MHD_RESPMEM_PERSISTENT);
	if (strcmp(url, "/metrics") != 0)
		return refuse(e, connection, MHD_HTTP_NOT_FOUND,
			      "Metrics are at /metrics.\n");
	return tell(e, connection);
}

/* ---- connections ---- */

/* The library sees it closed, and ends it. */
static void hang_up(struct exporter *e, struct visitor *visitor)
{
	(void)shutdown(visitor->fd, SHUT_RDWR);
	visitor->hung_up = true;
	e->visitors_len--;
}

static void hang_up_oldest(struct exporter *e)
{
	struct visitor *visitor;

	DL_FOREACH (e->visitors, visitor) {
		if (visitor->hung_up)
			continue;
		hang_up(e, visitor);
		return;
	}
}

static void come(struct exporter *e, struct MHD_Connection *connection, void **own)
{
	const union MHD_ConnectionInfo *info = e->mhd.get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct visitor *visitor = info ? calloc(1, sizeof(*visitor)) : NULL;

	*own = visitor;
	if (!visitor)
		return; /* the time for idle ones still bounds it */
	visitor->fd = info->connect_fd;
	if (e->visitors_len >= CONNECTIONS_KEPT)
		hang_up_oldest(e);
	DL_APPEND(e->visitors, visitor);
	e->visitors_len++;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **own,
			  enum MHD_ConnectionNotificationCode what)
{
	struct exporter *e = context;
	struct visitor *visitor = *own;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		come(e, connection, own);
		return;
	}
	if (!visitor)
		return;
	DL_DELETE(e->visitors, visitor);
	e->visitors_len -= !visitor->hung_up;
	free(visitor);
	*own = NULL;
}

/* ---- life ---- */

/* host and port of [HOST]:PORT or HOST:PORT. */
static int split(const char *listen, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;

	if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
		listen++;
		len -= 2;
	}
	if (!len || len >= size)
		return -EINVAL;
	memcpy(host, listen, len);
	host[len] = 0;
	*port = colon + 1;
	return 0;
}

/* A socket that listens. Returns it, or -errno. */
static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	/* One that was closed a moment ago keeps its port busy without. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int open_port(const char *address, int *fd, char *why, size_t why_size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found = NULL;
	char host[256];
	const char *port;
	int err = split(address, host, sizeof(host), &port);

	if (err) {
		snprintf(why, why_size, "metrics.listen %s: not ADDRESS:PORT", address);
		return err;
	}
	err = getaddrinfo(host, port, &hints, &found);
	if (err) {
		snprintf(why, why_size, "metrics.listen %s: %s", address,
			 gai_strerror(err));
		return -EADDRNOTAVAIL;
	}
	*fd = listen_at(found);
	freeaddrinfo(found);
	if (*fd >= 0)
		return 0;
	snprintf(why, why_size, "metrics.listen %s: %s%s", address, strerror(-*fd),
		 *fd == -EAFNOSUPPORT ? "; the unit allows unix sockets only, see "
					"fdwarden.conf(5)"
				      : "");
	return *fd;
}

/* A socket's own modes are what keeps others from it: TLS and passwords are for the proxy that
 * may connect. */
static int open_socket(struct exporter *e, const char *listen, const char *group,
		       int *fd, char *why, size_t why_size)
{
	int err;

	if (listen[0] != '/')
		return open_port(listen, fd, why, why_size);
	err = server_socket_open(listen, group, &e->file, why, why_size);
	*fd = err ? -1 : e->file.fd;
	e->file.fd = -1; /* the library closes it */
	return err;
}

static int start(struct exporter *e, int fd)
{
	e->http = e->mhd.start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, e,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		e, MHD_OPTION_END);
	return e->http ? 0 : -errno;
}

int exporter_open(const char *listen, const char *group, bool fullest,
		  struct exporter **out, char *why, size_t why_size)
{
	struct exporter *e = calloc(1, sizeof(*e));
	int fd = -1, err = -ENOMEM;

	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!e)
		return err;
	e->file.fd = -1;
	e->keeper = roster_keeper_new();
	e->metrics = metrics_new(fullest);
	if (e->keeper && e->metrics)
		err = handoff_open(&e->figures);
	if (!err) {
		*why = 0;
		err = http_library_load(&e->mhd, why, why_size);
	}
	if (!err)
		err = open_socket(e, listen, group, &fd, why, why_size);
	if (!err) {
		err = start(e, fd);
		if (err) {
			snprintf(why, why_size, "metrics.listen %s: %s", listen,
				 strerror(-err));
			close(fd); /* the library did not take it */
		}
	}
	if (err)
		exporter_close(e);
	else
		*out = e;
	return err;
}

int exporter_fd(const struct exporter *e)
{
	return handoff_fd(e->figures);
}

struct feed *exporter_want(struct exporter *e, uint64_t tick)
{
	return handoff_want(e->figures, tick);
}

void exporter_feed(struct exporter *e)
{
	handoff_give(e->figures);
}

void exporter_close(struct exporter *e)
{
	if (!e)
		return;
	if (e->figures)
		handoff_end(e->figures); /* a request may be waiting */
	if (e->http)
		e->mhd.stop_daemon(e->http);
	for (size_t i = 0; i < 2; i++)
		if (e->kept[i])
			e->mhd.destroy_response(e->kept[i]);
	server_socket_close(&e->file);
	handoff_close(e->figures);
	roster_keeper_free(e->keeper);
	metrics_free(e->metrics);
	ledger_figures_clear(&e->counted);
	free(e);
}
