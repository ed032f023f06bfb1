/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPython in the memory of a process: where its frames are, and what the code is called that
 * they run. Nothing is taken for true of the process's memory: each list and length is bounded,
 * each address is only read from, and where things are is proved before it is used.
 */
#ifndef FDWARDEN_UNWIND_PYTHON_H
#define FDWARDEN_UNWIND_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fdwarden/wire.h"
#include "unwind/memory.h"

/* What the file says that has the interpreter in it: addresses in the process, 0: not there. */
struct python_symbols {
	uint64_t runtime;   /* _PyRuntime */
	uint64_t code_type; /* PyCode_Type */
	uint64_t version;   /* Py_Version, since 3.11 */
	uint32_t named;     /* by the file's name, for those before: 0x0309 */
};

/* Offsets of members, by the names that they have in CPython; in bytes. */
struct python_offsets {
	uint32_t runtime_interpreters;
	uint32_t interpreter_next, interpreter_threads;
	uint32_t thread_next, thread_interpreter, thread_id, thread_frame;
	uint32_t through; /* as in struct fdw_python_layout */
	uint32_t frame_code, frame_at, frame_previous;
	uint32_t code_filename, code_name, code_lines, code_first_line;
	uint32_t code_instructions; /* 0: frame_at is no address, but an offset */
	uint32_t text_ascii,
		text_compact; /* size of the head of a str of either kind */
};

struct python {
	uint32_t version; /* 0x030b; 0: none is known */
	uint64_t code_type;
	struct python_offsets offsets;
};

/* "3.11" and the like, or why it is not known. */
#define PYTHON_WHY_MAX 160

/*
 * Proves on the running interpreter where its frames are, and fills both. -ENOTSUP: this one
 * is not known. -EAGAIN: it can't be proved now, as no function of it runs, or it moves too
 * fast. -EILSEQ: what is there is not what it should be. `why` says it in a line.
 */
int python_prove(struct memory *memory, const struct python_symbols *symbols,
		 struct python *python, struct fdw_python_layout *layout, char *why,
		 size_t why_size);

/* Of one frame. Texts are UTF-8 as far as the process's are; cut to their sizes. */
struct python_place {
	char function[512], file[512];
	uint32_t line; /* 0: unknown */
};

/* false: that is no code object any more. */
bool python_describe(struct memory *memory, const struct python *python,
		     const struct fdw_script_frame *frame, struct python_place *out);

/* Line of the instruction at `at` bytes, by the table that a version has; 0: none. Pure. */
uint32_t python_line(uint32_t version, const uint8_t *table, size_t len,
		     uint32_t first_line, uint64_t at);

#endif
