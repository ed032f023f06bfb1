// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where one process opens its descriptors: the caller's registers and the top of its stack
 * are kept by the descriptor's number. Loaded while the process is traced.
 *
 * User space loads the programs for one of three places. At the exits of calls, best run by
 * the sensor that is there anyway (hook.bpf.h), the numbers are seen that calls return, or
 * write to memory. Where numbers are taken, run by the other sensor, each opening is seen
 * that the process makes in a call; the file comes later. On the functions that put files
 * into a table each is seen as well, without a sensor, and others pay a comparison when they
 * open or close, and nothing else.
 *
 * The descriptor table is the truth: user space compares what is kept here with what a
 * census finds. So nothing is wrong if closing by ways that are not seen here is not,
 * and what opens by such ways is unknown.
 */
#include "call.bpf.h"
#include "hold.bpf.h"
#include "python.bpf.h"
#include "user_stack.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* inputs, set before the load */
const volatile __u32 stacks_mask = 0; /* their number, a power of two, less 1 */

/* By number of the descriptor. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* user space sets their sizes */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct fdw_open);
} opens SEC(".maps");

/* Set for each FDW_OPENS_PER_DIRTY of them when one is written; user space clears. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} dirty SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct fdw_stack) + FDW_STACK_MIN);
} stacks SEC(".maps");

__u32 traced_tgid = 0; /* in the initial pid namespace */
/* Of it this thread alone; 0: all. Set while user space proves on itself that openings are
 * seen: its other threads open, too. */
__u32 traced_tid = 0;

/* outputs */
__u64 exec_id = 0;  /* of the program that opened last */
__u64 no_stack = 0; /* openings without one: all that there are were wanted */
__u64 too_high = 0; /* openings of numbers beyond `opens` */

/* Whether nobody needs what is in it any more. */
static __always_inline bool stack_is_free(const struct fdw_stack *stack)
{
	__u64 opened_ns = stack->opened_ns;
	struct fdw_open *owner;
	__u32 fd = stack->fd;

	if (!opened_ns || stack->taken_ns == opened_ns)
		return true;
	owner = bpf_map_lookup_elem(&opens, &fd);
	return !owner || owner->opened_ns != opened_ns || owner->closed_of == opened_ns;
}

static __always_inline struct fdw_stack *stack_at(__u32 at, __u32 fd)
{
	struct fdw_stack *stack = bpf_map_lookup_elem(&stacks, &at);

	return stack && (stack->fd == fd || stack_is_free(stack)) ? stack : NULL;
}

/*
 * The number says which one: those that are opened and closed again are the lowest free,
 * again and again, and those that leak go around, far behind what user space has taken.
 * So nothing is to be allocated, and there are no locks.
 */
static __always_inline struct fdw_stack *stack_for(__u32 fd, __u32 *index)
{
	struct fdw_stack *stack;

	*index = fd & stacks_mask;
	stack = stack_at(*index, fd);
	if (stack)
		return stack;
	*index = (fd + stacks_mask / 2) & stacks_mask;
	return stack_at(*index, fd);
}

/* The index from 1, or 0. */
static __always_inline __u32 keep_stack(struct call *c, struct pt_regs *regs, __u32 fd,
					__u64 now)
{
	struct fdw_stack *stack;
	__u32 index;

	stack = stack_for(fd, &index);
	if (stack) {
		__sync_fetch_and_add(&stack->busy, 1);
		if (stack->busy == 1) {
			stack->opened_ns = 0;
			barrier();
			stack->fd = fd;
			stack->flags = c->compat ? FDW_STACK_COMPAT : 0;
			stack->exec_id = exec_id;
			user_registers_all(regs, c->compat, stack->regs);
			stack->len = user_stack_read(
				c->task, user_stack_pointer(regs, c->compat),
				stack->bytes);
			python_read(c->task, &stack->script);
			barrier();
			stack->opened_ns = now;
			__sync_fetch_and_add(&stack->busy, -1);
			return index + 1;
		}
		__sync_fetch_and_add(&stack->busy, -1);
	}
	__sync_fetch_and_add(&no_stack, 1);
	return 0;
}

