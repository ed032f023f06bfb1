/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capabilities of single threads. Those with which one sees what is other users'
 * (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH) are in the effective set only while something is read
 * that takes them; helpers get them by the ambient set, which that does not change.
 */
#ifndef FDWARDEN_GUARD_CAPABILITIES_H
#define FDWARDEN_GUARD_CAPABILITIES_H

#include <stdbool.h>

/* Out of this thread's effective set, and of the threads' that it starts from then on. false:
 * they stay in it, as where a filter of system calls forbids capset(2). */
bool capabilities_rest(void);

/* Back into it, as far as they are permitted; true: they were not in it. What reads goes
 * between the two, which take a microsecond, and change nothing for who never rested:
 *     bool rested = capabilities_see_others();
 *     …
 *     capabilities_rest_again(rested); */
bool capabilities_see_others(void);
void capabilities_rest_again(bool rested);

/* Takes from this thread for good what only the monitor's own work needs: these two, CAP_BPF
 * and CAP_PERFMON, out of all sets. What it starts has them neither, unless root is run. */
void capabilities_give_up(void);

#endif
