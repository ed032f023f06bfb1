/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tracepoint sensor: sees the exit of every system call.
 *
 * The hot path is one comparison. The kernel hands out the lowest free number,
 * so a returned N proves that 0..N are taken, unless the caller chose a minimum;
 * and files->next_fd proves the same of all numbers below it, for calls that
 * return something else. Both may only hint at a full table: what is reported is
 * counted from the bitmap.
 */
#ifndef FDWARDEN_TRACEPOINT_BPF_H
#define FDWARDEN_TRACEPOINT_BPF_H

#include "call.bpf.h"
#include "near.bpf.h"
#include "refusal.bpf.h"

/* prlimit64() or setrlimit() succeeded. */
static __always_inline void own_limit(struct call *c)
{
	struct process_state *state;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	bool prlimit = c->desc.flags & FDW_CALL_PRLIMIT;
	__u32 pid = prlimit ? syscall_arg(c->regs, 1, c->compat) : 0;
	__u32 resource = syscall_arg(c->regs, prlimit ? 2 : 1, c->compat);
	__u64 limits = syscall_arg(c->regs, prlimit ? 3 : 2, c->compat);

	if (resource != RLIMIT_NOFILE_INDEX || !limits || (pid && pid != tgid))
		return;
	state = process_current(c->task);
	if (state)
		state->flags |= PROCESS_OWN_LIMIT;
}

static __always_inline bool is_dup(struct call *c)
{
	__u32 cmd = syscall_arg(c->regs, 2, c->compat);

	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sensor_exit, struct pt_regs *regs, long ret)
{
	struct call c = {.regs = regs};
	__u64 nr = syscall_number(regs);

	if ((__u64)ret >= -(__u64)MAX_ERRNO) {
		if (!error_may_be_limit(ret))
			return 0;
		call_identify(&c, nr);
		return error_is_limit(&c, ret) ? refused(&c, -ret) : 0;
	}
	if (nr >= FDW_MAX_CALLS || !watched[nr])
		return 0;
	call_identify(&c, nr);
	switch (c.desc.yield) {
	case FDW_YIELD_RETURN:
		return gained(&c, 1, (__u32)ret + 1);
	case FDW_YIELD_FCNTL:
		return is_dup(&c) ? gained(&c, 1, (__u32)ret + 1) : 0;
	case FDW_YIELD_ASIDE:
		return gained(&c, c.desc.opens, CURRENT_READ(c.task, files, next_fd));
	case FDW_YIELD_CLOSE:
		return lost_one(&c);
	case FDW_YIELD_RLIMIT:
		own_limit(&c);
		return 0;
	default:
		return 0;
	}
}

#endif /* FDWARDEN_TRACEPOINT_BPF_H */
