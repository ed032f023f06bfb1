// SPDX-License-Identifier: GPL-2.0-or-later
/* The script in front of a process, and its line. */
#include "imitated_root.h"

#define APP "/system.slice/app.service"

/* Arguments are parted by '|'. */
static void put_command(int pid, const char *words)
{
	char path[64], whole[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	place(path, whole);
	file = fopen(whole, "w");
	assert_non_null(file);
	for (; *words; words++)
		assert_true(fputc(*words == '|' ? '\0' : *words, file) != EOF);
	assert_true(fputc('\0', file) != EOF);
	assert_int_equal(fclose(file), 0);
}

static void put_shell(int pid, int parent, const char *limits, const char *cgroup,
		      const char *words)
{
	char path[64];

	put_process(pid, parent, "sh", limits, cgroup);
	put_command(pid, words);
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	put_link(path, root);
}

static void expect_script(const char *file, unsigned line, const char *statement)
{
	assert_non_null(found.script);
	assert_string_equal(found.script, file);
	assert_int_equal(found.statements.soft.line, line);
	assert_string_equal(found.statements.soft.text, statement);
	assert_non_null(strstr(found.evidence, statement));
	assert_null(found.denied);
}

/* "sh run.sh", which is the parent. */
static void test_parent(void **state)
{
	(void)state;
	put("/srv/run.sh", "cd /\nulimit -n 500\napp\n");
	put_shell(90, 1, "500 500", APP, "/bin/sh|/srv/run.sh");
	put_process(100, 90, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PARENT, "/srv/run.sh", 2, "ulimit -n 500");
	expect_script("/srv/run.sh", 2, "ulimit -n 500");
	assert_true(found.statements.soft.hard && found.statements.soft.once);
	assert_int_equal(found.parent, 90);
	/* the number is another one: the script is of no concern */
	put("/srv/run.sh", "cd /\nulimit -n 400\napp\n");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PARENT, NULL, 0, NULL);
	assert_null(found.script);
}

/* A relative path is found by what the shell holds open, else from where it is. */
static void test_relative(void **state)
{
	(void)state;
	put("/srv/run.sh", "ulimit -n 500\napp\n");
	put("/etc/run.sh", "\n\nulimit -n 500\n");
	put_shell(90, 1, "500 500", APP, "bash|-e|./run.sh");
	put_process(100, 90, "app", "500 500", APP);
	put_link("/proc/90/cwd", "/etc");
	assert_int_equal(find(100), 0);
	expect_script("/etc/run.sh", 3, "ulimit -n 500");
	put_link("/proc/90/fd/11", "/srv/other.sh");
	put_link("/proc/90/fd/255", "/srv/run.sh");
	assert_int_equal(find(100), 0);
	expect_script("/srv/run.sh", 1, "ulimit -n 500");
	put_out("/proc/90/fd/255");
	put_link("/proc/90/fd/255", "/srv/run.sh (deleted)");
	put_out("/proc/90/cwd");
	assert_int_equal(find(100), 0);
	assert_null(found.script);
}

/* A part of the script of the shell above became it. */
static void test_above(void **state)
{
	(void)state;
	put("/srv/run.sh", "(ulimit -n 500; exec app) &\nwait\n");
	put_shell(90, 1, "1024 524288", APP, "bash|/srv/run.sh");
	put_process(100, 90, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_SELF, "/srv/run.sh", 1, "ulimit -n 500");
	assert_int_equal(found.front_hard, 524288);
	/* a soft one, raised to the hard one by what it runs */
	put("/srv/run.sh", "ulimit -Sn 300\nulimit -Hn 500\napp\n");
	put_process(90, 1, "sh", "300 500", APP);
	assert_int_equal(find(100), 0);
	expect_script("/srv/run.sh", 2, "ulimit -Hn 500");
	assert_true(found.soft_raised);
}

