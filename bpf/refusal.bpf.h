/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A refused call: counted exactly, and reported with all that must be known of
 * a process that may be gone a millisecond later.
 */
#ifndef FDWARDEN_REFUSAL_BPF_H
#define FDWARDEN_REFUSAL_BPF_H

#include "call.bpf.h"
#include "channel.bpf.h"
#include "current.bpf.h"
#include "fdtable.bpf.h"
#include "near.bpf.h"
#include "process.bpf.h"

/* User space sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct fdw_refusal_key);
	__type(value, struct fdw_refusal_value);
} refusals SEC(".maps");

/* How many of those are a user's: counted up here, and set anew by user space with each
 * look, which takes away those of ended processes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} refusal_users SEC(".maps");

/* input, set before the load: a user with as many has its calls told apart no more, and with
 * twice as many its further processes are not counted */
const volatile __u64 user_share = 4096;

/* Strings are appended at an offset that is masked before each use: older kernels'
 * verifiers (up to 6.12) lose its bound otherwise. The mask leaves room behind. */
#define TEXT_MASK 2047
_Static_assert(sizeof(struct fdw_refused) + FDW_TEXT_MAX <= TEXT_MASK,
	       "the mask must not cut");

struct refusal_scratch {
	struct fdw_refused record;
	char text[TEXT_MASK + 1 + FDW_PATH_MAX];
	struct fdw_table other; /* of a second count; not on the stack */
};

/* Where the next string goes. */
#define TEXT_AT(scratch, off) ((scratch)->text + MASKED(off, TEXT_MASK + 1))

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refusal_scratch);
} refusal_scratch SEC(".maps");

/* Calls are told apart as long as the process and its user have not filled their shares of
 * the map: one that fails on purpose by all numbers must not push out the others'. */
static __always_inline __u32 refusal_call(__u32 call, const struct process_state *state,
					  __u64 users)
{
	__u32 number = call & FDW_CALL_NUMBER;

	if (number >= FDW_MAX_CALLS && number != FDW_CALL_IO_URING)
		return FDW_CALL_ELSE;
	if (users >= user_share)
		return FDW_CALL_ELSE;
	return state && state->refusal_keys >= FDW_REFUSAL_KEYS_MAX ? FDW_CALL_ELSE
								    : call;
}

/* Entries of this user. */
static __always_inline __u64 refusals_of_user(__u32 uid)
{
	__u64 *had = bpf_map_lookup_elem(&refusal_users, &uid);

	return had ? *had : 0;
}

static __always_inline void one_more_of_user(__u32 uid)
{
	__u64 *had = bpf_map_lookup_elem(&refusal_users, &uid), one = 1;

	if (had)
		__sync_fetch_and_add(had, 1);
	else
		bpf_map_update_elem(&refusal_users, &uid, &one, BPF_NOEXIST);
}

/* What is told of this process from now on is less than there was. */
static __always_inline void process_uncounted(struct process_state *state)
{
	count_loss(FDW_LOSS_REFUSAL_MAP);
	if (state)
		state->flags |= PROCESS_UNCOUNTED;
}

/*
 * Makes the entry of a process's first refusal by this call and errno. Returns the call that it
 * is counted under, whether there was room or not. Global, and a number is all that comes out
 * of it: the verifier looks at it once, not from each place where a call may be refused.
 */
__noinline int refusal_begin(__u32 call, __u32 error)
{
	struct task_struct *task = current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct fdw_refusal_value none = {};
	struct fdw_refusal_key key = {
		.start_ns = start_time(leader),
		.tgid = BPF_CORE_READ(task, tgid),
		.error = error,
	};
	struct process_state *state = process_current(task);
	__u64 users;

	none.uid = charged_uid(task);
	users = refusals_of_user(none.uid);
	key.call = refusal_call(call, state, users);
	if (users >= 2 * user_share)
		return key.call;
	BPF_CORE_READ_STR_INTO(&none.comm, leader, comm);
	if (bpf_map_update_elem(&refusals, &key, &none, BPF_NOEXIST))
		return key.call; /* there is one already, or there is no room */
	if (state)
		__sync_fetch_and_add(&state->refusal_keys, 1);
	one_more_of_user(none.uid);
	return key.call;
}

