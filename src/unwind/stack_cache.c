// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/stack_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/registers.h"

#define BUCKETS 1024u

/* What stacks of one chain look like. */
struct look {
	struct look *next;
	uint64_t ip, link;
	bool by_link; /* the link register says where it goes on: compare it */
	uint32_t chain;
	uint32_t len;     /* of the stack, if the chain ends with it; else 0 */
	uint32_t reaches; /* its words end here */
	uint32_t flags, words_len;
	struct unwind_word words[];
};

struct stack_cache {
	struct look *buckets[BUCKETS];
	uint32_t looks;
	struct stack_chain *chains[STACK_CACHE_CHAINS_MAX];
	uint64_t hashes[STACK_CACHE_CHAINS_MAX];
	uint32_t len;
	uint32_t first; /* chains of the program that runs now begin here */
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

struct stack_cache *stack_cache_new(void)
{
	return calloc(1, sizeof(struct stack_cache));
}

void stack_cache_forget(struct stack_cache *cache)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (cache->buckets[i]) {
			struct look *look = cache->buckets[i];

			cache->buckets[i] = look->next;
			free(look);
		}
	cache->looks = 0;
	cache->first = cache->len;
}

void stack_cache_free(struct stack_cache *cache)
{
	if (!cache)
		return;
	stack_cache_forget(cache);
	for (uint32_t i = 0; i < cache->len; i++) {
		free(cache->chains[i]->script);
		free(cache->chains[i]);
	}
	free(cache);
}

/* ---- looks ---- */

static bool fits(const struct look *look, const struct fdw_stack *stack)
{
	uint64_t sp = stack->regs[FDW_REG_SP];

	if (look->ip != stack->regs[FDW_REG_IP] || look->flags != stack->flags ||
	    look->reaches > stack->len || (look->len && look->len != stack->len) ||
	    (look->by_link &&
	     look->link != stack_link((const uint64_t *)stack->regs, stack->flags)))
		return false;
	for (uint32_t i = 0; i < look->words_len; i++) {
		const struct unwind_word *word = &look->words[i];
		uint64_t base = word->relative ? sp : 0;

		if (stack_word(stack->bytes + word->offset, stack->flags) !=
		    word->value + base)
			return false;
	}
	return true;
}

static struct look **bucket_of(struct stack_cache *cache, const struct fdw_stack *stack)
{
	return &cache->buckets[mix(0, stack->regs[FDW_REG_IP]) % BUCKETS];
}

/* ---- chains ---- */

static uint64_t hash_of(const uint64_t *addresses, uint32_t len, enum unwind_end end,
			const struct fdw_script *script)
{
	uint64_t hash = end;

	for (uint32_t i = 0; i < len; i++)
		hash = mix(hash, addresses[i]);
	for (uint32_t i = 0; script && i < script->len; i++)
		hash = mix(mix(hash, script->frames[i].code), script->frames[i].at);
	return hash;
}

static bool is_same_script(const struct fdw_script *a, const struct fdw_script *b)
{
	if (!a || !b)
		return !a && !b;
	return a->len == b->len && a->flags == b->flags &&
	       !memcmp(a->frames, b->frames, a->len * sizeof(a->frames[0]));
}

static bool is_same(const struct stack_chain *chain, const uint64_t *addresses,
		    uint32_t len, enum unwind_end end, const struct fdw_script *script)
{
	return chain->len == len && chain->end == end &&
	       is_same_script(chain->script, script) &&
	       !memcmp(chain->addresses, addresses, len * sizeof(addresses[0]));
}

static struct fdw_script *copy_script(const struct fdw_script *script)
{
	struct fdw_script *copy = malloc(sizeof(*copy));

	if (copy)
		memcpy(copy, script, sizeof(*copy));
	return copy;
}

