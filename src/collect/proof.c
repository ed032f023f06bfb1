// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collect/kernel.h"

#define ROUNDS         4
#define OPENS_A_ROUND  4 /* open, dup, dup3, fcntl */
#define REFUSED_ROUNDS 3
/* A kernel leaves out runs of a program that was preempted on that CPU (from 6.13 on; seen on
 * 7.2 under load: of 16 opens 11 or 13 were counted). What is never called fails each time. */
#define TRIES          5

struct own {
	uint32_t pid;
	bool found;
	uint64_t time_ns; /* of its record, by the kernel's clock */
	struct fdw_table table;
	uint64_t refused;
	struct sensor *sensor;
};

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct own *own = context;

	if (record->task.tgid != own->pid || record->table.flags & FDW_TABLE_THREAD)
		return;
	own->found = true;
	own->table = record->table;
	own->time_ns = record->header.time_ns;
}

static void on_refusal(void *context, const struct fdw_refusal_key *key,
		       const struct fdw_refusal_value *value)
{
	struct own *own = context;

	if (key->tgid != own->pid)
		return;
	own->refused += value->count;
	sensor_forget_refusal(own->sensor, key);
}

static int look(struct snapshot *snapshot, struct own *own)
{
	struct snapshot_stats stats;

	own->found = false;
	return snapshot_take(snapshot, on_table, own, &stats);
}

/* Opens OPENS_A_ROUND descriptors and closes all of them but the one that dup3()
 * replaces; a failed open in between must not count. Returns the closes or -errno. */
static int open_and_close(void)
{
	int fds[3], closed = 0, err = 0, none;

	/* what is there wherever it runs: a container may have no /dev */
	fds[0] = open("/", O_RDONLY | O_CLOEXEC);
	fds[1] = dup(fds[0]);
	fds[2] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0 ||
	    dup3(fds[0], fds[1], O_CLOEXEC) < 0)
		err = -errno;
	none = open("/proc/self/there is no such file", O_RDONLY | O_CLOEXEC);
	if (none >= 0) {
		close(none);
		err = -EPROTO;
	}
	for (int i = 0; i < 3; i++)
		closed += fds[i] >= 0 && !close(fds[i]);
	return err ? err : closed;
}

/* Is refused REFUSED_ROUNDS times. */
static int be_refused(void)
{
	struct rlimit old, none;
	int err = 0, fds[2];

	if (getrlimit(RLIMIT_NOFILE, &old))
		return -errno;
	none = (struct rlimit){0, old.rlim_max};
	if (setrlimit(RLIMIT_NOFILE, &none))
		return -errno;
	for (int i = 0; i < REFUSED_ROUNDS; i++) {
		int got = i ? dup(STDERR_FILENO) : pipe2(fds, O_CLOEXEC);

		if (got >= 0 || errno != EMFILE)
			err = -EPROTO;
	}
	if (setrlimit(RLIMIT_NOFILE, &old))
		err = -errno;
	return err;
}

static int compare(const struct own *before, const struct own *after, int closed,
		   char *why, size_t why_size)
{
	uint64_t opens = after->table.opened - before->table.opened;
	uint64_t closes = after->table.closed - before->table.closed;

	if (!after->found) {
		snprintf(why, why_size,
			 "the snapshot does not show this process: is it in a pid "
			 "namespace? Run it in the host's");
		return -ENODATA;
	}
	/* Reading a snapshot opens and closes some of its own; what dup3() replaces is a
	 * close for the sensor that does not watch close(). */
	if (opens < ROUNDS * OPENS_A_ROUND || opens > ROUNDS * OPENS_A_ROUND + 2 ||
	    closes < (uint64_t)closed || closes > (uint64_t)closed + ROUNDS + 2 ||
	    after->refused != REFUSED_ROUNDS) {
		snprintf(why, why_size,
			 "the sensor is attached, but of this process's own %d opens, "
			 "%d "
			 "closes and %d refusals it saw %llu, %llu and %llu",
			 ROUNDS * OPENS_A_ROUND, closed, REFUSED_ROUNDS,
			 (unsigned long long)opens, (unsigned long long)closes,
			 (unsigned long long)after->refused);
		return -EAGAIN;
	}
	return 0;
}

/*
 * Records have the kernel's own CLOCK_BOOTTIME; in a time namespace ours is another. Then no
 * process would be seen to live, and alerts be dated wrongly.
 */
static int compare_clocks(uint64_t before_ns, const struct own *own, char *why,
			  size_t why_size)
{
	uint64_t after_ns = kernel_now_ns();

	if (!own->found || (own->time_ns >= before_ns && own->time_ns <= after_ns))
		return 0;
	snprintf(why, why_size,
		 "this process is in a time namespace: its clock is %.0f s off the "
		 "kernel's. Run it in the host's",
		 ((double)after_ns - (double)own->time_ns) / 1e9);
	return -EXDEV;
}

/* As proof_run(); -EAGAIN: not all was counted. */
static int try_out(struct sensor *sensor, struct snapshot *snapshot, char *why,
		   size_t why_size)
{
	struct own before = {.pid = getpid()},
		   after = {.pid = getpid(), .sensor = sensor};
	uint64_t begin_ns = kernel_now_ns();
	int err = look(snapshot, &before), closed = 0;

	if (!err && compare_clocks(begin_ns, &before, why, why_size))
		return -EXDEV;
	for (int i = 0; i < ROUNDS && !err; i++) {
		int n = open_and_close();

		if (n < 0)
			err = n;
		else
			closed += n;
	}
	if (!err)
		err = look(snapshot, &after);
	if (!err)
		err = be_refused();
	if (!err)
		err = sensor_refusals(sensor, on_refusal, &after);
	if (err < 0) {
		snprintf(why, why_size, "the sensor can't be tried out: %s",
			 strerror(-err));
		return err;
	}
	return compare(&before, &after, closed, why, why_size);
}

int proof_run(struct sensor *sensor, struct snapshot *snapshot, char *why,
	      size_t why_size)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++)
		err = try_out(sensor, snapshot, why, why_size);
	return err == -EAGAIN ? -ENODATA : err;
}
