/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which limit refused a call. EMFILE and ENFILE have some fifteen causes; this
 * is the one table of them. Pure.
 */
#ifndef FDWARDEN_LIMITS_H
#define FDWARDEN_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limits_cause {
	LIMITS_DESCRIPTORS, /* RLIMIT_NOFILE: the table is full */
	LIMITS_FILE_MAX,    /* fs.file-max: the system's table is full */
	LIMITS_OTHER,
	LIMITS_NONE, /* a seccomp filter's own answer: nothing has run out */
};

struct limits_refusal {
	const char *call; /* name of the system call: "openat" */
	int error;        /* EMFILE, ENFILE, ENOSPC, ETOOMANYREFS */
	uint64_t args[3]; /* its first three arguments */
	const char *path; /* path asked for; NULL: none or unknown */
	/* What the sensor saw itself: something else than the table refused it. An
	 * EMFILE then never is LIMITS_DESCRIPTORS. */
	bool not_the_table;
	/* The caller runs under a seccomp filter, which can refuse with any error. */
	bool filtered;
	/* the caller's table just after the call; false: these five say nothing */
	bool table_known;
	uint64_t used, soft_limit, lowest_free;
	uint64_t free_above; /* F_DUPFD: free slots from its minimum up */
	uint64_t nr_open;    /* fs.nr_open; 0: unknown */
	/* the system's files at about that time; max 0: unknown */
	uint64_t files_allocated, files_max;
	uint32_t cpus; /* file-nr is exact to 32 files a CPU */
};

struct limits_verdict {
	enum limits_cause cause;
	/* LIMITS_OTHER only, else 0, NULL, false; static strings */
	unsigned int id;    /* tells one limit from another: 1..31 */
	const char *name;   /* "fs.inotify.max_user_instances", "RLIMIT_MSGQUEUE",
			       a word for what has no name; never NULL: "unknown" */
	const char *text;   /* "inotify instances of this user" */
	const char *sysctl; /* sysctl that sets it, dotted; NULL: none */
	const char
		*space; /* kind of namespace whose sysctl it is; NULL: the system's */
	bool is_rlimit; /* value is the process's rlimit number `rlimit` */
	int rlimit;     /* RLIMIT_MSGQUEUE, … */
};

/*
 * The cause of a refusal. For calls that get EMFILE from the table it is the
 * table, also with some slots free after the call (another thread may have closed
 * some meanwhile), unless it is fs.nr_open that stopped it. With so many free that
 * they can't have been taken just before, a call that opens a name was refused by
 * the file system or driver behind it; the others by what is not known. For calls
 * with limits of their own the table decides: full, or theirs. A pair (pipe,
 * socketpair) is refused with one slot still free. Where the table is not known,
 * the call alone decides. ENFILE is fs.file-max
 * when the system's files are near it, or nothing else is known to give it.
 */
void limits_classify(const struct limits_refusal *refusal, struct limits_verdict *out);

/* The limit of an id that a verdict had. NULL: none. */
const struct limits_verdict *limits_of(unsigned int id);

/* "fs.inotify.max_user_instances" → "/proc/sys/fs/inotify/max_user_instances".
 * Returns -ENAMETOOLONG if it does not fit into size bytes. */
int limits_sysctl_path(const char *sysctl, char *path, size_t size);

#endif
