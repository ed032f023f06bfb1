// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known without a process: stacks recognised, perf maps, names taken apart, and
 * descriptions that a child may have got wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "unwind/demangle.h"
#include "unwind/perf_map.h"
#include "unwind/registers.h"
#include "unwind/stack_cache.h"
#include "unwind/unwinder.h"

#define SP 0x7ffc00001000ull

/* ---- stacks ---- */

static struct fdw_stack *new_stack(void)
{
	struct fdw_stack *stack = calloc(1, sizeof(*stack) + FDW_STACK_MIN);

	assert_non_null(stack);
	stack->len = FDW_STACK_MIN;
	stack->regs[FDW_REG_SP] = SP;
	stack->regs[FDW_REG_IP] = 0x401000;
	return stack;
}

static void put(struct fdw_stack *stack, size_t offset, uint64_t value)
{
	memcpy(stack->bytes + offset, &value, sizeof(value));
}

/* Returns to 0x402000 from offset 24; a frame pointer to offset 64 at 16. */
static void set_chain(struct unwind_chain *chain, enum unwind_end end)
{
	memset(chain, 0, sizeof(*chain));
	chain->end = end;
	chain->len = 2;
	chain->addresses[0] = 0x401000;
	chain->addresses[1] = 0x402000;
	chain->words_len = 2;
	chain->words[0] = (struct unwind_word){.offset = 24, .value = 0x402000};
	chain->words[1] =
		(struct unwind_word){.offset = 16, .relative = 1, .value = 64};
}

static void test_same_stack(void **state)
{
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;
	uint32_t number;

	(void)state;
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 64);
	set_chain(&chain, UNWIND_END_COMPLETE);
	assert_int_equal(stack_cache_find(cache, stack), 0);
	number = stack_cache_add(cache, stack, &chain);
	assert_int_equal(number, 1);
	assert_int_equal(stack_cache_find(cache, stack), number);
	/* Elsewhere in memory, and with other locals. */
	stack->regs[FDW_REG_SP] = SP + 4096;
	put(stack, 16, SP + 4096 + 64);
	put(stack, 0, 0x1234);
	put(stack, 32, 0x403000);
	assert_int_equal(stack_cache_find(cache, stack), number);
	assert_int_equal(stack_cache_add(cache, stack, &chain), number);
	assert_int_equal(stack_cache_len(cache), 1);
	assert_int_equal(stack_cache_chain(cache, number)->addresses[1], 0x402000);
	assert_null(stack_cache_chain(cache, 0));
	assert_null(stack_cache_chain(cache, 2));
	stack_cache_free(cache);
	free(stack);
}

#ifdef FDW_REG_LINK
/* The innermost function has not put on the stack what it returns to: a register has it,
 * and stacks that are the same otherwise have other callers. */
static void test_other_link(void **state)
{
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;

	(void)state;
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 64);
	stack->regs[FDW_REG_LINK] = 0x405000;
	set_chain(&chain, UNWIND_END_COMPLETE);
	assert_int_equal(stack_cache_add(cache, stack, &chain), 1);
	/* Of no importance to this one, which returns by the stack. */
	stack->regs[FDW_REG_LINK] = 0x406000;
	assert_int_equal(stack_cache_find(cache, stack), 1);
	stack_cache_forget(cache);
	chain.addresses[1] = 0x406000;
	assert_int_equal(stack_cache_add(cache, stack, &chain), 2);
	assert_int_equal(stack_cache_find(cache, stack), 2);
	stack->regs[FDW_REG_LINK] = 0x405000;
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack_cache_free(cache);
	free(stack);
}
#endif

#ifdef FDW_ARCH_AARCH64
/* A return address with a signature is known by what it is without it; each stack's has
 * another. */
static void test_signed_return_address(void **state)
{
	const uint64_t signatures[] = {0x002a000000000000, 0x0055000000000000, 0};
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;

	(void)state;
	if (!(getauxval(AT_HWCAP) & HWCAP_PACA))
		skip(); /* this processor signs nothing */
	set_chain(&chain, UNWIND_END_COMPLETE);
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 64);
	assert_int_equal(stack_cache_add(cache, stack, &chain), 1);
	for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++) {
		put(stack, 24, signatures[i] | 0x402000);
		assert_int_equal(stack_cache_find(cache, stack), 1);
	}
	put(stack, 24, signatures[0] | 0x402008);
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack_cache_free(cache);
	free(stack);
}
#endif

/* The interpreter's own code is the same for all functions that it runs: by its frames they
 * are told apart, without another unwinding. */
