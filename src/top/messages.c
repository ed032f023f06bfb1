// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/messages.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is kept of them: the last ones. */
#define KEPT 8192

static struct {
	int from, before; /* the pipe's end, and standard error as it was */
	char kept[KEPT];
	size_t len;
} messages = {.from = -1, .before = -1};

void messages_take_over(void)
{
	int ends[2];

	/* Without it they stand on the screen until it is drawn anew. */
	if (!isatty(STDERR_FILENO) || pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return;
	messages.before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	messages.from = ends[0];
	messages.len = 0;
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

int messages_fd(void)
{
	return messages.from;
}

static bool fill(void)
{
	char part[1024];
	ssize_t n = read(messages.from, part, sizeof(part));

	if (n <= 0)
		return false;
	if (messages.len + (size_t)n > KEPT) {
		size_t drop = messages.len + (size_t)n - KEPT;

		memmove(messages.kept, messages.kept + drop, messages.len - drop);
		messages.len -= drop;
	}
	memcpy(messages.kept + messages.len, part, (size_t)n);
	messages.len += (size_t)n;
	return true;
}

bool messages_read(char *line, size_t size)
{
	const char *start;
	size_t len, end;

	if (messages.from < 0 || !fill())
		return false;
	while (fill())
		;
	end = messages.len;
	while (end && messages.kept[end - 1] == '\n')
		end--;
	start = end ? memrchr(messages.kept, '\n', end) : NULL;
	start = start ? start + 1 : messages.kept;
	len = (size_t)(messages.kept + end - start);
	len = len < size ? len : size - 1;
	memcpy(line, start, len);
	line[len] = '\0';
	return len > 0;
}

void messages_give_back(void)
{
	char line[16];

	if (messages.from < 0)
		return;
	messages_read(line, sizeof(line));
	if (messages.before >= 0) {
		dup2(messages.before, STDERR_FILENO);
		close(messages.before);
	}
	close(messages.from);
	messages.from = messages.before = -1;
	if (messages.len && write(STDERR_FILENO, messages.kept, messages.len) < 0)
		return;
	messages.len = 0;
}
