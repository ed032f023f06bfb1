// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c */
#endif

/* Lines of a watch are up to 170 bytes; a whole file may have half a million of them. */
#define READ_SIZE  65536
#define PREFIX_LEN 32
#define LINK_SIZE  288

/* How one is known: by the link in /proc/PID/fd, and by lines in /proc/PID/fdinfo. */
static const struct holders_kind {
	const char *limit, *name;
	const char *
		link; /* the whole of it, or what it begins with where it ends in ':' */
	const char *
		line; /* lines that begin so are counted; NULL: the descriptor itself is */
	const char *no_line; /* but not those that begin so */
	bool real_uid; /* the kernel charges the real user's id, not the effective one's */
} holders_kinds[HOLDERS_WHATS] = {
	[HOLDERS_INOTIFY_INSTANCES] = {"fs.inotify.max_user_instances",
				       "inotify instances", "anon_inode:inotify", NULL,
				       NULL, false},
	[HOLDERS_INOTIFY_WATCHES] = {"fs.inotify.max_user_watches", "inotify watches",
				     "anon_inode:inotify", "inotify wd:", NULL, false},
	[HOLDERS_FANOTIFY_GROUPS] = {"fs.fanotify.max_user_groups", "fanotify groups",
				     "anon_inode:[fanotify]", NULL, NULL, false},
	[HOLDERS_FANOTIFY_MARKS] = {"fs.fanotify.max_user_marks", "fanotify marks",
				    "anon_inode:[fanotify]", "fanotify ",
				    "fanotify flags:", false},
	[HOLDERS_PIPES] = {"fs.pipe-user-pages-hard", "pipes", "pipe:", NULL, NULL,
			   true},
	[HOLDERS_EPOLL_WATCHES] = {"fs.epoll.max_user_watches", "epoll watches",
				   "anon_inode:[eventpoll]", "tfd:", NULL, true},
	[HOLDERS_QUEUES_OF_SPACE] = {"fs.mqueue.queues_max", "message queues", "/",
				     NULL, NULL, true},
	[HOLDERS_QUEUES_OF_USER] = {"RLIMIT_MSGQUEUE", "message queues", "/", NULL,
				    NULL, true},
};

enum holders_what holders_what_of(const char *limit)
{
	for (int what = 1; what < HOLDERS_WHATS; what++)
		if (limit && !strcmp(limit, holders_kinds[what].limit))
			return (enum holders_what)what;
	return HOLDERS_NONE;
}

const char *holders_name(enum holders_what what)
{
	return holders_kinds[what].name;
}

struct holders_search {
	const struct holders_question *question;
	const struct holders_kind *kind;
	struct holders *out;
	int proc; /* directory */
	uint64_t until_ns;
	char space[64]; /* the IPC namespace, as its link has it */
	/* Pipes and queues that were counted: a table of their links' hashes. */
	uint64_t *seen;
	size_t seen_len, seen_size;
};

static uint64_t holders_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool holders_is_late(struct holders_search *search)
{
	if (!search->out->cut && holders_cpu_ns() > search->until_ns)
		search->out->cut = true;
	return search->out->cut;
}

/* ---- each once ---- */

static uint64_t holders_hash(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash ? hash : 1;
}

static bool holders_put(uint64_t *table, size_t size, uint64_t hash)
{
	size_t at = hash % size;

	while (table[at] && table[at] != hash)
		at = (at + 1) % size;
	if (table[at] == hash)
		return false;
	table[at] = hash;
	return true;
}

/* Whether this is the first with this link: the two ends of a pipe are one pipe. Without
 * memory all are. */
static bool holders_is_first(struct holders_search *search, const char *link)
{
	if (2 * search->seen_len >= search->seen_size) {
		size_t size = search->seen_size ? 2 * search->seen_size : 1024;
		uint64_t *table = calloc(size, sizeof(*table));

		if (!table)
			return true;
		for (size_t i = 0; i < search->seen_size; i++)
			if (search->seen[i])
				holders_put(table, size, search->seen[i]);
		free(search->seen);
		search->seen = table;
		search->seen_size = size;
	}
	if (!holders_put(search->seen, search->seen_size, holders_hash(link)))
		return false;
	search->seen_len++;
	return true;
}

