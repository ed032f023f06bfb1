// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sensors: two ways to see what happens to descriptors, one core (near.bpf.h,
 * refusal.bpf.h). User space loads the programs of one of them.
 */
#include "fexit.bpf.h"
#include "tracepoint.bpf.h"

/* A main thread exits before others of its process. With either sensor, where what is kept of
 * a process is stored on that thread. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(leader_exit)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state;
	struct process_id id;

	if (task->pid != task->tgid || threads_left(task) < 2)
		return 0;
	state = bpf_task_storage_get(&process_storage, task, NULL, 0);
	if (!state)
		return 0;
	process_id(task, &id);
	bpf_map_update_elem(&left_behind, &id, state, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