/* Address of the struct file at a number; 0: none. */
static __always_inline __u64 file_at(struct task_struct *task, __u32 fd)
{
	__u64 file = 0, table = (__u64)BPF_CORE_READ(task, files, fdt, fd);

	bpf_probe_read_kernel(&file, sizeof(file), (void *)(table + 8ull * fd));
	return file;
}

static __always_inline void opened(struct call *c, struct pt_regs *regs, __u32 fd,
				   __u64 file)
{
	struct fdw_open *open = bpf_map_lookup_elem(&opens, &fd);
	__u32 of_dirty = fd / FDW_OPENS_PER_DIRTY;
	__u64 now, *mark;

	if (!open) {
		__sync_fetch_and_add(&too_high, 1);
		return;
	}
	now = bpf_ktime_get_boot_ns();
	open->opened_ns = 0;
	barrier();
	open->file = file;
	open->call = c->number;
	open->stack = keep_stack(c, regs, fd, now);
	barrier();
	open->opened_ns = now;
	barrier();
	mark = bpf_map_lookup_elem(&dirty, &of_dirty);
	if (mark) /* also if it is set: user space may be clearing it */
		*mark = 1;
}

/*
 * Seen to be closed, if the number is free now. Another thread may be given it at any
 * moment: what is marked is the opening that was there before it was looked at.
 */
static __always_inline void closed(struct call *c)
{
	__u32 fd = call_arg(c, 1);
	struct fdw_open *open = bpf_map_lookup_elem(&opens, &fd);
	__u64 opened_ns;

	if (!open)
		return;
	opened_ns = *(volatile __u64 *)&open->opened_ns;
	barrier();
	if (!file_at(c->task, fd))
		open->closed_of = opened_ns ? opened_ns : FDW_OF_BEFORE;
}

/* pipe() and socketpair(): where the caller wants the numbers. */
static __always_inline void opened_pair(struct call *c, struct pt_regs *regs, __u32 arg)
{
	__u32 fds[2];

	if (bpf_probe_read_user(fds, sizeof(fds), (void *)call_arg(c, arg)))
		return;
	opened(c, regs, fds[0], file_at(c->task, fds[0]));
	opened(c, regs, fds[1], file_at(c->task, fds[1]));
}

static __always_inline bool is_dup(const struct call *c)
{
	__u32 cmd = call_arg(c, 2);

	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
}

static __always_inline bool is_traced(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	return id >> 32 == traced_tgid && (!traced_tid || (__u32)id == traced_tid);
}

/* Which program the process runs: it changes with execve(). */
static __always_inline void note_program(struct task_struct *task)
{
	__u64 id = CURRENT_READ(task, self_exec_id);

	if (exec_id != id)
		exec_id = id;
}

/* ---- at the exits of calls ---- */

