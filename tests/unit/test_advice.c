// SPDX-License-Identifier: GPL-2.0-or-later
/* Which line to change: values, files, commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice.h"
#include "state/advice_impl.h"

static struct identity who;
static struct origin origin;
static struct diagnosis diagnosis;
static struct advice_question question;
static struct advice out[ADVICE_MAX];
static int len;

static int set_up(void **state)
{
	(void)state;
	who = (struct identity){.pid = 1234, .comm = "app"};
	origin = (struct origin){.kind = ORIGIN_MANAGER_DEFAULT, .owner = (uid_t)-1};
	origin.unit = (char *)"app.service";
	origin.ceiling = 1048576;
	diagnosis = (struct diagnosis){.leak = true, .text = "files are not closed"};
	question = (struct advice_question){
		.who = &who,
		.origin = &origin,
		.diagnoses = &diagnosis,
		.used = 1000,
		.soft_limit = 1024,
		.hard_limit = 524288,
		.nr_open = 1048576,
		.files = 5000,
		.files_max = UINT64_MAX >> 1,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (len > 0)
		advice_clear(out, (size_t)len);
	len = 0;
	return 0;
}

static void make(void)
{
	tear_down(NULL);
	len = advice_make(&question, out);
	assert_true(len >= 0 && len <= ADVICE_MAX);
	for (int i = 0; i < len; i++)
		assert_non_null(out[i].text);
}

static const struct advice *of(enum advice_action action)
{
	for (int i = 0; i < len; i++)
		if (out[i].action == action)
			return &out[i];
	return NULL;
}

/* As text for a shell. */
static const char *command(const struct advice *advice, size_t which)
{
	static char text[1024];
	char *made = command_shell_text(&advice->commands[which]);

	assert_true(which < advice->commands_len);
	assert_non_null(made);
	snprintf(text, sizeof(text), "%s", made);
	free(made);
	return text;
}

static void expect(const struct advice *advice, const char *file, const char *content,
		   const char *commands)
{
	char all[1024] = "";

	assert_non_null(advice);
	if (file)
		assert_string_equal(advice->file, file);
	else
		assert_null(advice->file);
	if (content)
		assert_string_equal(advice->content, content);
	else
		assert_null(advice->content);
	for (size_t i = 0; i < advice->commands_len; i++) {
		strcat(all, command(advice, i));
		strcat(all, "\n");
	}
	assert_string_equal(all, commands);
}

static void expect_order(const char *names)
{
	char all[256] = "";

	for (int i = 0; i < len; i++) {
		strcat(all, i ? " " : "");
		strcat(all, advice_action_name(out[i].action));
	}
	assert_string_equal(all, names);
}

static void test_values(void **state)
{
	static const struct {
		uint64_t used, soft, hard;
		double growth;
		uint64_t value, new_hard; /* 0: nothing is to be raised */
	} cases[] = {
		{1000, 1024, 524288, 0, 2048, 524288},
		{1024, 1024, 1024, 0, 2048, 2048},
		{1025, 2000, 4096, 0, 4096, 4096},
		{60, 64, 64, 0, 128, 128},
		{64, 64, 20000, 0, 128, 20000},
		{100, 1024, 4096, 0, 0, 0},
		{0, 0, 0, 0, 0, 0},
		{0, 1024, 4096, 5, 0, 0},
		{1000, UINT64_MAX, UINT64_MAX, 0, 0, 0},
		{1000, 1024, UINT64_MAX, 0, 2048, UINT64_MAX},
		/* what half a minute grew by says nothing of hours: four times the peak at
		 * the most */
		{1000, 1024, 524288, 0.01, 2048, 524288},
		{1000, 1024, 524288, 100, 2048, 524288},
		{1024, 1024, 524288, 100, 4096, 524288},
		{1000, 1024, 524288, -5, 2048, 524288},
		/* fs.nr_open is the end, but where that would be no room */
		{600000, 700000, 700000, 100, 1048576, 1048576},
		{900000, 1000000, 1000000, 100, 2097152, 2097152},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct advice_target target;

		question.used = cases[i].used;
		question.soft_limit = cases[i].soft;
		question.hard_limit = cases[i].hard;
		question.growth_known = cases[i].growth != 0;
		question.growth_per_s = cases[i].growth;
		advice_find_target(&question, &target);
		assert_int_equal(target.raise, cases[i].value != 0);
		if (!cases[i].value)
			continue;
		assert_int_equal(target.value, cases[i].value);
		assert_int_equal(target.hard, cases[i].new_hard);
	}
	question.growth_known = true;
	question.growth_per_s = NAN;
	question.used = 1000;
	make();
}

/* The peak counts, not what is left of it; and it is said how much is known of it. */
static void test_of_the_peak(void **state)
{
	(void)state;
	question.used = 400;
	question.peak = 860;
	question.seen_s = 25;
	make();
	assert_int_equal(of(ADVICE_DROP_IN)->value, 2048);
	assert_non_null(strstr(of(ADVICE_DROP_IN)->text,
			       "room for 2.4 times the 860 that were open at most, in "
			       "the 25 s that it was watched: unsure"));
	question.seen_s = 3 * 86400;
	make();
	assert_null(strstr(of(ADVICE_DROP_IN)->text, "unsure"));
}

