/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running daemon, asked over its socket, for commands that lack the privilege to look
 * by themselves.
 */
#ifndef FDWARDEN_REMOTE_H
#define FDWARDEN_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/client.h"
#include "output/roster.h"

#define REMOTE_WHY_MAX 1024

/* Options that each such command has: its members are options of cli_parse(). */
struct remote_options {
	const char
		*socket; /* --socket: ask there, whatever one may do; NULL: not given */
	const char
		*config; /* -c: [socket] path of this configuration; NULL: the usual */
};

/* Whether -c names a configuration that can be read, also where it is not needed in the
 * end. 0, or -errno with one line in `why`. */
int remote_check_config(const struct remote_options *set, char *why, size_t why_size);

/* Whether to ask the daemon: with --socket, or without the privilege to look. `why` says
 * then which that is, in one line; it is empty with --socket. */
bool remote_is_wanted(const struct remote_options *set, char *why, size_t why_size);

/* Connects. 0, or -errno with one line in `why`. */
int remote_open(const struct remote_options *set, struct client **out, char *why,
		size_t why_size);

/* Tells the daemon, if one runs that may be told, that a limit was raised by hand. */
void remote_tell_raised(const struct remote_options *set, int pid, uint64_t from,
			uint64_t to);

/* Adds to what one lacks (`why`) what the socket said, of which `err` is the -errno. */
void remote_explain(char *why, size_t why_size, int err, const char *socket_why);

/* All processes, or those of `pids` (NULL: all), as the daemon last saw them. 0, or -errno with
 * one line in `why`. */
int remote_roster(struct client *client, const int *pids, size_t pids_len,
		  struct roster *out, char *why, size_t why_size);

#endif