static __always_inline void returned(struct pt_regs *regs, __u64 nr, long ret)
{
	struct call c = {.regs = regs};

	call_identify(&c, nr);
	note_program(c.task);
	if (c.desc.yield == FDW_YIELD_RETURN ||
	    (c.desc.yield == FDW_YIELD_FCNTL && is_dup(&c)))
		opened(&c, regs, ret, file_at(c.task, ret));
	else if (c.desc.yield == FDW_YIELD_CLOSE)
		closed(&c);
	else if (c.desc.flags & FDW_CALL_PAIR_1)
		opened_pair(&c, regs, 1);
	else if (c.desc.flags & FDW_CALL_PAIR_4)
		opened_pair(&c, regs, 4);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(stacks_exit, struct pt_regs *regs, long ret)
{
	__u64 nr;

	if (!is_traced() || ret < 0)
		return 0;
	nr = syscall_number(regs, true);
	if (!call_is_watched(nr))
		return 0;
	hold();
	returned(regs, nr, ret);
	release();
	return 0;
}

/* ---- where numbers are taken, and files put into a table ---- */

/* Not by the call that the process is in: by a worker of io_uring's, which has no stack of the
 * program's, or on the way out of any call, where io_uring ends what had to wait. Nor is what
 * was kept of this number before about it. */
static __always_inline void opened_aside(__u32 fd)
{
	struct fdw_open *open = bpf_map_lookup_elem(&opens, &fd);

	if (!open)
		return;
	open->opened_ns = 0;
	open->file = 0;
	open->closed_of = FDW_OF_BEFORE;
}

static __always_inline void put(__u32 fd, __u64 file)
{
	__u64 regs[USER_REGISTERS] = {};
	struct call c = {};

	call_identify_current(&c);
	if (!c.regs || !call_is_watched(c.number & FDW_CALL_NUMBER) ||
	    bpf_probe_read_kernel(regs, sizeof(regs), c.regs) ||
	    !user_registers_in_call((struct pt_regs *)regs)) {
		opened_aside(fd);
		return;
	}
	note_program(c.task);
	opened(&c, (struct pt_regs *)regs, fd, file);
}

/* The one that the sensor runs there: the file comes later, and stacks_look finds it. */
SEC("fexit/alloc_fd")
int BPF_PROG(stacks_alloc, unsigned int start, unsigned int end, unsigned int flags,
	     int ret)
{
	if (!is_traced() || ret < 0)
		return 0;
	hold();
	put(ret, (__u64)CURRENT_READ(current_task(), files) + FDW_FILE_LATER);
	release();
	return 0;
}

/* At its exit: before, closed() in another thread could find the number free that it is just
 * about to be put at, and mark this opening. */
SEC("fexit/fd_install")
int BPF_PROG(stacks_install, unsigned int fd, struct file *file)
{
	if (!is_traced())
		return 0;
	hold();
	put(fd, (__u64)file);
	release();
	return 0;
}

/* dup2() and dup3(), and what comes with a number chosen by who sends it. */
SEC("fexit/do_dup2")
int BPF_PROG(stacks_dup2, struct files_struct *files, struct file *file,
	     unsigned int fd, unsigned int flags, int ret)
{
	if (!is_traced() || ret < 0)
		return 0;
	hold();
	put(ret, (__u64)file);
	release();
	return 0;
}

static __always_inline int close_returned(long ret)
{
	struct call c = {};

	if (!is_traced() || ret)
		return 0;
	call_identify_current(&c);
	closed(&c);
	return 0;
}

/* User space sets what these are attached to: close(), of both ABIs. */
SEC("fexit")
int BPF_PROG(stacks_close, const struct pt_regs *regs, long ret)
{
	return close_returned(ret);
}

SEC("fexit")
int BPF_PROG(stacks_compat_close, const struct pt_regs *regs, long ret)
{
	return close_returned(ret);
}

/* ---- later: run by user space ---- */

/* What is there now at the numbers of one block of `opens`: a file's address, or
 * FDW_FOUND_*. Of those alone whose file was to be found later. */
__u64 found[FDW_OPENS_PER_DIRTY] = {};

static __always_inline __u64 find_in(struct files_struct *files, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	__u64 word = 0, file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return FDW_FOUND_FREE;
	bpf_probe_read_kernel(&word, sizeof(word),
			      BPF_CORE_READ(table, open_fds) + fd / 64);
	if (!(word >> (fd % 64) & 1))
		return FDW_FOUND_FREE;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

/* Global: the verifier looks at it once, not 64 times. */
__noinline int look_at(__u32 fd)
{
	struct fdw_open *open = bpf_map_lookup_elem(&opens, &fd);
	__u64 file;

	if (!open)
		return 0;
	file = open->file;
	if (file & FDW_FILE_LATER)
		found[MASKED(fd, FDW_OPENS_PER_DIRTY)] =
			find_in((struct files_struct *)(file - FDW_FILE_LATER), fd);
	return 0;
}

SEC("raw_tp")
int BPF_PROG(stacks_look, __u64 block)
{
	__u32 i;

	for (i = 0; i < FDW_OPENS_PER_DIRTY; i++)
		look_at(block * FDW_OPENS_PER_DIRTY + i);
	return 0;
}
