// SPDX-License-Identifier: GPL-2.0-or-later
/* Each component is opened by itself with O_PATH and O_NOFOLLOW, which asks nothing of a
 * file and follows nothing; ".." leads back along the directories that were passed, so that
 * moving one of them meanwhile leads nowhere else. */
#include "guard/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEPTH_MAX 48
#define LINKS_MAX 20
#define PATH_SIZE 4096

/* Not in linux/magic.h of each kernel that this is built with. */
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define MQUEUE_MAGIC    0x19800202
#define CONFIGFS_MAGIC  0x62656570
#define FUSECTL_MAGIC   0x65735543
#define RPC_PIPE_MAGIC  0x67596969
#define BINFMT_MISC     0x42494e4d
#define SELINUXFS_MAGIC 0xf97cff8c
#define SMACKFS_MAGIC   0x43415d53
#define NSFS_FS_MAGIC   0x6e736673
#define BINDER_MAGIC    0x6c6f6f70
#define EFIVARFS_FS     0xde5e81e4
#define RESCTRL_MAGIC   0x07655821

/* ---- one file ---- */

int guard_look(int fd, struct guard_file *out)
{
	struct statx st;

	/* With what a network's file system knows already: its server may be hostile, or
	 * never answer. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS, &st) < 0)
		return -errno;
	*out = (struct guard_file){
		.mode = st.stx_mode,
		.uid = st.stx_uid,
		.gid = st.stx_gid,
		.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino,
		.links = st.stx_nlink,
		.size = st.stx_size,
		/* of the two times the one that no program can set */
		.changed_ns = (uint64_t)st.stx_ctime.tv_sec * 1000000000u +
			      st.stx_ctime.tv_nsec,
	};
	return 0;
}

/* A FUSE is a program of somebody's, who can hold up whoever asks it; where it is what the
 * host's own root lies on (virtiofs), all hangs on it anyway. */
static bool walk_is_our_root(const struct guard_file *file)
{
	struct stat root;

	return stat("/", &root) == 0 && root.st_dev == file->dev;
}

bool guard_is_real(int fd, const struct guard_file *file)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type & 0xffffffff) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case TRACEFS_MAGIC:
	case DEBUGFS_MAGIC:
	case SECURITYFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEVPTS_SUPER_MAGIC:
	case BPF_FS_MAGIC:
	case PSTOREFS_MAGIC:
	case AUTOFS_SUPER_MAGIC:
	case SOCKFS_MAGIC:
	case PIPEFS_MAGIC:
	case ANON_INODE_FS_MAGIC:
	case HUGETLBFS_MAGIC:
	case EFIVARFS_FS:
	case MQUEUE_MAGIC:
	case CONFIGFS_MAGIC:
	case FUSECTL_MAGIC:
	case RPC_PIPE_MAGIC:
	case BINFMT_MISC:
	case SELINUXFS_MAGIC:
	case SMACKFS_MAGIC:
	case NSFS_FS_MAGIC:
	case BINDER_MAGIC:
	case RESCTRL_MAGIC:
		return false;
	case FUSE_SUPER_MAGIC:
		return walk_is_our_root(file);
	default:
		return true;
	}
}

/* ---- the way ---- */

struct place {
	int fd;
	struct guard_file file;
};

struct walk {
	struct place root;
	struct place at[DEPTH_MAX]; /* the directories passed */
	int depth;
	int links;
	bool lenient, refused, by_link;
	struct guard_rights rights;
	char rest[PATH_SIZE]; /* yet to go */
};

static void walk_to_root(struct walk *walk)
{
	while (walk->depth > 0)
		close(walk->at[--walk->depth].fd);
}

static const struct place *walk_here(const struct walk *walk)
{
	return walk->depth ? &walk->at[walk->depth - 1] : &walk->root;
}

/* As fs.protected_symlinks has it, which the kernel asks only of who follows a link: in a
 * directory like /tmp one that somebody else has put there is not followed. */
static bool walk_may_follow(const struct walk *walk, const struct guard_file *link)
{
	const struct guard_file *dir = &walk_here(walk)->file;

	return !(dir->mode & S_ISVTX) || !(dir->mode & S_IWOTH) ||
	       link->uid == dir->uid || link->uid == walk->rights.uid;
}