/* The fix comes first, and a small bandage; none where there is room for a while. */
static void test_bandage(void **state)
{
	(void)state;
	question.diagnoses_len = 1;
	question.used = 122;
	question.peak = 127;
	question.soft_limit = question.hard_limit = 128;
	question.growth_known = true;
	question.growth_per_s = 20;
	make();
	expect_order("fix-leak systemd-drop-in prlimit");
	assert_int_equal(of(ADVICE_DROP_IN)->value, 256);
	assert_true(of(ADVICE_DROP_IN)->bandage);
	assert_null(strstr(of(ADVICE_DROP_IN)->text, "at most"));
	question.used = 400;
	question.soft_limit = 1024;
	make();
	expect_order("fix-leak");
	/* a standing suspicion is enough, whatever the rules found */
	question.diagnoses_len = 0;
	make();
	expect_order("");
	question.leak_suspected = true;
	make();
	expect_order("fix-leak");
}

static void test_drop_in(void **state)
{
	(void)state;
	make();
	expect_order("systemd-drop-in prlimit");
	expect(of(ADVICE_DROP_IN), "/etc/systemd/system/app.service.d/90-nofile.conf",
	       "[Service]\nLimitNOFILE=2048:524288\n",
	       "mkdir -p /etc/systemd/system/app.service.d\n"
	       "printf '[Service]\\nLimitNOFILE=2048:524288\\n' > "
	       "/etc/systemd/system/app.service.d/90-nofile.conf\n"
	       "systemctl daemon-reload\n"
	       "systemctl restart app.service\n");
	assert_int_equal(of(ADVICE_DROP_IN)->value, 2048);
	assert_null(strstr(of(ADVICE_DROP_IN)->text, "select(2)"));
	question.selects = true;
	make();
	assert_non_null(strstr(of(ADVICE_DROP_IN)->text, "select(2)"));
	assert_false(of(ADVICE_DROP_IN)->bandage);
	expect(of(ADVICE_PRLIMIT), NULL, NULL,
	       "prlimit --pid 1234 --nofile=2048:524288\n");
	assert_null(strstr(of(ADVICE_DROP_IN)->text, "hard limit"));
	question.hard_limit = 1024;
	make();
	assert_non_null(strstr(of(ADVICE_DROP_IN)->text, "The hard limit, 1024,"));
	/* unlimited */
	question.hard_limit = UINT64_MAX;
	make();
	assert_string_equal(of(ADVICE_DROP_IN)->content,
			    "[Service]\nLimitNOFILE=2048:infinity\n");
	assert_string_equal(command(of(ADVICE_PRLIMIT), 0),
			    "prlimit --pid 1234 --nofile=2048:unlimited");
	/* what raises its own wants but a higher hard one */
	question.used = question.soft_limit = question.hard_limit = 4096;
	origin.soft_raised = true;
	origin.soft = 1024;
	origin.hard = 4096;
	make();
	assert_string_equal(of(ADVICE_DROP_IN)->content,
			    "[Service]\nLimitNOFILE=1024:8192\n");
	/* … but what a parent raised is not raised by all */
	origin.raised_by = 99;
	make();
	assert_string_equal(of(ADVICE_DROP_IN)->content,
			    "[Service]\nLimitNOFILE=8192:8192\n");
	/* enough already */
	question.soft_limit = 65536;
	make();
	assert_int_equal(len, 0);
}

static void test_default(void **state)
{
	(void)state;
	origin.file = (char *)"/etc/systemd/system.conf";
	origin.line = 7;
	make();
	expect_order("systemd-drop-in systemd-default prlimit");
	expect(of(ADVICE_MANAGER), "/etc/systemd/system.conf.d/90-nofile.conf",
	       "[Manager]\nDefaultLimitNOFILE=2048:524288\n",
	       "mkdir -p /etc/systemd/system.conf.d\n"
	       "printf '[Manager]\\nDefaultLimitNOFILE=2048:524288\\n' > "
	       "/etc/systemd/system.conf.d/90-nofile.conf\n"
	       "systemctl daemon-reexec\n"
	       "systemctl restart app.service\n");
	origin.file = (char *)"/run/systemd/system.conf.d/95-x.conf";
	make();
	assert_string_equal(of(ADVICE_MANAGER)->file,
			    "/etc/systemd/system.conf.d/95-x.nofile.conf");
	origin.inside = true;
	make();
	expect_order("systemd-drop-in prlimit");
}

/* It must be read after the file that sets it now. */
static void test_order_of_files(void **state)
{
	static const struct {
		const char *now, *file;
	} cases[] = {
		{"/usr/lib/systemd/system/app.service", "90-nofile.conf"},
		{"/usr/lib/systemd/system/app.service.d/10-a.conf", "90-nofile.conf"},
		{"/usr/lib/systemd/system/service.d/99-z.conf", "99-z.nofile.conf"},
		{"/etc/systemd/system/service.d/90-nofile.conf",
		 "90-nofile.nofile.conf"},
		{"/etc/systemd/system/other.service.d/x.conf", "x.nofile.conf"},
	};
	char path[256];

	(void)state;
	origin.kind = ORIGIN_UNIT;
	origin.line = 3;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *now = strrchr(cases[i].now, '/') + 1;

		origin.file = (char *)cases[i].now;
		make();
		snprintf(path, sizeof(path), "/etc/systemd/system/app.service.d/%s",
			 cases[i].file);
		assert_string_equal(of(ADVICE_DROP_IN)->file, path);
		if (strstr(now, ".conf"))
			assert_true(strcmp(cases[i].file, now) > 0);
	}
	/* its own drop-in: that line */
	origin.file = (char *)"/etc/systemd/system/app.service.d/a b.conf";
	make();
	expect(of(ADVICE_DROP_IN), "/etc/systemd/system/app.service.d/a b.conf",
	       "LimitNOFILE=2048:524288\n",
	       "sed -i '3s/^[[:space:]]*LimitNOFILE[[:space:]]*=.*/"
	       "LimitNOFILE=2048:524288/' "
	       "'/etc/systemd/system/app.service.d/a b.conf'\n"
	       "systemctl daemon-reload\n"
	       "systemctl restart app.service\n");
}

