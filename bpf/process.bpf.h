/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of a process in the kernel, and who it is.
 */
#ifndef FDWARDEN_PROCESS_BPF_H
#define FDWARDEN_PROCESS_BPF_H

#include "compat.bpf.h"
#include "fdwarden/wire.h"

enum process_flag {
	PROCESS_OWN_LIMIT = 1 << 0,     /* it set its own RLIMIT_NOFILE */
	PROCESS_IDENTITY_SENT = 1 << 1, /* a refusal's record told who it is … */
	PROCESS_BASE = 1 << 2,          /* `base` is set */
	PROCESS_UNCOUNTED = 1 << 3,     /* refusals of it found no room to be counted */
};

enum refusal_class { REFUSAL_EMFILE, REFUSAL_ENFILE, REFUSAL_ELSE, REFUSAL_CLASSES };

struct process_state {
	__u64 start_ns; /* of whom; only where the key is a reusable pid */
	__u64 opened, closed;
	__s64 base;      /* descriptors that it had before those that were counted */
	__u64 near_ns;   /* last record of it */
	__u64 window_ns; /* start of the second in which records are counted */
	__u64 quiet_until_ns;
	__u64 refused_ns[REFUSAL_CLASSES];
	__u64 identity_exec_id; /* … of the program that it was then */
	__u32 flags;            /* enum process_flag */
	__u16 near_step;
	__u16 window_records;
	__u32 refusal_keys; /* in the refusals' map */
	__u32 reserved;
};

/*
 * Task storage on the thread-group leader is freed with it and costs 10 ns less
 * a call than a hash; tracing programs may use it since 5.12 (a10787e6d58c).
 * User space creates one of the two maps.
 */
const volatile bool use_task_storage = true;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct process_state);
} process_storage SEC(".maps");

/* Nobody deletes those of processes that came and went between two snapshots: the
 * longest unused make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct process_state);
} process_hash SEC(".maps");

static __always_inline __u64 start_time(struct task_struct *leader)
{
	return FIELD_READ(leader, start_boottime);
}

/* NULL when there is none yet. For a leader that is not the current task's. */
static __always_inline struct process_state *process_find(struct task_struct *leader,
							  __u32 tgid, __u64 start_ns)
{
	struct process_state *state;

	if (use_task_storage)
		return bpf_task_storage_get(&process_storage, leader, NULL, 0);
	state = bpf_map_lookup_elem(&process_hash, &tgid);
	return state && state->start_ns == start_ns ? state : NULL;
}

/* Those that a table's record tells, enum fdw_table_flag. */
static __always_inline __u32 process_table_flags(const struct process_state *state)
{
	return (state->flags & PROCESS_OWN_LIMIT ? FDW_TABLE_OWN_LIMIT : 0) |
	       (state->flags & PROCESS_UNCOUNTED ? FDW_TABLE_UNCOUNTED : 0);
}

/*
 * What it has closed, being at `count` now. Where closing is not watched it is what is
 * missing of the opened: by close(), close_range(), exec or whatever took it.
 */
static __always_inline __u64 process_closed(const struct process_state *state,
					    __u64 count)
{
	__s64 had = state->base + (__s64)state->opened;

	if (!(state->flags & PROCESS_BASE))
		return state->closed;
	return had > (__s64)count ? (__u64)had - count : 0;
}

/* Levels of user namespaces, that a user can make (kernel/user_namespace.c). */
#define MAX_USER_SPACES 33

struct user_namespace___charged {
	struct user_namespace___charged *parent;
	int level;
	kuid_t owner;
} __attribute__((preserve_access_index));

struct cred___charged {
	kuid_t uid;
	struct user_namespace___charged *user_ns;
} __attribute__((preserve_access_index));

/*
 * On whose account it is: a set-user-ID program is its starter's, as whom the real id stays,
 * and a process in a user namespace is his who made the outermost one, whichever of his
 * subordinate ids it has. Where root made it (a container's), it is the id's own.
 */
static __always_inline __u32 charged_uid(struct task_struct *task)
{
	struct cred___charged *cred = (void *)FIELD_READ(task, cred);
	struct user_namespace___charged *space;
	__u32 uid, owner = 0;

	/* It never is; but to the verifier it may be, where the kernel was built by clang: its
	 * BTF tells that the member is __rcu. */
	if (!cred)
		return 0;
	space = FIELD_READ(cred, user_ns);
	uid = FIELD_READ(cred, uid.val);
	for (int i = 0; i < MAX_USER_SPACES && FIELD_READ(space, level) > 0; i++) {
		owner = FIELD_READ(space, owner.val);
		space = FIELD_READ(space, parent);
	}
	return owner ? owner : uid;
}

/* Who `task` is: its process by the leader, its credentials by itself. */
static __always_inline void process_identity(struct task_struct *task,
					     struct fdw_task *out)
{
	struct task_struct *leader = FIELD_READ(task, group_leader);
	const struct cred *cred = FIELD_READ(task, cred);

	out->start_ns = start_time(leader);
	out->tgid = FIELD_READ(task, tgid);
	out->tid = FIELD_READ(task, pid);
	out->ppid = FIELD_READ(leader, real_parent, tgid);
	out->uid = cred ? FIELD_READ(cred, euid.val) : 0; /* as in charged_uid() */
	out->exec_id = (__u32)FIELD_READ(task, self_exec_id);
	out->charged_uid = charged_uid(task);
	/* The whole array is compared and sent: nothing may stand behind the NUL. */
	__builtin_memset(out->comm, 0, sizeof(out->comm));
	BPF_CORE_READ_STR_INTO(&out->comm, leader, comm);
}

#endif /* FDWARDEN_PROCESS_BPF_H */
