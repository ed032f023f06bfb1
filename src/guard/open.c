// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/open.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "guard/walk.h"

int guard_root_of_process(int process_dir, struct guard_root *out)
{
	/* A link that only the kernel can follow. */
	out->dir = openat(process_dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->dir < 0)
		return -errno;
	guard_rights_of_process(process_dir, &out->rights);
	return 0;
}

void guard_root_close(struct guard_root *root)
{
	if (root->dir >= 0)
		close(root->dir);
	root->dir = -1;
}

/* The file itself, as an open descriptor with other flags. Only once it is known what it
 * is: to open a device may do something. Not to wait, as for a lease that somebody holds. */
static int open_again(int path_fd, int flags)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, O_RDONLY | flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

/* Device and inode of the one mapping that begins at `at`, as /proc names them. */
static bool open_read_mapping(const void *at, struct guard_wish *out)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (maps && !found && getline(&line, &size, maps) > 0) {
		uint64_t start;

		found = sscanf(line,
			       "%" SCNx64 "-%*x %*s %*x %" SCNx32 ":%" SCNx32
			       " %" SCNu64,
			       &start, &out->major, &out->minor, &out->inode) == 4 &&
			start == (uintptr_t)at;
	}
	free(line);
	if (maps)
		fclose(maps);
	return found;
}

/* Whether the maps would name a file as they name the one that is wished for: maps it. */
static bool open_maps_alike(int path_fd, const struct guard_wish *wish)
{
	struct guard_wish named;
	int fd = open_again(path_fd, 0);
	void *at;
	bool alike;

	if (fd < 0)
		return false;
	at = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return false;
	alike = open_read_mapping(at, &named) && named.major == wish->major &&
		named.minor == wish->minor && named.inode == wish->inode;
	munmap(at, 1);
	return alike;
}

/* On btrfs and overlayfs the maps name another device than stat(2) does, and may name another
 * inode; there the number alone would be anybody's to choose, by making files until one has it. */
static bool open_is_mapped(const struct guard_wish *wish,
			   const struct guard_found *found)
{
	struct statfs fs;

	if (!wish->mapped)
		return false;
	if (found->file.ino == wish->inode && major(found->file.dev) == wish->major &&
	    minor(found->file.dev) == wish->minor)
		return true;
	return fstatfs(found->fd, &fs) == 0 &&
	       ((unsigned long)fs.f_type == BTRFS_SUPER_MAGIC ||
		(unsigned long)fs.f_type == OVERLAYFS_SUPER_MAGIC) &&
	       open_maps_alike(found->fd, wish);
}

/* Whether it may be opened: 0 or -errno. */
static int open_judge(const struct guard_found *found, const struct guard_wish *wish)
{
	const struct guard_file *file = &found->file;
	bool mapped;

	if (S_ISDIR(file->mode))
		return -EISDIR;
	if (!S_ISREG(file->mode))
		return -EINVAL;
	/* What may not be read is not opened to be compared either. */
	mapped = guard_may_read(&found->rights, file, found->fd) &&
		 open_is_mapped(wish, found);
	if (wish->must_match && !mapped)
		return -ESTALE;
	if (found->refused && !mapped)
		return -EPERM;
	if (wish->own &&
	    (found->by_link || file->links != 1 || file->uid != found->rights.uid))
		return -EPERM;
	if (!guard_may_read(&found->rights, file, found->fd))
		return -EPERM;
	return wish->max && file->size > wish->max ? -EFBIG : 0;
}

static int open_found(struct guard_found *found, const struct guard_wish *wish,
		      struct guard_file *out)
{
	static const struct guard_wish none;
	int fd = open_judge(found, wish ? wish : &none);

	if (!fd)
		fd = open_again(found->fd, 0);
	close(found->fd);
	if (out)
		*out = found->file;
	return fd;
}

int guard_open(const struct guard_root *root, const char *path,
	       const struct guard_wish *wish, struct guard_file *out)
{
	struct guard_found found;
	int err = guard_walk(root, path, wish && wish->mapped, &found);

	return err ? err : open_found(&found, wish, out);
}

int guard_open_directory(const struct guard_root *root, const char *path)
{
	struct guard_found found;
	int fd = guard_walk(root, path, false, &found);

	if (fd)
		return fd;
	if (!S_ISDIR(found.file.mode))
		fd = -ENOTDIR;
	else if (!guard_may_read(&found.rights, &found.file, found.fd))
		fd = -EPERM;
	else
		fd = open_again(found.fd, O_DIRECTORY);
	close(found.fd);
	return fd;
}

int guard_find(const struct guard_root *root, const char *path, struct guard_file *out)
{
	struct guard_found found;
	int err = guard_walk(root, path, false, &found);

	if (err)
		return err;
	if (out)
		*out = found.file;
	return found.fd;
}

int guard_open_link(int process_dir, const char *name,
		    const struct guard_rights *rights, const struct guard_wish *wish,
		    struct guard_file *out)
{
	struct guard_found found = {.rights = *rights};
	int fd = openat(process_dir, name, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	found.fd = fd;
	err = guard_look(found.fd, &found.file);
	if (!err && !guard_is_real(found.fd, &found.file))
		err = -ENOTSUP;
	if (err) {
		close(found.fd);
		return err;
	}
	return open_found(&found, wish, out);
}
