// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/hook_runner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks at what was killed, where no SIGCHLD tells. */
#define LOOK_MS 20

struct runner {
	pid_t program; /* 0: it has ended */
	int status;    /* of the program */
	int64_t deadline_ms;
	sigset_t signals; /* SIGCHLD, and SIGTERM, which says that all has to end */
};

static int64_t runner_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void runner_report(enum hook_result result, int value)
{
	struct hook_report report = {getpid(), (int32_t)result, value};

	/* If nobody reads it any more, nobody is to be told. */
	while (write(HOOK_RUNNER_REPORT, &report, sizeof(report)) < 0 && errno == EINTR)
		;
}

/* Takes those that have ended; false: there are no children at all. */
static bool runner_reap(struct runner *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->program)
			continue;
		r->program = 0;
		r->status = status;
	}
	return pid == 0 || errno != ECHILD;
}

/* Until the program (`all`: everything) has ended. False: the time is over, or it is to
 * end. */
static bool runner_wait(struct runner *r, bool all)
{
	for (;;) {
		bool some = runner_reap(r);
		int64_t left = r->deadline_ms - runner_now_ms();
		struct timespec timeout = {.tv_sec = left / 1000,
					   .tv_nsec = left % 1000 * 1000000};

		if (!some || (!all && !r->program))
			return true;
		if (left <= 0)
			return false;
		if (sigtimedwait(&r->signals, NULL, &timeout) == SIGTERM)
			return false;
	}
}

/* ---- the end of what is left ---- */

/* The parent of a process; -1: it is gone. */
static pid_t runner_parent_of(const char *pid)
{
	char path[64], text[512], *at;
	int fd, parent = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	at = strrchr(text, ')'); /* the name before it is the process's own */
	if (!at || sscanf(at, ") %*c %d", &parent) != 1)
		return -1;
	return parent;
}

/* A child keeps its number until it is waited for, so no other process is meant. */
static void runner_kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t self = getpid();

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && runner_parent_of(entry->d_name) == self)
			kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* The children of what is killed become ours, and are found in the next round. Returns
 * whether there was anything. */
static bool runner_end_all(struct runner *r)
{
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000};
	int64_t until = runner_now_ms() + HOOK_RUNNER_END_MS;
	bool had_to = false;

	while (runner_reap(r) && runner_now_ms() < until) {
		had_to = true;
		if (r->program)
			kill(r->program, SIGKILL); /* also where /proc can't be read */
		runner_kill_children();
		sigtimedwait(&r->signals, NULL, &look);
	}
	return had_to;
}

/* ---- its life ---- */

/* The monitor has raised its own limit. Under it a program that uses select() writes beyond
 * its fd_set, and one that closes all that it might have takes long. */
static void runner_lower_limit(const char *text)
{
	rlim_t soft = strtoull(text, NULL, 10);
	struct rlimit limit;

	if (!soft || getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= soft)
		return;
	limit.rlim_cur = soft;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int hook_spawn_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int err = posix_spawnattr_init(attributes);

	if (err)
		return err;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETSID);
	return 0;
}

/* In a session of its own: what it does to its group does not reach us. */
static int runner_spawn(struct runner *r, const char *program)
{
	char *argv[] = {(char *)(uintptr_t)program, NULL};
	posix_spawnattr_t attr;
	int err = hook_spawn_attributes(&attr);

	if (err)
		return err;
	err = posix_spawn(&r->program, program, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (err)
		r->program = 0;
	return err;
}

int hook_runner_run(const char *timeout_ms, const char *soft_limit, const char *program)
{
	struct runner r = {.deadline_ms =
				   runner_now_ms() + strtol(timeout_ms, NULL, 10)};
	struct stat st;
	int err;

	/* Not by hand: without a pipe there is nobody to tell. */
	if (fstat(HOOK_RUNNER_REPORT, &st) || !S_ISFIFO(st.st_mode))
		return 2;
	fcntl(HOOK_RUNNER_REPORT, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&r.signals);
	sigaddset(&r.signals, SIGCHLD);
	sigaddset(&r.signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &r.signals, NULL);
	prctl(PR_SET_NAME, "fdwarden-hook");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	runner_lower_limit(soft_limit);
	err = runner_spawn(&r, program);
	close(STDIN_FILENO); /* the program's alone: who writes sees when it reads no more */
	if (err) {
		runner_report(HOOK_NOT_RUN, err);
		return 0;
	}
	if (!runner_wait(&r, false)) {
		runner_end_all(&r);
		runner_report(HOOK_TIMED_OUT, 0);
		return 0;
	}
	runner_report(HOOK_ENDED, r.status);
	(void)runner_wait(&r, true);
	return runner_end_all(&r) ? HOOK_RUNNER_HAD_TO : 0;
}
