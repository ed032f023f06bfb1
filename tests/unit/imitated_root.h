/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system in a temporary directory, with processes of its own, that origin_find()
 * is let loose on. For the tests of it. */
#ifndef IMITATED_ROOT_H
#define IMITATED_ROOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/identity.h"
#include "state/origin.h"

static char root[64];
static struct origin found;

static void place(const char *path, char whole[512])
{
	snprintf(whole, 512, "%s%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
}

static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	place(path, whole);
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void put_link(const char *path, const char *target)
{
	char whole[512];

	place(path, whole);
	assert_int_equal(symlink(target, whole), 0);
}

static inline void put_out(const char *path)
{
	char whole[512];

	place(path, whole);
	assert_int_equal(unlink(whole), 0);
}

/* Ticks since boot of a moment that is `seconds` from now. */
static inline uint64_t ticks_in(long seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)(now.tv_sec + seconds) * (uint64_t)sysconf(_SC_CLK_TCK);
}

/* A process that began after all files were written, unless told else. */
static void put_process_at(int pid, int parent, const char *comm, const char *limits,
			   const char *cgroup, uint64_t ticks)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	snprintf(text, sizeof(text),
		 "%d (%s) S %d 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 %llu "
		 "23\n",
		 pid, comm, parent, (unsigned long long)ticks);
	put(path, text);
	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	snprintf(text, sizeof(text),
		 "Limit                     Soft Limit           Hard Limit\n"
		 "Max processes             100                  200    processes\n"
		 "Max open files            %s   files     \n"
		 "Max locked memory         65536                65536  bytes\n",
		 limits);
	put(path, text);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	snprintf(text, sizeof(text), "0::%s\n", cgroup);
	put(path, text);
}

static inline void put_process(int pid, int parent, const char *comm,
			       const char *limits, const char *cgroup)
{
	put_process_at(pid, parent, comm, limits, cgroup, ticks_in(3600));
}

/* systemd as PID 1, as it is on every host. */
static int set_up_host(void **state)
{
	(void)state;
	strcpy(root, "/tmp/fdwarden-origin-XXXXXX");
	/* users see it, too */
	if (!mkdtemp(root) || chmod(root, 0755))
		return -1;
	origin_set_root(root);
	put("/proc/sys/fs/nr_open", "1048576\n");
	put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			   "alice:x:1000:1000:,,,:/home/alice:/bin/sh\n"
			   "bob:x:1001:1001::/home/bob:/bin/sh\n");
	put("/etc/group", "root:x:0:\nalice:x:1000:\nbob:x:1001:\n"
			  "staff:x:50:bob,alice\nwheel:x:10:bob\n");
	put_process(1, 0, "systemd", "1048576 1048576", "/init.scope");
	return 0;
}

static int tear_down_host(void **state)
{
	char command[128];

	(void)state;
	origin_clear(&found);
	origin_set_root(NULL);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static inline int find(int pid)
{
	struct identity who = {.pid = pid, .uid = (uid_t)-1};
	struct origin_question question = {.who = &who};

	origin_clear(&found);
	return origin_find(&question, &found);
}

/* As find(), of a process that the sensor has watched since it began. */
static inline int find_watched(int pid, bool own_limit, uid_t uid)
{
	struct identity who = {.pid = pid, .uid = uid};
	struct origin_question question = {
		.who = &who, .own_limit = own_limit, .own_limit_known = true};

	origin_clear(&found);
	return origin_find(&question, &found);
}

static inline void expect_kind(enum origin_kind kind)
{
	if (found.kind != kind)
		print_error("%s, not %s: %s\n", origin_kind_name(found.kind),
			    origin_kind_name(kind), found.evidence);
	assert_int_equal(found.kind, kind);
}

/* file NULL: none. */
static inline void expect_setting(enum origin_kind kind, const char *file,
				  unsigned line, const char *setting)
{
	expect_kind(kind);
	if (file) {
		assert_non_null(found.file);
		assert_string_equal(found.file, file);
		assert_string_equal(found.setting, setting);
	} else {
		assert_null(found.file);
	}
	assert_int_equal(found.line, line);
	assert_null(found.denied);
	assert_non_null(found.evidence);
}

#endif
