// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration as the rest of the program sees it: load, print, free. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "config/keys.h"

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

int config_load(const char *path, unsigned int flags, const char *const *overrides,
		size_t overrides_len, struct config **out, char *error,
		size_t error_size)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	*out = NULL;
	err = read_file(path, &text, &len);
	if (err == -ENOENT && !(flags & CONFIG_MUST_EXIST))
		err = 0;
	if (err == -EFBIG) {
		snprintf(error, error_size,
			 "%s: too large for a configuration; allowed: %u bytes", path,
			 CONFIG_FILE_MAX);
		return err;
	}
	if (err) {
		snprintf(error, error_size, "cannot read the configuration %s: %s",
			 path,
			 err == -ESPIPE      ? "it is a FIFO; a file is needed"
			 : err == -EINVAL    ? "it is no file"
			 : err == -ETIMEDOUT ? "nothing more came for 2 s"
					     : strerror(-err));
		return err;
	}
	err = config_load_text(path, text ? text : "", len, flags, overrides,
			       overrides_len, out, error, error_size);
	free(text);
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
	free(config->rules);
	free(config);
}
