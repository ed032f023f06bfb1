/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm64, and the calls of 32-bit programs (AArch32); see arch.bpf.h. */
#ifndef FDWARDEN_ARCH_ARM64_BPF_H
#define FDWARDEN_ARCH_ARM64_BPF_H

#define PSTATE_32_BIT     0x10ull /* PSR_MODE32_BIT */
#define AARCH32_SP        13

#define KERNEL_STACK_SIZE 16384 /* with pages of 4 KiB */

static __always_inline __u32 syscall_number(struct pt_regs *regs, bool typed)
{
	return (__u32)REGISTER(regs, typed, syscallno);
}

/* By the architecture's own bit: those of thread_info.flags move. */
static __always_inline bool syscall_is_compat(struct task_struct *task,
					      struct pt_regs *regs)
{
	(void)task;
	return REGISTER(regs, false, pstate) & PSTATE_32_BIT;
}

/* x0 has the result at the exit; the first argument is kept in orig_x0. */
static __always_inline __u64 syscall_arg(struct pt_regs *regs, bool typed, __u32 n,
					 bool compat)
{
	__u64 value;

	switch (n) {
	case 1:
		value = REGISTER(regs, typed, orig_x0);
		break;
	case 2:
		value = REGISTER(regs, typed, regs[1]);
		break;
	case 3:
		value = REGISTER(regs, typed, regs[2]);
		break;
	case 4:
		value = REGISTER(regs, typed, regs[3]);
		break;
	case 5:
		value = REGISTER(regs, typed, regs[4]);
		break;
	default:
		return 0;
	}
	return compat ? (__u32)value : value;
}

#define USER_REGISTERS 35

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs, bool compat)
{
	return compat ? (__u32)regs->regs[AARCH32_SP] : regs->sp;
}

static __always_inline void user_registers_all(struct pt_regs *regs, bool compat,
					       __u64 *to)
{
	int i;

	for (i = 0; i < 31; i++)
		to[i] = regs->regs[i];
	to[FDW_REG_SP] = user_stack_pointer(regs, compat);
	to[FDW_REG_IP] = regs->pc;
}

static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
	return regs->regs[0] == regs->orig_x0;
}

#endif /* FDWARDEN_ARCH_ARM64_BPF_H */
