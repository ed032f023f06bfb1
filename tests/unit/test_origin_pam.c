// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits of logins: which line of limits.conf counts. */
#include "imitated_root.h"

#define CONF  "/etc/security/limits.conf"
#define ALICE "/user.slice/user-1000.slice/session-3.scope"
#define BOB   "/user.slice/user-1001.slice/session-4.scope"
#define ROOT  "/user.slice/user-0.slice/session-5.scope"
#define SSHD  "/system.slice/ssh.service"

/* systemd, sshd, and a shell of the session. */
static int set_up(void **state)
{
	if (set_up_host(state))
		return -1;
	put("/usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/sshd\n");
	put_process(80, 1, "sshd", "1024 524288", SSHD);
	return 0;
}

static void look(const char *limits, const char *cgroup)
{
	put_process(100, 80, "bash", limits, cgroup);
	assert_int_equal(find(100), 0);
}

struct lines {
	const char *text, *limits; /* that it has */
	unsigned line;             /* that counts; 0: none explains it */
};

static void check(const struct lines *cases, size_t len, const char *cgroup)
{
	for (size_t i = 0; i < len; i++) {
		put(CONF, cases[i].text);
		look(cases[i].limits, cgroup);
		if ((found.kind == ORIGIN_PAM) != (cases[i].line > 0) ||
		    (cases[i].line && found.line != cases[i].line))
			print_error("case %zu:\n%s%s\n", i, cases[i].text,
				    found.evidence);
		assert_int_equal(found.kind == ORIGIN_PAM, cases[i].line > 0);
		if (cases[i].line)
			assert_int_equal(found.line, cases[i].line);
		assert_true(found.user_session);
		assert_null(found.denied);
	}
}

#define CHECK(cases, cgroup) check(cases, sizeof(cases) / sizeof((cases)[0]), cgroup)

static void test_lines(void **state)
{
	static const struct lines cases[] = {
		{"alice soft nofile 4096\n", "4096 524288", 1},
		{"# alice - nofile 1\n\n  alice\thard  nofile 4096 # why\n",
		 "1024 4096", 3},
		{"alice - nofile 4096\n", "4096 4096", 1},
		{"alice SOFT NoFile 4096\n", "4096 524288", 1},
		{"alice soft nofile 4096\nalice hard nofile 8192\n", "4096 8192", 1},
		{"alice hard nofile 8192\nalice soft nofile 4096\n", "4096 8192", 2},
		/* of equals the last */
		{"alice soft nofile 1\nalice soft nofile 4096\n", "4096 524288", 2},
		/* the user before groups before all, wherever they stand */
		{"alice soft nofile 4096\n@staff soft nofile 1\n* soft nofile 2\n",
		 "4096 524288", 1},
		{"* soft nofile 2\n@staff soft nofile 4096\n", "4096 524288", 2},
		{"@staff soft nofile 4096\n* soft nofile 2\n", "4096 524288", 1},
		{"* soft nofile 4096\n", "4096 524288", 1},
		/* in parts from different lines */
		{"* hard nofile 9000\nalice soft nofile 4096\n", "4096 9000", 2},
		/* a soft one above the hard one is cut */
		{"* hard nofile 2000\nalice soft nofile 4096\n", "2000 2000", 2},
		/* primary group, other groups, by number */
		{"@alice soft nofile 4096\n", "4096 524288", 1},
		{"@wheel soft nofile 4096\n", "4096 524288", 0},
		{"@:50 soft nofile 4096\n", "4096 524288", 1},
		{"@50: soft nofile 4096\n", "4096 524288", 1},
		{"@1:50 soft nofile 4096\n", "4096 524288", 0},
		/* numbers of users */
		{":1000 soft nofile 4096\n", "4096 524288", 1},
		{"1000: soft nofile 4096\n", "4096 524288", 1},
		{"500:1000 soft nofile 4096\n", "4096 524288", 1},
		{"500:999 soft nofile 4096\n", "4096 524288", 0},
		{":1001 soft nofile 4096\n", "4096 524288", 0},
		{"x: soft nofile 4096\n", "4096 524288", 0},
		{"1000:x soft nofile 4096\n", "4096 524288", 0},
		{": soft nofile 4096\n", "4096 524288", 0},
		/* a range counts as much as the name */
		{"alice soft nofile 1\n1000: soft nofile 4096\n", "4096 524288", 2},
		/* all that there is */
		{"alice - nofile unlimited\n", "1048576 1048576", 1},
		{"alice hard nofile -1\n", "1024 1048576", 1},
		{"alice hard nofile infinity\n", "1024 1048576", 1},
		/* none of its business */
		{"bob soft nofile 4096\n", "4096 524288", 0},
		{"alice soft nproc 4096\n", "4096 524288", 0},
		{"alice soft nofile\n", "4096 524288", 0},
		{"alice soft nofile many\n", "4096 524288", 0},
		{"alice loud nofile 4096\n", "4096 524288", 0},
		{"%staff soft nofile 4096\n", "4096 524288", 0},
		{"% soft nofile 4096\n", "4096 524288", 0},
		/* she has no limits, whatever the others say */
		{"* soft nofile 4096\nalice -\n", "4096 524288", 0},
		{"* soft nofile 4096\n@staff -\n", "4096 524288", 0},
		{"* soft nofile 4096\nbob -\n", "4096 524288", 1},
		/* of another value than it has */
		{"alice soft nofile 4097\n", "4096 524288", 0},
	};

	(void)state;
	CHECK(cases, ALICE);
}

