/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unwinder says of a stack, as the chain of calls that policy counts by. */
#ifndef FDWARDEN_CHAIN_H
#define FDWARDEN_CHAIN_H

#include "policy/call_site.h"
#include "unwind/stack_cache.h"
#include "unwind/unwinder.h"

/* Fills an empty chain, but for its end. `script`: the interpreter's frames, which take the
 * place of its own code's; NULL: there are none. Returns 0, -ENOMEM, or -EPROTO for a description
 * without frames; it is empty then, too. */
int chain_describe(const struct unwind_description *description,
		   const struct unwind_description *script, struct call_chain *out);

/* Returns 0 or -ENOMEM. What `to` had is lost. */
int chain_copy(const struct call_chain *from, struct call_chain *to);

/* Frees what is in it, and leaves it empty. */
void chain_clear(struct call_chain *chain);

enum call_chain_end chain_end(const struct stack_chain *chain);

#endif
