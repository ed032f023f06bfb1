// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: values, keys, rules, errors with their place, round trip. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/keys.h"
#include "config/pattern_syntax.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static int load(const char *text, const char *override, struct config **out,
		char *error)
{
	return config_load_text("t.conf", text, strlen(text), CONFIG_CHECK_PATHS,
				&override, override ? 1 : 0, out, error, 512);
}

static struct config *load_good(const char *text, const char *override)
{
	struct config *config;
	char error[512];

	if (load(text, override, &config, error) < 0)
		fail_msg("not loaded: %s", error);
	assert_string_equal(error, "");
	return config;
}

static char *print(const struct config *config)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_print(config, out);
	fclose(out);
	return text;
}

static void percents(void **state)
{
	static const struct {
		const char *text;
		int bp; /* -1: refused */
	} cases[] = {
		{"80%", 8000},
		{"82.5%", 8250},
		{"82.55%", 8255},
		{"100%", 10000},
		{"0.01%", 1},
		{"100.00%", 10000},
		{"5.05%", 505},
		{"0%", -1},
		{"0.00%", -1},
		{"100.01%", -1},
		{"101%", -1},
		{"82.555%", -1},
		{"80", -1},
		{"", -1},
		{"%", -1},
		{"80.%", -1},
		{".5%", -1},
		{"-1%", -1},
		{"+1%", -1},
		{" 1%", -1},
		{"80%%", -1},
		{"8e1%", -1},
		{"0x8%", -1},
		{"99999999999999999999%", -1},
		{"18446744073709551696%", -1}, /* 2^64 + 80 */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		uint32_t bp = 7;
		int err = config_parse_percent(cases[i].text, &bp);

		if (err != (cases[i].bp < 0 ? -EINVAL : 0) ||
		    bp != (cases[i].bp < 0 ? 7 : (uint32_t)cases[i].bp))
			fail_msg("'%s': %d, %u", cases[i].text, err, bp);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{"1s", 1000},
		{"250ms", 250},
		{"15m", 900000},
		{"1h", 3600000},
		{"1d", 86400000},
		{"1h30m", 5400000},
		{"1d2h3m4s5ms", 93784005},
		{"0", 0},
		{"0s", 0},
		{"90s", 90000},
		{"1", -1},
		{"", -1},
		{"s", -1},
		{"1x", -1},
		{"1h1h", -1},
		{"1s1m", -1},
		{"1ms1s", -1},
		{"1s ", -1},
		{" 1s", -1},
		{"1 s", -1},
		{"-1s", -1},
		{"1.5s", -1},
		{"1sm", -1},
		{"1h30", -1},
		{"1S", -1},
		{"18446744073709551616ms", -1},
		{"213503982334602d", -1},
		{"18446744073710ms", -1},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t ns = 7;
		int err = config_parse_duration(cases[i].text, &ns);

		if (err != (cases[i].ms < 0 ? -EINVAL : 0) ||
		    ns != (cases[i].ms < 0 ? 7 : (uint64_t)cases[i].ms * 1000000))
			fail_msg("'%s': %d, %ju", cases[i].text, err, (uintmax_t)ns);
	}
}

static void defaults(void **state)
{
	struct config *config = load_good("", NULL);

	(void)state;
	assert_int_equal(config->thresholds.warn_bp, 8000);
	assert_int_equal(config->thresholds.critical_bp, 9500);
	assert_int_equal(config->thresholds.hysteresis_bp, 500);
	assert_int_equal(config->thresholds.repeat_ns, 900000000000);
	assert_int_equal(config->thresholds.dwell_ns, 250000000);
	assert_int_equal(config->thresholds.min_limit, 16);
	assert_false(config->thresholds.ignore);
	assert_int_equal(config->interval_ns, 1000000000);
	assert_int_equal(config->stdout_on, CONFIG_AUTO);
	assert_int_equal(config->journal_on, CONFIG_AUTO);
	assert_null(config->file);
	assert_null(config->hook);
	assert_int_equal(config->rules_len, 0);
	config_free(config);
	config_free(NULL);
}

