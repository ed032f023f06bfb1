/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 and its 32-bit calls; see arch.bpf.h. */
#ifndef FDWARDEN_ARCH_X86_BPF_H
#define FDWARDEN_ARCH_X86_BPF_H

#define X32_SYSCALL_BIT      0x40000000u
#define THREAD_STATUS_COMPAT 0x0002 /* TS_COMPAT, arch/x86/include/asm/thread_info.h */

static __always_inline __u32 syscall_number(struct pt_regs *regs, bool typed)
{
	return (__u32)REGISTER(regs, typed, orig_ax) & ~X32_SYSCALL_BIT;
}

/* int 0x80 from 64-bit code included: there neither the code segment nor the program's
 * personality tells. */
static __always_inline bool syscall_is_compat(struct task_struct *task,
					      struct pt_regs *regs)
{
	(void)regs;
	return CURRENT_READ(task, thread_info.status) & THREAD_STATUS_COMPAT;
}

static __always_inline __u64 syscall_arg(struct pt_regs *regs, bool typed, __u32 n,
					 bool compat)
{
	switch (n) {
	case 1:
		return compat ? (__u32)REGISTER(regs, typed, bx)
			      : REGISTER(regs, typed, di);
	case 2:
		return compat ? (__u32)REGISTER(regs, typed, cx)
			      : REGISTER(regs, typed, si);
	case 3:
		return compat ? (__u32)REGISTER(regs, typed, dx)
			      : REGISTER(regs, typed, dx);
	case 4:
		return compat ? (__u32)REGISTER(regs, typed, si)
			      : REGISTER(regs, typed, r10);
	case 5:
		return compat ? (__u32)REGISTER(regs, typed, di)
			      : REGISTER(regs, typed, r8);
	}
	return 0;
}

/* THREAD_SIZE without KASAN, arch/x86/include/asm/page_64_types.h */
#define KERNEL_STACK_SIZE 16384

#define USER_REGISTERS    21

static __always_inline void user_registers_all(struct pt_regs *regs, bool compat,
					       __u64 *to)
{
	(void)compat;
	to[0] = regs->ax;
	to[1] = regs->dx;
	to[2] = regs->cx;
	to[3] = regs->bx;
	to[4] = regs->si;
	to[5] = regs->di;
	to[6] = regs->bp;
	to[FDW_REG_SP] = regs->sp;
	to[8] = regs->r8;
	to[9] = regs->r9;
	to[10] = regs->r10;
	to[11] = regs->r11;
	to[12] = regs->r12;
	to[13] = regs->r13;
	to[14] = regs->r14;
	to[15] = regs->r15;
	to[FDW_REG_IP] = regs->ip;
}

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs, bool compat)
{
	(void)compat;
	return regs->sp;
}

/* The result is not there yet. */
static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
	return (long)regs->ax == -ENOSYS;
}

#define USER_THREAD_POINTER

struct thread_struct___fs {
	unsigned long fsbase;
} __attribute__((preserve_access_index));

struct task_struct___fs {
	struct thread_struct___fs thread;
} __attribute__((preserve_access_index));

/* The C library sets it by a call, not by an instruction, so what the kernel keeps is right
 * while the thread runs, too. */
static __always_inline __u64 user_thread_pointer(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___fs *)task, thread.fsbase);
}

#endif /* FDWARDEN_ARCH_X86_BPF_H */
