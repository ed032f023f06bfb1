/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's socket: fdwarden-protocol(7). It has threads of its own, so that clients
 * cost the monitor nothing but copies of its figures, while somebody asks for them: one
 * for the sockets, which never waits; one that knows all processes; one that looks into
 * single ones; one that reads records of incidents.
 */
#ifndef FDWARDEN_SERVER_H
#define FDWARDEN_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "output/feed.h"
#include "output/sink.h"
#include "server/server_job.h"

#define SERVER_CLIENTS_MAX 100
/* Of the greeting; as CLIENT_PROTOCOL. */
#define SERVER_PROTOCOL    1

struct server_settings {
	const char *path, *group; /* group NULL: its user alone */
	const char *version;      /* of the program: plain */
	const char *host_json;    /* "host":{…} of the greeting */
	/* Answers REQUEST_PROCESS, REQUEST_MAIN_KINDS and REQUEST_RAISED, in a thread of the
	 * server. */
	void (*inspect)(void *context, struct server_job *job);
	void *inspect_context;
	/* Answers REQUEST_INCIDENTS and REQUEST_REPORT, from a disk, in another one. Its
	 * context is the server's from server_open() on, also where that fails: a disk that
	 * hangs may hold both beyond the end. */
	void (*recall)(void *context, struct server_job *job);
	void (*recall_free)(void *context);
	void *recall_context;
};

struct server;

/* All that it needs is opened here. Returns 0, or -errno with one line in `why`; with 0 `why`
 * says what is not as it was wanted, or is empty. */
int server_open(const struct server_settings *settings, struct server **out, char *why,
		size_t why_size);

/* Sends what clients take at once, ends the threads, removes the socket. Accepts NULL. */
void server_close(struct server *server);

/* ---- of the monitor's thread; none of them waits ---- */

/* One alert for those who subscribed, and for those who ask for recent ones. */
void server_alert(struct server *server, const struct sink_message *message);

/* Readable when figures are wanted now, without waiting for a tick. */
int server_fd(const struct server *server);

/* After each tick, and when the descriptor is readable, with the number of the present tick:
 * what is to be filled, and given back with server_feed(). NULL: nobody asks. */
struct feed *server_want(struct server *server, uint64_t tick);
void server_feed(struct server *server);

#endif
