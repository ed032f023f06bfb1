// SPDX-License-Identifier: GPL-2.0-or-later
/* Which statement of a shell's script sets a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state/script.h"

static struct script_finding found;

static void look(const char *text, uint64_t soft, uint64_t hard)
{
	script_find(text, strlen(text), soft, hard, false, &found);
}

/* 64:64, by the statement at this line; 0: by none. */
static void expect(const char *text, unsigned line, const char *statement)
{
	look(text, 64, 64);
	if (found.soft.line != line)
		print_error("line %u, not %u: %s\n", found.soft.line, line, text);
	assert_int_equal(found.soft.line, line);
	if (line)
		assert_string_equal(found.soft.text, statement);
}

static void test_found(void **state)
{
	(void)state;
	expect("#!/bin/sh\nset -e\nulimit -n 64\nexec app\n", 3, "ulimit -n 64");
	expect("ulimit -n 64", 1, "ulimit -n 64");
	expect("ulimit -HSn 64\n", 1, "ulimit -HSn 64");
	expect("ulimit -S -H -n 64\n", 1, "ulimit -S -H -n 64");
	expect("ulimit -n -S -H 64\n", 1, "ulimit -n -S -H 64");
	expect("ulimit -n64\n", 1, "ulimit -n64");
	expect("ulimit -c 0 -n 64\n", 0, NULL);
	expect("ulimit -c 0; ulimit -n \"64\"\n", 1, "ulimit -n \"64\"");
	expect("[ -z x ] || ulimit -n 64 2>/dev/null\n", 1, "ulimit -n 64");
	expect("if true; then\n\tulimit -n 64\nfi\n", 2, "ulimit -n 64");
	expect("case x in\nstart) ulimit -n 64;;\nesac\n", 2, "ulimit -n 64");
	expect("f() { ulimit -n 64; }\n", 1, "ulimit -n 64");
	expect("(ulimit -n 64; exec app)\n", 1, "ulimit -n 64");
	expect("X=1 command ulimit -n 64\r\n", 1, "ulimit -n 64");
	expect("! ulimit -n 64 && echo no\n", 1, "ulimit -n 64");
	expect("echo 'a\nb'\nulimit -n 64\n", 3, "ulimit -n 64");
	expect("echo \"$(echo \"a)\" ')')\"\nulimit -n 64\n", 2, "ulimit -n 64");
	expect("x=$((1 << 3))\nulimit -n 64\n", 2, "ulimit -n 64");
	expect("((a << 3))\nulimit -n 64\n", 2, "ulimit -n 64");
	expect("echo ${x:-${y#*\\}}}\nulimit -n 64\n", 2, "ulimit -n 64");
	expect("a \\\n  b \\\n\nulimit -n 64\n", 4, "ulimit -n 64");
	expect("cat <<<x\nulimit -n 64\n", 2, "ulimit -n 64");
	expect("prlimit --nofile=64 app\n", 1, "--nofile=64");
	expect("exec /usr/bin/prlimit -n64:64 app\n", 1, "-n64:64");
	expect("prlimit --pid $$ --nofile=64:64\n", 1, "--nofile=64:64");
	expect("prlimit --pid=$$ --nofile=64:64\n", 1, "--nofile=64:64");
}

static void test_not_found(void **state)
{
	(void)state;
	expect("# ulimit -n 64\n", 0, NULL);
	expect("echo ulimit -n 64\n", 0, NULL);
	expect("echo \"\nulimit -n 64\n\"\n", 0, NULL);
	expect("echo '\nulimit -n 64\n'\n", 0, NULL);
	expect("cat <<EOF\nulimit -n 64\nEOF\n", 0, NULL);
	expect("cat <<-'END'; cat <<B\nulimit -n 64\n\tEND\nulimit -n 64\nB\n", 0,
	       NULL);
	expect("x=$(ulimit -n 64; ulimit -n)\n", 0, NULL);
	expect("x=`ulimit -n 64`\n", 0, NULL);
	expect("ulimit -n 640\n", 0, NULL);
	expect("ulimit -n 32\n", 0, NULL);
	expect("ulimit -Sn 32\n", 0, NULL);
	expect("ulimit -u 64\n", 0, NULL);
	expect("ulimit 64\n", 0, NULL);
	expect("ulimit -n $N\n", 0, NULL);
	expect("ulimit -n \"${N:-64}\"\n", 0, NULL);
	expect("ulimit -n 64$N\n", 0, NULL);
	expect("ulimit -n 64k\n", 0, NULL);
	expect("ulimit -n >64\n", 0, NULL);
	expect("ulimit -n 64>x\n", 0, NULL);
	expect("ulimit -n \\\n 64\n", 0, NULL);
	expect("alias ulimit -n 64\n", 0, NULL);
	expect("myulimit -n 64\n", 0, NULL);
	expect("prlimit --pid 1 --nofile=64\n", 0, NULL);
	expect("prlimit --pid=\"$other\" --nofile=64\n", 0, NULL);
	expect("prlimit app --nofile=64\n", 0, NULL);
	/* the soft one alone does not explain both; nor both, where one is another */
	expect("ulimit -Sn 64\n", 1, "ulimit -Sn 64");
	look("ulimit -n 64\n", 64, 4096);
	assert_int_equal(found.soft.line, 0);
	look("ulimit -Hn 64\n", 32, 64);
	assert_int_equal(found.soft.line, 0);
	assert_int_equal(found.hard.line, 1);
	/* which of several it was is not known */
	expect("ulimit -n 64\nulimit -n 64\n", 0, NULL);
	expect("ulimit -n 64\nulimit -n 1024\n", 1, "ulimit -n 64");
}