static void test_same_stack_other_script(void **state)
{
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;
	uint32_t first, second;

	(void)state;
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 64);
	set_chain(&chain, UNWIND_END_COMPLETE);
	stack->script.len = 2;
	stack->script.frames[0] = (struct fdw_script_frame){0x1000, 0x1010};
	stack->script.frames[1] = (struct fdw_script_frame){0x2000, 0x2020};
	first = stack_cache_add(cache, stack, &chain);
	assert_int_not_equal(first, 0);
	assert_int_equal(stack_cache_find(cache, stack), first);
	/* Beyond its length there is what was there before. */
	stack->script.frames[2] = (struct fdw_script_frame){0x3000, 0x3030};
	assert_int_equal(stack_cache_find(cache, stack), first);
	/* another line of the caller's */
	stack->script.frames[1].at = 0x2024;
	second = stack_cache_find(cache, stack);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(second, first);
	assert_int_equal(stack_cache_chain(cache, second)->script->frames[1].at,
			 0x2024);
	assert_int_equal(stack_cache_chain(cache, first)->script->frames[1].at, 0x2020);
	assert_int_equal(stack_cache_chain(cache, second)->addresses[1], 0x402000);
	stack->script.frames[1].at = 0x2020;
	assert_int_equal(stack_cache_find(cache, stack), first);
	/* a thread without frames, and a length that none has */
	stack->script.len = 0;
	assert_null(stack_cache_chain(cache, stack_cache_find(cache, stack))->script);
	stack->script.len = FDW_SCRIPT_FRAMES + 1;
	assert_null(stack_cache_chain(cache, stack_cache_find(cache, stack))->script);
	stack_cache_free(cache);
	free(stack);
}

static void test_other_stacks(void **state)
{
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;

	(void)state;
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 64);
	set_chain(&chain, UNWIND_END_CUT);
	assert_int_equal(stack_cache_add(cache, stack, &chain), 1);
	put(stack, 24, 0x402008); /* another caller */
	assert_int_equal(stack_cache_find(cache, stack), 0);
	put(stack, 24, 0x402000);
	put(stack, 16, SP + 72); /* another frame */
	assert_int_equal(stack_cache_find(cache, stack), 0);
	put(stack, 16, SP + 64);
	stack->regs[FDW_REG_IP]++;
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack->regs[FDW_REG_IP]--;
	stack->flags = FDW_STACK_COMPAT;
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack->flags = 0;
	stack->len = 28; /* the return address is not whole */
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack->len = FDW_STACK_MIN - 8; /* one that was cut may go on in another */
	assert_int_equal(stack_cache_find(cache, stack), 0);
	stack->len = FDW_STACK_MIN;
	assert_int_equal(stack_cache_find(cache, stack), 1);
	stack_cache_forget(cache);
	assert_int_equal(stack_cache_find(cache, stack), 0);
	/* Another program's: the same addresses are another chain. */
	assert_int_equal(stack_cache_add(cache, stack, &chain), 2);
	stack_cache_free(cache);
	stack_cache_free(NULL);
	free(stack);
}

static void test_full(void **state)
{
	struct stack_cache *cache = stack_cache_new();
	struct fdw_stack *stack = new_stack();
	struct unwind_chain chain;

	(void)state;
	set_chain(&chain, UNWIND_END_COMPLETE);
	for (uint32_t i = 1; i <= STACK_CACHE_CHAINS_MAX; i++) {
		chain.addresses[1] = i;
		assert_int_equal(stack_cache_add(cache, stack, &chain), i);
	}
	chain.addresses[1] = 0;
	assert_int_equal(stack_cache_add(cache, stack, &chain), 0);
	stack_cache_free(cache);
	free(stack);
}

/* ---- perf maps ---- */

static void test_perf_map(void **state)
{
	static const char text[] = "1000 10 JS:~first /a.js:1:2\n"
				   "nonsense\n"
				   "2000 zz bad size\n"
				   "3000 0 nothing\n"
				   "ffffffffffffffff 2 wraps\n"
				   "4000 20\n"
				   "1000 8 JS:*second /a.js:3:4\n"
				   "5000 100 last without newline";
	struct perf_map *map = perf_map_new(text, sizeof(text) - 1);
	uint64_t start = 0;

	(void)state;
	assert_non_null(map);
	assert_int_equal(perf_map_len(map), 3);
	assert_null(perf_map_find(map, 0xfff, &start));
	assert_string_equal(perf_map_find(map, 0x1007, &start), "JS:*second /a.js:3:4");
	assert_int_equal(start, 0x1000);
	assert_string_equal(perf_map_find(map, 0x1008, &start), "JS:~first /a.js:1:2");
	assert_null(perf_map_find(map, 0x1010, &start));
	assert_string_equal(perf_map_find(map, 0x50ff, &start), "last without newline");
	assert_null(perf_map_find(map, 0x5100, &start));
	perf_map_free(map);
	map = perf_map_new("", 0);
	assert_int_equal(perf_map_len(map), 0);
	assert_null(perf_map_find(map, 1, &start));
	perf_map_free(map);
	perf_map_free(NULL);
}

