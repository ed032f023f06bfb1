/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which limit is behind a refusal: the table of causes, row by row. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "between.h"
#include "policy/limits.h"

#define FD   "descriptors"
#define FILE "file-max"

/* The tables as they were: each case takes one of these. */
enum tables {
	ROOM,    /* 10 of 1024 slots, 1000 of 100000 files */
	FULL,    /* all slots */
	ONE,     /* one slot left */
	FILES,   /* the system's files all taken */
	CLOSE,   /* … but for what the CPUs may hide */
	SOME,    /* 60 % of the system's files */
	UNKNOWN, /* nothing known of the system's files */
	OVER,    /* soft limit above fs.nr_open, which is reached */
	PAIR,    /* … but for one slot */
	SAME,    /* soft limit is fs.nr_open, and all slots taken */
	UNDER,   /* soft limit above fs.nr_open, which is far */
	FEW,     /* 200 slots left: less than a quarter */
	NONE,    /* the table is not known */
	ELSE,    /* … and the sensor did not see it refuse */
	BOTH,    /* … though the table is known, and full by now */
};

static const struct limits_refusal tables[] = {
	[ROOM] = {.used = 10, .lowest_free = 10, .files_allocated = 1000},
	[FULL] = {.used = 1024, .lowest_free = 1024, .files_allocated = 1000},
	[ONE] = {.used = 1023, .lowest_free = 1023, .files_allocated = 1000},
	[FILES] = {.used = 10, .lowest_free = 10, .files_allocated = 100000},
	[CLOSE] = {.used = 10, .lowest_free = 10, .files_allocated = 100000 - 128},
	[SOME] = {.used = 10, .lowest_free = 10, .files_allocated = 60000},
	[UNKNOWN] = {.used = 10, .lowest_free = 10},
	[OVER] = {.used = 512, .lowest_free = 512, .nr_open = 512},
	[PAIR] = {.used = 511, .lowest_free = 511, .nr_open = 512},
	[SAME] = {.used = 1024, .lowest_free = 1024, .nr_open = 1024},
	[UNDER] = {.used = 10, .lowest_free = 10, .nr_open = 512},
	[FEW] = {.used = 824, .lowest_free = 5},
	[NONE] = {.files_allocated = 1000},
	[ELSE] = {.files_allocated = 1000, .not_the_table = true},
	[BOTH] = {.used = 1024, .lowest_free = 1024, .not_the_table = true},
};

