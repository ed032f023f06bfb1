/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both sides must know of the architecture: where its registers are in a stack that is
 * kept (struct fdw_stack), in DWARF's order as far as that goes. How the kernel keeps them is
 * in bpf/arch_*.bpf.h, what the unwinder makes of them in src/unwind/registers.h.
 */
#ifndef FDWARDEN_ARCH_H
#define FDWARDEN_ARCH_H

/* The BPF side is told its target by libbpf's macros, for its compiler knows none. */
#if defined(__BPF__)
#if defined(__TARGET_ARCH_x86)
#define FDW_ARCH_X86_64 1
#elif defined(__TARGET_ARCH_arm64)
#define FDW_ARCH_AARCH64 1
#elif defined(__TARGET_ARCH_riscv)
#define FDW_ARCH_RISCV64 1
#elif defined(__TARGET_ARCH_powerpc)
#define FDW_ARCH_PPC64LE 1
#elif defined(__TARGET_ARCH_s390)
#define FDW_ARCH_S390X 1
#endif
#elif defined(__x86_64__) && defined(__LP64__)
#define FDW_ARCH_X86_64 1
#elif defined(__aarch64__)
#define FDW_ARCH_AARCH64 1
#elif defined(__riscv) && __riscv_xlen == 64
#define FDW_ARCH_RISCV64 1
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FDW_ARCH_PPC64LE 1
#elif defined(__s390x__)
#define FDW_ARCH_S390X 1
#endif

/*
 * FDW_REG_SP, _IP	the stack pointer and the instruction pointer
 * FDW_REG_LINK		what a function returns to that has not put it on the stack; absent
 *			where the call instruction does that
 * FDW_ARCH_TESTED	whether the tests run there; the others are compiled
 */
#if defined(FDW_ARCH_X86_64) /* rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8–r15, rip */
#define FDW_REG_SP      7
#define FDW_REG_IP      16
#define FDW_ARCH_TESTED 1
#elif defined(FDW_ARCH_AARCH64) /* x0–x30, sp, pc */
#define FDW_REG_LINK    30
#define FDW_REG_SP      31
#define FDW_REG_IP      32
#define FDW_ARCH_TESTED 1
#elif defined(FDW_ARCH_RISCV64) /* zero, ra, sp, gp, tp, …: x0–x31; pc */
#define FDW_REG_LINK    1
#define FDW_REG_SP      2
#define FDW_REG_IP      32
#define FDW_ARCH_TESTED 0
#elif defined(FDW_ARCH_PPC64LE) /* r0–r31, nip, lr */
#define FDW_REG_SP      1
#define FDW_REG_IP      32
#define FDW_REG_LINK    33
#define FDW_ARCH_TESTED 0
#elif defined(FDW_ARCH_S390X) /* r0–r15, the address of the psw */
#define FDW_REG_LINK    14
#define FDW_REG_SP      15
#define FDW_REG_IP      16
#define FDW_ARCH_TESTED 0
#else
#error "unknown architecture: give it a part here, in bpf/arch_*.bpf.h and in src/unwind/registers.h"
#endif

#endif
