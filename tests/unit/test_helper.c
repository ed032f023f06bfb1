/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that can't be ended: of this program, started again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/helper.h"

#define COMMAND  "stuck"
#define TRACER_S 300

static const struct helper_patience patience = {60000, 60000};

/* ---- the helper ---- */

/* A killed process does not end for its parent as long as somebody traces it: which is as good
 * as one that waits in the kernel, and needs no file system of ours. */
static pid_t start_tracer(int ready[2])
{
	pid_t self = getpid(), tracer;
	char byte = 0;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	tracer = fork();
	if (tracer)
		return tracer;
	alarm(TRACER_S); /* however the test ends, it is not left for longer */
	byte = ptrace(PTRACE_SEIZE, self, NULL, NULL) == 0;
	(void)!write(ready[1], &byte, 1);
	close(ready[1]);
	close(HELPER_SOCKET);
	for (;;)
		pause();
}

/* Says which process is to be killed for its end; 0: it can't be traced here. */
static int run_helper(void)
{
	char byte = 0;
	int ready[2];
	pid_t tracer;

	if (pipe(ready))
		return 1;
	tracer = start_tracer(ready);
	close(ready[1]);
	if (tracer < 0 || read(ready[0], &byte, 1) != 1 || !byte) {
		if (tracer > 0)
			kill(tracer, SIGKILL);
		tracer = 0;
	}
	(void)!send(HELPER_SOCKET, &tracer, sizeof(tracer), MSG_NOSIGNAL);
	for (;;)
		pause();
}

/* ---- the tests ---- */

static int start(struct helper *helper, uid_t uid)
{
	static const char *const arguments[] = {COMMAND, NULL};

	return helper_start(helper, uid, arguments, -1);
}

/* One that is ended, and stays; returns its tracer. */
static pid_t leave_stuck(uid_t uid)
{
	struct helper helper;
	pid_t tracer = 0;

	assert_int_equal(start(&helper, uid), 0);
	assert_int_equal(helper_ask(&helper, "", 1, &tracer, sizeof(tracer), &patience),
			 sizeof(tracer));
	helper_end(&helper);
	if (tracer <= 0)
		skip();
	return tracer;
}

/* Whether one may be started for this user; it is ended in any case. */
static int try_one(uid_t uid)
{
	struct helper helper;
	pid_t tracer = 0;
	int err = start(&helper, uid);

	if (err)
		return err;
	assert_int_equal(helper_ask(&helper, "", 1, &tracer, sizeof(tracer), &patience),
			 sizeof(tracer));
	if (tracer > 0)
		kill(tracer, SIGKILL);
	helper_end(&helper);
	return 0;
}

static void await_room(uid_t uid)
{
	for (int i = 0; try_one(uid); i++) {
		assert_true(i < 600);
		usleep(100000);
	}
}

/* Those of one user, whose files never come, are no reason to start none for others. */
static void test_stuck_of_one_user(void **state)
{
	pid_t tracers[HELPER_STUCK_USER];

	(void)state;
	for (int i = 0; i < HELPER_STUCK_USER; i++)
		tracers[i] = leave_stuck(1000);
	assert_int_equal(try_one(1000), -EBUSY);
	assert_int_equal(try_one(1001), 0);
	assert_int_equal(try_one(0), 0);
	/* and for that one again, once one of them has ended */
	kill(tracers[0], SIGKILL);
	await_room(1000);
	for (int i = 1; i < HELPER_STUCK_USER; i++)
		kill(tracers[i], SIGKILL);
	await_room(1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stuck_of_one_user),
	};

	if (argc > 1 && strcmp(argv[1], COMMAND) == 0)
		return run_helper();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
