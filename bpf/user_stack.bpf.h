/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's registers and the top of its stack, as an unwinder needs them.
 */
#ifndef FDWARDEN_USER_STACK_BPF_H
#define FDWARDEN_USER_STACK_BPF_H

#include "bounded.bpf.h"
#include "compat.bpf.h"
#include "fdwarden/wire.h"

#define SMALLEST_PAGE 4096

/* inputs, set before the load */
/* Of a stack, so many bytes. User space sets the map's value size to match. */
const volatile __u32 stack_bytes = FDW_STACK_MIN;

/* Bytes from `sp` up that are the main thread's stack, above which nothing is mapped; at
 * most `max`. Of other threads' stacks it does not know. */
static __always_inline __u64 below_the_end(struct task_struct *task, __u64 sp,
					   __u64 max)
{
	__u64 end = BPF_CORE_READ(task, mm, env_end);

	return sp < end && end - sp < max ? end - sp : max;
}

/* Reads from `sp` up, as much as is mapped of stack_bytes. Returns how much that is. */
static __always_inline __u32 user_stack_read(struct task_struct *task, __u64 sp,
					     void *to)
{
	__u64 len = below_the_end(task, sp, stack_bytes);
	int i;

	/* Behind a thread's stack there may be nothing: its outermost frames are right
	 * at the end, but for some 2 KiB that the C library keeps there. */
	for (i = 0; i < 4; i++) {
		len = AT_MOST(len, stack_bytes);
		if (!bpf_probe_read_user(to, len, (void *)sp))
			return len;
		len /= 2;
	}
	len = AT_MOST(SMALLEST_PAGE - (sp & (SMALLEST_PAGE - 1)), stack_bytes);
	return bpf_probe_read_user(to, len, (void *)sp) ? 0 : len;
}

#endif /* FDWARDEN_USER_STACK_BPF_H */
