/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chains of addresses that stacks have been unwound to, and how to tell at a glance
 * that another stack has the same: by the words of it that the chain depends on. A leak
 * in a tight loop is so unwound once. Pure.
 */
#ifndef FDWARDEN_STACK_CACHE_H
#define FDWARDEN_STACK_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "unwind/wire.h"

/* More are not kept: only a program that makes code without end has them. */
#define STACK_CACHE_CHAINS_MAX 4096
#define STACK_CACHE_STACKS_MAX 16384

struct stack_chain {
	uint32_t len;
	enum unwind_end end;
	struct fdw_script *script; /* of an interpreter's frames in it; NULL: none */
	uint64_t addresses[];      /* the innermost one first */
};

struct stack_cache;

/* NULL: no memory. free accepts NULL. */
struct stack_cache *stack_cache_new(void);
void stack_cache_free(struct stack_cache *cache);

/* Chains are told apart by an interpreter's frames as well: its own code is the same for all
 * functions that it runs.
 *
 * The chain of a stack that needs not be unwound; 0: it must be. The stack may change
 * meanwhile: the caller sees to that. */
uint32_t stack_cache_find(struct stack_cache *cache, const struct fdw_stack *stack);

/* What it was unwound to. The chain's number, the same for the same addresses, from 1 on;
 * 0: no room, or no memory. */
uint32_t stack_cache_add(struct stack_cache *cache, const struct fdw_stack *stack,
			 const struct unwind_chain *chain);

/* Valid until stack_cache_free(). */
const struct stack_chain *stack_cache_chain(const struct stack_cache *cache,
					    uint32_t number);
uint32_t stack_cache_len(const struct stack_cache *cache); /* chains */

/* Another program: its addresses mean something else. Chains stay. */
void stack_cache_forget(struct stack_cache *cache);

#endif
