/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that come from another process, or as a side effect. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zoo.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#define SCM_MOST 253 /* descriptors in one message */

static int pair[2];

static int prepare_pair(void)
{
	return pair[0] ? 0 : ZOO_ERRNO(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
}

/* A message that carries `number` duplicates of standard error. */
static int send_rights(int socket, int number)
{
	union {
		char bytes[CMSG_SPACE(SCM_MOST * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE((size_t)number * sizeof(int)),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN((size_t)number * sizeof(int));
	for (int i = 0; i < number; i++)
		((int *)(void *)CMSG_DATA(head))[i] = STDERR_FILENO;
	return ZOO_ERRNO(sendmsg(socket, &message, MSG_DONTWAIT));
}

/* Receives one message. Returns the number of descriptors that came with it. */
static int receive(int socket, int type, bool many, bool *truncated)
{
	union {
		char bytes[CMSG_SPACE(SCM_MOST * sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data = {&byte, 1};
	struct mmsghdr message = {.msg_hdr = {
					  .msg_iov = &data,
					  .msg_iovlen = 1,
					  .msg_control = control.bytes,
					  .msg_controllen = sizeof(control.bytes),
				  }};
	long result = many ? recvmmsg(socket, &message, 1, 0, NULL)
			   : recvmsg(socket, &message.msg_hdr, 0);
	int received = 0;

	if (result < 0)
		return -errno;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message.msg_hdr); head;
	     head = CMSG_NXTHDR(&message.msg_hdr, head)) {
		int *fds = (int *)(void *)CMSG_DATA(head);
		size_t len = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != type)
			continue;
		for (size_t i = 0; i < len; i++)
			if (zoo_hold(fds[i]) >= 0)
				received++;
	}
	*truncated = message.msg_hdr.msg_flags & MSG_CTRUNC;
	return received;
}

static int receive_some(int number, bool many)
{
	bool truncated;
	int err = send_rights(pair[0], number);

	if (err >= 0)
		err = receive(pair[1], SCM_RIGHTS, many, &truncated);
	if (err >= 0 && err < number)
		zoo_fail(ZOO_FAILED, "received %d of %d descriptors", err, number);
	return err;
}

static int call_recvmsg(void)
{
	return receive_some(1, false);
}

static int call_recvmmsg(void)
{
	return receive_some(1, true);
}

/* N of them in as few messages as they need */
static int run_scm_rights(const char *arg)
{
	long left = zoo_number(arg, 1);
	int err = prepare_pair();

	for (; err >= 0 && left > 0; left -= err)
		err = receive_some(left < SCM_MOST ? (int)left : SCM_MOST, false);
	return err;
}

/* Into a full table: the call succeeds, and the descriptors are lost. */
static int run_scm_full(const char *arg)
{
	long number = zoo_number(arg, 1);
	bool truncated = false;
	int err = prepare_pair();

	if (number > SCM_MOST)
		zoo_fail(ZOO_USAGE, "scm_full: at most %d", SCM_MOST);
	if (err >= 0)
		err = zoo_fill(-1);
	if (err >= 0)
		err = send_rights(pair[0], (int)number);
	if (err >= 0)
		err = receive(pair[1], SCM_RIGHTS, false, &truncated);
	if (err > 0 || (!err && !truncated))
		zoo_fail(ZOO_FAILED, "scm_full: %d came, truncated: %d", err,
			 truncated);
	if (!err)
		zoo_print("truncated %ld", number);
	return err;
}

#define MESSAGES_MOST 32

/* N messages with one each, received by one call. */
static int run_scm_full_many(const char *arg)
{
	struct mmsghdr messages[MESSAGES_MOST] = {0};
	char control[MESSAGES_MOST][CMSG_SPACE(sizeof(int))], bytes[MESSAGES_MOST];
	struct iovec parts[MESSAGES_MOST];
	long number = zoo_number(arg, 1);
	int err = prepare_pair(), got;

	if (number > MESSAGES_MOST)
		zoo_fail(ZOO_USAGE, "scm_full_many: at most %d", MESSAGES_MOST);
	if (err >= 0)
		err = zoo_fill(-1);
	for (long i = 0; i < number && err >= 0; i++) {
		parts[i] = (struct iovec){&bytes[i], 1};
		messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &parts[i],
					.msg_iovlen = 1,
					.msg_control = control[i],
					.msg_controllen = sizeof(control[i])};
		err = send_rights(pair[0], 1);
	}
	if (err < 0)
		return err;
	got = recvmmsg(pair[1], messages, (unsigned int)number, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		if (!(messages[i].msg_hdr.msg_flags & MSG_CTRUNC))
			got = -1;
	if (got != number)
		zoo_fail(ZOO_FAILED, "scm_full_many: %d messages", got);
	return 0;
}

/* Sent and never received: in flight they count against the sender's limit. */
static int prepare_scm_send(void)
{
	int err = prepare_pair(), size = 1 << 20;

	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return err;
}

static int call_scm_send(void)
{
	return send_rights(pair[0], SCM_MOST);
}

static int prepare_scm_pidfd(void)
{
	int err = prepare_pair(), yes = 1;

	return err < 0 ? err
		       : ZOO_ERRNO(setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &yes,
					      sizeof(yes)));
}

static int call_scm_pidfd(void)
{
	bool truncated;
	int err = ZOO_ERRNO(send(pair[0], "", 1, 0));

	return err < 0 ? err : receive(pair[1], SCM_PIDFD, false, &truncated);
}

static int streams[2];

static int prepare_so_peerpidfd(void)
{
	return streams[0] ? 0 : ZOO_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, streams));
}

static int call_so_peerpidfd(void)
{
	int fd;
	socklen_t len = sizeof(fd);

	if (getsockopt(streams[0], SOL_SOCKET, SO_PEERPIDFD, &fd, &len))
		return -errno;
	return zoo_hold(fd);
}

static int call_clone_pidfd(void)
{
	int fd;
	/* the order of these arguments differs between architectures only after
	 * the third */
	long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return -errno;
	waitpid((pid_t)pid, NULL, 0);
	return zoo_hold(fd);
}

/* ---- seccomp ---- */

/* Asks the listener about each call of this number. */
static int install_listener_for(uint32_t call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return ZOO_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				 SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

/* … about one that nobody else makes. */
static int install_listener(void)
{
	return install_listener_for(SYS_getsid);
}

static void *listener_thread(void *result)
{
	*(int *)result = install_listener();
	return NULL;
}

/* A thread may have one listener only, so each call has a thread of its own. */
static int call_seccomp_listener(void)
{
	pthread_t thread;
	int fd, err = pthread_create(&thread, NULL, listener_thread, &fd);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return zoo_hold(fd);
}

/* The child into which descriptors are put while it asks. */
static struct {
	pid_t pid;
	int listener;
} supervised;

static void *ask_once(void *result)
{
	int fds[2];

	*(long *)result = syscall(SYS_pipe2, fds, 0);
	return NULL;
}

/* Calls pipe2() from so many threads, one after the other, with no room for a number. */
static void be_refused_by_each(atomic_int *result, long threads)
{
	int listener = install_listener_for(SYS_pipe2);
	struct rlimit none = {0, 0};
	pthread_t thread;
	long got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (listener >= 0 && (unshare(CLONE_FILES) || setrlimit(RLIMIT_NOFILE, &none)))
		listener = -errno;
	atomic_store(result, listener);
	while (listener >= 0 && threads-- > 0) {
		if (pthread_create(&thread, NULL, ask_once, &got))
			break;
		pthread_join(thread, NULL);
	}
	_exit(0);
}

/* Its listener's number, which is ours as well, or -errno. */
static int start_refused(long threads)
{
	atomic_int *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener;
	long pid;

	if (result == MAP_FAILED)
		return -errno;
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		be_refused_by_each(result, threads);
	if (pid < 0)
		return -errno;
	while (!atomic_load(result))
		usleep(100);
	listener = atomic_load(result);
	munmap(result, sizeof(*result));
	return listener;
}

/* Each of the calls is refused a number by us, from within it, and then not made at all: who
 * watches its end waits for one that never comes. */
static int run_seccomp_unmade(const char *arg)
{
	long threads = zoo_number(arg, 1);
	int listener = start_refused(threads);

	if (listener < 0) {
		zoo_skip("seccomp_unmade", strerror(-listener));
		return ZOO_DONE;
	}
	for (long i = 0; i < threads; i++) {
		struct seccomp_notif request = {0};
		struct seccomp_notif_resp answer = {.error = -EPERM};
		struct seccomp_notif_addfd put = {.srcfd = STDERR_FILENO};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
			zoo_fail(ZOO_FAILED, "seccomp_unmade: %s", strerror(errno));
		put.id = answer.id = request.id;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put) >= 0 ||
		    errno != EMFILE)
			zoo_fail(ZOO_FAILED, "seccomp_unmade: it was not refused");
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	close(listener);
	return ZOO_DONE;
}

/* Installs its listener in the shared table, then has a table of its own. */
static void be_supervised(atomic_int *result)
{
	int listener = install_listener();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (listener >= 0 && (unshare(CLONE_FILES) || close(listener)))
		listener = -errno;
	atomic_store(result, listener);
	while (listener >= 0)
		syscall(SYS_getsid, 0);
	_exit(0);
}

static int prepare_seccomp_addfd(void)
{
	atomic_int *result;
	long pid;

	if (supervised.pid)
		return 0;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return -errno;
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		be_supervised(result);
	if (pid < 0)
		return -errno;
	while (!atomic_load(result)) /* 0 is standard input: never a listener */
		usleep(100);
	supervised.pid = (pid_t)pid;
	supervised.listener = atomic_load(result);
	munmap(result, sizeof(*result));
	if (supervised.listener < 0)
		return supervised.listener;
	zoo_print("child %d", supervised.pid);
	return 0;
}

static int call_seccomp_addfd(void)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp answer = {0};
	struct seccomp_notif_addfd put = {.srcfd = STDERR_FILENO};
	int err = ZOO_ERRNO(
		ioctl(supervised.listener, SECCOMP_IOCTL_NOTIF_RECV, &request));

	if (err < 0)
		return err;
	put.id = answer.id = request.id;
	err = ZOO_ERRNO(ioctl(supervised.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put));
	ioctl(supervised.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return err; /* the child's number: nothing to hold here */
}

/* The child's limit becomes the number that it would get next. */
static int fill_seccomp_addfd(void)
{
	struct rlimit limit;
	int next = call_seccomp_addfd();

	if (next < 0)
		return next;
	if (prlimit(supervised.pid, RLIMIT_NOFILE, NULL, &limit))
		return -errno;
	limit.rlim_cur = (rlim_t)next + 1;
	return ZOO_ERRNO(prlimit(supervised.pid, RLIMIT_NOFILE, &limit, NULL));
}

const struct zoo_step zoo_transfers[] = {
	{.name = "scm_rights",
	 .arg = "N",
	 .run = run_scm_rights,
	 .help = "receive N descriptors in as few messages as they need"},
	{.name = "scm_full",
	 .arg = "N",
	 .run = run_scm_full,
	 .help = "receive N into a full table: all are lost"},
	{.name = "scm_full_many",
	 .arg = "N",
	 .run = run_scm_full_many,
	 .help = "receive N in as many messages by one recvmmsg into a full table"},
	{.name = "recvmsg",
	 .arg = "[TIMES]",
	 .help = "receive one by recvmsg",
	 .prepare = prepare_pair,
	 .call = call_recvmsg},
	{.name = "recvmmsg",
	 .arg = "[TIMES]",
	 .help = "receive one by recvmmsg",
	 .prepare = prepare_pair,
	 .call = call_recvmmsg},
	{.name = "scm_pidfd",
	 .arg = "[TIMES]",
	 .help = "the sender's, with a message",
	 .prepare = prepare_scm_pidfd,
	 .call = call_scm_pidfd},
	{.name = "scm_send",
	 .arg = "[TIMES]",
	 .help = "send 253, never received",
	 .prepare = prepare_scm_send,
	 .call = call_scm_send},
	{.name = "so_peerpidfd",
	 .arg = "[TIMES]",
	 .help = "of a socket's peer",
	 .prepare = prepare_so_peerpidfd,
	 .call = call_so_peerpidfd,
	 .full = EMFILE},
	{.name = "clone_pidfd",
	 .arg = "[TIMES]",
	 .help = "of a child that exits",
	 .call = call_clone_pidfd,
	 .full = EMFILE},
	{.name = "seccomp_listener",
	 .arg = "[TIMES]",
	 .help = "of a thread's filter",
	 .call = call_seccomp_listener,
	 .full = EMFILE},
	{.name = "seccomp_addfd",
	 .arg = "[TIMES]",
	 .help = "put one into a child's table; prints child PID",
	 .prepare = prepare_seccomp_addfd,
	 .call = call_seccomp_addfd,
	 .fill = fill_seccomp_addfd,
	 .full = EMFILE},
	{.name = "seccomp_unmade",
	 .arg = "N",
	 .help = "N threads of a child are refused a number within a pipe2() that is "
		 "not made",
	 .run = run_seccomp_unmade},
	{0},
};