static void test_units(void **state)
{
	(void)state;
	/* as systemd escapes names */
	origin.unit = (char *)"a\\x2db@c.service";
	make();
	assert_string_equal(command(of(ADVICE_DROP_IN), 0),
			    "mkdir -p '/etc/systemd/system/a\\x2db@c.service.d'");
	assert_string_equal(command(of(ADVICE_DROP_IN), 3),
			    "systemctl restart 'a\\x2db@c.service'");
	/* a cgroup that no systemd made */
	origin.unit = (char *)"$(reboot).service";
	make();
	expect_order("prlimit");
	origin.unit = (char *)"-x.service";
	make();
	expect_order("prlimit");
	/* it goes with its process */
	origin.unit = (char *)"run-u1.service";
	origin.kind = ORIGIN_UNIT;
	origin.file = (char *)"/run/systemd/transient/run-u1.service";
	make();
	expect(of(ADVICE_DROP_IN), NULL, "-p LimitNOFILE=2048:524288", "");
	/* changed, but not restarted */
	origin.file = (char *)"/etc/systemd/system/app.service.d/a.conf";
	origin.unit = (char *)"app.service";
	origin.stale = true;
	origin.soft = 4096;
	make();
	expect(of(ADVICE_DROP_IN), origin.file, NULL,
	       "systemctl daemon-reload\nsystemctl restart app.service\n");
	assert_int_equal(of(ADVICE_DROP_IN)->value, 4096);
	/* … to less than is wanted */
	origin.soft = 1500;
	make();
	assert_non_null(of(ADVICE_DROP_IN)->content);
}

static void test_user_units(void **state)
{
	(void)state;
	origin.user_manager = true;
	origin.owner = 1000;
	origin.user = (char *)"alice";
	make();
	expect(of(ADVICE_DROP_IN),
	       "~/.config/systemd/user/app.service.d/90-nofile.conf",
	       "[Service]\nLimitNOFILE=2048:524288\n",
	       "mkdir -p ~/.config/systemd/user/app.service.d\n"
	       "printf '[Service]\\nLimitNOFILE=2048:524288\\n' > "
	       "~/.config/systemd/user/app.service.d/90-nofile.conf\n"
	       "systemctl --user daemon-reload\n"
	       "systemctl --user restart app.service\n");
	assert_non_null(strstr(of(ADVICE_DROP_IN)->text, "the user alice"));
	/* more than its manager has */
	question.used = question.soft_limit = question.hard_limit = 4096;
	origin.ceiling = 4096;
	make();
	expect_order("systemd-drop-in systemd-drop-in prlimit");
	assert_string_equal(out[0].file,
			    "/etc/systemd/system/user@1000.service.d/90-nofile.conf");
	/* it is not restarted: that would end all that the user runs */
	assert_int_equal(out[0].commands_len, 3);
	assert_non_null(strstr(out[0].text, "4096"));
	/* … as PAM gave it */
	origin.kind = ORIGIN_PAM;
	make();
	expect_order("limits-conf systemd-drop-in prlimit");
	origin.ceiling = 8192;
	make();
	expect_order("systemd-drop-in prlimit");
}

static void test_logins(void **state)
{
	(void)state;
	origin.unit = NULL;
	origin.kind = ORIGIN_PAM;
	origin.user_session = true;
	origin.owner = 1000;
	origin.user = (char *)"alice";
	origin.file = (char *)"/etc/security/limits.conf";
	origin.line = 12;
	make();
	expect_order("limits-conf prlimit");
	expect(of(ADVICE_LIMITS_CONF), "/etc/security/limits.d/90-alice-nofile.conf",
	       "alice soft nofile 2048\nalice hard nofile 524288\n",
	       "printf 'alice soft nofile 2048\\nalice hard nofile 524288\\n' > "
	       "/etc/security/limits.d/90-alice-nofile.conf\n");
	assert_non_null(strstr(of(ADVICE_LIMITS_CONF)->text,
			       "line 12 of /etc/security/limits.conf"));
	/* of equals the last one counts */
	origin.file = (char *)"/etc/security/limits.d/99-x.conf";
	make();
	assert_string_equal(of(ADVICE_LIMITS_CONF)->file,
			    "/etc/security/limits.d/99-x.nofile.conf");
	/* a session that no line is about */
	origin.kind = ORIGIN_MANAGER_DEFAULT;
	origin.unit = (char *)"ssh.service";
	origin.file = NULL;
	make();
	expect_order("limits-conf prlimit");
	/* lines know no quotes */
	origin.user = (char *)"al ice;$(x)";
	make();
	assert_string_equal(of(ADVICE_LIMITS_CONF)->content,
			    ":1000 soft nofile 2048\n:1000 hard nofile 524288\n");
	assert_string_equal(of(ADVICE_LIMITS_CONF)->file,
			    "/etc/security/limits.d/90-1000-nofile.conf");
	origin.user = (char *)"@staff";
	make();
	assert_non_null(strstr(of(ADVICE_LIMITS_CONF)->content, ":1000 soft"));
	origin.user = NULL;
	origin.owner = (uid_t)-1;
	make();
	expect_order("prlimit");
}

