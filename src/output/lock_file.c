// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For us alone, as who may read a file may lock it: the next daemon would take a member of the
 * group for one that runs, and give way. */
#define LOCK_MODE 0600

/* For people, and for the message of the next one: the lock itself is flock's. Returns whether
 * it is written. */
static bool say_owner(int fd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return !ftruncate(fd, 0) && pwrite(fd, text, (size_t)len, 0) == len;
}

static pid_t owner_of(int fd)
{
	char text[16] = "", *end = text;
	long pid = 0;

	/* Without the line's end it was not written whole, and would be another's number. */
	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		pid = strtol(text, &end, 10);
	if (*end != '\n')
		return 0;
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Whether it is still the file of that name: who had it may have removed it before we
 * had the lock. */
static bool is_named(int dir, const char *name, int fd)
{
	struct stat ours, named;

	return !fstat(fd, &ours) && !fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

int lock_file_take(int dir, const char *name, pid_t *owner)
{
	*owner = 0;
	for (;;) {
		int fd = openat(dir, name,
				O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
					O_NOCTTY,
				LOCK_MODE);
		int err;

		if (fd < 0)
			return -errno;
		err = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		if (err)
			*owner = owner_of(fd);
		else if (!is_named(dir, name, fd))
			err = -ESTALE;
		else if (!fchmod(fd, LOCK_MODE))
			(void)say_owner(fd);
		if (!err)
			return fd;
		close(fd);
		if (err != -ESTALE)
			return err;
	}
}

bool lock_file_lacks_room(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -ENFILE || err == -EMFILE;
}

void lock_file_leave(int dir, const char *name, int fd)
{
	unlinkat(dir, name, 0);
	close(fd);
}
