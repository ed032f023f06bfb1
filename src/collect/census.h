/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one process's descriptors are, read in the kernel in one pass.
 */
#ifndef FDWARDEN_CENSUS_H
#define FDWARDEN_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/descriptor.h"

struct census;

/* Loads the program, and holds one descriptor for when no other can be had. Needs CAP_BPF and
 * CAP_PERFMON, and for nobody's paths anything more. Returns 0, or a negative errno with
 * the reason in one line. */
int census_open(struct census **out, char *why, size_t why_size);
void census_close(struct census *census); /* NULL is fine */

/* All of one process's descriptors, at one instant as near as the kernel lets. Owned; strings
 * are within. */
struct census_result {
	struct descriptor *descriptors; /* by number, ascending */
	size_t len;
	uint64_t cut;      /* descriptors beyond `max`: counted, not told */
	uint64_t nameless; /* names and paths left out: together too long */
	bool exited;       /* while it was read: there may have been more */
	pid_t tid;         /* the thread whose table it is; 0: there is no descriptor */
	uint64_t
		start_ns; /* of the process, CLOCK_BOOTTIME: tells it from a later one with
			      its pid; 0: there is no descriptor */
	char *strings;
};

/*
 * Reads the table of the process `tgid` as known in the initial pid namespace, or that of its
 * thread `tid` with a table of its own (0: the process's; a main thread that has exited is
 * stood in for by another). At most `max` descriptors. Not to be called by two threads at once.
 *
 * A process that exits meanwhile is told as far as it was still there. It may take as long
 * as closing one of the process's files does: when the process closes it meanwhile, the last
 * reference is ours.
 *
 * Returns 0, -ESRCH if there is no such process, or no such thread with a table of its own
 * and something in it, -EMFILE, -ENFILE if nothing can be opened for it and what was kept
 * for that is used up, -ENOMEM. out is to be cleared in any case.
 */
int census_read(struct census *census, pid_t tgid, pid_t tid, size_t max,
		struct census_result *out);
void census_clear(struct census_result *result);

/* The same, but each descriptor is given to `visit` while they are read, without any of its
 * texts, and none is kept: for tables of any size. out->len is 0. */
typedef void census_visitor(void *context, const struct descriptor *descriptor);
int census_visit(struct census *census, pid_t tgid, census_visitor *visit,
		 void *context, struct census_result *out);

/* How processes are told apart, for `features`: "task filter" (6.1+), "in program". Static. */
const char *census_method(const struct census *census);
/* Who makes paths: "d_path" (5.12+), "walk". Static. */
const char *census_paths(const struct census *census);

#endif
