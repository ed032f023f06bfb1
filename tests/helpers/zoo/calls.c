/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everyday calls that return a descriptor, or a pair. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zoo.h"

/* Calls that newer architectures never had. */
#ifdef SYS_open
#define OLD_CALL(name, ...) ZOO_ERRNO(syscall(SYS_##name, ##__VA_ARGS__))
#else
#define OLD_CALL(name, ...) (-ENOSYS)
#endif

static int call_open(void)
{
	return zoo_hold(OLD_CALL(open, "/dev/null", O_RDONLY));
}

static int call_openat(void)
{
	return zoo_hold(
		ZOO_ERRNO(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY)));
}

static int call_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY};

	return zoo_hold(ZOO_ERRNO(
		syscall(SYS_openat2, AT_FDCWD, "/dev/null", &how, sizeof(how))));
}

static int call_creat(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/fdzoo-%d", getpid());
	fd = zoo_hold(OLD_CALL(creat, path, 0600));
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int call_dup(void)
{
	return zoo_hold(ZOO_ERRNO(dup(STDERR_FILENO)));
}

/* NUMBER: where it is put */
static int run_dup2(const char *arg)
{
	return zoo_hold(ZOO_ERRNO(dup2(STDERR_FILENO, (int)zoo_number(arg, 3))));
}

static int run_dup3(const char *arg)
{
	return zoo_hold(
		ZOO_ERRNO(dup3(STDERR_FILENO, (int)zoo_number(arg, 3), O_CLOEXEC)));
}

static int call_fcntl_dupfd(void)
{
	return zoo_hold(ZOO_ERRNO(fcntl(STDERR_FILENO, F_DUPFD, 0)));
}

static int run_fcntl_dupfd(const char *arg)
{
	return zoo_hold(ZOO_ERRNO(
		fcntl(STDERR_FILENO, F_DUPFD, arg ? (int)zoo_number(arg, 0) : 0)));
}

static int call_fcntl_dupfd_cloexec(void)
{
	return zoo_hold(ZOO_ERRNO(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)));
}

static int call_cloexec(void)
{
	return zoo_hold(ZOO_ERRNO(open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

static int call_socket(void)
{
	return zoo_hold(ZOO_ERRNO(socket(AF_UNIX, SOCK_STREAM, 0)));
}

static int call_socketpair(void)
{
	int fds[2];

	return zoo_hold_pair(ZOO_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, fds)), fds);
}

static int call_pipe(void)
{
	int fds[2] = {-1, -1}; /* where there is no such call */

	return zoo_hold_pair(OLD_CALL(pipe, fds), fds);
}

static int call_pipe2(void)
{
	int fds[2];

	return zoo_hold_pair(ZOO_ERRNO(pipe2(fds, O_CLOEXEC)), fds);
}

/* A listening socket and connections that wait on it. */
struct listener {
	int fd;
	int waiting; /* connections to be accepted */
	struct sockaddr_storage address;
	socklen_t len;
};

/* Their other ends are closed at once: a call of accept needs no descriptor but
 * the one that it gives. */
static int connect_some(struct listener *to)
{
	for (; to->waiting < 8; to->waiting++) {
		int fd = ZOO_ERRNO(socket(to->address.ss_family, SOCK_STREAM, 0));

		if (fd < 0)
			return fd;
		if (connect(fd, (struct sockaddr *)&to->address, to->len))
			return -errno;
		close(fd);
	}
	return 0;
}

static int listen_on(struct listener *on, int family)
{
	struct sockaddr_in *inet = (void *)&on->address;

	if (on->fd)
		return 0;
	on->address.ss_family = (sa_family_t)family;
	on->len = sizeof(sa_family_t); /* AF_UNIX: the kernel picks a name */
	if (family == AF_INET) {
		inet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		on->len = sizeof(*inet);
	}
	on->fd = ZOO_ERRNO(socket(family, SOCK_STREAM, 0));
	if (on->fd < 0)
		return on->fd;
	if (bind(on->fd, (struct sockaddr *)&on->address, on->len) ||
	    listen(on->fd, 16))
		return -errno;
	on->len = sizeof(on->address);
	if (getsockname(on->fd, (struct sockaddr *)&on->address, &on->len))
		return -errno;
	return connect_some(on);
}

static int accept_from(struct listener *from, bool four)
{
	int fd = from->waiting ? 0 : connect_some(from);

	if (fd < 0)
		return fd;
	if (four)
		fd = ZOO_ERRNO(accept4(from->fd, NULL, NULL, SOCK_CLOEXEC));
	else
#ifdef SYS_accept
		fd = ZOO_ERRNO(syscall(SYS_accept, from->fd, NULL, NULL));
#else
		fd = -ENOSYS;
#endif
	if (fd >= 0)
		from->waiting--;
	return zoo_hold(fd);
}

static struct listener unix_listener, inet_listener;

static int prepare_accept(void)
{
	return listen_on(&unix_listener, AF_UNIX);
}

static int call_accept(void)
{
	return accept_from(&unix_listener, false);
}

static int prepare_accept4(void)
{
	return listen_on(&inet_listener, AF_INET);
}

static int call_accept4(void)
{
	return accept_from(&inet_listener, true);
}

static int call_eventfd(void)
{
	return zoo_hold(OLD_CALL(eventfd, 0));
}

static int call_eventfd2(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_eventfd2, 0, 0)));
}

