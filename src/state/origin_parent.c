/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes as /proc shows them: limits, parents, cgroups. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"
#include "state/origin_impl.h"

/* Ancestors that are looked at for a manager. */
#define DEPTH_MAX 32

static int read_of(struct origin_search *search, pid_t pid, const char *name,
		   struct origin_file *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return origin_read(search, &search->host, path, out);
}

/* "PID (NAME) S PPID … ": the name may hold anything, the start is field 22. */
static bool parse_stat(char *text, struct origin_task *out)
{
	char *open = strchr(text, '('), *at = strrchr(text, ')');
	int field;

	if (!open || !at || at < open || strlen(at) < 4)
		return false;
	snprintf(out->comm, sizeof(out->comm), "%.*s", (int)(at - open - 1), open + 1);
	out->ppid = (pid_t)strtol(at + 4, NULL, 10);
	for (field = 2; field < 22 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	out->start_ticks = strtoull(at + 1, NULL, 10);
	return true;
}

static uint64_t parse_limit(const char **at)
{
	uint64_t value;
	char *end;

	*at += strspn(*at, " ");
	if (strncmp(*at, "unlimited", 9) == 0) {
		*at += 9;
		return UINT64_MAX;
	}
	value = strtoull(*at, &end, 10);
	*at = end;
	return value;
}

static void parse_limits(const char *text, struct origin_task *out)
{
	static const char title[] = "\nMax open files";
	const char *at = strstr(text, title);

	if (!at)
		return;
	at += sizeof(title) - 1;
	out->soft = parse_limit(&at);
	out->hard = parse_limit(&at);
	out->limits_known = true;
}

int origin_task_read(struct origin_search *search, pid_t pid, struct origin_task *out)
{
	struct origin_file file;
	const char *path;
	int err;

	memset(out, 0, sizeof(*out));
	out->pid = pid;
	err = read_of(search, pid, "stat", &file);
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	err = parse_stat(file.text, out) ? 0 : -ESRCH;
	origin_file_clear(&file);
	if (err)
		return err;
	if (read_of(search, pid, "limits", &file) == 0) {
		parse_limits(file.text, out);
		origin_file_clear(&file);
		if (pid == search->raised_pid && out->soft == search->raise.to)
			out->soft = search->raise.from;
	}
	if (read_of(search, pid, "cgroup", &file) == 0) {
		path = cgroup_path_choose(file.text);
		out->cgroup = path ? strdup(path) : NULL;
		search->no_memory |= path && !out->cgroup;
		origin_file_clear(&file);
	}
	return 0;
}

void origin_task_clear(struct origin_task *task)
{
	free(task->cgroup);
	memset(task, 0, sizeof(*task));
}

bool origin_task_is_manager(const struct origin_task *task)
{
	static const char scope[] = "/init.scope";
	size_t len = task->cgroup ? strlen(task->cgroup) : 0, end = sizeof(scope) - 1;

	if (len >= end && strcmp(task->cgroup + len - end, scope) == 0)
		return true;
	return task->pid == 1 && strcmp(task->comm, "systemd") == 0;
}

bool origin_manager_limits(struct origin_search *search, const struct origin_task *task,
			   uint64_t *hard)
{
	pid_t pid = task->ppid;

	for (int depth = 0; pid > 0 && depth < DEPTH_MAX; depth++) {
		struct origin_task above;
		bool found;

		if (origin_task_read(search, pid, &above) < 0)
			return false;
		found = origin_task_is_manager(&above) && above.limits_known;
		*hard = above.hard;
		pid = above.ppid;
		origin_task_clear(&above);
		if (found)
			return true;
	}
	return false;
}