/* What the line reader makes of the text, seen in what is printed. */
static void accepted(void **state)
{
	static const struct {
		const char *text, *override, *line;
	} cases[] = {
		{"[thresholds]\nwarn = 70%\n", NULL, "\nwarn = 70%\n"},
		{"[thresholds]\nwarn=70%", NULL, "\nwarn = 70%\n"},
		{"[thresholds]\r\nwarn = 70%\r\n", NULL, "\nwarn = 70%\n"},
		{"\xef\xbb\xbf[thresholds]\nwarn = 70%\n", NULL, "\nwarn = 70%\n"},
		{"[ thresholds ] # c\n\twarn\t=\t70% ; why\n", NULL, "\nwarn = 70%\n"},
		{"[thresholds] ; c\nwarn: 70%\n", NULL, "\nwarn = 70%\n"},
		/* an indented line is one of its own */
		{"[thresholds]\nwarn = 70%\n   critical = 90%\n", NULL,
		 "\ncritical = 90%\n"},
		{"[thresholds]\n[output]\n[thresholds]\nwarn = 70%", NULL,
		 "\nwarn = 70%\n"},
		{"[thresholds]\nwarn = 70%\n", "thresholds.warn=60%", "\nwarn = 60%\n"},
		{"", " thresholds . warn = 60% ", "\nwarn = 60%\n"},
		{"[thresholds]\nrepeat = 0\n", NULL, "\nrepeat = 0\n"},
		{"[thresholds]\nrepeat = 90s\n", NULL, "\nrepeat = 1m30s\n"},
		{"[output]\nfile = /a b;c#d=e\n", NULL, "\nfile = /a b;c#d=e\n"},
		{"[output]\nfile = /a\n", "output.file=", "\nfile =\n"},
		{"[output]\nstdout = no\njournal = yes\n", NULL,
		 "\nstdout = no\njournal = yes\n"},
		{"[metrics]\nlisten =\n", NULL, "\nlisten =\n"},
		{"[metrics]\nlisten = [::1]:9\n", NULL, "\nlisten = [::1]:9\n"},
		{"[rule a]\nname = x\n", "rule a.name=y", "\n[rule a]\nname = y\n"},
		{"[rule a]\nname = abcdefghijklmno\n", NULL,
		 "\n[rule a]\nname = abcdefghijklmno\n"},
		{"[rule a]\nname = prometheus-node*r\n", NULL,
		 "\n[rule a]\nname = prometheus-node*r\n"},
		{"[rule a.b]\nname = x\n", "rule a.b.warn=50.5%",
		 "\n[rule a.b]\nname = x\nwarn = 50.5%\n"},
		{"", "rule new.user=root", "\n[rule new]\nuser = root\n"},
		{"[rule  a]\nignore = yes\nname = \xc3\xa9*\n", NULL,
		 "\n[rule a]\nname = \xc3\xa9*\nignore = yes\n"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct config *config;
		char error[512], *text;

		if (load(cases[i].text, cases[i].override, &config, error) < 0) {
			fail_msg("case %zu: %s", i, error);
			continue;
		}
		text = print(config);
		if (!strstr(text, cases[i].line))
			fail_msg("case %zu: in:\n%s", i, text);
		free(text);
		config_free(config);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *override, *error;
	} cases[] = {
		{"[thresholds]\nwran = 1%\n", NULL,
		 "t.conf:2: unknown key 'wran' in [thresholds]; allowed: warn, "
		 "critical, "
		 "hysteresis, dwell, repeat, min_limit"},
		{"[rule a]\nname=x\nwran = 1%\n", NULL,
		 "t.conf:3: unknown key 'wran' in [rule]; allowed: name, executable, "},
		{"", "thresholds.wran=1%",
		 "-o thresholds.wran=1%: unknown key 'wran' in [thresholds]; allowed: "
		 "warn"},
		{"", "thresholds.warn", "-o thresholds.warn: no '='; write "},
		{"", "warn=1%",
		 "-o warn=1%: unknown key 'warn' outside of any section; allowed: "
		 "sensor; did you mean thresholds.warn?"},
		{"[state]\npath = /run/x\n", NULL,
		 "t.conf:2: unknown key 'path' in [state]; allowed: file; did you mean "
		 "'file'?"},
		{"[socket]\nfile = /run/x\n", NULL,
		 "t.conf:2: unknown key 'file' in [socket]; allowed: path, group; did "
		 "you "
		 "mean 'path'?"},
		{"[trace]\nfile = /run/x\n", NULL,
		 "t.conf:2: unknown key 'file' in [trace]; allowed: auto, duration, "
		 "processes, memory_mb; did you mean output.file?"},
		{"", "warm=1%",
		 "-o warm=1%: unknown key 'warm' outside of any section; allowed: "
		 "sensor"},
		{"", "socket.paht=/x",
		 "-o socket.paht=/x: unknown key 'paht' in [socket]; allowed: path, "
		 "group; did you mean 'path'?"},
		{"", "socket.auto=yes",
		 "-o socket.auto=yes: unknown key 'auto' in [socket]; allowed: path, "
		 "group; did you mean trace.auto?"},
		{"", "rule.warn=1%",
		 "-o rule.warn=1%: unknown section [rule]; allowed: "},
		{"", "=", "-o =: unknown key '' outside"},
		{"", ".=", "-o .=: unknown section []"},
		{"warn = 1%\n", NULL,
		 "t.conf:1: unknown key 'warn' outside of any section; allowed: "
		 "sensor"},
		{"\n[zip]\n", NULL,
		 "t.conf:2: unknown section [zip]; allowed: [thresholds], [leak], "
		 "[snapshot], "
		 "[output], [log], [state], [incidents], [trace], [host], [metrics], "
		 "[socket], [rule "
		 "NAME]"},
		{"[Thresholds]\n", NULL, "t.conf:1: unknown section [Thresholds]; "},
		{"[rule]\n", NULL, "t.conf:1: unknown section [rule]; "},
		{"[]\n", NULL, "t.conf:1: unknown section []; "},
		{"[thresholds\n", NULL, "t.conf:1: a section without ']'; "},
		{"[thresholds] warn = 1%\n", NULL,
		 "t.conf:1: text behind a section's ']'; "},
		{"[thresholds]\nwarn\n", NULL,
		 "t.conf:2: neither a section nor a key; "},
		/* the first of two mistakes */
		{"[thresholds]\nwarn\nwran = 1%\n", NULL, "t.conf:2: neither"},
		{"[thresholds]\nwran = 1%\nwarn\n", NULL, "t.conf:2: unknown key"},
		{"[thresholds]\nwarn = 80\n", NULL,
		 "t.conf:2: bad value '80' of warn; allowed: a share above 0% up to "
		 "100%, "},
		{"[thresholds]\nwarn =\n", NULL, "t.conf:2: bad value '' of warn; "},
		{"[thresholds]\nwarn = 80% # no\n", NULL,
		 "t.conf:2: bad value '80% # no'"},
		{"[thresholds]\nwarn = 70%\n[output]\n[thresholds]\nwarn = 70%\n", NULL,
		 "t.conf:5: 'warn' is set in line 2 already; "},
		{"[thresholds]\nrepeat = 366d\n", NULL,
		 "t.conf:2: bad value '366d' of repeat; allowed: a time from 0 to "
		 "365d"},
		{"[thresholds]\nmin_limit = -1\n", NULL,
		 "t.conf:2: bad value '-1' of min_limit; allowed: a number from 0 to "},
		{"[leak]\nwindows = 3\n", NULL,
		 "t.conf:2: bad value '3' of windows; allowed: a number from 4 to 12"},
		{"[rule r]\nname = x\nleak = auto\n", NULL,
		 "t.conf:3: bad value 'auto' of leak; allowed: no, yes"},
		{"[snapshot]\ninterval = 99ms\n", NULL,
		 "t.conf:2: bad value '99ms' of interval; allowed: a time from 100ms "
		 "to 1h"},
		{"[snapshot]\ninterval = 1h1ms\n", NULL, "t.conf:2: bad value '1h1ms'"},
		{"[output]\nstdout = true\n", NULL,
		 "t.conf:2: bad value 'true' of stdout; allowed: no, yes, auto"},
		{"[output]\nfile = log\n", NULL,
		 "t.conf:2: bad value 'log' of file; allowed: an absolute path"},
		{"[output]\nfile = /var/log/\n", NULL,
		 "t.conf:2: bad value '/var/log/'"},
		{"[output]\nhook = ./x\n", NULL, "t.conf:2: bad value './x' of hook; "},
		{"[metrics]\nlisten = localhost:9834\n", NULL,
		 "t.conf:2: bad value 'localhost:9834' of listen; allowed: "
		 "ADDRESS:PORT "
		 "with a number"},
		{"\n[output]\nhook = /etc\n", NULL,
		 "t.conf:3: hook /etc is a directory"},
		{"[output]\nhook = /etc/passwd\n", NULL,
		 "t.conf:2: hook /etc/passwd is no program; make it one that may be "
		 "executed"},
		{"[output]\nhook = /dev/null\n", NULL,
		 "t.conf:2: hook /dev/null is a device; name a program"},
		{"[output]\nfile = /etc\n", NULL,
		 "t.conf:2: file /etc is a directory; "},
		{"[state]\nfile = /etc\n", NULL,
		 "t.conf:2: state.file /etc is a directory; "},
		{"[state]\nfile = /dev/null\n", NULL,
		 "t.conf:2: state.file /dev/null is a device; name a file, which is "
		 "made where there is none, or nothing to keep no state"},
		{"", "socket.path=/etc",
		 "-o socket.path=/etc: socket.path /etc is a directory; "},
		{"[rule a]\nname = x\nuser = -1\n", NULL,
		 "t.conf:3: in rule 'a': -1 is no user's number"},
		{"[rule a]\nuser = 4294967295\n", NULL, "t.conf:2: in rule 'a': "},
		{"[rule a]\nuser = +0\n", NULL,
		 "t.conf:2: in rule 'a': +0 is no user's number; allowed: 0 to "
		 "4294967294, without a sign or zeros before it"},
		{"[rule a]\nuser = 0x0\n", NULL, "t.conf:2: in rule 'a': 0x0 is no "},
		{"[rule a]\nuser = root, 12,007\n", NULL,
		 "t.conf:2: in rule 'a': 007 is no "},
		{"[rule a]\nname = nginx, prometheus-node-exporter\n", NULL,
		 "t.conf:2: in rule 'a': no process has so long a name; write its "
		 "first 15 bytes: prometheus-node"},
		{"[rule a]\nname = x, [z-a], y\n", NULL,
		 "t.conf:2: in rule 'a': the pattern of name has a range "},
		{"[rule a]\nname = x\nuser = a,\n", NULL,
		 "t.conf:3: in rule 'a': nothing before or behind a comma of user; "},
		{"[rule a]\nname = a, ,b\n", NULL, "t.conf:2: in rule 'a': nothing "},
		{"[rule a]\nname = ,\n", NULL, "t.conf:2: in rule 'a': nothing "},
		{"", "rule a.pod=,a", "-o rule a.pod=,a: in rule 'a': nothing "},
		{"[rule a]\nexecutable = /opt/a,b\n", NULL,
		 "t.conf:2: in rule 'a': b of executable does not begin as a path; "},
		{"[rule a]\nservice = nginx.socket\n", NULL,
		 "t.conf:2: in rule 'a': no process is in a unit nginx.socket; "},
		{"[rule a]\nservice = user@1.service/x\n", NULL,
		 "t.conf:2: in rule 'a': no process is in a unit user@1.service/x; "},
		{"[rule a]\nuser = 007\n", NULL, "t.conf:2: in rule 'a': 007 is no "},
		{"[rule a]\nuser = 99999999999999999999\n", NULL,
		 "t.conf:2: in rule 'a': 99999999999999999999 is no "},
		{"[rule a]\nname = x[a-\n", NULL,
		 "t.conf:2: in rule 'a': the pattern of name has a '[' without its "
		 "']'; "},
		{"[rule a]\nname = x[z-a]\n", NULL,
		 "t.conf:2: in rule 'a': the pattern of name has a range in '[…]' "
		 "that goes backwards; "},
		{"[rule a]\nuser = [[:alpha:]\n", NULL,
		 "t.conf:2: in rule 'a': the pattern of user has a '[' without its "},
		{"[rule a]\nuser = [[:alfa:]]\n", NULL,
		 "t.conf:2: in rule 'a': the pattern of user has a '[:' in '[…]' that "
		 "begins no class; "},
		{"[rule a]\ncommand_line = []\n", NULL, "t.conf:2: in rule 'a': "},
		{"[rule a]\nservice = x\\\n", NULL, "t.conf:2: in rule 'a': "},
		{"[socket]\npath = "
		 "/run/0123456789012345678901234567890123456789012345678901234567890123"
		 "4567890123456789012345678901234567890123\n",
		 NULL, "t.conf:2: socket.path is 109 bytes long"},
		{"[metrics]\nlisten = :1\n", NULL,
		 "t.conf:2: bad value ':1' of listen; "},
		{"[metrics]\nlisten = a:0\n", NULL, "t.conf:2: bad value"},
		{"[metrics]\nlisten = ::1:9\n", NULL, "t.conf:2: bad value"},
		{"[metrics]\nlisten = [::1]:65536\n", NULL, "t.conf:2: bad value"},
		{"[socket]\npath = run/x\n", NULL,
		 "t.conf:2: bad value 'run/x' of path; "},
		{"[socket]\ngroup = a b\n", NULL,
		 "t.conf:2: bad value 'a b' of group; "},
		{"[socket]\ngroup = 4294967295\n", NULL,
		 "t.conf:2: bad value '4294967295' of group; allowed: the name or "},
		{"[socket]\ngroup = +0\n", NULL, "t.conf:2: bad value '+0' of group; "},
		{"[thresholds]\ncritical = 80%\n", NULL,
		 "t.conf:2: warn (80%) is not below critical (80%); "},
		{"[thresholds]\nwarn = 90%\n\ncritical = 85%\n", NULL,
		 "t.conf:4: warn (90%) is not below critical (85%); "},
		{"[thresholds]\nwarn = 50%\n", "thresholds.critical=50%",
		 "-o thresholds.critical=50%: warn (50%) is not below"},
		{"[thresholds]\nhysteresis = 80%\n", NULL,
		 "t.conf:2: hysteresis (80%) is not below warn (80%); "},
		{"[rule a]\nwarn = 50%\n", NULL, "t.conf:1: rule 'a' has no matcher; "},
		{"[rule a]\nname =\n", NULL, "t.conf:1: rule 'a' has no matcher; "},
		{"\n[rule a]\n", NULL, "t.conf:2: rule 'a' has no matcher; "},
		{"[rule a]\nignore = yes\nname = prometheus-node-exporter\n", NULL,
		 "t.conf:3: in rule 'a': no process has so long a name; write its "
		 "first 15 "
		 "bytes: prometheus-node"},
		{"[rule a]\nname = x\n", "rule a.name=abcdefghijklmnop",
		 "-o rule a.name=abcdefghijklmnop: in rule 'a': no process has so "
		 "long "},
		{"[rule a]\nname = x\n[rule a]\n", NULL,
		 "t.conf:3: there is a rule 'a' already, in line 1; "},
		{"[rule a]\nname = x\nwarn = 96%\n", NULL,
		 "t.conf:3: in rule 'a': warn (96%) is not below critical (95%); "},
		{"[rule a]\nname = x\nwarn = 5%\n", NULL,
		 "t.conf:3: in rule 'a': hysteresis (5%) is not below warn (5%); "},
		{"[rule a]\nname = x\nignore = auto\n", NULL,
		 "t.conf:3: bad value 'auto' of ignore; allowed: yes, no"},
		{"[rule a b]\n", NULL, "t.conf:1: 'a b' cannot be a rule's name; "},
		{"[rule a\x1b[2J]\n", NULL, "t.conf:1: a control character (0x1b); "},
		{"[output]\nfile = /\xc2\x9b\n", NULL,
		 "t.conf:2: a control character (0x9b)"},
		{"", "output.file=/a\nb",
		 "-o output.file=/a\\x0ab: a control character"},
		{"", "output.file=/a ;b",
		 "-o output.file=/a ;b: a value cannot have a word"},
		{"[output]\nfile =;\n", NULL, "t.conf:2: a value cannot have a word"},
		{"[\xff]\n", NULL, "t.conf:1: unknown section [\\xff]; "},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct config *config = (void *)1;
		char error[512];
		int err = load(cases[i].text, cases[i].override, &config, error);

		if (err != -EINVAL || config)
			fail_msg("case %zu: %d for: %s", i, err, cases[i].text);
		if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("case %zu: '%s', not '%s'", i, error, cases[i].error);
		assert_null(strchr(error, '\n'));
	}
}

/* Whether any text of at most four of these characters matches. */
static bool matches_something(const char *pattern)
{
	static const char some[] = "[]!-:\\azm";
	char text[5];

	for (size_t n = 0; n < 10000; n++) {
		size_t rest = n, len = 0;

		for (; rest; rest /= 10)
			if (rest % 10)
				text[len++] = some[rest % 10 - 1];
		text[len] = '\0';
		if (fnmatch(pattern, text, 0) == 0)
			return true;
	}
	return false;
}

/* All patterns of up to four of these characters: what is let through can match, as
 * fnmatch() sees it. What is refused and could, is what is only a literal by mistake. */
static void patterns(void **state)
{
	static const char some[] = "[]!-:\\az";
	static const char *const good[] = {
		"[[:digit:]]",  "[a-z]", "[z-]",           "[]-a]", "[!]a]", "[\\]a]",
		"a[b][c]",      "[[]",   "x[[:alpha:]_]*", "[--0]", "\\[",   "[[a]",
		"[^[:space:]]", "[!-]",  "\xc3\xa4*",      "[a/]"};
	static const char *const bad[] = {"[",
					  "[]",
					  "[!]",
					  "[z-a]",
					  "a\\",
					  "[[:alpha:]",
					  "[[:x:]]",
					  "[[.a.]]",
					  "[[=a=]]",
					  "[a-[:digit:]]",
					  "[[:digit:]-z]",
					  "[[:",
					  "[\\",
					  "[a\\]",
					  "[\xc3\xa4]",
					  "[a-",
					  "[a-\\",
					  "[[::]]",
					  "[[:alpha:]]]["};
	char pattern[5];

	(void)state;
	for (size_t n = 0; n < 8 * 8 * 8 * 8; n++) {
		for (size_t i = 0; i < 4; i++)
			pattern[i] = some[n >> (3 * i) & 7];
		pattern[4] = '\0';
		for (size_t from = 0; from < 4; from++)
			if (!pattern_syntax_fault(pattern + from) &&
			    !matches_something(pattern + from))
				fail_msg("'%s' can't match", pattern + from);
	}
	for (size_t i = 0; i < LEN(good); i++)
		if (pattern_syntax_fault(good[i]))
			fail_msg("'%s': %s", good[i], pattern_syntax_fault(good[i]));
	for (size_t i = 0; i < LEN(bad); i++)
		if (!pattern_syntax_fault(bad[i]))
			fail_msg("'%s' is let through", bad[i]);
}

/* ---- what lies at a path ---- */

/* A hook with `bytes` in it; what the loader or the doubts say of it, "" if nothing. */
static void say_of_hook(const char *directory, const char *bytes, size_t len, char *why)
{
	char path[64], override[80];
	struct config *config;
	int fd;

	*why = '\0';
	snprintf(path, sizeof(path), "%s/hook", directory);
	snprintf(override, sizeof(override), "output.hook=%s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	assert_int_equal(load("", override, &config, why), 0);
	if (!config_doubts_hook(config, why, 512))
		*why = '\0';
	config_free(config);
	unlink(path);
}

static void hooks(void **state)
{
	char directory[] = "/tmp/fdwarden-test-XXXXXX", why[512], long_line[400];

	(void)state;
	assert_non_null(mkdtemp(directory));
	say_of_hook(directory, "#!/bin/sh\n", 10, why);
	assert_string_equal(why, "");
	say_of_hook(directory, "#!  /bin/sh -e", 14, why);
	assert_string_equal(why, "");
	say_of_hook(directory, "\177ELF", 4, why);
	assert_string_equal(why, "");
	say_of_hook(directory, "", 0, why);
	assert_non_null(strstr(why, "begins neither with '#!' nor as an ELF program"));
	say_of_hook(directory, "MZ garbage", 10, why);
	assert_non_null(strstr(why, "binfmt_misc"));
	say_of_hook(directory, "#!/nowhere/sh\n", 14, why);
	assert_non_null(strstr(why, "its interpreter /nowhere/sh is not there"));
	/* cut by the kernel, relative: it is not for us to say */
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "#!/", 3);
	say_of_hook(directory, long_line, sizeof(long_line), why);
	assert_string_equal(why, "");
	say_of_hook(directory, "#!sh\n", 5, why);
	assert_string_equal(why, "");
	rmdir(directory);
}

/* What a client asks with is not refused for what lies at a path. */
static void paths(void **state)
{
	char directory[] = "/tmp/fdwarden-test-XXXXXX", path[64], override[120],
	     error[512];
	const char *overrides[] = {override};
	struct config *config;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0700), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const keys[] = {"output.file", "output.hook",
						   "state.file"};

		snprintf(override, sizeof(override), "%s=%s", keys[i], path);
		assert_int_equal(load("", override, &config, error), -EINVAL);
		assert_non_null(strstr(error, "is a FIFO; name a "));
		assert_int_equal(config_load_text("t.conf", "", 0, 0, overrides, 1,
						  &config, error, sizeof(error)),
				 0);
		config_free(config);
	}
	/* what opens it says so, and goes on without */
	snprintf(override, sizeof(override), "socket.path=%s", path);
	config_free(load_good("", override));
	unlink(path);
	for (int i = 0; i < 2; i++) {
		static const char *const keys[] = {"output.file", "state.file"};

		snprintf(override, sizeof(override), "%s=%s/no/such", keys[i], path);
		config_free(load_good("", override));
	}
	config_free(load_good("[output]\nfile = /dev/null\n", NULL));
	rmdir(directory);
}

