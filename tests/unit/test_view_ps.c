/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "output/view_ps.h"
#include "state/user_names.h"

/* 2026-01-02T03:04:05.678901Z */
#define NOW_NS 1767323045678901000ull

static const struct alert_host host = {.name = "web-3", .boot_realtime_ns = 1000};
static const struct alert_system system_now = {true, 9984, INT64_MAX, 1048576, 0};

#define FD(count_, used_, soft, hard)                                                  \
	{                                                                              \
		.known = true, .count = (count_), .used = (used_),                     \
		.soft_limit = (soft), .hard_limit = (hard)                             \
	}

/* In no order at all. */
enum { NGINX, SSHD, CRON, LOST, JAVA, ROWS };

static struct identity whos[ROWS];
static struct alert_fd fds[ROWS];
static struct view_ps_row rows[ROWS];

static int set_up(void **state)
{
	const struct identity people[ROWS] = {
		[NGINX] = {.pid = 1234,
			   .uid = 0,
			   .comm = "nginx",
			   .service = (char *)"nginx.service",
			   .command_line = (char *)"nginx: worker process"},
		[SSHD] = {.pid = 77,
			  .uid = 4294900001u,
			  .comm = "sshd",
			  .denied = true},
		[CRON] = {.pid = 8, .uid = 0, .comm = "cron"},
		[LOST] = {.pid = 5, .uid = 0, .comm = "lost"},
		[JAVA] = {.pid = 99999,
			  .uid = 0,
			  .comm = "java",
			  .executable = (char *)"/opt/java"},
	};
	const struct alert_fd tables[ROWS] = {
		[NGINX] = FD(972, 972, 1024, 524288),
		[SSHD] = FD(9, 4, 4, 4),
		[CRON] = FD(6, 6, 1024, 1024),
		[JAVA] = FD(52000, 52000, 65536, UINT64_MAX),
	};
	size_t i;

	(void)state;
	memcpy(whos, people, sizeof(whos));
	memcpy(fds, tables, sizeof(fds));
	fds[SSHD].sealed = true;
	for (i = 0; i < ROWS; i++)
		rows[i] = (struct view_ps_row){.who = &whos[i], .fd = &fds[i]};
	return 0;
}

static struct view_ps view_of(size_t len)
{
	struct view_ps view = {.realtime_ns = NOW_NS,
			       .host = &host,
			       .system = &system_now,
			       .rows = rows,
			       .len = len};

	return view;
}

