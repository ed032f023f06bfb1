/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors gained and given back: counted for the process, and reported when
 * the table comes near the soft limit.
 */
#ifndef FDWARDEN_NEAR_BPF_H
#define FDWARDEN_NEAR_BPF_H

#include "call.bpf.h"
#include "channel.bpf.h"
#include "current.bpf.h"
#include "fdtable.bpf.h"
#include "process.bpf.h"

#define NEAR_INTERVAL_NS 125000000ull /* between two records of one level */
#define WINDOW_NS        1000000000ull
#define WINDOW_RECORDS   10 /* a process's in a second */
#define MISS_PAUSE_NS    10000000ull
#define LARGE_TABLE      4096
#define FULL_SHARE       10000

/* inputs, may change at run time: shares of the soft limit, ascending, in
 * basis points; the unused ones are ~0 */
__u32 steps[FDW_MAX_STEPS] = {};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fdw_near);
} near_scratch SEC(".maps"); /* not on the stack: 512 bytes are for all frames */

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
	out->closed = process_closed(state, out->count);
	out->flags |= FDW_TABLE_COUNTERS;
	out->flags |= process_table_flags(state);
}

/* Counts the table and reports it, behind the gate. */
static __always_inline void near_report(struct call *c, struct process_state *state,
					__u64 limit, __u64 now)
{
	struct task_struct *task = c->task;
	struct files_struct *files;
	__u32 step, zero = 0;
	struct fdw_near *r;

	r = bpf_map_lookup_elem(&near_scratch, &zero);
	if (!r)
		return;
	read_limits(c->task, &r->table);
	files = BPF_CORE_READ(task, files);
	if (!files || fdtable_count(files, r->table.soft_limit, &r->table)) {
		count_loss(FDW_LOSS_READ);
		return;
	}
	step = step_of(r->table.used, limit);
	if (!step) {
		/* dup2() or F_DUPFD far up in an empty table. Counting a large
		 * one at each call of a loop would cost too much. */
		if (r->table.max_fds > LARGE_TABLE)
			state->quiet_until_ns = now + MISS_PAUSE_NS;
		return;
	}
	if (!near_is_news(state, step, now) || !window_admits(state, now))
		return;
	if (!ring_has_room()) {
		count_loss(FDW_LOSS_RING_FULL);
		state->quiet_until_ns = now + MISS_PAUSE_NS;
		return;
	}
	r->header.type = FDW_RECORD_NEAR;
	r->header.size = sizeof(*r);
	r->header.time_ns = now;
	process_identity(c->task, &r->task);
	add_state(state, &r->table);
	r->cgroup_id = bpf_get_current_cgroup_id();
	r->call = c->number;
	r->step = step;
	if (bpf_ringbuf_output(&records, r, sizeof(*r), 0)) {
		count_loss(FDW_LOSS_RING_FULL);
		return;
	}
	state->near_step = step;
	state->near_ns = now;
}

/* A hint says that `taken` slots of `limit` may be taken. */
static __noinline int near_limit(struct call *c, struct process_state *state,
				 __u64 taken, __u64 limit)
{
	__u64 now = bpf_ktime_get_boot_ns();

	if (now < state->quiet_until_ns ||
	    !near_is_news(state, step_of(taken, limit), now) || !gate_enter())
		return 0;
	near_report(c, state, limit, now);
	gate_leave();
	return 0;
}

/* The current process's soft limit, as the multiplications above stand it. */
static __always_inline __u64 current_limit(struct task_struct *task)
{
	return bounded_limit(
		CURRENT_READ(task, signal, rlim[RLIMIT_NOFILE_INDEX].rlim_cur));
}

static __always_inline bool reaches_a_step(__u64 taken, __u64 limit)
{
	return taken * FULL_SHARE >= limit * steps[0];
}

/* NULL: no memory; counted. */
static __always_inline struct process_state *process_watched(struct task_struct *task)
{
	struct process_state *state = process_current(task);

	if (!state)
		count_loss(FDW_LOSS_PROCESS_MAP);
	return state;
}

/* `opens` more descriptors, and the numbers below `taken` may all be in use. */
static __always_inline int gained(struct call *c, __u32 opens, __u64 taken, __u64 limit)
{
	bool near = reaches_a_step(taken, limit);
	struct process_state *state;

	if (!opens && !near)
		return 0;
	state = process_watched(c->task);
	if (!state)
		return 0;
	if (opens)
		__sync_fetch_and_add(&state->opened, opens);
	return near ? near_limit(c, state, taken, limit) : 0;
}

/* The first that is seen of a process: counts what it has, the new one included. Done
 * again at its next if that can't be had now. */
static __noinline int note_base(struct call *c, struct process_state *state)
{
	struct task_struct *task = c->task;
	struct files_struct *files = BPF_CORE_READ(task, files);
	__u32 zero = 0;
	struct fdw_near *r;

	r = bpf_map_lookup_elem(&near_scratch, &zero);
	if (!r || !gate_enter())
		return 0;
	if (files && !fdtable_count(files, ~0ull, &r->table)) {
		state->base = (__s64)r->table.count - (__s64)state->opened - 1;
		state->flags |= PROCESS_BASE;
	}
	gate_leave();
	return 0;
}

/* One more, where closing is not watched. */
static __always_inline int took(struct call *c, __u32 number, __u64 limit)
{
	struct process_state *state = process_watched(c->task);
	__u64 taken = (__u64)number + 1;

	if (!state)
		return 0;
	if (!(state->flags & PROCESS_BASE))
		note_base(c, state);
	__sync_fetch_and_add(&state->opened, 1);
	return reaches_a_step(taken, limit) ? near_limit(c, state, taken, limit) : 0;
}

static __always_inline int lost_one(struct call *c)
{
	struct process_state *state = process_current(c->task);

	if (state)
		__sync_fetch_and_add(&state->closed, 1);
	else
		count_loss(FDW_LOSS_PROCESS_MAP);
	return 0;
}

/* The current process's id as it is known in its own pid namespace. */
static __always_inline __u32 tgid_in_own_namespace(struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid = (struct upid *)((__u64)pid +
					    bpf_core_field_offset(struct pid, numbers) +
					    level * bpf_core_type_size(struct upid));

	return BPF_CORE_READ(upid, nr);
}

/* prlimit64() or setrlimit() succeeded. */
static __always_inline void own_limit(struct call *c)
{
	struct process_state *state;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	bool prlimit = c->desc.flags & FDW_CALL_PRLIMIT;
	__u32 pid = prlimit ? call_arg(c, 1) : 0;
	__u32 resource = call_arg(c, prlimit ? 2 : 1);
	__u64 limits = call_arg(c, prlimit ? 3 : 2);

	if (resource != RLIMIT_NOFILE_INDEX || !limits ||
	    (pid && pid != tgid && pid != tgid_in_own_namespace(c->task)))
		return;
	state = process_current(c->task);
	if (state)
		state->flags |= PROCESS_OWN_LIMIT;
}

#endif /* FDWARDEN_NEAR_BPF_H */