/* What an earlier release took, and monitoring can do without, keeps no daemon from starting.
 * Each is an error where nothing is forgiven. */
static void forgiven(void **state)
{
	static const char *const cases[] = {
		"[rule a]\nname = nginx,\n",
		"[rule a]\nservice = nginx.socket\n",
		"[rule a]\nname = x[z-a]\n",
		"[rule a]\nname = x[[:alpha:], y\n",
		"[rule a]\nuser = 0x0\n",
		"[rule a]\nname = prometheus-node-exporter\n",
		"[rule a]\nexecutable = /opt/a,b\n",
		"[socket]\ngroup = 4294967295\n",
		"[socket]\ngroup = +0\n",
		"[socket]\npath = /etc\n",
		"[output]\nfile = /etc\n",
		"[state]\nfile = /dev/null\n",
	};
	struct config *config;
	char error[512], line[512];

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_int_equal(load(cases[i], NULL, &config, line), -EINVAL);
		if (config_load_text("t.conf", cases[i], strlen(cases[i]),
				     CONFIG_CHECK_PATHS | CONFIG_FORGIVE, NULL, 0,
				     &config, error, sizeof(error)) < 0)
			fail_msg("'%s' is refused: %s", cases[i], error);
		assert_string_equal(error, "");
		assert_int_equal(config->doubts_len, 1);
		assert_string_equal(config->doubts[0], line);
		/* nothing is replaced, and the socket is for no more than before */
		if (strstr(cases[i], "/dev/null"))
			assert_null(config->state_file);
		if (strstr(cases[i], "group"))
			assert_null(config->socket_group);
		config_free(config);
	}
	/* with what the kernel can't do without nothing is forgiven */
	assert_int_equal(config_load_text("t.conf", "[rule a]\n", 9, CONFIG_FORGIVE,
					  NULL, 0, &config, error, sizeof(error)),
			 -EINVAL);
}

