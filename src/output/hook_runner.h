/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ourselves, once more, as the process that runs a hook's program: what the program starts
 * becomes this one's child when its own parent ends, whatever session or group it has made
 * for itself, so that all of it can be found and ended.
 */
#ifndef FDWARDEN_HOOK_RUNNER_H
#define FDWARDEN_HOOK_RUNNER_H

#include <spawn.h>
#include <stdint.h>

/* argv[1] of the runner; then the time limit in milliseconds, the soft RLIMIT_NOFILE of the
 * program (0: as it is), and the program's path. The program gets the runner's standard
 * input, output, error and environment. */
#define HOOK_RUNNER_COMMAND "hook-runner"
/* In the runner: the pipe for its report. */
#define HOOK_RUNNER_REPORT  3
/* The runner's exit status, when something was left that it had to end. */
#define HOOK_RUNNER_HAD_TO  4
/* What is killed has so long to go. */
#define HOOK_RUNNER_END_MS  2000

enum hook_result {
	HOOK_ENDED,    /* `value` is its status as wait() has it */
	HOOK_NOT_RUN,  /* `value` is an errno */
	HOOK_TIMED_OUT /* and was ended, with all that it had started */
};

/* One for each run, as soon as the program has ended. */
struct hook_report {
	int32_t runner; /* its pid */
	int32_t result;
	int32_t value;
};

/* How the runner is started, and by it the program: no signal blocked or ignored, in a session
 * of its own. 0, and the caller destroys them, or an errno. */
int hook_spawn_attributes(posix_spawnattr_t *attributes);

/*
 * Runs the program, and stays until all that it has started has ended: by itself, or by
 * SIGKILL when the time limit is over, when SIGTERM comes, or when the thread that has
 * started the runner ends. Returns the exit status.
 */
int hook_runner_run(const char *timeout_ms, const char *soft_limit,
		    const char *program);

#endif