static const struct {
	const char *call;
	int error;
	enum tables tables;
	const char *name; /* FD, FILE, or the other limit's */
	uint64_t args[3];
	const char *path;
	uint64_t free_above;
} cases[] = {
	/* the table, also if another thread has closed some since */
	{"openat", EMFILE, FULL, FD, {0}, "/etc/passwd", 0},
	{"openat", EMFILE, FEW, FD, {0}, "/etc/passwd", 0},
	{"socket", EMFILE, FEW, FD, {0}, NULL, 0},
	{"pipe2", EMFILE, ONE, FD, {0}, NULL, 0},
	{"recvmmsg_time64", EMFILE, FEW, FD, {0}, NULL, 0},
	/* … but not so many */
	{"socket", EMFILE, ROOM, "unknown", {0}, NULL, 0},
	{"recvmmsg_time64", EMFILE, ROOM, "unknown", {0}, NULL, 0},
	{"dup", EMFILE, UNDER, "unknown", {0}, NULL, 0},
	{"some_new_call", EMFILE, FULL, FD, {0}, NULL, 0},
	{"some_new_call", EMFILE, ROOM, "unknown", {0}, NULL, 0},
	/* fs.nr_open */
	{"openat", EMFILE, OVER, "fs.nr_open", {0}, NULL, 0},
	{"openat", EMFILE, PAIR, FD, {0}, NULL, 0},
	{"pipe2", EMFILE, PAIR, "fs.nr_open", {0}, NULL, 0},
	{"inotify_init1", EMFILE, OVER, "fs.nr_open", {0}, NULL, 0},
	{"openat", EMFILE, SAME, FD, {0}, NULL, 0},
	{"fork", EMFILE, ROOM, "fs.nr_open", {0}, NULL, 0},
	{"clone", EMFILE, OVER, "fs.nr_open", {0}, NULL, 0},
	{"close_range", EMFILE, ROOM, "fs.nr_open", {0}, NULL, 0},
	/* the table, if it is full; else their own */
	{"inotify_init", EMFILE, FULL, FD, {0}, NULL, 0},
	{"inotify_init1", EMFILE, FULL, FD, {0}, NULL, 0},
	{"inotify_init", EMFILE, ROOM, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"inotify_init1", EMFILE, ROOM, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"inotify_init1", EMFILE, ONE, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"inotify_init1", EMFILE, UNDER, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"fanotify_init", EMFILE, FULL, FD, {0}, NULL, 0},
	{"fanotify_init", EMFILE, ROOM, "fs.fanotify.max_user_groups", {0}, NULL, 0},
	{"mq_open", EMFILE, FULL, FD, {0}, NULL, 0},
	{"mq_open", EMFILE, ROOM, "RLIMIT_MSGQUEUE", {0}, NULL, 0},
	{"clone", EMFILE, FULL, FD, {0}, NULL, 0},
	{"clone3", EMFILE, ROOM, "anonymous-devices", {0}, NULL, 0},
	/* of no descriptor at all */
	{"inotify_add_watch",
	 ENOSPC,
	 FULL,
	 "fs.inotify.max_user_watches",
	 {0},
	 NULL,
	 0},
	{"fanotify_mark", ENOSPC, ROOM, "fs.fanotify.max_user_marks", {0}, NULL, 0},
	{"epoll_ctl", ENOSPC, ROOM, "fs.epoll.max_user_watches", {0}, NULL, 0},
	{"mq_open", ENOSPC, ROOM, "fs.mqueue.queues_max", {0}, NULL, 0},
	{"openat", ENOSPC, ROOM, "unknown", {0}, NULL, 0},
	{"sendmsg", ETOOMANYREFS, ROOM, "RLIMIT_NOFILE", {0}, NULL, 0},
	{"sendmmsg", ETOOMANYREFS, FULL, "RLIMIT_NOFILE", {0}, NULL, 0},
	{"io_uring_register", EMFILE, ROOM, "RLIMIT_NOFILE", {0}, NULL, 0},
	{"io_uring_setup", EMFILE, FEW, FD, {0}, NULL, 0},
	{"mount", EMFILE, FULL, "anonymous-devices", {0}, NULL, 0},
	{"fsconfig", EMFILE, ROOM, "anonymous-devices", {0}, NULL, 0},
	{"unshare", EMFILE, ROOM, "anonymous-devices", {0}, NULL, 0},
	{"mount", ENOSPC, ROOM, "fs.mount-max", {0}, NULL, 0},
	{"write", EMFILE, FULL, "kernel.user_events_max", {0}, NULL, 0},
	{"read", EMFILE, FEW, FD, {0}, NULL, 0},
	/* ioctl: by the command's owner */
	{"ioctl", EMFILE, ROOM, "kernel.user_events_max", {3, 0xc0082a00}, NULL, 0},
	{"ioctl", EMFILE, ROOM, "anonymous-devices", {3, 0x5000940e}, NULL, 0},
	{"ioctl", EMFILE, ROOM, "supervised-table", {3, 0x40182103}, NULL, 0},
	{"ioctl", EMFILE, ROOM, "device", {3, 0xae01}, NULL, 0},
	{"ioctl", EMFILE, FULL, FD, {3, 0xc0082a00}, NULL, 0},
	/* a minimum with nothing free from it up */
	{"fcntl", EMFILE, ROOM, "RLIMIT_NOFILE", {3, F_DUPFD, 1000}, NULL, 0},
	{"fcntl", EMFILE, ROOM, "RLIMIT_NOFILE", {3, F_DUPFD_CLOEXEC, 1000}, NULL, 0},
	{"fcntl64", EMFILE, ROOM, "RLIMIT_NOFILE", {3, F_DUPFD, 1000}, NULL, 0},
	{"fcntl", EMFILE, ROOM, "RLIMIT_NOFILE", {3, F_DUPFD, 1000}, NULL, 4},
	{"fcntl", EMFILE, ROOM, "unknown", {3, F_DUPFD, 1000}, NULL, 20},
	{"fcntl", EMFILE, ROOM, "unknown", {3, F_DUPFD, 0}, NULL, 1014},
	{"fcntl", EMFILE, FEW, FD, {3, F_DUPFD, 0}, NULL, 200},
	{"fcntl", EMFILE, FULL, FD, {3, F_DUPFD, 1000}, NULL, 0},
	{"fcntl", EMFILE, FEW, FD, {3, F_NOTIFY, 1000}, NULL, 0},
	/* drivers and file systems */
	{"openat", EMFILE, ROOM, "device", {0}, "/dev/video0", 0},
	{"openat", EMFILE, ROOM, "device", {0}, "/mnt/s3/object", 0},
	{"openat", EMFILE, ROOM, "device", {0}, NULL, 0},
	{"open", EMFILE, ROOM, "device", {0}, "object", 0},
	{"creat", EMFILE, ROOM, "device", {0}, "object", 0},
	{"openat2", EMFILE, ROOM, "device", {0}, "object", 0},
	{"open_by_handle_at", EMFILE, ROOM, "device", {0}, NULL, 0},
	{"openat", EMFILE, ONE, FD, {0}, "/dev/video0", 0},
	{"openat", EMFILE, FEW, FD, {0}, "/mnt/s3/object", 0},
	{"openat", EMFILE, FULL, FD, {0}, "/dev/video0", 0},
	/* the table is not known: the call decides */
	{"openat", EMFILE, NONE, FD, {0}, "/mnt/s3/object", 0},
	{"socket", EMFILE, NONE, FD, {0}, NULL, 0},
	{"fcntl", EMFILE, NONE, FD, {3, F_DUPFD, 1000}, NULL, 0},
	{"inotify_init1", EMFILE, NONE, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"mq_open", EMFILE, NONE, "RLIMIT_MSGQUEUE", {0}, NULL, 0},
	{"clone", EMFILE, NONE, "anonymous-devices", {0}, NULL, 0},
	{"some_new_call", EMFILE, NONE, "unknown", {0}, NULL, 0},
	/* it was not seen to be the table: whatever else may give it, if anything */
	{"openat", EMFILE, ELSE, "device", {0}, "/mnt/s3/object", 0},
	{"socket", EMFILE, ELSE, FD, {0}, NULL, 0},
	{"inotify_init1", EMFILE, ELSE, "fs.inotify.max_user_instances", {0}, NULL, 0},
	{"some_new_call", EMFILE, ELSE, "unknown", {0}, NULL, 0},
	{"openat", EMFILE, BOTH, "device", {0}, "/mnt/s3/object", 0},
	{"fcntl", EMFILE, BOTH, FD, {3, F_DUPFD, 1000}, NULL, 0},
	{"fanotify_init", EMFILE, BOTH, "fs.fanotify.max_user_groups", {0}, NULL, 0},
	{"pipe2", ENFILE, ELSE, "fs.pipe-user-pages-hard", {0}, NULL, 0},
	/* ENFILE */
	{"openat", ENFILE, FILES, FILE, {0}, NULL, 0},
	{"openat", ENFILE, CLOSE, FILE, {0}, NULL, 0},
	{"openat", ENFILE, SOME, FILE, {0}, NULL, 0},
	{"openat", ENFILE, UNKNOWN, FILE, {0}, NULL, 0},
	{"openat", ENFILE, ROOM, "device", {0}, NULL, 0},
	{"eventfd2", ENFILE, ROOM, FILE, {0}, NULL, 0},
	{"some_new_call", ENFILE, ROOM, "unknown", {0}, NULL, 0},
	{"pipe2", ENFILE, FILES, FILE, {0}, NULL, 0},
	{"pipe2", ENFILE, CLOSE, FILE, {0}, NULL, 0},
	{"pipe2", ENFILE, UNKNOWN, FILE, {0}, NULL, 0},
	{"pipe2", ENFILE, SOME, "fs.pipe-user-pages-hard", {0}, NULL, 0},
	{"pipe", ENFILE, ROOM, "fs.pipe-user-pages-hard", {0}, NULL, 0},
	{"socket", ENFILE, ROOM, "unix-sockets", {AF_UNIX}, NULL, 0},
	{"socket", ENFILE, FILES, FILE, {AF_UNIX}, NULL, 0},
	{"socket", ENFILE, ROOM, "socket-memory", {AF_INET}, NULL, 0},
	{"socketpair", ENFILE, ROOM, "unix-sockets", {AF_UNIX}, NULL, 0},
	{"connect", ENFILE, ROOM, "unix-sockets", {0}, NULL, 0},
	{"accept4", ENFILE, ROOM, "socket-memory", {0}, NULL, 0},
	{"accept4", ENFILE, FILES, FILE, {0}, NULL, 0},
	{"memfd_secret", ENFILE, ROOM, "secret-memory-users", {0}, NULL, 0},
	{"io_uring_enter", ENFILE, ROOM, "io_uring-file-slots", {0}, NULL, 0},
};

