/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounds that the verifier sees, whatever the compiler makes of them.
 *
 * The verifier learns a bound from an instruction on the register that is then used. An
 * optimiser knows values, not registers: it drops a mask that a comparison before it makes
 * superfluous, tests a copy, or folds two tests into one on another register (clang 16 and
 * later made of "nr >= 1024 || !watched[nr]" one test of a bit, after which no kernel from
 * 5.10 to 7.2 knew a bound of nr). So a bound is one instruction that the optimiser can't
 * look into, and whose result is what is used. Each index or length that is not a loop's own
 * counter goes through one of these, right where it is used: kernels before 5.16 forget the
 * bounds of what has been on the stack meanwhile.
 */
#ifndef FDWARDEN_BOUNDED_BPF_H
#define FDWARDEN_BOUNDED_BPF_H

#include "compat.bpf.h"

/* `index`, which is below `size` already, as an index of so many: a power of two. */
#define MASKED(index, size)                                                            \
	({                                                                             \
		__u64 masked_ = (index);                                               \
		_Static_assert(((size) & ((size)-1)) == 0, "not a power of two");      \
		asm volatile("%0 &= %1" : "+r"(masked_) : "i"((size)-1));              \
		masked_;                                                               \
	})

/* `length`, or `most` if it is more. */
#define AT_MOST(length, most)                                                          \
	({                                                                             \
		__u64 length_ = (length);                                              \
		asm volatile("if %0 <= %1 goto +1\n\t%0 = %1"                          \
			     : "+r"(length_)                                           \
			     : "ri"((__u64)(most)));                                   \
		length_;                                                               \
	})

#endif /* FDWARDEN_BOUNDED_BPF_H */
