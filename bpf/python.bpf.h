/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Python frames of the current thread, while its call is under way. They are on a stack
 * of the interpreter's own that is used again as soon as the functions return, so they are
 * read here; what they point to lives for long, and user space reads that afterwards.
 *
 * At a system call CPython has given up its lock, and no thread is the current one to it. But
 * each thread keeps a pointer to its state among its thread-specific data, at a fixed distance
 * from its thread pointer, which user space has found and proved (unwind/python_prove.c).
 */
#ifndef FDWARDEN_PYTHON_BPF_H
#define FDWARDEN_PYTHON_BPF_H

#include "compat.bpf.h"
#include "fdwarden/wire.h"

/* Set by user space at any time: `interpreters` last. */
struct fdw_python_layout python = {};

static __always_inline bool python_word(__u64 *to, __u64 at)
{
	return !bpf_probe_read_user(to, sizeof(*to), (void *)at);
}

/* The address of the innermost one; 0: none, or it is not known. */
static __always_inline __u64 python_innermost(__u64 pointer, struct fdw_script *to)
{
	__u64 word = 0, state = 0;

	/* Of several interpreters in one thread, the pointer leads to the first one's state. */
	if (!python_word(&word, python.interpreters) || word != python.interpreter) {
		to->flags = FDW_SCRIPT_OTHER;
		return 0;
	}
	if (!python_word(&state, pointer + python.state) || !state)
		return 0;
	if (!python_word(&word, state + python.thread_id) || word != pointer)
		return 0;
	if (!python_word(&word, state + python.frame))
		return 0;
	if (python.through && word && !python_word(&word, word + python.through - 1))
		return 0;
	return word;
}

static __always_inline void python_read(struct task_struct *task, struct fdw_script *to)
{
	__u64 frame, pointer;
	int i;

	to->len = 0;
	to->flags = 0;
	if (!python.interpreters)
		return;
	pointer = user_thread_pointer(task);
	frame = pointer ? python_innermost(pointer, to) : 0;
	for (i = 0; i < FDW_SCRIPT_FRAMES; i++) {
		if (!frame)
			return;
		if (!python_word(&to->frames[i].code, frame + python.code) ||
		    !python_word(&to->frames[i].at, frame + python.at) ||
		    !python_word(&frame, frame + python.previous)) {
			to->flags = FDW_SCRIPT_CUT;
			return;
		}
		to->len = i + 1;
	}
	if (frame)
		to->flags = FDW_SCRIPT_CUT;
}

#endif /* FDWARDEN_PYTHON_BPF_H */
