/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes between the unwinder and its child: one message a question, one an answer,
 * both of the same program, so no versions. The child reads what a process made, so
 * neither trusts it: whoever receives checks every length.
 */
#ifndef FDWARDEN_UNWIND_WIRE_H
#define FDWARDEN_UNWIND_WIRE_H

#include <stdint.h>

#include "fdwarden/wire.h"

/* argv[1] of the child; its argv[2] is the pid, and argv[3] what it may write to. */
#define UNWIND_CHILD_COMMAND  "unwinder"
#define UNWIND_MEMORY_DEFAULT (512ull << 20)

#define UNWIND_FRAMES_MAX     96
#define UNWIND_WORDS_MAX      256
#define UNWIND_MESSAGE_MAX    (64u * 1024)
#define UNWIND_TEXT_MAX       512 /* of each text, its NUL included */
#define UNWIND_ERROR_MAX      192

enum unwind_type {
	UNWIND_PREPARE = 1, /* (nothing) → struct unwind_prepared */
	UNWIND_STACK,       /* struct unwind_stack → struct unwind_chain */
	UNWIND_DESCRIBE,    /* struct unwind_addresses → struct unwind_description */
	UNWIND_PYTHON,      /* (nothing) → struct unwind_python */
	UNWIND_SCRIPT,      /* struct unwind_script → struct unwind_description */
};

struct unwind_header {
	uint32_t type; /* of the question, in the answer as well */
	uint32_t size; /* of all, this included */
};

struct unwind_prepared {
	struct unwind_header header;
	int32_t error; /* negative errno: stacks can't be unwound */
	char text[UNWIND_ERROR_MAX];
};

struct unwind_stack {
	struct unwind_header header;
	uint64_t regs[FDW_STACK_REGS];
	uint32_t flags; /* enum fdw_stack_flag */
	uint32_t len;
	uint8_t bytes[FDW_STACK_MAX];
};

/* Why a chain ends where it does. */
enum unwind_end {
	UNWIND_END_COMPLETE,
	UNWIND_END_CUT,    /* further up than what was kept of the stack */
	UNWIND_END_LOST,   /* nothing says how to go on */
	UNWIND_END_LENGTH, /* it has more frames than are kept */
};

/* A word of the stack that the chain depends on: it is the same for any stack that has
 * the same ones, and the same instruction pointer. */
struct unwind_word {
	uint16_t offset; /* from the stack pointer */
	uint16_t
		relative; /* 1: points into the stack, `value` is from the stack pointer */
	uint32_t reserved;
	uint64_t value;
};

struct unwind_chain {
	struct unwind_header header;
	uint32_t end; /* enum unwind_end */
	uint32_t len, words_len;
	uint32_t reserved;
	uint64_t addresses[UNWIND_FRAMES_MAX]; /* the innermost one first */
	struct unwind_word words[UNWIND_WORDS_MAX];
};

struct unwind_addresses {
	struct unwind_header header;
	uint32_t len;
	uint32_t reserved;
	uint64_t addresses[UNWIND_FRAMES_MAX];
};

/* What Python runs in the process, and where its frames are. */
struct unwind_python {
	struct unwind_header header;
	int32_t error; /* negative errno: python_module_find()'s */
	struct fdw_python_layout layout;
	char text[UNWIND_ERROR_MAX]; /* its version, or why it is not known */
};

/* Frames of the interpreter's that the kernel has kept. */
struct unwind_script {
	struct unwind_header header;
	uint32_t len;
	uint32_t reserved;
	struct fdw_script_frame frames[FDW_SCRIPT_FRAMES];
};

enum unwind_language {
	UNWIND_COMPILED,
	UNWIND_INTERPRETER, /* compiled, and of the interpreter that runs what follows */
	UNWIND_IN_PYTHON,
};

/* One frame; functions that were inlined into another have one of their own, before it.
 * Behind it its texts, each with its NUL: function, module, file, build id. "": unknown. */
struct unwind_frame {
	uint64_t address;
	uint64_t offset; /* in the module, as its symbol table and addr2line count */
	uint32_t line;   /* 0: unknown */
	uint16_t inlined;
	uint16_t lens[4];  /* of the texts, NULs included: at least 1 */
	uint16_t language; /* enum unwind_language */
};
_Static_assert(sizeof(struct unwind_frame) == 32, "no padding");

struct unwind_description {
	struct unwind_header header;
	uint32_t len;
	uint32_t cut; /* 1: some had no room */
	char frames[UNWIND_MESSAGE_MAX];
};

#endif
