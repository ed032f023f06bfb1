/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading files below a root that may be a container's, and so hostile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
	if (err == EPERM && strncmp(path, "/proc/self", 10) != 0 &&
	    (strncmp(path, "/proc/", 6) != 0 || strstr(path, "/root/")))
		return " (nor may the process itself, or its user, read it)";
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

/* ---- what it costs ---- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void origin_cost_begin(struct origin_search *search)
{
	search->cost = (struct origin_cost){
		.from_ns = clock_ns(CLOCK_MONOTONIC),
		.from_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID),
	};
}

/* Whoever made the files made so many, or so slow ones: it is said once, instead of what
 * would be found in them. */
static int cost_check(struct origin_search *search)
{
	struct origin_cost *cost = &search->cost;
	bool many =
		cost->opens > ORIGIN_OPENS_MAX || cost->entries > ORIGIN_ENTRIES_MAX;

	if (cost->over)
		return -E2BIG;
	if (!many && clock_ns(CLOCK_MONOTONIC) - cost->from_ns < ORIGIN_TIME_NS &&
	    clock_ns(CLOCK_THREAD_CPUTIME_ID) - cost->from_cpu_ns < ORIGIN_CPU_NS)
		return 0;
	cost->over = true;
	search->denied_len = 0;
	origin_deny(search, "the files that say it", many ? E2BIG : ETIMEDOUT);
	return -E2BIG;
}

/* ---- roots ---- */

int origin_root_open_host(struct origin_root *root, const char *path)
{
	*root = (struct origin_root){
		.at = {.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		       .rights = guard_rights_all()},
	};
	return root->at.dir < 0 ? -errno : 0;
}

int origin_root_open_process(struct origin_search *search, pid_t pid,
			     struct origin_root *root)
{
	char path[64];
	int process, err;

	*root = (struct origin_root){.at = {.dir = -1}, .of = pid};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	process =
		openat(search->host.at.dir, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = process < 0 ? -errno : guard_root_of_process(process, &root->at);
	if (process >= 0)
		close(process);
	if (err && err != -ENOENT) {
		snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
		origin_deny(search, path, -err);
	}
	return err;
}

void origin_root_open_home(struct origin_search *search, pid_t pid,
			   const struct origin_user *user, struct origin_root *root)
{
	int home;

	*root = (struct origin_root){
		.at = {.dir = fcntl(search->host.at.dir, F_DUPFD_CLOEXEC, 0),
		       .rights = user->uid ? guard_rights_of_user(user->uid, user->gid)
					   : guard_rights_all()},
	};
	home = guard_find(&root->at, user->home, NULL);
	if (home >= 0) {
		close(home);
	} else if (pid > 0) {
		struct origin_root seen;

		if (origin_root_open_process(search, pid, &seen) < 0)
			return;
		origin_root_close(root);
		*root = seen;
	}
}

void origin_root_close(struct origin_root *root)
{
	guard_root_close(&root->at);
}

static void deny_below(struct origin_search *search, const struct origin_root *root,
		       const char *path, int err)
{
	char whole[512];

	if (err == E2BIG)
		return; /* said already */
	if (root->of) {
		snprintf(whole, sizeof(whole), "/proc/%d/root%s", (int)root->of, path);
		path = whole;
	}
	origin_deny(search, path, err);
}

static bool is_absent(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EISDIR;
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

/* A file of procfs: what a process is called is no path of its own. */
static int open_proc(const struct origin_root *root, const char *path)
{
	int fd = openat(root->at.dir, path + 1,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd;
}

static int open_file(struct origin_search *search, const struct origin_root *root,
		     const char *path, uint64_t *changed_ns)
{
	static const struct guard_wish wish = {.max = FILE_MAX_LEN};
	struct guard_file file = {0};
	int fd = cost_check(search);

	search->cost.opens++;
	if (fd)
		return fd;
	if (root == &search->host && strncmp(path, "/proc/", 6) == 0)
		return open_proc(root, path);
	fd = guard_open(&root->at, path, &wish, &file);
	*changed_ns = file.changed_ns;
	return fd;
}

int origin_read(struct origin_search *search, const struct origin_root *root,
		const char *path, struct origin_file *out)
{
	int fd, err;

	memset(out, 0, sizeof(*out));
	fd = open_file(search, root, path, &out->changed_ns);
	err = fd < 0 ? fd : read_all(fd, out);
	if (fd >= 0)
		close(fd);
	if (err == -EINVAL) { /* /dev/null, by which a unit is masked */
		out->text = calloc(1, 1);
		err = out->text ? 0 : -ENOMEM;
	}
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

void origin_names_sort(struct origin_names *names)
{
	if (names->len)
		qsort(names->at, names->len, sizeof(*names->at), compare_names);
}

static DIR *open_list(struct origin_search *search, const struct origin_root *root,
		      const char *dir)
{
	int fd = cost_check(search);
	DIR *list;

	search->cost.opens++;
	if (!fd)
		fd = guard_open_directory(&root->at, dir);
	if (fd < 0) {
		if (!is_absent(fd))
			deny_below(search, root, dir, -fd);
		return NULL;
	}
	list = fdopendir(fd);
	if (!list) {
		search->no_memory = true;
		close(fd);
	}
	return list;
}

/* The next one whose name ends so; NULL: there is none, or it would be too much. */
static const struct dirent *next_entry(struct origin_search *search, DIR *list,
				       const char *suffix)
{
	const struct dirent *entry;

	while ((entry = readdir(list))) {
		if (++search->cost.entries % 256 == 0 && cost_check(search))
			return NULL;
		if (name_ends_with(entry->d_name, suffix))
			break;
	}
	return entry;
}

void origin_list(struct origin_search *search, const struct origin_root *root,
		 const char *dir, const char *suffix, struct origin_names *out)
{
	DIR *list = open_list(search, root, dir);
	const struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (!list)
		return;
	while (out->len < NAMES_MAX && (entry = next_entry(search, list, suffix)))
		origin_names_add(search, out, entry->d_name);
	closedir(list);
	origin_names_sort(out);
}

void origin_links(struct origin_search *search, const struct origin_root *root,
		  const char *dir, const char *suffix, origin_on_link on_link,
		  void *context)
{
	DIR *list = open_list(search, root, dir);
	const struct dirent *entry;

	while (list && (entry = next_entry(search, list, suffix))) {
		char text[1024], *last;
		ssize_t len;

		if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
			continue;
		len = readlinkat(dirfd(list), entry->d_name, text, sizeof(text) - 1);
		if (len <= 0)
			continue;
		text[len] = '\0';
		last = strrchr(text, '/');
		on_link(context, entry->d_name, last ? last + 1 : text);
	}
	if (list)
		closedir(list);
}
