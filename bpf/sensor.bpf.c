// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracepoint sensor: sees the exit of every system call, counts those that
 * give and take descriptors, and speaks up when a number is handed out near the
 * soft limit or a call is refused.
 *
 * The hot path is one comparison. The kernel hands out the lowest free number,
 * so a returned N proves that 0..N are taken, unless the caller chose a minimum;
 * and files->next_fd proves the same of all numbers below it, for calls that
 * return something else. Both may only hint at a full table: what is reported is
 * counted from the bitmap.
 */
#include "channel.bpf.h"
#include "compat.bpf.h"
#include "fdtable.bpf.h"
#include "process.bpf.h"
#include "refusal.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define NEAR_INTERVAL_NS 125000000ull /* between two records of one level */
#define REFUSED_INTERVAL_NS 125000000ull
#define WINDOW_NS 1000000000ull
#define WINDOW_RECORDS 10 /* a process's in a second */
#define MISS_PAUSE_NS 10000000ull
#define LARGE_TABLE 4096
#define MAX_ERRNO 4095
#define ENFILE 23
#define EMFILE 24
#define ENOSPC 28
#define ETOOMANYREFS 109
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define FULL_SHARE 10000

/* inputs, set before the load */
const volatile struct fdw_call calls[2 * FDW_MAX_CALLS];
const volatile bool watched[FDW_MAX_CALLS]; /* in either ABI */

/* inputs, may change at run time: shares of the soft limit, ascending, in
 * basis points; the unused ones are ~0 */
__u32 steps[FDW_MAX_STEPS] = {};

struct exit {
	struct pt_regs *regs;
	struct task_struct *task;
	__u32 call; /* number with FDW_CALL_COMPAT */
	bool compat;
	struct fdw_call desc; /* its entry of the table; zeroed: not in it */
};

/* Says who called what. */
static __always_inline void exit_identify(struct exit *e, __u64 nr)
{
	e->task = current_task();
	e->compat = syscall_is_compat(e->task);
	e->call = (nr & FDW_CALL_NUMBER) | (e->compat ? FDW_CALL_COMPAT : 0);
	if (nr >= FDW_MAX_CALLS)
		return;
	nr &= FDW_MAX_CALLS - 1; /* in the same register, for the verifier */
	if (e->compat)
		nr += FDW_MAX_CALLS;
	__builtin_memcpy(&e->desc, (const void *)&calls[nr], sizeof(e->desc));
}

static __always_inline __u32 step_of(__u64 taken, __u64 limit)
{
	__u32 i, step = 0;

	for (i = 0; i < FDW_MAX_STEPS; i++)
		if (taken * FULL_SHARE >= limit * steps[i])
			step = i + 1;
		else
			break;
	return step;
}

/* Unlimited is a limit that the multiplications above stand. */
static __always_inline __u64 bounded_limit(__u64 limit)
{
	return limit > 0xffffffff ? 0xffffffff : limit;
}

static __always_inline bool near_is_news(const struct process_state *state, __u32 step,
					 __u64 now)
{
	return step > state->near_step || now - state->near_ns >= NEAR_INTERVAL_NS;
}

/* At most WINDOW_RECORDS a second. Threads may race for the last one: harmless. */
static __always_inline bool window_admits(struct process_state *state, __u64 now)
{
	if (now - state->window_ns >= WINDOW_NS) {
		state->window_ns = now;
		state->window_records = 0;
	}
	if (state->window_records >= WINDOW_RECORDS)
		return false;
	state->window_records++;
	return true;
}

static __always_inline void read_limits(struct task_struct *task, struct fdw_table *out)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	out->soft_limit = BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE_INDEX].rlim_cur);
	out->hard_limit = BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE_INDEX].rlim_max);
}

static __always_inline void add_state(const struct process_state *state,
				      struct fdw_table *out)
{
	out->opened = state->opened;
	out->closed = state->closed;
	out->flags |= FDW_TABLE_COUNTERS;
	if (state->flags & PROCESS_OWN_LIMIT)
		out->flags |= FDW_TABLE_OWN_LIMIT;
}

