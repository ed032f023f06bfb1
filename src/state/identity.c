/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/identity.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/cgroup_path.h"

/* One line a hierarchy: enough for all of v1's with long paths. */
#define CGROUP_TEXT_MAX 16384

static const char *proc_root = "/proc";

void identity_set_proc_root(const char *root)
{
	proc_root = root ? root : "/proc";
}

void identity_from_task(struct identity *who, const struct fdw_task *task)
{
	who->start_ns = task->start_ns;
	who->pid = (pid_t)task->tgid;
	who->ppid = (pid_t)task->ppid;
	who->uid = task->uid;
	who->charged_uid = task->charged_uid;
	memcpy(who->comm, task->comm, sizeof(who->comm));
	who->comm[sizeof(who->comm) - 1] = '\0';
}

uid_t identity_charged(const struct identity *who)
{
	return who->charged_uid ? who->charged_uid : who->uid;
}

void identity_clear(struct identity *who)
{
	free(who->executable);
	free(who->command_line);
	free(who->cgroup);
	free(who->service);
	free(who->container_id);
	free(who->pod_uid);
	free(who->pod_name);
	free(who->pod_namespace);
	free(who->container_name);
	free(who->container_image);
	free(who->claimed_by);
	memset(who, 0, sizeof(*who));
}

static bool copy_string(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

int identity_copy(struct identity *to, const struct identity *from)
{
	*to = *from;
	to->executable = to->command_line = to->cgroup = NULL;
	to->service = to->container_id = to->pod_uid = to->claimed_by = NULL;
	to->pod_name = to->pod_namespace = to->container_name = to->container_image =
		NULL;
	if (copy_string(from->executable, &to->executable) &&
	    copy_string(from->command_line, &to->command_line) &&
	    copy_string(from->cgroup, &to->cgroup) &&
	    copy_string(from->service, &to->service) &&
	    copy_string(from->container_id, &to->container_id) &&
	    copy_string(from->pod_uid, &to->pod_uid) &&
	    copy_string(from->pod_name, &to->pod_name) &&
	    copy_string(from->pod_namespace, &to->pod_namespace) &&
	    copy_string(from->container_name, &to->container_name) &&
	    copy_string(from->container_image, &to->container_image) &&
	    copy_string(from->claimed_by, &to->claimed_by))
		return 0;
	identity_clear(to);
	return -ENOMEM;
}

const char *identity_group(const struct identity *who)
{
	if (who->claimed_by && who->cgroup)
		return who->cgroup;
	if (who->container_id && !who->claimed_by)
		return who->container_id;
	if (who->service)
		return who->service;
	if (who->claimed_by)
		return who->claimed_by;
	return who->executable ? who->executable : who->comm;
}

/* ---- cgroup ---- */

static int copy_part(struct cgroup_part part, char **out)
{
	*out = NULL;
	if (!part.at)
		return 0;
	*out = strndup(part.at, part.len);
	return *out ? 0 : -ENOMEM;
}

/* "web\x2d1" → "web-1", in place. What is no such sequence stays. */
static void unescape_unit(char *name)
{
	char *to = name, digits[3] = "";
	unsigned long byte;

	for (; *name; name++) {
		digits[0] = '\0';
		if (name[0] == '\\' && name[1] == 'x' &&
		    isxdigit((unsigned char)name[2]) &&
		    isxdigit((unsigned char)name[3]))
			memcpy(digits, name + 2, 2);
		byte = strtoul(digits, NULL, 16);
		*to++ = byte ? (char)byte : *name;
		if (byte)
			name += 3;
	}
	*to = '\0';
}

static int copy_container(struct identity *owner, const char *path)
{
	int err = copy_part(cgroup_path_container(path), &owner->container_id);

	if (err || !owner->container_id)
		return err;
	owner->container_runtime = cgroup_path_runtime(path);
	if (owner->container_runtime &&
	    strcmp(owner->container_runtime, CGROUP_PATH_NSPAWN) == 0)
		unescape_unit(owner->container_id);
	return 0;
}

static void move_owner(struct identity *who, struct identity *owner)
{
	free(who->service);
	free(who->container_id);
	free(who->pod_uid);
	free(who->claimed_by);
	who->claimed_by = owner->claimed_by;
	who->service = owner->service;
	who->container_id = owner->container_id;
	who->container_runtime = owner->container_runtime;
	who->pod_uid = owner->pod_uid;
}

/* Whether root has made that cgroup, in each hierarchy that has it: a service to which systemd
 * has given its cgroup as a user makes its own. Only cgroupfs is asked, which never waits. */
static bool is_roots_cgroup(const char *path, size_t len)
{
	static const char *const tops[] = {"", "/unified", "/systemd", "/memory",
					   "/pids"};
	bool found = false;

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		char at[PATH_MAX];
		struct stat st;
		int size = snprintf(at, sizeof(at), "/sys/fs/cgroup%s/%.*s", tops[i],
				    (int)len, path);

		if (size < 0 || (size_t)size >= sizeof(at) || strstr(at, "/../"))
			return false;
		if (stat(at, &st) < 0)
			continue;
		if (st.st_uid != 0)
			return false;
		found = true;
	}
	return found;
}

