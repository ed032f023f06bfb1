/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of lines, which a log rotation may replace, on a disk that may be full. */
#include "output/sink_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct sink_file {
	struct sink sink; /* first */
	char *path;
	int fd;
	bool half_line;     /* the file ends in the middle of a line */
	int64_t missing_ms; /* since when there is none of its name; 0: there is */
	bool said;          /* that it can't be opened again */
	bool lost;          /* ours has no name left, and no other could be made */
	size_t no_room_for; /* bytes of the longest line that the disk had no room for */
};

static ssize_t write_once(int fd, const char *bytes, size_t len)
{
	ssize_t done;

	do
		done = write(fd, bytes, len);
	while (done < 0 && errno == EINTR);
	return done;
}

/* Cuts off what was written of a line, `done` bytes, if it is still the end of the
 * file: someone else may have appended since. */
static bool cut_off(int fd, off_t done)
{
	off_t end = lseek(fd, 0, SEEK_CUR); /* O_APPEND: where our bytes end */
	struct stat st;

	return end >= done && fstat(fd, &st) == 0 && st.st_size == end &&
	       ftruncate(fd, end - done) == 0;
}

static int write_line(struct sink_file *self, const char *line, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t now = write_once(self->fd, line + done, len - done);

		if (now < 0) {
			int err = -errno;

			if (done > 0 && !cut_off(self->fd, (off_t)done))
				self->half_line = true;
			return err;
		}
		done += (size_t)now;
	}
	return 0;
}

/* Ends a half line that could not be cut off. */
static int mend(struct sink_file *self)
{
	if (!self->half_line)
		return 0;
	if (write_once(self->fd, "\n", 1) != 1)
		return -errno;
	self->half_line = false;
	return 0;
}

static bool is_no_room(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

/* The word of a loss is short, and may find room where what was lost would not: then it would
 * be told, and lost, again and again until the last byte is taken. */
static int look_for_room(const struct sink_file *self, size_t len)
{
	struct stat st;

	if (!self->no_room_for || fstat(self->fd, &st) < 0)
		return 0;
	if (fallocate(self->fd, FALLOC_FL_KEEP_SIZE, st.st_size,
		      (off_t)(self->no_room_for + len)) == 0)
		return 0;
	return is_no_room(-errno) ? -errno : 0; /* others: it can't be asked */
}

static int file_write(struct sink *sink, const struct sink_message *message)
{
	struct sink_file *self = (struct sink_file *)sink;
	bool is_loss = message->action == POLICY_ALERTS_LOST;
	int err = self->lost ? -ENOENT : mend(self);

	if (!err && is_loss)
		err = look_for_room(self, message->len);
	if (!err)
		err = write_line(self, message->line, message->len);
	if (!err && is_loss)
		self->no_room_for = 0;
	else if (is_no_room(err) && !is_loss && message->len > self->no_room_for)
		self->no_room_for = message->len;
	if (err)
		sink_explain(sink, "%s: %s", self->path, strerrordesc_np(-err));
	return err;
}

/* Whether the file ends within a line, as a crash may leave it. It takes reading,
 * which the file's owner may not have allowed us: then it is not known. */
static bool ends_within_line(const char *path, const struct stat *st)
{
	char last = '\n';
	int fd;

	if (!S_ISREG(st->st_mode) || st->st_size == 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	if (pread(fd, &last, 1, st->st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

/* Returns the descriptor or -errno. */
static int open_path(const char *path, bool *half_line)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its reader */
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      0640);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	*half_line = ends_within_line(path, &st);
	return fd;
}

static int file_reopen(struct sink *sink)
{
	struct sink_file *self = (struct sink_file *)sink;
	bool half_line = false;
	int fd;

	(void)mend(self); /* as its last line, for whoever rotates it away */
	fd = open_path(self->path, &half_line);
	if (fd < 0)
		return fd; /* better the old file than none */
	close(self->fd);
	self->fd = fd;
	self->half_line = half_line;
	self->lost = false;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A rotation that renames it makes the next one at once, or says so by a signal: this long
 * it is left the time for that. */
#define ROTATION_MS 1000

enum place { PLACE_OURS, PLACE_ANOTHERS, PLACE_RENAMED, PLACE_REMOVED };

/* What is at the path, compared with what is open. What can't be known is left alone. */
static enum place look_at(const struct sink_file *self)
{
	struct stat here, open;

	if (fstat(self->fd, &open) < 0)
		return PLACE_OURS;
	if (stat(self->path, &here) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return PLACE_OURS;
		return open.st_nlink ? PLACE_RENAMED : PLACE_REMOVED;
	}
	return here.st_dev == open.st_dev && here.st_ino == open.st_ino
		       ? PLACE_OURS
		       : PLACE_ANOTHERS;
}

static void make_again(struct sink *sink, enum place place)
{
	struct sink_file *self = (struct sink_file *)sink;
	const char *what = place == PLACE_ANOTHERS  ? "replaced"
			   : place == PLACE_RENAMED ? "renamed"
						    : "removed";
	int err = file_reopen(sink);

	if (!err) {
		self->missing_ms = 0;
		self->said = false;
		sink_say(sink, "%s was %s: alerts go into the new one", self->path,
			 what);
		return;
	}
	/* into a file that still has a name, alerts may go on */
	self->lost = place == PLACE_REMOVED;
	self->missing_ms = now_ms();
	if (!self->said)
		sink_say(sink, "%s was %s, and can't be opened again: %s", self->path,
			 what, strerrordesc_np(-err));
	self->said = true;
}

static void file_look(struct sink *sink)
{
	struct sink_file *self = (struct sink_file *)sink;
	enum place place = look_at(self);

	if (place == PLACE_OURS) {
		self->missing_ms = 0;
		return;
	}
	if (place == PLACE_RENAMED && !self->missing_ms)
		self->missing_ms = now_ms();
	if (place == PLACE_RENAMED && now_ms() - self->missing_ms < ROTATION_MS)
		return;
	make_again(sink, place);
}

static void file_destroy(struct sink *sink)
{
	struct sink_file *self = (struct sink_file *)sink;

	if (self->fd >= 0)
		close(self->fd);
	free(self->path);
	free(self);
}

static const struct sink_type file_type = {
	.name = "file",
	.slow = "the file could not be written fast enough",
	.stream = true,
	.retry_ms = 1000,
	.retry_max_ms = 1000,
	.write = file_write,
	.reopen = file_reopen,
	.look = file_look,
	.destroy = file_destroy,
};

int sink_open_file(const char *path, struct sink **out)
{
	struct sink_file *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->fd = -1;
	self->path = strdup(path);
	err = self->path ? open_path(path, &self->half_line) : -ENOMEM;
	if (err >= 0) {
		self->fd = err;
		err = sink_start(&self->sink, &file_type);
	}
	if (err < 0) {
		file_destroy(&self->sink);
		return err;
	}
	*out = &self->sink;
	return 0;
}
