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
#include "near.bpf.h"
#include "refusal.bpf.h"

/* A number was reserved in the table, or there was none below `end`, which is the
 * limit that is really applied: EMFILE here means the table by construction. */
SEC("fexit/alloc_fd")
int BPF_PROG(fexit_alloc_fd, unsigned int start, unsigned int end, unsigned int flags, int ret)
{
	struct call c = {};

	if (ret >= 0) {
		c.task = current_task();
		return gained(&c, 1, (__u32)ret + 1, end);
	}
	if (ret != -EMFILE)
		return 0;
	call_identify_current(&c);
	return refused(&c, EMFILE);
}

/* dup2() and dup3(): a number chosen by the caller. */
SEC("fexit/do_dup2")
int BPF_PROG(fexit_do_dup2, struct files_struct *files, struct file *file, unsigned int fd,
	     unsigned int flags, int ret)
{
	struct call c = {};

	if (ret < 0)
		return 0;
	c.task = current_task();
	return gained(&c, 1, (__u32)ret + 1, current_limit(c.task));
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

/* The system's limit, fs.file-max: returns a struct file or an error. */
SEC("fexit/alloc_empty_file")
int BPF_PROG(fexit_alloc_empty_file, int flags, const struct cred *cred, struct file *ret)
{
	struct call c = {};

	if ((long)ret != -ENFILE)
		return 0;
	call_identify_current(&c);
	return refused(&c, ENFILE);
}

static __always_inline int closed(long ret)
{
	struct call c = {};

	if (ret)
		return 0;
	c.task = current_task();
	return lost_one(&c);
}

SEC("fexit")
int BPF_PROG(fexit_close, const struct pt_regs *regs, long ret)
{
	return closed(ret);
}

SEC("fexit")
int BPF_PROG(fexit_close_compat, const struct pt_regs *regs, long ret)
{
	return closed(ret);
}

#endif /* FDWARDEN_FEXIT_BPF_H */
