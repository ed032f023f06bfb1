/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter of a process: which of its files has it, and what it says of frames that
 * the kernel has kept. For the unwinder's child alone.
 */
#ifndef FDWARDEN_UNWIND_PYTHON_MODULE_H
#define FDWARDEN_UNWIND_PYTHON_MODULE_H

#include "unwind/modules.h"
#include "unwind/python.h"
#include "unwind/wire.h"

/* Finds it, and proves where its frames are. -ENOENT: there is none. Else as python_prove(). */
int python_module_find(struct modules *modules, struct fdw_python_layout *layout,
		       char *why, size_t why_size);

/* The same, if it has not been done: in a child that has taken another's place. */
void python_module_need(struct modules *modules);

/* Whether the address is in the interpreter's own code. */
bool python_module_has(const struct modules *modules, uint64_t address);

/* false: it is no code of Python's any more, or none is known. */
bool python_module_describe(struct modules *modules,
			    const struct fdw_script_frame *frame,
			    struct python_place *out);

#endif
