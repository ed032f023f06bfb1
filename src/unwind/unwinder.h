/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unwinds stacks and describes addresses, in a child process: see unwind/child.h. One that
 * crashes or takes too long is ended, and another one takes its place, a few times.
 */
#ifndef FDWARDEN_UNWINDER_H
#define FDWARDEN_UNWINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unwind/wire.h"

struct unwinder;

/* For one question, of the child's CPU time and in all; the first ones read a program's
 * debugging information. */
#define UNWINDER_CPU_MS      5000
#define UNWINDER_PATIENCE_MS 15000
#define UNWINDER_STARTS_MAX  4

/* For a process as known in our pid namespace, and on whose account it is (0: root's, or not
 * to be counted); the child may write to so many bytes of memory, 0: UNWIND_MEMORY_DEFAULT.
 * Takes what reading its files takes: some milliseconds, at most UNWINDER_PATIENCE_MS. Returns
 * 0, or -errno with one line in `why`. */
int unwinder_open(pid_t pid, uid_t uid, uint64_t memory, struct unwinder **out,
		  char *why, size_t why_size);
void unwinder_close(struct unwinder *unwinder); /* NULL is fine */

/* One stack. 0, or -errno: -ETIMEDOUT, -EPIPE (it crashed), -ECHILD (too often), -EPROTO. */
int unwinder_stack(struct unwinder *unwinder, const struct fdw_stack *stack,
		   struct unwind_chain *out);

/* At most UNWIND_FRAMES_MAX addresses, as they come from one chain. */
int unwinder_describe(struct unwinder *unwinder, const uint64_t *addresses, size_t len,
		      struct unwind_description *out);

/* Where CPython has its frames in the process, and its version in `text`. 0, or -errno:
 * -ENOENT: it runs no Python. -EAGAIN: it can't be told now. Else `text` says why not. */
int unwinder_python(struct unwinder *unwinder, struct fdw_python_layout *layout,
		    char *text, size_t text_size);

/* Frames of an interpreter's, as the kernel kept them. Those that are known no more have no
 * texts. */
int unwinder_script(struct unwinder *unwinder, const struct fdw_script *script,
		    struct unwind_description *out);

/* Another program runs in the process now. 0 or -errno. */
int unwinder_restart(struct unwinder *unwinder);

/* The frames of a description, one after another; begin with *at 0. Texts are valid as
 * long as the description. false: no more. */
struct unwind_described {
	uint64_t address, offset;
	uint32_t line;
	bool inlined;
	enum unwind_language language;
	const char *function, *module, *file, *build_id; /* "": unknown */
};
bool unwind_description_next(const struct unwind_description *description, size_t *at,
			     struct unwind_described *out);

#endif
