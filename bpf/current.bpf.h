/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of the current process: of the sensors alone, which make it.
 */
#ifndef FDWARDEN_CURRENT_BPF_H
#define FDWARDEN_CURRENT_BPF_H

#include "process.bpf.h"

static const struct process_state fresh_state; /* 96 bytes less of stack */

/*
 * What was kept of processes whose main thread exited before others did. If it did because
 * another thread called execve(), that one takes its place, and what was stored on it is gone.
 */
struct process_id {
	__u64 start_ns;
	__u64 tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct process_id);
	__type(value, struct process_state);
} left_behind SEC(".maps");

static __always_inline void process_id(struct task_struct *leader,
				       struct process_id *id)
{
	id->start_ns = start_time(leader);
	id->tgid = BPF_CORE_READ(leader, tgid);
}

/* The first that is seen of the current process in this main thread. Returns whether there is
 * something kept of it now. Global: the verifier looks at it once. */
__noinline int process_begin(void)
{
	struct process_state *state, *left;
	struct task_struct *task;
	struct process_id id;

	if (!use_task_storage)
		return 0;
	task = current_task();
	state = bpf_task_storage_get(&process_storage, task->group_leader, NULL,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		return 0;
	process_id(task->group_leader, &id);
	left = bpf_map_lookup_elem(&left_behind, &id);
	if (left)
		*state = *left;
	return 1;
}

/* Of the current process; created on first use. NULL: no memory. */
static __always_inline struct process_state *process_current(struct task_struct *task)
{
	struct process_state *state;
	__u64 start_ns;
	__u32 tgid;

	if (use_task_storage) {
		state = bpf_task_storage_get(&process_storage, task->group_leader, NULL,
					     0);
		if (!state && process_begin())
			state = bpf_task_storage_get(&process_storage,
						     task->group_leader, NULL, 0);
		return state;
	}
	tgid = bpf_get_current_pid_tgid() >> 32;
	start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	state = bpf_map_lookup_elem(&process_hash, &tgid);
	if (state && state->start_ns == start_ns)
		return state;
	bpf_map_update_elem(&process_hash, &tgid, &fresh_state, BPF_ANY);
	state = bpf_map_lookup_elem(&process_hash, &tgid);
	if (state)
		state->start_ns = start_ns;
	return state;
}

#endif /* FDWARDEN_CURRENT_BPF_H */
