// SPDX-License-Identifier: GPL-2.0-or-later
/* What the helpers may do once they have their filters, in a child of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/call_filter.h"
#include "guard/capabilities.h"
#include "guard/helper.h"

enum { NOT_ALLOWED = 1, NOT_FORBIDDEN, NO_FILTER, NO_KERNEL };

/* What is open already, for who may open nothing. */
static bool reads(int fd)
{
	struct stat st;
	char byte;
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	void *memory = malloc(1 << 20);
	bool ok = fd >= 0 && page != MAP_FAILED && memory && read(fd, &byte, 1) == 1 &&
		  !fstat(fd, &st) && fcntl(fd, F_GETFL) >= 0;

	free(memory);
	return ok && !munmap(page, 4096) && !close(fd);
}

static bool is_refused(long result)
{
	return result < 0 && errno == ENOSYS;
}

static bool opens_nothing(const char *path)
{
	struct stat st;
	char link[8];

	return is_refused(open(path, O_RDONLY)) &&
	       is_refused(openat(AT_FDCWD, path, O_RDONLY | O_PATH)) &&
	       is_refused(syscall(SYS_openat2, AT_FDCWD, path, NULL, 0)) &&
	       is_refused(stat(path, &st)) && is_refused(access(path, R_OK)) &&
	       is_refused(readlink("/proc/self/exe", link, sizeof(link)));
}

static bool does_nothing_else(int socket_fd, const char *path)
{
	char *none[] = {NULL};

	return is_refused(open(path, O_RDWR)) && is_refused(open(path, O_WRONLY)) &&
	       is_refused(open(path, O_RDONLY | O_TRUNC)) &&
	       is_refused(open(path, O_CREAT | O_RDONLY, 0600)) &&
	       is_refused(openat(AT_FDCWD, path, O_RDWR)) && is_refused(unlink(path)) &&
	       is_refused(socket(AF_INET, SOCK_STREAM, 0)) &&
	       is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
	       is_refused(kill(getppid(), SIGKILL)) &&
	       is_refused(syscall(SYS_tgkill, getppid(), getppid(), SIGKILL)) &&
	       is_refused(fcntl(socket_fd, F_SETOWN, getpid())) &&
	       is_refused(fcntl(socket_fd, F_SETSIG, SIGKILL)) &&
	       is_refused(fcntl(socket_fd, F_SETFL, O_ASYNC)) &&
	       is_refused(execve("/bin/true", none, none)) &&
	       is_refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) &&
	       is_refused(syscall(SYS_bpf, 0, NULL, 0));
}

/* Lists a directory, asks the name service, and whether there is a process. */
static bool finds(void)
{
	const struct rlimit limit = {100, 100};
	struct passwd entry, *found = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	DIR *list = opendir("/proc/self/task");
	char strings[4096];

	return list && readdir(list) && fd >= 0 &&
	       fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && kill(getppid(), 0) == 0 &&
	       access("/", X_OK) == 0 &&
	       !getpwuid_r(0, &entry, strings, sizeof(strings), &found) && found &&
	       is_refused(setrlimit(RLIMIT_CORE, &limit)) &&
	       is_refused(mkdir("/tmp/fdwarden-none", 0700));
}

static int in_child(const char *path, enum call_filter filter)
{
	int pair[2], err, fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return NO_FILTER;
	err = call_filter_set(filter);
	if (err)
		return err == -ENOSYS ? NO_KERNEL : NO_FILTER;
	if (filter == CALL_FILTER_READER && !opens_nothing(path))
		return NOT_FORBIDDEN;
	if (filter == CALL_FILTER_FINDER && !finds())
		return NOT_ALLOWED;
	if (filter != CALL_FILTER_READER) {
		close(fd);
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	}
	if (!reads(fd) || send(pair[0], "x", 1, MSG_NOSIGNAL) != 1)
		return NOT_ALLOWED;
	return does_nothing_else(pair[0], path) ? 0 : NOT_FORBIDDEN;
}

static void expect_reading_alone(enum call_filter filter)
{
	char path[] = "/tmp/fdwarden-filter-XXXXXX";
	int fd = mkstemp(path), status = 0;
	pid_t pid;

#if defined(__SANITIZE_ADDRESS__)
	(void)filter;
	close(fd);
	unlink(path);
	print_message("reason: a sanitizer's own calls are not in the filter\n");
	skip();
#endif
	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(in_child(path, filter));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	assert_int_equal(unlink(path), 0); /* it is still there */
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_KERNEL) {
		print_message("reason: this kernel has no seccomp\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_reader(void **state)
{
	(void)state;
	expect_reading_alone(CALL_FILTER_READER);
}

static void test_opener(void **state)
{
	(void)state;
	expect_reading_alone(CALL_FILTER_OPENER);
}

static void test_finder(void **state)
{
	(void)state;
	expect_reading_alone(CALL_FILTER_FINDER);
}

/* ---- capabilities ---- */

static uint64_t capabilities(bool permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return permitted ? (uint64_t)data[1].permitted << 32 | data[0].permitted
			 : (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* As a unit's SystemCallFilter=~@privileged does, with its SystemCallErrorNumber=. */
static bool forbid_capset(int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter &&
		    !seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error),
				      SCMP_SYS(capset), 0) &&
		    !seccomp_load(filter);

	seccomp_release(filter);
	return done;
}

#define OTHERS (1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH)

/* `forbidden`: the error of capset(2), 0: none */
static int gives_up(int forbidden)
{
	static const struct helper_bounds bounds = {HELPER_NO_RIGHTS,
						    CALL_FILTER_FINDER, 10, 1 << 26};
	uint64_t before = capabilities(true);
	bool rests;
	int err;

	if (forbidden && !forbid_capset(forbidden))
		return NO_KERNEL;
	rests = capabilities_rest();
	if (rests == (forbidden != 0) || (!forbidden && capabilities(false) & OTHERS))
		return NOT_FORBIDDEN;
	if (capabilities(true) != before)
		return NOT_ALLOWED;
	err = helper_confine("confined", &bounds);
	if (err != -forbidden || (!err && capabilities(true)))
		return NOT_FORBIDDEN;
	return 0;
}

static void expect_giving_up(int forbidden)
{
	int status = 0;
	pid_t pid;

	if ((capabilities(false) & OTHERS) != OTHERS) {
		print_message("reason: there are no capabilities to give up\n");
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(gives_up(forbidden));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_KERNEL) {
		print_message("reason: this kernel has no seccomp\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_capabilities(void **state)
{
	(void)state;
	expect_giving_up(0);
}

/* Who can't give them up says so, and is not to read anything. */
static void test_capabilities_that_stay(void **state)
{
	(void)state;
	expect_giving_up(EPERM);
	/* which is not a kernel without filters of calls, where no process can do more */
	expect_giving_up(ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_opener),
		cmocka_unit_test(test_finder),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_capabilities_that_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
