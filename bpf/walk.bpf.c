// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The snapshot taken by a program that walks the tasks itself and writes into a
 * mapped array. It is run by BPF_PROG_RUN, which needs no descriptor: it works when
 * the system has none left. Needs the task iterator's kfuncs (since 6.7,
 * c68a78ffe2cb), so it is an object of its own, chosen if it loads.
 */
#include "snapshot.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define ALL_THREADS       1 /* BPF_TASK_ITER_ALL_THREADS */
/* Of one process: anyone can make threads with tables of their own by the thousand,
 * and they must not fill the array. */
#define THREAD_TABLES_MAX 64

#ifndef FDWARDEN_ALL_TYPES
struct bpf_iter_task {
	__u64 __opaque[3];
} __attribute__((aligned(8)));
#endif
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task,
			     unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* user space sets its size */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct fdw_snapshot_record);
} tables SEC(".maps");

/* inputs: only processes that started at this time or later */
__u64 from_start_ns = 0;

/* outputs */
__u32 tables_len = 0;
__u32 cut = 0; /* the array was full: run again from here */
__u64 cut_start_ns = 0;

/* inner state: threads come behind their leader, one process after another */
static __u64 last_files;
static __u32 last_tgid, last_tables;
static __u32
	last_at; /* where the last of its tables stands that has a place of its own */

/* One table that has none: it takes that place if it is fuller. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fdw_snapshot_record);
} one_more SEC(".maps");

/* Whether this thread's table is one more of its process. */
static __always_inline bool is_another_table(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	__u64 files = (__u64)task->files;

	if (tgid != last_tgid) {
		last_tgid = tgid;
		last_files = 0;
		last_tables = 0;
	}
	if (task->pid == task->tgid)
		return true;
	if (!files || files == last_files || files == (__u64)task->group_leader->files)
		return false;
	last_files = files;
	last_tables++;
	return true;
}

/*
 * Of a process's tables beyond those that have places of their own the fullest is kept, in
 * the last place, and the others are counted there. All have one limit, so that the one with
 * most taken is the fullest.
 */
static __noinline bool walk_one_more(struct task_struct *task)
{
	struct fdw_snapshot_record *r, *kept;
	__u32 zero = 0, at = last_at, more;

	r = bpf_map_lookup_elem(&one_more, &zero);
	kept = bpf_map_lookup_elem(&tables, &at);
	if (!r || !kept || kept->task.tgid != (__u32)task->tgid)
		return false;
	__builtin_memset(r, 0, sizeof(*r));
	if (!snapshot_task(task, r))
		return false;
	more = kept->table.more + 1;
	if (r->table.used > kept->table.used)
		*kept = *r;
	kept->table.more = more;
	return false;
}

/* Returns whether the array is full. A function of its own, and what it counts is no variable:
 * in the loop itself 6.12's verifier compares, each turn, what this leaves in registers, and
 * takes 22,528 instructions, not 7,209. */
static __noinline bool walk_task(struct task_struct *task)
{
	struct fdw_snapshot_record *r;
	__u32 at = tables_len;

	if (task->group_leader->start_boottime < from_start_ns ||
	    !is_another_table(task))
		return false;
	if (last_tables > THREAD_TABLES_MAX)
		return walk_one_more(task);
	r = bpf_map_lookup_elem(&tables, &at);
	if (!r) {
		cut = 1;
		cut_start_ns = task->group_leader->start_boottime;
		return true;
	}
	/* In place: a record on the stack would be part of each state that the verifier
	 * compares, and take it 1.2 s (6.18). */
	__builtin_memset(r, 0, sizeof(*r));
	if (snapshot_task(task, r)) {
		last_at = at;
		tables_len++;
	}
	return false;
}

SEC("syscall")
int walk(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *task;

	cut = 0;
	last_tgid = 0;
	tables_len = 0;
	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, ALL_THREADS);
	while ((task = bpf_iter_task_next(&it)))
		if (walk_task(task))
			break;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}
