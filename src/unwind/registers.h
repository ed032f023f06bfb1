/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to unwind: what libdw must be told of the registers of a kept stack, and what a
 * return address looks like in it.
 */
#ifndef FDWARDEN_UNWIND_REGISTERS_H
#define FDWARDEN_UNWIND_REGISTERS_H

#include <stdint.h>
#include <string.h>

#include "fdwarden/arch.h"
#include "fdwarden/wire.h"

/*
 * REGISTERS_LEN	so many of them are DWARF's own, from number 0
 * REGISTERS_LINK	DWARF's number of FDW_REG_LINK where it is not among these
 * REGISTERS_COMPAT	of 32-bit code: which of ours DWARF's 0, 1, … are; absent: the same
 */
#if defined(FDW_ARCH_X86_64)
#define REGISTERS_LEN    17
/* eax, ecx, edx, ebx, esp, ebp, esi, edi, eip */
#define REGISTERS_COMPAT 0, 2, 1, 3, 7, 6, 4, 5, 16
#elif defined(FDW_ARCH_AARCH64)
#define REGISTERS_LEN         32
#define REGISTERS_COMPAT_LINK 14
/* r0–r12, sp, lr, pc */
#define REGISTERS_COMPAT      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 31, 14, 32
#elif defined(FDW_ARCH_RISCV64)
#define REGISTERS_LEN 32
#elif defined(FDW_ARCH_PPC64LE)
#define REGISTERS_LEN  32
#define REGISTERS_LINK 65
#elif defined(FDW_ARCH_S390X)
#define REGISTERS_LEN 16
#else
#error "unknown architecture: what are its registers to DWARF?"
#endif

/*
 * A word of a stack, or a link register, without the signature that a return address may
 * have (arm64's PAC, in the bits above those of an address). XPACLRI knows which these are
 * here; on a processor without signatures it does nothing. What has none is not changed.
 */
static inline uint64_t registers_unsigned(uint64_t word)
{
#if defined(FDW_ARCH_AARCH64)
	register uint64_t link __asm__("x30") = word;

	__asm__("hint #7" : "+r"(link));
	return link;
#else
	return word;
#endif
}

/* What a function returns to that has not put it on the stack; 0: no register has it.
 * flags: enum fdw_stack_flag, here and below. */
static inline uint64_t stack_link(const uint64_t *regs, uint32_t flags)
{
	(void)regs;
	if (flags & FDW_STACK_COMPAT) {
#ifdef REGISTERS_COMPAT_LINK
		return (uint32_t)regs[REGISTERS_COMPAT_LINK];
#endif
	}
#ifdef FDW_REG_LINK
	return registers_unsigned(regs[FDW_REG_LINK]);
#else
	return 0;
#endif
}

/* Bytes of a word of such a stack. */
static inline uint32_t stack_word_size(uint32_t flags)
{
	return flags & FDW_STACK_COMPAT ? 4 : 8;
}

/* The word at `bytes`, of which there must be stack_word_size(), without a signature. */
static inline uint64_t stack_word(const uint8_t *bytes, uint32_t flags)
{
	uint64_t word = 0;
	uint32_t half;

	if (!(flags & FDW_STACK_COMPAT)) {
		memcpy(&word, bytes, sizeof(word));
		return registers_unsigned(word);
	}
	memcpy(&half, bytes, sizeof(half));
	return half;
}

#endif
