/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ppc64le, and the calls of 32-bit programs; see arch.bpf.h. */
#ifndef FDWARDEN_ARCH_POWERPC_BPF_H
#define FDWARDEN_ARCH_POWERPC_BPF_H

#define MSR_64_BIT (1ull << 63) /* MSR_SF, arch/powerpc/include/asm/reg.h */

static __always_inline __u32 syscall_number(struct pt_regs *regs, bool typed)
{
	return (__u32)REGISTER(regs, typed, gpr[0]);
}

static __always_inline bool syscall_is_compat(struct task_struct *task,
					      struct pt_regs *regs)
{
	(void)task;
	return !(REGISTER(regs, false, msr) & MSR_64_BIT);
}

/* r3 has the result at the exit. */
static __always_inline __u64 syscall_arg(struct pt_regs *regs, bool typed, __u32 n,
					 bool compat)
{
	__u64 value;

	switch (n) {
	case 1:
		value = REGISTER(regs, typed, orig_gpr3);
		break;
	case 2:
		value = REGISTER(regs, typed, gpr[4]);
		break;
	case 3:
		value = REGISTER(regs, typed, gpr[5]);
		break;
	case 4:
		value = REGISTER(regs, typed, gpr[6]);
		break;
	case 5:
		value = REGISTER(regs, typed, gpr[7]);
		break;
	default:
		return 0;
	}
	return compat ? (__u32)value : value;
}

#define USER_REGISTERS 37

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs, bool compat)
{
	(void)compat;
	return regs->gpr[1];
}

static __always_inline void user_registers_all(struct pt_regs *regs, bool compat,
					       __u64 *to)
{
	int i;

	(void)compat;
	for (i = 0; i < 32; i++)
		to[i] = regs->gpr[i];
	to[FDW_REG_IP] = regs->nip;
	to[FDW_REG_LINK] = regs->link;
}

static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
	return regs->gpr[3] == regs->orig_gpr3;
}

#endif /* FDWARDEN_ARCH_POWERPC_BPF_H */