static struct limits_verdict classify(size_t i)
{
	struct limits_refusal refusal = tables[cases[i].tables];
	struct limits_verdict out;

	refusal.call = cases[i].call;
	refusal.error = cases[i].error;
	memcpy(refusal.args, cases[i].args, sizeof(refusal.args));
	refusal.path = cases[i].path;
	refusal.free_above = cases[i].free_above;
	refusal.soft_limit = 1024;
	refusal.cpus = 4;
	refusal.table_known = cases[i].tables != NONE && cases[i].tables != ELSE;
	if (!refusal.table_known)
		refusal.soft_limit = 0;
	if (cases[i].tables != UNKNOWN)
		refusal.files_max = 100000;
	memset(&out, 0x55, sizeof(out));
	limits_classify(&refusal, &out);
	return out;
}

static void causes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limits_verdict out = classify(i);
		const char *name = out.cause == LIMITS_DESCRIPTORS ? FD
				   : out.cause == LIMITS_FILE_MAX  ? FILE
								   : out.name;

		if (strcmp(name, cases[i].name) != 0)
			fail_msg("%s %s (case %zu): %s, not %s", cases[i].call,
				 strerror(cases[i].error), i, name, cases[i].name);
	}
}

/* What a verdict must have, whichever it is. */
static void verdicts_are_whole(void **unused)
{
	const char *texts[32] = {NULL};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limits_verdict out = classify(i);

		assert_non_null(out.name);
		if (out.cause != LIMITS_OTHER) {
			assert_int_equal(out.id, 0);
			assert_null(out.text);
			assert_null(out.sysctl);
			assert_false(out.is_rlimit);
			continue;
		}
		assert_between(out.id, 1, 31);
		assert_non_null(out.text);
		/* one id, one limit */
		if (texts[out.id])
			assert_ptr_equal(texts[out.id], out.text);
		texts[out.id] = out.text;
		/* a dotted name is the sysctl's, RLIMIT_* the rlimit's */
		if (strchr(out.name, '.'))
			assert_string_equal(out.sysctl, out.name);
		assert_int_equal(out.is_rlimit, strncmp(out.name, "RLIMIT_", 7) == 0);
		if (out.is_rlimit)
			assert_int_equal(out.rlimit,
					 strcmp(out.name, "RLIMIT_MSGQUEUE") == 0
						 ? RLIMIT_MSGQUEUE
						 : RLIMIT_NOFILE);
	}
	assert_string_equal(texts[3], "inotify instances of this user");
}

