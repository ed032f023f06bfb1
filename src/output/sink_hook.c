/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that is run for each alert, one at a time. */
#include "output/sink_hook.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "output/sink_impl.h"

#define TIMEOUT_MS 10000
/* How often to look, where there is no descriptor to wait for its end with. */
#define LOOK_MS    10

struct sink_hook {
	struct sink sink; /* first */
	char *program;
	int timeout_ms;
	int null_fd;  /* for the program's standard output: ours carries alerts */
	int spare[2]; /* a pipe, for when there is none to be had; -1: it is in use */
};

/* For the programs; 0: what is ours. */
static uint64_t soft_limit;

void sink_hook_set_soft_limit(uint64_t soft)
{
	soft_limit = soft;
}

/* One run. */
struct run {
	pid_t pid;
	int pidfd; /* -1: none was to be had */
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
 * granted is not theirs. */
static void hook_start(struct sink *sink)
{
	(void)sink;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* More wait only where the program is slower than what happens. */
#define MERGE_ABOVE 16

static int spawn(struct sink_hook *self, const struct run *run, int input, pid_t *pid)
{
	static char path[] =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char alerts[sizeof("FDWARDEN_ALERTS=") + 20],
		lost[sizeof("FDWARDEN_LOST=") + 20];
	char *argv[] = {self->program, NULL}, *env[] = {path, NULL, NULL, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	snprintf(alerts, sizeof(alerts), "FDWARDEN_ALERTS=%" PRIu64, run->merged + 1);
	snprintf(lost, sizeof(lost), "FDWARDEN_LOST=%" PRIu64, run->lost);
	/* Only where there is something to say. */
	if (run->merged)
		env[1] = alerts;
	if (run->lost)
		env[run->merged ? 2 : 1] = lost;
	err = posix_spawn_file_actions_init(&files);
	if (err)
		return -err;
	err = posix_spawnattr_init(&attr);
	if (err) {
		posix_spawn_file_actions_destroy(&files);
		return -err;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	/* a session of its own: what it starts is ended with it */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSID);
	err = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, self->null_fd,
						       STDOUT_FILENO);
	if (!err)
		err = posix_spawn(pid, self->program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/*
 * The monitor has raised its own limit. Under it a program that uses select() writes
 * beyond its fd_set, and one that closes all that it might have takes long. The spawn
 * has no attribute for a limit, so it is set from here, before the program gets the
 * alert: until then there is nothing that it could do. Failing is no reason not to
 * alert: one that gains privileges when it is run is not ours to limit.
 */
static void restore_limit(pid_t pid)
{
	struct rlimit limit;

	if (!soft_limit || prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0)
		return;
	if (limit.rlim_cur <= soft_limit)
		return;
	limit.rlim_cur = soft_limit;
	(void)prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
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
	err = spawn(self, run, ends[0], &run->pid);
	if (err)
		goto fail;
	restore_limit(run->pid);
	close(ends[0]);
	run->input = ends[1];
	run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	run->deadline_ms = now_ms() + self->timeout_ms;
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

/* Waits for its end, or for room in the pipe. 1: something may have happened. */
static int wait_a_while(struct sink *sink, const struct run *run)
{
	int64_t left = run->deadline_ms - now_ms();
	struct pollfd fds[] = {{.fd = sink->wake_fd, .events = POLLIN},
			       {.fd = run->pidfd, .events = POLLIN},
			       {.fd = run->input, .events = POLLOUT}};
	int timeout = left < 0 ? 0 : (int)left;

	if (left <= 0)
		return -ETIMEDOUT;
	if (run->pidfd < 0 && timeout > LOOK_MS)
		timeout = LOOK_MS;
	if (poll(fds, 3, timeout) < 0 && errno != EINTR)
		return -errno;
	return fds[0].revents ? -ECANCELED : 1;
}

/* The session of one process; -1: it is gone. */
static pid_t session_of(const char *pid)
{
	char path[64], text[512], *at;
	int fd, session = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	at = strrchr(text, ')'); /* the name before it is the process's own */
	if (!at || sscanf(at, ") %*c %*d %*d %d", &session) != 1)
		return -1;
	return session;
}

/* Ends those of the session that are in groups of their own, as a shell with job control
 * makes them. Returns how many there were. */
static int end_others(pid_t session)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != session && session_of(entry->d_name) == session)
			found += kill(pid, SIGKILL) == 0;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* Rounds in which what was started meanwhile is found. */
#define END_ROUNDS 5

/* The program and all that it has started, but for what has made a session of its own:
 * that is how a program says that it is to stay. */
static void end_session(pid_t session)
{
	kill(-session, SIGKILL);
	kill(session, SIGKILL);
	for (int i = 0; i < END_ROUNDS && end_others(session); i++)
		;
}

/* Until it ends, or is ended. 0 and its status, or -errno. */
static int follow(struct sink *sink, struct run *run, int *status)
{
	pid_t ended;
	int err = 1;

	for (;;) {
		feed(run);
		ended = waitpid(run->pid, status, WNOHANG);
		if (ended == run->pid)
			return 0;
		if (ended < 0 && errno != EINTR) {
			*status = 0; /* someone else took it: ECHILD */
			return 0;
		}
		err = wait_a_while(sink, run);
		if (err < 0)
			break;
	}
	end_session(run->pid);
	while (waitpid(run->pid, status, 0) < 0 && errno == EINTR)
		;
	return err;
}

static int judge(struct sink *sink, int err, int status)
{
	const struct sink_hook *self = (struct sink_hook *)sink;
	const char *program = self->program;

	if (err == -ETIMEDOUT)
		sink_explain(sink, "%s ran for more than %g s and was ended", program,
			     self->timeout_ms / 1000.0);
	if (err)
		return err;
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
	int status = 0, err = begin(self, &run);

	if (err) {
		keep_spare(self);
		sink_explain(sink, "%s can't be run: %s", self->program,
			     strerrordesc_np(-err));
		return err;
	}
	err = follow(sink, &run, &status);
	if (run.input >= 0)
		close(run.input);
	if (run.pidfd >= 0)
		close(run.pidfd);
	keep_spare(self);
	return judge(sink, err, status);
}

static void hook_destroy(struct sink *sink)
{
	struct sink_hook *self = (struct sink_hook *)sink;

	if (self->null_fd >= 0)
		close(self->null_fd);
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
	.write = hook_write,
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
	self->spare[0] = -1;
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
