/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which calls the threads of a process wait in. */
#ifndef FDWARDEN_BLOCKED_H
#define FDWARDEN_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether one of its threads waits in select(2) or pselect(2) for descriptors: one that only
 * sleeps in it, for none, is not meant. Reads /proc; of another user's process that needs
 * CAP_SYS_PTRACE. false too where it can't be seen, or the process is a 32-bit one. */
bool blocked_in_select(pid_t pid);

/* The same of a line of /proc/PID/syscall: "23 0x5 0x7ffd… …". */
bool blocked_is_select(const char *line);

#endif
