/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many processes that do the same steps. They meet in shared memory, not over
 * descriptors, which would stand in the tables that are to be counted.
 */
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zoo.h"

struct stamp {
	uint64_t ns;
	pid_t pid;
	atomic_uint meetings;
};

static struct {
	enum zoo_role role;
	long size;
	long rank;             /* a member's */
	unsigned int meetings; /* passed by this process */
	unsigned int releases;
	struct {
		atomic_uint arrived; /* over all meetings */
		atomic_uint released;
		struct stamp stamps[];
	} * shared;
} crowd;

enum zoo_role zoo_role(void)
{
	return crowd.role;
}

long zoo_crowd_rank(void)
{
	return crowd.rank;
}

static void futex_wait(atomic_uint *word, unsigned int seen, long ms)
{
	struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &span, NULL, 0);
}

static void futex_wake(atomic_uint *word, int most)
{
	syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

void zoo_crowd_arrive(uint64_t stamp)
{
	struct stamp *mine = &crowd.shared->stamps[crowd.rank];

	mine->pid = getpid();
	if (stamp)
		mine->ns = stamp;
	atomic_fetch_add(&mine->meetings, 1);
	atomic_fetch_add(&crowd.shared->arrived, 1);
	if (atomic_load(&crowd.shared->arrived) % (unsigned int)crowd.size == 0)
		futex_wake(&crowd.shared->arrived, 1);
}

/* A member that failed would be waited for in vain. */
static void check_members(void)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			zoo_fail(ZOO_FAILED, "crowd: a member failed");
}

static bool all_have_met(unsigned int meetings)
{
	for (long i = 0; i < crowd.size; i++)
		if (atomic_load(&crowd.shared->stamps[i].meetings) < meetings)
			return false;
	return true;
}

void zoo_crowd_gather(bool with_stamps)
{
	crowd.meetings++;
	for (;;) {
		unsigned int seen = atomic_load(&crowd.shared->arrived);

		if (all_have_met(crowd.meetings))
			break;
		futex_wait(&crowd.shared->arrived, seen, 50);
		check_members();
	}
	for (long i = 0; with_stamps && i < crowd.size; i++)
		zoo_print("mark %llu %d",
			  (unsigned long long)crowd.shared->stamps[i].ns,
			  crowd.shared->stamps[i].pid);
}

void zoo_crowd_await(void)
{
	unsigned int wanted = ++crowd.releases, seen;

	while ((seen = atomic_load(&crowd.shared->released)) < wanted)
		futex_wait(&crowd.shared->released, seen, 60000);
}

void zoo_crowd_release(void)
{
	atomic_fetch_add(&crowd.shared->released, 1);
	futex_wake(&crowd.shared->released, (int)crowd.size);
}

int zoo_crowd_end(int status)
{
	int child;

	while (wait(&child) > 0)
		if (!WIFEXITED(child) || WEXITSTATUS(child))
			status = ZOO_FAILED;
	return status;
}

static int run_crowd(const char *arg)
{
	pid_t leader = getpid();

	if (crowd.role != ZOO_ALONE)
		zoo_fail(ZOO_USAGE, "crowd: already in one");
	crowd.size = zoo_number(arg, 1);
	crowd.shared = mmap(
		NULL, sizeof(*crowd.shared) + (size_t)crowd.size * sizeof(struct stamp),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crowd.shared == MAP_FAILED)
		return -errno;
	crowd.role = ZOO_LEADER;
	for (long i = 0; i < crowd.size; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid > 0)
			continue;
		crowd.role = ZOO_MEMBER;
		crowd.rank = i;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != leader)
			_exit(ZOO_FAILED);
		return 0;
	}
	return 0;
}

const struct zoo_step zoo_crowds[] = {
	{.name = "crowd",
	 .arg = "N",
	 .run = run_crowd,
	 .help = "N processes do the steps that follow; this one waits for them"},
	{0},
};