/* Returns the new total; 0: there was no room to count it. */
static __always_inline __u64 refusal_count(struct fdw_refusal_key *key, __u32 call,
					   __u32 times, struct process_state *state)
{
	struct fdw_refusal_value *value;

	key->call = call;
	value = bpf_map_lookup_elem(&refusals, key);
	if (!value) {
		key->call = refusal_begin(call, key->error);
		value = bpf_map_lookup_elem(&refusals, key);
	}
	if (!value) {
		process_uncounted(state);
		return 0;
	}
	__sync_fetch_and_add(&value->count, times);
	return value->count;
}

/* Each of these appends at `off` and returns the bytes appended. */
static __always_inline __u64 add_path(struct refusal_scratch *s, __u64 address)
{
	long n;

	if (!address)
		return 0;
	n = bpf_probe_read_user_str(s->text, FDW_PATH_MAX, (void *)address);
	return n > 0 && n <= FDW_PATH_MAX ? n : 0;
}

static __always_inline __u64 add_cmdline(struct refusal_scratch *s,
					 struct task_struct *task, __u64 off)
{
	__u64 start = BPF_CORE_READ(task, mm, arg_start);
	__u64 len = BPF_CORE_READ(task, mm, arg_end) - start;
	char *to = TEXT_AT(s, off);

	if (!start)
		return 0;
	len = AT_MOST(len, FDW_CMDLINE_MAX);
	return bpf_probe_read_user(to, len, (void *)start) ? 0 : len;
}

static __always_inline __u64 add_cgroup(struct refusal_scratch *s,
					struct task_struct *task, __u64 off,
					__u16 *levels)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	__u64 begin = off;
	__u32 i;

#pragma unroll
	for (i = 0; i < FDW_CGROUP_LEVELS; i++) {
		struct kernfs_node *parent;
		long n;

		if (!node)
			break;
		parent = kernfs_parent(node);
		if (!parent) /* the root has no name */
			break;
		n = bpf_probe_read_kernel_str(TEXT_AT(s, off), FDW_CGROUP_NAME_MAX,
					      BPF_CORE_READ(node, name));
		if (n <= 0)
			break;
		off += n;
		*levels = i + 1;
		node = parent;
	}
	return off - begin;
}

/*
 * Free slots that fcntl(F_DUPFD) could have used: those from `min` to the soft
 * limit. Counting a range takes a second pass with the range's start for limit.
 */
static __always_inline __u32 free_above(struct files_struct *files,
					struct refusal_scratch *s, __u64 min)
{
	const struct fdw_table *table = &s->record.table;
	__u64 limit = table->soft_limit;

	if (min >= limit || fdtable_count(files, min, &s->other))
		return 0;
	return (limit - min) - (table->used - s->other.used);
}

/* Behind what the record has: the path (an address of the caller's; 0: none), and if it is to
 * be `whole` who it is that calls. Global: the verifier looks at it once, not for all that
 * the caller may have come by. */
__noinline int refusal_text(__u64 path, __u32 whole)
{
	struct task_struct *task = current_task();
	struct refusal_scratch *s;
	struct fdw_refused *r;
	__u32 zero = 0;
	__u64 off, n;

	s = bpf_map_lookup_elem(&refusal_scratch, &zero);
	if (!s)
		return 0;
	r = &s->record;
	off = add_path(s, path);
	r->path_len = off;
	r->cmdline_len = r->cgroup_len = r->cgroup_levels = 0;
	if (whole) {
		n = add_cmdline(s, task, off);
		r->cmdline_len = n;
		off += n;
		n = add_cgroup(s, task, off, &r->cgroup_levels);
		r->cgroup_len = n;
		off += n;
	}
	r->header.size = sizeof(*r) + off;
	return 0;
}

static __always_inline enum refusal_class class_of(__u32 error)
{
	return error == EMFILE ? REFUSAL_EMFILE
			       : (error == ENFILE ? REFUSAL_ENFILE : REFUSAL_ELSE);
}

