/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens and closes without end, by calls of all kinds: what a count that is a sum of
 * events would drift over.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zoo.h"

#define POOL  128   /* descriptors held at a time */
#define CHILD 20000 /* turns between two of what is dear: fork, messages, ranges */

static struct {
	int fds[POOL + 2];
	int held;
	unsigned long long opened, closed;
	uint32_t random;
} churn = {.random = 12345};

static uint32_t next_random(void)
{
	/* xorshift: the same turns each time */
	churn.random ^= churn.random << 13;
	churn.random ^= churn.random >> 17;
	churn.random ^= churn.random << 5;
	return churn.random;
}

static int hold(int fd)
{
	if (fd < 0)
		return -errno;
	churn.fds[churn.held++] = fd;
	churn.opened++;
	return 0;
}

static int hold_two(int result, const int fds[2])
{
	return result < 0 ? -errno : hold(fds[0]) ?: hold(fds[1]);
}

static int drop(void)
{
	int i = (int)(next_random() % (uint32_t)churn.held);
	int fd = churn.fds[i];

	churn.fds[i] = churn.fds[--churn.held];
	churn.closed++;
	return close(fd) ? -errno : 0;
}

/* Over one that is open: that one is closed. */
static int replace(void)
{
	int fd = churn.fds[next_random() % (uint32_t)churn.held];

	churn.opened++;
	churn.closed++;
	return dup2(STDERR_FILENO, fd) < 0 ? -errno : 0;
}

static int open_one(uint32_t kind)
{
	int pair[2] = {-1, -1};

	switch (kind % 10) {
	case 0:
		return hold(dup(STDERR_FILENO));
	case 1:
		return hold(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 40));
	case 2:
		return hold(socket(AF_UNIX, SOCK_STREAM, 0));
	case 3:
		return hold_two(pipe2(pair, O_CLOEXEC), pair);
	case 4:
		return hold_two(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), pair);
	case 5:
		return hold(eventfd(0, 0));
	case 6:
		return hold(epoll_create1(0));
	case 7:
		return hold(timerfd_create(CLOCK_MONOTONIC, 0));
	default:
		return hold(open("/dev/null", O_RDONLY));
	}
}

/* A child with a copy of the table opens some and exits with them. */
static int child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 5; i++)
			if (dup(STDERR_FILENO) < 0)
				_exit(ZOO_FAILED);
		_exit(ZOO_DONE);
	}
	return pid < 0 || waitpid(pid, NULL, 0) != pid ? -errno : 0;
}

/* One goes out in a message and comes in again as another. */
static int message(void)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr m = {.msg_iov = &data,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int pair[2], fd = STDERR_FILENO, err = 0;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return -errno;
	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(pair[0], &m, 0) < 0 || recvmsg(pair[1], &m, 0) < 0)
		err = -errno;
	if (!err && m.msg_controllen) {
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
		err = hold(fd);
	}
	close(pair[0]);
	close(pair[1]);
	churn.opened += 2;
	churn.closed += 2;
	return err;
}

/* All that are held, at once; there are gaps in their numbers. */
static int close_all(void)
{
	unsigned int first = ~0u, last = 0;

	for (int i = 0; i < churn.held; i++) {
		unsigned int fd = (unsigned int)churn.fds[i];

		first = fd < first ? fd : first;
		last = fd > last ? fd : last;
	}
	if (!churn.held)
		return 0;
	churn.closed += (unsigned long long)churn.held;
	churn.held = 0;
	return syscall(SYS_close_range, first, last, 0) ? -errno : 0;
}

static int turn(unsigned long n)
{
	uint32_t dice = next_random();

	if (n % CHILD == CHILD - 1)
		return child() ?: message() ?: close_all();
	if (churn.held >= POOL || (churn.held && dice % 16 < 8))
		return drop();
	if (churn.held && dice % 16 == 8)
		return replace();
	return open_one(dice >> 8);
}

static int run_churn(const char *arg)
{
	uint64_t start = zoo_boot_ns();
	unsigned long long until =
		churn.opened + churn.closed + (unsigned long long)zoo_number(arg, 1);
	int err = 0;

	for (unsigned long n = 0; !err && churn.opened + churn.closed < until; n++)
		err = turn(n);
	zoo_print("churn %llu %llu %llu", churn.opened, churn.closed,
		  (unsigned long long)(zoo_boot_ns() - start));
	return err;
}

const struct zoo_step zoo_churns[] = {
	{.name = "churn",
	 .arg = "N",
	 .run = run_churn,
	 .help = "N opens and closes by all kinds of calls, prints OPENED CLOSED NS"},
	{0},
};
