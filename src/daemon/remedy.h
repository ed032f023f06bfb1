/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raises the soft limit of a process for which a rule says so: on_critical = raise-soft.
 */
#ifndef FDWARDEN_DAEMON_REMEDY_H
#define FDWARDEN_DAEMON_REMEDY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "output/explanation.h"
#include "state/process_table.h"

/*
 * Sets the soft limit of descriptors of `pid`, if that is still the process that began at
 * `start_ns`, and leaves its hard limit as it is. Returns 0 with the one before in
 * `before`; -ESRCH; -EPERM: the caller has another user or group and no
 * CAP_SYS_RESOURCE; -ERANGE: its hard limit (`hard`) is lower;
 * -EALREADY: its soft limit is as high, or higher.
 */
int remedy_set_soft_limit(pid_t pid, uint64_t start_ns, uint64_t soft_limit,
			  uint64_t *before, uint64_t *hard);

/* Notes that somebody has raised it by hand, from `from`, so that what is told of the limit's
 * origin says so; not where its soft limit is another one than `to` (-ESTALE). 0 or
 * -errno. */
int remedy_note_raised(pid_t pid, uint64_t from, uint64_t to);

/*
 * A critical process of which it has become known what explains it: raises its limit if
 * its rule allows. Returns the soft limit before, and the process's table has the new one;
 * 0: nothing was done, and what there is to say of that is in the log.
 */
uint64_t remedy_apply(struct process *process, const struct explanation *why,
		      uint64_t now_ns, uint64_t nr_open);

#endif
