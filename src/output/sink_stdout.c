/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard output: a pipe, a socket, a terminal, a file. It is not made
 * non-blocking, as others may share it (a shell does); instead each piece is
 * written only when there is room for it.
 */
#include "output/sink_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct sink_stdout {
	struct sink sink; /* first */
	int fd;
	bool is_socket, is_pipe, is_file;
	bool half_line; /* the last line was not finished */
};

/* When poll() says that there is room, there is for one page in a pipe; a writer
 * who shares it may take it first, so where the kernel can it is also told not to
 * wait (pipes: since 6.4). */
static ssize_t write_piece(struct sink_stdout *self, const char *bytes, size_t len)
{
	struct iovec piece = {.iov_base = (void *)bytes, .iov_len = len};
	ssize_t done;

	if (len > PIPE_BUF && !self->is_file)
		piece.iov_len = PIPE_BUF;
	if (self->is_socket)
		return send(self->fd, bytes, piece.iov_len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (self->is_pipe) {
		done = pwritev2(self->fd, &piece, 1, -1, RWF_NOWAIT);
		if (done >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS))
			return done;
		self->is_pipe = false;
	}
	return write(self->fd, bytes, piece.iov_len);
}

static int write_all(struct sink_stdout *self, const char *bytes, size_t len)
{
	while (len > 0) {
		int ready = sink_wait(&self->sink, self->fd, POLLOUT, -1);
		ssize_t done;

		if (ready < 0)
			return ready;
		done = write_piece(self, bytes, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) {
			/* Not as much room as it seemed: not a busy loop. */
			ready = sink_wait(&self->sink, -1, 0, 10);
			if (ready < 0)
				return ready;
			continue;
		}
		if (done < 0)
			return -errno;
		self->half_line = true;
		bytes += done;
		len -= (size_t)done;
	}
	self->half_line = false;
	return 0;
}

static int stdout_write(struct sink *sink, const struct sink_message *message)
{
	struct sink_stdout *self = (struct sink_stdout *)sink;
	int err = 0;

	/* A line that failed in its middle must not run into this one. */
	if (self->half_line)
		err = write_all(self, "\n", 1);
	if (!err)
		err = write_all(self, message->line, message->len);
	if (err == -EPIPE)
		sink_explain(sink, "nobody reads it any more");
	return err;
}

static void stdout_destroy(struct sink *sink)
{
	free(sink); /* the descriptor is the caller's */
}

static const struct sink_type stdout_type = {
	.name = "stdout",
	.slow = "the reader was not reading",
	.stream = true,
	.retry_ms = 1000,
	.retry_max_ms = 1000,
	.write = stdout_write,
	.destroy = stdout_destroy,
};

int sink_open_stdout(int fd, struct sink **out)
{
	struct sink_stdout *self;
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* One that can't be written to (closed when we started) is a reader that is
	 * gone: counted and said with the first alert. */
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->fd = fd;
	self->is_socket = S_ISSOCK(st.st_mode);
	self->is_pipe = S_ISFIFO(st.st_mode);
	self->is_file = S_ISREG(st.st_mode);
	err = sink_start(&self->sink, &stdout_type);
	if (err) {
		free(self);
		return err;
	}
	*out = &self->sink;
	return 0;
}
