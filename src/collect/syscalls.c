// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/syscalls.h"

#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdwarden/arch.h"

#define ABIS 2 /* native, 32-bit */

/* Of the 32-bit ABI; riscv's has none that libseccomp knows. */
#if defined(FDW_ARCH_X86_64)
#define COMPAT_ARCH SCMP_ARCH_X86
#elif defined(FDW_ARCH_AARCH64)
#define COMPAT_ARCH SCMP_ARCH_ARM
#elif defined(FDW_ARCH_PPC64LE)
#define COMPAT_ARCH SCMP_ARCH_PPC
#elif defined(FDW_ARCH_S390X)
#define COMPAT_ARCH SCMP_ARCH_S390
#elif defined(FDW_ARCH_RISCV64)
#define COMPAT_ARCH 0
#else
#error "unknown architecture: which are its 32-bit calls?"
#endif

struct call_entry {
	const char *name;
	struct fdw_call call;
};

static const struct call_entry entries[] = {
#define NUMBER(name, number)
#define CALL(name, yield, opens, path, flags) {#name, {yield, opens, path, flags}},
#include "collect/calls.def"
};

static const struct number_entry {
	const char *name;
	unsigned int number;
} numbers[] = {
#define NUMBER(name, number) {#name, number},
#define CALL(name, yield, opens, path, flags)
#include "collect/calls.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Names of both ABIs by number, from libseccomp, made once and kept: callers hold on to the
 * pointers. The C library's headers say less: of the 32-bit calls of arm64 nothing. */
static const char *names[ABIS][FDW_MAX_CALLS];

/* Names that libseccomp does not know yet. */
static void add_numbers(int abi)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (!names[abi][numbers[i].number])
			names[abi][numbers[i].number] = numbers[i].name;
}

static void learn_names_once(void)
{
	const uint32_t archs[ABIS] = {seccomp_arch_native(), COMPAT_ARCH};

	for (int abi = 0; abi < ABIS; abi++) {
		if (!archs[abi])
			continue;
		/* By number: by name it gives no number of the calls that some ABIs have
		 * both for themselves and within socketcall(). */
		for (int nr = 0; nr < FDW_MAX_CALLS; nr++)
			names[abi][nr] =
				seccomp_syscall_resolve_num_arch(archs[abi], nr);
		add_numbers(abi);
	}
}

static void learn_names(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, learn_names_once);
}

static int number_of(int abi, const char *name)
{
	for (int nr = 0; nr < FDW_MAX_CALLS; nr++)
		if (names[abi][nr] && !strcmp(names[abi][nr], name))
			return nr;
	return -1;
}

/* Calls at which other errors than EMFILE and ENFILE are a limit. */
static const struct {
	const char *name;
	int error;
} limits[] = {
#define LIMIT(call, error, kind, applies) {#call, error},
#include "policy/limits.def"
};

static void watch_limits(struct fdw_call calls[2 * FDW_MAX_CALLS])
{
	for (size_t i = 0; i < COUNT(limits); i++) {
		if (limits[i].error == EMFILE || limits[i].error == ENFILE)
			continue;
		syscalls_set_flag(calls, limits[i].name, false, FDW_CALL_OTHER_ERRNO);
		syscalls_set_flag(calls, limits[i].name, true, FDW_CALL_OTHER_ERRNO);
	}
}

void syscalls_fill(struct fdw_call calls[2 * FDW_MAX_CALLS],
		   bool watched[FDW_MAX_CALLS])
{
	learn_names();
	memset(watched, 0, FDW_MAX_CALLS * sizeof(*watched));
	for (size_t i = 0; i < COUNT(entries); i++) {
		for (int abi = 0; abi < ABIS; abi++) {
			int nr = number_of(abi, entries[i].name);

			if (nr < 0)
				continue;
			calls[abi * FDW_MAX_CALLS + nr] = entries[i].call;
			if (entries[i].call.yield != FDW_YIELD_NONE)
				watched[nr] = true;
		}
	}
	watch_limits(calls);
}

void syscalls_set_flag(struct fdw_call calls[2 * FDW_MAX_CALLS], const char *name,
		       bool compat, uint8_t flag)
{
	int nr;

	learn_names();
	nr = number_of(compat, name);
	if (nr >= 0)
		calls[compat * FDW_MAX_CALLS + nr].flags |= flag;
}

const char *syscalls_name(uint32_t call)
{
	/* Made when first asked for, kept: callers hold on to the pointer. */
	static char *unknown[ABIS][FDW_CALL_NUMBER + 1];
	int abi = call & FDW_CALL_COMPAT ? 1 : 0;
	uint32_t nr = call & FDW_CALL_NUMBER;

	if (nr == FDW_CALL_IO_URING)
		return "io_uring";
	if (nr == FDW_CALL_ELSE)
		return "other";
	learn_names();
	if (nr < FDW_MAX_CALLS && names[abi][nr])
		return names[abi][nr];
	if (!unknown[abi][nr] && asprintf(&unknown[abi][nr], "syscall_%u", nr) < 0)
		return "syscall";
	return unknown[abi][nr];
}
