// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits that systemd gives: which file of a unit, or of the manager, counts. */
#include "imitated_root.h"

#define APP    "/system.slice/app.service"
#define DROPIN "[Service]\nLimitNOFILE="

static void put_app(const char *limits)
{
	put_process(100, 1, "app", limits, APP);
}

static void test_unit_file(void **state)
{
	(void)state;
	put("/usr/lib/systemd/system/app.service",
	    "# LimitNOFILE=1\n[Unit]\nLimitNOFILE=2\n[Service]\nExecStart=/x\n"
	    "LimitNOFILE = 2000:4000\n[Install]\n");
	put_app("2000 4000");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/usr/lib/systemd/system/app.service", 6,
		       "LimitNOFILE=2000:4000");
	assert_string_equal(found.unit, "app.service");
	assert_int_equal(found.soft, 2000);
	assert_int_equal(found.hard, 4000);
	assert_int_equal(found.ceiling, 1048576);
	assert_false(found.soft_raised);
	assert_false(found.user_session);
}

/* Each file that is added counts more than all before it. */
static void test_precedence(void **state)
{
	static const char *const files[] = {
		"/run/systemd/generator.late/app.service",
		"/usr/lib/systemd/system/app.service",
		"/usr/local/lib/systemd/system/app.service",
		"/run/systemd/generator/app.service",
		"/run/systemd/system/app.service",
		"/etc/systemd/system/app.service",
		"/run/systemd/generator.early/app.service",
		"/run/systemd/transient/app.service",
		/* drop-ins, whatever the directory: by their names */
		"/etc/systemd/system/app.service.d/10-a.conf",
		"/usr/lib/systemd/system/service.d/20-b.conf",
		/* one name: the more specific one, the higher directory */
		"/usr/lib/systemd/system/app.service.d/20-b.conf",
		"/etc/systemd/system/app.service.d/20-b.conf",
		"/etc/systemd/system.control/app.service.d/50-c.conf",
		"/run/systemd/system/app.service.d/90-d.conf",
	};
	char text[64], limits[32];

	(void)state;
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(text, sizeof(text), "%s%u\n", DROPIN, 2000 + i);
		snprintf(limits, sizeof(limits), "%u %u", 2000 + i, 2000 + i);
		put(files[i], text);
		put_app(limits);
		assert_int_equal(find(100), 0);
		snprintf(text, sizeof(text), "LimitNOFILE=%u", 2000 + i);
		expect_setting(ORIGIN_UNIT, files[i], 2, text);
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *text, *limits;
		bool fits;
	} cases[] = {
		{"LimitNOFILE=5000", "5000 5000", true},
		{"LimitNOFILE=5000:6000", "5000 6000", true},
		/* no more than the manager has itself */
		{"LimitNOFILE=infinity", "1048576 1048576", true},
		{"LimitNOFILE=5000:infinity", "5000 1048576", true},
		{"LimitNOFILE=5000:2097152", "5000 1048576", true},
		{"LimitNOFILE=0x1000", "4096 4096", true},
		/* what is not valid is passed over */
		{"LimitNOFILE=5000\nLimitNOFILE=", "5000 5000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=8K", "5000 5000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=9:8", "5000 5000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=-1", "5000 5000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=1:2:3", "5000 5000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=99999999999999999999", "5000 5000",
		 true},
		/* the last one counts */
		{"LimitNOFILE=5000\nLimitNOFILE=6000", "6000 6000", true},
		{"LimitNOFILE=5000\nLimitNOFILE=6000", "5000 5000", false},
		{"limitnofile=5000", "5000 5000", false},
		{"LimitNOFILE=\\\n5000", "5000 5000", true},
		{"LimitNOFILE=\\\n# aside\n  5000", "5000 5000", true},
		{"Environment=A=\\\nLimitNOFILE=5000", "5000 5000", false},
		{"LimitNOFILESoft=5000", "5000 5000", false},
		{"LimitNOFILE=5000\r", "5000 5000", true},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "[Service]\n%s\n", cases[i].text);
		put("/etc/systemd/system/app.service", text);
		put_app(cases[i].limits);
		assert_int_equal(find(100), 0);
		if ((found.kind == ORIGIN_UNIT) != cases[i].fits)
			print_error("%s: %s\n", cases[i].text, found.evidence);
		assert_int_equal(found.kind == ORIGIN_UNIT, cases[i].fits);
	}
	/* it ends within the line, or has no end at all */
	put("/etc/systemd/system/app.service", "[Service]\nLimitNOFILE=7000\\");
	put_app("7000 7000");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	put("/etc/systemd/system/app.service", "\\\n[\n[]\n=\n\\");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_SELF);
}

