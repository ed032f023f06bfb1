/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel with PREEMPT_RT does not allow where preemption is off, as it is in a program at
 * a tracepoint: there a spinlock_t sleeps, and so does what allocates memory. A trampoline
 * (fexit) leaves preemption on: none of this concerns it.
 */
#ifndef FDWARDEN_REALTIME_H
#define FDWARDEN_REALTIME_H

#include <stdbool.h>
#include <stddef.h>

struct btf;

/* What the kernel's own types tell. They are right as well where a distribution has taken a
 * change over into an older release, which its version does not tell. */
struct realtime {
	bool locks_sleep;    /* spinlock_t is a mutex: this is PREEMPT_RT */
	bool ring_sleeps;    /* the ring buffer has a spinlock_t (CVE-2024-50138) */
	bool storage_sleeps; /* task storage allocates as all do (before 6.4) */
	bool hash_sleeps;    /* likewise a hash that is not preallocated (before 6.1) */
};

/* Reads it from a kernel's types. What they do not know counts as one that sleeps. */
void realtime_read(const struct btf *kernel, struct realtime *out);

/* Whether uname's version ("#1 SMP PREEMPT_RT Debian 6.1.187-1") is of such a kernel. */
bool realtime_is_named(const char *version);

/* Whether the sensor may sit at a tracepoint. 0, and in `storage` whether it may keep its
 * counters in task storage; -EOPNOTSUPP with one line in `why`. */
int realtime_judge(const struct realtime *r, bool *storage, char *why, size_t why_size);

/* The same of the kernel that runs. Also -errno where its types can't be read. */
int realtime_tracepoint(bool *storage, char *why, size_t why_size);

#endif
