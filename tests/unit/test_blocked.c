/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which calls the threads of a process wait in. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/blocked.h"

static void test_lines(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "%ld 0x6 0x7ffd 0x0 0x0 0x0 0x0 0x7f 0x7f",
		 (long)SYS_pselect6);
	assert_true(blocked_is_select(line));
	/* asleep */
	snprintf(line, sizeof(line), "%ld 0x0 0x0 0x0 0x0 0x7ffd 0x0 0x7f 0x7f",
		 (long)SYS_pselect6);
	assert_false(blocked_is_select(line));
	snprintf(line, sizeof(line), "%ld 0x6 0x7ffd 0x40 0x0 0x0 0x8",
		 (long)SYS_ppoll);
	assert_false(blocked_is_select(line));
	assert_false(blocked_is_select("running\n"));
	assert_false(blocked_is_select("-1 0x7ffd 0x7f\n"));
	assert_false(blocked_is_select(""));
}

static pid_t start(int n)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;) {
		struct timeval long_time = {.tv_sec = 60};
		fd_set set;

		FD_ZERO(&set);
		if (n)
			FD_SET(0, &set);
		select(n, NULL, NULL, n ? &set : NULL, &long_time);
	}
}

static bool comes(pid_t pid, bool wanted)
{
	for (int i = 0; i < 200; i++) {
		if (blocked_in_select(pid) == wanted)
			return true;
		usleep(10000);
	}
	return false;
}

static void test_a_process(void **state)
{
	pid_t waits = start(1), sleeps = start(0);

	(void)state;
	assert_true(waits > 0 && sleeps > 0);
	if (geteuid()) /* ptrace of children may be restricted */
		skip();
	assert_true(comes(waits, true));
	assert_false(blocked_in_select(sleeps));
	assert_false(blocked_in_select(0));
	kill(waits, SIGKILL);
	kill(sleeps, SIGKILL);
	waitpid(waits, NULL, 0);
	waitpid(sleeps, NULL, 0);
	assert_false(blocked_in_select(waits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
