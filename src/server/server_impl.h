/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the server: server.c starts and ends it, and is the monitor's side of it;
 * server_loop.c takes connections, alerts and replies; server_client.c serves one client.
 */
#ifndef FDWARDEN_SERVER_IMPL_H
#define FDWARDEN_SERVER_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "server/line_buffer.h"
#include "server/send_queue.h"
#include "server/server.h"
#include "server/server_job.h"
#include "server/server_roster.h"
#include "server/server_socket.h"

/* Alerts on their way from the monitor. */
#define SERVER_INBOX_LINES  4096
#define SERVER_INBOX_BYTES  (4u << 20)
/* Alerts that are kept for those who come later. */
#define SERVER_RECENT_LINES REQUEST_RECENT_MAX
#define SERVER_RECENT_BYTES (1u << 20)

struct server_client {
	struct server *server;
	uint64_t number; /* counted up from 1 */
	int fd;
	uid_t uid;       /* who connected; -1: not known */
	bool privileged; /* root, or the daemon's own user */
	sd_event_source *source;
	uint32_t events; /* that it is watched for */
	struct line_buffer in;
	struct send_queue out;
	uint64_t ticket;         /* of its request that is being worked on; 0: none */
	char id[REQUEST_ID_MAX]; /* … and the id of that */
	bool ended;              /* it sends nothing any more */
	bool closing;            /* it goes when all is sent */
	bool subscribed, asked;
	uint64_t since_ns; /* when it came, or its request was handed on */
	uint64_t used_ns;  /* when it last asked */
	uint64_t moved_ns; /* when it last took something, or had nothing to take */
};

/* One line of alerts on its way from the monitor. */
struct server_alert_item {
	struct server_alert_item *next;
	struct shared_text *text;
};

struct server {
	struct server_settings settings;
	struct server_socket socket;
	struct server_roster *roster;
	struct server_queue inspections, recalls, replies;
	pthread_t loop_thread, inspect_thread, recall_thread;
	bool loop_started, inspect_started, recall_started;

	pthread_mutex_t lock; /* of the alerts on their way; never held for long */
	struct server_alert_item *head, **tail;
	size_t lines, bytes;
	uint64_t lost;
	int alert_fd, stop_fd; /* eventfd */

	/* of the loop's thread */
	sd_event *event;
	sd_event_source *listener, *timer, *more;
	int reserve_fd; /* given up to tell a client that there is none for it */
	struct shared_text *greeting, *busy;
	struct server_client *clients[SERVER_CLIENTS_MAX];
	size_t clients_len;
	uint64_t last_number, last_ticket;
	struct shared_text *recent[SERVER_RECENT_LINES]; /* a ring */
	size_t recent_first, recent_len, recent_bytes;
};

uint64_t server_now_ns(void); /* CLOCK_MONOTONIC */

/* The loop: sets it up with what it needs; 0 or -errno. Then a thread runs it. */
int server_loop_set_up(struct server *server);
void *server_loop_run(void *server);
void server_loop_tear_down(struct server *server);

/* A client with a connection, which is the client's from here on. 0 or -errno: closed. */
int server_client_add(struct server *server, int fd, uid_t uid, bool privileged);
void server_client_drop(struct server_client *client);

/* Reads its requests as far as they can be worked on, and sends what there is. It may be
 * dropped by it. */
void server_client_serve(struct server_client *client);

/* Ends its request. */
void server_client_reply(struct server_client *client, struct server_job *job);

/* About once a second; it may be dropped by it. */
void server_client_check(struct server_client *client, uint64_t now_ns);

#endif
