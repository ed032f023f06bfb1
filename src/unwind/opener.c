// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens the files of one process for the child that reads them. It has the capabilities
 * that this takes, and reads none of the files; the child reads them, and has none.
 * Whatever is in a file, it can at most ask for another one that the process could have
 * read itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/helper.h"
#include "guard/open.h"
#include "unwind/files.h"
#include "unwind/maps.h"

/* The largest debugging information known is some 3 GB. */
#define MODULE_MAX  (4ull << 30)
#define PERF_MAX    (64u << 20)
#define CPU_SECONDS 20u
#define MEMORY      (64ull << 20)

struct opener {
	pid_t pid;
	int process; /* /proc/PID */
	struct maps maps;
};

static int opener_read_maps(struct opener *o)
{
	int fd = openat(o->process, "maps", O_RDONLY | O_CLOEXEC);
	size_t len;
	char *text;

	if (fd < 0)
		return -errno;
	text = maps_read(fd, MAPS_MAX, &len);
	close(fd);
	return text ? maps_take(&o->maps, text, len) : -errno;
}

/* ---- mapped files ---- */

/*
 * Ways to a mapped file, the surest first: the mapping itself, which needs
 * CAP_CHECKPOINT_RESTORE and also leads to a file that is deleted; the executable; the
 * path in the process's root, which may be another file by now, but is better than none;
 * and the path as it is seen from here, of a process whose root is a directory of ours.
 */
static int opener_try(const struct opener *o, const struct mapping *at,
		      struct guard_root *root, int way)
{
	struct guard_wish wish = {
		.max = MODULE_MAX,
		.mapped = true,
		.must_match = way == 3,
		.major = at->major,
		.minor = at->minor,
		.inode = at->inode,
	};
	struct guard_root here = {.rights = root->rights};
	char name[64], exe[FILES_PATH_MAX];
	ssize_t len;
	int fd;

	switch (way) {
	case 0:
		snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64,
			 at->start, at->end);
		return guard_open_link(o->process, name, &root->rights, &wish, NULL);
	case 1:
		len = readlinkat(o->process, "exe", exe, sizeof(exe) - 1);
		exe[len > 0 ? len : 0] = 0;
		if (strcmp(exe, at->path) != 0)
			return -ENOENT;
		return guard_open_link(o->process, "exe", &root->rights, &wish, NULL);
	case 2:
		return guard_open(root, at->path, &wish, NULL);
	default:
		here.dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd = here.dir < 0 ? -errno : guard_open(&here, at->path, &wish, NULL);
		guard_root_close(&here);
		return fd;
	}
}

static int opener_module(struct opener *o, struct guard_root *root, uint64_t address)
{
	const struct mapping *at = maps_find(&o->maps, address);
	int fd = -ENOENT, next;

	/* A library that was loaded since. */
	if (!at && !opener_read_maps(o))
		at = maps_find(&o->maps, address);
	if (!at || at->path[0] != '/')
		return -ENOENT;
	for (int way = 0; way < 4 && fd < 0; way++) {
		next = opener_try(o, at, root, way);
		/* What is there and may not be read tells more than what is not there. */
		if (next >= 0 || fd == -ENOENT)
			fd = next;
	}
	return fd;
}

/* ---- others ---- */

static int opener_debug(const struct guard_root *root, const char *path)
{
	static const char shared[] = "/usr/lib/debug/";
	struct guard_wish wish = {.max = MODULE_MAX};
	struct guard_root here = {.rights = root->rights};
	int fd = guard_open(root, path, &wish, NULL);

	if (fd >= 0 || strncmp(path, shared, sizeof(shared) - 1) != 0 ||
	    strstr(path, "/../"))
		return fd;
	here.dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = here.dir < 0 ? -errno : guard_open(&here, path, &wish, NULL);
	guard_root_close(&here);
	return fd;
}

/* As the process itself knows its number: the last one of "NSpid:". */
static long opener_inner_pid(const struct opener *o)
{
	char text[4096], *at, *end;
	ssize_t len = 0;
	long inner = o->pid;
	int fd = openat(o->process, "status", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = 0;
	at = strstr(text, "\nNSpid:");
	if (!at)
		return inner;
	at += strlen("\nNSpid:");
	while (*at && *at != '\n') {
		long value = strtol(at, &end, 10);

		if (end == at)
			break;
		inner = value;
		at = end;
	}
	return inner;
}

/* Anybody can make a file of that name: it counts if it is the process's own. */
static int opener_perf_map(const struct opener *o, const struct guard_root *root)
{
	struct guard_wish wish = {.max = PERF_MAX, .own = true};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%ld.map", opener_inner_pid(o));
	fd = guard_open(root, path, &wish, NULL);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", o->pid);
	return guard_open(root, path, &wish, NULL);
}

/* ---- questions ---- */

/* Root and rights are looked up for each: both may change. */
static int opener_open(struct opener *o, const struct files_question *question)
{
	struct guard_root root;
	int fd;

	if (question->kind == FILES_MAPS || question->kind == FILES_MEMORY) {
		fd = openat(o->process, question->kind == FILES_MAPS ? "maps" : "mem",
			    O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		return fd;
	}
	fd = guard_root_of_process(o->process, &root);
	if (fd < 0)
		return fd;
	switch (question->kind) {
	case FILES_MODULE:
		fd = opener_module(o, &root, question->address);
		break;
	case FILES_DEBUG:
		fd = opener_debug(&root, question->path);
		break;
	case FILES_PERF_MAP:
		fd = opener_perf_map(o, &root);
		break;
	default:
		fd = -EPROTO;
	}
	guard_root_close(&root);
	return fd;
}

/* Until there are no more, or something is wrong. Returns the exit status. */
static int opener_serve(struct opener *o, int refused)
{
	struct files_question question;
	ssize_t got;
	int fd, err;

	for (;;) {
		got = recv(HELPER_SOCKET, &question, sizeof(question), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if ((size_t)got <= offsetof(struct files_question, path))
			return 1;
		question.path[(size_t)got - offsetof(struct files_question, path) - 1] =
			0;
		fd = refused ? refused : opener_open(o, &question);
		err = files_send(HELPER_SOCKET, fd);
		if (fd >= 0)
			close(fd);
		if (err)
			return 1;
	}
}

int files_opener_run(const char *pid_text)
{
	static const struct helper_bounds bounds = {
		HELPER_READS_OTHERS, CALL_FILTER_OPENER, CPU_SECONDS, MEMORY};
	struct opener o = {.pid = (pid_t)strtol(pid_text, NULL, 10)};
	char path[32];
	int err, fd, status;

	/* Not by hand: without a socket of the caller's there is nobody to answer. */
	if (o.pid <= 0 || helper_check())
		return 2;
	err = helper_confine("fdwarden-files", &bounds);
	snprintf(path, sizeof(path), "/proc/%d", o.pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && !err)
		err = errno == ENOENT ? -ESRCH : -errno;
	o.process = fd;
	status = opener_serve(&o, err);
	maps_clear(&o.maps);
	if (fd >= 0)
		close(fd);
	return status;
}