/* Service, container and pod by the path. */
static int set_owner(struct identity *who, const char *path)
{
	struct identity owner = {0};
	char pod[CGROUP_POD_UID_LEN];
	int err = cgroup_path_service(path, is_roots_cgroup, &owner.service);

	if (!err)
		err = cgroup_path_claimed_by(path, is_roots_cgroup, &owner.claimed_by);
	if (!err)
		err = copy_container(&owner, path);
	if (!err && cgroup_path_pod_uid(path, pod)) {
		owner.pod_uid = strdup(pod);
		err = owner.pod_uid ? 0 : -ENOMEM;
	}
	if (err)
		identity_clear(&owner);
	else
		move_owner(who, &owner);
	return err;
}

int identity_set_cgroup(struct identity *who, const char *path)
{
	char *copy = strdup(path);
	int err;

	if (!copy)
		return -ENOMEM;
	err = set_owner(who, copy);
	if (err) {
		free(copy);
		return err;
	}
	free(who->cgroup);
	who->cgroup = copy;
	return 0;
}

/* ---- a command line: arguments, each with its NUL ---- */

/* Joins the arguments with spaces. What follows the last one is padding of
 * programs that write their title there. NULL: none, or no memory. */
static char *join_arguments(const char *bytes, size_t len)
{
	char *line;
	size_t i;

	if (len > IDENTITY_COMMAND_LINE_MAX)
		len = IDENTITY_COMMAND_LINE_MAX;
	while (len > 0 && bytes[len - 1] == '\0')
		len--;
	if (len == 0)
		return NULL;
	line = malloc(len + 1);
	if (!line)
		return NULL;
	for (i = 0; i < len; i++)
		line[i] = bytes[i] ? bytes[i] : ' ';
	line[len] = '\0';
	return line;
}

/* ---- a refusal's record ---- */

/* Joins the names, which come from the leaf up, to a path. Those at the root have
 * no name. Returns whether anything is in it. */
static bool join_levels(const char *names, size_t len, unsigned levels, char *path,
			size_t size)
{
	const char *level[FDW_CGROUP_LEVELS] = {NULL};
	unsigned found = 0;
	size_t at = 0, written = 0;

	while (at < len && found < levels && found < FDW_CGROUP_LEVELS) {
		size_t part = strnlen(names + at, len - at);

		if (at + part == len)
			break; /* no NUL: not a name */
		level[found++] = names + at;
		at += part + 1;
	}
	path[0] = '\0';
	while (found-- > 0 && written < size) {
		if (level[found][0] && strcmp(level[found], "/") != 0)
			written += (size_t)snprintf(path + written, size - written,
						    "/%s", level[found]);
	}
	return path[0] != '\0';
}

static void cgroup_from_refusal(struct identity *who, const char *names, size_t len,
				unsigned levels)
{
	char path[FDW_CGROUP_LEVELS * (FDW_CGROUP_NAME_MAX + 1) + 1];
	char cut[sizeof(path) + sizeof(CGROUP_PATH_UNKNOWN)];

	/* Where a v1 hierarchy is in use, the kernel's own path is the root:
	 * that says nothing, and /proc may say more. */
	if (who->cgroup || !join_levels(names, len, levels, path, sizeof(path)))
		return;
	/* At most so many levels are in a record. If there may be more above, it
	 * is not the path, but good enough for the names at its end: of which none
	 * is that of a unit of the host's, for all that is known. */
	if (levels < FDW_CGROUP_LEVELS)
		(void)identity_set_cgroup(who, path);
	if (levels < FDW_CGROUP_LEVELS || who->service || who->container_id)
		return;
	snprintf(cut, sizeof(cut), CGROUP_PATH_UNKNOWN "%s", path);
	(void)set_owner(who, cut);
}