static void test_containers(void **state)
{
	(void)state;
	origin = (struct origin){.kind = ORIGIN_CONTAINER, .owner = (uid_t)-1};
	origin.runtime = (char *)"docker";
	question.hard_limit = 1024;
	make();
	expect_order("container prlimit");
	expect(of(ADVICE_CONTAINER), NULL, "--ulimit nofile=2048:2048", "");
	origin.file = (char *)"/etc/docker/daemon.json";
	make();
	expect(of(ADVICE_CONTAINER), "/etc/docker/daemon.json",
	       "\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": "
	       "2048, "
	       "\"Hard\": 2048}}",
	       "");
	origin.runtime = (char *)"podman";
	origin.file = NULL;
	make();
	assert_non_null(strstr(of(ADVICE_CONTAINER)->text, "containers.conf"));
	/* what the container has is not told: it is the runtime all the same */
	origin.kind = ORIGIN_UNKNOWN;
	make();
	expect_order("container prlimit");
	origin.kind = ORIGIN_CONTAINER;
	/* Kubernetes */
	origin.runtime = (char *)"containerd";
	origin.unit = (char *)"containerd.service";
	who.pod_uid = (char *)"0e51";
	make();
	expect(of(ADVICE_CONTAINER),
	       "/etc/systemd/system/containerd.service.d/90-nofile.conf",
	       "[Service]\nLimitNOFILE=2048:2048\n",
	       "mkdir -p /etc/systemd/system/containerd.service.d\n"
	       "printf '[Service]\\nLimitNOFILE=2048:2048\\n' > "
	       "/etc/systemd/system/containerd.service.d/90-nofile.conf\n"
	       "systemctl daemon-reload\n"
	       "systemctl restart containerd.service\n");
	origin.runtime = (char *)"cri-o";
	make();
	assert_string_equal(of(ADVICE_CONTAINER)->file,
			    "/etc/crio/crio.conf.d/90-nofile.conf");
	assert_string_equal(command(of(ADVICE_CONTAINER), 2),
			    "systemctl restart crio.service");
	who.pod_uid = NULL;
	origin.runtime = (char *)"lxc";
	who.container_id = (char *)"web";
	make();
	expect(of(ADVICE_CONTAINER), "/var/lib/lxc/web/config",
	       "lxc.prlimit.nofile = 2048:2048\n", "");
	who.container_id = (char *)"../x";
	make();
	assert_null(of(ADVICE_CONTAINER)->file);
	origin.runtime = (char *)"systemd-nspawn";
	who.container_id = (char *)"web-1";
	make();
	expect(of(ADVICE_CONTAINER), "/etc/systemd/nspawn/web-1.nspawn",
	       "[Exec]\nLimitNOFILE=2048:2048\n", "");
	/* a unit in it */
	origin.kind = ORIGIN_UNIT;
	origin.unit = (char *)"app.service";
	origin.inside = true;
	make();
	expect_order("systemd-drop-in prlimit");
	assert_non_null(strstr(out[0].text, "in the container"));
}

static void test_programs(void **state)
{
	(void)state;
	origin.kind = ORIGIN_SELF;
	make();
	expect_order("program prlimit");
	/* "-n" alone would lower the hard limit to it */
	assert_string_equal(of(ADVICE_PROGRAM)->content, "ulimit -Sn 2048");
	assert_non_null(
		strstr(of(ADVICE_PROGRAM)->text, "or the script that became it: "));
	assert_non_null(strstr(of(ADVICE_PROGRAM)->text, "\"ulimit\" in that script"));
	assert_null(strstr(of(ADVICE_PROGRAM)->text, "no effect"));
	strcpy(who.comm, "nginx2");
	make();
	assert_string_equal(of(ADVICE_PROGRAM)->content, "ulimit -Sn 2048");
	question.hard_limit = 2048;
	make();
	assert_string_equal(of(ADVICE_PROGRAM)->content, "ulimit -n 2048");
	/* its unit has to let it */
	question.hard_limit = 1024;
	make();
	assert_string_equal(of(ADVICE_PROGRAM)->content, "ulimit -n 2048");
	expect_order("systemd-drop-in program prlimit");
	origin.kind = ORIGIN_PARENT;
	origin.parent = 77;
	origin.parent_name = (char *)"run.sh";
	make();
	expect_order("parent prlimit");
	assert_string_equal(of(ADVICE_PARENT)->content, "ulimit -n 2048");
	assert_non_null(strstr(of(ADVICE_PARENT)->text, "run.sh[77]"));
	question.hard_limit = 20000;
	make();
	assert_string_equal(of(ADVICE_PARENT)->content, "ulimit -Sn 2048");
	origin.kind = ORIGIN_UNKNOWN;
	make();
	expect_order("prlimit");
	origin.kind = ORIGIN_KERNEL;
	origin.parent_name = NULL;
	make();
	expect_order("parent prlimit");
	question.origin = NULL;
	make();
	expect_order("prlimit");
	who.pid = 0;
	make();
	assert_int_equal(len, 0);
}