/* A hint says that `taken` slots of `limit` may be taken. */
static __noinline int near_limit(struct exit *e, struct process_state *state,
				 __u64 taken, __u64 limit)
{
	struct task_struct *task = e->task;
	struct files_struct *files;
	struct fdw_near r = {};
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 step = step_of(taken, limit);

	if (now < state->quiet_until_ns || !near_is_news(state, step, now))
		return 0;
	read_limits(e->task, &r.table);
	files = BPF_CORE_READ(task, files);
	if (!files || fdtable_count(files, r.table.soft_limit, &r.table)) {
		count_loss(FDW_LOSS_READ);
		return 0;
	}
	step = step_of(r.table.used, limit);
	if (!step) {
		/* dup2() or F_DUPFD far up in an empty table. Counting a large
		 * one at each call of a loop would cost too much. */
		if (r.table.max_fds > LARGE_TABLE)
			state->quiet_until_ns = now + MISS_PAUSE_NS;
		return 0;
	}
	if (!near_is_news(state, step, now) || !window_admits(state, now))
		return 0;
	r.header.type = FDW_RECORD_NEAR;
	r.header.size = sizeof(r);
	r.header.time_ns = now;
	process_identity(e->task, &r.task);
	add_state(state, &r.table);
	r.cgroup_id = bpf_get_current_cgroup_id();
	r.call = e->call;
	r.step = step;
	if (bpf_ringbuf_output(&records, &r, sizeof(r), 0)) {
		count_loss(FDW_LOSS_RING_FULL);
		return 0;
	}
	state->near_step = step;
	state->near_ns = now;
	return 0;
}

static __always_inline enum refusal_class class_of(__u32 error)
{
	return error == EMFILE ? REFUSAL_EMFILE
			       : (error == ENFILE ? REFUSAL_ENFILE : REFUSAL_ELSE);
}

/* Fills all of the record but its text. */
static __always_inline void refusal_facts(struct exit *e, struct process_state *state,
					  __u32 error, struct fdw_refused *r)
{
	struct task_struct *task = e->task;
	struct files_struct *files = BPF_CORE_READ(task, files);
	__u64 min;

	r->table.flags = 0;
	read_limits(e->task, &r->table);
	if (!files || fdtable_count(files, r->table.soft_limit, &r->table))
		count_loss(FDW_LOSS_READ);
	if (state)
		add_state(state, &r->table);
	r->cgroup_id = bpf_get_current_cgroup_id();
	r->args[0] = syscall_arg(e->regs, 1, e->compat);
	r->args[1] = syscall_arg(e->regs, 2, e->compat);
	r->args[2] = syscall_arg(e->regs, 3, e->compat);
	r->call = e->call;
	r->error = error;
	r->free_above = 0;
	r->reserved = 0;
	if (e->desc.yield != FDW_YIELD_FCNTL)
		return;
	min = (__u32)r->args[2];
	if (files)
		r->free_above = free_above(files, &r->table, min);
}

/* The first refusal of a process by a call, and then so many a second, get a
 * record; all are counted. */
static __noinline int refused(struct exit *e, __u32 error)
{
	struct process_state *state = process_current(e->task);
	enum refusal_class class = class_of(error);
	struct fdw_refusal_key key = {};
	struct refusal_scratch *s;
	struct fdw_refused *r;
	__u32 zero = 0, size;
	__u64 now, path;
	bool whole;

	now = bpf_ktime_get_boot_ns();
	s = bpf_map_lookup_elem(&refusal_scratch, &zero);
	if (!s)
		return 0;
	r = &s->record;
	process_identity(e->task, &r->task);
	key.start_ns = r->task.start_ns;
	key.tgid = r->task.tgid;
	key.call = e->call;
	key.error = error;
	r->total = refusal_count(&key);
	if (!state)
		count_loss(FDW_LOSS_PROCESS_MAP);
	if (state && r->total > 1 && now - state->refused_ns[class] < REFUSED_INTERVAL_NS)
		return 0;
	r->header.type = FDW_RECORD_REFUSED;
	r->header.time_ns = now;
	refusal_facts(e, state, error, r);
	whole = !state || !(state->flags & PROCESS_IDENTITY_SENT);
	path = syscall_arg(e->regs, e->desc.path_arg, e->compat);
	refusal_text(s, e->task, whole, path);
	size = r->header.size;
	barrier_var(size);
	if (size > sizeof(*s))
		return 0;
	if (bpf_ringbuf_output(&records, s, size, 0)) {
		count_loss(FDW_LOSS_RING_FULL);
		return 0;
	}
	if (state) {
		state->refused_ns[class] = now;
		state->flags |= PROCESS_IDENTITY_SENT;
	}
	return 0;
}

