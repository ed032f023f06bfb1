/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system call that is under way: its number, its arguments, and what the table
 * of calls says of it.
 */
#ifndef FDWARDEN_CALL_BPF_H
#define FDWARDEN_CALL_BPF_H

#include "bounded.bpf.h"
#include "compat.bpf.h"
#include "fdwarden/wire.h"

#define MAX_ERRNO       4095
#define ENFILE          23
#define EMFILE          24
#define ENOSPC          28
#define ETOOMANYREFS    109
#define F_DUPFD         0
#define F_DUPFD_CLOEXEC 1030

/* inputs, set before the load */
const volatile struct fdw_call calls[2 * FDW_MAX_CALLS];
const volatile bool watched[FDW_MAX_CALLS]; /* in either ABI */

struct call {
	struct pt_regs *regs; /* of the entry; read by probes only */
	struct task_struct *task;
	__u32 number; /* with FDW_CALL_COMPAT; or FDW_CALL_IO_URING */
	bool compat;
	struct fdw_call desc; /* its entry of the table; zeroed: not in it */
};

/* Says who called what; `regs` is set. */
static __always_inline void call_identify(struct call *c, __u64 nr)
{
	c->task = current_task();
	c->compat = syscall_is_compat(c->task, c->regs);
	c->number = (nr & FDW_CALL_NUMBER) | (c->compat ? FDW_CALL_COMPAT : 0);
	if (nr >= FDW_MAX_CALLS)
		return;
	if (c->compat)
		nr += FDW_MAX_CALLS;
	nr = MASKED(nr, 2 * FDW_MAX_CALLS);
	/* Member by member: a copy that casts `volatile` away is made of what the table is in
	 * this file, all zero (clang 17 and later). */
	c->desc.yield = calls[nr].yield;
	c->desc.opens = calls[nr].opens;
	c->desc.path_arg = calls[nr].path_arg;
	c->desc.flags = calls[nr].flags;
}

/* Whether a call of this number is of interest in either ABI. */
static __always_inline bool call_is_watched(__u64 nr)
{
	return nr < FDW_MAX_CALLS && watched[MASKED(nr, FDW_MAX_CALLS)];
}

/* Argument n (1..6); 0: there is none. */
static __always_inline __u64 call_arg(const struct call *c, __u32 n)
{
	return c->regs ? syscall_arg(c->regs, false, n, c->compat) : 0;
}

/* From within the kernel: the call that the current task is in. */
static __always_inline void call_identify_current(struct call *c)
{
	c->task = current_task();
	if (CURRENT_READ(c->task, flags) & TASK_FLAG_IO_WORKER) {
		c->number = FDW_CALL_IO_URING;
		return;
	}
	c->regs = user_registers(c->task);
	call_identify(c, syscall_number(c->regs, false));
}

/* Errors that are limits: EMFILE and ENFILE of any call, others of some. */
static __always_inline bool error_may_be_limit(long ret)
{
	return ret == -EMFILE || ret == -ENFILE || ret == -ENOSPC ||
	       ret == -ETOOMANYREFS;
}

static __always_inline bool error_is_limit(const struct call *c, long ret)
{
	return ret == -EMFILE || ret == -ENFILE ||
	       (c->desc.flags & FDW_CALL_OTHER_ERRNO);
}

#endif /* FDWARDEN_CALL_BPF_H */
