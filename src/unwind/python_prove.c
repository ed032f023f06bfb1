// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the frames of a running CPython are. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "unwind/python.h"

/* Of one process; what has more is not looked at further. */
#define THREADS_MAX  4096
#define ATTEMPTS     5
/* struct pthread of glibc is 2304 bytes; its thread-specific data are in the first half. */
#define SPECIFIC_AT  8
#define SPECIFIC_MAX 2048
/* Of each entry of these the first word is a number that grows when a key is used again. */
#define SEQUENCE_MAX 65536

/*
 * By version; of 3.13 and later the interpreter itself says them. Made from the headers of
 * 3.8.18, 3.9.18, 3.10.13, 3.11.2, 3.11.7 and 3.12.1: within a version they are part of the
 * binary interface of debuggers, and do not change.
 */
struct known {
	uint32_t version;
	struct python_offsets offsets;
};

#define BEFORE_3_10(at_)                                                               \
	{                                                                              \
		.runtime_interpreters = 32, .interpreter_next = 0,                     \
		.interpreter_threads = 8, .thread_next = 8, .thread_interpreter = 16,  \
		.thread_id = 176, .thread_frame = 24, .frame_code = 32,                \
		.frame_at = (at_), .frame_previous = 24, .code_filename = 104,         \
		.code_name = 112, .code_lines = 120, .code_first_line = 40,            \
		.text_ascii = 48, .text_compact = 72,                                  \
	}

static const struct known known[] = {
	{0x0308, BEFORE_3_10(104)},
	{0x0309, BEFORE_3_10(104)},
	{0x030a, BEFORE_3_10(96)},
	{0x030b,
	 {.runtime_interpreters = 40,
	  .interpreter_next = 0,
	  .interpreter_threads = 16,
	  .thread_next = 8,
	  .thread_interpreter = 16,
	  .thread_id = 152,
	  .thread_frame = 56,
	  .through = 8 + 1,
	  .frame_code = 32,
	  .frame_at = 56,
	  .frame_previous = 48,
	  .code_filename = 112,
	  .code_name = 128,
	  .code_lines = 136,
	  .code_first_line = 72,
	  .code_instructions = 184,
	  .text_ascii = 48,
	  .text_compact = 72}},
	{0x030c,
	 {.runtime_interpreters = 40,
	  .interpreter_next = 0,
	  .interpreter_threads = 72,
	  .thread_next = 8,
	  .thread_interpreter = 16,
	  .thread_id = 136,
	  .thread_frame = 56,
	  .through = 0 + 1,
	  .frame_code = 0,
	  .frame_at = 56,
	  .frame_previous = 8,
	  .code_filename = 112,
	  .code_name = 128,
	  .code_lines = 136,
	  .code_first_line = 68,
	  .code_instructions = 192,
	  .text_ascii = 40,
	  .text_compact = 56}},
};

/* What is wrong, in a line. Returns `error`. */
__attribute__((format(printf, 4, 5))) static int
refuse(int error, char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return error;
}

/* ---- what is published: _Py_DebugOffsets, of 3.13 ---- */

enum published { /* in words of 64 bits, from the beginning of _PyRuntime */
		 PUBLISHED_COOKIE = 0,
		 PUBLISHED_VERSION = 1,
		 PUBLISHED_FREE_THREADED = 2,
		 PUBLISHED_INTERPRETERS = 5,
};

/* Which word has an offset. 3.14 has put some in between. */
struct published_at {
	uint32_t version;
	uint8_t interpreter_next, interpreter_threads, thread_next, thread_interpreter,
		thread_frame, thread_id, frame_previous, frame_code, frame_at,
		code_filename, code_name, code_lines, code_first_line,
		code_instructions, text_ascii;
};

static const struct published_at published[] = {
	{0x030d, 8, 9, 21, 22, 23, 24, 29, 30, 31, 35, 37, 38, 39, 43, 70},
};

#define PUBLISHED_MAX 80

static const struct published_at *published_of(uint32_t version)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (published[i].version == version)
			return &published[i];
	return NULL;
}