static void test_root(void **state)
{
	static const struct lines cases[] = {
		{"root soft nofile 4096\n", "4096 524288", 1},
		/* for root, Debian wants its name; others do not */
		{"* soft nofile 4096\n", "4096 524288", 1},
		{"root soft nofile 4096\n* soft nofile 2\n", "4096 524288", 1},
		{"* soft nofile 4096\nroot hard nofile 9000\n", "1024 9000", 2},
		{"* soft nofile 4096\nroot hard nofile 9000\n", "4096 9000", 1},
	};

	(void)state;
	CHECK(cases, ROOT);
}

static void test_files(void **state)
{
	(void)state;
	put(CONF, "alice soft nofile 1\n");
	put("/etc/security/limits.d/10-a.conf", "\nalice soft nofile 2\n");
	put("/etc/security/limits.d/90-b.conf", "* soft nofile 3\n");
	put("/etc/security/limits.d/95-c.conf.off", "alice soft nofile 4\n");
	look("2 524288", ALICE);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.d/10-a.conf", 2,
		       "alice soft nofile 2");
	assert_string_equal(found.user, "alice");
	assert_int_equal(found.owner, 1000);
	assert_int_equal(found.soft, 2);
	assert_int_equal(found.hard, 0); /* not told there */
	look("3 524288", BOB);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.d/90-b.conf", 1,
		       "* soft nofile 3");
	assert_string_equal(found.user, "bob");
	/* "none for alice" in any file */
	put("/etc/security/limits.d/99-d.conf", "alice -\n");
	look("2 524288", ALICE);
	assert_int_not_equal(found.kind, ORIGIN_PAM);
	/* a distribution's own, where there is no other */
	put_out(CONF);
	put("/usr/etc/security/limits.conf", "bob soft nofile 5\n");
	look("5 524288", BOB);
	expect_kind(ORIGIN_PAM);
	put(CONF, "");
	look("5 524288", BOB);
	assert_int_not_equal(found.kind, ORIGIN_PAM);
}

/* No line of limits.conf: what the server of the login was given. */
static void test_inherited(void **state)
{
	(void)state;
	put(CONF, "# nothing\n");
	look("1024 524288", ALICE);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	assert_true(found.user_session);
	assert_string_equal(found.user, "alice");
	assert_non_null(strstr(found.evidence, "it has it from sshd[80]"));
	put("/etc/systemd/system/ssh.service.d/a.conf",
	    "[Service]\nLimitNOFILE=1024:524288\n");
	look("1024 524288", ALICE);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/ssh.service.d/a.conf", 2,
		       "LimitNOFILE=1024:524288");
	/* raised by the program in the session: the hard one is its shell's */
	put_process(101, 100, "node", "524288 524288", ALICE);
	assert_int_equal(find(101), 0);
	expect_kind(ORIGIN_UNIT);
	assert_true(found.soft_raised);
	assert_int_equal(found.raised_by, 0);
	/* and one that its parent raised */
	put_process(102, 101, "child", "524288 524288", ALICE);
	assert_int_equal(find(102), 0);
	expect_kind(ORIGIN_UNIT);
	assert_true(found.soft_raised);
	assert_int_equal(found.raised_by, 101);
	assert_non_null(strstr(found.evidence, "node[101] raised the soft limit"));
	assert_int_equal(find_watched(102, true, 1000), 0);
	assert_true(found.soft_raised);
	assert_int_equal(found.raised_by, 0);
}

/* Debian's begins with what the first process has, whatever the server of the login. */
static void test_first_process(void **state)
{
	(void)state;
	put(CONF, "bob soft nofile 7\n");
	look("1024 1048576", ALICE);
	expect_setting(ORIGIN_PAM, NULL, 0, NULL);
	assert_string_equal(found.user, "alice");
	assert_non_null(
		strstr(found.evidence, "no line of limits.conf is about alice"));
	put_process(1, 0, "systemd", "800 900", "/init.scope");
	look("800 900", ALICE);
	expect_setting(ORIGIN_PAM, NULL, 0, NULL);
	/* not with "none at all" */
	put(CONF, "alice -\n");
	look("800 900", ALICE);
	expect_kind(ORIGIN_SELF);
}