static void test_names(void **state)
{
	static const char name[] = "/system.slice/a-b-c@x\\x2dy.service";

	(void)state;
	put("/usr/lib/systemd/system/a-b-c@.service", DROPIN "2000\n");
	put_process(100, 1, "app", "2000 2000", name);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/usr/lib/systemd/system/a-b-c@.service", 2,
		       "LimitNOFILE=2000");
	assert_string_equal(found.unit, "a-b-c@x\\x2dy.service");
	/* one's own file counts before the template's, in any directory */
	put("/usr/lib/systemd/system/a-b-c@x\\x2dy.service", DROPIN "2001\n");
	put("/etc/systemd/system/a-b-c@.service", DROPIN "2002\n");
	put_process(100, 1, "app", "2001 2001", name);
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	/* drop-ins of template and prefixes */
	put("/etc/systemd/system/a-b-c@.service.d/1.conf", DROPIN "2003\n");
	put_process(100, 1, "app", "2003 2003", name);
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	put("/etc/systemd/system/a-@.service.d/2.conf", DROPIN "2004\n");
	put_process(100, 1, "app", "2004 2004", name);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/a-@.service.d/2.conf", 2,
		       "LimitNOFILE=2004");
	put("/etc/systemd/system/a-b-@x\\x2dy.service.d/3.conf", DROPIN "2005\n");
	put_process(100, 1, "app", "2005 2005", name);
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	/* those of others are not its own */
	put("/etc/systemd/system/a-b-c-.service.d/9.conf", DROPIN "1\n");
	put("/etc/systemd/system/b-c@.service.d/9.conf", DROPIN "1\n");
	put("/etc/systemd/system/a-b-c@.service.d/9.conf.bak", DROPIN "1\n");
	put("/etc/systemd/system/a-b-c@.service.d/.9.conf", DROPIN "1\n");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	assert_int_equal(found.soft, 2005);
}

static void test_aliases_and_masks(void **state)
{
	(void)state;
	put("/usr/lib/systemd/system/app.service", DROPIN "2000\n");
	put_link("/etc/systemd/system/dbus-org.App.service",
		 "/usr/lib/systemd/system/app.service");
	put("/etc/systemd/system/dbus-org.App.service.d/x.conf", DROPIN "2001\n");
	put_app("2001 2001");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/dbus-org.App.service.d/x.conf",
		       2, "LimitNOFILE=2001");
	/* a drop-in that is masked is not there */
	put("/usr/lib/systemd/system/app.service.d/y.conf", DROPIN "2002\n");
	put_app("2002 2002");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	put_link("/etc/systemd/system/app.service.d/y.conf", "/dev/null");
	put("/dev/null", "");
	assert_int_equal(find(100), 0);
	assert_int_not_equal(found.kind, ORIGIN_UNIT);
	put_app("2001 2001");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	/* a link of one's own may lead to a file of any name */
	put("/opt/unit", DROPIN "2003\n");
	put_link("/etc/systemd/system/app.service", "/opt/unit");
	put_out("/etc/systemd/system/dbus-org.App.service.d/x.conf");
	put_app("2003 2003");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/app.service", 2,
		       "LimitNOFILE=2003");
}

/* A link can't lead out of the root, and what is no file is not read. */
static void test_traps(void **state)
{
	char whole[512];

	(void)state;
	put_link("/etc/systemd/system/app.service", "../../../../../../../etc/passwd");
	place("/etc/systemd/system/app.service.d/a.conf", whole);
	assert_int_equal(mkfifo(whole, 0600), 0);
	put_link("/etc/systemd/system/app.service.d/b.conf", "b.conf");
	put_app("1024 524288");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_MANAGER_DEFAULT);
	/* the loop is an error, which is told */
	assert_non_null(strstr(found.denied, "b.conf"));
}