void identity_from_refusal(struct identity *who, const struct fdw_refused *rec)
{
	size_t room =
		rec->header.size > sizeof(*rec) ? rec->header.size - sizeof(*rec) : 0;
	size_t path = rec->path_len, command = rec->cmdline_len,
	       cgroup = rec->cgroup_len;

	if (path + command + cgroup > room)
		return;
	if (!who->command_line)
		who->command_line = join_arguments(rec->text + path, command);
	cgroup_from_refusal(who, rec->text + path + command, cgroup,
			    rec->cgroup_levels);
}

/* ---- /proc ---- */

/* Reads a file whole, as far as it fits, and ends it with NUL. Returns the length
 * or -errno. The files of procfs give all that there is room for, so that less than that is
 * their end: asking for it once more would be a sixth of all calls. */
static ssize_t read_file(int dir, const char *name, char *out, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t got = 0;
	int err = 0;

	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		got = read(fd, out + len, size - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
		if (len < size - 1)
			break;
	}
	if (got < 0)
		err = -errno;
	close(fd);
	out[len] = '\0';
	return err ? err : (ssize_t)len;
}

/* Field 22 of stat, in ticks; the state is field 3. */
static int read_start(int dir, unsigned long long *ticks, char *state)
{
	char text[1024], *at;
	ssize_t len = read_file(dir, "stat", text, sizeof(text));
	int field;

	if (len < 0)
		return (int)len;
	/* the name before it may hold anything, also blanks and brackets */
	at = strrchr(text, ')');
	if (!at || at[1] != ' ')
		return -ESRCH;
	*state = at[2];
	for (field = 2; field < 22 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -ESRCH;
	*ticks = strtoull(at + 1, NULL, 10);
	return 0;
}

/* 0: the directory is of this very process; -ESTALE: of another one; -ESRCH: the
 * process is gone. */
static int verify(const struct identity *who, int dir, char *state)
{
	unsigned long long ticks, expected;
	int err = read_start(dir, &ticks, state);

	if (err)
		return err == -ENOENT ? -ESRCH : err;
	expected =
		who->start_ns / (1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK));
	/* one tick for roundings */
	return ticks + 1 >= expected && ticks <= expected + 1 ? 0 : -ESTALE;
}

static int open_process(struct identity *who)
{
	char path[PATH_MAX];
	int dir, err;

	snprintf(path, sizeof(path), "%s/%d", proc_root, (int)who->pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		return dir;
	err = -errno;
	/* /proc mounted with hidepid: not gone, but not for us to see */
	if (err == -ENOENT && kill(who->pid, 0) < 0 && errno == EPERM)
		err = -EACCES;
	if (err == -EACCES || err == -EPERM)
		who->denied = true;
	return err == -ENOENT ? -ESRCH : err;
}

int identity_start_ticks(pid_t pid, uint64_t *ticks)
{
	struct identity who = {.pid = pid};
	unsigned long long start = 0;
	int dir = open_process(&who), err;
	char state = 0;

	if (dir < 0)
		return dir;
	err = read_start(dir, &start, &state);
	close(dir);
	if (err == -ENOENT || (!err && (state == 'Z' || state == 'X')))
		err = -ESRCH;
	*ticks = start;
	return err;
}

/* What a failed read means: only what is not the process's own affair is an error
 * for the caller. */
static int judge(struct identity *who, int err)
{
	if (err == -EACCES || err == -EPERM) {
		who->denied = true;
		return 0;
	}
	return err == -ENOENT || err == -ESRCH || err == -EINVAL ? 0 : err;
}

static int read_executable(struct identity *who, int dir)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t len;

	len = readlinkat(dir, "exe", path, sizeof(path) - 1);
	if (len < 0)
		return judge(who, -errno);
	path[len] = '\0';
	/* replaced by an upgrade: it is still that program */
	if ((size_t)len >= sizeof(deleted) &&
	    strcmp(path + len - (sizeof(deleted) - 1), deleted) == 0)
		path[(size_t)len - (sizeof(deleted) - 1)] = '\0';
	who->executable = strdup(path);
	return who->executable ? 0 : -ENOMEM;
}