/* What the program does to its limit tells its own setting from what is in front of it. */
static void test_known_programs(void **state)
{
	static const struct {
		const char *comm;
		enum origin_kind kind;
		uint64_t soft, hard;
		const char *order, *content, *file;
	} cases[] = {
		/* its setting sets both, a wrapper may as well */
		{"nginx", ORIGIN_SELF, 400, 400, "program parent prlimit",
		 "worker_rlimit_nofile 1024;", "/etc/nginx/nginx.conf"},
		/* its setting never leaves them unequal */
		{"nginx", ORIGIN_SELF, 400, 8000, "parent prlimit", "ulimit -Sn 1024",
		 NULL},
		{"php-fpm8.2", ORIGIN_SELF, 700, 700, "program parent prlimit",
		 "rlimit_files = 1024", "/etc/php/8.2/fpm/pool.d/www.conf"},
		/* raises to the hard one: that is what was set in front */
		{"haproxy", ORIGIN_SELF, 500, 500, "parent", "ulimit -n 1024", NULL},
		{"haproxy", ORIGIN_SELF, 500, 8000, "program", "maxconn 450",
		 "/etc/haproxy/haproxy.cfg"},
		/* never below what it takes by itself */
		{"redis-server", ORIGIN_SELF, 900, 900, "program program parent", NULL,
		 NULL},
		{"memcached", ORIGIN_SELF, 1024, 1024, "program", "-c 2048",
		 "/etc/memcached.conf"},
		{"memcached", ORIGIN_MANAGER_DEFAULT, 1024, 1024, "program", "-c 2048",
		 "/etc/memcached.conf"},
		{"rsyslogd", ORIGIN_SELF, 600, 600, "program parent prlimit",
		 "$MaxOpenFiles 1024", "/etc/rsyslog.conf"},
		{"unbound", ORIGIN_SELF, 4152, 4152, "program", "outgoing-range: 8192",
		 "/etc/unbound/unbound.conf"},
		{"apache2", ORIGIN_SELF, 8192, 8192, "program prlimit",
		 "APACHE_ULIMIT_MAX_FILES='ulimit -n 16384'", "/etc/apache2/envvars"},
		/* they set nothing */
		{"mosquitto", ORIGIN_SELF, 300, 300, "parent prlimit", "ulimit -n 1024",
		 NULL},
		{"squid", ORIGIN_SELF, 900, 900, "parent", "ulimit -n 1024", NULL},
		{"squid", ORIGIN_SELF, 900, 8000, "program parent",
		 "max_filedescriptors 1024", "/etc/squid/squid.conf"},
		/* nothing to be done but more of what it does by design */
		{"postgres", ORIGIN_MANAGER_DEFAULT, 1024, 524288, "program",
		 "max_files_per_process = 2048",
		 "/etc/postgresql/*/main/postgresql.conf"},
		{"imap-login", ORIGIN_PARENT, 1024, 524288, "program",
		 "default_client_limit = 2048", "/etc/dovecot/conf.d/10-master.conf"},
	};

	(void)state;
	origin.unit = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(who.comm, sizeof(who.comm), "%s", cases[i].comm);
		origin.kind = cases[i].kind;
		question.soft_limit = cases[i].soft;
		question.hard_limit = cases[i].hard;
		question.used = cases[i].soft < 1024 ? 400 : cases[i].soft * 97 / 100;
		make();
		if (len && cases[i].content &&
		    (!out[0].content || strcmp(out[0].content, cases[i].content) != 0))
			print_error("%s: %s\n", cases[i].comm,
				    out[0].content ? out[0].content : "-");
		expect_order(cases[i].order);
		if (!cases[i].content)
			continue;
		assert_string_equal(out[0].content, cases[i].content);
		if (cases[i].file)
			assert_string_equal(out[0].file, cases[i].file);
		else
			assert_null(out[0].file);
	}
	/* a worker whose master has other limits has it from the setting alone */
	origin.forked = true;
	origin.kind = ORIGIN_SELF;
	strcpy(who.comm, "php-fpm8.2");
	question.soft_limit = question.hard_limit = 700;
	question.used = 400;
	make();
	expect_order("program prlimit");
	assert_string_equal(out[0].content, "rlimit_files = 1024");
	assert_non_null(strstr(out[0].text, "PHP-FPM sets the limit itself"));
	/* … but for a program that never sets both */
	strcpy(who.comm, "mosquitto");
	make();
	expect_order("parent prlimit");
	origin.forked = false;
	/* a sentence only, then what wants more; and never less than by itself */
	strcpy(who.comm, "redis-server");
	origin.kind = ORIGIN_SELF;
	question.soft_limit = question.hard_limit = 900;
	make();
	assert_null(out[0].content);
	assert_non_null(strstr(out[0].text, "Nothing is wrong"));
	assert_string_equal(out[1].content, "maxclients 10000");
	assert_non_null(strstr(out[1].text, "CONFIG SET maxclients"));
}

