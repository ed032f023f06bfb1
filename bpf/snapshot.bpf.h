/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One task's part of a snapshot, whatever walks the tasks.
 */
#ifndef FDWARDEN_SNAPSHOT_BPF_H
#define FDWARDEN_SNAPSHOT_BPF_H

#define TYPED_POINTERS
#include "fdtable.bpf.h"
#include "process.bpf.h"

/* inputs */
const volatile bool have_counters = false; /* the sensor's process maps are shared */

static __always_inline void add_counters(struct task_struct *leader,
					 struct fdw_snapshot_record *r)
{
	struct process_state *state;

	if (!have_counters)
		return;
	state = process_find(leader, r->task.tgid, r->task.start_ns);
	if (!state)
		return;
	r->table.opened = state->opened;
	r->table.closed = process_closed(state, r->table.count);
	r->table.flags |= FDW_TABLE_COUNTERS;
	r->table.flags |= process_table_flags(state);
}

/* Flags of a table that is not its process's ordinary one; -1: leave it out. Threads
 * that share one appear each; user space takes the first. */
static __always_inline int thread_table(struct task_struct *task,
					struct files_struct *files)
{
	struct files_struct *leaders = task->group_leader->files;

	if (files == leaders)
		return -1;
	/* Else the main thread exited and left the others the table. */
	return leaders ? FDW_TABLE_THREAD : FDW_TABLE_THREAD | FDW_TABLE_LEADERLESS;
}

/* Fills *r, zeroed by the caller, from `task`. Returns false if there is nothing to
 * tell: a kernel thread, a task without a table, a thread with its leader's. */
static __always_inline bool snapshot_task(struct task_struct *task,
					  struct fdw_snapshot_record *r)
{
	struct files_struct *files = task->files;
	int flags = 0;

	if (!files || (task->flags & TASK_FLAG_KTHREAD)) /* no table: it is exiting */
		return false;
	if (task->pid != task->tgid)
		flags = thread_table(task, files);
	if (flags < 0)
		return false;
	r->header.type = FDW_RECORD_TABLE;
	r->header.size = sizeof(*r);
	r->header.time_ns = bpf_ktime_get_boot_ns();
	process_identity(task, &r->task);
	r->table.soft_limit = task->signal->rlim[RLIMIT_NOFILE_INDEX].rlim_cur;
	r->table.hard_limit = task->signal->rlim[RLIMIT_NOFILE_INDEX].rlim_max;
	if (fdtable_count(files, r->table.soft_limit, &r->table))
		return false;
	/* It gave its table up meanwhile: what was counted may be anyone's. */
	if (task->files != files)
		return false;
	r->table.flags |= flags;
	if (task->pid == task->tgid)
		add_counters(task, r);
	return true;
}

#endif /* FDWARDEN_SNAPSHOT_BPF_H */