/* The link's text before what is left of the path. */
static int walk_follow(struct walk *walk, const struct place *link, const char *behind)
{
	char whole[PATH_SIZE];
	ssize_t len = readlinkat(link->fd, "", whole, sizeof(whole) - 1);
	size_t more = strlen(behind);

	if (len <= 0)
		return len < 0 ? -errno : -ENOENT;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + 1 + more >= sizeof(whole))
		return -ENAMETOOLONG;
	if (!walk_may_follow(walk, &link->file))
		return -EPERM;
	if (walk->rights.all && link->file.uid != 0)
		walk->rights = guard_rights_of_user(link->file.uid, (gid_t)-1);
	if (whole[0] == '/')
		walk_to_root(walk);
	if (!behind[strspn(behind, "/")])
		walk->by_link = true;
	whole[len] = '/';
	memcpy(whole + len + 1, behind, more + 1);
	memcpy(walk->rest, whole, (size_t)len + more + 2);
	return 0;
}

static int walk_look(const struct walk *walk, struct place *next)
{
	int err = guard_look(next->fd, &next->file);

	if (!err && next->file.dev != walk_here(walk)->file.dev &&
	    !guard_is_real(next->fd, &next->file))
		err = -ENOTSUP;
	return err;
}

static int walk_pass(struct walk *walk)
{
	const struct place *here = walk_here(walk);

	if (guard_may_search(&walk->rights, &here->file, here->fd))
		return 0;
	walk->refused = true;
	return walk->lenient ? 0 : -EPERM;
}

/* One component. The descriptors that are opened never follow a link. */
static int walk_step(struct walk *walk, const char *name, const char *behind)
{
	struct place next = {0};
	int fd, err;

	if (strcmp(name, "..") == 0) {
		if (walk->depth)
			close(walk->at[--walk->depth].fd);
		memmove(walk->rest, behind, strlen(behind) + 1);
		return 0;
	}
	if (walk->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	fd = openat(walk_here(walk)->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	next.fd = fd;
	err = walk_pass(walk);
	if (!err)
		err = walk_look(walk, &next);
	if (!err && S_ISLNK(next.file.mode)) {
		err = walk_follow(walk, &next, behind);
		close(next.fd);
		return err;
	}
	if (err) {
		close(next.fd);
		return err;
	}
	walk->at[walk->depth++] = next;
	memmove(walk->rest, behind, strlen(behind) + 1);
	return 0;
}

static int walk_all(struct walk *walk)
{
	int err = 0;

	while (!err) {
		char name[256], *start = walk->rest + strspn(walk->rest, "/");
		size_t len = strcspn(start, "/");

		if (!len)
			return 0;
		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, start, len);
		name[len] = '\0';
		if (strcmp(name, ".") == 0)
			memmove(walk->rest, start + len, strlen(start + len) + 1);
		else
			err = walk_step(walk, name, start + len);
	}
	return err;
}

int guard_walk(const struct guard_root *root, const char *path, bool lenient,
	       struct guard_found *out)
{
	struct walk walk = {.root = {.fd = root->dir}, .lenient = lenient};
	const struct place *here;
	int err = guard_look(root->dir, &walk.root.file);

	if (err)
		return err;
	if (!guard_is_real(root->dir, &walk.root.file))
		return -ENOTSUP;
	if ((size_t)snprintf(walk.rest, sizeof(walk.rest), "%s", path) >=
	    sizeof(walk.rest))
		return -ENAMETOOLONG;
	walk.rights = root->rights;
	err = walk_all(&walk);
	here = walk_here(&walk);
	if (!err) {
		*out = (struct guard_found){
			.file = here->file,
			.rights = walk.rights,
			.by_link = walk.by_link,
			.refused = walk.refused,
		};
		out->fd = walk.depth ? walk.at[--walk.depth].fd
				     : openat(root->dir, ".", O_PATH | O_CLOEXEC);
		err = out->fd < 0 ? -errno : 0;
	}
	walk_to_root(&walk);
	return err;
}