/* More doubts than are kept are counted. */
static void many_doubts(void **state)
{
	struct config *config;
	char text[512] = "[rule a]\nname = x", error[512];

	(void)state;
	for (int i = 0; i < CONFIG_DOUBTS_MAX + 3; i++)
		strcat(text, ",");
	assert_int_equal(config_load_text("t.conf", text, strlen(text), CONFIG_FORGIVE,
					  NULL, 0, &config, error, sizeof(error)),
			 0);
	assert_int_equal(config->doubts_len, CONFIG_DOUBTS_MAX + 3);
	assert_non_null(config->doubts[CONFIG_DOUBTS_MAX - 1]);
	config_free(config);
}

/* Lengths, one on each side of their bounds. */
static void bounds(void **state)
{
	char text[2 * CONFIG_VALUE_MAX], name[64], error[512];
	struct config *config;

	(void)state;
	memset(name, 'n', sizeof(name));
	for (int len = CONFIG_RULE_NAME_MAX; len <= CONFIG_RULE_NAME_MAX + 10; len++) {
		snprintf(text, sizeof(text), "[rule %.*s]\nname = x\n", len, name);
		assert_int_equal(load(text, NULL, &config, error),
				 len == CONFIG_RULE_NAME_MAX ? 0 : -EINVAL);
		config_free(config);
	}
	for (int len = CONFIG_VALUE_MAX; len <= CONFIG_VALUE_MAX + 1; len++) {
		memset(text, 'v', sizeof(text));
		memcpy(text, "output.file=/", 13);
		text[strlen("output.file=") + (size_t)len] = 0;
		assert_int_equal(load("", text, &config, error),
				 len == CONFIG_VALUE_MAX ? 0 : -EINVAL);
		config_free(config);
	}
	/* a line may be long, blanks and comments in it */
	memset(text, ' ', sizeof(text));
	memcpy(text, "#", 1);
	text[sizeof(text) - 1] = 0;
	config_free(load_good(text, NULL));
	memcpy(text, "[output]\nhook =", 15);
	memcpy(text + 500, "/x", 2);
	config = load_good(text, NULL);
	assert_string_equal(config->hook, "/x");
	config_free(config);
	/* an error that does not fit is cut, not overrun */
	memset(error, '#', sizeof(error));
	assert_int_equal(
		config_load_text("t.conf", "x", 1, 0, NULL, 0, &config, error, 10),
		-EINVAL);
	assert_string_equal(error, "t.conf:1:");
	assert_int_equal(error[10], '#');
	/* a NUL byte does not end the check */
	assert_int_equal(config_load_text("t.conf", "#\0\nzip", 6, 0, NULL, 0, &config,
					  error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "t.conf:1: a control character (0x00)"));
}

