/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one process's descriptors are, read in the kernel in one pass.
 */
#ifndef FDWARDEN_CENSUS_H
#define FDWARDEN_CENSUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/descriptor.h"

struct census;

/* Loads the program. Needs CAP_BPF and CAP_PERFMON. Returns 0, or a negative errno with
 * the reason in one line. */
int census_open(struct census **out, char *why, size_t why_size);
void census_close(struct census *census); /* NULL is fine */

/* All of one process's descriptors, at one instant as near as the kernel lets. Owned; strings
 * are within. */
struct census_result {
	struct descriptor *descriptors; /* by number, ascending */
	size_t len;
	uint64_t cut; /* descriptors beyond `max`: counted, not told */
	char *strings;
};

/*
 * Reads the table of the process `tgid` as known in the initial pid namespace, or that of its
 * thread `tid` with a table of its own (0: the process's; a main thread that has exited is
 * stood in for by another). At most `max` descriptors. Not to be called by two threads at once.
 *
 * Returns 0, -ESRCH if there is none such, -EMFILE, -ENFILE if nothing can be opened for it,
 * -ENOMEM. out is to be cleared in any case.
 */
int census_read(struct census *census, pid_t tgid, pid_t tid, size_t max,
		struct census_result *out);
void census_clear(struct census_result *result);

/* How processes are told apart, for `features`: "task filter" (6.1+), "in program". Static. */
const char *census_method(const struct census *census);

#endif
