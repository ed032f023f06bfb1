/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s390x, and the calls of 31-bit programs; see arch.bpf.h. */
#ifndef FDWARDEN_ARCH_S390_BPF_H
#define FDWARDEN_ARCH_S390_BPF_H

#define PSW_MASK_EXTENDED 0x100000000ull /* PSW_MASK_EA: addresses of 64 bits */

static __always_inline __u32 syscall_number(struct pt_regs *regs, bool typed)
{
	return REGISTER(regs, typed, int_code) & 0xffff;
}

static __always_inline bool syscall_is_compat(struct task_struct *task,
					      struct pt_regs *regs)
{
	(void)task;
	return !(REGISTER(regs, false, psw.mask) & PSW_MASK_EXTENDED);
}

/* r2 has the result at the exit. */
static __always_inline __u64 syscall_arg(struct pt_regs *regs, bool typed, __u32 n,
					 bool compat)
{
	__u64 value;

	switch (n) {
	case 1:
		value = REGISTER(regs, typed, orig_gpr2);
		break;
	case 2:
		value = REGISTER(regs, typed, gprs[3]);
		break;
	case 3:
		value = REGISTER(regs, typed, gprs[4]);
		break;
	case 4:
		value = REGISTER(regs, typed, gprs[5]);
		break;
	case 5:
		value = REGISTER(regs, typed, gprs[6]);
		break;
	default:
		return 0;
	}
	return compat ? (__u32)value : value;
}

#define USER_REGISTERS 20

static __always_inline __u64 user_stack_pointer(struct pt_regs *regs, bool compat)
{
	(void)compat;
	return regs->gprs[15];
}

static __always_inline void user_registers_all(struct pt_regs *regs, bool compat,
					       __u64 *to)
{
	int i;

	(void)compat;
	for (i = 0; i < 16; i++)
		to[i] = regs->gprs[i];
	to[FDW_REG_IP] = regs->psw.addr;
}

static __always_inline bool user_registers_in_call(struct pt_regs *regs)
{
	return (long)regs->gprs[2] == -ENOSYS || regs->gprs[2] == regs->orig_gpr2;
}

#endif /* FDWARDEN_ARCH_S390_BPF_H */