static void round_trip(void **state)
{
	static const char text[] =
		"[thresholds]\nwarn = 61.25%\ncritical = 90.5%\nhysteresis = 0.01%\n"
		"repeat = 1d1ms\nmin_limit = 0\n[leak]\nenabled = no\nwindows = 12\n"
		"window = 1m\nhorizon = 7d\n[snapshot]\ninterval = 2500ms\n"
		"[output]\nstdout = yes\njournal = no\nfile = /var/log/x y.json\n"
		"hook = /usr/bin/true\n"
		"[rule one]\nname = a*\nexecutable = /usr/*/[ab]\nservice = x.service\n"
		"user = 33\ncgroup = /system.slice/*\ncommand_line = *sh -c *\n"
		"container = 0123*\nruntime = docker\npod = 0e51*\n"
		"warn = 10%\ncritical = 20.02%\n"
		"[rule two]\nuser = root, 33 ,a\\,b\nservice = nginx\nignore = yes\n"
		"leak = yes\n[rule three]\nname "
		"= ?\n";
	struct config *first = load_good(text, NULL), *second;
	char *once = print(first), *twice;

	(void)state;
	second = load_good(once, NULL);
	twice = print(second);
	assert_string_equal(once, twice);
	assert_int_equal(second->rules_len, 3);
	assert_int_equal(second->thresholds.warn_bp, 6125);
	assert_false(second->thresholds.leak);
	assert_int_equal(second->leak_windows, 12);
	assert_int_equal(second->leak_window_ns, 60000000000);
	assert_int_equal(second->leak_horizon_ns, 7 * 86400000000000);
	assert_true(second->rules[1].has_leak);
	assert_int_equal(second->rules[1].leak, CONFIG_YES);
	assert_false(second->rules[0].has_leak);
	assert_int_equal(second->thresholds.repeat_ns, 86400001000000);
	assert_int_equal(second->interval_ns, 2500000000);
	assert_string_equal(second->file, "/var/log/x y.json");
	assert_string_equal(second->hook, "/usr/bin/true");
	assert_int_equal(second->rules[0].critical_bp, 2002);
	assert_string_equal(second->rules[0].match_executable, "/usr/*/[ab]");
	assert_string_equal(second->rules[0].match_command_line, "*sh -c *");
	assert_string_equal(second->rules[0].match_container, "0123*");
	assert_string_equal(second->rules[0].match_runtime, "docker");
	assert_string_equal(second->rules[0].match_pod, "0e51*");
	assert_true(second->rules[1].ignore);
	assert_string_equal(second->rules[1].match_user, "root, 33 ,a\\,b");
	assert_string_equal(second->rules[1].match_service, "nginx");
	assert_false(second->rules[2].has_warn);
	free(once);
	free(twice);
	config_free(first);
	config_free(second);
}

/* Each rule has one matcher more than the one that matches, and that one alone. */
static void rules_by_place(void **state)
{
	static const char text[] = "[rule c]\ncontainer = 0123*\nruntime = lxc\n"
				   "[rule r]\nruntime = dock*\nwarn = 20%\n"
				   "[rule p]\npod = 0e51*\nwarn = 30%\n"
				   "[rule l]\ncommand_line = * -jar *app*\nwarn = 40%\n"
				   "[rule d]\ncontainer = 0123*\nwarn = 50%\n";
	static const struct {
		struct identity who;
		uint32_t warn;
	} cases[] = {
		{{.container_id = (char *)"0123", .container_runtime = "docker"}, 2000},
		{{.container_id = (char *)"0123", .pod_uid = (char *)"0e51-1"}, 3000},
		{{.command_line = (char *)"java -jar /opt/app.jar x"}, 4000},
		{{.container_id = (char *)"01234"}, 5000},
		{{.container_id = (char *)"x", .container_runtime = "podman"}, 8000},
		{{.comm = "x"}, 8000}, /* what is not known matches nothing */
	};
	struct config *config = load_good(text, NULL);

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct policy_settings set;

		config_settings_for(config, &cases[i].who, NULL, &set);
		assert_int_equal(set.warn_bp, cases[i].warn);
	}
	config_free(config);
}

static void rules(void **state)
{
	static const char text[] =
		"[rule both]\nname = nginx*\nuser = www-*\nwarn = 10%\n"
		"[rule number]\nuser = 100?\nwarn = 11%\ncritical = 12%\n"
		"[rule exe]\nexecutable = /opt/*/bin\ncritical = 81%\n"
		"[rule unit]\nservice = db@*.service\nignore = yes\n"
		"[rule group]\ncgroup = /kube*/pod-?\nwarn = 13%\n"
		"[rule any]\nname = *\nwarn = 14%\n";
	static const struct {
		const char *user;
		struct identity who;
		uint32_t warn, critical;
		bool ignore;
	} cases[] = {
		{"www-data", {.comm = "nginx", .uid = 33}, 1000, 9500, false},
		{"root", {.comm = "nginx"}, 1400, 9500, false}, /* one of two only */
		{NULL, {.comm = "nginx", .uid = 33}, 1400, 9500, false},
		{NULL, {.comm = "x", .uid = 1004}, 1100, 1200, false},
		{NULL, {.comm = "x", .uid = 10044}, 1400, 9500, false},
		/* '*' goes over '/' */
		{NULL,
		 {.comm = "x", .executable = (char *)"/opt/a/b/bin"},
		 8000,
		 8100,
		 false},
		{NULL,
		 {.comm = "x", .service = (char *)"db@1.service"},
		 8000,
		 9500,
		 true},
		{NULL,
		 {.comm = "x", .cgroup = (char *)"/kube/a/pod-1"},
		 1300,
		 9500,
		 false},
		/* the first rule that matches, not the last */
		{"www-a",
		 {.comm = "nginx1", .service = (char *)"db@1.service"},
		 1000,
		 9500,
		 false},
		/* bytes that are no text in any encoding */
		{NULL, {.comm = "\xff\xfe\x80"}, 1400, 9500, false},
	};
	struct config *config = load_good(text, NULL);
	uint32_t steps[FDW_MAX_STEPS];
	static const uint32_t expected[] = {1000, 1100, 1200, 1300,
					    1400, 8000, 8100, 9500};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct policy_settings set;

		config_settings_for(config, &cases[i].who, cases[i].user, &set);
		if (set.warn_bp != cases[i].warn ||
		    set.critical_bp != cases[i].critical ||
		    set.ignore != cases[i].ignore)
			fail_msg("case %zu: %u %u %d", i, set.warn_bp, set.critical_bp,
				 set.ignore);
		assert_int_equal(set.hysteresis_bp, 500);
		assert_int_equal(set.min_limit, 16);
	}
	assert_int_equal(config_steps(config, steps), LEN(expected));
	assert_memory_equal(steps, expected, sizeof(expected));
	config_free(config);
}

