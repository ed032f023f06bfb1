/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of one descriptor while it is made, and the path of its file.
 */
#ifndef FDWARDEN_DESCRIPTOR_PATH_BPF_H
#define FDWARDEN_DESCRIPTOR_PATH_BPF_H

#include "bounded.bpf.h"
#include "compat.bpf.h"
#include "fdwarden/wire.h"

#define PATH_BYTES FDW_DESCRIPTOR_PATH_MAX
#define NAME_BYTES 256 /* NAME_MAX and a NUL */
/* Directories and mounts between a file and its root; a path that has more is cut. */
#define PATH_STEPS 128

/* inputs */
/* Iterators may call bpf_d_path() since 5.12 (3d06f34aa89e). User space sets it to what
 * loads. */
const volatile bool have_d_path = true;

/* One descriptor at a time: user space reads one iterator. */
struct {
	struct fdw_descriptor record;
	char text[PATH_BYTES + NAME_BYTES];
} out = {};

/* The file's place on its way up to the root, for path_walk(): a global function may
 * have no pointers as arguments on 5.10. (Not static: clang 14 would take it apart and
 * leave debug information behind that no kernel accepts.) */
struct {
	__u64 dentry, mnt; /* addresses */
	__u32 len;         /* bytes of out.text */
	__u32 cut;
} way = {};

/* One step up; 0 at the end. Global: the verifier checks it once, not once for each
 * turn of the loop. */
__noinline int path_step_up(void)
{
	struct dentry *dentry = (void *)way.dentry, *parent, *root;
	struct vfsmount *mnt = (void *)way.mnt;
	__u64 at = way.len;
	long n;

	parent = BPF_CORE_READ(dentry, d_parent);
	root = BPF_CORE_READ(mnt, mnt_root);
	if (dentry == root || dentry == parent) {
		struct mount *mount =
			(void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (dentry != root || above == mount)
			return 0;
		way.dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		way.mnt = (__u64)&above->mnt;
		return 1;
	}
	if (at > PATH_BYTES - NAME_BYTES) {
		way.cut = 1;
		return 0;
	}
	n = bpf_probe_read_kernel_str(out.text + MASKED(at, PATH_BYTES), NAME_BYTES,
				      BPF_CORE_READ(dentry, d_name.name));
	if (n <= 1)
		return 0;
	way.len = at + n;
	way.dentry = (__u64)parent;
	return 1;
}

/* Puts the components into out.text, the last one first. */
__noinline int path_walk(void)
{
	int i;

	way.len = way.cut = 0;
	for (i = 0; i < PATH_STEPS; i++)
		if (!path_step_up())
			return 0;
	way.cut = 1;
	return 0;
}

static __always_inline void read_path(struct file *file, struct fdw_descriptor *d)
{
	long n = 0;

	if (have_d_path)
		n = bpf_d_path((void *)&file->f_path, out.text, PATH_BYTES);
	if (n > 0 && n <= PATH_BYTES) {
		d->text_len = n;
		return;
	}
	/* Also one that is longer than a path may be (ENAMETOOLONG). */
	way.dentry = (__u64)file->f_path.dentry;
	way.mnt = (__u64)file->f_path.mnt;
	path_walk();
	d->text_len = way.len;
	d->marks |= FDW_FD_PARTS;
	if (way.cut)
		d->marks |= FDW_FD_CUT;
}

#endif /* FDWARDEN_DESCRIPTOR_PATH_BPF_H */
