// SPDX-License-Identifier: GPL-2.0-or-later
/* Who holds what another limit counts, in an imitated procfs, and what is proposed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/advice_holders.h"
#include "state/holders.h"

#define USER     1000u
#define LINE     "inotify wd:1 ino:1 sdev:800001 mask:2 ignored_mask:0\n"
#define LINE_LEN (sizeof(LINE) - 1)

static char root[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/fdwarden-holders-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void put(const char *text, int pid, const char *name, int fd)
{
	char path[128];
	FILE *file;
	int len = snprintf(path, sizeof(path), "%s/", root);

	if (fd < 0)
		snprintf(path + len, sizeof(path) - (size_t)len, "%d/%s", pid, name);
	else
		snprintf(path + len, sizeof(path) - (size_t)len, "%d/%s/%d", pid, name,
			 fd);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void add_process(int pid, int parent, const char *name, unsigned real,
			unsigned effective)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "%s/%d", root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%d/fd", root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%d/fdinfo", root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(text, sizeof(text),
		 "Name:\t%s\nUmask:\t0022\nPPid:\t%d\nUid:\t%u\t%u\t%u\t%u\n", name,
		 parent, real, effective, effective, effective);
	put(text, pid, "status", -1);
}

static void add_fd(int pid, int fd, const char *link, const char *info)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/fd/%d", root, pid, fd);
	assert_int_equal(symlink(link, path), 0);
	put(info, pid, "fdinfo", fd);
}

static struct holders look(enum holders_what what)
{
	struct holders_question question = {
		.what = what, .pid = 900001, .uid = USER, .cpu_ms = 10000};
	struct holders out;

	assert_int_equal(holders_find(root, &question, &out), 0);
	assert_false(out.cut);
	return out;
}

static void instances_are_of_the_effective_user(void **state)
{
	struct holders out;

	(void)state;
	add_process(900001, 1, "code", USER, USER);
	add_process(900002, 1, "setuid", USER, 0);
	add_process(900003, 1, "server", 0, USER);
	for (int fd = 3; fd < 6; fd++)
		add_fd(900001, fd, "anon_inode:inotify", "");
	add_fd(900001, 6, "/srv/anon_inode:inotify", "");
	add_fd(900002, 3, "anon_inode:inotify", "");
	add_fd(900003, 3, "anon_inode:inotify", "");
	out = look(HOLDERS_INOTIFY_INSTANCES);
	assert_int_equal(out.total, 4);
	assert_int_equal(out.processes, 2);
	assert_int_equal(out.first[0].pid, 900001);
	assert_int_equal(out.first[0].count, 3);
	assert_string_equal(out.first[0].name, "code");
}

static void lines_are_counted(void **state)
{
	char *many = calloc(3000, 64);

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < 3000; i++)
		memcpy(many + i * LINE_LEN, LINE, LINE_LEN);
	add_process(900001, 1, "a\\nUid:\\t5", USER, USER);
	add_fd(900001, 3, "anon_inode:inotify",
	       "pos:\t0\nflags:\t00\ninotify wd:2 ino:x\n");
	add_fd(900001, 4, "anon_inode:inotify", many);
	add_fd(900001, 5, "anon_inode:[eventpoll]",
	       "tfd: 3 events: 19\ntfd: 4 events: 19\n");
	add_fd(900001, 6, "anon_inode:[fanotify]",
	       "fanotify flags:0 event-flags:0\nfanotify ino:1 sdev:2\nfanotify "
	       "sdev:3\n");
	assert_int_equal(look(HOLDERS_INOTIFY_WATCHES).total, 1 + 3000);
	assert_int_equal(look(HOLDERS_EPOLL_WATCHES).total, 2);
	assert_int_equal(look(HOLDERS_FANOTIFY_MARKS).total, 2);
	assert_int_equal(look(HOLDERS_FANOTIFY_GROUPS).total, 1);
	free(many);
}

static void a_pipe_is_one(void **state)
{
	struct holders out;
	char link[32];

	(void)state;
	add_process(900001, 1, "left", USER, USER);
	add_process(900002, 1, "right", USER, USER);
	for (int i = 0; i < 2000; i++) {
		snprintf(link, sizeof(link), "pipe:[%d]", 100 + i);
		add_fd(900001, 3 + i, link, "");
		if (i < 1500)
			add_fd(900002, 3 + i, link, "");
	}
	out = look(HOLDERS_PIPES);
	assert_int_equal(out.total, 2000);
}

static void those_with_most_are_named(void **state)
{
	struct holders out;

	(void)state;
	for (int i = 0; i < 20; i++) {
		add_process(900001 + i, 1, "x", USER, USER);
		for (int fd = 0; fd <= (i * 7) % 20; fd++)
			add_fd(900001 + i, fd, "anon_inode:inotify", "");
	}
	out = look(HOLDERS_INOTIFY_INSTANCES);
	assert_int_equal(out.total, 210);
	assert_int_equal(out.processes, 20);
	assert_int_equal(out.len, HOLDERS_MAX);
	for (size_t i = 0; i < out.len; i++)
		assert_int_equal(out.first[i].count, 20 - i);
}

static void a_file_is_no_queue(void **state)
{
	(void)state;
	add_process(900001, 1, "x", USER, USER);
	add_fd(900001, 3, "/", "");
	assert_int_equal(look(HOLDERS_QUEUES_OF_USER).total, 0);
}

static void the_sysctl_is_doubled(void **state)
{
	struct holders holders = {.what = HOLDERS_INOTIFY_INSTANCES, .total = 128};
	struct advice_other_limit limit = {.pid = 5,
					   .sysctl = "fs.inotify.max_user_instances",
					   .value = 128,
					   .holders = &holders};
	struct advice out[ADVICE_MAX];
	char *typed;

	(void)state;
	assert_int_equal(advice_for_other_limit(&limit, out), 1);
	assert_int_equal(out[0].action, ADVICE_SYSCTL);
	assert_int_equal(out[0].value, 256);
	assert_string_equal(out[0].file,
			    "/etc/sysctl.d/90-fs.inotify.max_user_instances.conf");
	assert_string_equal(out[0].content, "fs.inotify.max_user_instances = 256\n");
	typed = command_shell_text(&out[0].commands[1]);
	assert_string_equal(typed, "sysctl -w fs.inotify.max_user_instances=256");
	free(typed);
	advice_clear(out, 1);
	limit.value = 0; /* another namespace's */
	assert_int_equal(advice_for_other_limit(&limit, out), 0);
	limit = (struct advice_other_limit){
		.pid = 5, .value = 819200, .holders = &holders};
	holders.what = HOLDERS_QUEUES_OF_USER;
	assert_int_equal(advice_for_other_limit(&limit, out), 1);
	typed = command_shell_text(&out[0].commands[0]);
	assert_string_equal(typed, "prlimit --pid 5 --msgqueue=2097152:2097152");
	free(typed);
	advice_clear(out, 1);
}

static void limits_are_known_by_name(void **state)
{
	(void)state;
	assert_int_equal(holders_what_of("fs.pipe-user-pages-hard"), HOLDERS_PIPES);
	assert_int_equal(holders_what_of("fs.mqueue.queues_max"),
			 HOLDERS_QUEUES_OF_SPACE);
	assert_int_equal(holders_what_of("fs.nr_open"), HOLDERS_NONE);
	assert_int_equal(holders_what_of(NULL), HOLDERS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(instances_are_of_the_effective_user),
		TEST(lines_are_counted),
		TEST(a_pipe_is_one),
		TEST(those_with_most_are_named),
		TEST(a_file_is_no_queue),
		TEST(the_sysctl_is_doubled),
		TEST(limits_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
