/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to collect: the kernel's functions for its calls, as its types (BTF) name them.
 * All are found in one pass: to look one up takes as long.
 */
#ifndef FDWARDEN_CALL_FUNCTIONS_H
#define FDWARDEN_CALL_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "fdwarden/arch.h"

struct btf;
struct call_functions;

/* How their names begin: of the native ABI; of the 32-bit one where a call has a function of
 * its own for that, and where it shares the native one's arguments. */
#if defined(FDW_ARCH_X86_64)
#define CALL_FUNCTION_NATIVE        "__x64_sys_"
#define CALL_FUNCTION_COMPAT        "__ia32_compat_sys_"
#define CALL_FUNCTION_COMPAT_SHARED "__ia32_sys_"
#elif defined(FDW_ARCH_AARCH64)
#define CALL_FUNCTION_NATIVE "__arm64_sys_"
#define CALL_FUNCTION_COMPAT "__arm64_compat_sys_"
#elif defined(FDW_ARCH_RISCV64)
#define CALL_FUNCTION_NATIVE "__riscv_sys_"
#define CALL_FUNCTION_COMPAT "__riscv_compat_sys_"
#elif defined(FDW_ARCH_PPC64LE)
#define CALL_FUNCTION_NATIVE "sys_"
#define CALL_FUNCTION_COMPAT "compat_sys_"
#elif defined(FDW_ARCH_S390X)
#define CALL_FUNCTION_NATIVE        "__s390x_sys_"
#define CALL_FUNCTION_COMPAT        "__s390_compat_sys_"
#define CALL_FUNCTION_COMPAT_SHARED "__s390_sys_"
#else
#error "unknown architecture: how does it name the functions of its calls?"
#endif

#define CALL_FUNCTION_MAX 96 /* of a name, with its end */

/* NULL: no memory. `kernel` is borrowed. free accepts NULL. */
struct call_functions *call_functions_new(const struct btf *kernel);
void call_functions_free(struct call_functions *functions);

/* The function that a call of the native ABI, or of the 32-bit one, is for this kernel, into
 * `name`; returns the number of its type, which those with the same prototype share; 0:
 * there is none. */
uint32_t call_functions_find(const struct call_functions *functions, const char *call,
			     bool compat, char name[CALL_FUNCTION_MAX]);

#endif
