// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000ul /* linux/sched.h */

static int read_text(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = 0;
	if (len < 0)
		len = -errno;
	if (fd >= 0)
		close(fd);
	return len < 0 ? (int)len : 0;
}

/* "Name:\tvalue" of /proc/PID/status; -1: there is none. */
static long number_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* Field 9 of stat, of which the name before may hold anything. */
static unsigned long flags_of(const char *stat)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < 9; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoul(at, NULL, 10) : 0;
}

int subject_check(int pid, char *why, size_t size)
{
	char status[4096], stat[1024];
	int err = read_text(pid, "status", status, sizeof(status));
	long tgid;

	if (err == -ENOENT || err == -ESRCH) {
		snprintf(why, size, "no process %d", pid);
		return -ESRCH;
	}
	/* What hides it from /proc does not hide it from the kernel's own view. */
	if (err || read_text(pid, "stat", stat, sizeof(stat)))
		return 0;
	tgid = number_of(status, "\nTgid:\t");
	if (tgid > 0 && tgid != pid) {
		snprintf(why, size, "%d is a thread of process %ld; ask for that one",
			 pid, tgid);
		return -EINVAL;
	}
	if (flags_of(stat) & PF_KTHREAD) {
		snprintf(why, size,
			 "%d is a thread of the kernel's own, which has no descriptors",
			 pid);
		return -EINVAL;
	}
	/* Its main thread may have ended before others. */
	if (strstr(status, "\nState:\tZ") && number_of(status, "\nThreads:\t") <= 1) {
		snprintf(why, size,
			 "process %d has ended (a zombie, until its parent %ld waits "
			 "for it): it has no descriptors",
			 pid, number_of(status, "\nPPid:\t"));
		return -ESRCH;
	}
	return 0;
}