/* Its shell has become the process: the unit says what it was. */
static void test_exec_start(void **state)
{
	(void)state;
	put("/srv/run.sh", "#!/bin/sh\nulimit -n 500\nexec app\n");
	put("/usr/lib/systemd/system/app.service",
	    "[Service]\nExecStart=-/srv/run.sh --now\nExecStart=/srv/no.sh\n");
	put_process(100, 1, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_SELF, "/srv/run.sh", 2, "ulimit -n 500");
	assert_false(found.script_of_unit);
	assert_string_equal(found.unit, "app.service");
	/* what is no script is not read as one */
	put("/srv/run.sh", "ulimit -n 500\nexec app\n");
	assert_int_equal(find(100), 0);
	assert_null(found.script);
	put("/etc/systemd/system/app.service.d/a.conf",
	    "[Service]\nExecStart=\nExecStart=/bin/bash -e '/srv/run.sh' now\n");
	assert_int_equal(find(100), 0);
	expect_script("/srv/run.sh", 1, "ulimit -n 500");
	put("/etc/systemd/system/app.service.d/a.conf",
	    "[Service]\nExecStart=\nExecStart=/bin/bash /srv/%i.sh\n");
	assert_int_equal(find(100), 0);
	assert_null(found.script);
}

/* … in the unit's file itself. */
static void test_exec_command(void **state)
{
	static const char unit[] = "/etc/systemd/system/app.service";

	(void)state;
	put(unit, "[Service]\nExecStart=/bin/sh -c 'ulimit -n 500; exec app'\n");
	put_process(100, 1, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_SELF, unit, 2, "ulimit -n 500");
	assert_true(found.script_of_unit && found.statements.soft.once);
	put(unit, "[Service]\nExecStart=/bin/sh -c \\\n  \"ulimit -n 500 && \\\nexec "
		  "app\"\n");
	assert_int_equal(find(100), 0);
	expect_script(unit, 3, "ulimit -n 500");
}

/* The unit has the same limits: without the script's line another one has no effect. */
static void test_as_well(void **state)
{
	(void)state;
	put("/srv/run.sh", "#!/bin/sh\nulimit -n 500\nexec app\n");
	put("/etc/systemd/system/app.service",
	    "[Service]\nLimitNOFILE=500\nExecStart=/srv/run.sh\n");
	put_process(100, 1, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/app.service", 2,
		       "LimitNOFILE=500");
	expect_script("/srv/run.sh", 2, "ulimit -n 500");
}

/* What it calls its script may be anything. */
static void test_hostile(void **state)
{
	char whole[512];

	(void)state;
	put_shell(90, 1, "500 500", APP, "sh|/srv/fifo");
	put_process(100, 90, "app", "500 500", APP);
	place("/srv/fifo", whole);
	assert_int_equal(mkfifo(whole, 0644), 0);
	assert_int_equal(find(100), 0);
	assert_null(found.script);
	put_command(90, "sh|/srv/zero");
	put_link("/srv/zero", "/dev/zero");
	assert_int_equal(find(100), 0);
	put_command(90, "sh|/proc/90/stat");
	assert_int_equal(find(100), 0);
	put_command(90, "sh|/srv");
	assert_int_equal(find(100), 0);
	put_command(90, "sh|");
	assert_int_equal(find(100), 0);
	put_command(90, "|||");
	assert_int_equal(find(100), 0);
	assert_null(found.script);
	/* who it is may not read it (its rights are not known here: what all may) */
	put("/srv/mine.sh", "ulimit -n 500\n");
	place("/srv/mine.sh", whole);
	assert_int_equal(chmod(whole, 0600), 0);
	put_command(90, "sh|/srv/mine.sh");
	assert_int_equal(find(100), 0);
	assert_null(found.script);
	assert_null(found.denied);
	assert_int_equal(chmod(whole, 0644), 0);
	assert_int_equal(find(100), 0);
	expect_script("/srv/mine.sh", 1, "ulimit -n 500");
}

/* What it sees by that path is another file than what is there for whoever reads it. */
static void test_other_root(void **state)
{
	char whole[512];

	(void)state;
	put("/srv/run.sh", "ulimit -n 500\n");
	put("/jail/srv/run.sh", "ulimit -n 500\n");
	put_process(90, 1, "sh", "500 500", APP);
	put_command(90, "sh|/srv/run.sh");
	snprintf(whole, sizeof(whole), "%s/jail", root);
	put_link("/proc/90/root", whole);
	put_process(100, 90, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_PARENT);
	assert_null(found.script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parent, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_relative, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_above, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_exec_start, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_exec_command, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_as_well, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_hostile, set_up_host,
						tear_down_host),
		cmocka_unit_test_setup_teardown(test_other_root, set_up_host,
						tear_down_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
