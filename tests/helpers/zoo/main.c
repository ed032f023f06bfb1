/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, the list of what is held, and messages. */
#include <fcntl.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "zoo.h"

static const struct zoo_step *const tables[] = {
	zoo_control,   zoo_crowds, zoo_calls,  zoo_rare_calls,
	zoo_transfers, zoo_rings,  zoo_tables, zoo_churns,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static struct {
	int *fds;
	size_t len, size;
} held;
static char **cursor; /* the step that is being done */

const struct zoo_step *zoo_find(const char *name)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct zoo_step *step = tables[i]; step->name; step++)
			if (!strcmp(step->name, name))
				return step;
	zoo_fail(ZOO_USAGE, "no step is called '%s'; `fdzoo list` names them", name);
}

int zoo_hold(int fd)
{
	if (fd < 0)
		return fd;
	if (held.len == held.size) {
		held.size = held.size ? 2 * held.size : 1024;
		held.fds = realloc(held.fds, held.size * sizeof(*held.fds));
		if (!held.fds)
			zoo_fail(ZOO_FAILED, "out of memory");
	}
	held.fds[held.len++] = fd;
	return fd;
}

int zoo_hold_pair(int result, const int fds[2])
{
	if (result < 0)
		return result;
	zoo_hold(fds[0]);
	return zoo_hold(fds[1]);
}

int zoo_last_held(void)
{
	return held.len ? held.fds[held.len - 1] : -1;
}

int zoo_drop_last(void)
{
	return held.len ? held.fds[--held.len] : -1;
}

void zoo_forget(unsigned int first, unsigned int last)
{
	size_t kept = 0;

	for (size_t i = 0; i < held.len; i++)
		if ((unsigned int)held.fds[i] < first ||
		    (unsigned int)held.fds[i] > last)
			held.fds[kept++] = held.fds[i];
	held.len = kept;
}

/* After exec: what came through is held again, in order of its number. */
static void hold_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != dirfd(dir))
			zoo_hold(fd);
	}
	closedir(dir);
}

/* Slots taken below `limit`, asked for one by one: needs no descriptor. */
static long count_used(long limit)
{
	long used = 0;

	for (long fd = 0; fd < limit; fd++)
		used += fcntl((int)fd, F_GETFD) >= 0;
	return used;
}

int zoo_fill(long used)
{
	struct rlimit limit;
	long now;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (used < 0)
		used = (long)limit.rlim_cur;
	/* no call too many: a refusal would be one that was not asked for */
	for (now = count_used((long)limit.rlim_cur); now < used; now++) {
		int fd = zoo_hold(ZOO_ERRNO(dup(STDERR_FILENO)));

		if (fd < 0)
			return fd;
	}
	return 0;
}

void zoo_print(const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	if (zoo_role() == ZOO_MEMBER)
		return;
	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(ZOO_FAILED);
}

void zoo_fail(enum zoo_exit status, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "fdzoo[%d]: %s\n", getpid(), line);
	exit(status);
}

bool zoo_is_lacking(int error)
{
	return error == ENOSYS || error == EINVAL || error == EPERM ||
	       error == EACCES || error == EOPNOTSUPP || error == ENOPROTOOPT ||
	       error == ENOTTY || error == ENODEV || error == EAFNOSUPPORT;
}

long zoo_number(const char *text, long least)
{
	char *end;
	long number;

	errno = 0;
	number = text ? strtol(text, &end, 10) : -1;
	if (!text || end == text || *end || errno || number < least)
		zoo_fail(ZOO_USAGE, "%s: needs a number of at least %ld, not '%s'",
			 *cursor, least, text ? text : "");
	return number;
}

int zoo_numbers(const char *text, long *out, int least, int most)
{
	char *copy = strdup(text ? text : ""), *place = NULL;
	int len = 0;

	for (char *part = strtok_r(copy, ":", &place); part && len < most;
	     part = strtok_r(NULL, ":", &place))
		out[len++] = zoo_number(part, 0);
	free(copy);
	if (len < least)
		zoo_fail(ZOO_USAGE, "%s: needs at least %d numbers, A:B…", *cursor,
			 least);
	return len;
}

uint64_t zoo_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t zoo_real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

char **zoo_rest(void)
{
	return cursor + 1;
}

static int repeat_call(const struct zoo_step *step, const char *arg)
{
	long times = arg ? zoo_number(arg, 0) : 1;
	int err = step->prepare ? step->prepare() : 0;

	for (long i = 0; err >= 0 && i < times; i++)
		err = step->call();
	return err;
}

static int run_step(const struct zoo_step *step, const char *arg)
{
	int err = step->run ? step->run(arg) : repeat_call(step, arg);

	if (err >= 0)
		return 0;
	if (!step->call || !zoo_is_lacking(-err))
		zoo_fail(ZOO_FAILED, "%s: %s", *cursor, strerror(-err));
	zoo_skip(step->name, strerror(-err));
	return 0;
}

int zoo_run(char **steps)
{
	for (cursor = steps; *cursor; cursor++) {
		char *text = strdup(*cursor), *arg = strchr(text, '=');
		const struct zoo_step *step;

		if (arg)
			*arg++ = '\0';
		step = zoo_find(text);
		if (zoo_role() != ZOO_LEADER || step->leads)
			run_step(step, arg);
		free(text);
	}
	return zoo_role() == ZOO_LEADER ? zoo_crowd_end(ZOO_DONE) : ZOO_DONE;
}

static bool strict, skipped;

void zoo_skip(const char *name, const char *reason)
{
	skipped = true;
	zoo_print("skip %s %s", name, reason);
}

static void list_steps(void)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct zoo_step *step = tables[i]; step->name; step++)
			printf("%-24s %-16s %s\n", step->name, step->arg, step->help);
}

/* NAME ERRNO a line: what a call gets when its table is full, "-" for none. */
static void list_ways(void)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct zoo_step *step = tables[i]; step->name; step++)
			if (step->call)
				printf("%s %s\n", step->name,
				       step->full ? strerrorname_np(step->full) : "-");
}

static const char usage[] =
	"usage: fdzoo [--strict] STEP[=ARG]…   do the steps in order\n"
	"       fdzoo list                     name the steps\n"
	"       fdzoo ways                     ways in, and how a full table refuses\n"
	"       fdzoo listing                  PID COUNT SOFT-LIMIT of all, by /proc\n"
	"With --strict the exit status is 77 if a step was skipped.\n";

int main(int argc, char **argv)
{
	int status;

	if (argc == 2 && !strcmp(argv[1], "list")) {
		list_steps();
		return ZOO_DONE;
	}
	if (argc == 2 && !strcmp(argv[1], "ways")) {
		list_ways();
		return ZOO_DONE;
	}
	if (argc == 2 && !strcmp(argv[1], "listing"))
		return zoo_listing();
	argv++;
	if (*argv && !strcmp(*argv, "--strict")) {
		strict = true;
		argv++;
	}
	if (!*argv || **argv == '-') {
		fputs(usage, stderr);
		return ZOO_USAGE;
	}
	for (char **step = argv; *step; step++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*step, "="), *step);
		zoo_find(name); /* nothing is done if one is misspelt */
	}
	hold_inherited();
	status = zoo_run(argv);
	return status == ZOO_DONE && strict && skipped ? ZOO_SKIPPED : status;
}