static uint32_t find_or_add_chain(struct stack_cache *cache, const uint64_t *addresses,
				  uint32_t len, enum unwind_end end,
				  const struct fdw_script *script)
{
	uint64_t hash = hash_of(addresses, len, end, script);
	struct stack_chain *fresh;

	for (uint32_t i = cache->first; i < cache->len; i++)
		if (cache->hashes[i] == hash &&
		    is_same(cache->chains[i], addresses, len, end, script))
			return i + 1;
	if (cache->len == STACK_CACHE_CHAINS_MAX)
		return 0;
	fresh = malloc(sizeof(*fresh) + len * sizeof(fresh->addresses[0]));
	if (!fresh)
		return 0;
	fresh->len = len;
	fresh->end = end;
	fresh->script = script ? copy_script(script) : NULL;
	memcpy(fresh->addresses, addresses, len * sizeof(fresh->addresses[0]));
	if (script && !fresh->script) {
		free(fresh);
		return 0;
	}
	cache->hashes[cache->len] = hash;
	cache->chains[cache->len++] = fresh;
	return cache->len;
}

/* The chain that a stack has whose addresses are those of `number`. */
static uint32_t with_script(struct stack_cache *cache, uint32_t number,
			    const struct fdw_stack *stack)
{
	const struct stack_chain *chain;
	struct fdw_script script;
	uint32_t with;

	script.len = *(const volatile uint32_t *)&stack->script.len;
	if (!number || !script.len || script.len > FDW_SCRIPT_FRAMES)
		return number;
	script.flags = stack->script.flags;
	memcpy(script.frames, stack->script.frames, sizeof(script.frames));
	chain = cache->chains[number - 1];
	with = find_or_add_chain(cache, chain->addresses, chain->len, chain->end,
				 &script);
	/* Where no more fit, to unwind it once more would not help. */
	return with ? with : number;
}

uint32_t stack_cache_find(struct stack_cache *cache, const struct fdw_stack *stack)
{
	struct look **bucket = bucket_of(cache, stack), **at = bucket, *look;

	while (*at && !fits(*at, stack))
		at = &(*at)->next;
	look = *at;
	if (!look)
		return 0;
	/* What was seen last is seen next. */
	*at = look->next;
	look->next = *bucket;
	*bucket = look;
	return with_script(cache, look->chain, stack);
}

static void add_look(struct stack_cache *cache, const struct fdw_stack *stack,
		     const struct unwind_chain *chain, uint32_t number)
{
	struct look **bucket = bucket_of(cache, stack), *look;
	uint32_t size = stack_word_size(stack->flags);
	uint64_t link = stack_link((const uint64_t *)stack->regs, stack->flags);

	/* Without words it is the innermost frame alone, or there were too many. */
	if (cache->looks == STACK_CACHE_STACKS_MAX ||
	    (!chain->words_len && chain->len > 1))
		return;
	look = malloc(sizeof(*look) + chain->words_len * sizeof(look->words[0]));
	if (!look)
		return;
	*look = (struct look){
		.next = *bucket,
		.ip = stack->regs[FDW_REG_IP],
		.link = link,
		/* Of 32-bit code the lowest bit says which instructions are there. */
		.by_link = chain->len < 2 || chain->addresses[1] == link ||
			   stack->flags & FDW_STACK_COMPAT,
		.chain = number,
		.len = chain->end == UNWIND_END_CUT ? stack->len : 0,
		.flags = stack->flags,
		.words_len = chain->words_len,
	};
	for (uint32_t i = 0; i < chain->words_len; i++) {
		look->words[i] = chain->words[i];
		if (look->words[i].offset + size > look->reaches)
			look->reaches = look->words[i].offset + size;
	}
	*bucket = look;
	cache->looks++;
}

uint32_t stack_cache_add(struct stack_cache *cache, const struct fdw_stack *stack,
			 const struct unwind_chain *chain)
{
	uint32_t number = find_or_add_chain(cache, chain->addresses, chain->len,
					    (enum unwind_end)chain->end, NULL);

	if (number)
		add_look(cache, stack, chain, number);
	return with_script(cache, number, stack);
}

const struct stack_chain *stack_cache_chain(const struct stack_cache *cache,
					    uint32_t number)
{
	return number && number <= cache->len ? cache->chains[number - 1] : NULL;
}

uint32_t stack_cache_len(const struct stack_cache *cache)
{
	return cache->len;
}
