/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables that are copied, shared, split, or held by others than they seem. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zoo.h"

/* A process that lives as long as this one, with a copy of its table or, with
 * CLONE_FILES, the table itself. */
static pid_t spawn_sleeper(unsigned long flags)
{
	pid_t parent = getpid();
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid)
		return pid < 0 ? -errno : (pid_t)pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static int run_sleepers(const char *arg, unsigned long flags)
{
	for (long n = arg ? zoo_number(arg, 1) : 1; n > 0; n--) {
		pid_t pid = spawn_sleeper(flags);

		if (pid < 0)
			return pid;
		zoo_print("child %d", pid);
	}
	return 0;
}

static int run_fork(const char *arg)
{
	return run_sleepers(arg, 0);
}

static int run_share(const char *arg)
{
	return run_sleepers(arg, CLONE_FILES);
}

/* A process that shares the table opens N and exits: they stay. */
static int run_clone_files(const char *arg)
{
	long number = zoo_number(arg, 1);
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (pid == 0) {
		while (number-- > 0)
			if (open("/dev/null", O_RDONLY) < 0)
				_exit(errno);
		_exit(0);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int run_unshare(const char *arg)
{
	(void)arg;
	return ZOO_ERRNO(unshare(CLONE_FILES));
}

static int close_range_of(const char *arg, unsigned int flags)
{
	long range[2];
	int err;

	zoo_numbers(arg, range, 2, 2);
	err = ZOO_ERRNO(syscall(SYS_close_range, range[0], range[1], flags));
	if (err >= 0)
		zoo_forget((unsigned int)range[0], (unsigned int)range[1]);
	return err;
}

static int run_close_range(const char *arg)
{
	return close_range_of(arg, 0);
}

static int run_close_range_unshare(const char *arg)
{
	return close_range_of(arg, CLOSE_RANGE_UNSHARE);
}

/* ---- threads ---- */

static void *go_on(void *steps)
{
	exit(zoo_run(steps));
}

/* The main thread exits; another one goes on with the table. */
static int run_leaderless(const char *arg)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, go_on, zoo_rest());

	(void)arg;
	if (err)
		return -err;
	for (;;)
		syscall(SYS_exit, 0);
}

struct own_table {
	long number;
	pthread_barrier_t made;
	int err;
	pid_t tid;
};

static void *hold_own_table(void *data)
{
	struct own_table *own = data;

	own->tid = (pid_t)syscall(SYS_gettid);
	own->err = ZOO_ERRNO(unshare(CLONE_FILES));
	for (long i = 0; own->err >= 0 && i < own->number; i++)
		own->err = ZOO_ERRNO(open("/dev/null", O_RDONLY));
	pthread_barrier_wait(&own->made);
	for (;;)
		pause();
	return NULL;
}

static int run_thread_table(const char *arg)
{
	static struct own_table own; /* outlives this step with its thread */
	pthread_t thread;
	int err;

	own.number = zoo_number(arg, 0);
	pthread_barrier_init(&own.made, NULL, 2);
	err = pthread_create(&thread, NULL, hold_own_table, &own);
	if (err)
		return -err;
	pthread_barrier_wait(&own.made);
	if (own.err >= 0)
		zoo_print("thread %d", own.tid);
	return own.err < 0 ? own.err : 0;
}

#define FLIGHTS_MOST 64

struct flight {
	char path[64];
	atomic_int tid;
};

/* Those that wait. */
static pthread_t flights[FLIGHTS_MOST];
static size_t flights_len;

static void *open_fifo(void *data)
{
	struct flight *flight = data;

	atomic_store(&flight->tid, (int)syscall(SYS_gettid));
	close(open(flight->path, O_RDONLY)); /* until someone writes: never */
	return NULL;
}

/* A call that waits is named in /proc only while it does. Its number is taken
 * before the path is looked up, and it is open() alone that waits here. */
static bool waits_in_open(int tid)
{
	char path[64], call[256] = "", *end;
	FILE *file;
	long nr;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = tid ? fopen(path, "re") : NULL;
	if (!file)
		return false;
	if (!fgets(call, sizeof(call), file))
		call[0] = 0;
	fclose(file);
	nr = strtol(call, &end, 10);
	return end != call && nr == SYS_openat; /* "running" is no number */
}

/* An open that waits has its number already, and no file behind it. */
static int start_flight(void)
{
	static struct flight flight; /* outlives this step with its thread */
	int err;

	if (flights_len == FLIGHTS_MOST)
		zoo_fail(ZOO_USAGE, "flight: at most %d", FLIGHTS_MOST);
	atomic_store(&flight.tid, 0);
	snprintf(flight.path, sizeof(flight.path), "/tmp/fdzoo-fifo-%d", getpid());
	if (mkfifo(flight.path, 0600))
		return -errno;
	err = -pthread_create(&flights[flights_len], NULL, open_fifo, &flight);
	flights_len += !err;
	while (!err && !waits_in_open(atomic_load(&flight.tid)))
		usleep(1000);
	unlink(flight.path);
	return err;
}

static int run_flight(const char *arg)
{
	int err = 0;

	for (long n = arg ? zoo_number(arg, 1) : 1; !err && n > 0; n--)
		err = start_flight();
	return err;
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* Without SA_RESTART: they fail with EINTR, and give their numbers back. */
static int run_land(const char *arg)
{
	struct sigaction action = {.sa_handler = do_nothing};
	int err = 0;

	(void)arg;
	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;
	for (; !err && flights_len; flights_len--) {
		err = -pthread_kill(flights[flights_len - 1], SIGUSR1);
		if (!err)
			err = -pthread_join(flights[flights_len - 1], NULL);
	}
	return err;
}

const struct zoo_step zoo_tables[] = {
	{.name = "fork",
	 .arg = "[N]",
	 .run = run_fork,
	 .help = "N processes with copies of the table; prints child PID"},
	{.name = "share",
	 .arg = "[N]",
	 .run = run_share,
	 .help = "N processes that share the table; prints child PID"},
	{.name = "clone_files",
	 .arg = "N",
	 .run = run_clone_files,
	 .help = "a process that shares the table opens N and exits"},
	{.name = "unshare",
	 .arg = "",
	 .run = run_unshare,
	 .help = "have a table of its own again"},
	{.name = "close_range",
	 .arg = "FIRST:LAST",
	 .run = run_close_range,
	 .help = "close these numbers"},
	{.name = "close_range_unshare",
	 .arg = "FIRST:LAST",
	 .run = run_close_range_unshare,
	 .help = "the same, in a table of its own"},
	{.name = "leaderless",
	 .arg = "",
	 .run = run_leaderless,
	 .help = "the main thread exits, another does the steps that follow"},
	{.name = "thread_table",
	 .arg = "N",
	 .run = run_thread_table,
	 .help = "a thread with its own copy opens N; prints thread TID"},
	{.name = "flight",
	 .arg = "[N]",
	 .run = run_flight,
	 .help = "N opens that wait: a number, and no file yet"},
	{.name = "land",
	 .arg = "",
	 .run = run_land,
	 .help = "interrupt them: they give their numbers back"},
	{0},
};
