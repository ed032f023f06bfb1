/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a traced process, for the child that reads them: it has no right to open
 * anything, and is handed descriptors by the opener, which reads none of them.
 */
#ifndef FDWARDEN_UNWIND_FILES_H
#define FDWARDEN_UNWIND_FILES_H

#include <stdint.h>
#include <sys/types.h>

/* argv[1] of the opener; its argv[2] is the pid. */
#define FILES_OPENER_COMMAND "unwinder-files"

#define FILES_PATH_MAX       4096

enum files_kind {
	FILES_MAPS = 1, /* /proc/PID/maps */
	FILES_MODULE,   /* the file that is mapped at `address` */
	FILES_DEBUG, /* `path` in the process's root, else below /usr/lib/debug here */
	FILES_PERF_MAP, /* /tmp/perf-PID.map in its root */
	FILES_MEMORY,   /* /proc/PID/mem, to be read */
};

/* One message, as long as the path. */
struct files_question {
	uint32_t kind; /* enum files_kind */
	uint32_t reserved;
	uint64_t address;
	char path[FILES_PATH_MAX]; /* NUL-ended */
};

/* With the descriptor, if `error` is 0. */
struct files_answer {
	int32_t error; /* negative errno */
	int32_t reserved;
};

/* For the child: asks on HELPER_PEER. `path` NULL: none. The descriptor, or -errno. */
int files_ask(enum files_kind kind, uint64_t address, const char *path);

/* For the opener: answers with the descriptor, which stays the caller's, or with -errno. 0 or
 * -errno. */
int files_send(int socket, int fd);

/* The opener, for the process `pid` (argv[2]): answers on HELPER_SOCKET until that is
 * closed. Returns the exit status. */
int files_opener_run(const char *pid);

#endif
