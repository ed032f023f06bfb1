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
#include "hook.bpf.h"
#include "near.bpf.h"
#include "refusal.bpf.h"

#define MSG_CTRUNC              8
/* msg_flags of struct msghdr, include/linux/socket.h, and of its 32-bit form */
#define MSG_FLAGS_OFFSET        48
#define MSG_FLAGS_OFFSET_COMPAT 24
/* struct mmsghdr */
#define MMSG_SIZE               64
#define MMSG_SIZE_COMPAT        32
/* Of one recvmmsg() so many messages are looked at; the kernel takes 1,024. */
#define MMSG_MAX                64

static __always_inline bool is_dup(struct pt_regs *regs, bool compat)
{
	__u32 cmd = syscall_arg(regs, true, 2, compat);

	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
}

/*
 * Descriptors in a message to a full table are dropped without an error: the call
 * succeeds and sets MSG_CTRUNC. It does so for a short control buffer as well, so
 * only a table that is full makes it a refusal. Global: the verifier looks at it once.
 */
__noinline int table_is_full(void)
{
	struct task_struct *task = current_task();
	struct files_struct *files;
	struct refusal_scratch *s;
	struct fdw_table *table;
	__u32 zero = 0;
	bool full;

	/* All below it are taken: there is nothing to count. */
	if (CURRENT_READ(task, files, next_fd) >= current_limit(task))
		return true;
	files = BPF_CORE_READ(task, files);
	s = bpf_map_lookup_elem(&refusal_scratch, &zero);
	if (!s)
		return false;
	if (!gate_enter()) {
		process_uncounted(process_current(task));
		return false;
	}
	table = &s->other;
	read_limits(task, table);
	full = files && !fdtable_count(files, table->soft_limit, table) &&
	       table->lowest_free >= table->soft_limit;
	gate_leave();
	return full;
}

/* Of so many messages, the first one's header at this address, those in which something was
 * dropped. Global, and without a branch in its turns: 5.10's verifier would go into each of
 * 64 turns by each way, and from there into all that follows. */
__noinline int messages_cut(__u64 msg, __u32 messages, __u32 compat)
{
	__u32 i, cut = 0, flags, size = compat ? MMSG_SIZE_COMPAT : MMSG_SIZE;

	msg += compat ? MSG_FLAGS_OFFSET_COMPAT : MSG_FLAGS_OFFSET;
	for (i = 0; i < MMSG_MAX; i++) {
		if (i >= messages)
			break;
		/* What can't be read is 0. */
		bpf_probe_read_user(&flags, sizeof(flags), (void *)msg);
		cut += flags / MSG_CTRUNC & 1;
		msg += size;
	}
	return cut;
}

/* `messages` were received: each in which descriptors were dropped is a refusal. */
static __noinline int truncated(struct call *c, __u32 messages)
{
	__u32 cut = messages_cut(call_arg(c, 2), messages, c->compat);

	if (!cut || cut > MMSG_MAX || !table_is_full())
		return 0;
	return refused(EMFILE, true, cut);
}

/* Installed some, and returned something else than a number. */
static __always_inline int gained_aside(struct call *c, long ret)
{
	__u64 taken = CURRENT_READ(c->task, files, next_fd);
	__u64 limit = current_limit(c->task);

	if (c->desc.flags & (FDW_CALL_MSGHDR | FDW_CALL_MMSGHDR) &&
	    reaches_a_step(taken, limit))
		truncated(c, c->desc.flags & FDW_CALL_MMSGHDR ? ret : 1);
	return gained(c, c->desc.opens, taken, limit);
}

static __always_inline void succeeded(struct call *c, struct pt_regs *regs, long ret)
{
	switch (c->desc.yield) {
	case FDW_YIELD_FCNTL:
		if (!is_dup(regs, c->compat))
			return;
		/* fallthrough */
	case FDW_YIELD_RETURN:
		gained(c, 1, (__u32)ret + 1, current_limit(c->task));
		return;
	case FDW_YIELD_ASIDE:
		gained_aside(c, ret);
		return;
	case FDW_YIELD_CLOSE:
		lost_one(c);
		return;
	case FDW_YIELD_RLIMIT:
		own_limit(c);
		return;
	default:
		return;
	}
}

/* Returns whether the call may have got a descriptor, or given one up. */
static __always_inline bool exited_call(struct pt_regs *regs, long ret)
{
	struct call c = {.regs = regs};
	__u64 nr = syscall_number(regs, true);

	if ((__u64)ret >= -(__u64)MAX_ERRNO) {
		if (!error_may_be_limit(ret))
			return false;
		/* rt_sigreturn puts back the registers of what a signal interrupted: the
		 * call's number is -1 then, and its result what happened to be there, such
		 * as the error of the call before (x86, arm64; seen of Go, which interrupts
		 * its threads by signals). */
		if (nr >= FDW_CALL_IO_URING)
			return false;
		call_identify(&c, nr);
		if (error_is_limit(&c, ret))
			(void)refused(-ret, true, 1);
		return false;
	}
	if (!call_is_watched(nr))
		return false;
	call_identify(&c, nr);
	succeeded(&c, regs, ret);
	return true;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sensor_exit, struct pt_regs *regs, long ret)
{
	if (exited_call(regs, ret))
		hook_run(ctx, &hooked_exit);
	return 0;
}

/* The same for a kernel without a JIT (net.core.bpf_jit_enable=0, as Debian's riscv64 has it):
 * it refuses a program that has functions and a tail call anywhere, be it never reached. */
SEC("tp_btf/sys_exit")
int BPF_PROG(sensor_exit_bare, struct pt_regs *regs, long ret)
{
	(void)exited_call(regs, ret);
	return 0;
}

#endif /* FDWARDEN_TRACEPOINT_BPF_H */
