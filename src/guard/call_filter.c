// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What libdw, libelf and the C library make of a question and its answer. */
static const int for_both[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise),
	/* files that are open; what opens them, and fcntl(), are below */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek),
	SCMP_SYS(close), SCMP_SYS(fstat),
	/* its sockets, and what it says at its end */
	SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(write), SCMP_SYS(writev),
	/* the C library's own */
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* By path: what a file is, where a link leads to, who may read it. */
static const int for_opener[] = {
	SCMP_SYS(stat),     SCMP_SYS(newfstatat), SCMP_SYS(statx),  SCMP_SYS(readlink),
	SCMP_SYS(getxattr), SCMP_SYS(readlinkat), SCMP_SYS(fstatfs)};

/* Directories, and what the C library's name services do with a unix socket (nscd, sssd,
 * systemd-userdbd). */
static const int for_finder[] = {
	SCMP_SYS(getdents64),  SCMP_SYS(access),         SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),  SCMP_SYS(lstat),          SCMP_SYS(connect),
	SCMP_SYS(poll),        SCMP_SYS(ppoll),          SCMP_SYS(select),
	SCMP_SYS(pselect6),    SCMP_SYS(getsockopt),     SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),    SCMP_SYS(shutdown),
	SCMP_SYS(eventfd2),    SCMP_SYS(epoll_create1),  SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),  SCMP_SYS(epoll_pwait),    SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),   SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	SCMP_SYS(getppid),     SCMP_SYS(getresuid),      SCMP_SYS(getresgid),
	SCMP_SYS(getgroups),   SCMP_SYS(fadvise64),      SCMP_SYS(statfs),
	SCMP_SYS(capget)};

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int filter_add_all(scmp_filter_ctx filter, const int calls[], size_t len)
{
	int err = 0;

	for (size_t i = 0; !err && i < len; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

static int filter_add_opening(scmp_filter_ctx filter)
{
	int err = filter_add_all(filter, for_opener,
				 sizeof(for_opener) / sizeof(*for_opener));

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	return err;
}

/* By this the C library does fstat(). The flag only allows an empty path, which says that the
 * descriptor itself is meant: a filter can't look at the path, so one that is given is looked
 * up, too. That tells a file's metadata, never what is in it. */
static int filter_add_fstat(scmp_filter_ctx filter)
{
	return seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
		SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

/* With others of its commands a descriptor can send signals to anyone, or hold a lease. */
static int filter_add_fcntl(scmp_filter_ctx filter)
{
	static const int commands[] = {F_GETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(commands) / sizeof(*commands); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX,
					       (scmp_datum_t)commands[i]));
	return err;
}

/* For abort(): a signal to itself. */
static int filter_add_own_end(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

/* No socket but of this machine, none made to wait for signals, and no signal at all: 0
 * asks whether there is such a process. Limits are read, not set. */
static int filter_add_finding(scmp_filter_ctx filter)
{
	int err = filter_add_all(filter, for_finder,
				 sizeof(for_finder) / sizeof(*for_finder));

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, F_SETFL),
				       SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
				       SCMP_A1(SCMP_CMP_EQ, 0, 0));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				       SCMP_A2(SCMP_CMP_EQ, 0, 0));
	/* Whether two descriptors are one open file, and nothing else of it. */
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kcmp), 1,
				       SCMP_A2(SCMP_CMP_EQ, KCMP_FILE, 0));
	return err;
}

int call_filter_set(enum call_filter which)
{
	/* By this error the C library knows that it has to do with an older call. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err = filter ? 0 : -ENOMEM;

	if (!err)
		err = filter_add_all(filter, for_both,
				     sizeof(for_both) / sizeof(*for_both));
	if (!err)
		err = which == CALL_FILTER_READER ? filter_add_fstat(filter)
						  : filter_add_opening(filter);
	if (!err && which == CALL_FILTER_FINDER)
		err = filter_add_finding(filter);
	if (!err)
		err = filter_add_fcntl(filter);
	if (!err)
		err = filter_add_own_end(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	/* -EINVAL of a kernel that has no filters */
	return err && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL ? -ENOSYS
									       : err;
}