/* Everything but table and text, behind the gate. */
static __always_inline void refusal_fill(struct call *c, struct process_state *state,
					 struct fdw_refused *r, __u32 error,
					 __u64 total, __u64 now)
{
	__builtin_memset(&r->table, 0, sizeof(r->table));
	r->header.type = FDW_RECORD_REFUSED;
	r->header.time_ns = now;
	process_identity(c->task, &r->task);
	read_limits(c->task, &r->table);
	if (state)
		add_state(state, &r->table);
	r->cgroup_id = bpf_get_current_cgroup_id();
	r->args[0] = call_arg(c, 1);
	r->args[1] = call_arg(c, 2);
	r->args[2] = call_arg(c, 3);
	r->total = total;
	r->error = error;
	r->free_above = 0;
	r->not_the_table = 0;
	r->filtered = is_filtered(c->task);
}

static __always_inline void refusal_table(struct call *c, struct refusal_scratch *s,
					  const struct process_state *state)
{
	struct task_struct *task = c->task;
	struct files_struct *files = BPF_CORE_READ(task, files);
	struct fdw_refused *r = &s->record;
	__u32 flags = r->table.flags;
	__u64 opened = r->table.opened;

	if (!files || fdtable_count(files, r->table.soft_limit, &r->table)) {
		count_loss(FDW_LOSS_READ);
		r->table.max_fds = 0;
		return;
	}
	r->table.flags |= flags;
	r->table.opened = opened;
	r->table.closed = state ? process_closed(state, r->table.count) : 0;
	if (c->desc.yield == FDW_YIELD_FCNTL)
		r->free_above = free_above(files, s, (__u32)r->args[2]);
}

static __always_inline void refusal_send(struct refusal_scratch *s,
					 struct process_state *state, __u32 error,
					 bool whole)
{
	__u32 size = s->record.header.size;

	if (bpf_ringbuf_output(&records, s, MASKED(size, TEXT_MASK + 1), 0)) {
		count_loss(FDW_LOSS_RING_FULL);
		return;
	}
	if (!state)
		return;
	state->refused_ns[class_of(error)] = s->record.header.time_ns;
	/* A page of arguments that was not there may be the next time. */
	if (whole && s->record.cmdline_len) {
		state->identity_exec_id = s->record.task.exec_id;
		state->flags |= PROCESS_IDENTITY_SENT;
	}
}

static __always_inline bool identity_is_due(const struct call *c,
					    const struct process_state *state)
{
	struct task_struct *task = c->task;

	return !state || !(state->flags & PROCESS_IDENTITY_SENT) ||
	       state->identity_exec_id != (__u32)BPF_CORE_READ(task, self_exec_id);
}

/*
 * The current call was refused, `times` times in one. It is counted in any case; a record is
 * made of the first by this call, and then of so many a second. `table`: it may have been the
 * table, which is counted, too. Global, with plain numbers only: the verifier looks at it
 * once, not for each way by which a call may be refused.
 */
__noinline int refused(__u32 error, __u32 table, __u32 times)
{
	__u64 now = bpf_ktime_get_boot_ns(), total;
	struct fdw_refusal_key key = {.error = error};
	struct process_state *state;
	struct task_struct *task;
	struct refusal_scratch *s;
	struct call c = {};
	__u32 zero = 0;
	bool whole;

	call_identify_current(&c);
	task = c.task;
	state = process_current(task);
	key.start_ns = start_time(BPF_CORE_READ(task, group_leader));
	key.tgid = BPF_CORE_READ(task, tgid);
	total = refusal_count(&key, c.number, times, state);
	if (!state)
		count_loss(FDW_LOSS_PROCESS_MAP);
	if (state && total != times &&
	    now - state->refused_ns[class_of(error)] < FDW_REFUSED_INTERVAL_NS)
		return 0;
	/* A process's first has the last of the room. */
	if (state && state->flags & PROCESS_IDENTITY_SENT && !ring_has_room()) {
		count_loss(FDW_LOSS_RING_FULL);
		return 0;
	}
	s = bpf_map_lookup_elem(&refusal_scratch, &zero);
	if (!s || !gate_enter())
		return 0;
	refusal_fill(&c, state, &s->record, error, total, now);
	s->record.call = key.call;
	if (table)
		refusal_table(&c, s, state);
	else
		s->record.not_the_table = 1;
	whole = identity_is_due(&c, state);
	refusal_text(call_arg(&c, c.desc.path_arg), whole);
	refusal_send(s, state, error, whole);
	gate_leave();
	return 0;
}

#endif /* FDWARDEN_REFUSAL_BPF_H */