static bool is_ignored(const char *rule, const struct identity *who, const char *user)
{
	struct policy_settings set;
	struct config *config;
	char text[256];

	snprintf(text, sizeof(text), "[rule a]\n%s\nignore = yes\n", rule);
	config = load_good(text, NULL);
	config_settings_for(config, who, user, &set);
	config_free(config);
	return set.ignore;
}

/* One pattern of a list is enough. */
static void lists(void **state)
{
	static const struct {
		const char *rule;
		bool ignore;
	} cases[] = {
		{"name = nginx, php-fpm*", true},
		{"name = php-fpm* ,\tnginx", true},
		{"name = a,b", false},
		{"name = php-fpm7.4,nginx", true},
		{"name = php[,-]fpm7.4", true},
		{"name = a\\,b, php*", true},
		{"name = php[],]fpm7.4,x", false},
		{"name = x[],a], php-fpm7?4", true},
		{"name = nginx, php-fpm*\nuser = root, 33", true},
		{"name = nginx, php-fpm*\nuser = root, 0", false},
		{"user = www-data,root", true},
		{"user = ro*, 3?", true},
		{"executable = /bin/x, /usr/sbin/php*", true},
		{"executable = /opt/a\\,b, /opt/c", false},
		{"cgroup = /a/*, /system.slice/*", true},
		{"container = 77*, 0123*", true},
		{"container = 77*, 1*", false},
		{"runtime = podman, docker", true},
		{"pod = x, 0e51*", true},
		{"service = nginx, php7.4-fpm", true},
		{"service = php7.4-fpm", true},
		{"service = php7.4-fpm.scope", false},
		{"service = php*, nginx", true},
		{"service = nginx, php", false},
		{"service = */php7.4-fpm.service", false},
		/* arguments have commas of their own */
		{"command_line = *-cp a.jar,b.jar*", true},
		{"command_line = x, *", false},
	};
	const struct identity who = {
		.comm = "php-fpm7.4",
		.uid = 33,
		.executable = (char *)"/usr/sbin/php-fpm7.4",
		.command_line = (char *)"php -cp a.jar,b.jar x",
		.cgroup = (char *)"/system.slice/php7.4-fpm.service",
		.service = (char *)"php7.4-fpm.service",
		.container_id = (char *)"0123",
		.container_runtime = "docker",
		.pod_uid = (char *)"0e51-1",
	};
	const struct identity commas = {.comm = "a,b",
					.executable = (char *)"/opt/a,b"};
	const struct identity placed = {
		.comm = "x",
		.service = (char *)"user@1000.service/app.slice/nginx.service"};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		if (is_ignored(cases[i].rule, &who, "www-data") != cases[i].ignore)
			fail_msg("'%s': %d", cases[i].rule, !cases[i].ignore);
	assert_true(is_ignored("name = x, a\\,b", &commas, NULL));
	assert_true(is_ignored("executable = /opt/a\\,b, /opt/c", &commas, NULL));
	assert_false(is_ignored("name = a, b", &commas, NULL));
	/* a user's own unit is not the host's */
	assert_false(is_ignored("service = nginx", &placed, NULL));
	assert_false(is_ignored("service = x*, ngi*", &placed, NULL));
	assert_true(is_ignored("service = nginx, */nginx.service", &placed, NULL));
}

/* A rule about the host's service, container or pod is not about what a process has made
 * look like it: test_identity has the paths. */
static void rules_are_not_spoofed(void **state)
{
	static const struct {
		const char *rule, *cgroup;
		bool ignore;
	} cases[] = {
#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define USER   "/user.slice/user-1000.slice/user@1000.service"
		{"service = sshd.service", "/system.slice/sshd.service", true},
		{"service = sshd.service", USER "/sshd.service", false},
		{"service = *sshd.service", USER "/app.slice/sshd.service", false},
		{"service = *", USER "/app.slice/sshd.service", false},
		{"service = *", "/system.slice/sshd.service", true},
		{"service = */sshd.service", USER "/app.slice/sshd.service", true},
		{"service = user@1000.service/*", USER "/app.slice/a.service", true},
		{"service = sshd.service", "/docker/" DIGITS "/sshd.service", false},
		{"container = 0123*", "/docker/" DIGITS, true},
		{"container = 0123*", USER "/docker-" DIGITS ".scope", false},
		{"container = user@1000.service/0123*", USER "/docker-" DIGITS ".scope",
		 true},
		{"runtime = docker", USER "/docker-" DIGITS ".scope", false},
		{"runtime = */docker", USER "/docker-" DIGITS ".scope", true},
		{"pod = *", USER "/kubepods/pod0e51c6f5-1111-2222-3333-444444444444",
		 false},
		{"pod = *", "/kubepods/pod0e51c6f5-1111-2222-3333-444444444444", true},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct identity who = {.comm = "x"};
		struct policy_settings set;
		struct config *config;
		char text[256];

		snprintf(text, sizeof(text), "[rule r]\n%s\nignore = yes\n",
			 cases[i].rule);
		config = load_good(text, NULL);
		assert_int_equal(identity_set_cgroup(&who, cases[i].cgroup), 0);
		config_settings_for(config, &who, NULL, &set);
		if (set.ignore != cases[i].ignore)
			fail_msg("'%s' and %s", cases[i].rule, cases[i].cgroup);
		identity_clear(&who);
		config_free(config);
	}
}

/* `levels` rules, each with a warning level of its own; two are the defaults. */
static void levels_text(char *text, size_t size, int levels, const char *more)
{
	size_t len = 0;

	for (int i = 0; i < levels; i++)
		len += (size_t)snprintf(text + len, size - len,
					"[rule r%d]\nname = r%d\nwarn = %d%%\n%s", i, i,
					60 - i, more);
}

static void levels(void **state)
{
	uint32_t steps[FDW_MAX_STEPS];
	struct config *config;
	char text[4096], error[512];

	(void)state;
	levels_text(text, sizeof(text), FDW_MAX_STEPS - 2, "");
	config = load_good(text, NULL);
	assert_int_equal(config_steps(config, steps), FDW_MAX_STEPS);
	for (size_t i = 1; i < FDW_MAX_STEPS; i++)
		assert_true(steps[i - 1] < steps[i]);
	config_free(config);
	levels_text(text, sizeof(text), FDW_MAX_STEPS - 1, "");
	assert_int_equal(load(text, NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "more than 16 different levels"));
	/* one too many, found last and above all others */
	levels_text(text, sizeof(text), FDW_MAX_STEPS - 2, "");
	strcat(text, "[rule top]\nname = top\ncritical = 99%\n");
	assert_int_equal(load(text, NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "more than 16 different levels"));
	/* what is ignored has no level */
	levels_text(text, sizeof(text), FDW_MAX_STEPS - 1, "ignore = yes\n");
	config = load_good(text, NULL);
	assert_int_equal(config_steps(config, steps), 2);
	config_free(config);
}

