// SPDX-License-Identifier: GPL-2.0-or-later
/* What the unwinder's child may do once it has its filter, in a child of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unwind/call_filter.h"

enum { NOT_ALLOWED = 1, NOT_FORBIDDEN, NO_FILTER, NO_KERNEL };

static bool reads(void)
{
	struct stat st;
	char byte;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
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

static int in_child(const char *path)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return NO_FILTER;
	err = call_filter_read_only();
	if (err)
		return err == -ENOSYS ? NO_KERNEL : NO_FILTER;
	if (!reads() || send(pair[0], "x", 1, MSG_NOSIGNAL) != 1)
		return NOT_ALLOWED;
	return does_nothing_else(pair[0], path) ? 0 : NOT_FORBIDDEN;
}

static void test_reads_and_nothing_else(void **state)
{
	char path[] = "/tmp/fdwarden-filter-XXXXXX";
	int fd = mkstemp(path), status = 0;
	pid_t pid;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	close(fd);
	unlink(path);
	print_message("reason: a sanitizer's own calls are not in the filter\n");
	skip();
#endif
	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(in_child(path));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
