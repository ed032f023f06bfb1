// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration as the rest of the program sees it: load, print, free. */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "config/keys.h"

/* Beside a file of this name others are looked for. */
#define MAIN_NAME        "fdwarden.conf"
#define PARTS            "/conf.d"
#define PART_SUFFIX      ".conf"
/* A pipe's writer has this long for each piece: the event loop waits for it. */
#define PIPE_PATIENCE_MS 2000

/* Nothing is there yet, of a pipe. 0: now there is; -ETIMEDOUT. */
static int wait_for_more(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready = poll(&poll_fd, 1, PIPE_PATIENCE_MS);

	return ready > 0 || (ready < 0 && errno == EINTR) ? 0 : -ETIMEDOUT;
}

/* Reads at most CONFIG_FILE_MAX bytes, of a pipe too. -EFBIG: there are more. */
static int read_fd(int fd, char **text, size_t *len)
{
	/* One more, to see whether there is more. */
	char *buffer = malloc(CONFIG_FILE_MAX + 1);
	size_t have = 0;
	int err = 0;

	if (!buffer)
		return -ENOMEM;
	while (have <= CONFIG_FILE_MAX) {
		ssize_t n = read(fd, buffer + have, CONFIG_FILE_MAX + 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = errno == EAGAIN ? wait_for_more(fd) : -errno;
		if (n < 0 && !err)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (!err && have > CONFIG_FILE_MAX)
		err = -EFBIG;
	if (err) {
		free(buffer);
		return err;
	}
	*text = buffer;
	*len = have;
	return 0;
}

/* A file, /dev/null, or the pipe of a shell's <(…), which has no name: a FIFO has one, and
 * no writer that is sure to come. 0, -EISDIR, -ESPIPE or -EINVAL. */
static int check_kind(int fd)
{
	struct statfs on;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISFIFO(st.st_mode))
		return -EINVAL;
	return fstatfs(fd, &on) == 0 && on.f_type == PIPEFS_MAGIC ? 0 : -ESPIPE;
}

static int read_file(const char *path, char **text, size_t *len)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = check_kind(fd);
	if (!err)
		err = read_fd(fd, text, len);
	close(fd);
	return err;
}

/* ---- conf.d ---- */

/* The files of one configuration. Zeroed is none. */
struct files {
	struct config_text texts[CONFIG_FILES_MAX]; /* names and texts are owned */
	size_t len;
};

static void free_files(struct files *files)
{
	for (size_t i = 0; i < files->len; i++) {
		free((char *)files->texts[i].name);
		free((char *)files->texts[i].text);
	}
}

static int say_unread(const char *path, int err, char *error, size_t error_size)
{
	if (err == -EFBIG)
		snprintf(error, error_size,
			 "%s: too large for a configuration; allowed: %u bytes", path,
			 CONFIG_FILE_MAX);
	else
		snprintf(error, error_size, "cannot read the configuration %s: %s",
			 path,
			 err == -ESPIPE      ? "it is a FIFO; a file is needed"
			 : err == -EINVAL    ? "it is no file"
			 : err == -ETIMEDOUT ? "nothing more came for 2 s"
					     : strerror(-err));
	return err;
}

/* One more. `missing`: it need not be there, and counts as an empty one. */
static int add_file(struct files *files, const char *path, bool missing, char *error,
		    size_t error_size)
{
	char *name = strdup(path), *text = NULL;
	size_t len = 0;
	int err = name ? read_file(path, &text, &len) : -ENOMEM;

	if (err == -ENOENT && missing) {
		text = strdup("");
		err = text ? 0 : -ENOMEM;
	}
	if (err) {
		free(name);
		return say_unread(path, err, error, error_size);
	}
	files->texts[files->len++] = (struct config_text){name, text, len};
	// cppcheck-suppress memleak ; both are in the list
	return 0;
}