static void assert_table(const struct view_ps *view, const struct view_ps_style *style,
			 const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(view_ps_table(view, style, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void test_keys(void **state)
{
	static const char *const names[] = {"usage",  "used",    "count",  "soft",
					    "hard",   "growth",  "full",   "opened",
					    "closed", "refused", "pid",    "user",
					    "name",   "service", "command"};
	enum view_ps_key key;
	size_t i;

	(void)state;
	for (i = 0; i < VIEW_PS_KEYS; i++) {
		assert_int_equal(view_ps_key_parse(names[i], &key), 0);
		assert_int_equal(key, i);
		assert_non_null(strstr(VIEW_PS_KEY_NAMES, names[i]));
	}
	assert_int_equal(view_ps_key_parse("limit", &key), 0);
	assert_int_equal(key, VIEW_PS_SOFT);
	assert_int_equal(view_ps_key_parse("kind", &key), -EINVAL);
	assert_int_equal(view_ps_key_parse("", &key), -EINVAL);
	assert_int_equal(view_ps_key_parse("Usage", &key), -EINVAL);
}

static void assert_order(enum view_ps_key key, const pid_t expected[ROWS])
{
	size_t i;

	view_ps_sort(rows, ROWS, key);
	for (i = 0; i < ROWS; i++)
		assert_int_equal(rows[i].who->pid, expected[i]);
}

static void test_sort(void **state)
{
	(void)state;
	/* a sealed one is not near anything, an unknown one last */
	assert_order(VIEW_PS_USAGE, (pid_t[]){1234, 99999, 8, 77, 5});
	assert_order(VIEW_PS_COUNT, (pid_t[]){99999, 1234, 77, 8, 5});
	assert_order(VIEW_PS_SOFT, (pid_t[]){99999, 8, 1234, 77, 5});
	assert_order(VIEW_PS_PID, (pid_t[]){5, 8, 77, 1234, 99999});
	assert_order(VIEW_PS_NAME, (pid_t[]){8, 99999, 5, 1234, 77});
	fds[CRON].growth_known = fds[JAVA].growth_known = true;
	fds[CRON].growth_per_s = -1;
	assert_order(VIEW_PS_GROWTH, (pid_t[]){99999, 8, 5, 77, 1234});
	view_ps_sort(NULL, 0, VIEW_PS_PID);
}

static size_t row_of(const struct identity *who)
{
	size_t i = 0;

	while (rows[i].who != who)
		i++;
	return i;
}

/* As the live view does: what is full has no time left, who has no name comes last. */
static void test_sort_by_what_few_have(void **state)
{
	(void)state;
	fds[CRON].exhaustion_known = true;
	fds[CRON].exhausted_in_s = 41;
	fds[NGINX].used = fds[NGINX].soft_limit;
	view_ps_sort(rows, ROWS, VIEW_PS_FULL);
	assert_int_equal(row_of(&whos[NGINX]), 0);
	assert_int_equal(row_of(&whos[CRON]), 1);
	fds[SSHD].used = fds[SSHD].soft_limit; /* it chose to be */
	view_ps_sort(rows, ROWS, VIEW_PS_FULL);
	assert_between(row_of(&whos[SSHD]), 2, ROWS - 1);
	for (size_t i = 0; i < ROWS; i++)
		rows[i].refused = rows[i].who == &whos[JAVA] ? 7 : 0;
	view_ps_sort(rows, ROWS, VIEW_PS_REFUSED);
	assert_int_equal(row_of(&whos[JAVA]), 0);
	for (size_t i = 0; i < ROWS; i++)
		snprintf(rows[i].user, sizeof(rows[i].user), "%s",
			 rows[i].who == &whos[CRON]   ? "anna"
			 : rows[i].who == &whos[JAVA] ? "bert"
						      : "");
	view_ps_sort(rows, ROWS, VIEW_PS_USER);
	assert_int_equal(row_of(&whos[CRON]), 0);
	assert_int_equal(row_of(&whos[JAVA]), 1);
	fds[JAVA].counters_known = true;
	fds[JAVA].opened = 3;
	view_ps_sort(rows, ROWS, VIEW_PS_OPENED);
	assert_int_equal(row_of(&whos[JAVA]), 0);
}

/* Limits that a double can't tell apart are still in order; an unlimited one and
 * one of 0 have their places. */
static void test_sort_extremes(void **state)
{
	(void)state;
	fds[CRON].soft_limit = (1ull << 60) + 1;
	fds[JAVA].soft_limit = 1ull << 60;
	fds[NGINX].soft_limit = UINT64_MAX;
	fds[SSHD].soft_limit = 0;
	fds[SSHD].sealed = false;
	assert_order(VIEW_PS_SOFT, (pid_t[]){1234, 8, 99999, 77, 5});
	assert_int_equal((view_ps_sort(rows, ROWS, VIEW_PS_USAGE), rows[0].who->pid),
			 77);
}

static void test_threads_follow_their_process(void **state)
{
	(void)state;
	whos[NGINX].pid = whos[CRON].pid = whos[JAVA].pid = 8;
	fds[NGINX].thread = 10;
	fds[JAVA].thread = 9;
	view_ps_sort(rows, ROWS, VIEW_PS_PID);
	assert_ptr_equal(rows[1].who, &whos[CRON]);
	assert_ptr_equal(rows[2].who, &whos[JAVA]);
	assert_ptr_equal(rows[3].who, &whos[NGINX]);
}

static void test_table(void **state)
{
	const struct view_ps_style style = {.width = 0};
	struct view_ps view = view_of(ROWS);

	(void)state;
	view.unread = 1;
	view.lost = 2;
	fds[CRON].torn = true;
	view_ps_sort(rows, ROWS, VIEW_PS_USAGE);
	assert_table(
		&view, &style,
		"  PID USER       NAME  SERVICE        USED  SOFT   HARD  USE%"
		" FLAGS  COMMAND\n"
		" 1234 root       nginx nginx.service   972  1024 524288  94.9    "
		"    nginx: worker process\n"
		"99999 root       java  -             52000 65536   none  79.3    "
		"    /opt/java\n"
		"    8 root       cron  -                 6  1024   1024   0.6"
		" torn   -\n"
		"   77 4294900001 sshd  -                 4     4      4 100.0"
		" sealed -\n"
		"    5 root       lost  -                 -     -      -     -    "
		"    -\n"
		"5 processes; the system has 9984 files open; fs.nr_open is 1048576\n"
		"1 process's executable not readable: needs CAP_SYS_PTRACE\n"
		"1 table changed while read, each time: the count may be off by"
		" one (torn)\n"
		"1 process could not be read\n"
		"2 records found no room: the list is not whole\n");
}

static void test_no_rows(void **state)
{
	const struct view_ps_style style = {.width = 80};
	const struct alert_system unknown = {0};
	struct view_ps view = view_of(0);

	(void)state;
	view.system = &unknown;
	assert_table(&view, &style,
		     "PID USER NAME USED SOFT HARD USE% COMMAND\n"
		     "0 processes\n");
}

/* The flags of one row and the plurals of many. */
static void test_flags(void **state)
{
	const struct view_ps_style style = {.width = 0};
	const struct alert_system full = {true, 10, 20, 0, 0};
	struct view_ps view = view_of(2);

	(void)state;
	view.system = &full;
	whos[NGINX].denied = true;
	whos[NGINX].service = NULL;
	whos[SSHD].uid = 0;
	fds[SSHD].thread = 78;
	fds[SSHD].tables = 2;
	fds[SSHD].shared_with = 3;
	fds[SSHD].torn = fds[NGINX].torn = true;
	fds[NGINX].growth_known = true;
	fds[NGINX].growth_per_s = 1.25;
	fds[NGINX].used = 1023;
	fds[NGINX].soft_limit = 102400;
	fds[NGINX].tables = 1;
	assert_table(
		&view, &style,
		" PID USER NAME  USED   SOFT   HARD  USE% GROW/S FLAGS"
		"                                   COMMAND\n"
		"1234 root nginx 1023 102400 524288   1.0    1.2 torn "
		"                                   nginx: worker process\n"
		"  77 root sshd     4      4      4 100.0      - "
		"sealed,thread:78,tables:2,shared:3,torn -\n"
		"2 processes; the system has 10 of 20 files open\n"
		"2 processes' executables not readable: needs CAP_SYS_PTRACE\n"
		"2 tables changed while read, each time: the count may be off by one "
		"(torn)\n");
}

static void test_no_growth_has_no_sign(void **state)
{
	const struct view_ps_style style = {.width = 0};
	const struct alert_system unknown = {0};
	struct view_ps view = view_of(1);

	(void)state;
	view.system = &unknown;
	whos[NGINX].service = NULL;
	fds[NGINX] = (struct alert_fd){.known = true,
				       .soft_limit = 10,
				       .hard_limit = 10,
				       .growth_known = true,
				       .growth_per_s = -0.04};
	assert_table(
		&view, &style,
		" PID USER NAME  USED SOFT HARD USE% GROW/S COMMAND\n"
		"1234 root nginx    0   10   10  0.0    0.0 nginx: worker process\n"
		"1 process\n");
}

/* Almost full is not full. */
static void test_usage_never_rounds_to_full(void **state)
{
	const struct view_ps_style style = {.width = 0};
	struct view_ps view = view_of(1);

	(void)state;
	fds[NGINX].used = 1048575;
	fds[NGINX].soft_limit = 1048576;
	whos[NGINX].service = NULL;
	assert_table(
		&view, &style,
		" PID USER NAME     USED    SOFT   HARD USE% COMMAND\n"
		"1234 root nginx 1048575 1048576 524288 99.9 nginx: worker process\n"
		"1 process; the system has 9984 files open; fs.nr_open is 1048576\n");
}

static void test_widths(void **state)
{
	struct view_ps_style style = {.width = 60};
	struct view_ps view = view_of(1);

	(void)state;
	/* the service gives way to the command */
	assert_table(&view, &style,
		     " PID USER NAME  USED SOFT   HARD USE% COMMAND\n"
		     "1234 root nginx  972 1024 524288 94.9 nginx: worker process\n"
		     "1 process; the system has 9984 files open; fs.nr_open is\n"
		     "1048576\n");
	style.width = 51; /* the command is cut */
	assert_table(&view, &style,
		     " PID USER NAME  USED SOFT   HARD USE% COMMAND\n"
		     "1234 root nginx  972 1024 524288 94.9 nginx: worker\n"
		     "1 process; the system has 9984 files open;\n"
		     "fs.nr_open is 1048576\n");
	style.width = 40; /* the figures are not */
	assert_table(&view, &style,
		     " PID USER NAME  USED SOFT   HARD USE%\n"
		     "1234 root nginx  972 1024 524288 94.9\n"
		     "1 process; the system has 9984 files\n"
		     "open; fs.nr_open is 1048576\n");
}

static void test_colour(void **state)
{
	const struct view_ps_style style = {.colour = true, .width = 40};
	struct view_ps view = view_of(3);

	(void)state;
	fds[NGINX].used = 973; /* 95.0 % */
	fds[CRON].used = 820;  /* 80.1 % */
	whos[SSHD].uid = 0;
	assert_table(&view, &style,
		     "\033[1m PID USER NAME  USED SOFT   HARD  USE% FLAGS \033[0m\n"
		     "1234 root nginx  973 1024 524288 \033[1;31m 95.0\033[0m       \n"
		     "  77 root sshd     4    4      4 100.0 sealed\n"
		     "   8 root cron   820 1024   1024 \033[33m 80.1\033[0m       \n"
		     "3 processes; the system has 9984 files\n"
		     "open; fs.nr_open is 1048576\n"
		     "1 process's executable not readable: needs CAP_SYS_PTRACE\n");
}

/* Nothing of a process reaches the terminal raw, and columns stay where they are. */
static void test_hostile(void **state)
{
	struct view_ps_style style = {.width = 0};
	struct view_ps view = view_of(1);

	(void)state;
	memcpy(whos[NGINX].comm, "a\033[2J\nb", 8);
	whos[NGINX].service = (char *)"x\xe6\xbc\xa2\xff.service";
	whos[NGINX].command_line = (char *)"run\r\033]0;title\a \xc2\x9b"
					   "1m";
	assert_table(
		&view, &style,
		" PID USER NAME    SERVICE     USED SOFT   HARD USE% COMMAND\n"
		"1234 root a?[2J?b x??.service  972 1024 524288 94.9 "
		"run??]0;title? ?1m\n"
		"1 process; the system has 9984 files open; fs.nr_open is 1048576\n");
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	style.utf8 = true;
	/* one character is two columns wide */
	assert_table(
		&view, &style,
		" PID USER NAME    SERVICE      USED SOFT   HARD USE% COMMAND\n"
		"1234 root a\xef\xbf\xbd[2J\xef\xbf\xbd"
		"b x\xe6\xbc\xa2\xef\xbf\xbd"
		".service  972 1024 524288 94.9 run\xef\xbf\xbd\xef\xbf\xbd]0;title"
		"\xef\xbf\xbd \xef\xbf\xbd"
		"1m\n"
		"1 process; the system has 9984 files open; fs.nr_open is 1048576\n");
}

static void test_write_error(void **state)
{
	const struct view_ps_style style = {.width = 0};
	struct view_ps view = view_of(1);
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(view_ps_table(&view, &style, out), -ENOSPC);
	fclose(out);
}

static void assert_document(const struct view_ps *view, const char *expected)
{
	cJSON *json = view_ps_json(view);
	char *text = cJSON_PrintUnformatted(json);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

static void test_json(void **state)
{
	const struct alert_system unknown = {0};
	struct view_ps view = view_of(2);

	(void)state;
	user_names_set_file("/dev/null"); /* no names */
	assert_document(
		&view,
		"{\"@timestamp\":\"2026-01-02T03:04:05.678901Z\",\"host\":{\"name\":"
		"\"web-3\"},"
		"\"system\":{\"allocated\":9984,\"max\":9223372036854775807,\"nr_"
		"open\":"
		"1048576},\"processes\":[{\"process\":{\"pid\":1234,\"name\":\"nginx\","
		"\"command_line\":\"nginx: worker process\",\"user\":{\"id\":\"0\"}},"
		"\"service\":{\"name\":\"nginx.service\"},\"fd\":{\"count\":972,"
		"\"used\":972,"
		"\"free\":52,\"usage\":0.9492,\"soft_limit\":1024,\"hard_limit\":"
		"524288}},"
		"{\"process\":{\"pid\":77,\"name\":\"sshd\",\"user\":{\"id\":"
		"\"4294900001\"}},"
		"\"fd\":{\"count\":9,\"used\":4,\"free\":0,\"usage\":1.0,\"soft_"
		"limit\":"
		"4,"
		"\"hard_limit\":4,\"sealed\":true}}]}");
	view = view_of(0);
	view.system = &unknown;
	assert_document(&view,
			"{\"@timestamp\":\"2026-01-02T03:04:05.678901Z\",\"host\":{"
			"\"name\":\"web-3\"},\"system\":{},\"processes\":[]}");
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(test_keys),
		FRESH(test_sort),
		FRESH(test_sort_by_what_few_have),
		FRESH(test_sort_extremes),
		FRESH(test_threads_follow_their_process),
		FRESH(test_table),
		FRESH(test_no_rows),
		FRESH(test_no_growth_has_no_sign),
		FRESH(test_flags),
		FRESH(test_usage_never_rounds_to_full),
		FRESH(test_widths),
		FRESH(test_colour),
		FRESH(test_hostile),
		FRESH(test_write_error),
		FRESH(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