/* ---- one descriptor ---- */

/* Lines of /proc/PID/fdinfo/FD that count. */
static uint64_t holders_count_lines(struct holders_search *search, pid_t pid, int fd)
{
	const struct holders_kind *kind = search->kind;
	char path[64], start[PREFIX_LEN];
	static char buffer[READ_SIZE];
	size_t start_len = 0;
	uint64_t count = 0;
	ssize_t got;
	int file;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)pid, fd);
	file = openat(search->proc, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	while (!holders_is_late(search) &&
	       (got = read(file, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (buffer[i] != '\n') {
				if (start_len < sizeof(start) - 1)
					start[start_len++] = buffer[i];
				continue;
			}
			start[start_len] = '\0';
			start_len = 0;
			count +=
				!strncmp(start, kind->line, strlen(kind->line)) &&
				(!kind->no_line || strncmp(start, kind->no_line,
							   strlen(kind->no_line)) != 0);
		}
	}
	close(file);
	return count;
}

/* A queue's link is "/name", as that of a file in the root directory is. */
static bool holders_is_queue(struct holders_search *search, pid_t pid, int fd)
{
	struct statfs info;
	char path[64];
	int file, err;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, fd);
	/* O_PATH: nothing is opened. Of a FUSE the kernel asks whoever serves it only if that
	 * is mounted for us, too (allow_other in our user namespace); who then does not answer
	 * takes this look's answer, as the helper that looks is ended at its time. */
	file = openat(search->proc, path, O_PATH | O_CLOEXEC);
	if (file < 0)
		return false;
	err = fstatfs(file, &info);
	close(file);
	return !err && (uint32_t)info.f_type == MQUEUE_MAGIC;
}

static bool holders_is_kind(struct holders_search *search, pid_t pid, int fd,
			    const char *link)
{
	const char *want = search->kind->link;
	size_t len = strlen(want);

	switch (search->question->what) {
	case HOLDERS_PIPES:
		return !strncmp(link, want, len) && holders_is_first(search, link);
	case HOLDERS_QUEUES_OF_SPACE:
	case HOLDERS_QUEUES_OF_USER:
		return link[0] == '/' && !strchr(link + 1, '/') &&
		       holders_is_queue(search, pid, fd) &&
		       holders_is_first(search, link);
	default:
		return !strcmp(link, want);
	}
}

/* What was copied by fork() is no second one. Where the kernel can't compare, it is. */
static bool holders_is_parents(struct holders_search *search, pid_t pid, pid_t parent,
			       int fd)
{
	char path[64], link[LINK_SIZE];
	ssize_t len;

	if (parent <= 1)
		return false;
	snprintf(path, sizeof(path), "%d/fd/%d", (int)parent, fd);
	len = readlinkat(search->proc, path, link, sizeof(link) - 1);
	if (len <= 0)
		return false;
	link[len] = '\0';
	return !strcmp(link, search->kind->link) &&
	       syscall(SYS_kcmp, pid, parent, KCMP_FILE, fd, fd) == 0;
}

static uint64_t holders_count_fd(struct holders_search *search, pid_t pid, pid_t parent,
				 int dir, const char *name)
{
	char link[LINK_SIZE];
	ssize_t len = readlinkat(dir, name, link, sizeof(link) - 1);
	int fd = atoi(name);

	if (len <= 0)
		return 0;
	link[len] = '\0';
	if (!holders_is_kind(search, pid, fd, link) ||
	    holders_is_parents(search, pid, parent, fd))
		return 0;
	return search->kind->line ? holders_count_lines(search, pid, fd) : 1;
}

/* ---- one process ---- */

struct holders_status {
	char name[HOLDERS_NAME_LEN];
	pid_t parent;
	uid_t real, effective;
};