static int take_published(struct memory *m, uint64_t runtime, struct python *p,
			  char *why, size_t size)
{
	uint64_t words[PUBLISHED_MAX];
	const struct published_at *at;

	if (!memory_read(m, runtime, words, sizeof(words)))
		return refuse(-EILSEQ, why, size, "the interpreter can't be read");
	p->version = (uint32_t)(words[PUBLISHED_VERSION] >> 16) & 0xffff;
	at = published_of(p->version);
	if (!at || words[PUBLISHED_FREE_THREADED])
		return refuse(-ENOTSUP, why, size, "Python %u.%u%s is not known",
			      p->version >> 8 & 0xff, p->version & 0xff,
			      at ? ", free-threaded," : "");
	for (size_t i = 3; i < PUBLISHED_MAX; i++)
		if (words[i] > 1u << 24)
			words[i] = 1u << 24;
#define WORD(name) ((uint32_t)words[at->name])
	p->offsets = (struct python_offsets){
		.runtime_interpreters = (uint32_t)words[PUBLISHED_INTERPRETERS],
		.interpreter_next = WORD(interpreter_next),
		.interpreter_threads = WORD(interpreter_threads),
		.thread_next = WORD(thread_next),
		.thread_interpreter = WORD(thread_interpreter),
		.thread_id = WORD(thread_id),
		.thread_frame = WORD(thread_frame),
		.frame_code = WORD(frame_code),
		.frame_at = WORD(frame_at),
		.frame_previous = WORD(frame_previous),
		.code_filename = WORD(code_filename),
		.code_name = WORD(code_name),
		.code_lines = WORD(code_lines),
		.code_first_line = WORD(code_first_line),
		.code_instructions = WORD(code_instructions),
		.text_ascii = WORD(text_ascii),
		.text_compact = WORD(text_ascii) + 16,
	};
#undef WORD
	return 0;
}

static int find_offsets(struct memory *m, const struct python_symbols *symbols,
			struct python *p, char *why, size_t size)
{
	char cookie[8];
	uint32_t version = 0;

	if (!memory_read(m, symbols->runtime, cookie, sizeof(cookie)))
		return refuse(-EILSEQ, why, size, "the interpreter can't be read");
	if (!memcmp(cookie, "xdebugpy", sizeof(cookie)))
		return take_published(m, symbols->runtime, p, why, size);
	if (symbols->version && memory_u32(m, symbols->version, &version))
		version >>= 16;
	else
		version = symbols->named;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].version == version) {
			p->version = version;
			p->offsets = known[i].offsets;
			return 0;
		}
	if (!version)
		return refuse(-ENOTSUP, why, size, "which Python it is is not known");
	return refuse(-ENOTSUP, why, size, "Python %u.%u is not known",
		      version >> 8 & 0xff, version & 0xff);
}

/* ---- the thread's state, from its thread pointer ---- */

struct proof {
	struct memory *memory;
	const struct python *python;
	uint64_t interpreter;
	uint64_t candidates[SPECIFIC_MAX / 8 / 64]; /* words, a bit each */
	unsigned threads, running;
};

/* Which words of a thread's own data may be the pointer to its state. */
static bool narrow(struct proof *proof, uint64_t pointer, uint64_t state)
{
	uint64_t words[SPECIFIC_MAX / 8], still[SPECIFIC_MAX / 8 / 64] = {0};

	if (!memory_read(proof->memory, pointer, words, sizeof(words)) ||
	    words[0] != pointer)
		return false;
	for (size_t i = SPECIFIC_AT / 8 + 1; i < SPECIFIC_MAX / 8; i++)
		if (words[i] == state && words[i - 1] && words[i - 1] < SEQUENCE_MAX)
			still[i / 64] |= 1ull << (i % 64);
	for (size_t i = 0; i < SPECIFIC_MAX / 8 / 64; i++)
		proof->candidates[i] &= still[i];
	return true;
}