/* sudo is a session of another user within it. */
static void test_sudo(void **state)
{
	(void)state;
	put(CONF, "alice soft nofile 2000\nbob soft nofile 3000\n");
	put_process(100, 80, "bash", "2000 524288", ALICE);
	put_process(101, 100, "bash", "3000 524288", ALICE);
	assert_int_equal(find_watched(101, false, 1001), 0);
	expect_setting(ORIGIN_PAM, CONF, 2, "bob soft nofile 3000");
	assert_string_equal(found.user, "bob");
	assert_int_equal(find_watched(100, false, 1000), 0);
	expect_setting(ORIGIN_PAM, CONF, 1, "alice soft nofile 2000");
}

/* A line that was changed after the login. */
static void test_changed_since(void **state)
{
	(void)state;
	put(CONF, "alice soft nofile 4096\n");
	put_process_at(80, 1, "sshd", "1024 524288", SSHD, ticks_in(-100));
	put_process_at(100, 80, "bash", "2000 524288", ALICE, ticks_in(-60));
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PAM, CONF, 1, "alice soft nofile 4096");
	assert_true(found.stale);
	/* in the midst of the session it may be the shell's own doing as well */
	put_process_at(101, 100, "bash", "1999 524288", ALICE, ticks_in(-60));
	assert_int_equal(find(101), 0);
	expect_kind(ORIGIN_SELF);
	assert_non_null(strstr(found.evidence, "alice soft nofile 4096"));
}

static void test_unknown_user(void **state)
{
	(void)state;
	put(CONF, "* soft nofile 4096\n");
	look("4096 524288", "/user.slice/user-4242.slice/session-9.scope");
	expect_kind(ORIGIN_SELF);
	assert_int_equal(found.owner, 4242);
	assert_null(found.user);
	put("/etc/passwd", "\n::::\nx:x:y:z::/:\neve:x:4242:4242::/home/eve:/bin/sh");
	look("4096 524288", "/user.slice/user-4242.slice/session-9.scope");
	expect_kind(ORIGIN_PAM);
	assert_string_equal(found.user, "eve");
}

/* cron, at, su and their like ask PAM: what they start has what a line says, not they. */
static void test_sessions_of_daemons(void **state)
{
	static const char cron[] = "/system.slice/cron.service";
	static const char app[] = "/system.slice/app.service";

	(void)state;
	put("/usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/cron\n");
	put("/usr/lib/systemd/system/app.service", "[Service]\nExecStart=/bin/su\n");
	put("/etc/pam.d/cron", "@include common-auth\n@include common-cron\n");
	put("/etc/pam.d/common-cron", "session [default=1] pam_permit.so\n"
				      "session required pam_limits.so\n");
	put(CONF, "alice soft nofile 4096\n* hard nofile 8192\n");
	put_process(60, 1, "cron", "1024 524288", cron);
	put_process(61, 60, "cron", "4096 8192", cron);
	put_process(62, 61, "sh", "4096 8192", cron);
	put_process(100, 62, "backup", "4096 8192", cron);
	assert_int_equal(find_watched(100, false, 1000), 0);
	expect_setting(ORIGIN_PAM, CONF, 1, "alice soft nofile 4096");
	assert_string_equal(found.opener, "cron");
	assert_string_equal(found.user, "alice");
	assert_non_null(strstr(found.evidence, "cron[61]"));
	/* whom it runs as is in its status */
	put("/proc/100/status", "Name:\tbackup\nUid:\t1000\t1000\t1000\t1000\n");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_PAM);
	/* a line that does not fit, or a PAM without pam_limits, says nothing */
	assert_int_equal(find_watched(100, false, 1001), 0);
	expect_kind(ORIGIN_PARENT);
	put("/etc/pam.d/common-cron", "# session required pam_limits.so\n");
	assert_int_equal(find_watched(100, false, 1000), 0);
	expect_kind(ORIGIN_PARENT);
	/* su, which has the limits of its session itself */
	put_process(70, 1, "su", "4096 8192", app);
	put_process(71, 70, "app", "4096 8192", app);
	assert_int_equal(find_watched(71, true, 1000), 0);
	expect_setting(ORIGIN_PAM, CONF, 1, "alice soft nofile 4096");
	assert_string_equal(found.opener, "su");
	assert_string_equal(found.unit, "app.service");
	/* … or not */
	put_process(70, 1, "su", "1024 524288", app);
	assert_int_equal(find_watched(71, true, 1000), 0);
	expect_kind(ORIGIN_PAM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_host)
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_root),
		TEST(test_files),
		TEST(test_inherited),
		TEST(test_sudo),
		TEST(test_changed_since),
		TEST(test_unknown_user),
		TEST(test_first_process),
		TEST(test_sessions_of_daemons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