static void test_defaults(void **state)
{
	(void)state;
	put("/usr/lib/systemd/system/app.service", "[Service]\nExecStart=/x\n");
	put("/etc/systemd/system.conf", "[Manager]\n#DefaultLimitNOFILE=\n");
	put_app("1024 524288");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	assert_string_equal(found.unit, "app.service");
	assert_int_equal(found.hard, 524288);
	/* before version 240 */
	put_app("1024 4096");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	/* the kernel allows no more */
	put("/proc/sys/fs/nr_open", "100000\n");
	put_app("1024 100000");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	/* no file of the unit at all */
	put_process(101, 1, "x", "1024 100000", "/system.slice/other.service");
	assert_int_equal(find(101), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);

	put("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=3000:4000\n");
	put_app("3000 4000");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, "/etc/systemd/system.conf", 2,
		       "DefaultLimitNOFILE=3000:4000");
	put("/usr/lib/systemd/system.conf.d/a.conf",
	    "[Manager]\nDefaultLimitNOFILE=3001\n");
	put_app("3001 3001");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, "/usr/lib/systemd/system.conf.d/a.conf",
		       2, "DefaultLimitNOFILE=3001");
	put("/etc/systemd/user.conf", "[Manager]\nDefaultLimitNOFILE=1\n");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_MANAGER_DEFAULT);
	/* the unit's own counts more */
	put("/etc/systemd/system/app.service.d/a.conf", DROPIN "3002\n");
	put_app("3002 3002");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
}

/* Whatever it says, it is not the origin of another value. */
static void test_other_value(void **state)
{
	(void)state;
	put("/usr/lib/systemd/system/app.service", DROPIN "2000:4000\n");
	put_app("777 4000");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_SELF);
	assert_non_null(strstr(found.evidence, "the hard limit is as it was given"));
	assert_non_null(strstr(found.evidence, "LimitNOFILE=2000:4000"));
	assert_string_equal(found.unit, "app.service");
	put_app("777 888");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_SELF);
	assert_non_null(strstr(found.evidence, "it would have another one"));
	/* raised to the hard one, as Go and Node do */
	put_app("4000 4000");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/usr/lib/systemd/system/app.service", 2,
		       "LimitNOFILE=2000:4000");
	assert_true(found.soft_raised);
	assert_int_equal(found.raised_by, 0);
	assert_int_equal(find_watched(100, true, 0), 0);
	expect_kind(ORIGIN_UNIT);
	assert_true(found.soft_raised);
	assert_non_null(strstr(found.evidence, "was seen to set its own limit"));
}

/* Files that were changed since: it still has what they said before. */
static void test_changed_since(void **state)
{
	(void)state;
	put("/etc/systemd/system/app.service.d/a.conf", DROPIN "65536\n");
	put_process_at(100, 1, "app", "3000 3000", APP, ticks_in(-60));
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/app.service.d/a.conf", 2,
		       "LimitNOFILE=65536");
	assert_true(found.stale);
	assert_int_equal(found.soft, 65536);
	/* what systemd sets before its exec looks like the process's own doing */
	assert_int_equal(find_watched(100, true, 0), 0);
	expect_kind(ORIGIN_UNIT);
	/* in one that it started, it is */
	put_process_at(101, 100, "app", "3001 3001", APP, ticks_in(-60));
	assert_int_equal(find_watched(101, true, 0), 0);
	expect_kind(ORIGIN_SELF);
	put_app("3000 3000");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_SELF);
	assert_false(found.stale);
}

/* ---- the manager of a user ---- */

#define MANAGER "/user.slice/user-1000.slice/user@1000.service"

static void put_user_manager(const char *limits)
{
	put("/usr/lib/systemd/system/user@.service",
	    "[Service]\nUser=%i\nPAMName=systemd-user\n");
	put_process(50, 1, "systemd", limits, MANAGER "/init.scope");
}

static void test_user_unit(void **state)
{
	(void)state;
	put_user_manager("524288 524288");
	put("/home/alice/.config/systemd/user/app.service", DROPIN "2000:3000\n");
	put_process(100, 50, "app", "2000 3000", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/home/alice/.config/systemd/user/app.service", 2,
		       "LimitNOFILE=2000:3000");
	assert_true(found.user_manager);
	assert_int_equal(found.owner, 1000);
	assert_string_equal(found.user, "alice");
	assert_int_equal(found.ceiling, 524288);
	/* the system's units and settings are not the user's */
	put("/etc/systemd/system/app.service.d/a.conf", DROPIN "1\n");
	put("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=1\n");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
	/* drop-ins for all users */
	put("/etc/systemd/user/app.service.d/z.conf", DROPIN "2001:600000\n");
	put_process(100, 50, "app", "2001 524288", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/user/app.service.d/z.conf", 2,
		       "LimitNOFILE=2001:600000");
}

/* A directory of his own, as libpam-cgfs or an administrator gives one to a user: what he calls
 * those in it is no unit, and no session, of the host's. */
