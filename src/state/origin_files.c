/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading files below a root that may be a container's, and so hostile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/origin_impl.h"

/* A file of settings is some KB; a large /etc/group is more. */
#define FILE_MAX_LEN (1u << 20)
#define NAMES_MAX    4096
/* Denials that are told one by one. */
#define DENIED_MAX   4

char *origin_format(struct origin_search *search, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		search->no_memory = true;
	}
	va_end(args);
	return text;
}

/* What lets it be read. */
static const char *remedy(const char *path, int err)
{
	if (err != EACCES && err != EPERM)
		return "";
	return strncmp(path, "/proc/", 6) == 0 ? " (it takes CAP_SYS_PTRACE)"
					       : " (it takes CAP_DAC_READ_SEARCH)";
}

void origin_deny(struct origin_search *search, const char *path, int err)
{
	char *text;

	if (search->denied_len++ >= DENIED_MAX ||
	    (search->denied && strstr(search->denied, path)))
		return;
	text = origin_format(search, "%s%s%s: %s%s",
			     search->denied ? search->denied : "",
			     search->denied ? "; " : "", path, strerrordesc_np(err),
			     remedy(path, err));
	if (!text)
		return;
	free(search->denied);
	search->denied = text;
}

/* ---- roots ---- */

int origin_root_open_host(struct origin_root *root, const char *path)
{
	*root = (struct origin_root){
		.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.whole = strcmp(path, "/") == 0,
	};
	return root->dir < 0 ? -errno : 0;
}

int origin_root_open_process(struct origin_search *search, pid_t pid,
			     struct origin_root *root)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	/* a link that only the kernel can follow: not below RESOLVE_IN_ROOT */
	root->dir =
		openat(search->host.dir, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root->of = pid;
	root->foreign = root->whole = false;
	if (root->dir >= 0)
		return 0;
	err = errno;
	if (err != ENOENT)
		origin_deny(search, path, err);
	return -err;
}

void origin_root_close(struct origin_root *root)
{
	if (root->dir >= 0)
		close(root->dir);
	root->dir = -1;
}

/* The file itself, as an open descriptor with other flags. Only once it is known what it
 * is: to open a device may do something. */
static int open_again(int path_fd, int flags)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

static int open_below(const struct origin_root *root, const char *path, int flags)
{
	struct stat st;
	int fd, again;

	if (root->whole) {
		fd = open(path, flags | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		return fd;
	}
	fd = origin_resolve(root->dir, path);
	if (fd < 0)
		return fd;
	if (flags & O_DIRECTORY && (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))) {
		close(fd);
		return -ENOTDIR;
	}
	if (flags & O_PATH)
		return fd;
	again = open_again(fd, flags);
	close(fd);
	return again;
}

static void deny_below(struct origin_search *search, const struct origin_root *root,
		       const char *path, int err)
{
	char whole[512];

	if (root->of) {
		snprintf(whole, sizeof(whole), "/proc/%d/root%s", (int)root->of, path);
		path = whole;
	}
	origin_deny(search, path, err);
}

static bool is_absent(int err)
{
	return err == -ENOENT || err == -ENOTDIR;
}

bool origin_root_open_home(struct origin_search *search, pid_t pid, const char *home,
			   struct origin_root *root)
{
	int fd = open_below(&search->host, home, O_PATH | O_DIRECTORY);

	if (fd >= 0) {
		close(fd);
		return false;
	}
	return origin_root_open_process(search, pid, root) == 0;
}

/* ---- one file ---- */

static int read_all(int fd, struct origin_file *out)
{
	size_t room = 4096;
	ssize_t got;
	char *more;

	out->text = malloc(room);
	if (!out->text)
		return -ENOMEM;
	while ((got = read(fd, out->text + out->len, room - 1 - out->len)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		out->len += (size_t)got;
		if (out->len < room - 1)
			continue;
		if (room >= FILE_MAX_LEN)
			return -EFBIG;
		more = realloc(out->text, room * 2);
		if (!more)
			return -ENOMEM;
		out->text = more;
		room *= 2;
	}
	out->text[out->len] = '\0';
	return 0;
}

static int read_regular(int path_fd, struct origin_file *out)
{
	struct stat st;
	int fd, err;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -ENOENT;
	if (!S_ISREG(st.st_mode)) {
		out->text = calloc(1, 1);
		return out->text ? 0 : -ENOMEM;
	}
	/* of the two times the one that no program can set */
	out->changed_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000u +
			  (uint64_t)st.st_ctim.tv_nsec;
	fd = open_again(path_fd, O_RDONLY);
	if (fd < 0)
		return fd;
	err = read_all(fd, out);
	close(fd);
	return err;
}

int origin_read(struct origin_search *search, const struct origin_root *root,
		const char *path, struct origin_file *out)
{
	int fd = open_below(root, path, O_PATH), err;

	memset(out, 0, sizeof(*out));
	err = fd < 0 ? fd : read_regular(fd, out);
	if (fd >= 0)
		close(fd);
	if (!err)
		return 0;
	origin_file_clear(out);
	if (is_absent(err))
		return -ENOENT;
	search->no_memory |= err == -ENOMEM;
	deny_below(search, root, path, -err);
	return err;
}

void origin_file_clear(struct origin_file *file)
{
	free(file->text);
	memset(file, 0, sizeof(*file));
}

/* ---- directories ---- */

void origin_names_add(struct origin_search *search, struct origin_names *names,
		      const char *name)
{
	char **more = realloc(names->at, (names->len + 1) * sizeof(*more));
	char *copy = strdup(name);

	if (more)
		names->at = more;
	if (!more || !copy) {
		free(copy);
		search->no_memory = true;
		return;
	}
	names->at[names->len++] = copy;
}

bool origin_names_have(const struct origin_names *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (strcmp(names->at[i], name) == 0)
			return true;
	return false;
}

void origin_names_clear(struct origin_names *names)
{
	for (size_t i = 0; i < names->len; i++)
		free(names->at[i]);
	free(names->at);
	memset(names, 0, sizeof(*names));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool name_ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return name[0] != '.' && len > end && strcmp(name + len - end, suffix) == 0;
}

void origin_list(struct origin_search *search, const struct origin_root *root,
		 const char *dir, const char *suffix, struct origin_names *out)
{
	int fd = open_below(root, dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (!list) {
		int err = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		if (!is_absent(err))
			deny_below(search, root, dir, -err);
		return;
	}
	while (out->len < NAMES_MAX && (entry = readdir(list)))
		if (name_ends_with(entry->d_name, suffix))
			origin_names_add(search, out, entry->d_name);
	closedir(list);
	if (out->len)
		qsort(out->at, out->len, sizeof(*out->at), compare_names);
}

bool origin_link(const struct origin_root *root, const char *dir, const char *name,
		 char *target, size_t size)
{
	char text[1024];
	const char *last;
	ssize_t len;
	int fd = open_below(root, dir, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return false;
	len = readlinkat(fd, name, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	last = strrchr(text, '/');
	last = last ? last + 1 : text;
	return (size_t)snprintf(target, size, "%s", last) < size;
}
