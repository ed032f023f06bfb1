/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds what a limit of a user, or of a namespace, counts: inotify instances and watches,
 * fanotify groups and marks, pipes, POSIX message queues, epoll watches. It lists procfs, and
 * so belongs into a process that can be ended (holders_helper.h).
 */
#ifndef FDWARDEN_HOLDERS_H
#define FDWARDEN_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum holders_what {
	HOLDERS_NONE,
	HOLDERS_INOTIFY_INSTANCES,
	HOLDERS_INOTIFY_WATCHES,
	HOLDERS_FANOTIFY_GROUPS,
	HOLDERS_FANOTIFY_MARKS,
	HOLDERS_PIPES,
	HOLDERS_EPOLL_WATCHES,
	HOLDERS_QUEUES_OF_SPACE, /* of an IPC namespace, whoever's */
	HOLDERS_QUEUES_OF_USER,
	HOLDERS_WHATS
};

/* So many processes are named. */
#define HOLDERS_MAX      8
#define HOLDERS_NAME_LEN 16

struct holders_process {
	pid_t pid;
	char name[HOLDERS_NAME_LEN]; /* comm, hostile; ends with a NUL */
	uint64_t count;
};

/* Plain data, which goes from one process to another as it is. */
struct holders {
	enum holders_what what; /* HOLDERS_NONE: not known */
	uid_t uid;              /* whose; -1: of the namespace */
	/* Of all processes that were looked at. What a process has from its parent since a
	 * fork is the parent's, and counts once. */
	uint64_t total, processes;
	uint64_t denied; /* processes of the user that may not be looked at */
	bool cut;        /* time was up: there may be more */
	struct holders_process
		first[HOLDERS_MAX]; /* those that hold most, most first */
	size_t len;
};

struct holders_question {
	enum holders_what what;
	pid_t pid; /* who was refused */
	uid_t uid; /* its user */
	/* Of processor time; then what was found by then is the answer. */
	unsigned cpu_ms;
};

/* Which of them the limit of that name counts ("fs.inotify.max_user_instances"). */
enum holders_what holders_what_of(const char *limit);

/* "inotify instances". Static. */
const char *holders_name(enum holders_what what);

/* Looks at every process below `proc` ("/proc"). 0 or -errno. */
int holders_find(const char *proc, const struct holders_question *question,
		 struct holders *out);

#endif
