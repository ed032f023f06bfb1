// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"

/* Stacks that wait for user space. 4096 hold what a loop of open() leaks in 20 ms. */
#define STACKS_LEN_MAX 4096
#define STACKS_LEN_MIN 64
/* Numbers, also of a process whose limit is lower: our own are proved with. */
#define NUMBERS_MIN    4096
#define STACKS_SHARE   2 /* this part of the memory, at the most */

/* What was made of the opening at a number. */
struct made {
	uint64_t opened_ns; /* of this one; 0: of none */
	uint32_t value;
	uint32_t reserved;
};

struct stacks {
	struct openings in;
	struct made *made;
	uint64_t *
		ever; /* blocks of OPENS_PER_DIRTY that were ever written, a bit each */
	uint64_t *closed; /* numbers that were closed before the census, a bit each */
	uint64_t begun_ns;
};

#define BITS 64u

static bool bit_get(const uint64_t *bits, uint32_t at)
{
	return bits[at / BITS] >> (at % BITS) & 1;
}

static void bit_set(uint64_t *bits, uint32_t at)
{
	bits[at / BITS] |= 1ull << (at % BITS);
}

/* Of what the kernel writes meanwhile. */
static uint64_t load_u64(const __u64 *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/* ---- sizes ---- */

static uint32_t power_of_two_below(uint64_t n)
{
	uint32_t power = STACKS_LEN_MIN;

	while (power < STACKS_LEN_MAX && power * 2ull <= n)
		power *= 2;
	return power;
}

/* What one number takes, with its bits. */
#define NUMBER_SIZE (sizeof(struct fdw_open) + sizeof(struct made) + 1)

static void choose_sizes(struct stacks *s, const struct stacks_options *options)
{
	uint64_t left, fit;

	s->in.stack_size = sizeof(struct fdw_stack) + options->stack_bytes;
	s->in.stacks_len =
		power_of_two_below(options->memory / STACKS_SHARE / s->in.stack_size);
	left = s->in.stacks_len * s->in.stack_size;
	left = options->memory > left ? options->memory - left : 0;
	fit = left / NUMBER_SIZE;
	if (fit > options->numbers)
		fit = options->numbers > NUMBERS_MIN ? options->numbers : NUMBERS_MIN;
	if (fit > UINT32_MAX / 2)
		fit = UINT32_MAX / 2;
	s->in.dirty_len =
		(uint32_t)((fit + FDW_OPENS_PER_DIRTY - 1) / FDW_OPENS_PER_DIRTY);
	if (!s->in.dirty_len)
		s->in.dirty_len = 1;
	s->in.opens_len = s->in.dirty_len * FDW_OPENS_PER_DIRTY;
}

/* ---- life ---- */

static int allocate(struct stacks *s)
{
	/* Memory of what is never written is never taken. */
	s->made = calloc(s->in.opens_len, sizeof(*s->made));
	s->ever = calloc(s->in.dirty_len / BITS + 1, sizeof(*s->ever));
	s->closed = calloc(s->in.opens_len / BITS + 1, sizeof(*s->closed));
	return s->made && s->ever && s->closed ? 0 : -ENOMEM;
}

int stacks_open(const struct stacks_options *options, struct stacks **out, char *why,
		size_t why_size)
{
	struct openings_wanted wanted = {
		.tgid = options->tgid,
		.stack_bytes = options->stack_bytes,
		.hooks = options->hooks,
	};
	struct stacks *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!s)
		return err;
	choose_sizes(s, options);
	err = allocate(s);
	if (!err)
		err = openings_open(&wanted, &s->in, why, why_size);
	if (err) {
		stacks_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void stacks_close(struct stacks *s)
{
	if (!s)
		return;
	openings_close(&s->in);
	free(s->made);
	free(s->ever);
	free(s->closed);
	free(s);
}

/* ---- reading what the kernel writes ---- */

/* false: it is being written. */
static bool read_open(const struct fdw_open *at, struct fdw_open *out)
{
	uint64_t opened_ns = load_u64(&at->opened_ns);

	*out = *(const volatile struct fdw_open *)at;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return opened_ns && out->opened_ns == opened_ns &&
	       load_u64(&at->opened_ns) == opened_ns;
}

bool stacks_still(const struct fdw_stack *stack, uint64_t opened_ns)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return load_u64(&stack->opened_ns) == opened_ns;
}

static struct fdw_stack *stack_of(const struct stacks *s, const struct fdw_open *open)
{
	if (!open->stack || open->stack > s->in.stacks_len)
		return NULL;
	return (struct fdw_stack *)(s->in.stacks +
				    (open->stack - 1) * s->in.stack_size);
}

/* What is made of this opening, now if not before. */
static uint32_t make(struct stacks *s, uint32_t fd, const struct fdw_open *open,
		     stacks_visit *visit, void *context)
{
	struct fdw_stack *stack = stack_of(s, open);
	struct made *made = &s->made[fd];
	uint32_t value = STACKS_LOST;

	if (made->opened_ns == open->opened_ns)
		return made->value;
	if (stack && load_u64(&stack->opened_ns) == open->opened_ns && stack->len) {
		value = visit(context, stack);
		if (value == STACKS_WAIT)
			return value;
		if (!stacks_still(stack, open->opened_ns))
			value = STACKS_LOST;
		else
			__atomic_store_n(&stack->taken_ns, open->opened_ns,
					 __ATOMIC_RELEASE);
	}
	made->value = value;
	made->opened_ns = open->opened_ns;
	return value;
}

/* ---- files that come later than their numbers ---- */

/* If the opening is the same before and after the look, what was found is of it. */
static void settle(struct fdw_open *at, const struct fdw_open *before, uint64_t found)
{
	struct fdw_open after;
	__u64 later = before->file;

	if (found == FDW_FOUND_NONE || !read_open(at, &after) ||
	    after.opened_ns != before->opened_ns || after.file != later)
		return;
	if (found == FDW_FOUND_FREE) {
		__atomic_store_n(&at->closed_of, before->opened_ns, __ATOMIC_RELEASE);
		return;
	}
	if (!__atomic_compare_exchange_n(&at->file, &later, (__u64)found, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	/* It was opened anew in between: the file may be another. */
	if (load_u64(&at->opened_ns) != before->opened_ns)
		(void)__atomic_compare_exchange_n(&at->file, (__u64 *)&found, later,
						  false, __ATOMIC_SEQ_CST,
						  __ATOMIC_SEQ_CST);
}

static void settle_block(struct stacks *s, uint32_t block)
{
	struct fdw_open before[FDW_OPENS_PER_DIRTY];
	uint32_t first = block * FDW_OPENS_PER_DIRTY;
	bool waits[FDW_OPENS_PER_DIRTY], any = false;
	const uint64_t *found;

	for (uint32_t i = 0; i < FDW_OPENS_PER_DIRTY; i++) {
		waits[i] = read_open(&s->in.opens[first + i], &before[i]) &&
			   before[i].file & FDW_FILE_LATER &&
			   before[i].closed_of != before[i].opened_ns;
		any |= waits[i];
	}
	found = any ? openings_look(&s->in, block) : NULL;
	for (uint32_t i = 0; found && i < FDW_OPENS_PER_DIRTY; i++)
		if (waits[i])
			settle(&s->in.opens[first + i], &before[i], found[i]);
}

/* ---- the sweep ---- */

/* Returns whether something is left to be looked at again. */
static bool sweep_block(struct stacks *s, uint32_t block, uint64_t before_ns,
			stacks_visit *visit, void *context, size_t *visited)
{
	uint32_t first = block * FDW_OPENS_PER_DIRTY;
	bool left = false;

	for (uint32_t fd = first; fd < first + FDW_OPENS_PER_DIRTY; fd++) {
		struct fdw_open open;

		if (!read_open(&s->in.opens[fd], &open)) {
			left |= open.opened_ns || open.file;
			continue;
		}
		if (open.closed_of == open.opened_ns ||
		    s->made[fd].opened_ns == open.opened_ns)
			continue;
		if (open.opened_ns > before_ns || open.file & FDW_FILE_LATER) {
			left = true;
			continue;
		}
		++*visited;
		left |= make(s, fd, &open, visit, context) == STACKS_WAIT;
	}
	return left;
}

size_t stacks_sweep(struct stacks *s, uint64_t min_age_ns, stacks_visit *visit,
		    void *context)
{
	uint64_t before_ns = kernel_now_ns() - min_age_ns;
	size_t visited = 0;

	for (uint32_t block = 0; block < s->in.dirty_len; block++) {
		if (!s->in.dirty[block])
			continue;
		/* A full barrier: what was written before it is set is seen below. */
		__atomic_exchange_n(&s->in.dirty[block], 0, __ATOMIC_SEQ_CST);
		bit_set(s->ever, block);
		if (openings_later(&s->in))
			settle_block(s, block);
		if (sweep_block(s, block, before_ns, visit, context, &visited))
			__atomic_store_n(&s->in.dirty[block], 1, __ATOMIC_RELEASE);
	}
	return visited;
}

/* ---- beside a census ---- */

void stacks_begin(struct stacks *s)
{
	s->begun_ns = kernel_now_ns();
	memset(s->closed, 0, (s->in.opens_len / BITS + 1) * sizeof(*s->closed));
	for (uint32_t block = 0; block < s->in.dirty_len; block++) {
		uint32_t first = block * FDW_OPENS_PER_DIRTY;

		if (!s->in.dirty[block] && !bit_get(s->ever, block))
			continue;
		for (uint32_t fd = first; fd < first + FDW_OPENS_PER_DIRTY; fd++)
			if (load_u64(&s->in.opens[fd].closed_of) ==
			    load_u64(&s->in.opens[fd].opened_ns))
				bit_set(s->closed, fd);
	}
}

static enum stacks_found fill(struct stacks *s, uint32_t fd,
			      const struct fdw_open *open, stacks_visit *visit,
			      void *context, struct stacks_opening *out)
{
	out->opened_ns = open->opened_ns;
	out->call = open->call;
	out->value = make(s, fd, open, visit, context);
	if (out->value == STACKS_WAIT)
		return STACKS_WAITING;
	return out->value == STACKS_LOST ? STACKS_NO_STACK : STACKS_KNOWN;
}

/* Whether it is the opening of this file. */
static bool is_of(struct stacks *s, uint32_t fd, struct fdw_open *open, uint64_t file)
{
	if (open->file & FDW_FILE_LATER) {
		settle_block(s, fd / FDW_OPENS_PER_DIRTY);
		if (!read_open(&s->in.opens[fd], open))
			return false;
	}
	return open->file == file;
}

enum stacks_found stacks_find(struct stacks *s, uint32_t fd, uint64_t file,
			      stacks_visit *visit, void *context,
			      struct stacks_opening *out)
{
	struct fdw_open open;

	if (fd >= s->in.opens_len || !read_open(&s->in.opens[fd], &open) ||
	    !is_of(s, fd, &open, file))
		return STACKS_UNSEEN;
	/* Closed before the census, it is another file at the same address. */
	if (open.closed_of == open.opened_ns && open.opened_ns < s->begun_ns &&
	    bit_get(s->closed, fd))
		return STACKS_UNSEEN;
	return fill(s, fd, &open, visit, context, out);
}

bool stacks_untouched(const struct stacks *s, uint32_t fd)
{
	return fd >= s->in.opens_len ||
	       (!load_u64(&s->in.opens[fd].opened_ns) && !s->in.opens[fd].file &&
		!load_u64(&s->in.opens[fd].closed_of));
}

void stacks_each_left(struct stacks *s, stacks_visit *visit, stacks_left *left,
		      void *context)
{
	for (uint32_t fd = 0; fd < s->in.opens_len; fd++) {
		struct stacks_opening opening;
		struct fdw_open open;
		enum stacks_found known;

		if (!s->in.dirty[fd / FDW_OPENS_PER_DIRTY] &&
		    !bit_get(s->ever, fd / FDW_OPENS_PER_DIRTY))
			continue;
		if (!read_open(&s->in.opens[fd], &open) ||
		    open.closed_of == open.opened_ns)
			continue;
		known = fill(s, fd, &open, visit, context, &opening);
		left(context, known, &opening);
	}
}

/* ---- figures ---- */

void stacks_losses(const struct stacks *s, struct openings_losses *out)
{
	openings_losses(&s->in, out);
}

void stacks_python(const struct stacks *s, const struct fdw_python_layout *layout)
{
	openings_python(&s->in, layout);
}

const char *stacks_way(const struct stacks *s)
{
	return openings_way(&s->in);
}

uint64_t stacks_memory(const struct stacks *s)
{
	return s->in.stacks_len * s->in.stack_size +
	       (uint64_t)s->in.opens_len * NUMBER_SIZE;
}

uint64_t stacks_exec_id(const struct stacks *s)
{
	return openings_exec_id(&s->in);
}
