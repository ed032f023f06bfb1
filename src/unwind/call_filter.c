// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What libdw, libelf and the C library make of a question and its answer. */
static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise),
	/* files; what opens them, and fcntl(), are below */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek),
	SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat),
	SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(getcwd),
	/* its socket, and what it says at its end */
	SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(write), SCMP_SYS(writev),
	/* the C library's own */
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int allow_opening(scmp_filter_ctx filter)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	return err;
}

/* With others of its commands a descriptor can send signals to anyone, or hold a lease. */
static int allow_fcntl(scmp_filter_ctx filter)
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
static int allow_own_end(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

int call_filter_read_only(void)
{
	/* By this error the C library knows that it has to do with an older call. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(*allowed); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = allow_opening(filter);
	if (!err)
		err = allow_fcntl(filter);
	if (!err)
		err = allow_own_end(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	/* -EINVAL of a kernel that has no filters */
	return err && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL ? -ENOSYS
									       : err;
}