static void test_named_by_a_user(void **state)
{
	(void)state;
	put("/usr/lib/systemd/system/app.service", DROPIN "2000:4000\n");
	put("/etc/security/limits.conf", "root - nofile 2000\n");
	put_process(100, 1, "app", "2000 4000", "/user/alice/0/app.service");
	assert_int_equal(find(100), 0);
	assert_int_not_equal(found.kind, ORIGIN_UNIT);
	assert_null(found.unit);
	put_process(100, 1, "app", "2000 4000", "/of-alice/app.service");
	assert_int_equal(find(100), 0);
	assert_int_not_equal(found.kind, ORIGIN_UNIT);
	assert_null(found.unit);
	put_process(100, 1, "app", "2000 2000",
		    "/of-alice/user-0.slice/session-1.scope");
	assert_int_equal(find(100), 0);
	assert_int_not_equal(found.kind, ORIGIN_PAM);
	assert_false(found.user_session);
	assert_int_equal(found.owner, (uid_t)-1);
}

/* As the service's sandbox has it: homes are not to be seen, but as others see them. */
static void test_hidden_home(void **state)
{
	(void)state;
	put_user_manager("524288 524288");
	put_process(100, 50, "app", "2000 3000", MANAGER "/app.slice/app.service");
	put("/proc/100/root/home/alice/.config/systemd/user/app.service",
	    DROPIN "2000:3000\n");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/home/alice/.config/systemd/user/app.service", 2,
		       "LimitNOFILE=2000:3000");
	assert_false(found.inside);
	/* what is to be seen is taken from here */
	put("/home/alice/.config/systemd/user/app.service", DROPIN "2000:3001\n");
	put_process(100, 50, "app", "2000 3001", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
}

static void test_user_defaults(void **state)
{
	(void)state;
	put_user_manager("524288 524288");
	put("/usr/lib/systemd/user/app.service", "[Service]\nExecStart=x\n");
	put_process(100, 50, "app", "1024 524288", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	assert_string_equal(found.unit, "app.service");
	assert_true(found.user_manager);
	assert_non_null(strstr(found.evidence, "user@1000.service"));
	/* from what its manager was given */
	put("/etc/systemd/system/user@.service.d/a.conf", DROPIN "2000:524288\n");
	put_process(100, 50, "app", "1024 524288", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT,
		       "/etc/systemd/system/user@.service.d/a.conf", 2,
		       "LimitNOFILE=2000:524288");
	/* … of which it passes on 1024 at most as the soft one */
	assert_int_equal(found.soft, 1024);
	assert_non_null(strstr(found.evidence, "1024 at most"));
	/* PAM has the last word at the manager's start */
	put("/etc/security/limits.conf", "alice soft nofile 3000\n");
	put_process(100, 50, "app", "1024 524288", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.conf", 1,
		       "alice soft nofile 3000");
	put("/etc/security/limits.conf", "alice soft nofile 700\n");
	put_process(100, 50, "app", "700 524288", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.conf", 1,
		       "alice soft nofile 700");
	assert_string_equal(found.unit, "app.service");
	put("/home/alice/.config/systemd/user.conf",
	    "[Manager]\nDefaultLimitNOFILE=4000\n");
	put_process(100, 50, "app", "4000 4000", MANAGER "/app.slice/app.service");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, "/home/alice/.config/systemd/user.conf",
		       2, "DefaultLimitNOFILE=4000");
}

/* A service with PAMName= is a session of its User=. */
static void test_unit_with_pam(void **state)
{
	(void)state;
	put("/etc/systemd/system/app.service",
	    "[Service]\nUser=bob\nPAMName=login\nLimitNOFILE=2000:4000\n");
	put("/etc/security/limits.d/a.conf", "@staff soft nofile 3000\n");
	put_app("3000 4000");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.d/a.conf", 1,
		       "@staff soft nofile 3000");
	assert_string_equal(found.user, "bob");
	assert_string_equal(found.unit, "app.service");
	assert_false(found.user_session);
	/* with Debian the rest is the first process's, not the unit's */
	put_app("3000 1048576");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_PAM, "/etc/security/limits.d/a.conf", 1,
		       "@staff soft nofile 3000");
	/* without the line it is the unit's */
	put("/etc/security/limits.d/a.conf", "@wheels soft nofile 3000\n");
	put_app("2000 4000");
	assert_int_equal(find(100), 0);
	expect_kind(ORIGIN_UNIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_host, tear_down_host)
	const struct CMUnitTest tests[] = {
		TEST(test_unit_file),
		TEST(test_precedence),
		TEST(test_values),
		TEST(test_names),
		TEST(test_aliases_and_masks),
		TEST(test_traps),
		TEST(test_defaults),
		TEST(test_other_value),
		TEST(test_changed_since),
		TEST(test_user_unit),
		TEST(test_named_by_a_user),
		TEST(test_user_defaults),
		TEST(test_hidden_home),
		TEST(test_unit_with_pam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
