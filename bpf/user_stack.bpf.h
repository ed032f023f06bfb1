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

/* Words of struct pt_regs, as far as they are read below: the type that is known here has
 * not all members of the kernel's, so its size says nothing. */
#if defined(__TARGET_ARCH_x86)
#define USER_REGISTERS 21
#elif defined(__TARGET_ARCH_arm64)
#define USER_REGISTERS 34
#endif

/* All in DWARF's order. The pointer is a tracepoint's argument, or to a
 * copy: plain loads. */
static __always_inline void user_registers_all(struct pt_regs *regs, __u64 *to)
{
#if defined(__TARGET_ARCH_x86)
	to[0] = regs->ax;
	to[1] = regs->dx;
	to[2] = regs->cx;
	to[3] = regs->bx;
	to[4] = regs->si;
	to[5] = regs->di;
	to[6] = regs->bp;
	to[7] = regs->sp;
	to[8] = regs->r8;
	to[9] = regs->r9;
	to[10] = regs->r10;
	to[11] = regs->r11;
	to[12] = regs->r12;
	to[13] = regs->r13;
	to[14] = regs->r14;
	to[15] = regs->r15;
	to[16] = regs->ip;
#elif defined(__TARGET_ARCH_arm64)
	int i;

	for (i = 0; i < 31; i++)
		to[i] = regs->regs[i];
	to[31] = regs->sp;
	to[32] = regs->pc;
#endif
}

/* Whether a call is under way, as far as registers tell: on x86 the result is not there yet. */
static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (long)regs->ax == -ENOSYS;
#else
	return true;
#endif
}

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs)
{
	return regs->sp;
}

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
