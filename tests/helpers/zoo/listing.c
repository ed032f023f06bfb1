/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc says of each process, for comparison with what fdwarden says: its
 * descriptors and its soft limit. Of a process whose threads have several tables it
 * is the fullest, and of one whose main thread has exited that of its threads:
 * /proc/PID/fd shows nothing then. Kernel threads have no table and are left out.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoo.h"

#define PF_KTHREAD 0x00200000ul

/* Calls `each` for the entries that are numbers; -errno if it can't be listed. */
static int list_numbers(const char *path, void (*each)(const char *name, void *data),
			void *data)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each(entry->d_name, data);
	closedir(dir);
	return 0;
}

static void count_one(const char *name, void *data)
{
	(void)name;
	++*(long *)data;
}

struct fullest {
	const char *pid;
	long count; /* -1: of no thread could it be listed */
};

static void look_at_thread(const char *tid, void *data)
{
	struct fullest *of = data;
	char path[128];
	long count = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/task/%.16s/fd", of->pid, tid);
	if (!list_numbers(path, count_one, &count) && count > of->count)
		of->count = count;
}

/* The rest of the first line of a file that begins with `head`; false: none. */
static bool find_line(const char *pid, const char *file, const char *head, char *rest,
		      int size)
{
	size_t len = strlen(head);
	char path[64];
	bool found = false;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, file);
	in = fopen(path, "re");
	while (in && !found && fgets(rest, size, in))
		found = !strncmp(rest, head, len);
	if (in)
		fclose(in);
	if (found)
		memmove(rest, rest + len, strlen(rest + len) + 1);
	return found;
}

static bool is_kernel_thread(const char *pid)
{
	char line[1024];
	unsigned long flags;
	const char *after;

	if (!find_line(pid, "stat", "", line, sizeof(line)))
		return true; /* gone: nothing to be said of it either */
	after = strrchr(line, ')');
	return !after ||
	       sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) != 1 ||
	       flags & PF_KTHREAD;
}

/* What goes away meanwhile is left out. */
static void print_process(const char *pid, void *data)
{
	struct fullest table = {pid, -1};
	char limit[256], path[64];

	(void)data;
	if (is_kernel_thread(pid) ||
	    !find_line(pid, "limits", "Max open files", limit, sizeof(limit)))
		return;
	snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
	if (!list_numbers(path, look_at_thread, &table) && table.count >= 0)
		printf("%s %ld %lu\n", pid, table.count, strtoul(limit, NULL, 10));
}

enum zoo_exit zoo_listing(void)
{
	int err = list_numbers("/proc", print_process, NULL);

	if (err < 0)
		zoo_fail(ZOO_FAILED, "/proc: %s", strerror(-err));
	return ZOO_DONE;
}