/* A worker has it from its master, which is the same program; a child of Supervisor from
 * a setting of that. */
static void test_programs_above(void **state)
{
	(void)state;
	origin.kind = ORIGIN_PARENT;
	origin.unit = NULL;
	origin.parent = 77;
	origin.parent_name = (char *)"nginx";
	strcpy(who.comm, "nginx");
	make();
	expect_order("parent prlimit");
	assert_null(strstr(out[0].text, "nginx[77]"));
	assert_non_null(strstr(out[0].text, "worker_connections"));
	origin.parent_name = (char *)"supervisord";
	strcpy(who.comm, "app");
	make();
	expect_order("program prlimit");
	assert_string_equal(out[0].content, "minfds=2048");
	assert_string_equal(out[0].file, "/etc/supervisor/supervisord.conf");
}

/* lighttpd stops at a third of its limit: more clients take a higher one, though most of
 * it is free. */
static void test_walls(void **state)
{
	(void)state;
	strcpy(who.comm, "lighttpd");
	origin.kind = ORIGIN_SELF;
	origin.unit = NULL;
	diagnosis = (struct diagnosis){.rule = DIAGNOSIS_ACCEPTED_CONNECTIONS,
				       .text = "clients",
				       .count = 341};
	question.diagnoses_len = 1;
	question.used = 349;
	question.hard_limit = 4096;
	make();
	expect_order("program parent");
	assert_string_equal(out[0].content, "server.max-fds = 2048");
	/* half of them are connections to backends: far from it */
	diagnosis.count = 174;
	make();
	assert_int_equal(len, 0);
}

/* What is proposed takes nothing away of what the unit has. */
static void test_never_less(void **state)
{
	(void)state;
	origin.kind = ORIGIN_SELF;
	question.soft_limit = question.hard_limit = 300;
	question.used = 290;
	origin.given_soft = 20000;
	origin.given_hard = 524288;
	make();
	expect_order("program prlimit");
	assert_null(strstr(out[0].text, "would stop it"));
	/* the unit is in the way, but has more than one of the two */
	origin.given_soft = 900;
	origin.given_hard = 900;
	make();
	expect_order("systemd-drop-in program prlimit");
	assert_string_equal(out[0].content, "[Service]\nLimitNOFILE=1024:1024\n");
	assert_non_null(strstr(out[0].text, "The hard limit, 900,"));
}

static void test_leak(void **state)
{
	(void)state;
	question.diagnoses_len = 1;
	question.growth_known = true;
	question.growth_per_s = 2;
	make();
	expect_order("fix-leak systemd-drop-in prlimit");
	/* not what a week of it would take */
	assert_int_equal(of(ADVICE_DROP_IN)->value, 2048);
	assert_non_null(strstr(out[0].text, "files are not closed"));
	assert_non_null(strstr(out[0].text, "by about 9 min"));
	assert_false(out[0].bandage);
	assert_true(out[1].bandage);
	assert_true(out[2].bandage);
	assert_int_equal(out[0].value, 0);
	/* full, it grows no more: one that came since says nothing of a higher limit */
	question.used = 1024;
	question.growth_per_s = .02;
	make();
	assert_null(strstr(out[0].text, "about"));
	assert_non_null(strstr(out[0].text, "only put it off."));
	question.used = 1000;
	question.growth_known = false;
	make();
	assert_null(strstr(out[0].text, "about"));
	assert_non_null(strstr(out[0].text, "only put it off"));
	/* far from the limit it is one all the same */
	question.used = 100;
	make();
	expect_order("fix-leak");
	/* load is none */
	diagnosis.leak = false;
	question.used = 1000;
	make();
	expect_order("systemd-drop-in prlimit");
	assert_false(out[0].bandage);
}

static void test_next_step_of_a_leak(void **state)
{
	(void)state;
	question.diagnoses_len = 1;
	make();
	expect(of(ADVICE_FIX_LEAK), NULL, NULL, "");
	question.sites_wanted = true;
	make();
	expect(of(ADVICE_FIX_LEAK), NULL, NULL, "fdwarden trace 1234\n");
	assert_non_null(strstr(out[0].text, "A trace names the line of code that opens "
					    "them, while that goes on."));
	question.used = question.soft_limit;
	make();
	expect(of(ADVICE_FIX_LEAK), NULL, NULL, "fdwarden trace 1234\n");
	assert_non_null(strstr(out[0].text,
			       "opens them; make room while it runs, for it "
			       "sees nothing of what is refused."));
	who.pid = 0;
	make();
	expect(of(ADVICE_FIX_LEAK), NULL, NULL, "");
	who.pid = 1234;
	diagnosis.leak = false;
	make();
	assert_null(of(ADVICE_FIX_LEAK));
}