/* prlimit64() or setrlimit() succeeded. */
static __always_inline void own_limit(struct exit *e)
{
	struct process_state *state;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	bool prlimit = e->desc.flags & FDW_CALL_PRLIMIT;
	__u32 pid = prlimit ? syscall_arg(e->regs, 1, e->compat) : 0;
	__u32 resource = syscall_arg(e->regs, prlimit ? 2 : 1, e->compat);
	__u64 limits = syscall_arg(e->regs, prlimit ? 3 : 2, e->compat);

	if (resource != RLIMIT_NOFILE_INDEX || !limits || (pid && pid != tgid))
		return;
	state = process_current(e->task);
	if (state)
		state->flags |= PROCESS_OWN_LIMIT;
}

static __always_inline bool is_dup(struct exit *e)
{
	__u32 cmd = syscall_arg(e->regs, 2, e->compat);

	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
}

/* `opens` more descriptors, and the numbers below `taken` may all be in use. */
static __always_inline int gained(struct exit *e, __u32 opens, __u64 taken)
{
	__u64 limit = bounded_limit(
		CURRENT_READ(e->task, signal, rlim[RLIMIT_NOFILE_INDEX].rlim_cur));
	bool near = taken * FULL_SHARE >= limit * steps[0];
	struct process_state *state;

	if (!opens && !near)
		return 0;
	state = process_current(e->task);
	if (!state) {
		count_loss(FDW_LOSS_PROCESS_MAP);
		return 0;
	}
	if (opens)
		__sync_fetch_and_add(&state->opened, opens);
	return near ? near_limit(e, state, taken, limit) : 0;
}

static __always_inline int lost_one(struct exit *e)
{
	struct process_state *state = process_current(e->task);

	if (state)
		__sync_fetch_and_add(&state->closed, 1);
	else
		count_loss(FDW_LOSS_PROCESS_MAP);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sensor_exit, struct pt_regs *regs, long ret)
{
	struct exit e = {.regs = regs};
	__u64 nr = syscall_number(regs);

	if ((__u64)ret >= -(__u64)MAX_ERRNO) {
		if (ret != -EMFILE && ret != -ENFILE && ret != -ENOSPC &&
		    ret != -ETOOMANYREFS)
			return 0;
		exit_identify(&e, nr);
		if (ret != -EMFILE && ret != -ENFILE &&
		    !(e.desc.flags & FDW_CALL_OTHER_ERRNO))
			return 0;
		return refused(&e, -ret);
	}
	if (nr >= FDW_MAX_CALLS || !watched[nr])
		return 0;
	exit_identify(&e, nr);
	switch (e.desc.yield) {
	case FDW_YIELD_RETURN:
		return gained(&e, 1, (__u32)ret + 1);
	case FDW_YIELD_FCNTL:
		return is_dup(&e) ? gained(&e, 1, (__u32)ret + 1) : 0;
	case FDW_YIELD_ASIDE:
		return gained(&e, e.desc.opens, CURRENT_READ(e.task, files, next_fd));
	case FDW_YIELD_CLOSE:
		return lost_one(&e);
	case FDW_YIELD_RLIMIT:
		own_limit(&e);
		return 0;
	default:
		return 0;
	}
}
