// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/frames.h"

#include <errno.h>
#include <string.h>

#include "unwind/registers.h"

/* One stack at a time. */
struct unwinding {
	const struct unwind_stack *stack;
	struct unwind_chain *out;
	pid_t pid;
	bool given, short_of_stack;
	struct unwind_word reads[UNWIND_WORDS_MAX];
	uint32_t reads_len;
};

static struct unwinding now;

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	if (now.given)
		return 0;
	now.given = true;
	*thread = &now;
	return now.pid;
}

/* Of the stack there is what was kept; all else is in files, which libdw reads. */
static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *out, void *arg)
{
	uint64_t offset = address - now.stack->regs[FDW_REG_SP];

	(void)dwfl, (void)arg;
	if (offset > now.stack->len ||
	    now.stack->len - offset < stack_word_size(now.stack->flags)) {
		now.short_of_stack = true;
		return false;
	}
	*out = stack_word(now.stack->bytes + offset, now.stack->flags);
	if (now.reads_len < UNWIND_WORDS_MAX)
		now.reads[now.reads_len] =
			(struct unwind_word){.offset = (uint16_t)offset, .value = *out};
	now.reads_len++;
	return true;
}

#ifdef REGISTERS_COMPAT
static bool set_compat_registers(Dwfl_Thread *thread)
{
	static const uint8_t order[] = {REGISTERS_COMPAT};
	Dwarf_Word to[sizeof(order)];

	for (size_t i = 0; i < sizeof(order); i++)
		to[i] = (uint32_t)now.stack->regs[order[i]];
	return dwfl_thread_state_registers(thread, 0, sizeof(order), to);
}
#endif

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const uint64_t *regs = now.stack->regs;
	Dwarf_Word to[REGISTERS_LEN];

	(void)arg;
	dwfl_thread_state_register_pc(thread, regs[FDW_REG_IP]);
#ifdef REGISTERS_COMPAT
	if (now.stack->flags & FDW_STACK_COMPAT)
		return set_compat_registers(thread);
#endif
	for (int i = 0; i < REGISTERS_LEN; i++)
		to[i] = regs[i];
#ifdef REGISTERS_LINK
	to[0] = regs[FDW_REG_LINK];
	if (!dwfl_thread_state_registers(thread, REGISTERS_LINK, 1, to))
		return false;
	to[0] = regs[0];
#elif defined(FDW_REG_LINK)
	to[FDW_REG_LINK] = stack_link(regs, 0);
#endif
	return dwfl_thread_state_registers(thread, 0, REGISTERS_LEN, to);
}

static const Dwfl_Thread_Callbacks callbacks = {
	.next_thread = next_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static int on_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwind_chain *out = now.out;
	Dwarf_Addr pc;

	(void)arg;
	if (!dwfl_frame_pc(frame, &pc, NULL))
		return DWARF_CB_ABORT;
	if (out->len == UNWIND_FRAMES_MAX) {
		out->end = UNWIND_END_LENGTH;
		return DWARF_CB_ABORT;
	}
	out->addresses[out->len++] = pc;
	now.short_of_stack = false;
	return DWARF_CB_OK;
}

static bool is_return_address(const struct unwind_chain *chain, uint64_t value)
{
	for (uint32_t i = 1; i < chain->len; i++)
		if (chain->addresses[i] == value)
			return true;
	return false;
}

/* What another stack must have for the same chain. Of what else was read, as registers
 * that callers had saved, a chain does not depend. */
static void choose_words(struct unwind_chain *out)
{
	uint64_t sp = now.stack->regs[FDW_REG_SP];

	for (uint32_t i = 0; i < now.reads_len && i < UNWIND_WORDS_MAX; i++) {
		struct unwind_word word = now.reads[i];

		if (!is_return_address(out, word.value)) {
			if (word.value - sp >= now.stack->len)
				continue;
			word.relative = 1;
			word.value -= sp;
		}
		out->words[out->words_len++] = word;
	}
}

static void unwind(struct modules *m)
{
	struct unwind_chain *out = now.out;
	int result;

	now.given = now.short_of_stack = false;
	now.reads_len = 0;
	out->len = out->words_len = 0;
	out->end = UNWIND_END_COMPLETE;
	result = dwfl_getthread_frames(m->dwfl, now.pid, on_frame, NULL);
	if (out->end == UNWIND_END_LENGTH)
		return;
	/* At the outermost frame there is nothing to go on with, and no error; nor is there
	 * one where a return address could not be read. */
	if (now.short_of_stack)
		out->end = UNWIND_END_CUT;
	else if (result)
		out->end = UNWIND_END_LOST;
}

void frames_unwind(struct modules *m, const struct unwind_stack *stack,
		   struct unwind_chain *out)
{
	now.stack = stack;
	now.out = out;
	now.pid = m->pid;
	if (!dwfl_pid(m->dwfl) || dwfl_pid(m->dwfl) == -1)
		(void)dwfl_attach_state(m->dwfl, NULL, m->pid, &callbacks, &now);
	unwind(m);
	/* A library that was loaded since. To libdw its address may be another file's, between
	 * whose mappings it is: so it is in a process that has just called execve(). */
	if (out->end != UNWIND_END_COMPLETE && out->len &&
	    !modules_find(m, out->addresses[out->len - 1]) && !modules_refresh(m))
		unwind(m);
	/* Nothing could be attached to, or not even the innermost one: it is known. */
	if (!out->len) {
		out->addresses[out->len++] = stack->regs[FDW_REG_IP];
		out->end = UNWIND_END_LOST;
	}
	choose_words(out);
	/* All that was read must be compared. */
	if (now.reads_len > UNWIND_WORDS_MAX)
		out->words_len = 0;
}
