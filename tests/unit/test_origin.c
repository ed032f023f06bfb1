// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a limit was set: by whom, where no file says it; and what is not known. */
#include <sys/wait.h>

#include "imitated_root.h"

#define APP    "/system.slice/app.service"
#define DROPIN "[Service]\nLimitNOFILE="

static void put_command(int pid, const char *text, size_t len)
{
	char path[64], whole[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	place(path, whole);
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A script that a unit starts sets it, with `ulimit -n`. */
static void test_script(void **state)
{
	static const char command[] = "/bin/sh\0/opt/app/run.sh";

	(void)state;
	put_process(90, 1, "run.sh", "500 500", APP);
	put_command(90, command, sizeof(command));
	put_process(100, 90, "app", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PARENT, NULL, 0, NULL);
	assert_int_equal(found.parent, 90);
	assert_string_equal(found.parent_name, "run.sh");
	assert_string_equal(found.unit, "app.service");
	assert_int_equal(found.soft, 500);
	assert_non_null(strstr(found.evidence,
			       "run.sh[90] (/bin/sh /opt/app/run.sh) set 500:500"));
	/* the unit would have given another one */
	assert_non_null(strstr(found.evidence, "1024:524288"));
	/* it does for the script itself */
	assert_int_equal(find(90), 0);
	expect_kind(ORIGIN_SELF);
	/* a grandchild has it from there, too */
	put_process(101, 100, "worker", "500 500", APP);
	assert_int_equal(find(101), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 90);
}

/* A worker has other limits than its master: nothing stands between them. */
static void test_forked(void **state)
{
	(void)state;
	put_process(90, 1, "php-fpm8.2", "1024 524288", APP);
	put_process(100, 90, "php-fpm8.2", "500 500", APP);
	put_process(101, 90, "other", "500 500", APP);
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_SELF);
	assert_true(found.forked);
	assert_int_equal(find(101), 0);
	assert_false(found.forked);
	/* it was seen not to set it: another process did */
	assert_int_equal(find_watched(100, false, (uid_t)-1), 0);
	assert_false(found.forked);
}

/* Of several the nearest one that changed it. */
static void test_nearest(void **state)
{
	(void)state;
	put_process(10, 1, "init", "1024 4096", "/");
	put_process(80, 10, "a", "500 600", "/");
	put_process(81, 80, "b", "400 600", "/");
	put_process(82, 81, "c", "400 600", "/");
	put_process(83, 82, "d", "400 600", "/");
	assert_int_equal(find(83), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 81);
	assert_int_equal(find(80), 0);
	expect_kind(ORIGIN_SELF);
	assert_non_null(strstr(found.evidence, "its parent init[10] has 1024:4096"));
}

static void test_kernel(void **state)
{
	(void)state;
	put_process(1, 0, "init", "1024 4096", "/");
	put_process(80, 1, "sh", "1024 4096", "/");
	put_process(81, 80, "app", "1024 4096", "/");
	assert_int_equal(find(81), 0);
	expect_setting(ORIGIN_KERNEL, NULL, 0, NULL);
	assert_int_equal(found.hard, 4096);
	/* raised by a program, as far as the kernel lets it */
	put_process(82, 80, "node", "4096 4096", "/");
	assert_int_equal(find(82), 0);
	expect_kind(ORIGIN_KERNEL);
	assert_true(found.soft_raised);
	/* not the kernel's */
	put_process(1, 0, "init", "2048 4096", "/");
	put_process(80, 1, "sh", "2048 4096", "/");
	assert_int_equal(find(80), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 1);
}

/* A shell set the hard limit, and a program in it raised its soft one to that. */
static void test_raised_in_a_shell(void **state)
{
	(void)state;
	put_process(80, 1, "bash", "1024 524288", APP);
	put_process(81, 80, "bash", "500 8000", APP);
	put_process(82, 81, "node", "8000 8000", APP);
	assert_int_equal(find(82), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 81);
	assert_true(found.soft_raised);
}

static void test_watched(void **state)
{
	(void)state;
	put_process(90, 1, "app", "777 888", APP);
	assert_int_equal(find_watched(90, true, 0), 0);
	expect_setting(ORIGIN_SELF, NULL, 0, NULL);
	assert_non_null(strstr(found.evidence, "was seen to set its own limit"));
	/* it may have set another one, and then prlimit(1) this one */
	assert_null(strstr(found.evidence, "limit to 777:888"));
	assert_non_null(strstr(found.evidence, "or changed since by another process"));
	/* nobody that is left: it did not, and its parent is systemd */
	assert_int_equal(find_watched(90, false, 0), 0);
	expect_kind(ORIGIN_UNKNOWN);
	assert_non_null(strstr(found.evidence, "another process did"));
	/* the hard one still is its unit's */
	put_process(93, 1, "app", "777 524288", APP);
	assert_int_equal(find_watched(93, false, 0), 0);
	expect_kind(ORIGIN_MANAGER_DEFAULT);
	assert_int_equal(found.soft, 1024);
	assert_non_null(strstr(found.evidence, "set to 777 since, by another process"));
	assert_int_equal(find(93), 0);
	expect_kind(ORIGIN_SELF);
	/* seen, though a parent has the same */
	put_process(91, 90, "child", "777 888", APP);
	assert_int_equal(find_watched(91, true, 0), 0);
	expect_kind(ORIGIN_SELF);
	/* it set what it had: then it is the unit's all the same */
	put_process(92, 1, "app", "1024 524288", APP);
	assert_int_equal(find_watched(92, true, 0), 0);
	expect_kind(ORIGIN_MANAGER_DEFAULT);
	assert_false(found.soft_raised);
}

/* What prlimit(1) did ends with the process: what the next one begins with is told. */
static void test_restart(void **state)
{
	(void)state;
	put_process(90, 1, "run.sh", "70 20000", APP);
	put_process(91, 90, "app\x1b", "200 20000", APP);
	assert_int_equal(find_watched(91, false, 0), 0);
	assert_string_equal(found.restart,
			    "The limit that another process set lasts until this one "
			    "ends: run.sh[90], above it, has 70.");
	assert_int_equal(find(91), 0);
	assert_non_null(strstr(found.restart, "If another process set the limit, as"));
	/* it sets its own, and will again */
	assert_int_equal(find_watched(91, true, 0), 0);
	assert_null(found.restart);
	/* the next one has no less */
	put_process(91, 90, "app", "60 20000", APP);
	assert_int_equal(find_watched(91, false, 0), 0);
	assert_null(found.restart);
	/* of a unit's, with its line; raised up to the hard limit, too */
	put("/etc/systemd/system/app.service", DROPIN "70:20000\n");
	put_process(92, 1, "app", "200 20000", APP);
	assert_int_equal(find_watched(92, false, 0), 0);
	assert_non_null(found.restart);
	assert_non_null(strstr(found.restart,
			       "ends: /etc/systemd/system/app.service:2 has 70."));
	put_process(92, 1, "app", "20000 20000", APP);
	assert_int_equal(find_watched(92, false, 0), 0);
	assert_non_null(found.restart);
	assert_int_equal(find_watched(92, true, 0), 0);
	assert_null(found.restart);
	put_out("/etc/systemd/system/app.service");
}

static void test_gone(void **state)
{
	struct identity who = {.pid = 90, .start_ns = 5000000000};
	struct origin_question question = {.who = &who};

	(void)state;
	assert_int_equal(find(4711), -ESRCH);
	put_process_at(90, 1, "app", "777 888", APP, 500);
	assert_int_equal(origin_find(&question, &found), 0);
	origin_clear(&found);
	put_process_at(90, 1, "app", "777 888", APP, 600);
	assert_int_equal(origin_find(&question, &found), -ESRCH);
	put("/proc/90/stat", "90 (a) ");
	assert_int_equal(find(90), -ESRCH);
	put("/proc/90/stat", "");
	assert_int_equal(find(90), -ESRCH);
}

/* Names of processes are theirs. */
static void test_hostile(void **state)
{
	(void)state;
	put_process(80, 1, "a) S 1 (b", "500 500", "/system.slice/../..\n.service");
	put_process(81, 80, "\xff\n'", "500 500", "/");
	assert_int_equal(find(81), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 80);
	assert_string_equal(found.parent_name, "a) S 1 (b");
	put_process(82, 82, "own parent", "500 500", "/");
	assert_int_equal(find(82), 0);
	expect_kind(ORIGIN_PARENT);
}

/* What may not be read is named, and what depends on it is not known. */
static int as_nobody(void)
{
	int ok;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 1;
	/* another one explains it: then it does not matter */
	ok = find(90) == 0 && found.kind == ORIGIN_MANAGER_DEFAULT && found.denied &&
	     strstr(found.denied, "secret.conf: Permission denied");
	if (!ok)
		return 2;
	/* it may be what the file says, or may not */
	ok = find(91) == 0 && found.kind == ORIGIN_UNKNOWN && found.denied &&
	     strstr(found.denied, "CAP_DAC_READ_SEARCH") && found.unit;
	if (!ok)
		return 3;
	/* its parent has another one, whatever the file says */
	ok = find(92) == 0 && found.kind == ORIGIN_SELF && found.denied;
	if (!ok)
		return 4;
	/* what systemd sets before its exec looks like the process's own doing */
	ok = find_watched(91, true, 0) == 0 && found.kind == ORIGIN_UNKNOWN;
	if (!ok)
		return 5;
	return find_watched(92, true, 0) == 0 && found.kind == ORIGIN_SELF ? 0 : 6;
}

static void test_denied(void **state)
{
	char whole[512];
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(root, 0755), 0);
	put("/etc/systemd/system/app.service.d/secret.conf", DROPIN "700:800\n");
	place("/etc/systemd/system/app.service.d/secret.conf", whole);
	assert_int_equal(chmod(whole, 0), 0);
	put_process(90, 1, "app", "1024 524288", APP);
	put_process(91, 1, "app", "700 800", APP);
	put_process(92, 90, "app", "600 800", APP);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(as_nobody());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(find(91), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/app.service.d/secret.conf", 2,
		       "LimitNOFILE=700:800");
}

/* The process itself, on this machine: whatever it says, it says it. */
static void test_real(void **state)
{
	(void)state;
	origin_set_root(NULL);
	assert_int_equal(find(getpid()), 0);
	assert_non_null(found.evidence);
	assert_non_null(origin_kind_name(found.kind));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_host, tear_down_host)
	const struct CMUnitTest tests[] = {
		TEST(test_script),
		TEST(test_forked),
		TEST(test_nearest),
		TEST(test_kernel),
		TEST(test_raised_in_a_shell),
		TEST(test_watched),
		TEST(test_restart),
		TEST(test_gone),
		TEST(test_hostile),
		TEST(test_denied),
		TEST(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
