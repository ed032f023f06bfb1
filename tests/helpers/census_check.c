// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census_check PID[/TID]…: holds census_read() against /proc, descriptor by descriptor,
 * for processes that hold still. A line a difference; the status is 1 if there is any.
 * For machines without Python; tests/live/test_census.py looks closer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/census.h"
#include "collect/kernel.h"

#define LINK_SIZE 8192
#define OWN_FLAGS 0377777 /* of fcntl.h; above are the kernel's own */
#define ANONYMOUS "anon_inode:"

static int differences;

__attribute__((format(printf, 3, 4))) static void
differ(const char *process, const struct descriptor *d, const char *format, ...)
{
	va_list args;

	printf("%s descriptor %u (%s): ", process, d->fd, descriptor_type_name(d));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	differences++;
}

/* The kernel's name of a kind that has none in `path`. */
static const char *kernels_name(const struct descriptor *d)
{
	switch (d->kind) {
	case DESCRIPTOR_EPOLL:
		return "eventpoll";
	case DESCRIPTOR_PERF:
		return "perf_event";
	case DESCRIPTOR_LANDLOCK:
		return "landlock-ruleset";
	case DESCRIPTOR_SECCOMP:
		return "seccomp notify";
	default:
		return d->path ? d->path : descriptor_kind_name(d->kind);
	}
}

/* What the link in /proc must be. */
static void make_link(const struct descriptor *d, const char *got, char *want)
{
	const char *path = d->path ? d->path : "";
	bool bracket = !strncmp(got, ANONYMOUS "[", strlen(ANONYMOUS "["));

	if (d->kind == DESCRIPTOR_SOCKET && d->family)
		snprintf(want, LINK_SIZE, "socket:[%" PRIu64 "]", d->inode);
	else if (d->kind == DESCRIPTOR_PIPE && !d->path)
		snprintf(want, LINK_SIZE, "pipe:[%" PRIu64 "]", d->inode);
	else if (d->kind == DESCRIPTOR_PIDFD && strncmp(got, ANONYMOUS, 11) != 0)
		snprintf(want, LINK_SIZE, "pidfd:[%" PRIu64 "]", d->inode);
	else if (*path == '/' || d->kind == DESCRIPTOR_NAMESPACE)
		snprintf(want, LINK_SIZE, "%s%s", path,
			 d->deleted || d->kind == DESCRIPTOR_MEMFD ? " (deleted)" : "");
	else
		snprintf(want, LINK_SIZE, bracket ? ANONYMOUS "[%s]" : ANONYMOUS "%s",
			 kernels_name(d));
}

static bool is_type(const struct descriptor *d, mode_t mode)
{
	switch (d->kind) {
	case DESCRIPTOR_FILE:
	case DESCRIPTOR_MEMFD:
		return S_ISREG(mode);
	case DESCRIPTOR_DIRECTORY:
		return S_ISDIR(mode);
	case DESCRIPTOR_CHARACTER:
		return S_ISCHR(mode);
	case DESCRIPTOR_BLOCK:
		return S_ISBLK(mode);
	case DESCRIPTOR_PIPE:
		return S_ISFIFO(mode);
	case DESCRIPTOR_SOCKET:
		return S_ISSOCK(mode);
	case DESCRIPTOR_UNKNOWN:
		return false;
	default:
		return true;
	}
}

static void check_info(const char *process, const char *directory,
		       const struct descriptor *d)
{
	unsigned long long position = 0;
	unsigned int flags = 0;
	char path[256];
	FILE *info;

	snprintf(path, sizeof(path), "%s/fdinfo/%u", directory, d->fd);
	info = fopen(path, "re");
	if (!info || fscanf(info, "pos: %llu flags: %o", &position, &flags) != 2)
		differ(process, d, "%s can't be read", path);
	else if (position != d->position)
		differ(process, d, "position %" PRIu64 ", not %llu", d->position,
		       position);
	else if ((flags & OWN_FLAGS & ~O_CLOEXEC) !=
		 (d->flags & OWN_FLAGS & ~O_CLOEXEC))
		differ(process, d, "flags %o, not %o", d->flags, flags);
	if (info)
		fclose(info);
}

static void check_one(const char *process, const char *directory,
		      const struct descriptor *d)
{
	static char got[LINK_SIZE], want[LINK_SIZE];
	struct stat st;
	char path[256];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/fd/%u", directory, d->fd);
	len = readlink(path, got, sizeof(got) - 1);
	if (len < 0 || stat(path, &st)) {
		differ(process, d, "%s: %s", path, strerror(errno));
		return;
	}
	got[len] = 0;
	make_link(d, got, want);
	if (strcmp(got, want) != 0)
		differ(process, d, "'%s', not '%s'", want, got);
	if (!is_type(d, st.st_mode))
		differ(process, d, "its mode is %o", st.st_mode);
	if (d->inode != st.st_ino || d->device != st.st_dev || d->rdevice != st.st_rdev)
		differ(process, d, "inode %" PRIu64 " of %" PRIx64 ", not %llu of %llx",
		       d->inode, d->device, (unsigned long long)st.st_ino,
		       (unsigned long long)st.st_dev);
	check_info(process, directory, d);
}

static size_t count_entries(const char *directory)
{
	char path[256];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/fd", directory);
	dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += *entry->d_name != '.';
	closedir(dir);
	return n;
}

static size_t check_process(struct census *census, const char *process)
{
	const char *slash = strchr(process, '/');
	struct census_result result;
	char directory[128];
	size_t n;
	int err;

	err = census_read(census, atoi(process), slash ? atoi(slash + 1) : 0, SIZE_MAX,
			  &result);
	if (err) {
		printf("%s: %s\n", process, strerror(-err));
		differences++;
		return 0;
	}
	snprintf(directory, sizeof(directory), "/proc/%d/task/%d", atoi(process),
		 result.tid ? result.tid : atoi(process));
	n = count_entries(directory);
	if (n != result.len) {
		printf("%s: %zu descriptors, not %zu\n", process, result.len, n);
		differences++;
	}
	for (size_t i = 0; i < result.len; i++)
		check_one(process, directory, &result.descriptors[i]);
	n = result.len;
	census_clear(&result);
	return n;
}

int main(int argc, char **argv)
{
	struct census *census;
	char why[512];
	size_t n = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: census_check PID[/TID]…\n");
		return 2;
	}
	kernel_quiet_libbpf();
	if (census_open(&census, why, sizeof(why))) {
		fprintf(stderr, "census_check: %s\n", why);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		n += check_process(census, argv[i]);
	printf("%zu descriptors, %d differences; %s, %s\n", n, differences,
	       census_method(census), census_paths(census));
	census_close(census);
	return differences ? 1 : 0;
}