static void many_rules(void **state)
{
	char *text = malloc(64 * (CONFIG_RULES_MAX + 1)), error[512];
	struct config *config;
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < CONFIG_RULES_MAX; i++)
		len += (size_t)sprintf(text + len, "[rule %d]\nname = %d\n", i, i);
	config = load_good(text, NULL);
	assert_int_equal(config->rules_len, CONFIG_RULES_MAX);
	config_free(config);
	sprintf(text + len, "[rule more]\nname = x\n");
	assert_int_equal(load(text, NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "t.conf:2049: too many rules"));
	free(text);
}

static void files(void **state)
{
	char path[] = "/tmp/fdwarden-test-XXXXXX", error[512];
	struct config *config;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[thresholds]\nwarn = 7%\n", 23), 23);
	assert_int_equal(config_load(path, CONFIG_MUST_EXIST, NULL, 0, &config, error,
				     sizeof(error)),
			 0);
	assert_int_equal(config->thresholds.warn_bp, 700);
	config_free(config);
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	assert_int_equal(config_load(path, CONFIG_MUST_EXIST, NULL, 0, &config, error,
				     sizeof(error)),
			 -EFBIG);
	assert_non_null(strstr(error, "too large for a configuration"));
	assert_null(config);
	close(fd);
	unlink(path);
	assert_int_equal(config_load(path, CONFIG_MUST_EXIST, NULL, 0, &config, error,
				     sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, path));
	assert_int_equal(config_load(path, 0, NULL, 0, &config, error, sizeof(error)),
			 0);
	config_free(config);
	assert_int_equal(config_load("/", 0, NULL, 0, &config, error, sizeof(error)),
			 -EISDIR);
	/* nobody may ever write into it */
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(10);
	assert_int_equal(config_load(path, CONFIG_MUST_EXIST, NULL, 0, &config, error,
				     sizeof(error)),
			 -ESPIPE);
	alarm(0);
	assert_non_null(strstr(error, "it is a FIFO"));
	unlink(path);
}

