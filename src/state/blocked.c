// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/blocked.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of a process with thousands of threads, as many are looked at. */
#define THREADS_MAX 64
/* Numbers that a set has room for; more are no number of descriptors. */
#define SETS_MAX    1048576

bool blocked_is_select(const char *line)
{
	unsigned long first;
	char *end;
	long call = strtol(line, &end, 10);

	/* "running", "-1 0x… 0x…": in no call */
	if (end == line || call < 0)
		return false;
	first = strtoul(end, &end, 16);
	if (!first || first > SETS_MAX)
		return false;
#ifdef SYS_select
	if (call == SYS_select)
		return true;
#endif
	return call == SYS_pselect6;
}

static bool is_in_select(int dir, const char *tid)
{
	char path[64], line[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%.16s/syscall", tid);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (len <= 0)
		return false;
	line[len] = '\0';
	return blocked_is_select(line);
}

bool blocked_in_select(pid_t pid)
{
	struct dirent *entry;
	bool found = false;
	int looked = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && looked < THREADS_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		looked++;
		found = is_in_select(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return found;
}
