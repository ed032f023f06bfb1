// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program's own log. No stdio: a line is one write(), so that lines of two
 * threads never mix and nothing waits in a buffer when the program is killed.
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Under PIPE_BUF (4096): a pipe that poll() calls writable has room for that
 * much, so such a write neither blocks nor is cut. */
#define LINE_SIZE 2048

static atomic_bool never_block;
static atomic_bool debug;
static atomic_uint_fast64_t lines_lost;

bool log_fd_is_journal(int fd)
{
	const char *text = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	char end;

	if (!text || sscanf(text, "%ju:%ju%c", &device, &inode, &end) != 2)
		return false;
	if (fstat(fd, &st) < 0)
		return false;
	return st.st_dev == device && st.st_ino == inode;
}

void log_never_block(void)
{
	atomic_store(&never_block, true);
}

/* Writes or loses the line. */
static bool put(const char *line, size_t len)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (atomic_load(&never_block) &&
	    (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)))
		return false;
	while (len) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		line += n;
		len -= (size_t)n;
	}
	return true;
}

static void put_line(enum log_level level, const char *text)
{
	char line[LINE_SIZE];
	size_t len;

	/* The journal has the name already, and takes the priority off again. */
	if (log_fd_is_journal(STDERR_FILENO))
		snprintf(line, sizeof(line), "<%d>%s", (int)level, text);
	else
		snprintf(line, sizeof(line), "fdwarden: %s", text);
	len = strnlen(line, sizeof(line) - 2);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len] = '\n';
	if (!put(line, len + 1))
		atomic_fetch_add(&lines_lost, 1);
}

__attribute__((format(printf, 3, 0))) static void
put_message(enum log_level level, uint64_t left_out, const char *format, va_list args)
{
	uint64_t lost = atomic_exchange(&lines_lost, 0);
	char text[LINE_SIZE - 64];
	int err = errno; /* callers log, then return -errno */
	int len;

	if (lost) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " lines of this log are lost: they could not be "
			 "written",
			 lost);
		put_line(LOG_LEVEL_WARNING, text);
		if (atomic_load(&lines_lost)) /* not that one either */
			atomic_fetch_add(&lines_lost, lost - 1);
	}
	len = vsnprintf(text, sizeof(text), format, args);
	if (left_out && len >= 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len,
			 " (and %" PRIu64 " more like this before it)", left_out);
	put_line(level, text);
	errno = err;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(LOG_LEVEL_ERROR, 0, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(LOG_LEVEL_WARNING, 0, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(LOG_LEVEL_INFO, 0, format, args);
	va_end(args);
}

void log_set_debug(bool on)
{
	atomic_store(&debug, on);
}

bool log_debug_wanted(void)
{
	return atomic_load(&debug);
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (!log_debug_wanted())
		return;
	va_start(args, format);
	put_message(LOG_LEVEL_DEBUG, 0, format, args);
	va_end(args);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	struct timespec now;
	uint64_t now_ns;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (limit->last_ns && now_ns - limit->last_ns < limit->interval_ns) {
		limit->left_out++;
		return;
	}
	va_start(args, format);
	put_message(level, limit->left_out, format, args);
	va_end(args);
	limit->last_ns = now_ns;
	limit->left_out = 0;
}