/* Nothing is proposed to be typed that would be refused. */
static void test_root_that_lacks_resource(void **state)
{
	(void)state;
	question.diagnoses_len = 1;
	question.hard_limit = 1024;
	question.root_lacks_resource = true;
	make();
	expect_order("fix-leak systemd-drop-in prlimit");
	expect(of(ADVICE_PRLIMIT), NULL, NULL, "");
	assert_non_null(strstr(of(ADVICE_PRLIMIT)->text,
			       "its hard limit is in the way, and raising that needs "
			       "CAP_SYS_RESOURCE, which root lacks here"));
	assert_int_equal(of(ADVICE_PRLIMIT)->value, 0);
	assert_false(of(ADVICE_PRLIMIT)->bandage);
	assert_true(of(ADVICE_DROP_IN)->bandage);
	/* below the hard limit it may */
	question.hard_limit = 524288;
	make();
	assert_int_equal(of(ADVICE_PRLIMIT)->commands_len, 1);
	/* nothing is known of whoever asks */
	question.hard_limit = 1024;
	question.root_lacks_resource = false;
	make();
	expect(of(ADVICE_PRLIMIT), NULL, NULL,
	       "prlimit --pid 1234 --nofile=2048:2048\n");
}

static void test_system(void **state)
{
	(void)state;
	question.used = question.soft_limit = question.hard_limit = 1000000;
	make();
	expect_order("sysctl systemd-drop-in prlimit");
	expect(of(ADVICE_SYSCTL), "/etc/sysctl.d/90-fs.nr_open.conf",
	       "fs.nr_open = 2097152\n",
	       "printf 'fs.nr_open = 2097152\\n' > /etc/sysctl.d/90-fs.nr_open.conf\n"
	       "sysctl -w fs.nr_open=2097152\n");
	question.files = 990000;
	question.files_max = 1500000;
	make();
	expect_order("sysctl sysctl systemd-drop-in prlimit");
	assert_string_equal(out[1].content, "fs.file-max = 4194304\n");
	question.nr_open = question.files_max = 0; /* unknown */
	make();
	expect_order("systemd-drop-in prlimit");
}

/* What is a container's own is not to be taken for the host's. */
static void test_inside(void **state)
{
	static const struct {
		const char *runtime, *enter, *last;
	} cases[] = {
		{"docker", "docker exec -it c1 sh",
		 "docker exec -i c1 systemctl restart app.service"},
		{"podman", "podman exec -it c1 sh",
		 "podman exec -i c1 systemctl restart app.service"},
		{"cri-o", "crictl exec -it c1 sh",
		 "crictl exec -i c1 systemctl restart app.service"},
		{"lxc", "lxc-attach -n c1",
		 "lxc-attach -n c1 -- systemctl restart app.service"},
		{"systemd-nspawn", "nsenter --all --target 1234 sh",
		 "nsenter --all --target 1234 -- systemctl restart app.service"},
	};

	(void)state;
	who.container_id = (char *)"c1";
	origin.inside = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct advice *advice;
		char *enter;

		who.container_runtime = cases[i].runtime;
		make();
		advice = of(ADVICE_DROP_IN);
		assert_non_null(advice);
		assert_string_equal(advice->container, "c1");
		enter = command_shell_text(&advice->enter);
		assert_string_equal(enter, cases[i].enter);
		free(enter);
		assert_string_equal(command(advice, advice->commands_len - 1),
				    cases[i].last);
	}
	who.container_runtime = "docker";
	make();
	assert_string_equal(command(of(ADVICE_DROP_IN), 1),
			    "printf '[Service]\\nLimitNOFILE=2048:524288\\n' | "
			    "docker exec -i c1 tee "
			    "/etc/systemd/system/app.service.d/90-nofile.conf");
	/* the process is the host's to limit */
	assert_null(of(ADVICE_PRLIMIT)->container);
	/* it only calls itself one, and so are its units */
	origin.claimed = true;
	make();
	assert_int_equal(of(ADVICE_DROP_IN)->commands_len, 0);
	assert_int_equal(of(ADVICE_DROP_IN)->enter.len, 0);
	assert_null(of(ADVICE_DROP_IN)->file);
	assert_non_null(of(ADVICE_DROP_IN)->container);
	/* a name that would be an option */
	origin.claimed = false;
	who.container_runtime = "lxc";
	who.container_id = (char *)"-x";
	make();
	assert_int_equal(of(ADVICE_DROP_IN)->commands_len, 0);
	assert_null(of(ADVICE_DROP_IN)->file);
}

