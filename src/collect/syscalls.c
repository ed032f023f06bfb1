// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/syscalls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABIS 2 /* native, 32-bit */

static const char *names[ABIS][FDW_MAX_CALLS] = {
	{
#include "syscall_names.inc"
	},
	{
#include "syscall_names_compat.inc"
	},
};

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

/* Names that the C library's headers did not know when this was built. */
static void add_numbers(void)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		for (int abi = 0; abi < ABIS; abi++)
			if (!names[abi][numbers[i].number] && names[abi][0])
				names[abi][numbers[i].number] = numbers[i].name;
}

static int number_of(int abi, const char *name)
{
	for (int nr = 0; nr < FDW_MAX_CALLS; nr++)
		if (names[abi][nr] && !strcmp(names[abi][nr], name))
			return nr;
	return -1;
}

void syscalls_fill(struct fdw_call calls[2 * FDW_MAX_CALLS],
		   bool watched[FDW_MAX_CALLS])
{
	add_numbers();
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
}

void syscalls_set_flag(struct fdw_call calls[2 * FDW_MAX_CALLS], const char *name,
		       bool compat, uint8_t flag)
{
	int nr = number_of(compat, name);

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
	add_numbers();
	if (nr < FDW_MAX_CALLS && names[abi][nr])
		return names[abi][nr];
	if (!unknown[abi][nr] && asprintf(&unknown[abi][nr], "syscall_%u", nr) < 0)
		return "syscall";
	return unknown[abi][nr];
}
