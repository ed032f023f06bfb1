/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that are mapped into a process, through libdw: how to unwind their code and
 * what it is called. Reads what the process made; for the unwinder's child alone.
 */
#ifndef FDWARDEN_MODULES_H
#define FDWARDEN_MODULES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unwind/maps.h"
#include "unwind/perf_map.h"
#include "unwind/python.h"

struct modules {
	pid_t pid;
	Dwfl *dwfl;
	struct maps maps;
	Dwfl_Callbacks callbacks;
	struct perf_map *perf;
	int64_t perf_size;
	int memory; /* /proc/PID/mem; negative: it was not wanted, or is not had */
	bool python_sought;
	struct python python;
	uint64_t python_low, python_high; /* the interpreter's file; 0: none */
	/* The last unit of debugging information that was found by looking at all. */
	Dwfl_Module *unit_module;
	Dwarf_Addr unit_bias;
	Dwarf_Die unit;
};

/* Reads the maps and opens what is needed to unwind. Returns 0, or -errno with the reason
 * in one line. */
int modules_open(struct modules *modules, pid_t pid, char *why, size_t why_size);

void modules_close(struct modules *modules); /* fine for what was not opened, too */

/* Reads the maps again: something is not in them. 0 or -errno. */
int modules_refresh(struct modules *modules);

const struct mapping *modules_find(const struct modules *modules, uint64_t address);

/* The unit of debugging information that holds `address`, and what its addresses are less
 * than the process's; NULL: none. Valid until the next call. */
Dwarf_Die *modules_unit(struct modules *modules, Dwfl_Module *module, uint64_t address,
			Dwarf_Addr *bias);

/* The process's own names of code that it made, read again if the file has grown. NULL:
 * there is no such file. */
const struct perf_map *modules_perf_map(struct modules *modules);

#endif
