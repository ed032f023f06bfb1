/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every difference between kernels that the programs must bridge, each with the
 * change that made it. Nothing outside this file knows of a kernel's version;
 * what differs between architectures is in arch.bpf.h.
 */
#ifndef FDWARDEN_COMPAT_BPF_H
#define FDWARDEN_COMPAT_BPF_H

/* vmlinux.h has only the types that are relocated; constants and helpers' types
 * are the stable interface's. While it is regenerated, it has everything. */
#ifndef FDWARDEN_ALL_TYPES
#include <linux/bpf.h>
#include <stdbool.h>
#endif
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define RLIMIT_NOFILE_INDEX                                                            \
	7 /* include/uapi/asm-generic/resource.h; the same on
				  all architectures that have BPF trampolines */
#define TASK_FLAG_KTHREAD   0x00200000 /* PF_KTHREAD */
#define TASK_FLAG_IO_WORKER 0x00000010 /* PF_IO_WORKER, since 5.12 */

/*
 * bpf_get_current_task_btf() came with 5.11 (3ca1032ab7ab). Before, the current
 * task is a plain number that must be read with bpf_probe_read_kernel(). The
 * condition is folded by relocation, so the verifier sees only one branch.
 */
#define HAVE_BTF_TASK                                                                  \
	bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

static __always_inline struct task_struct *current_task(void)
{
	if (HAVE_BTF_TASK)
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* A field of the current task or of what it points to: a plain load where the
 * pointer is typed, else a probe. */
#define CURRENT_READ(task, a, ...)                                                     \
	({                                                                             \
		struct task_struct *t_ = (task);                                       \
		typeof(BPF_CORE_READ(t_, a, ##__VA_ARGS__)) v_;                        \
		if (HAVE_BTF_TASK)                                                     \
			v_ = CHAIN_(t_, a, ##__VA_ARGS__);                             \
		else                                                                   \
			v_ = BPF_CORE_READ(t_, a, ##__VA_ARGS__);                      \
		v_;                                                                    \
	})
#define CHAIN_SELECT_(_1, _2, NAME, ...) NAME
#define CHAIN_1_(p, a)                   ((p)->a)
#define CHAIN_2_(p, a, b)                ((p)->a->b)
#define CHAIN_(p, ...)                   CHAIN_SELECT_(__VA_ARGS__, CHAIN_2_, CHAIN_1_)(p, __VA_ARGS__)

/*
 * A field of a typed pointer, or of what it points to. A walk over the tasks gets such on every
 * kernel, and the plain loads cost next to nothing, where the probes were a quarter of a
 * snapshot's time (6.18, 12,000 processes). The sensors have typed pointers since 5.11 alone,
 * so an object says whether it does.
 */
#ifdef TYPED_POINTERS
#define FIELD_READ(p, a, ...) CHAIN_(p, a, ##__VA_ARGS__)
#else
#define FIELD_READ(p, a, ...) BPF_CORE_READ(p, a, ##__VA_ARGS__)
#endif

/* kernfs_node::parent became __parent in 6.15 (633488947ef6). Both are named here, so that
 * vmlinux.h may be of a kernel that has either. */
struct kernfs_node___before_6_15 {
	struct kernfs_node___before_6_15 *parent;
} __attribute__((preserve_access_index));

struct kernfs_node___since_6_15 {
	struct kernfs_node___since_6_15 *__parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___before_6_15 *old = (void *)node;
	struct kernfs_node___since_6_15 *now = (void *)node;

	if (bpf_core_field_exists(old->parent))
		return (void *)BPF_CORE_READ(old, parent);
	return (void *)BPF_CORE_READ(now, __parent);
}

/* Without CONFIG_SECCOMP there is no such field. */
struct seccomp___mode {
	int mode;
} __attribute__((preserve_access_index));
struct task_struct___seccomp {
	struct seccomp___mode seccomp;
} __attribute__((preserve_access_index));
#define SECCOMP_MODE_FILTER 2 /* include/uapi/linux/seccomp.h */

/* Runs under a seccomp filter. */
static __always_inline bool is_filtered(struct task_struct *task)
{
	struct task_struct___seccomp *t = (void *)task;

	return bpf_core_field_exists(t->seccomp.mode) &&
	       BPF_CORE_READ(t, seccomp.mode) == SECCOMP_MODE_FILTER;
}

/* Threads of the current task's process that have not exited. */
struct signal_struct___threads {
	int nr_threads;
} __attribute__((preserve_access_index));

static __always_inline int threads_left(struct task_struct *task)
{
	struct signal_struct___threads *signal = (void *)BPF_CORE_READ(task, signal);

	return BPF_CORE_READ(signal, nr_threads);
}

#include "arch.bpf.h"

/*
 * The registers that the current task entered the kernel with. bpf_task_pt_regs()
 * came with 5.15 (dd6e10fbd9fb); before, they are at the end of the stack.
 */
static __always_inline struct pt_regs *user_registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(task);
#ifdef KERNEL_STACK_SIZE
	return (struct pt_regs *)((__u64)BPF_CORE_READ(task, stack) +
				  KERNEL_STACK_SIZE -
				  bpf_core_type_size(struct pt_regs));
#else
	return NULL;
#endif
}

#endif /* FDWARDEN_COMPAT_BPF_H */
