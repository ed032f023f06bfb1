/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that the sensor runs for single processes, each time that a call of theirs may
 * have given or taken descriptors: nobody else pays for them, as they would for one more
 * program at the exit of all calls.
 */
#ifndef FDWARDEN_HOOKS_H
#define FDWARDEN_HOOKS_H

#include <stdint.h>
#include <sys/types.h>

#include "fdwarden/wire.h"

struct bpf_object;
struct hooks;

/* The parts of a loaded sensor's object that make it possible, which is to outlive this:
 * a map of programs, one of struct fdw_hook, and how many of these it is to look at.
 * NULL: no memory. */
struct hooks *hooks_new(struct bpf_object *object, int programs_fd,
			struct fdw_hook hook[FDW_HOOKS_MAX], __u32 *len);
void hooks_free(struct hooks *hooks); /* accepts NULL; none may be in it */

/*
 * From now on the sensor runs this program, which must be made for the same tracepoint, for
 * the process (as in the initial pid namespace). May be called from any thread. Returns the number for
 * hooks_remove(), or -errno: -EBUSY if there are FDW_HOOKS_MAX of them, or one for this
 * process.
 */
int hooks_add(struct hooks *hooks, pid_t tgid, int program_fd);
void hooks_remove(struct hooks *hooks, int number);

/* Runs of the sensor that the kernel left out since it was loaded; see missed.h. */
uint64_t hooks_missed(const struct hooks *hooks);

#endif