static void test_times(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{0, "0 s"},
		{119, "119 s"},
		{120, "2 min"},
		{7199, "120 min"},
		{7200, "2 h"},
		{172800, "2 days"},
		{86400 * 700, "700 days"},
		{1e12, "years"},
		{INFINITY, "years"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		advice_time(cases[i].seconds, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void set_script(const char *file, const char *text, uint64_t limit)
{
	origin.script = (char *)file;
	snprintf(origin.statements.soft.text, SCRIPT_TEXT_MAX, "%s", text);
	origin.statements.soft.line = 3;
	origin.statements.soft.once = origin.statements.soft.hard = true;
	question.soft_limit = question.hard_limit = limit;
	question.used = limit - 4;
}

/* The line of a script, and the command that changes it. */
static void test_script(void **state)
{
	(void)state;
	origin.kind = ORIGIN_PARENT;
	origin.parent = 99;
	origin.parent_name = (char *)"run.sh";
	origin.unit = NULL;
	diagnosis.leak = false;
	set_script("/srv/run it.sh", "ulimit -n 64", 64);
	make();
	expect_order("parent prlimit");
	expect(of(ADVICE_PARENT), "/srv/run it.sh", "ulimit -n 128",
	       "sed -i '3s/ulimit -n 64/ulimit -n 128/' '/srv/run it.sh'\n");
	assert_non_null(strstr(of(ADVICE_PARENT)->text,
			       "Line 3 of /srv/run it.sh sets the limit, \"ulimit -n "
			       "64\": change it there, and start it anew."));
	/* more than what is in front of it only root can set */
	origin.front_hard = 100;
	make();
	assert_null(strstr(of(ADVICE_PARENT)->text, "The hard limit in front"));
	who.uid = 1000;
	make();
	assert_non_null(strstr(of(ADVICE_PARENT)->text,
			       "The hard limit in front of it, 100, must be raised"));
	origin.front_hard = 0;
	/* its unit is started anew */
	origin.kind = ORIGIN_SELF;
	origin.unit = (char *)"app.service";
	origin.given_hard = 524288;
	make();
	expect_order("parent prlimit");
	expect(of(ADVICE_PARENT), "/srv/run it.sh", "ulimit -n 128",
	       "sed -i '3s/ulimit -n 64/ulimit -n 128/' '/srv/run it.sh'\n"
	       "systemctl restart app.service\n");
	/* … and has enough for it */
	origin.given_hard = 100;
	make();
	expect_order("systemd-drop-in parent prlimit");
	origin.given_hard = 524288;
	/* the line has it twice: it is told, not typed */
	origin.statements.soft.once = false;
	make();
	expect(of(ADVICE_PARENT), "/srv/run it.sh", "ulimit -n 128", "");
}

static void test_script_soft(void **state)
{
	(void)state;
	origin.kind = ORIGIN_SELF;
	origin.unit = NULL;
	diagnosis.leak = false;
	set_script("/srv/run.sh", "ulimit -Sn 64", 64);
	question.hard_limit = 4096;
	origin.statements.soft.hard = false;
	make();
	expect(of(ADVICE_PARENT), "/srv/run.sh", "ulimit -Sn 128",
	       "sed -i '3s/ulimit -Sn 64/ulimit -Sn 128/' /srv/run.sh\n");
	/* the hard limit stops it: both, by one statement or by two */
	question.hard_limit = 100;
	make();
	expect(of(ADVICE_PARENT), "/srv/run.sh", "ulimit -n 128",
	       "sed -i '3s/ulimit -Sn 64/ulimit -n 128/' /srv/run.sh\n");
	origin.statements.hard = origin.statements.soft;
	origin.statements.hard.line = 2;
	strcpy(origin.statements.hard.text, "ulimit -Hn 100");
	make();
	expect(of(ADVICE_PARENT), "/srv/run.sh", "ulimit -Sn 128\nulimit -Hn 128",
	       "sed -i '3s/ulimit -Sn 64/ulimit -Sn 128/' /srv/run.sh\n"
	       "sed -i '2s/ulimit -Hn 100/ulimit -Hn 128/' /srv/run.sh\n");
}

/* In a unit's file; beside the unit's own setting; in a container. */
static void test_script_places(void **state)
{
	(void)state;
	origin.kind = ORIGIN_SELF;
	diagnosis.leak = false;
	set_script("/etc/systemd/system/app.service", "ulimit -n 64", 64);
	origin.script_of_unit = true;
	origin.given_hard = 524288;
	make();
	expect(of(ADVICE_PARENT), origin.script, "ulimit -n 128",
	       "sed -i '3s/ulimit -n 64/ulimit -n 128/' "
	       "/etc/systemd/system/app.service\n"
	       "systemctl daemon-reload\nsystemctl restart app.service\n");
	origin.script = (char *)"/usr/lib/systemd/system/app.service";
	make();
	expect(of(ADVICE_PARENT), origin.script, "ulimit -n 128", "");
	/* a drop-in alone would have no effect */
	origin.script_of_unit = false;
	origin.script = (char *)"/srv/run.sh";
	origin.kind = ORIGIN_UNIT;
	origin.given_hard = 0;
	make();
	expect_order("systemd-drop-in parent prlimit");
	assert_non_null(strstr(of(ADVICE_PARENT)->text, "sets it as well"));
	/* the file is the container's */
	origin.kind = ORIGIN_PARENT;
	origin.unit = NULL;
	origin.inside = true;
	who.container_id = (char *)"0123456789ab";
	who.container_runtime = "docker";
	make();
	expect(of(ADVICE_PARENT), "/srv/run.sh", "ulimit -n 128",
	       "docker exec -i 0123456789ab sed -i "
	       "'3s/ulimit -n 64/ulimit -n 128/' /srv/run.sh\n");
	origin.claimed = true;
	make();
	expect(of(ADVICE_PARENT), NULL, NULL, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_values),
		TEST(test_of_the_peak),
		TEST(test_bandage),
		TEST(test_drop_in),
		TEST(test_order_of_files),
		TEST(test_units),
		TEST(test_user_units),
		TEST(test_logins),
		TEST(test_containers),
		TEST(test_programs),
		TEST(test_default),
		TEST(test_known_programs),
		TEST(test_programs_above),
		TEST(test_never_less),
		TEST(test_walls),
		TEST(test_leak),
		TEST(test_next_step_of_a_leak),
		TEST(test_root_that_lacks_resource),
		TEST(test_system),
		TEST(test_times),
		TEST(test_inside),
		cmocka_unit_test_setup_teardown(test_script, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_script_soft, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_script_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
