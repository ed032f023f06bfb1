/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fexit sensor: sits on the functions that hand out descriptors, so that it
 * costs nothing on other calls and sees ways that no return value shows (messages,
 * ioctls, io_uring, seccomp).
 *
 * User space loads those programs whose function the kernel has, by the names in
 * src/collect/sensor_fexit.c.
 */
#ifndef FDWARDEN_FEXIT_BPF_H
#define FDWARDEN_FEXIT_BPF_H

#include "call.bpf.h"
#include "hook.bpf.h"
#include "near.bpf.h"
#include "refusal.bpf.h"

/*
 * Refusals that alloc_fd or alloc_empty_file saw within a call whose exit is seen as
 * well, by thread, until that exit: it must not count them again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} told SEC(".maps");

static __always_inline int refused_within(__u32 error)
{
	struct call c = {};
	__u64 thread = bpf_get_current_pid_tgid();

	call_identify_current(&c);
	if (c.desc.flags & FDW_CALL_EXIT_SEEN)
		bpf_map_update_elem(&told, &thread, &error, BPF_ANY);
	return refused(&c, error);
}

static __always_inline bool was_told(__u32 error)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 *before = bpf_map_lookup_elem(&told, &thread);
	bool same;

	if (!before)
		return false;
	same = *before == error;
	bpf_map_delete_elem(&told, &thread);
	return same;
}

/* A number was reserved in the table, or there was none below `end`, which is the
 * limit that is really applied: EMFILE here means the table by construction. */
SEC("fexit/alloc_fd")
int BPF_PROG(fexit_alloc_fd, unsigned int start, unsigned int end, unsigned int flags,
	     int ret)
{
	struct call c = {};

	if (ret < 0)
		return ret == -EMFILE ? refused_within(EMFILE) : 0;
	c.task = current_task();
	took(&c, (__u32)ret, end);
	hook_run(ctx, &hooked_alloc);
	return 0;
}

/* dup2() and dup3(): a number chosen by the caller. */
SEC("fexit/do_dup2")
int BPF_PROG(fexit_do_dup2, struct files_struct *files, struct file *file,
	     unsigned int fd, unsigned int flags, int ret)
{
	struct call c = {};

	if (ret < 0)
		return 0;
	c.task = current_task();
	took(&c, (__u32)ret, current_limit(c.task));
	hook_run(ctx, &hooked_dup2);
	return 0;
}

/* The number is given back, as what it was for failed: it was not opened. */
SEC("fentry/put_unused_fd")
int BPF_PROG(fentry_put_unused_fd, unsigned int fd)
{
	struct process_state *state = process_current(current_task());

	if (state)
		__sync_fetch_and_sub(&state->opened, 1);
	return 0;
}

/* The system's limit, fs.file-max: returns a struct file or an error. User space attaches
 * it once that limit is within reach: it would be a third of what an open costs. */
SEC("fexit/alloc_empty_file")
int BPF_PROG(fexit_alloc_empty_file, int flags, const struct cred *cred,
	     struct file *ret)
{
	return (long)ret == -ENFILE ? refused_within(ENFILE) : 0;
}

/* A call with limits of its own has failed, or not. */
static __always_inline int exited(long ret)
{
	struct call c = {};

	if (ret >= 0 || !error_may_be_limit(ret))
		return 0;
	call_identify_current(&c);
	if (!error_is_limit(&c, ret) || was_told(-ret))
		return 0;
	return refused_elsewhere(&c, -ret);
}

static __always_inline int limited(long ret)
{
	struct call c = {};

	if (ret)
		return 0;
	call_identify_current(&c);
	own_limit(&c);
	return 0;
}

/*
 * Programs for the exit of a call, of both ABIs. Their names tell user space what to
 * attach them to: exit_NAME to the native call's function, compat_NAME to the 32-bit
 * one's. All these functions take the registers and return a long.
 */
#define ON_EXIT_ONE(name, handle)                                                      \
	SEC("fexit")                                                                   \
	int BPF_PROG(exit_##name, const struct pt_regs *regs, long ret)                \
	{                                                                              \
		return handle(ret);                                                    \
	}
#define ON_EXIT(name, handle)                                                          \
	ON_EXIT_ONE(name, handle)                                                      \
	SEC("fexit")                                                                   \
	int BPF_PROG(compat_##name, const struct pt_regs *regs, long ret)              \
	{                                                                              \
		return handle(ret);                                                    \
	}

ON_EXIT(prlimit64, limited)
ON_EXIT(setrlimit, limited)
ON_EXIT_ONE(inotify_init, exited) /* no arguments: one function for both ABIs */
ON_EXIT(inotify_init1, exited)
ON_EXIT(inotify_add_watch, exited)
ON_EXIT(fanotify_init, exited)
ON_EXIT(mq_open, exited)
ON_EXIT(io_uring_register, exited)
ON_EXIT(epoll_ctl, exited)
ON_EXIT(sendmsg, exited)
ON_EXIT(sendmmsg, exited)
ON_EXIT(fanotify_mark, exited)
ON_EXIT(socket, exited)
ON_EXIT(socketpair, exited)
ON_EXIT(connect, exited)
ON_EXIT(mount, exited)
ON_EXIT(fsconfig, exited)
ON_EXIT(move_mount, exited)
ON_EXIT(unshare, exited)
ON_EXIT(close_range, exited)
ON_EXIT(memfd_secret, exited)
ON_EXIT(pipe, exited)
ON_EXIT(pipe2, exited)

#endif /* FDWARDEN_FEXIT_BPF_H */
