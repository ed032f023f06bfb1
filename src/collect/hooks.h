/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that the sensor runs for single processes, each time that it sees that they may
 * have got or given up descriptors: nobody else pays for them, as they would for programs
 * more at the exit of all calls, or on functions.
 */
#ifndef FDWARDEN_HOOKS_H
#define FDWARDEN_HOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fdwarden/wire.h"

struct bpf_object;
struct hooks;

/* Where a sensor can run them. */
enum hooks_place {
	HOOKS_EXIT,  /* the exits of calls: the tracepoint sensor */
	HOOKS_ALLOC, /* where a number is taken: the fexit sensor … */
	HOOKS_DUP2,  /* … and where it is chosen by who opens */
	HOOKS_PLACES,
};

/* A descriptor for each place: a map's of programs, 0 where the sensor runs none; or a
 * program's, which matters only there. */
struct hooks_fds {
	int at[HOOKS_PLACES];
};

/* The parts of a loaded sensor's object that make it possible, which is to outlive this:
 * maps of programs, one of struct fdw_hook, and how many of these it is to look at.
 * NULL: no memory. */
struct hooks *hooks_new(struct bpf_object *object, const struct hooks_fds *maps,
			struct fdw_hook hook[FDW_HOOKS_MAX], __u32 *len);
void hooks_free(struct hooks *hooks); /* accepts NULL; none may be in it */

/* Whether the sensor runs programs there. */
bool hooks_has(const struct hooks *hooks, enum hooks_place place);

/*
 * From now on the sensor runs these programs, which must be made for its places, for the
 * process (as in the initial pid namespace). May be called from any thread. Returns the
 * number for hooks_remove(), or -errno: -EBUSY if there are FDW_HOOKS_MAX of them, or one
 * for this process.
 */
int hooks_add(struct hooks *hooks, pid_t tgid, const struct hooks_fds *programs);
void hooks_remove(struct hooks *hooks, int number);

/* Runs of the sensor that the kernel left out since it was loaded; see missed.h. */
uint64_t hooks_missed(const struct hooks *hooks);

#endif
