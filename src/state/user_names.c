/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/user_names.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* That of a machine with ten thousand users is half of it. */
#define FILE_MAX_LEN (1 << 20)

struct user {
	uid_t uid;
	size_t line;      /* of equal uids the first one counts */
	const char *name; /* in the text */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *path = "/etc/passwd";
static struct stat seen; /* the file that was read; all zero: none */
static char *text;
static struct user *users; /* sorted */
static size_t users_len;

static void forget(void)
{
	free(text);
	free(users);
	text = NULL;
	users = NULL;
	users_len = 0;
	memset(&seen, 0, sizeof(seen));
}

void user_names_set_file(const char *other)
{
	pthread_mutex_lock(&lock);
	path = other ? other : "/etc/passwd";
	forget();
	pthread_mutex_unlock(&lock);
}

static int compare(const void *a, const void *b)
{
	const struct user *first = a, *second = b;

	if (first->uid != second->uid)
		return first->uid < second->uid ? -1 : 1;
	return first->line < second->line ? -1 : first->line > second->line;
}

/* NAME:x:UID:… */
static bool parse(char *line, struct user *out)
{
	char *name = strsep(&line, ":"), *uid, *end;
	unsigned long number;

	(void)strsep(&line, ":");
	uid = strsep(&line, ":");
	if (!name[0] || !uid || !uid[0])
		return false;
	number = strtoul(uid, &end, 10);
	if (*end || number > UINT32_MAX)
		return false;
	out->uid = (uid_t)number;
	out->name = name;
	return true;
}

static char *read_text(size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *out = fd < 0 ? NULL : malloc(size + 1);
	size_t len = 0;
	ssize_t got = 0;

	while (out && len < size) {
		got = read(fd, out + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (out)
		out[len] = '\0';
	return out;
}

static void load(const struct stat *now)
{
	size_t lines = 1;
	char *rest, *line;

	if (now->st_size > FILE_MAX_LEN)
		return;
	text = read_text((size_t)now->st_size);
	for (char *at = text; at && *at; at++)
		lines += *at == '\n';
	users = text ? calloc(lines, sizeof(*users)) : NULL;
	if (!users)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		users[users_len].line = users_len;
		users_len += parse(line, &users[users_len]);
	}
	qsort(users, users_len, sizeof(*users), compare);
	seen = *now;
}

/* Where it can't be read just now, what was read before still holds. */
static void refresh(void)
{
	struct stat now;

	if (stat(path, &now) < 0 || !S_ISREG(now.st_mode))
		return;
	if (users && now.st_ino == seen.st_ino && now.st_dev == seen.st_dev &&
	    now.st_size == seen.st_size && now.st_ctim.tv_sec == seen.st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec == seen.st_ctim.tv_nsec)
		return;
	forget();
	load(&now);
}

bool user_names_find(uid_t uid, char *name, size_t size)
{
	bool found = false;
	size_t low = 0, high;

	pthread_mutex_lock(&lock);
	refresh();
	high = users ? users_len : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (users && low < users_len && users[low].uid == uid)
		found = (size_t)snprintf(name, size, "%s", users[low].name) < size;
	pthread_mutex_unlock(&lock);
	return found;
}
