/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fexit sensor: sits on the functions that hand out descriptors, so that it
 * costs nothing on other calls and sees ways that no return value shows (messages,
 * ioctls, io_uring, seccomp).
 *
 * User space loads those programs whose function the kernel has, by the names in
 * src/collect/sensor_programs.c.
 */
#ifndef FDWARDEN_FEXIT_BPF_H
#define FDWARDEN_FEXIT_BPF_H

#include "call.bpf.h"
#include "hook.bpf.h"
#include "near.bpf.h"
#include "refusal.bpf.h"

/*
 * Refusals that alloc_fd or alloc_empty_file saw within a call whose exit is seen as
 * well, by thread, until that exit: it must not count them again. Of a call that is then not
 * made (a seccomp supervisor can refuse a number within it) it never comes: the longest
 * unused make room, or such calls would fill the map for good.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
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
	return refused(error, true, 1);
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

/* The number is given back, as what it was for failed: it was not opened. One that was taken
 * before we came (an open() that waits in a FIFO) was not counted. */
SEC("fentry/put_unused_fd")
int BPF_PROG(fentry_put_unused_fd, unsigned int fd)
{
	struct process_state *state = process_current(current_task());

	/* Not __sync_fetch_and_sub(): clang 21 and later make an instruction of it that
	 * fetches as well, which 5.10 does not know. */
	if (state && state->opened)
		__sync_fetch_and_add(&state->opened, -1);
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

/*
 * A call with limits of its own has failed. Their exits end in one program, which is verified
 * and compiled once: in each of 40 it would be four fifths of what the kernel has to do for
 * this sensor at the start. A program may end in one that was made for a function of the same
 * prototype only, and of these there are two: to the compiler some calls' registers are
 * "unused". User space chooses, by the kernel's types.
 */
static __always_inline int failed(long ret)
{
	struct call c = {};

	call_identify_current(&c);
	if (!error_is_limit(&c, ret) || was_told(-ret))
		return 0;
	/* With a full table it is that, and the kernel has left out the run at alloc_fd that
	 * would have told it (6.13+, where another was preempted in it). */
	if (ret == -EMFILE &&
	    CURRENT_READ(c.task, files, next_fd) >= current_limit(c.task))
		return refused(EMFILE, true, 1);
	/* known not to be the table's */
	return refused(-ret, false, 1);
}

SEC("fexit")
int BPF_PROG(tail_one, const struct pt_regs *regs, long ret)
{
	return failed(ret);
}

SEC("fexit")
int BPF_PROG(tail_two, const struct pt_regs *regs, long ret)
{
	return failed(ret);
}

PROGRAM_ARRAY(failed_one);
PROGRAM_ARRAY(failed_two);

/* If the verifier knew it, the kernel would patch each program when they are put there. */
__u32 failure = 0;

static __always_inline int exited(void *ctx, long ret, void *tail)
{
	if (ret < 0 && error_may_be_limit(ret))
		bpf_tail_call(ctx, tail, failure);
	return 0;
}

static __always_inline int limited(void *ctx, long ret)
{
	struct call c = {};

	if (ret)
		return 0;
	call_identify_current(&c);
	own_limit(&c);
	return 0;
}

/*
 * Programs for the exit of a call. Their names tell user space what to attach them to:
 * exit_NAME to the native call's function, compat_NAME to the 32-bit one's; with a number
 * only if that has this of the two prototypes. All these functions take the registers and
 * return a long.
 */
#define ON_EXIT_ONE(prefix, name, handle, ...)                                         \
	SEC("fexit")                                                                   \
	int BPF_PROG(prefix##_##name, const struct pt_regs *regs, long ret)            \
	{                                                                              \
		return handle(ctx, ret, ##__VA_ARGS__);                                \
	}
#define ON_EXIT_NATIVE(name)                                                           \
	ON_EXIT_ONE(exit1, name, exited, &failed_one)                                  \
	ON_EXIT_ONE(exit2, name, exited, &failed_two)
#define ON_EXIT(name)                                                                  \
	ON_EXIT_NATIVE(name)                                                           \
	ON_EXIT_ONE(compat1, name, exited, &failed_one)                                \
	ON_EXIT_ONE(compat2, name, exited, &failed_two)
#define ON_LIMIT(name)                                                                 \
	ON_EXIT_ONE(exit, name, limited)                                               \
	ON_EXIT_ONE(compat, name, limited)

ON_LIMIT(prlimit64)
ON_LIMIT(setrlimit)
ON_EXIT_NATIVE(inotify_init) /* no arguments: one function for both ABIs */
ON_EXIT(inotify_init1)
ON_EXIT(inotify_add_watch)
ON_EXIT(fanotify_init)
ON_EXIT(mq_open)
ON_EXIT(io_uring_register)
ON_EXIT(epoll_ctl)
ON_EXIT(sendmsg)
ON_EXIT(sendmmsg)
ON_EXIT(fanotify_mark)
ON_EXIT(socket)
ON_EXIT(socketpair)
ON_EXIT(connect)
ON_EXIT(mount)
ON_EXIT(fsconfig)
ON_EXIT(move_mount)
ON_EXIT(open_tree)
ON_EXIT(fsmount)
ON_EXIT(unshare)
ON_EXIT(close_range)
ON_EXIT(memfd_secret)
ON_EXIT(pipe)
ON_EXIT(pipe2)

#endif /* FDWARDEN_FEXIT_BPF_H */