static void put(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int load_from(const char *directory, unsigned int flags, struct config **config,
		     char error[512])
{
	char path[256];

	snprintf(path, sizeof(path), "%s/fdwarden.conf", directory);
	return config_load(path, flags, NULL, 0, config, error, 512);
}

/* conf.d beside the file: in the order of names, each over what was before it. */
static void parts(void **state)
{
	char top[] = "/tmp/fdwarden-test-XXXXXX", more[64], error[512];
	struct policy_settings set;
	struct identity who = {.comm = "nginx"};
	struct config *config;

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(more, sizeof(more), "%s/conf.d", top);
	assert_int_equal(mkdir(more, 0755), 0);
	put(top, "fdwarden.conf",
	    "[thresholds]\nwarn = 70%\n[rule web]\nname = nginx\nwarn = 50%\n");
	put(more, "20-b.conf", "[thresholds]\nwarn = 72%\n");
	put(more, "10-a.conf",
	    "[thresholds]\nwarn = 71%\ncritical = 91%\n"
	    "[rule web]\nwarn = 40%\n[rule db]\nname = mysqld\n");
	put(more, "30-c.conf.off", "zip\n");
	put(more, ".30-c.conf", "zip\n");
	assert_int_equal(load_from(top, CONFIG_MUST_EXIST, &config, error), 0);
	assert_int_equal(config->thresholds.warn_bp, 7200);
	assert_int_equal(config->thresholds.critical_bp, 9100);
	assert_int_equal(config->rules_len, 2);
	config_settings_for(config, &who, NULL, &set);
	assert_int_equal(set.warn_bp, 4000);
	config_free(config);
	/* A mistake is told with its file; twice in one file is one. */
	put(more, "20-b.conf", "\n[thresholds]\nwarn = 72%\nwarn = 73%\n");
	assert_int_equal(load_from(top, 0, &config, error), -EINVAL);
	assert_non_null(strstr(error, "/conf.d/20-b.conf:4: 'warn' is set in line 3"));
	/* warn over critical: the later of the two is told. */
	put(more, "20-b.conf", "[thresholds]\nwarn = 95%\n");
	assert_int_equal(load_from(top, 0, &config, error), -EINVAL);
	assert_non_null(strstr(error, "/conf.d/20-b.conf:2: warn (95%)"));
	/* Where anyone may write nothing is read. */
	assert_int_equal(chmod(more, 0777), 0);
	assert_int_equal(load_from(top, 0, &config, error), -EPERM);
	assert_non_null(strstr(error, "root alone may write"));
	snprintf(error, sizeof(error), "rm -r %s", top);
	assert_int_equal(system(error), 0);
}

/* Each mistake, once, and none that is only another's consequence. */
static void all_mistakes(void **state)
{
	static const char text[] = "[thresholds]\n"
				   "warn = 170%\n"
				   "critical = 20%\n"
				   "nonsense\n"
				   "[zip]\n"
				   "warn = x\n"
				   "[rule web]\n"
				   "name = a-name-that-is-too-long, [x\n"
				   "user = 007\n";
	static const char *const lines[] = {"t.conf:2: ", "t.conf:4: ", "t.conf:5: ",
					    "t.conf:8: ", "t.conf:8: ", "t.conf:9: "};
	char error[4096], *rest = error, *line;
	const char *const bad[] = {"leak.windows=x"};
	struct config *config;
	size_t n = 0;

	(void)state;
	assert_int_equal(config_load_text("t.conf", text, strlen(text),
					  CONFIG_ALL_MISTAKES, bad, 1, &config, error,
					  sizeof(error)),
			 -EINVAL);
	assert_null(config);
	while ((line = strsep(&rest, "\n"))) {
		bool known = !strncmp(line, "-o leak.windows=x: ", 19);

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			known |= !strncmp(line, lines[i], strlen(lines[i]));
		if (!known)
			fail_msg("%s", line);
		n++;
	}
	assert_int_equal(n, 7);
	/* What does not fit is cut. */
	assert_int_equal(config_load_text("t.conf", text, strlen(text),
					  CONFIG_ALL_MISTAKES, NULL, 0, &config, error,
					  12),
			 -EINVAL);
	assert_string_equal(error, "t.conf:2: b");
	/* A good one is as without. */
	assert_int_equal(config_load_text("t.conf", "[leak]\nwindows=8\n", 17,
					  CONFIG_ALL_MISTAKES, NULL, 0, &config, error,
					  sizeof(error)),
			 0);
	config_free(config);
}

/* One round shows all: what the levels come to with what was meant, and what is of another
 * rule of the same name; and nothing of what is not known to be meant. */
static void one_round(void **state)
{
	static const struct {
		const char *text, *faults;
	} cases[] = {
		{"[thresholds]\nwarn = 70\ncritical = 20%\n[rule a]\nname = x\n"
		 "[rule a]\nwarn = 96%\nname = y\n",
		 "2 3 6 7 "},
		{"[treshholds]\nwarn = 70%\n[thresholds]\ncritical = 75%\n", "1 "},
		{"[thresholds]\nwran = 70%\ncritical = 75%\n", "2 "},
		{"[thresholds]\nzip = 70%\ncritical = 75%\n", "2 "},
		{"[thresholds]\nzip = 70%\ncritical = 75%\nwarn = 76%\n", "2 4 "},
		{"[rule a]\nnmae = x\nwarn = 96%\n[rule b]\nwarn = 5%\n", "2 3 4 "},
		{"[rule a]\nname = x\nignore = perhaps\nwarn = 96%\n", "3 4 "},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		char error[4096], numbers[64] = "", *rest = error, *line;
		struct config *config = NULL;

		assert_int_equal(
			config_load_text("t.conf", cases[i].text, strlen(cases[i].text),
					 CONFIG_ALL_MISTAKES | CONFIG_KEEP_PART, NULL,
					 0, &config, error, sizeof(error)),
			-EINVAL);
		assert_non_null(config);
		while ((line = strsep(&rest, "\n"))) {
			size_t len = strlen(numbers);

			assert_false(strncmp(line, "t.conf:", 7));
			snprintf(numbers + len, sizeof(numbers) - len, "%d ",
				 atoi(line + 7));
		}
		if (strcmp(numbers, cases[i].faults) != 0)
			fail_msg("%zu: lines %s, not %s", i, numbers, cases[i].faults);
		config_free(config);
	}
}

/* Rules that match nothing that there can be are told in the order of the file; those that may
 * match are not. */
static void slips(void **state)
{
	static const char text[] =
		"[rule a]\n"
		"service = php*-fpm\n"
		"[rule b]\n"
		"service = nginx.servcie\n"
		"[rule c]\n"
		"name = \"nginx\"\n"
		"[rule d]\n"
		"executable = nginx\n"
		"[rule e]\n"
		"runtime = dockr\n"
		"[rule f]\n"
		"pod = my-pod\n"
		"cgroup = system.slice/x\n"
		"[rule g]\n"
		"container = 3f2a91c04d7b\n"
		"[rule all]\n"
		"name = *\n"
		"[rule good]\n"
		"service = php*-fpm.service, php*, *.s[oc]*, *vice, x*e, nginx, "
		"dbus-org.freedesktop.login1, user@1.service/*/x.service\n"
		"name = php\"x\", *\"\n"
		"executable = */nginx, /usr/sbin/nginx, [/]x\n"
		"runtime = docker, *, web.service/mine\n"
		"pod = 0c8f1d6e-7b1a-4d0e-9a55-0123456789ab, 0c8f*, "
		"d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6\n"
		"cgroup = /system.slice/x\n"
		"container = 3f2a91c04d7b*, web, cafe\n";
	static const char *const told[] = {"t.conf:2: ",  "t.conf:4: ",  "t.conf:6: ",
					   "t.conf:8: ",  "t.conf:10: ", "t.conf:12: ",
					   "t.conf:13: ", "t.conf:15: ", "t.conf:16: "};
	struct config *config;
	char error[512];

	(void)state;
	assert_int_equal(config_load_text("t.conf", text, sizeof(text) - 1,
					  CONFIG_ALL_MISTAKES, NULL, 0, &config, error,
					  sizeof(error)),
			 0);
	for (size_t i = 0; i < config->warnings_len; i++)
		if (i >= LEN(told) ||
		    strncmp(config->warnings[i], told[i], strlen(told[i])) != 0)
			fail_msg("%zu: %s", i, config->warnings[i]);
	assert_int_equal(config->warnings_len, LEN(told));
	assert_non_null(strstr(config->warnings[1], "did you mean nginx.service?"));
	assert_non_null(strstr(config->warnings[4], "did you mean docker?"));
	config_free(config);
}

/* What a reload can't change is named; what it can is not. */
static void restarts(void **state)
{
	static const char *const changed[] = {"sensor=fexit", "socket.path=/a",
					      "thresholds.warn=70%", "trace.auto=yes"};
	static const char *const off[] = {"metrics.listen=127.0.0.1:1",
					  "state.file=", "output.file=/a"};
	struct config *started, *now;
	char error[256], names[64];

	(void)state;
	assert_int_equal(
		config_load("/nowhere", 0, NULL, 0, &started, error, sizeof(error)), 0);
	assert_false(config_needs_restart(started, started, names, sizeof(names)));
	assert_string_equal(names, "");
	assert_int_equal(
		config_load("/nowhere", 0, changed, 4, &now, error, sizeof(error)), 0);
	assert_true(config_needs_restart(started, now, names, sizeof(names)));
	assert_string_equal(names, "sensor, socket.path");
	/* cut, not overrun */
	assert_true(config_needs_restart(started, now, names, 10));
	assert_string_equal(names, "sensor, s");
	config_free(now);
	assert_int_equal(config_load("/nowhere", 0, off, 3, &now, error, sizeof(error)),
			 0);
	assert_true(config_needs_restart(started, now, names, sizeof(names)));
	assert_string_equal(names, "state.file, metrics.listen");
	config_free(now);
	config_free(started);
}

/* Levels that are put over others than the defaults. */
static void levels_apart(void **state)
{
	static const char *const fits_elsewhere[] = {"thresholds.warn=97%"},
				 *const fits_nowhere[] = {"thresholds.warn=101%"};
	struct policy_settings set = {
		.warn_bp = 9700, .critical_bp = 9900, .hysteresis_bp = 200};
	char why[CONFIG_LEVELS_WHY_MAX], error[512];
	struct config *config;

	(void)state;
	assert_int_equal(config_load_text("t.conf", "", 0, CONFIG_LEVELS_APART,
					  fits_elsewhere, 1, &config, error,
					  sizeof(error)),
			 0);
	assert_int_equal(config->thresholds.warn_bp, 9700);
	config_free(config);
	assert_int_equal(config_load_text("t.conf", "", 0, CONFIG_LEVELS_APART,
					  fits_nowhere, 1, &config, error,
					  sizeof(error)),
			 -EINVAL);
	assert_false(config_levels_contradict(&set, why, sizeof(why)));
	set.critical_bp = 9700;
	assert_true(config_levels_contradict(&set, why, sizeof(why)));
	assert_string_equal(why,
			    "warn (97%) is not below critical (97%); lower the one "
			    "or raise the other");
	set.critical_bp = 9900;
	set.hysteresis_bp = 9750;
	assert_true(config_levels_contradict(&set, why, sizeof(why)));
	assert_string_equal(why,
			    "hysteresis (97.5%) is not below warn (97%); lower it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percents),    cmocka_unit_test(durations),
		cmocka_unit_test(defaults),    cmocka_unit_test(accepted),
		cmocka_unit_test(refused),     cmocka_unit_test(patterns),
		cmocka_unit_test(hooks),       cmocka_unit_test(paths),
		cmocka_unit_test(bounds),      cmocka_unit_test(round_trip),
		cmocka_unit_test(rules),       cmocka_unit_test(rules_by_place),
		cmocka_unit_test(levels),      cmocka_unit_test(rules_are_not_spoofed),
		cmocka_unit_test(many_rules),  cmocka_unit_test(files),
		cmocka_unit_test(parts),       cmocka_unit_test(all_mistakes),
		cmocka_unit_test(lists),       cmocka_unit_test(forgiven),
		cmocka_unit_test(many_doubts), cmocka_unit_test(restarts),
		cmocka_unit_test(slips),       cmocka_unit_test(levels_apart),
		cmocka_unit_test(one_round),
	};

	/* where fnmatch() decodes what it is given */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
