/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that run for single processes where the sensor has seen that they may have got
 * or given up descriptors: traces. One more program at the exit of calls costs every process
 * on the machine 25 to 95 ns for each of its calls (tests/bench/trace), and on two functions
 * 400 instructions for each open and close (tests/bench/instructions); this costs them a look
 * at one word, or some while there are traces, and only where the sensor looks anyway.
 */
#ifndef FDWARDEN_HOOK_BPF_H
#define FDWARDEN_HOOK_BPF_H

#include "call.bpf.h"

/* One for each place, for the kernel takes none that was loaded for another. */
#define PROGRAM_ARRAY(name)                                                            \
	struct {                                                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                 \
		__uint(max_entries, FDW_HOOKS_MAX);                                    \
		__uint(key_size, sizeof(__u32));                                       \
		__uint(value_size, sizeof(__u32));                                     \
	} name SEC(".maps")

PROGRAM_ARRAY(hooked_exit);
PROGRAM_ARRAY(hooked_alloc);
PROGRAM_ARRAY(hooked_dup2);

/* Off where the kernel allows no tail call in a program with functions of its own: on arm64 before
 * 6.0, and without a JIT, where no program may have one at all. */
const volatile bool use_hooks = false;

/* Set by user space. `hooks` is one more than the last index in use. */
__u32 hooks = 0;
struct fdw_hook hook[FDW_HOOKS_MAX] = {};

/* Does not return if there is one for the process, and it is not just being taken away. */
static __always_inline void hook_run(void *ctx, void *hooked)
{
	__u32 tgid, i, n = hooks;

	if (!use_hooks || !n)
		return;
	tgid = bpf_get_current_pid_tgid() >> 32;
	for (i = 0; i < FDW_HOOKS_MAX; i++) {
		/* The index is read: if the verifier knew it, the kernel would patch
		 * the program with each change of the map. */
		if (i < n && hook[i].tgid == tgid)
			bpf_tail_call(ctx, hooked, hook[i].index);
	}
}

#endif /* FDWARDEN_HOOK_BPF_H */
