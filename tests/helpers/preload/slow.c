/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into fdwarden: a name service, a disk, and processes' command lines that take
 * as long as the environment says (SLOW_NAMES, SLOW_DISK, SLOW_COMMAND_LINES, in seconds).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_for(const char *name)
{
	const char *seconds = getenv(name);

	if (seconds)
		sleep((unsigned int)strtoul(seconds, NULL, 10));
}

int getpwuid_r(uid_t uid, struct passwd *entry, char *strings, size_t size,
	       struct passwd **found)
{
	(void)uid, (void)entry, (void)strings, (void)size;
	wait_for("SLOW_NAMES");
	*found = NULL;
	return 0;
}

int renameat(int old_dir, const char *old_name, int new_dir, const char *new_name)
{
	int (*next)(int, const char *, int, const char *);

	*(void **)&next = dlsym(RTLD_NEXT, "renameat");
	wait_for("SLOW_DISK");
	return next(old_dir, old_name, new_dir, new_name);
}

int openat(int dir, const char *name, int flags, ...)
{
	int (*next)(int, const char *, int, ...);
	mode_t mode;
	va_list rest;

	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	*(void **)&next = dlsym(RTLD_NEXT, "openat");
	if (strcmp(name, "cmdline") == 0)
		wait_for("SLOW_COMMAND_LINES");
	return next(dir, name, flags, mode);
}
