/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a path below a root whose owner may be hostile, one component after the other:
 * what openat2(RESOLVE_IN_ROOT) does. Not by that: systemd's RestrictSUIDSGID= takes it
 * away (ENOSYS), as its filter can't see into the flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/origin_impl.h"

#define DEPTH_MAX 48
#define LINKS_MAX 20
#define PATH_SIZE 4096

struct walk {
	int root;
	int at[DEPTH_MAX]; /* the directories passed, so that ".." leads back */
	int depth;
	int links;
	char rest[PATH_SIZE]; /* yet to go */
};

static void go_to_root(struct walk *walk)
{
	while (walk->depth > 0)
		close(walk->at[--walk->depth]);
}

static int here(const struct walk *walk)
{
	return walk->depth ? walk->at[walk->depth - 1] : walk->root;
}

/* The link's text before what is left of the path. */
static int follow(struct walk *walk, int link, const char *behind)
{
	char whole[PATH_SIZE];
	ssize_t len = readlinkat(link, "", whole, sizeof(whole) - 1);
	size_t more = strlen(behind);

	if (len <= 0)
		return len < 0 ? -errno : -ENOENT;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + 1 + more >= sizeof(whole))
		return -ENAMETOOLONG;
	if (whole[0] == '/')
		go_to_root(walk);
	whole[len] = '/';
	memcpy(whole + len + 1, behind, more + 1);
	memcpy(walk->rest, whole, (size_t)len + more + 2);
	return 0;
}

/* One component. The descriptors that are opened never follow a link. */
static int step(struct walk *walk, const char *name, const char *behind)
{
	struct stat st;
	int fd, err;

	if (strcmp(name, "..") == 0) {
		if (walk->depth)
			close(walk->at[--walk->depth]);
		memmove(walk->rest, behind, strlen(behind) + 1);
		return 0;
	}
	if (walk->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	fd = openat(here(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (S_ISLNK(st.st_mode)) {
		err = follow(walk, fd, behind);
		close(fd);
		return err;
	}
	walk->at[walk->depth++] = fd;
	memmove(walk->rest, behind, strlen(behind) + 1);
	return 0;
}

int origin_resolve(int root, const char *path)
{
	struct walk walk = {.root = root};
	int err = 0, fd;

	if ((size_t)snprintf(walk.rest, sizeof(walk.rest), "%s", path) >=
	    sizeof(walk.rest))
		return -ENAMETOOLONG;
	while (!err) {
		char name[256], *start = walk.rest + strspn(walk.rest, "/");
		size_t len = strcspn(start, "/");

		if (!len)
			break;
		if (len >= sizeof(name)) {
			err = -ENAMETOOLONG;
			break;
		}
		memcpy(name, start, len);
		name[len] = '\0';
		if (strcmp(name, ".") == 0)
			memmove(walk.rest, start + len, strlen(start + len) + 1);
		else
			err = step(&walk, name, start + len);
	}
	if (err) {
		go_to_root(&walk);
		return err;
	}
	if (!walk.depth) {
		fd = openat(root, ".", O_PATH | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	fd = walk.at[--walk.depth];
	go_to_root(&walk);
	return fd;
}
