// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden check-config: checks the configuration, prints the effective one. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"
#include "config/config.h"
#include "config/pattern_syntax.h"
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
	.notes =
		"Without -c, defaults hold where there is no " CONFIG_PATH
		".\nExits with 2 "
		"where the daemon would not start, and with 1 where this host lacks a\n"
		"file, a user or a group that is named.",
};

static bool complain(const char *key, const char *path, int err)
{
	log_error("%s %s: %s; the daemon would monitor without it until it is there",
		  key, path, strerror(err));
	return false;
}

/* 0, or the errno of what keeps it from being a directory. */
static int directory_error(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

/* What is not there yet can be made in a directory that is. Whether the daemon's user may is
 * not known here. 0, or the errno of what keeps the directory from being one. */
static int place_error(const char *path)
{
	char *directory = strdup(path),
	     *slash = directory ? strrchr(directory, '/') : NULL;
	int err = 0;

	if (slash) {
		slash[slash == directory] = '\0';
		err = directory_error(directory);
	}
	free(directory);
	return err == EACCES ? 0 : err;
}

static bool try_file(const char *path)
{
	int err = place_error(path);

	return err ? complain("output.file", path, err) : true;
}

static bool try_root(const char *root)
{
	int err = directory_error(root);

	if (!err || err == EACCES)
		return true;
	log_error("host.root %s: %s; nothing of the host's files would be known", root,
		  strerror(err));
	return false;
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

/* A socket that is there is a daemon's, or is left of one, and is replaced. The service manager
 * makes the directory of the usual one. */
static bool try_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		int err = strcmp(path, CONFIG_SOCKET_PATH) ? place_error(path) : 0;

		if (err)
			log_error("socket.path %s: %s; the daemon would monitor, and "
				  "serve no socket",
				  path, strerror(err));
		return !err;
	}
	if (S_ISSOCK(st.st_mode))
		return true;
	log_error(
		"socket.path %s is there and is no socket; the daemon would serve none "
		"until it is taken away",
		path);
	return false;
}

/* Of getpwnam() and getgrnam(), which found nothing: a name service that can't be asked is no
 * proof that there is none. */
static bool is_nobody(int err)
{
	return !err || err == ENOENT || err == ESRCH;
}

/* A pattern may match a user who is made later; so may a name, but that is more often a slip. */
static bool try_user(const char *rule, const char *name)
{
	errno = 0;
	if (!*name || pattern_has_wildcard(name) || !name[strspn(name, "0123456789")] ||
	    getpwnam(name) || !is_nobody(errno))
		return true;
	log_error("in rule '%s': there is no user %s on this host; it means nobody "
		  "until there is",
		  rule, name);
	return false;
}

static bool try_users(const struct config_rule *rule)
{
	const char *list = rule->match_user, *start;
	bool good = true;
	size_t len;

	while (pattern_list_next(&list, &start, &len)) {
		char *name = strndup(start, len);

		good &= !name || try_user(rule->name, name);
		free(name);
	}
	return good;
}

/* The usual one comes with the package, and says of itself what it lacks. */
static bool try_group(const char *key, const char *group)
{
	errno = 0;
	if (!strcmp(group, CONFIG_SOCKET_GROUP) ||
	    !group[strspn(group, "0123456789")] || getgrnam(group) || !is_nobody(errno))
		return true;
	log_error("%s: there is no group %s on this host; until there is "
		  "('groupadd -r %s') only root and the daemon's user may ask",
		  key, group, group);
	return false;
}

/* It may be meant so; it is to be known. */
static void warn_of_open_port(const char *listen)
{
	if (listen[0] != '/' && strncmp(listen, "127.", 4) != 0 &&
	    strncmp(listen, "[::1]:", 6) != 0)
		log_warning("metrics.listen %s: who reaches this port reads the names "
			    "of processes and services, without TLS and without a "
			    "password; 127.0.0.1 is for this host alone",
			    listen);
}

/* All of them, so that each complaint is seen. */
static bool try_host(const struct config *config)
{
	bool good = !config->file || try_file(config->file);

	good &= !config->hook || try_hook(config);
	good &= !config->socket_path || try_socket(config->socket_path);
	good &= !config->socket_path || !config->socket_group ||
		try_group("socket.group", config->socket_group);
	good &= !config->host_root || try_root(config->host_root);
	good &= !config->metrics_group ||
		try_group("metrics.group", config->metrics_group);
	for (size_t i = 0; i < config->rules_len; i++)
		good &= !config->rules[i].match_user || try_users(&config->rules[i]);
	if (config->metrics_listen)
		warn_of_open_port(config->metrics_listen);
	return good;
}

/* What is no mistake, and likely not meant so. */
static void print_warnings(const struct config *config)
{
	if (config->warnings_len)
		fflush(stdout); /* behind the configuration, where they are seen */
	for (size_t i = 0; i < config->warnings_len; i++)
		log_warning("%s", config->warnings[i]);
	if (config->warnings_left)
		log_warning("%zu more warnings like these", config->warnings_left);
}

/* A comment: what is printed can be read as a configuration. Names of files are root's, and as
 * they were given. */
static void print_ok(const struct config *config, const char *path)
{
	if (config->files && *config->files)
		printf("\n# OK: read from %s\n", config->files);
	else
		printf("\n# OK: there is no %s, the defaults hold\n", path);
}

int cmd_check_config(int argc, char **argv)
{
	struct check_options set = {0};
	struct config *config = NULL;
	char error[16384], *rest = error, *line;
	int code = cli_parse(&usage, &argc, &argv, &set);

	if (code != CLI_RUN)
		return code;
	if (config_load(set.path ? set.path : CONFIG_PATH,
			CONFIG_CHECK_PATHS | CONFIG_ALL_MISTAKES | CONFIG_KEEP_PART |
				(set.path ? CONFIG_MUST_EXIST : 0),
			set.overrides.items, set.overrides.len, &config, error,
			sizeof(error)) < 0) {
		while ((line = strsep(&rest, "\n")))
			log_error("%s", line);
		/* So that one round shows all that is to be mended. */
		if (config) {
			print_warnings(config);
			(void)try_host(config);
		}
		config_free(config);
		return CLI_USAGE;
	}
	config_print(config, stdout);
	print_warnings(config);
	code = try_host(config) ? CLI_DONE : CLI_FAILED;
	if (code == CLI_DONE)
		print_ok(config, set.path ? set.path : CONFIG_PATH);
	config_free(config);
	return code;
}
