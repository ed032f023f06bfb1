// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/server_socket.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "state/group_names.h"

/* As many connects may wait as the kernel lets (net.core.somaxconn). */
#define BACKLOG       4096
/* Where CONFIG_SOCKET_PATH is. */
#define OWN_DIRECTORY "/run/fdwarden"

static int fill_address(const char *path, struct sockaddr_un *out, char *why,
			size_t why_size)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path)) {
		snprintf(why, why_size, "%s: the path is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	snprintf(out->sun_path, sizeof(out->sun_path), "%s", path);
	return 0;
}

/* Whether somebody listens there. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return true; /* not known: nothing is taken away */
	err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno
									      : 0;
	close(fd);
	return err != -ECONNREFUSED;
}

static int clear_place(const char *path, const struct sockaddr_un *address, char *why,
		       size_t why_size)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_size, "%s: there is a file that is no socket", path);
		return -EEXIST;
	}
	if (is_alive(address)) {
		snprintf(why, why_size,
			 "%s: another daemon listens there; give this one a "
			 "path of its own, or none",
			 path);
		return -EADDRINUSE;
	}
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return 0;
}

/* false: there is no such group. */
static bool find_group(const char *name, gid_t *out)
{
	unsigned long number;
	char *end;

	if (!group_names_find(name, out))
		return true;
	number = strtoul(name, &end, 10);
	if (*name < '0' || *name > '9' || *end || number >= UINT32_MAX)
		return false;
	*out = (gid_t)number;
	return true;
}

/* The one that an earlier daemon made, when there was no such group yet. Another directory may be
 * there for more than us. */
static bool is_our_own(const char *directory)
{
	struct stat st;

	return !strcmp(directory, OWN_DIRECTORY) && !lstat(directory, &st) &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid() && st.st_gid == getegid();
}

void server_socket_make_directory(const char *path, mode_t mode, const char *group)
{
	char *directory = strdup(path),
	     *slash = directory ? strrchr(directory, '/') : 0;
	gid_t gid = 0;
	bool has_group = group && find_group(group, &gid);

	if (slash && slash != directory) {
		*slash = 0;
		/* Below another's mask it would be narrower; it fails: bind() says it. */
		if ((!mkdir(directory, mode) || is_our_own(directory)) && has_group)
			(void)!chown(directory, (uid_t)-1, gid);
	}
	free(directory);
}

/* Whether the group's members come as far as the socket. Only its own directory is looked at:
 * the one that the unit makes is for the service's group. */
static bool can_be_passed_by(const char *path, gid_t gid)
{
	char *directory = strdup(path), *slash;
	struct stat st;
	bool passed = true;

	slash = directory ? strrchr(directory, '/') : NULL;
	if (slash && slash != directory) {
		*slash = 0;
		passed = stat(directory, &st) ||
			 st.st_mode & (st.st_gid == gid ? S_IXGRP : S_IXOTH);
	}
	free(directory);
	return passed;
}

/* The group's members, too, may connect; from here on. */
static void open_to_group(struct server_socket *s, gid_t gid, const char *group,
			  char *why, size_t why_size)
{
	struct stat st;

	if ((lstat(s->path, &st) || st.st_gid != gid) &&
	    lchown(s->path, (uid_t)-1, gid)) {
		snprintf(why, why_size,
			 "%s can't be given to group %s: %s; only its user may connect",
			 s->path, group, strerror(errno));
		return;
	}
	s->group_only = !chmod(s->path, 0660);
	if (!s->group_only)
		snprintf(why, why_size, "%s: chmod: %s; only its user may connect",
			 s->path, strerror(errno));
	else if (!can_be_passed_by(s->path, gid))
		snprintf(why, why_size,
			 "%s: members of group %s can't pass its directory; give that "
			 "to the group, or let all pass it (chmod o+x, in a unit "
			 "RuntimeDirectoryMode=0751)",
			 s->path, group);
}

static int listen_at(struct server_socket *s, const struct sockaddr_un *address)
{
	struct stat st;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* The file gets the socket's own mode: no window in which it is wider, and
	 * no umask, which is that of all threads. */
	if (fchmod(s->fd, 0600) ||
	    bind(s->fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	if (lstat(s->path, &st))
		return -errno;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return listen(s->fd, BACKLOG) ? -errno : 0;
}

int server_socket_open(const char *path, const char *group, struct server_socket *out,
		       char *why, size_t why_size)
{
	struct sockaddr_un address;
	bool has_group;
	gid_t gid = 0;
	int err;

	*out = (struct server_socket){.fd = -1};
	*why = 0;
	err = fill_address(path, &address, why, why_size);
	if (err)
		return err;
	has_group = group && find_group(group, &gid);
	err = clear_place(path, &address, why, why_size);
	out->path = err ? NULL : strdup(path);
	if (!err)
		err = out->path ? listen_at(out, &address) : -ENOMEM;
	if (err) {
		if (!*why)
			snprintf(why, why_size, "%s: %s", path, strerror(-err));
		server_socket_close(out);
		return err;
	}
	if (has_group)
		open_to_group(out, gid, group, why, why_size);
	else if (group)
		snprintf(
			why, why_size,
			"%s: there is no group %s: only root and the daemon's user may "
			"ask; create it ('groupadd -r %s') or name another, then "
			"restart",
			path, group, group);
	return 0;
}

void server_socket_close(struct server_socket *s)
{
	struct stat st;

	if (s->path && s->inode && !lstat(s->path, &st) && st.st_dev == s->device &&
	    st.st_ino == s->inode)
		unlink(s->path);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct server_socket){.fd = -1};
}
