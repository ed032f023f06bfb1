// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lies at the paths of a configuration. Only what can never be right is a mistake: a
 * directory that is missing may be made, and a program that nobody knows be run by
 * binfmt_misc.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/loading.h"

/* What the kernel reads of a program to know what it is. */
#define HEAD_MAX 256

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "no program";
	}
}

static int check_hook(struct loading *l)
{
	const struct origin *at = &l->keys[config_key_index("output", "hook")];
	const char *hook = l->config->hook;
	struct stat st;

	if (!hook || stat(hook, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && st.st_mode & 0111)
		return 0;
	return config_fail(l, at, -EINVAL, "hook %s is %s; %s", hook,
			   kind_of(st.st_mode),
			   S_ISREG(st.st_mode) ? "make it one that may be executed "
						 "(chmod +x)"
					       : "name a program");
}

/* Terminals and /dev/null take lines, too. A FIFO would take them only while somebody reads,
 * and blocks whoever opens it. */
static int check_file(struct loading *l)
{
	const char *file = l->config->file;
	struct stat st;

	if (!file || stat(file, &st) < 0 || S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	return config_doubt(l, &l->keys[config_key_index("output", "file")],
			    "file %s is %s; name a file, which is made where there is "
			    "none",
			    file, kind_of(st.st_mode));
}

/* Whether the key was set at all: what lies at a default path is nobody's mistake here, and
 * the daemon says what it can't do there. */
static bool is_set(const struct origin *at)
{
	return at->line || at->override;
}

/* Each state is renamed to this path: a device there, /dev/null say, would be replaced. */
static int check_state(struct loading *l)
{
	const struct origin *at = &l->keys[config_key_index("state", "file")];
	const char *path = l->config->state_file;
	struct stat st;

	if (!path || !is_set(at) || lstat(path, &st) < 0 || S_ISREG(st.st_mode) ||
	    S_ISLNK(st.st_mode))
		return 0;
	if (config_doubt(l, at,
			 "state.file %s is %s; name a file, which is made where there "
			 "is none, or nothing to keep no state",
			 path, kind_of(st.st_mode)) < 0)
		return l->err;
	free(l->config->state_file); /* forgiven: none is kept */
	l->config->state_file = NULL;
	return 0;
}

/* Another kind of file may be a leftover that somebody takes away while the daemon runs
 * without: that is said where it is opened. */
static int check_socket(struct loading *l)
{
	const struct origin *at = &l->keys[config_key_index("socket", "path")];
	const char *path = l->config->socket_path;
	struct stat st;

	if (!path || !is_set(at) || lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return config_doubt(l, at,
			    "socket.path %s is a directory; name a socket in it, or "
			    "nothing for none",
			    path);
}

int config_check_paths(struct loading *l)
{
	(void)check_hook(l);
	(void)check_file(l);
	(void)check_state(l);
	(void)check_socket(l);
	return l->err;
}

/* ---- what the kernel makes of a program ---- */

/* Reads its beginning, which is zeros behind the end of a short one. False: it can't be read,
 * which a program need not be. */
static bool read_head(const char *path, char head[HEAD_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	bool done;

	memset(head, 0, HEAD_MAX + 1);
	if (fd < 0)
		return false;
	done = !fstat(fd, &st) && S_ISREG(st.st_mode) && read(fd, head, HEAD_MAX) >= 0;
	close(fd);
	return done;
}

/* Of "#! /bin/sh -e\n". False: there is none, or more than is known here. */
static bool find_interpreter(char *head, const char **out)
{
	char *path = head + 2;

	path += strspn(path, " \t");
	path[strcspn(path, " \t\n")] = '\0';
	*out = path;
	return path[0] == '/' && path + strlen(path) < head + HEAD_MAX;
}

bool config_doubts_hook(const struct config *config, char *why, size_t why_size)
{
	char head[HEAD_MAX + 1];
	const char *interpreter;
	struct stat st;

	if (!config->hook || !read_head(config->hook, head) ||
	    !memcmp(head, "\177ELF", 4))
		return false;
	if (memcmp(head, "#!", 2) != 0) {
		snprintf(why, why_size,
			 "output.hook %s begins neither with '#!' nor as an ELF "
			 "program, so the kernel runs it only where binfmt_misc is "
			 "told how; begin a shell's script with '#!/bin/sh'",
			 config->hook);
		return true;
	}
	if (!find_interpreter(head, &interpreter) || stat(interpreter, &st) == 0 ||
	    errno != ENOENT)
		return false;
	snprintf(why, why_size,
		 "output.hook %s can't run, for its interpreter %s is not there; "
		 "install it or name another in its first line",
		 config->hook, interpreter);
	return true;
}
