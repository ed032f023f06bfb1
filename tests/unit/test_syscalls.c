// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "collect/syscalls.h"

static struct fdw_call calls[2 * FDW_MAX_CALLS];
static bool watched[FDW_MAX_CALLS];

static void test_native_numbers(void **unused)
{
	(void)unused;
	syscalls_fill(calls, watched);
	assert_int_equal(calls[SYS_openat].yield, FDW_YIELD_RETURN);
	assert_int_equal(calls[SYS_openat].path_arg, 2);
	assert_int_equal(calls[SYS_pipe2].yield, FDW_YIELD_ASIDE);
	assert_int_equal(calls[SYS_pipe2].opens, 2);
	assert_int_equal(calls[SYS_close].yield, FDW_YIELD_CLOSE);
	assert_int_equal(calls[SYS_prlimit64].flags, FDW_CALL_PRLIMIT);
	assert_int_equal(calls[SYS_getppid].yield, FDW_YIELD_NONE);
	assert_true(watched[SYS_openat]);
	/* newer than the headers */
	assert_int_equal(calls[447].yield, FDW_YIELD_RETURN);
	assert_int_equal(calls[467].yield, FDW_YIELD_RETURN);
}

/* What a row of the table of limits is about is watched, or it could never be told. */
static void test_limits_are_watched(void **unused)
{
	static const struct {
		const char *name;
		long number;
	} rows[] = {
		{"mq_open", SYS_mq_open},       {"mount", SYS_mount},
		{"move_mount", SYS_move_mount}, {"open_tree", SYS_open_tree},
		{"fsmount", SYS_fsmount},       {"epoll_ctl", SYS_epoll_ctl},
		{"sendmsg", SYS_sendmsg},       {"fanotify_mark", SYS_fanotify_mark},
	};

	(void)unused;
	syscalls_fill(calls, watched);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(calls[rows[i].number].flags & FDW_CALL_OTHER_ERRNO);
	/* … and no others are: a full disk is no limit of descriptors */
	assert_false(calls[SYS_openat].flags & FDW_CALL_OTHER_ERRNO);
	assert_false(calls[SYS_write].flags & FDW_CALL_OTHER_ERRNO);
}

/* The fexit sensor sits on the calls' functions one by one: on each of these. */
static void test_limits_have_a_program(void **unused)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
#define LIMIT(call, error, kind, applies) {#call, error},
#include "policy/limits.def"
	};
	static char source[1 << 16];
	FILE *in = fopen("bpf/fexit.bpf.h", "r");
	char want[64];

	(void)unused;
	if (!in)
		skip();
	source[fread(source, 1, sizeof(source) - 1, in)] = 0;
	fclose(in);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].error == EMFILE || rows[i].error == ENFILE)
			continue;
		snprintf(want, sizeof(want), "ON_EXIT(%s)\n", rows[i].name);
		if (!strstr(source, want))
			fail_msg("no program for %s", rows[i].name);
	}
}

/* Each as the C library's headers number it, whatever they are made of. */
static void test_as_the_headers_say(void **unused)
{
#define SAYS(call)                                                                     \
	{                                                                              \
#call, SYS_##call                                                      \
	}
	static const struct {
		const char *name;
		long number;
	} said[] = {
		SAYS(openat),
		SAYS(fcntl),
		SAYS(dup3),
		SAYS(socket),
		SAYS(socketpair),
		SAYS(accept4),
		SAYS(recvmsg),
		SAYS(sendmsg),
		SAYS(epoll_create1),
		SAYS(eventfd2),
		SAYS(timerfd_create),
		SAYS(signalfd4),
		SAYS(inotify_init1),
		SAYS(inotify_add_watch),
		SAYS(memfd_create),
		SAYS(userfaultfd),
		SAYS(bpf),
		SAYS(perf_event_open),
		SAYS(io_uring_setup),
		SAYS(pidfd_open),
		SAYS(close),
		SAYS(prlimit64),
		SAYS(ioctl),
		SAYS(mount),
		SAYS(execve),
		SAYS(close_range),
		SAYS(openat2),
	};

	(void)unused;
	syscalls_fill(calls, watched);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		assert_string_equal(syscalls_name(said[i].number), said[i].name);
	assert_int_equal(calls[SYS_fcntl].yield, FDW_YIELD_FCNTL);
	assert_int_equal(calls[SYS_socket].yield, FDW_YIELD_RETURN);
}

static void test_compat_numbers(void **unused)
{
	(void)unused;
#if defined(__aarch64__)
	/* Of AArch32: no header of this machine has them. */
	syscalls_fill(calls, watched);
	assert_int_equal(calls[FDW_MAX_CALLS + 5].yield, FDW_YIELD_RETURN);
	assert_int_equal(calls[FDW_MAX_CALLS + 221].yield, FDW_YIELD_FCNTL);
	assert_int_equal(calls[FDW_MAX_CALLS + 322].yield, FDW_YIELD_RETURN);
	assert_string_equal(syscalls_name(5 | FDW_CALL_COMPAT), "open");
	assert_string_equal(syscalls_name(221 | FDW_CALL_COMPAT), "fcntl64");
	assert_string_equal(syscalls_name(322 | FDW_CALL_COMPAT), "openat");
	assert_string_equal(syscalls_name(366 | FDW_CALL_COMPAT), "accept4");
	assert_true(watched[221]);
#elif defined(__x86_64__)
	syscalls_fill(calls, watched);
	assert_int_equal(calls[FDW_MAX_CALLS + 5].yield, FDW_YIELD_RETURN); /* open */
	assert_int_equal(calls[FDW_MAX_CALLS + 6].yield, FDW_YIELD_CLOSE);
	assert_int_equal(calls[FDW_MAX_CALLS + 102].yield, FDW_YIELD_ASIDE);
	/* fstat is 5 natively: watched for the sake of the other ABI */
	assert_int_equal(calls[5].yield, FDW_YIELD_NONE);
	assert_true(watched[5]);
	assert_string_equal(syscalls_name(5 | FDW_CALL_COMPAT), "open");
	assert_string_equal(syscalls_name(5), "fstat");
#else
	skip();
#endif
}

static void test_names(void **unused)
{
	(void)unused;
	assert_string_equal(syscalls_name(SYS_accept4), "accept4");
	assert_string_equal(syscalls_name(447), "memfd_secret");
	assert_string_equal(syscalls_name(999), "syscall_999");
	assert_ptr_equal(syscalls_name(999), syscalls_name(999));
	assert_string_equal(syscalls_name(FDW_CALL_ELSE), "other");
	assert_string_equal(syscalls_name(0x7ffd), "syscall_32765");
	assert_string_equal(syscalls_name(FDW_CALL_IO_URING), "io_uring");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native_numbers),
		cmocka_unit_test(test_limits_are_watched),
		cmocka_unit_test(test_limits_have_a_program),
		cmocka_unit_test(test_as_the_headers_say),
		cmocka_unit_test(test_compat_numbers),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("syscalls", tests, NULL, NULL);
}