static int is_part(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > strlen(PART_SUFFIX) &&
	       !strcmp(entry->d_name + len - strlen(PART_SUFFIX), PART_SUFFIX);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is in it is taken as if it stood in the file: so nobody else may write there than may
 * write the file. 0 or -errno. */
static int check_directory(const char *directory, char *error, size_t error_size)
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : say_unread(directory, -errno, error, error_size);
	if (S_ISDIR(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	snprintf(error, error_size,
		 "%s is not read: it must be a directory that root alone may write; "
		 "chown root and chmod go-w it",
		 directory);
	return -EPERM;
}

/* Those of conf.d beside the file, in the order of their names. 0 or -errno. */
static int add_parts(struct files *files, const char *path, char *error,
		     size_t error_size)
{
	const char *name = strrchr(path, '/');
	char directory[PATH_MAX], part[PATH_MAX + NAME_MAX + 2];
	struct dirent **entries;
	int len, err;

	if (!name || strcmp(name + 1, MAIN_NAME) != 0)
		return 0;
	snprintf(directory, sizeof(directory), "%.*s" PARTS, (int)(name - path), path);
	err = check_directory(directory, error, error_size);
	if (err)
		return err == -ENOENT ? 0 : err;
	/* Not alphasort(): the locale is no reason for another order. */
	len = scandir(directory, &entries, is_part, by_name);
	if (len < 0)
		return say_unread(directory, -errno, error, error_size);
	for (int i = 0; i < len; i++) {
		snprintf(part, sizeof(part), "%s/%s", directory, entries[i]->d_name);
		if (!err && files->len == CONFIG_FILES_MAX) {
			snprintf(error, error_size, "%s: too many files; allowed: %d",
				 directory, CONFIG_FILES_MAX - 1);
			err = -E2BIG;
		}
		if (!err)
			err = add_file(files, part, false, error, error_size);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* For who wants to know. What is not there was read as if it were empty. */
static void note_files(const struct files *files, struct config *config)
{
	const char *comma = "";
	size_t size = 0;
	FILE *out = open_memstream(&config->files, &size);

	if (!out)
		return;
	for (size_t i = 0; i < files->len; i++) {
		const struct config_text *text = &files->texts[i];

		if (!text->len && access(text->name, F_OK))
			continue;
		fprintf(out, "%s%s", comma, text->name);
		comma = ", ";
	}
	fclose(out);
}

int config_load(const char *path, unsigned int flags, const char *const *overrides,
		size_t overrides_len, struct config **out, char *error,
		size_t error_size)
{
	struct files files = {0};
	int err;

	*out = NULL;
	err = add_file(&files, path, !(flags & CONFIG_MUST_EXIST), error, error_size);
	if (!err)
		err = add_parts(&files, path, error, error_size);
	if (!err)
		err = config_load_texts(files.texts, files.len, flags, overrides,
					overrides_len, out, error, error_size);
	if (!err)
		note_files(&files, *out);
	free_files(&files);
	return err;
}

static void print_section(const char *section, const void *base, bool only_set,
			  FILE *out)
{
	char value[CONFIG_VALUE_MAX + 1];

	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) != 0 ||
		    (only_set && !config_is_set(key, base)))
			continue;
		config_format_value(key, base, value, sizeof(value));
		fprintf(out, "%s =%s%s\n", key->name, *value ? " " : "", value);
	}
}

void config_print(const struct config *config, FILE *out)
{
	const char *last = NULL;

	for (size_t i = 0; i < config_keys_len; i++) {
		const char *section = config_keys[i].section;

		if (!strcmp(section, CONFIG_RULE_SECTION) ||
		    (last && !strcmp(section, last)))
			continue;
		if (*section)
			fprintf(out, "%s[%s]\n", last ? "\n" : "", section);
		print_section(section, config, false, out);
		last = section;
	}
	for (size_t i = 0; i < config->rules_len; i++) {
		fprintf(out, "\n[%s %s]\n", CONFIG_RULE_SECTION, config->rules[i].name);
		print_section(CONFIG_RULE_SECTION, &config->rules[i], true, out);
	}
}

bool config_needs_restart(const struct config *started, const struct config *now,
			  char *names, size_t size)
{
	char before[CONFIG_VALUE_MAX + 1], after[CONFIG_VALUE_MAX + 1];
	size_t len = 0;

	*names = 0;
	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (!key->start_only)
			continue;
		config_format_value(key, started, before, sizeof(before));
		config_format_value(key, now, after, sizeof(after));
		if (strcmp(before, after) != 0 && len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s%s%s",
						len ? ", " : "", key->section,
						*key->section ? "." : "", key->name);
	}
	return len > 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->type >= CONFIG_FILE &&
		    strcmp(key->section, CONFIG_RULE_SECTION) != 0)
			free(*(char **)((char *)config + key->offset));
	}
	for (size_t i = 0; i < config->rules_len; i++)
		config_rule_clear(&config->rules[i]);
	for (size_t i = 0; i < config->doubts_len && i < CONFIG_DOUBTS_MAX; i++)
		free(config->doubts[i]);
	for (size_t i = 0; i < config->warnings_len; i++)
		free(config->warnings[i]);
	free(config->files);
	free(config->rules);
	free(config);
}
