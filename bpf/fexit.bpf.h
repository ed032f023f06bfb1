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

static __always_inline int refused_within(__u32 error, __u32 how)
{
	struct call c = {};
	__u64 thread = bpf_get_current_pid_tgid();

	call_identify_current(&c);
	if (c.desc.flags & FDW_CALL_EXIT_SEEN)
		bpf_map_update_elem(&told, &thread, &error, BPF_ANY);
	return refused(error, REFUSED_TABLE | how, 1);
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

/*
 * A kernel that may preempt these programs leaves out their runs for other tasks on that CPU
 * meanwhile (6.13 and later; seen on 7.2). bpf_preempt_disable() does not help: what would
 * preempt is done where preemption is on again, which still is in the program. So there are two more programs
 * behind the one at alloc_fd(). Each tells what none before it has; only if three tasks on one
 * CPU are preempted at once, each in another of the three, is a refusal lost. User space, which
 * would preempt, is woken up by the last.
 *
 * Which call it is, is counted at its entry. (By how often the thread was switched it would be
 * known as well, but for the moments between one program and the next: 5 of 4 refusals were
 * told.) Where that is left out the one before seems to go on: with the first one left out as
 * well, a refusal is lost.
 */
enum turn { TURN_FIRST, TURN_SECOND, TURN_LAST };

struct turns {
	__u64 call;           /* from 1; of a thread that was refused before */
	__u64 ran[TURN_LAST]; /* in this call; none for the last */
	__u32 sent;           /* a record that nobody was woken up for */
	__u32 turn;           /* enum turn: which one's run late_alloc_fd ends */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct turns);
} thread_turns SEC(".maps");

/* input, set before the load: the others are there, and run behind the first */
const volatile bool has_spares = false;

static __always_inline struct turns *turns_of(struct task_struct *task, __u64 flags)
{
	return bpf_task_storage_get(&thread_turns, task, NULL, flags);
}

/* What runs first tells it, unless the next ones would not know and tell it again. */
static __always_inline void refused_first(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct turns *turns = turns_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!turns)
		return;
	if (!turns->call)
		turns->call = 1;
	if (refused_within(EMFILE, REFUSED_QUIET))
		turns->sent = 1;
	turns->ran[TURN_FIRST] = turns->call;
}

SEC("fentry/alloc_fd")
int BPF_PROG(spare0_alloc_fd)
{
	struct turns *turns = turns_of(bpf_get_current_task_btf(), 0);

	if (turns)
		turns->call++;
	return 0;
}

static __always_inline void turns_wake(struct turns *turns)
{
	if (!turns->sent)
		return;
	turns->sent = 0;
	wake_reader();
}

PROGRAM_ARRAY(late);
/* If the verifier knew it, the kernel would patch each program when they are put there. */
__u32 failure = 0;

/* Where the spares end if they have something to tell: it is verified and compiled once. */
SEC("fexit/alloc_fd")
int BPF_PROG(late_alloc_fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct turns *turns = turns_of(task, 0);

	if (!turns) {
		(void)refused_within(EMFILE, 0);
		return 0;
	}
	if (refused_within(EMFILE, REFUSED_QUIET))
		turns->sent = 1;
	if (turns->turn == TURN_SECOND)
		turns->ran[TURN_SECOND] = turns->call;
	else
		turns_wake(turns);
	return 0;
}

SEC("fexit/alloc_fd")
int BPF_PROG(spare2_alloc_fd, unsigned int start, unsigned int end, unsigned int flags,
	     int ret)
{
	struct turns *turns;

	if (ret != -EMFILE)
		return 0;
	turns = turns_of(bpf_get_current_task_btf(), 0);
	if (turns && (turns->ran[TURN_FIRST] == turns->call ||
		      turns->ran[TURN_SECOND] == turns->call)) {
		turns_wake(turns);
		return 0;
	}
	if (turns)
		turns->turn = TURN_LAST;
	bpf_tail_call(ctx, &late, failure);
	return 0;
}

SEC("fexit/alloc_fd")
int BPF_PROG(spare1_alloc_fd, unsigned int start, unsigned int end, unsigned int flags,
	     int ret)
{
	struct turns *turns;

	if (ret != -EMFILE)
		return 0;
	turns = turns_of(bpf_get_current_task_btf(), BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!turns)
		return 0;
	if (!turns->call)
		turns->call = 1;
	if (turns->ran[TURN_FIRST] == turns->call)
		return 0;
	turns->turn = TURN_SECOND;
	bpf_tail_call(ctx, &late, failure);
	return 0;
}

/* A number was reserved in the table, or there was none below `end`, which is the
 * limit that is really applied: EMFILE here means the table by construction. */
SEC("fexit/alloc_fd")
int BPF_PROG(fexit_alloc_fd, unsigned int start, unsigned int end, unsigned int flags,
	     int ret)
{
	struct call c = {};

	if (ret == -EMFILE && has_spares)
		refused_first();
	else if (ret == -EMFILE)
		(void)refused_within(EMFILE, 0);
	if (ret < 0)
		return 0;
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
	if ((long)ret == -ENFILE)
		(void)refused_within(ENFILE, 0);
	return 0;
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
		(void)refused(EMFILE, REFUSED_TABLE, 1);
	else /* known not to be the table's */
		(void)refused(-ret, 0, 1);
	return 0;
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
