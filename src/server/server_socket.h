/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket's file: made with the modes that it is to have, and taken away.
 */
#ifndef FDWARDEN_SERVER_SOCKET_H
#define FDWARDEN_SERVER_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct server_socket {
	int fd; /* listening, non-blocking */
	char *path;
	dev_t device;
	ino_t inode;
	bool group_only; /* its group may connect; else its user alone */
};

/* Makes the directory of `path` if there is none: of this mode (narrower below another umask),
 * and of the group (name or number; NULL, or one that there is not: as it comes). That it can't be
 * made is for those to say who then miss it. */
void server_socket_make_directory(const char *path, mode_t mode, const char *group);

/*
 * Listens at `path`, for the user and the members of `group` (name or number; NULL: none).
 * At no time may others connect. What a daemon that has died left there is replaced.
 * Returns 0, or -errno with one line in `why`; -EADDRINUSE: a daemon that lives listens
 * there. With 0, `why` says what is not as it was wanted, or is empty.
 */
int server_socket_open(const char *path, const char *group, struct server_socket *out,
		       char *why, size_t why_size);

/* Closes, and removes the file if it is still ours. */
void server_socket_close(struct server_socket *socket);

#endif
