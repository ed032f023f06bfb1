// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the descriptors of one process are: a record for each, through the iterator
 * over all tasks' files (5.8+). Where the iterator itself can be held to one process
 * (6.1+) user space does so; the program leaves out all others in any case.
 */
#include "descriptor_path.bpf.h"
#include "descriptor_socket.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define MNT_INTERNAL        0x4000 /* include/linux/mount.h */
#define FILE_TYPE           0170000
#define FILE_IS_PIPE        0010000

/* linux/magic.h of older headers has not all of them. */
#define ANON_INODE_FS_MAGIC 0x09041934
#define NSFS_MAGIC          0x6e736673
#define PIDFS_MAGIC         0x50494446
#define PIPEFS_MAGIC        0x50495045
#define SOCKFS_MAGIC        0x534f434b

/* inputs */
__u32 want_tgid = 0; /* in the initial pid namespace */
__u32 want_tid = 0;  /* 0: the process's own table */
__u64 want_max = 0;  /* so many records; of the others only the number */

/* outputs */
__u64 told = 0, cut = 0;
__u64 start_ns = 0; /* of the process, CLOCK_BOOTTIME; 0: not met */
__u32 chosen = 0;   /* thread whose table it is */

/* What has been met: the main thread; without it the first thread that has a table.
 * Threads that share the main thread's are left out by the iterator, but for the one
 * that it is held to. */
static __always_inline bool is_wanted(struct task_struct *task)
{
	__u32 pid = task->pid, tgid = task->tgid;

	if (tgid != want_tgid)
		return false;
	if (want_tid)
		return pid == want_tid &&
		       (pid == tgid || task->files != task->group_leader->files);
	if (chosen)
		return pid == chosen;
	return pid == tgid || !task->group_leader->files;
}

static __always_inline bool is_old_pidfd(__u64 magic)
{
	const char *name = out.text;

	return magic == ANON_INODE_FS_MAGIC && name[1] == 'p' && name[2] == 'i' &&
	       name[3] == 'd' && name[4] == 'f' && name[5] == 'd';
}

static __always_inline void read_pidfd(struct file *file, __u64 magic,
				       struct fdw_descriptor *d)
{
	/* A file system of its own since 6.9 (cb12fd8e0dab) */
	struct pid *pid =
		magic == PIDFS_MAGIC ? file->f_inode->i_private : file->private_data;

	d->pid = BPF_CORE_READ(pid, numbers[0].nr);
	if (!BPF_CORE_READ(pid, tasks[0].first))
		d->marks |= FDW_FD_ENDED;
}

static __always_inline void read_pipe(struct file *file, struct fdw_descriptor *d)
{
	struct pipe_inode_info *pipe = file->private_data;

	if (!pipe) /* O_PATH */
		return;
	d->readers = BPF_CORE_READ(pipe, readers);
	d->writers = BPF_CORE_READ(pipe, writers);
}

/* What the kernel calls a file that has no path: "[eventpoll]", "memfd:x", "net". */
static __always_inline void read_internal(struct file *file, __u64 magic,
					  struct fdw_descriptor *d)
{
	const char *name;
	long n;

	d->marks |= FDW_FD_INTERNAL;
	if (magic == SOCKFS_MAGIC || magic == PIPEFS_MAGIC)
		return;
	d->links = file->f_inode->i_nlink;
	name = (const char *)file->f_path.dentry->d_name.name;
	if (magic == NSFS_MAGIC) {
		struct ns_common *ns = file->f_inode->i_private;
		struct proc_ns_operations *operations = BPF_CORE_READ(ns, ops);

		name = BPF_CORE_READ(operations, name);
	}
	n = bpf_probe_read_kernel_str(out.text, NAME_BYTES, name);
	d->text_len = n > 0 ? n : 0;
	if (magic == PIDFS_MAGIC || is_old_pidfd(magic))
		read_pidfd(file, magic, d);
}

static __always_inline void read_file(struct file *file, struct fdw_descriptor *d)
{
	struct inode *inode = file->f_inode;
	__u64 magic = inode->i_sb->s_magic;
	struct dentry *dentry;

	d->file = (__u64)file;
	d->inode = inode->i_ino;
	d->position = file->f_pos;
	d->device = inode->i_sb->s_dev;
	d->rdevice = inode->i_rdev;
	d->magic = magic;
	d->flags = file->f_flags;
	d->mode = inode->i_mode;
	if (magic == SOCKFS_MAGIC)
		read_socket(file->private_data, d);
	else if ((d->mode & FILE_TYPE) == FILE_IS_PIPE)
		read_pipe(file, d);
	if (file->f_path.mnt->mnt_flags & MNT_INTERNAL) {
		read_internal(file, magic, d);
		return;
	}
	read_path(file, d);
	/* After its path, which has a " (deleted)" if this says so: d_unlinked(). */
	d->links = inode->i_nlink;
	dentry = file->f_path.dentry;
	if (!dentry->d_hash.pprev && dentry->d_parent != dentry)
		d->marks |= FDW_FD_UNLINKED;
}

SEC("iter/task_file")
int census(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct fdw_descriptor *d = &out.record;
	__u32 size;

	if (!task || !file || !is_wanted(task))
		return 0;
	chosen = task->pid;
	start_ns = task->group_leader->start_boottime;
	if (told >= want_max) {
		cut++;
		return 0;
	}
	__builtin_memset(d, 0, sizeof(*d));
	d->type = FDW_RECORD_DESCRIPTOR;
	d->fd = ctx->fd;
	read_file(file, d);
	size = AT_MOST((__u32)d->text_len + d->peer_len, sizeof(out.text)) + sizeof(*d);
	d->size = size;
	/* A record for which there is no room is asked for again. */
	if (!bpf_seq_write(ctx->meta->seq, d, size))
		told++;
	return 0;
}
