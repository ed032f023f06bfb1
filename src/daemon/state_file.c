// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "output/lock_file.h"
#include "state/identity.h"

#define NEW_SUFFIX  ".new"
#define LOCK_SUFFIX ".lock"

/* ---- reading ---- */

static int read_all(int fd, size_t max, char **text, size_t *len)
{
	struct stat st;
	size_t have = 0;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	while (have < (size_t)st.st_size) {
		n = read(fd, *text + have, (size_t)st.st_size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += (size_t)n;
	}
	*len = have;
	return 0;
}

int state_file_read(const char *path, size_t max, char **text, size_t *len)
{
	/* Whatever lies there, opening it must not wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int err;

	*text = NULL;
	*len = 0;
	err = fd < 0 ? -errno : read_all(fd, max, text, len);
	if (fd >= 0)
		close(fd);
	return err;
}

int state_file_load(const char *path, struct state_document *out, const char **why)
{
	char *text, boot_id[37];
	size_t len;
	int err = state_file_read(path, STATE_JSON_MAX, &text, &len);

	memset(out, 0, sizeof(*out));
	if (err) {
		*why = strerror(-err);
	} else {
		kernel_boot_id(boot_id);
		err = state_json_decode(text, len, boot_id, out, why);
	}
	free(text);
	return err;
}

bool state_file_is_live(const struct state_document *document)
{
	uint64_t ticks;

	return document->self.pid > 0 &&
	       !identity_start_ticks(document->self.pid, &ticks) &&
	       ticks == document->start_ticks;
}

/* ---- writing ---- */

struct state_file {
	int dir;
	int lock; /* of LOCK_SUFFIX; -1: another one's is meant, or there is none */
	/* The next one, made beforehand: when the system has no file left to open,
	 * that is what is to be kept. -1: none. */
	int reserve;
	char *name, *new_name, *lock_name;
};

static int make_new(const struct state_file *file)
{
	int fd;

	/* Of a daemon that was killed. A new one, for a reader may have the other. */
	unlinkat(file->dir, file->new_name, 0);
	fd = openat(file->dir, file->new_name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	return fd;
}

static int split(struct state_file *file, const char *path, char **dir)
{
	const char *slash = strrchr(path, '/');

	*dir = slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/");
	file->name = strdup(slash + 1);
	if (asprintf(&file->new_name, "%s" NEW_SUFFIX, slash + 1) < 0)
		file->new_name = NULL;
	if (asprintf(&file->lock_name, "%s" LOCK_SUFFIX, slash + 1) < 0)
		file->lock_name = NULL;
	return *dir && file->name && file->new_name && file->lock_name ? 0 : -ENOMEM;
}

/* One daemon for a file. The lock is a file of its own, as the state itself is another
 * file each time. */
static int lock(struct state_file *file, pid_t *owner)
{
	int fd = lock_file_take(file->dir, file->lock_name, owner);

	if (fd >= 0)
		file->lock = fd;
	/* Where there is no room for it now, there may be for the state later. */
	return fd >= 0 || lock_file_lacks_room(fd) ? 0 : fd;
}

int state_file_open(const char *path, struct state_file **out, pid_t *owner)
{
	struct state_file *file = calloc(1, sizeof(*file));
	char *dir = NULL;
	int err;

	*owner = 0;
	if (!file)
		return -ENOMEM;
	file->dir = file->reserve = file->lock = -1;
	err = split(file, path, &dir);
	if (!err) {
		file->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = file->dir < 0 ? -errno : lock(file, owner);
	}
	if (!err) {
		file->reserve = make_new(file);
		/* Others are no trouble of the place, and may pass. */
		if (file->reserve == -EACCES || file->reserve == -EPERM ||
		    file->reserve == -EROFS)
			err = file->reserve;
	}
	free(dir);
	if (err)
		state_file_close(file);
	else
		*out = file;
	return err;
}

int state_file_open_beside(const struct state_file *first, const char *suffix,
			   struct state_file **out)
{
	struct state_file *file = calloc(1, sizeof(*file));
	int err = 0;

	if (!file)
		return -ENOMEM;
	file->reserve = file->lock = -1;
	file->dir = fcntl(first->dir, F_DUPFD_CLOEXEC, 0);
	if (file->dir < 0)
		err = -errno;
	if (asprintf(&file->name, "%s%s", first->name, suffix) < 0 ||
	    asprintf(&file->new_name, "%s%s" NEW_SUFFIX, first->name, suffix) < 0)
		err = -ENOMEM;
	if (err) {
		state_file_close(file);
		return err;
	}
	file->reserve = make_new(file);
	*out = file;
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int state_file_write(struct state_file *file, const char *text, size_t len, size_t max)
{
	int fd = file->reserve >= 0 ? file->reserve : make_new(file), err;

	if (fd < 0)
		return fd;
	err = len > max ? -EFBIG : write_all(fd, text, len);
	if (!err && renameat(file->dir, file->new_name, file->dir, file->name))
		err = -errno;
	close(fd);
	/* Also after a failure: what was written in part is thrown away by this. */
	file->reserve = make_new(file);
	return err;
}

void state_file_close(struct state_file *file)
{
	if (!file)
		return;
	if (file->new_name && file->reserve >= 0) {
		close(file->reserve);
		unlinkat(file->dir, file->new_name, 0);
	}
	if (file->lock >= 0)
		lock_file_leave(file->dir, file->lock_name, file->lock);
	if (file->dir >= 0)
		close(file->dir);
	free(file->name);
	free(file->new_name);
	free(file->lock_name);
	free(file);
}