static int call_epoll_create(void)
{
	return zoo_hold(OLD_CALL(epoll_create, 1));
}

static int call_epoll_create1(void)
{
	return zoo_hold(ZOO_ERRNO(epoll_create1(0)));
}

static int call_timerfd_create(void)
{
	return zoo_hold(ZOO_ERRNO(timerfd_create(CLOCK_MONOTONIC, 0)));
}

static const uint64_t no_signals; /* the kernel's sigset is 8 bytes */

static int call_signalfd(void)
{
	return zoo_hold(OLD_CALL(signalfd, -1, &no_signals, sizeof(no_signals)));
}

static int call_signalfd4(void)
{
	return zoo_hold(ZOO_ERRNO(
		syscall(SYS_signalfd4, -1, &no_signals, sizeof(no_signals), 0)));
}

static int call_inotify_init(void)
{
	return zoo_hold(OLD_CALL(inotify_init));
}

static int call_inotify_init1(void)
{
	return zoo_hold(ZOO_ERRNO(inotify_init1(IN_CLOEXEC)));
}

static int call_memfd_create(void)
{
	return zoo_hold(ZOO_ERRNO(memfd_create("fdzoo", 0)));
}

/* Calls by the 32-bit gate: other numbers, and no tracepoint of their own. */
#ifdef __x86_64__
static long gate32(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static char *low_path;

static int prepare_open32(void)
{
	pid_t pid;
	int status;

	if (low_path)
		return 0;
	low_path = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low_path == MAP_FAILED)
		return -errno;
	strcpy(low_path, "/dev/null");
	/* a kernel without 32-bit calls kills: let it kill another */
	pid = fork();
	if (pid == 0)
		_exit(gate32(20 /* getpid */, 0, 0, 0) == getpid() ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOSYS;
}

static int call_open32(void)
{
	return zoo_hold((int)gate32(5 /* open */, (long)low_path, O_RDONLY, 0));
}
#else
static int prepare_open32(void)
{
	return -ENOSYS;
}

static int call_open32(void)
{
	return -ENOSYS;
}
#endif

#define WAY(way, text)                                                                 \
	.name = #way, .arg = "[TIMES]", .help = text, .call = call_##way, .full = EMFILE

const struct zoo_step zoo_calls[] = {
	{WAY(open, "open /dev/null")},
	{WAY(openat, "the same")},
	{WAY(openat2, "the same")},
	{WAY(creat, "create a file in /tmp, and unlink it")},
	{WAY(dup, "duplicate standard error")},
	{.name = "dup2",
	 .arg = "NUMBER",
	 .run = run_dup2,
	 .help = "put a duplicate there"},
	{.name = "dup3",
	 .arg = "NUMBER",
	 .run = run_dup3,
	 .help = "the same, close-on-exec"},
	{WAY(fcntl_dupfd, "F_DUPFD; its argument is the lowest number"),
	 .run = run_fcntl_dupfd},
	{WAY(fcntl_dupfd_cloexec, "F_DUPFD_CLOEXEC")},
	{WAY(cloexec, "open, close-on-exec")},
	{WAY(socket, "a unix socket")},
	{WAY(socketpair, "a pair of them")},
	{WAY(pipe, "a pipe: two descriptors")},
	{WAY(pipe2, "the same, close-on-exec")},
	{WAY(accept, "accept a unix connection"), .prepare = prepare_accept},
	{WAY(accept4, "accept a TCP connection over the loopback"),
	 .prepare = prepare_accept4},
	{WAY(eventfd, "an event counter")},
	{WAY(eventfd2, "the same")},
	{WAY(epoll_create, "an epoll instance")},
	{WAY(epoll_create1, "the same")},
	{WAY(timerfd_create, "a timer")},
	{WAY(signalfd, "for no signals")},
	{WAY(signalfd4, "the same")},
	{WAY(inotify_init, "an inotify instance")},
	{WAY(inotify_init1, "the same, close-on-exec")},
	{WAY(memfd_create, "a file in memory")},
	{WAY(open32, "open by the 32-bit gate, int 0x80"), .prepare = prepare_open32},
	{0},
};
