/* SPDX-License-Identifier: GPL-2.0-or-later */
/* riscv64, and the calls of 32-bit programs; see arch.bpf.h. */
#ifndef FDWARDEN_ARCH_RISCV_BPF_H
#define FDWARDEN_ARCH_RISCV_BPF_H

/* How wide user space's registers are (SR_UXL, arch/riscv/include/asm/csr.h) */
#define STATUS_UXL    0x300000000ull
#define STATUS_UXL_32 0x100000000ull

static __always_inline __u32 syscall_number(struct pt_regs *regs, bool typed)
{
	return (__u32)REGISTER(regs, typed, a7);
}

static __always_inline bool syscall_is_compat(struct task_struct *task,
					      struct pt_regs *regs)
{
	(void)task;
	return (REGISTER(regs, false, status) & STATUS_UXL) == STATUS_UXL_32;
}

/* a0 has the result at the exit. */
static __always_inline __u64 syscall_arg(struct pt_regs *regs, bool typed, __u32 n,
					 bool compat)
{
	__u64 value;

	switch (n) {
	case 1:
		value = REGISTER(regs, typed, orig_a0);
		break;
	case 2:
		value = REGISTER(regs, typed, a1);
		break;
	case 3:
		value = REGISTER(regs, typed, a2);
		break;
	case 4:
		value = REGISTER(regs, typed, a3);
		break;
	case 5:
		value = REGISTER(regs, typed, a4);
		break;
	default:
		return 0;
	}
	return compat ? (__u32)value : value;
}

#define USER_REGISTERS 36

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs, bool compat)
{
	(void)compat;
	return regs->sp;
}

static __always_inline void user_registers_all(struct pt_regs *regs, bool compat,
					       __u64 *to)
{
	(void)compat;
	to[0] = 0;
	to[FDW_REG_LINK] = regs->ra;
	to[FDW_REG_SP] = regs->sp;
	to[3] = regs->gp;
	to[4] = regs->tp;
	to[5] = regs->t0;
	to[6] = regs->t1;
	to[7] = regs->t2;
	to[8] = regs->s0;
	to[9] = regs->s1;
	to[10] = regs->a0;
	to[11] = regs->a1;
	to[12] = regs->a2;
	to[13] = regs->a3;
	to[14] = regs->a4;
	to[15] = regs->a5;
	to[16] = regs->a6;
	to[17] = regs->a7;
	to[18] = regs->s2;
	to[19] = regs->s3;
	to[20] = regs->s4;
	to[21] = regs->s5;
	to[22] = regs->s6;
	to[23] = regs->s7;
	to[24] = regs->s8;
	to[25] = regs->s9;
	to[26] = regs->s10;
	to[27] = regs->s11;
	to[28] = regs->t3;
	to[29] = regs->t4;
	to[30] = regs->t5;
	to[31] = regs->t6;
	to[FDW_REG_IP] = regs->epc;
}

static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
	return (long)regs->a0 == -ENOSYS || regs->a0 == regs->orig_a0;
}

#endif /* FDWARDEN_ARCH_RISCV_BPF_H */