/* Whether the innermost frame is of a code object, if there is one. */
static bool check_frame(struct proof *proof, uint64_t state)
{
	const struct python_offsets *o = &proof->python->offsets;
	struct python_place place;
	struct fdw_script_frame f = {0};
	uint64_t frame, code, at;

	if (!memory_u64(proof->memory, state + o->thread_frame, &frame))
		return false;
	if (o->through && frame &&
	    !memory_u64(proof->memory, frame + o->through - 1, &frame))
		return false;
	/* It is told to the innermost functions that are not written in Python apart. */
	for (int i = 0; frame && i < 4; i++) {
		if (!memory_u64(proof->memory, frame + o->frame_code, &code) ||
		    !memory_u64(proof->memory, frame + o->frame_at, &at))
			return false;
		f = (struct fdw_script_frame){code, at};
		if (python_describe(proof->memory, proof->python, &f, &place)) {
			proof->running += place.line > 0;
			return true;
		}
		if (!memory_u64(proof->memory, frame + o->frame_previous, &frame))
			return false;
	}
	return !frame;
}

static bool check_threads(struct proof *proof)
{
	const struct python_offsets *o = &proof->python->offsets;
	uint64_t state, interpreter, pointer;
	unsigned n = 0;

	if (!memory_u64(proof->memory, proof->interpreter + o->interpreter_threads,
			&state))
		return false;
	for (; state && n < THREADS_MAX; n++) {
		if (!memory_u64(proof->memory, state + o->thread_interpreter,
				&interpreter) ||
		    interpreter != proof->interpreter ||
		    !memory_u64(proof->memory, state + o->thread_id, &pointer))
			return false;
		/* One that is just being made, or has just ended, has none. */
		if (pointer && pointer % 8 == 0) {
			if (!narrow(proof, pointer, state) ||
			    !check_frame(proof, state))
				return false;
			proof->threads++;
		}
		if (!memory_u64(proof->memory, state + o->thread_next, &state))
			return false;
	}
	return true;
}

/* The one candidate; 0: there is none. */
static uint32_t candidate(const struct proof *proof)
{
	for (uint32_t i = 0; i < SPECIFIC_MAX / 8; i++)
		if (proof->candidates[i / 64] >> (i % 64) & 1)
			return i * 8;
	return 0;
}

static int prove_once(struct memory *m, const struct python_symbols *symbols,
		      const struct python *p, struct fdw_python_layout *out, char *why,
		      size_t size)
{
	const struct python_offsets *o = &p->offsets;
	struct proof proof = {.memory = m, .python = p};
	uint64_t at = symbols->runtime + o->runtime_interpreters, next;

	memset(proof.candidates, 0xff, sizeof(proof.candidates));
	if (!memory_u64(m, at, &proof.interpreter) || !proof.interpreter)
		return refuse(-EAGAIN, why, size, "the interpreter has not begun");
	if (!memory_u64(m, proof.interpreter + o->interpreter_next, &next))
		return refuse(-EILSEQ, why, size, "the interpreter can't be read");
	if (next)
		return refuse(-EAGAIN, why, size, "it has several interpreters");
	if (!check_threads(&proof))
		return refuse(-EILSEQ, why, size,
			      "its threads are not where they should be");
	if (!proof.running)
		return refuse(-EAGAIN, why, size, "no function of it runs now");
	*out = (struct fdw_python_layout){
		.interpreters = at,
		.interpreter = proof.interpreter,
		.state = candidate(&proof),
		.thread_id = o->thread_id,
		.frame = o->thread_frame,
		.through = o->through,
		.code = o->frame_code,
		.at = o->frame_at,
		.previous = o->frame_previous,
	};
	if (!out->state)
		return refuse(-EILSEQ, why, size,
			      "its threads' state is not where it should be");
	return 0;
}

int python_prove(struct memory *m, const struct python_symbols *symbols,
		 struct python *p, struct fdw_python_layout *layout, char *why,
		 size_t size)
{
	int err;

	*p = (struct python){.code_type = symbols->code_type};
	*layout = (struct fdw_python_layout){0};
	err = find_offsets(m, symbols, p, why, size);
	/* The process goes on meanwhile: what is wrong once may be right the next time. */
	for (int i = 0; !err && i < ATTEMPTS; i++) {
		err = prove_once(m, symbols, p, layout, why, size);
		if (!err) {
			snprintf(why, size, "Python %u.%u", p->version >> 8 & 0xff,
				 p->version & 0xff);
			return 0;
		}
		if (i + 1 < ATTEMPTS)
			err = 0;
	}
	*layout = (struct fdw_python_layout){0};
	p->version = 0;
	return err;
}