static void many_cpus(void **unused)
{
	/* file-nr may be short by max(32, 2 × CPUs) for each CPU */
	struct limits_refusal refusal = {.call = "pipe2",
					 .error = ENFILE,
					 .used = 10,
					 .soft_limit = 1024,
					 .lowest_free = 10,
					 .files_max = 1000000,
					 .files_allocated = 1000000 - 64 * 128,
					 .cpus = 64};
	struct limits_verdict out;

	(void)unused;
	limits_classify(&refusal, &out);
	assert_int_equal(out.cause, LIMITS_FILE_MAX);
	refusal.files_allocated--;
	limits_classify(&refusal, &out);
	assert_int_equal(out.cause, LIMITS_OTHER);
}

/* Under a seccomp filter, what nothing of the kernel's own is known to refuse is the
 * filter's answer; what has a limit of its own, or met a full table, is not. */
static void filtered(void **unused)
{
	static const struct {
		const char *call;
		int error;
		bool full;
		enum limits_cause cause;
	} calls[] = {
		{"socket", EMFILE, false, LIMITS_NONE},
		{"socket", ENFILE, false, LIMITS_NONE},
		{"openat", EMFILE, false, LIMITS_NONE},
		{"getppid", ENFILE, false, LIMITS_NONE},
		{"socket", EMFILE, true, LIMITS_DESCRIPTORS},
		{"inotify_init1", EMFILE, false, LIMITS_OTHER},
		{"pipe2", ENFILE, false, LIMITS_OTHER},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct limits_refusal refusal = {
			.call = calls[i].call,
			.error = calls[i].error,
			.args = {AF_UNIX},
			.filtered = true,
			.table_known = true,
			.used = calls[i].full ? 1024 : 10,
			.lowest_free = calls[i].full ? 1024 : 10,
			.soft_limit = 1024,
			.files_allocated = 1000,
			.files_max = 100000,
			.cpus = 2,
		};
		struct limits_verdict out;

		limits_classify(&refusal, &out);
		if (out.cause != calls[i].cause)
			fail_msg("%s, error %d: cause %d", calls[i].call,
				 calls[i].error, out.cause);
		refusal.filtered = false;
		limits_classify(&refusal, &out);
		assert_int_not_equal(out.cause, LIMITS_NONE);
	}
}

static void paths(void **unused)
{
	static const char path[] = "/proc/sys/fs/inotify/max_user_instances";
	char text[64];

	(void)unused;
	assert_int_equal(
		limits_sysctl_path("fs.inotify.max_user_instances", text, sizeof(text)),
		0);
	assert_string_equal(text, path);
	assert_int_equal(
		limits_sysctl_path("fs.pipe-user-pages-hard", text, sizeof(text)), 0);
	assert_string_equal(text, "/proc/sys/fs/pipe-user-pages-hard");
	assert_int_equal(
		limits_sysctl_path("fs.inotify.max_user_instances", text, sizeof(path)),
		0);
	assert_int_equal(limits_sysctl_path("fs.inotify.max_user_instances", text,
					    sizeof(path) - 1),
			 -ENAMETOOLONG);
	assert_int_equal(limits_sysctl_path("x", text, 0), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes),    cmocka_unit_test(verdicts_are_whole),
		cmocka_unit_test(many_cpus), cmocka_unit_test(filtered),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
