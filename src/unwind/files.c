// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/files.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/helper.h"

/* Takes the one descriptor that may come along; -1: none. */
static int files_take(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
	    part->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	return fd;
}

static int files_receive(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct files_answer answer = {-EPROTO, 0};
	struct iovec iov = {&answer, sizeof(answer)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	int fd;

	do
		got = recvmsg(HELPER_PEER, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	fd = files_take(&message);
	if (got == sizeof(answer) && !answer.error && fd >= 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return got == sizeof(answer) && answer.error < 0 ? answer.error : -EPROTO;
}

int files_ask(enum files_kind kind, uint64_t address, const char *path)
{
	struct files_question question = {.kind = kind, .address = address};
	size_t len = path ? strlen(path) : 0;

	if (len >= sizeof(question.path))
		return -ENAMETOOLONG;
	if (path)
		memcpy(question.path, path, len);
	if (send(HELPER_PEER, &question,
		 offsetof(struct files_question, path) + len + 1, MSG_NOSIGNAL) < 0)
		return -errno;
	return files_receive();
}

int files_send(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct files_answer answer = {fd < 0 ? fd : 0, 0};
	struct iovec iov = {&answer, sizeof(answer)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
