/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an architecture's kernel keeps the registers of a call, in a file each:
 *
 *   syscall_number(regs, typed)	of the call, without what marks an ABI
 *   syscall_is_compat(task, regs)	it came in through a 32-bit entry; `regs` by probes
 *   syscall_arg(regs, typed, n, compat)	1..5, at its exit as well; 0: there is none
 *   user_registers_all(regs, compat, to)	as include/fdwarden/arch.h orders them
 *   user_stack_pointer(regs, compat)
 *   user_registers_in_call(regs)	whether a call is under way, as far as they tell
 *   USER_REGISTERS			words of struct pt_regs as far as these read: the type
 *					that is known here has not all members of the kernel's
 *   user_thread_pointer(task)		of the current thread, with USER_THREAD_POINTER defined;
 *					else interpreters' frames are not known
 *   KERNEL_STACK_SIZE			where there are BPF trampolines before 5.15: what it is
 *
 * `typed`: the pointer is a tracepoint's argument; else it is read by probes. For the last
 * four it is a tracepoint's argument or to a copy: plain loads.
 */
#ifndef FDWARDEN_ARCH_BPF_H
#define FDWARDEN_ARCH_BPF_H

#include "fdwarden/arch.h"

#ifndef ENOSYS
#define ENOSYS 38
#endif

#define REGISTER(regs, typed, r) ((typed) ? (regs)->r : BPF_CORE_READ(regs, r))

#if defined(FDW_ARCH_X86_64)
#include "arch_x86.bpf.h"
#elif defined(FDW_ARCH_AARCH64)
#include "arch_arm64.bpf.h"
#elif defined(FDW_ARCH_RISCV64)
#include "arch_riscv.bpf.h"
#elif defined(FDW_ARCH_PPC64LE)
#include "arch_powerpc.bpf.h"
#elif defined(FDW_ARCH_S390X)
#include "arch_s390.bpf.h"
#else
#error "unknown target: add its file"
#endif

#ifndef USER_THREAD_POINTER
static __always_inline __u64 user_thread_pointer(struct task_struct *task)
{
	(void)task;
	return 0;
}
#endif

#endif /* FDWARDEN_ARCH_BPF_H */
