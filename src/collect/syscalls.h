/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls: which of them matter to a descriptor table, and their names.
 */
#ifndef FDWARDEN_SYSCALLS_H
#define FDWARDEN_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "fdwarden/wire.h"

/* Fills the tables of the BPF side: the native ABI's calls, behind them the 32-bit
 * ABI's; `watched` is true for numbers that matter in either. */
void syscalls_fill(struct fdw_call calls[2 * FDW_MAX_CALLS],
		   bool watched[FDW_MAX_CALLS]);

/* Sets a flag (enum fdw_call_flag) of a call, by its name, in the table of one ABI. */
void syscalls_set_flag(struct fdw_call calls[2 * FDW_MAX_CALLS], const char *name,
		       bool compat, uint8_t flag);

/* Name of a call as it is on the wire (with FDW_CALL_COMPAT); "syscall_999" for a
 * number without a name. Lives as long as the program. */
const char *syscalls_name(uint32_t call);

#endif