/* 0 or -errno. */
static int holders_read_status(const struct holders_search *search, pid_t pid,
			       struct holders_status *out)
{
	char path[64], text[1024], *line, *end;
	ssize_t got;
	int file;

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	file = openat(search->proc, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	got = read(file, text, sizeof(text) - 1);
	close(file);
	if (got <= 0)
		return -ESRCH;
	text[got] = '\0';
	/* The kernel escapes line ends in the name, so that these lines are its own. */
	line = strstr(text, "\nPPid:\t");
	out->parent = line ? (pid_t)strtol(line + 7, NULL, 10) : 0;
	line = strstr(text, "\nUid:\t");
	if (!line || strncmp(text, "Name:\t", 6) != 0)
		return -EPROTO;
	out->real = (uid_t)strtoul(line + 6, &end, 10);
	out->effective = (uid_t)strtoul(end, NULL, 10);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)strcspn(text + 6, "\n"),
		 text + 6);
	return 0;
}

/* Whether what it holds counts where the refused one's does. */
static bool holders_concerns(struct holders_search *search, pid_t pid,
			     const struct holders_status *status)
{
	char path[64], space[sizeof(search->space)];
	ssize_t len;

	if (search->question->what != HOLDERS_QUEUES_OF_SPACE)
		return search->question->uid ==
		       (search->kind->real_uid ? status->real : status->effective);
	snprintf(path, sizeof(path), "%d/ns/ipc", (int)pid);
	len = readlinkat(search->proc, path, space, sizeof(space) - 1);
	if (len <= 0)
		return false;
	space[len] = '\0';
	return !strcmp(space, search->space);
}

static void holders_keep(struct holders *out, pid_t pid, const char *name,
			 uint64_t count)
{
	size_t at = out->len;

	out->total += count;
	out->processes++;
	while (at > 0 && out->first[at - 1].count < count)
		at--;
	if (at == HOLDERS_MAX)
		return;
	if (out->len < HOLDERS_MAX)
		out->len++;
	memmove(&out->first[at + 1], &out->first[at],
		(out->len - at - 1) * sizeof(out->first[0]));
	out->first[at] = (struct holders_process){.pid = pid, .count = count};
	snprintf(out->first[at].name, HOLDERS_NAME_LEN, "%s", name);
}

static void holders_look(struct holders_search *search, pid_t pid)
{
	struct holders_status status = {0};
	struct dirent *entry;
	uint64_t count = 0;
	char path[64];
	DIR *dir = NULL;
	int fd;

	if (holders_read_status(search, pid, &status) ||
	    !holders_concerns(search, pid, &status))
		return;
	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(search->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir) {
		search->out->denied += errno == EACCES || errno == EPERM;
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!holders_is_late(search) && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			count += holders_count_fd(search, pid, status.parent, fd,
						  entry->d_name);
	closedir(dir);
	if (count)
		holders_keep(search->out, pid, status.name, count);
}

int holders_find(const char *proc, const struct holders_question *question,
		 struct holders *out)
{
	struct holders_search search = {.question = question, .out = out};
	struct dirent *entry;
	char path[64];
	DIR *dir;

	*out = (struct holders){.uid = question->uid};
	if (question->what <= HOLDERS_NONE || question->what >= HOLDERS_WHATS)
		return -EINVAL;
	search.kind = &holders_kinds[question->what];
	search.until_ns = holders_cpu_ns() + question->cpu_ms * 1000000ull;
	dir = opendir(proc);
	if (!dir)
		return -errno;
	search.proc = dirfd(dir);
	if (question->what == HOLDERS_QUEUES_OF_SPACE) {
		out->uid = (uid_t)-1;
		snprintf(path, sizeof(path), "%d/ns/ipc", (int)question->pid);
		if (readlinkat(search.proc, path, search.space,
			       sizeof(search.space) - 1) <= 0) {
			closedir(dir);
			return -ESRCH;
		}
	}
	while (!holders_is_late(&search) && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			holders_look(&search, (pid_t)atoi(entry->d_name));
	closedir(dir);
	free(search.seen);
	out->what = question->what;
	return 0;
}