static void test_both(void **state)
{
	(void)state;
	look("ulimit -Hn 4096\nulimit -Sn 64\n", 64, 4096);
	assert_int_equal(found.soft.line, 2);
	assert_false(found.soft.hard);
	assert_int_equal(found.hard.line, 1);
	assert_string_equal(found.hard.text, "ulimit -Hn 4096");
	look("prlimit --nofile=64:4096 x\n", 64, 4096);
	assert_true(found.soft.hard);
	look("prlimit --nofile=64: x\n", 64, 4096);
	assert_false(found.soft.hard);
	look("prlimit --nofile=:4096 x\n", 64, 4096);
	assert_int_equal(found.hard.line, 1);
	script_find("ulimit -n 64\n", 13, 64, 4096, true, &found);
	assert_int_equal(found.soft.line, 1);
	assert_false(found.soft.hard);
}

static void test_once(void **state)
{
	(void)state;
	look("x\nulimit -n 64\ny\n", 64, 64);
	assert_true(found.soft.once);
	look("echo 'ulimit -n 64'; ulimit -n 64\n", 64, 64);
	assert_int_equal(found.soft.line, 1);
	assert_false(found.soft.once);
	look("ulimit -n 640; ulimit -n 64\n", 64, 64);
	assert_false(found.soft.once);
}

static void expect_call(const char *words, const char *file, const char *command)
{
	static char text[256];
	const char *argv[16];
	struct script_call call;
	size_t argc = 0;
	char *rest;

	snprintf(text, sizeof(text), "%s", words);
	for (char *at = strtok_r(text, "|", &rest); at; at = strtok_r(NULL, "|", &rest))
		argv[argc++] = at;
	assert_int_equal(script_call_read(argv, argc, &call), file || command);
	if (file)
		assert_string_equal(call.file, file);
	if (command)
		assert_string_equal(call.command, command);
}

static void test_call(void **state)
{
	(void)state;
	expect_call("/bin/sh|/srv/run.sh|start", "/srv/run.sh", NULL);
	expect_call("bash|-eu|-o|pipefail|run.sh", "run.sh", NULL);
	expect_call("bash|-euo|pipefail|run.sh", "run.sh", NULL);
	expect_call("bash|--norc|--rcfile|x|run.sh", "run.sh", NULL);
	expect_call("-ksh|--|-run", "-run", NULL);
	expect_call("busybox|sh|run.sh", "run.sh", NULL);
	expect_call("sh|+x|run.sh", "run.sh", NULL);
	expect_call("sh|-c|ulimit -n 64; app", NULL, "ulimit -n 64; app");
	expect_call("bash|-lc|app", NULL, "app");
	expect_call("sh|-s|x", NULL, NULL);
	expect_call("-bash", NULL, NULL);
	expect_call("sh", NULL, NULL);
	expect_call("python3|run.sh", NULL, NULL);
	expect_call("fish|run.fish", NULL, NULL);
}

static void expect_rewrite(const char *statement, const char *wanted)
{
	char changed[SCRIPT_TEXT_MAX];

	assert_int_equal(script_rewrite(statement, 128, 4096, changed), strlen(wanted));
	assert_string_equal(changed, wanted);
}

static void test_rewrite(void **state)
{
	char changed[SCRIPT_TEXT_MAX], whole[SCRIPT_TEXT_MAX];

	(void)state;
	expect_rewrite("ulimit -n 64", "ulimit -n 128");
	expect_rewrite("ulimit -Sn \"64\"", "ulimit -Sn \"128\"");
	expect_rewrite("ulimit -n64", "ulimit -n128");
	expect_rewrite("--nofile=64", "--nofile=128");
	expect_rewrite("--nofile=64:", "--nofile=128:");
	expect_rewrite("--nofile=:64", "--nofile=:4096");
	expect_rewrite("-n64:100", "-n128:4096");
	memset(whole, ' ', sizeof(whole));
	memcpy(whole + sizeof(whole) - 3, "64", 3);
	assert_int_equal(script_rewrite(whole, 128, 128, changed), -1);
}

/* Whatever is in it: it ends, soon, and stays inside. */
static void test_hostile(void **state)
{
	static const char parts[] = "\"'`$(){}<<-\\\n;&|# \tulimit -n 64E";
	enum { SIZE = 1 << 20 };
	char *text = malloc(SIZE + 1);
	clock_t before = clock();

	(void)state;
	assert_non_null(text);
	for (unsigned round = 0; round < 300; round++) {
		size_t len = round < 290 ? 4096 : SIZE;

		srand(round);
		for (size_t i = 0; i < len; i++)
			text[i] = parts[(unsigned)rand() % (sizeof(parts) - 1)];
		text[len] = '\0';
		script_find(text, len, 64, 64, false, &found);
	}
	for (size_t i = 0; i + 13 <= SIZE; i += 13)
		memcpy(text + i, "ulimit -n 64;", 13);
	script_find(text, SIZE, 64, 64, false, &found);
	assert_int_equal(found.soft.line, 0);
	for (size_t i = 0; i + 2 <= SIZE; i += 2)
		memcpy(text + i, "$(", 2);
	script_find(text, SIZE, 64, 64, false, &found);
	memset(text, '"', SIZE);
	script_find(text, SIZE - 1, 64, 64, false, &found);
	memset(text, '\0', SIZE);
	script_find(text, SIZE, 64, 64, false, &found);
	for (size_t i = 0; i + 4 <= SIZE; i += 4)
		memcpy(text + i, "<<E\n", 4);
	script_find(text, SIZE, 64, 64, false, &found);
	/* some tenths of a second; minutes, were it not linear */
	assert_true(clock() - before < 60 * CLOCKS_PER_SEC);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),   cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_both),    cmocka_unit_test(test_once),
		cmocka_unit_test(test_call),    cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
