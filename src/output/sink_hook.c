/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that is run for each alert, one at a time. */
#include "output/sink_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "output/hook_runner.h"
#include "output/sink_impl.h"

#define TIMEOUT_MS    10000
/* A program that fails is not run again at once for what it has lost: it may always fail. */
#define RETRY_MS      10000
#define RETRY_MAX_MS  640000
/* How often to look whether a runner still lives, which says by itself when it is done. */
#define LOOK_MS       250
/* A runner ends all within its own time; one that has not, so much later, is killed. */
#define GRACE_MS      (HOOK_RUNNER_END_MS + 1000)
/* Programs that have ended while something that they have started goes on: with so many,
 * the next one waits. */
#define LINGERING_MAX 4

struct sink_hook {
	struct sink sink; /* first */
	char *program;
	int timeout_ms;
	int null_fd;   /* for the program's standard output: ours carries alerts */
	int spare[2];  /* a pipe, for when there is none to be had; -1: it is in use */
	int report[2]; /* a pipe: what the runners say */
	pid_t lingering[LINGERING_MAX]; /* runners whose programs have ended; 0: free */
	bool told;                      /* that something was left and was ended */
};

/* For the programs; 0: what is ours. */
static uint64_t soft_limit;

void sink_hook_set_soft_limit(uint64_t soft)
{
	soft_limit = soft;
}

