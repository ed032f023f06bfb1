// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/settings.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/json_read.h"

#define DIRECTORY "fdwarden"
#define NAME      "top.json"
#define NEW_NAME  "top.json.new"
#define FILE_MAX  65536

/* ---- text ---- */

static const char *const names[SETTINGS_LEN] = {"1", "2"};
static const char *const trees[TREES] = {
	[TREE_NONE] = "none",
	[TREE_SERVICE] = "service",
	[TREE_CONTAINER] = "container",
	[TREE_PARENTS] = "parents",
};

static bool add_columns(cJSON *object, const struct setting *set)
{
	cJSON *list = cJSON_AddArrayToObject(object, "columns");

	for (int c = 0; list && c < COLUMNS_LEN; c++) {
		cJSON *name =
			set->wanted[c] ? cJSON_CreateString(column_info(c)->key) : NULL;

		if (set->wanted[c] && !cJSON_AddItemToArray(list, name)) {
			cJSON_Delete(name);
			return false;
		}
	}
	return list;
}

static bool add_setting(cJSON *root, const char *name, const struct setting *set)
{
	cJSON *object = cJSON_AddObjectToObject(root, name);

	return object && add_columns(object, set) &&
	       cJSON_AddStringToObject(object, "sort", column_info(set->sort)->key) &&
	       cJSON_AddBoolToObject(object, "descending", set->descending) &&
	       cJSON_AddStringToObject(object, "group", trees[set->tree]);
}

char *settings_format(const struct setting settings[SETTINGS_LEN])
{
	cJSON *root = cJSON_CreateObject();
	bool good = root;
	char *text;

	for (size_t i = 0; i < SETTINGS_LEN; i++)
		if (good && settings[i].saved)
			good = add_setting(root, names[i], &settings[i]);
	text = good ? cJSON_Print(root) : NULL;
	cJSON_Delete(root);
	return text;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

static void read_columns(const cJSON *list, struct setting *out)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		const char *key = cJSON_GetStringValue(item);

		for (int c = 0; key && c < COLUMNS_LEN; c++)
			out->wanted[c] |= !strcmp(key, column_info(c)->key);
	}
	/* something must be left to be seen */
	out->wanted[COLUMN_PID] = out->wanted[COLUMN_NAME] = true;
}

static void read_setting(const cJSON *object, struct setting *out)
{
	const char *group = text_of(object, "group");

	memset(out, 0, sizeof(*out));
	if (!cJSON_IsObject(object))
		return;
	out->saved = true;
	read_columns(cJSON_GetObjectItemCaseSensitive(object, "columns"), out);
	if (column_parse(text_of(object, "sort"), &out->sort))
		out->sort = COLUMN_USAGE;
	out->descending =
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "descending"));
	for (int tree = 0; tree < TREES; tree++)
		if (!strcmp(group, trees[tree]))
			out->tree = (enum tree)tree;
}

int settings_parse(const char *text, size_t len, struct setting out[SETTINGS_LEN])
{
	cJSON *root = json_read(text, len, JSON_READ_SHALLOW, NULL);
	bool good = cJSON_IsObject(root);

	for (size_t i = 0; i < SETTINGS_LEN; i++)
		read_setting(good ? cJSON_GetObjectItemCaseSensitive(root, names[i])
				  : NULL,
			     &out[i]);
	cJSON_Delete(root);
	return good ? 0 : -EINVAL;
}

/* ---- the file ---- */

/* $XDG_CONFIG_HOME, or .config in $HOME. false: neither is set. */
static bool config_home(char *path, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int len = 0;

	if (xdg && *xdg == '/')
		len = snprintf(path, size, "%s", xdg);
	else if (home && *home == '/')
		len = snprintf(path, size, "%s/.config", home);
	return len > 0 && (size_t)len < size;
}

static int say(char *why, size_t size, int err, const char *path, const char *what)
{
	snprintf(why, size, "%s: %s", path, what ? what : strerror(-err));
	return err;
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
	ssize_t n = 0;

	for (*len = 0; *len < size; *len += (size_t)n) {
		n = read(fd, text + *len, size - *len);
		if (n <= 0)
			break;
	}
	return n < 0 ? -errno : *len == size ? -EFBIG : 0;
}

/* To be read, if it is a regular file: to open another kind may do something by itself, and who
 * laid it there may be another user, whose $HOME a root with sudo still has. An fd, or -errno;
 * -ENOTSUP: it is none. */
static int open_regular(const char *path)
{
	char same[64];
	struct stat st;
	int looked = open(path, O_PATH | O_CLOEXEC), fd;

	if (looked < 0)
		return -errno;
	if (fstat(looked, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(looked);
		return -ENOTSUP;
	}
	snprintf(same, sizeof(same), "/proc/self/fd/%d", looked);
	fd = open(same, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		fd = -errno;
	close(looked);
	return fd;
}

int settings_load(struct setting out[SETTINGS_LEN], char *why, size_t why_size)
{
	char home[2048], path[2200], *text;
	size_t len = 0;
	int fd, err;

	memset(out, 0, SETTINGS_LEN * sizeof(*out));
	if (!config_home(home, sizeof(home)))
		return 0;
	snprintf(path, sizeof(path), "%s/" DIRECTORY "/" NAME, home);
	fd = open_regular(path);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR
			       ? 0
			       : say(why, why_size, fd, path,
				     fd == -ENOTSUP ? "it is no file" : NULL);
	text = malloc(FILE_MAX);
	err = text ? read_all(fd, text, FILE_MAX, &len) : -ENOMEM;
	close(fd);
	if (!err)
		err = settings_parse(text, len, out);
	free(text);
	if (err)
		return say(why, why_size, err, path,
			   err == -EINVAL ? "no settings of 'fdwarden top'" : NULL);
	return 0;
}

/* The directory `name` in `at`, made if it is not there. An fd, or -errno. */
static int enter(int at, const char *name)
{
	/* What root follows may be laid by whoever else has the place. */
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (geteuid() ? 0 : O_NOFOLLOW);
	struct stat st;
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid()) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static int write_file(int dir, const char *text)
{
	size_t len = strlen(text);
	int fd = -1, err = 0;

	if (unlinkat(dir, NEW_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || write(fd, "\n", 1) != 1)
		err = errno ? -errno : -EIO;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && renameat(dir, NEW_NAME, dir, NAME) < 0)
		err = -errno;
	if (err)
		unlinkat(dir, NEW_NAME, 0);
	return err;
}

int settings_save(const struct setting settings[SETTINGS_LEN], char *path,
		  size_t path_size, char *why, size_t why_size)
{
	char home[2048], *text;
	int base, dir, err;

	if (!config_home(home, sizeof(home)))
		return say(why, why_size, -ENOENT, "$HOME", "is not set");
	snprintf(path, path_size, "%s/" DIRECTORY "/" NAME, home);
	base = enter(AT_FDCWD, home);
	dir = base < 0 ? base : enter(base, DIRECTORY);
	if (base >= 0)
		close(base);
	if (dir < 0)
		return say(why, why_size, dir, home,
			   dir == -EPERM || dir == -ELOOP || dir == -ENOTDIR
				   ? "it is not a directory of yours"
				   : NULL);
	text = settings_format(settings);
	err = text ? write_file(dir, text) : -ENOMEM;
	cJSON_free(text);
	close(dir);
	return err ? say(why, why_size, err, path, NULL) : 0;
}
