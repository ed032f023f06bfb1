/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From registers and the top of a stack to the addresses of its frames; and from those to
 * functions, files and lines. For the unwinder's child alone.
 */
#ifndef FDWARDEN_FRAMES_H
#define FDWARDEN_FRAMES_H

#include "unwind/modules.h"
#include "unwind/wire.h"

void frames_unwind(struct modules *modules, const struct unwind_stack *stack,
		   struct unwind_chain *out);

void frames_describe(struct modules *modules, const struct unwind_addresses *addresses,
		     struct unwind_description *out);

/* Of an interpreter's frames. What is no function any more has no texts. */
void frames_describe_script(struct modules *modules, const struct unwind_script *script,
			    struct unwind_description *out);

#endif
