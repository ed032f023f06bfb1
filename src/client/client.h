/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to a running daemon's socket: fdwarden-protocol(7). For one thread.
 */
#ifndef FDWARDEN_CLIENT_H
#define FDWARDEN_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What both sides speak. */
#define CLIENT_PROTOCOL     1
#define CLIENT_SOCKET_PATH  "/run/fdwarden/fdwarden.sock"
#define CLIENT_SOCKET_GROUP "fdwarden"
/* The longest line that is taken: a host's processes, all with the longest command
 * lines that are kept. */
#define CLIENT_LINE_MAX     (512ul << 20)
/* What a daemon that is well needs by far not. */
#define CLIENT_TIMEOUT_MS   10000

struct client;

struct client_greeting {
	int protocol;
	pid_t pid; /* of the daemon */
	char version[32];
	char host_name[256], boot_id[37];
};

/*
 * Connects and reads the greeting, for each of which the daemon has timeout_ms (above 0;
 * CLIENT_TIMEOUT_MS where nothing else is to be done meanwhile). Returns 0, or
 * -errno with one line in `why` that says what to do: -ENOENT, -ECONNREFUSED: no daemon
 * is there; -EACCES: one may not ask it; -EBUSY: it has as many clients as it takes;
 * -EPROTO: it speaks another protocol, or none. The caller closes it.
 */
int client_open(const char *path, int timeout_ms, struct client **out, char *why,
		size_t why_size);
void client_close(struct client *client); /* accepts NULL */

const struct client_greeting *client_greeting(const struct client *client);

/* For poll(): readable when a line may have come. Lines that have come with the one
 * before are not seen by it: read until -EAGAIN first. */
int client_fd(const struct client *client);

/* Sends one request, {"request":NAME,…}. 0, or -errno: -ETIMEDOUT, -EPIPE, -ENOMEM. */
int client_send(struct client *client, const cJSON *request);

/*
 * The next line, within timeout_ms (0: only what is there; -1: for ever); the caller
 * deletes it. 0; -EAGAIN: none in that time; -ECONNRESET: the daemon has ended or
 * closed the connection; -EMSGSIZE, -EPROTO: the line is too long, or no object; -EINTR.
 */
int client_read(struct client *client, int timeout_ms, cJSON **out);

/* As client_read(), but the line as it came, without its newline: numbers are whole in it
 * that a double can't hold. Valid until the next one; not checked. */
int client_read_line(struct client *client, int timeout_ms, const char **line,
		     size_t *len);

/*
 * Sends a request and waits for its reply for at most timeout_ms; alerts that come
 * before it are dropped. Returns 0, or -errno with one line in `why`: -ENOENT: the
 * daemon knows no such process; -EREMOTEIO: it says another error, `why` is its message;
 * or as client_send() and client_read(). The caller deletes the reply.
 */
int client_ask(struct client *client, const cJSON *request, int timeout_ms,
	       cJSON **reply, char *why, size_t why_size);

/* The same, and the reply as it came, too; valid until the next line is read. */
int client_ask_line(struct client *client, const cJSON *request, int timeout_ms,
		    cJSON **reply, const char **line, size_t *len, char *why,
		    size_t why_size);

/* {"request":NAME}, to be filled and deleted by the caller. NULL: no memory. */
cJSON *client_request(const char *name);

#endif