static int read_command_line(struct identity *who, int dir)
{
	char bytes[IDENTITY_COMMAND_LINE_MAX + 1] = {0};
	ssize_t len;

	len = read_file(dir, "cmdline", bytes, sizeof(bytes));
	if (len < 0)
		return judge(who, (int)len);
	who->command_line = join_arguments(bytes, (size_t)len);
	return 0;
}

static int read_cgroup(struct identity *who, int dir)
{
	char text[CGROUP_TEXT_MAX];
	const char *path;
	ssize_t len;

	len = read_file(dir, "cgroup", text, sizeof(text));
	if (len < 0)
		return judge(who, (int)len);
	if ((size_t)len == sizeof(text) - 1) {
		char *end = strrchr(text, '\n'); /* the last line is cut */

		*(end ? end : text) = '\0';
	}
	path = cgroup_path_choose(text);
	return path ? identity_set_cgroup(who, path) : 0;
}

/* The directory of a thread other than the main one; -1: none. */
static int open_other_thread(const struct identity *who, int dir)
{
	int tasks = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct dirent *entry;
	DIR *list;

	if (tasks < 0)
		return -1;
	list = fdopendir(tasks);
	if (!list) {
		close(tasks);
		return -1;
	}
	while (fd < 0 && (entry = readdir(list))) {
		long tid = strtol(entry->d_name, NULL, 10);

		if (tid > 0 && tid != who->pid)
			fd = openat(dirfd(list), entry->d_name,
				    O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	closedir(list);
	return fd;
}

/* Reads into `who` those of `parts` that `known` has not. */
static int read_files(struct identity *who, const struct identity *known,
		      unsigned parts, int dir, char state)
{
	bool executable = parts & IDENTITY_PLACE && !known->executable;
	bool command = parts & IDENTITY_COMMAND_LINE && !known->command_line;
	bool cgroup = parts & IDENTITY_PLACE && !known->cgroup;
	int err = executable ? read_executable(who, dir) : 0, next, other;

	next = command ? read_command_line(who, dir) : 0;
	err = err ? err : next;
	next = cgroup ? read_cgroup(who, dir) : 0;
	err = err ? err : next;
	executable = executable && !who->executable;
	command = command && !who->command_line;
	if (state != 'Z' || (!executable && !command))
		return err;
	/* The main thread has exited: what it had, the others still have. */
	other = open_other_thread(who, dir);
	if (other < 0)
		return err;
	next = executable ? read_executable(who, other) : 0;
	err = err ? err : next;
	next = command ? read_command_line(who, other) : 0;
	close(other);
	return err ? err : next;
}

/* Moves what was read. */
static void adopt(struct identity *who, struct identity *read)
{
	if (read->executable)
		who->executable = read->executable;
	if (read->command_line)
		who->command_line = read->command_line;
	if (read->cgroup) {
		/* from the whole path: better than what a part of it said */
		free(who->cgroup);
		who->cgroup = read->cgroup;
		move_owner(who, read);
	}
	who->denied = who->denied || read->denied;
}

int identity_read_proc(struct identity *who)
{
	return identity_read_parts(who, IDENTITY_PLACE | IDENTITY_COMMAND_LINE);
}

int identity_read_parts(struct identity *who, unsigned parts)
{
	struct identity read = {.pid = who->pid};
	int dir = open_process(who), err, after;
	char state = 0;

	if (dir < 0)
		return dir;
	err = verify(who, dir, &state);
	if (err) {
		close(dir);
		(void)judge(who, err);
		return err == -ESTALE ? -ESRCH : err;
	}
	/* On procfs an open directory stays with its process: what is read through
	 * it is of no other one, even if this one exits meanwhile and its pid is
	 * used again. Looking once more costs little beside being wrong. */
	err = read_files(&read, who, parts, dir, state);
	after = verify(who, dir, &state);
	close(dir);
	if (after == -ESTALE) {
		identity_clear(&read);
		return -ESRCH;
	}
	adopt(who, &read);
	return err ? err : after;
}