/* One run. */
struct run {
	pid_t runner;
	bool runner_ended;
	int input; /* our end of its standard input; -1: closed */
	const char *bytes;
	size_t len;
	int64_t deadline_ms;
	uint64_t merged; /* alerts of the incident that it stands for, beside its own */
	uint64_t lost;   /* alerts that no run had, since the monitor's start */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* This thread's alone, and so the programs' that it runs: what the monitor was
 * granted is not theirs, the capabilities that a drop-in has added included. */
static void hook_start(struct sink *sink)
{
	(void)sink;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* More wait only where the program is slower than what happens. */
#define MERGE_ABOVE 16

/* The program's, which the runner passes on. */
static int hook_set_files(posix_spawn_file_actions_t *files,
			  const struct sink_hook *self, int input)
{
	int err = posix_spawn_file_actions_init(files);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(files, input, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, self->null_fd,
						       STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, self->report[1],
						       HOOK_RUNNER_REPORT);
	if (err)
		posix_spawn_file_actions_destroy(files);
	return err;
}

static int hook_spawn_runner(const struct sink_hook *self, const struct run *run,
			     int input, pid_t *pid)
{
	static char name[] = "fdwarden", command[] = HOOK_RUNNER_COMMAND,
		    path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/"
			     "sbin:/bin";
	char alerts[sizeof("FDWARDEN_ALERTS=") + 20],
		lost[sizeof("FDWARDEN_LOST=") + 20], timeout[16], soft[24];
	char *argv[] = {name, command, timeout, soft, self->program, NULL};
	char *env[] = {path, NULL, NULL, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	snprintf(timeout, sizeof(timeout), "%d", self->timeout_ms);
	snprintf(soft, sizeof(soft), "%" PRIu64, soft_limit);
	snprintf(alerts, sizeof(alerts), "FDWARDEN_ALERTS=%" PRIu64, run->merged + 1);
	snprintf(lost, sizeof(lost), "FDWARDEN_LOST=%" PRIu64, run->lost);
	/* Only where there is something to say. */
	if (run->merged)
		env[1] = alerts;
	if (run->lost)
		env[run->merged ? 2 : 1] = lost;
	/* In a session of its own: Ctrl-C is for us, who then end it. */
	err = hook_spawn_attributes(&attr);
	if (err)
		return -err;
	err = hook_set_files(&files, self, input);
	if (!err) {
		err = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, env);
		posix_spawn_file_actions_destroy(&files);
	}
	posix_spawnattr_destroy(&attr);
	return -err;
}

static void keep_spare(struct sink_hook *self)
{
	if (self->spare[0] < 0 && pipe2(self->spare, O_CLOEXEC) < 0)
		self->spare[0] = self->spare[1] = -1;
}

/* Alerts are about descriptors that run out: a new one may not be to be had. */
static int get_pipe(struct sink_hook *self, int ends[2])
{
	int err;

	if (pipe2(ends, O_CLOEXEC) == 0)
		return 0;
	err = -errno;
	if (self->spare[0] < 0)
		return err;
	ends[0] = self->spare[0];
	ends[1] = self->spare[1];
	self->spare[0] = self->spare[1] = -1;
	return 0;
}

static int begin(struct sink_hook *self, struct run *run)
{
	int ends[2], err;

	err = get_pipe(self, ends);
	if (err)
		return err;
	/* our end is ours alone */
	if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
		err = -errno;
		goto fail;
	}
	err = hook_spawn_runner(self, run, ends[0], &run->runner);
	if (err)
		goto fail;
	close(ends[0]);
	run->input = ends[1];
	run->deadline_ms = now_ms() + self->timeout_ms + GRACE_MS;
	return 0;
fail:
	close(ends[0]);
	close(ends[1]);
	return err;
}

/* Gives it what it takes now, and the end of it when all is given. */
static void feed(struct run *run)
{
	while (run->input >= 0 && run->len > 0) {
		ssize_t done = write(run->input, run->bytes, run->len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN)
			return;
		if (done < 0)
			break; /* it does not want it: its status will tell */
		run->bytes += done;
		run->len -= (size_t)done;
	}
	if (run->input >= 0)
		close(run->input);
	run->input = -1;
}

/* Waits for a report, or for room in the pipe. 1: something may have happened. */
static int wait_a_while(struct sink_hook *self, const struct run *run)
{
	int64_t left = run->deadline_ms - now_ms();
	struct pollfd fds[] = {{.fd = self->sink.wake_fd, .events = POLLIN},
			       {.fd = self->report[0], .events = POLLIN},
			       {.fd = run->input, .events = POLLOUT}};

	if (left <= 0)
		return -ETIMEDOUT;
	if (poll(fds, 3, left < LOOK_MS ? (int)left : LOOK_MS) < 0 && errno != EINTR)
		return -errno;
	return fds[0].revents ? -ECANCELED : 1;
}

/* ---- runners ---- */

/* Whether it has ended. */
static bool hook_reap(struct sink_hook *self, pid_t runner)
{
	int status = 0;
	pid_t ended = waitpid(runner, &status, WNOHANG);

	if (!ended || (ended < 0 && errno == EINTR))
		return false;
	if (ended == runner && WIFEXITED(status) &&
	    WEXITSTATUS(status) == HOOK_RUNNER_HAD_TO && !self->told) {
		self->told = true;
		sink_say(&self->sink,
			 "%s left processes behind, which were ended %g s after "
			 "its start; this is said once",
			 self->program, self->timeout_ms / 1000.0);
	}
	return true;
}

/* Has it end all, and itself. */
static void hook_end_runner(struct sink_hook *self, pid_t runner)
{
	const struct timespec look = {.tv_nsec = 5000000};
	int64_t until = now_ms() + GRACE_MS;

	kill(runner, SIGTERM);
	while (now_ms() < until) {
		if (hook_reap(self, runner))
			return; /* from here on the number may be another's */
		nanosleep(&look, NULL);
	}
	kill(runner, SIGKILL);
	while (waitpid(runner, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A place for one more that lingers; NULL: there is none now. */
static pid_t *hook_place(struct sink_hook *self)
{
	pid_t *free = NULL;

	for (size_t i = 0; i < LINGERING_MAX; i++) {
		if (self->lingering[i] && hook_reap(self, self->lingering[i]))
			self->lingering[i] = 0;
		if (!self->lingering[i])
			free = &self->lingering[i];
	}
	return free;
}

static void hook_look(struct sink *sink)
{
	(void)hook_place((struct sink_hook *)sink);
}

/* The runners are as many as have a place, and each ends in its own time. */
static int hook_await_place(struct sink_hook *self)
{
	while (!hook_place(self))
		if (sink_wait(&self->sink, -1, 0, LOOK_MS) < 0)
			return -ECANCELED;
	return 0;
}

/* ---- a run ---- */

/* Whether it has told. What another one has told too late is for nobody. */
static bool hook_take_report(const struct sink_hook *self, const struct run *run,
			     struct hook_report *report)
{
	while (read(self->report[0], report, sizeof(*report)) == sizeof(*report))
		if (report->runner == run->runner)
			return true;
	return false;
}

/* Until the program ends, or is ended. 0 and the report, or -errno. */
static int follow(struct sink_hook *self, struct run *run, struct hook_report *report)
{
	int err = 1;

	while (err > 0) {
		feed(run);
		/* In this order: a runner tells before it ends. */
		run->runner_ended = hook_reap(self, run->runner);
		if (hook_take_report(self, run, report))
			return 0;
		if (run->runner_ended)
			return -ECHILD;
		err = wait_a_while(self, run);
	}
	return err;
}

static int judge(struct sink_hook *self, int err, const struct hook_report *report)
{
	const char *program = self->program;
	struct sink *sink = &self->sink;
	int status = report->value;

	if (err == -ETIMEDOUT || (!err && report->result == HOOK_TIMED_OUT)) {
		sink_explain(sink, "%s ran for more than %g s and was ended", program,
			     self->timeout_ms / 1000.0);
		return -ETIMEDOUT;
	}
	if (err == -ECHILD)
		sink_explain(sink, "what runs %s has ended before it", program);
	if (err)
		return err;
	if (report->result == HOOK_NOT_RUN) {
		sink_explain(sink, "%s can't be run: %s", program,
			     strerrordesc_np(status));
		return -status;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		sink_explain(sink, "%s failed with status %d", program,
			     WEXITSTATUS(status));
	else
		sink_explain(sink, "%s was ended by signal %d", program,
			     WTERMSIG(status));
	return -EIO;
}

static int hook_write(struct sink *sink, const struct sink_message *message)
{
	struct sink_hook *self = (struct sink_hook *)sink;
	struct run run = {.bytes = message->line,
			  .len = message->len,
			  .merged = message->merged,
			  .lost = sink_lost(sink)};
	struct hook_report report = {0};
	int err = hook_await_place(self);

	if (err)
		return err;
	err = begin(self, &run);
	if (err) {
		keep_spare(self);
		sink_explain(sink, "%s can't be run: %s", self->program,
			     strerrordesc_np(-err));
		return err;
	}
	err = follow(self, &run, &report);
	if (run.input >= 0)
		close(run.input);
	if (err && !run.runner_ended)
		hook_end_runner(self, run.runner);
	else if (!run.runner_ended)
		*hook_place(self) = run.runner;
	keep_spare(self);
	return judge(self, err, &report);
}

static void hook_destroy(struct sink *sink)
{
	struct sink_hook *self = (struct sink_hook *)sink;

	for (size_t i = 0; i < LINGERING_MAX; i++)
		if (self->lingering[i])
			hook_end_runner(self, self->lingering[i]);
	if (self->null_fd >= 0)
		close(self->null_fd);
	if (self->report[0] >= 0) {
		close(self->report[0]);
		close(self->report[1]);
	}
	if (self->spare[0] >= 0) {
		close(self->spare[0]);
		close(self->spare[1]);
	}
	free(self->program);
	free(self);
}

static const struct sink_type hook_type = {
	.name = "hook",
	.slow = "the program was not done",
	.merge_above = MERGE_ABOVE,
	.start = hook_start,
	.retry_ms = RETRY_MS,
	.retry_max_ms = RETRY_MAX_MS,
	.write = hook_write,
	.look = hook_look,
	.destroy = hook_destroy,
};

static int check_program(const char *program)
{
	struct stat st;

	if (program[0] != '/')
		return -EINVAL;
	if (stat(program, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int sink_open_hook_with(const char *program, int timeout_ms, struct sink **out)
{
	struct sink_hook *self;
	int err = check_program(program);

	if (err)
		return err;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->timeout_ms = timeout_ms;
	self->program = strdup(program);
	self->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (self->null_fd < 0)
		err = -errno;
	self->spare[0] = self->report[0] = -1;
	if (!err && pipe2(self->report, O_CLOEXEC) < 0) {
		err = -errno;
		self->report[0] = -1;
	}
	/* our end alone: a runner waits until there is room for what it says */
	if (!err && fcntl(self->report[0], F_SETFL, O_NONBLOCK) < 0)
		err = -errno;
	keep_spare(self); /* without it works, too */
	if (!self->program)
		err = -ENOMEM;
	if (!err)
		err = sink_start(&self->sink, &hook_type);
	if (err) {
		hook_destroy(&self->sink);
		return err;
	}
	*out = &self->sink;
	return 0;
}

int sink_open_hook(const char *program, struct sink **out)
{
	return sink_open_hook_with(program, TIMEOUT_MS, out);
}
