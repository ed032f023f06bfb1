// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden check-config: checks the configuration, prints the effective one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"
#include "config/config.h"
#include "log.h"

struct check_options {
	const char *path;
	struct cli_list overrides;
};

static const struct cli_option options[] = {
	CLI_STRING('c', "config", "FILE", struct check_options, path,
		   "configuration to check, not " CONFIG_PATH),
	CLI_LIST('o', "option", "KEY=VALUE", struct check_options, overrides,
		 "override one key, as thresholds.warn=70%"),
};

static const struct cli_usage usage = {
	.synopsis = "[-c FILE] [-o KEY=VALUE]…",
	CLI_OPTIONS(options),
	.notes = "Without -c, defaults hold where there is no " CONFIG_PATH ".",
};

static bool complain(const char *key, const char *path, int err)
{
	log_error("%s %s: %s; the daemon would monitor without it until it is there",
		  key, path, strerror(err));
	return false;
}

/* A file that is not there yet can be made in a directory that is. Whether the daemon's
 * user may is not known here. */
static bool try_file(const char *path)
{
	char *directory = strdup(path),
	     *slash = directory ? strrchr(directory, '/') : NULL;
	struct stat st;
	int err = 0;

	if (slash) {
		slash[slash == directory] = '\0';
		if (stat(directory, &st) < 0)
			err = errno;
		else if (!S_ISDIR(st.st_mode))
			err = ENOTDIR;
	}
	free(directory);
	return err && err != EACCES ? complain("output.file", path, err) : true;
}

static bool try_hook(const struct config *config)
{
	char why[512];
	struct stat st;

	if (stat(config->hook, &st) < 0 && errno != EACCES)
		return complain("output.hook", config->hook, errno);
	if (!config_doubts_hook(config, why, sizeof(why)))
		return true;
	log_error("%s", why);
	return false;
}

/* A socket that is there is a daemon's, or is left of one, and is replaced. */
static bool try_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISSOCK(st.st_mode))
		return true;
	log_error(
		"socket.path %s is there and is no socket; the daemon would serve none "
		"until it is taken away",
		path);
	return false;
}

/* All of them, so that each complaint is seen. */
static bool try_paths(const struct config *config)
{
	bool file = !config->file || try_file(config->file);
	bool hook = !config->hook || try_hook(config);
	bool socket = !config->socket_path || try_socket(config->socket_path);

	return file && hook && socket;
}

int cmd_check_config(int argc, char **argv)
{
	struct check_options set = {0};
	struct config *config = NULL;
	char error[512];
	int code = cli_parse(&usage, &argc, &argv, &set);

	if (code != CLI_RUN)
		return code;
	if (config_load(set.path ? set.path : CONFIG_PATH,
			CONFIG_CHECK_PATHS | (set.path ? CONFIG_MUST_EXIST : 0),
			set.overrides.items, set.overrides.len, &config, error,
			sizeof(error)) < 0) {
		log_error("%s", error);
		return CLI_USAGE;
	}
	config_print(config, stdout);
	code = try_paths(config) ? CLI_DONE : CLI_FAILED;
	config_free(config);
	return code;
}