static void test_perf_names(void **state)
{
	static const struct {
		const char *name, *function, *file;
		uint32_t line;
	} cases[] = {
		{"JS:*leak /srv/x.js:12:5", "leak", "/srv/x.js", 12},
		{"LazyCompile:~read node:fs:600:18", "read", "node:fs", 600},
		{"JS:^ /srv/my file.js:7:1", "(anonymous)", "/srv/my file.js", 7},
		{"Function:run /x.js:9", "run", "/x.js", 9},
		{"JS:+go /x.js", "go", "/x.js", 0},
		{"Builtin:ArrayMap", "ArrayMap", "", 0},
		{"py::f:/x.py", "py::f:/x.py", "", 0},
		{"JS:", "", "", 0},
		{"JS:*", "", "", 0},
		{"", "", "", 0},
	};
	char function[64], file[64], little[4];
	uint32_t line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		perf_map_split(cases[i].name, function, sizeof(function), file,
			       sizeof(file), &line);
		assert_string_equal(function, cases[i].function);
		assert_string_equal(file, cases[i].file);
		assert_int_equal(line, cases[i].line);
	}
	perf_map_split("JS:*leak /srv/x.js:12:5", little, sizeof(little), file,
		       sizeof(file), &line);
	assert_string_equal(little, "lea");
}

/* ---- names ---- */

static void test_demangle(void **state)
{
	static const struct {
		const char *symbol, *name;
	} cases[] = {
		{"main", "main"},
		{"leak.constprop.0", "leak"},
		{"leak.part.0.isra.0", "leak"},
		{"main.(*server).readTemplate", "main.(*server).readTemplate"},
		{"main.main.gowrap1", "main.main"},
		{"main.(*pool).run.func2.gowrap12", "main.(*pool).run.func2"},
		{"main.load.deferwrap1", "main.load"},
		{"main.main.gowrap", "main.main.gowrap"}, /* a field, not Go's */
		{"main.(*gowrap1).run", "main.(*gowrap1).run"},
		{".gowrap1", ".gowrap1"},
		{"12", "12"},
		{"_ZN5store5TableIiE4loadEv", "store::Table<int>::load"},
		{"_ZN3std2fs4File4open17h0123456789abcdefE", "std::fs::File::open"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"__libc_start_main@@GLIBC_2.34", "__libc_start_main"},
		{"_Znonsense", "_Znonsense"},
		{"", ""},
	};
	char out[128], little[5];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		demangle(cases[i].symbol, out, sizeof(out));
		assert_string_equal(out, cases[i].name);
	}
	demangle("handle_request", little, sizeof(little));
	assert_string_equal(little, "hand");
}

/* ---- descriptions ---- */

static void test_description(void **state)
{
	struct unwind_description *d = calloc(1, sizeof(*d));
	struct unwind_frame frame = {.address = 5, .line = 7, .lens = {2, 1, 3, 1}};
	struct unwind_described out;
	size_t at = 0, size = sizeof(frame) + 7;

	(void)state;
	assert_non_null(d);
	memcpy(d->frames, &frame, sizeof(frame));
	memcpy(d->frames + sizeof(frame), "f\0\0ab\0\0", 7);
	d->header.size = (uint32_t)(offsetof(struct unwind_description, frames) + size);
	assert_true(unwind_description_next(d, &at, &out));
	assert_string_equal(out.function, "f");
	assert_string_equal(out.module, "");
	assert_string_equal(out.file, "ab");
	assert_int_equal(out.line, 7);
	assert_int_equal(at, size);
	assert_false(unwind_description_next(d, &at, &out));
	/* Cut at any place, or with lengths that do not fit. */
	for (size_t less = 1; less <= size; less++) {
		at = 0;
		d->header.size =
			(uint32_t)(offsetof(struct unwind_description, frames) + size -
				   less);
		assert_false(unwind_description_next(d, &at, &out));
	}
	d->header.size = 0;
	at = 0;
	assert_false(unwind_description_next(d, &at, &out));
	d->header.size = (uint32_t)(offsetof(struct unwind_description, frames) + size);
	frame.lens[0] = 0;
	memcpy(d->frames, &frame, sizeof(frame));
	assert_false(unwind_description_next(d, &at, &out));
	frame.lens[0] = 1; /* does not end with NUL */
	memcpy(d->frames, &frame, sizeof(frame));
	assert_false(unwind_description_next(d, &at, &out));
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_stack),
		cmocka_unit_test(test_same_stack_other_script),
		cmocka_unit_test(test_other_stacks),
#ifdef FDW_REG_LINK
		cmocka_unit_test(test_other_link),
#endif
#ifdef FDW_ARCH_AARCH64
		cmocka_unit_test(test_signed_return_address),
#endif
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_perf_map),
		cmocka_unit_test(test_perf_names),
		cmocka_unit_test(test_demangle),
		cmocka_unit_test(test_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
