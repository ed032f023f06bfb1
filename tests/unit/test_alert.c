/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/alert.h"
#include "state/user_names.h"

/* 2026-01-02T03:04:05.678901Z less 1000 s of uptime */
#define BOOT_NS 1767322045678901000ull

static const struct alert_host host = {
	.name = "web-3",
	.boot_id = "b007",
	.boot_realtime_ns = BOOT_NS,
};

static struct identity nginx(void)
{
	struct identity who = {
		.start_ns = 500000000000ull,
		.pid = 1234,
		.ppid = 1,
		.uid = 33,
		.comm = "nginx",
		.executable = (char *)"/usr/sbin/nginx",
		.command_line = (char *)"nginx: worker process",
		.service = (char *)"nginx.service",
		.container_id = (char *)"c0ffee",
		.container_runtime = "cri-o",
		.pod_uid = (char *)"0e51c6f5-1",
	};

	return who;
}

static struct alert alert_of(const struct identity *who, enum policy_action action)
{
	struct alert alert = {
		.time_ns = 1000000000000ull,
		.what.action = action,
		.id = "the-id",
		.incident = "the-incident",
		.host = &host,
		.who = who,
		.fd = {.known = true,
		       .count = 972,
		       .used = 972,
		       .soft_limit = 1024,
		       .hard_limit = 524288,
		       .refused_known = true},
	};

	return alert;
}

static void assert_json(const struct alert *alert, const char *expected)
{
	cJSON *json = alert_to_json(alert);
	char *text;

	assert_non_null(json);
	text = cJSON_PrintUnformatted(json);
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

static void assert_fd(const struct alert_fd *fd, const char *expected)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	assert_int_equal(alert_add_fd(json, fd), 0);
	text = cJSON_PrintUnformatted(json);
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

static void assert_message(const struct alert *alert, const char *expected)
{
	char text[1024];

	assert_int_equal(alert_message(alert, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

/* The contract's own example, with its names, order and figures. */
static void test_contract(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_FD_CRITICAL);

	(void)state;
	alert.fd.growth_known = true;
	alert.fd.growth_per_s = 1.2749;
	alert.fd.exhaustion_known = true;
	alert.fd.exhausted_in_s = 40.9;
	assert_json(
		&alert,
		"{\"@timestamp\":\"2026-01-02T03:04:05.678901Z\",\"ecs\":{\"version\":"
		"\"8.11.0\"},\"event\":{\"kind\":\"alert\",\"category\":[\"process\"],"
		"\"type\":[\"info\"],\"dataset\":\"fdwarden."
		"alert\","
		"\"action\":\"fd-critical\",\"severity\":4,\"id\":\"the-id\","
		"\"duration\":0,\"duration_ns\":0},\"log\":{\"level\":\"critical\"},"
		"\"message\":"
		"\"nginx[1234] has 972 of 1024 descriptors open (95%); full in about "
		"41 "
		"s\",\"host\":{\"name\":\"web-3\",\"boot\":{\"id\":\"b007\"}},"
		"\"process\":{\"pid\":1234,\"name\":\"nginx\",\"start\":"
		"\"2026-01-02T02:55:45.678901Z\",\"executable\":\"/usr/sbin/nginx\","
		"\"command_line\":\"nginx: worker process\",\"parent\":{\"pid\":1},"
		"\"user\":{\"id\":\"33\"}},\"service\":{\"name\":\"nginx.service\"},"
		"\"container\":{\"id\":\"c0ffee\",\"runtime\":\"cri-o\"},"
		"\"orchestrator\":{\"type\":\"kubernetes\",\"resource\":"
		"{\"type\":\"pod\",\"id\":\"0e51c6f5-1\"}},\"fd\":{\"incident\":"
		"\"the-incident\",\"count\":972,\"used\":972,\"free\":52,\"usage\":0."
		"9492,"
		"\"soft_limit\":1024,\"hard_limit\":524288,\"growth_per_s\":1.27,"
		"\"exhausted_in_s\":41,\"refused\":{\"emfile\":0,\"enfile\":0,"
		"\"by_syscall\":{}}}}");
}

static void assert_user(const struct identity *who, const char *expected)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	assert_int_equal(alert_add_identity(json, who, NULL), 0);
	text = cJSON_PrintUnformatted(
		cJSON_GetObjectItem(cJSON_GetObjectItem(json, "process"), "user"));
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

/* The host's name, and only for a process that is of the host. */
static void test_user(void **state)
{
	char path[] = "/tmp/fdwarden-passwd-XXXXXX";
	static const char text[] = "root:x:0:0\nwww-\xff:x:33:33::/:/bin/sh\n";
	struct identity who = {.pid = 7, .uid = 33};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	user_names_set_file(path);
	assert_user(&who, "{\"id\":\"33\",\"name\":\"www-\xef\xbf\xbd\"}");
	who.uid = 34;
	assert_user(&who, "{\"id\":\"34\"}");
	who.uid = 33;
	who.container_id = (char *)"c0ffee";
	assert_user(&who, "{\"id\":\"33\"}");
	user_names_set_file(NULL);
	unlink(path);
}

/* What is not known is absent. */
static void test_unknown(void **state)
{
	struct identity who = {.pid = 7, .uid = (uid_t)-1};
	struct alert alert = {
		.what.action = POLICY_FD_WARNING, .id = "i", .who = &who, .host = NULL};

	(void)state;
	assert_json(
		&alert,
		"{\"@timestamp\":\"1970-01-01T00:00:00.000000Z\",\"ecs\":{\"version\":"
		"\"8.11.0\"},\"event\":{\"kind\":\"alert\",\"category\":[\"process\"],"
		"\"type\":[\"info\"],\"dataset\":\"fdwarden."
		"alert\","
		"\"action\":\"fd-warning\",\"severity\":3,\"id\":\"i\"},\"log\":{"
		"\"level\":"
		"\"warning\"},\"message\":\"?[7] has an unknown number of descriptors "
		"open\",\"process\":{\"pid\":7},\"fd\":{}}");
}

static void test_numbers(void **state)
{
	struct alert_fd fd = {.known = true};

	(void)state;
	fd.soft_limit = fd.hard_limit = 1ull << 53;
	fd.count = fd.used = (1ull << 53) - 1;
	assert_fd(&fd, "{\"fd\":{\"count\":9007199254740991,\"used\":9007199254740991,"
		       "\"free\":1,\"usage\":0.9999,\"soft_limit\":9007199254740992,"
		       "\"hard_limit\":9007199254740992}}");
	fd.count = fd.used = 1000000000000000ull;
	fd.soft_limit = 999999999999999ull;
	fd.hard_limit = UINT64_MAX - 1;
	assert_fd(&fd, "{\"fd\":{\"count\":1000000000000000,\"used\":1000000000000000,"
		       "\"free\":0,\"usage\":1.0,\"soft_limit\":999999999999999,"
		       "\"hard_limit\":18446744073709551614}}");
	fd.count = fd.used = 3;
	fd.soft_limit = fd.hard_limit = UINT64_MAX;
	assert_fd(&fd, "{\"fd\":{\"count\":3,\"used\":3}}");
	fd.soft_limit = fd.hard_limit = fd.used = 0;
	assert_fd(&fd, "{\"fd\":{\"count\":3,\"used\":0,\"free\":0,\"soft_limit\":0,"
		       "\"hard_limit\":0}}");
}

static void test_rates(void **state)
{
	struct alert_fd fd = {.growth_known = true, .growth_per_s = -0.001};

	(void)state;
	assert_fd(&fd, "{\"fd\":{\"growth_per_s\":0}}");
	fd.growth_per_s = -12.345;
	assert_fd(&fd, "{\"fd\":{\"growth_per_s\":-12.35}}");
	fd.growth_per_s = NAN;
	fd.exhaustion_known = true;
	fd.exhausted_in_s = INFINITY;
	assert_fd(&fd, "{\"fd\":{}}");
	fd.exhausted_in_s = -1;
	assert_fd(&fd, "{\"fd\":{}}");
}

static void test_table_flags(void **state)
{
	struct alert_fd fd = {.known = true,
			      .count = 9,
			      .used = 4,
			      .soft_limit = 4,
			      .hard_limit = 8,
			      .sealed = true,
			      .torn = true,
			      .thread = 77,
			      .tables = 2,
			      .shared_with = 3,
			      .counters_known = true,
			      .opened = 100,
			      .closed = 0};

	(void)state;
	assert_fd(&fd,
		  "{\"fd\":{\"count\":9,\"used\":4,\"free\":0,\"usage\":1.0,"
		  "\"soft_limit\":4,\"hard_limit\":8,\"sealed\":true,\"torn\":true,"
		  "\"thread\":77,\"tables\":2,\"shared_with\":3,\"opened\":100,"
		  "\"closed\":0}}");
	fd = (struct alert_fd){.tables = 1};
	assert_fd(&fd, "{\"fd\":{}}");
}

static void test_refused(void **state)
{
	const struct alert_refusal calls[] = {
		{"openat", EMFILE, 3},
		{"pipe2", ENFILE, 1},
		{"openat", ENFILE, 4},
		{"socket", EMFILE, 0},
		{"inotify_add_watch", ENOSPC, 2},
	};
	struct alert_fd fd = {.refused_known = true,
			      .refused_emfile = 3,
			      .refused_enfile = 5,
			      .refused_other = 2,
			      .refused = calls,
			      .refused_len = 5};

	(void)state;
	assert_fd(&fd, "{\"fd\":{\"refused\":{\"emfile\":3,\"enfile\":5,\"other\":2,"
		       "\"by_syscall\":{\"openat\":7,\"pipe2\":1,"
		       "\"inotify_add_watch\":2}}}}");
	fd.refused_len = 0;
	fd.refused_other = 0;
	fd.refused_inexact = fd.record_lost = true;
	assert_fd(&fd,
		  "{\"fd\":{\"refused\":{\"emfile\":3,\"enfile\":5,\"inexact\":true,"
		  "\"by_syscall\":{}},\"record_lost\":true}}");
}

static void assert_member(const struct alert *alert, const char *member,
			  const char *expected)
{
	cJSON *json = alert_to_json(alert);
	char *text =
		cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(json, member));

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

static void test_other_members(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_OTHER_LIMIT);

	(void)state;
	alert.fd = (struct alert_fd){0};
	alert.limit = (struct alert_limit){"fs.inotify.max_user_instances",
					   "inotify instances of this user", true, 128,
					   "fs.inotify.max_user_instances"};
	alert.request = (struct alert_request){"inotify_init1", NULL, EMFILE};
	assert_member(&alert, "fd",
		      "{\"incident\":\"the-incident\",\"limit\":"
		      "\"fs.inotify.max_user_instances\",\"limit_value\":128,"
		      "\"limit_sysctl\":\"fs.inotify.max_user_instances\",\"request\":"
		      "{\"syscall\":\"inotify_init1\",\"error\":\"EMFILE\"}}");

	alert = alert_of(&who, POLICY_FD_RECOVERED);
	alert.fd = (struct alert_fd){0};
	alert.what.reason = POLICY_REASON_LIMIT_RAISED;
	alert.duration_ns = 1500000000ull;
	assert_member(&alert, "fd",
		      "{\"incident\":\"the-incident\",\"reason\":\"limit-raised\"}");

	alert = alert_of(NULL, POLICY_FD_WARNING);
	alert.fd = (struct alert_fd){0};
	alert.group = (struct alert_group){.name = "nginx.service", .processes = 1995};
	assert_member(&alert, "fd",
		      "{\"incident\":\"the-incident\",\"group\":{\"name\":"
		      "\"nginx.service\",\"processes\":1995}}");
}

static void test_system(void **state)
{
	struct alert alert = alert_of(NULL, POLICY_SYSTEM_EXHAUSTED);
	cJSON *json;

	(void)state;
	alert.system = (struct alert_system){true, 950, 1000, 4096, 37};
	assert_member(&alert, "system",
		      "{\"incident\":\"the-incident\",\"allocated\":950,\"max\":1000,"
		      "\"usage\":0.95,\"refused\":{\"enfile\":37}}");
	json = alert_to_json(&alert);
	assert_null(cJSON_GetObjectItemCaseSensitive(json, "fd"));
	assert_null(cJSON_GetObjectItemCaseSensitive(json, "process"));
	cJSON_Delete(json);
	/* the default of a machine under systemd */
	alert.system = (struct alert_system){true, 10, INT64_MAX, 0, 0};
	assert_member(&alert, "system",
		      "{\"incident\":\"the-incident\",\"allocated\":10,"
		      "\"max\":9223372036854775807,\"usage\":0.0,\"refused\":{"
		      "\"enfile\":0}}");
}

static void test_message_levels(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_FD_WARNING);

	(void)state;
	assert_message(&alert, "nginx[1234] has 972 of 1024 descriptors open (95%)");
	alert.fd.used = 1023;
	alert.fd.thread = 1240;
	assert_message(&alert, "nginx[1234] (thread 1240) has 1023 of 1024 descriptors "
			       "open (99%)");
	alert.fd.thread = 0;
	alert.fd.exhaustion_known = true;
	alert.fd.exhausted_in_s = 600;
	alert.what.action = POLICY_FD_LEAK_SUSPECTED;
	assert_message(&alert, "nginx[1234] seems to leak descriptors: 1023 of 1024 "
			       "descriptors open (99%); full in about 10 min");
	alert.fd.exhausted_in_s = 0.3;
	assert_message(&alert, "nginx[1234] seems to leak descriptors: 1023 of 1024 "
			       "descriptors open (99%); full within a second");
	alert.fd.exhausted_in_s = 86400;
	alert.fd.used = 0;
	assert_message(&alert, "nginx[1234] seems to leak descriptors: 0 of 1024 "
			       "descriptors open (0%); full in about 24 h");
	alert.fd.exhausted_in_s = 864000;
	alert.fd.soft_limit = UINT64_MAX;
	assert_message(&alert, "nginx[1234] seems to leak descriptors: 972 descriptors "
			       "open, without a limit; full in about 10 days");
}

static void test_message_refused(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_FD_EXHAUSTED);

	(void)state;
	alert.request = (struct alert_request){"openat", "/var/log/x", EMFILE};
	alert.fd.used = 1024;
	alert.fd.refused_emfile = 1;
	assert_message(&alert, "nginx[1234]: openat refused with EMFILE: all 1024 "
			       "descriptors are taken (path /var/log/x)");
	/* a pair needs two */
	alert.request = (struct alert_request){"pipe2", NULL, EMFILE};
	alert.fd.used = 1023;
	alert.fd.refused_emfile = 37;
	assert_message(&alert, "nginx[1234]: pipe2 refused with EMFILE: 1023 of 1024 "
			       "descriptors are taken; 37 calls were refused");
	alert.request = (struct alert_request){0};
	alert.fd = (struct alert_fd){0};
	assert_message(&alert, "nginx[1234]: a call was refused");
}

static void test_message_other_limit(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_OTHER_LIMIT);

	(void)state;
	alert.fd.used = 124;
	alert.request = (struct alert_request){"inotify_init1", NULL, EMFILE};
	alert.limit = (struct alert_limit){"fs.inotify.max_user_instances",
					   "inotify instances of this user", true, 128,
					   "fs.inotify.max_user_instances"};
	assert_message(&alert,
		       "nginx[1234]: inotify_init1 refused with EMFILE, though the "
		       "table has 900 of 1024 free: inotify instances of this user "
		       "(fs.inotify.max_user_instances = 128)");
	alert.limit =
		(struct alert_limit){.name = "unknown", .text = "an unknown limit"};
	alert.fd.known = false;
	assert_message(&alert,
		       "nginx[1234]: inotify_init1 refused with EMFILE: an unknown "
		       "limit");
}

static void test_message_recovered(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_FD_RECOVERED);

	(void)state;
	alert.what.reason = POLICY_REASON_CLOSED;
	alert.fd.used = 12;
	alert.fd.refused_emfile = 30;
	alert.fd.refused_enfile = 7;
	assert_message(&alert, "nginx[1234] recovered: 12 of 1024 descriptors open; 37 "
			       "calls were refused");
	alert.what.reason = POLICY_REASON_LIMIT_RAISED;
	alert.fd.soft_limit = 4096;
	alert.fd.refused_emfile = 1;
	alert.fd.refused_enfile = 0;
	assert_message(&alert,
		       "nginx[1234] recovered, its limit was raised: 12 of 4096 "
		       "descriptors open; 1 call was refused");
	alert.what.reason = POLICY_REASON_EXITED;
	alert.fd.refused_known = false;
	assert_message(&alert, "nginx[1234] exited");
}

static void test_message_many(void **state)
{
	struct alert alert = alert_of(NULL, POLICY_FD_CRITICAL);

	(void)state;
	alert.group = (struct alert_group){.name = "nginx.service", .processes = 1995};
	assert_message(&alert,
		       "1995 more processes of nginx.service reached the critical "
		       "level of descriptors");
	alert.group.processes = 1;
	alert.what.action = POLICY_FD_EXHAUSTED;
	assert_message(&alert,
		       "1 more process of nginx.service had its calls refused: its "
		       "descriptors are all taken");
	alert.group.processes = 20;
	alert.what.action = POLICY_FD_RECOVERED;
	alert.what.reason = POLICY_REASON_EXITED;
	alert.fd.refused_emfile = 40;
	assert_message(&alert,
		       "20 processes of nginx.service exited; 40 calls were refused");
}

/* What its processes have in common, who they are, and what they add up to. */
static void test_summary(void **state)
{
	static const struct alert_refusal calls[] = {{"openat", EMFILE, 40},
						     {"socket", EMFILE, 2}};
	static const struct alert_member members[] = {
		{7, "web 1", true, 64, 64, 40, false},
		{8, NULL, false, 0, 0, 2, true},
	};
	struct identity who = {.uid = 33,
			       .comm = "web",
			       .command_line = "web --all",
			       .service = "web.service"};
	struct alert alert = alert_of(&who, POLICY_OTHER_LIMIT);

	(void)state;
	alert.fd = (struct alert_fd){.refused_known = true,
				     .refused_emfile = 42,
				     .refused = calls,
				     .refused_len = 2};
	alert.limit = (struct alert_limit){"fs.inotify.max_user_instances",
					   "inotify instances of this user", true, 128,
					   "fs.inotify.max_user_instances"};
	alert.group = (struct alert_group){"web.service", 3, members, 2, 1};
	assert_member(&alert, "fd",
		      "{\"incident\":\"the-incident\","
		      "\"limit\":\"fs.inotify.max_user_instances\",\"limit_value\":128,"
		      "\"limit_sysctl\":\"fs.inotify.max_user_instances\","
		      "\"refused\":{\"emfile\":42,\"enfile\":0,\"by_syscall\":{"
		      "\"openat\":40,\"socket\":2}},"
		      "\"group\":{\"name\":\"web.service\",\"processes\":3,\"alone\":1,"
		      "\"process\":{\"name\":\"web\",\"command_line\":\"web --all\","
		      "\"user\":{\"id\":\"33\",\"name\":\"www-data\"}},"
		      "\"members\":[{\"pid\":7,\"command_line\":\"web 1\",\"used\":64,"
		      "\"soft_limit\":64,\"refused\":40},"
		      "{\"pid\":8,\"refused\":2,\"alone\":true}]}}");
	assert_member(&alert, "service", "{\"name\":\"web.service\"}");
	assert_message(&alert,
		       "3 more processes of web.service (web --all) had calls refused: "
		       "inotify instances of this user (fs.inotify.max_user_instances "
		       "= 128); 42 calls were refused");
}

static void test_ignored(void **state)
{
	struct identity who = {.pid = 7, .uid = (uid_t)-1, .comm = "web"};
	struct alert alert = alert_of(&who, POLICY_FD_RECOVERED);

	(void)state;
	alert.what.reason = POLICY_REASON_IGNORED;
	alert.fd = (struct alert_fd){
		.known = true, .count = 64, .used = 64, .soft_limit = 64};
	assert_message(&alert, "web[7] is ignored from now on, with 64 of 64 "
			       "descriptors open");
	assert_string_equal(policy_reason_name(POLICY_REASON_IGNORED), "ignored");
}

static void test_message_system(void **state)
{
	struct alert alert = alert_of(NULL, POLICY_SYSTEM_WARNING);

	(void)state;
	alert.system = (struct alert_system){true, 950, 1000, 0, 0};
	assert_message(&alert, "the system has 950 of 1000 files open (95%)");
	alert.what.action = POLICY_SYSTEM_EXHAUSTED;
	alert.system.refused_enfile = 2;
	assert_message(&alert, "the system refuses to open files (ENFILE): 950 of 1000 "
			       "files open (95%); 2 calls were refused");
	alert.what.action = POLICY_SYSTEM_RECOVERED;
	alert.system.allocated = 1;
	assert_message(&alert,
		       "the system recovered: 1 of 1000 files open (0%); 2 calls "
		       "were refused");
}

/* Hostile strings stay one line, short, and never cut the sentence's end. */
static void test_message_hostile(void **state)
{
	struct identity who = nginx();
	struct alert alert = alert_of(&who, POLICY_FD_EXHAUSTED);
	char path[2000], text[1024];
	size_t size;

	(void)state;
	memcpy(who.comm, "a\nb\x1b\xff\"", 7);
	memset(path, '\xe2', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	alert.request = (struct alert_request){"openat", path, EMFILE};
	alert_message(&alert, text, sizeof(text));
	assert_memory_equal(text,
			    "a\xef\xbf\xbd"
			    "b\xef\xbf\xbd\xef\xbf\xbd\"[1234]: openat",
			    23);
	assert_non_null(strstr(text, "\xef\xbf\xbd...)"));
	alert.request.path = "/\xe2\x82\xac";
	/* cut anywhere, it is whole characters */
	for (size = 1; size < 120; size++) {
		size_t len = alert_message(&alert, text, size), i = len;

		assert_int_equal(len, strlen(text));
		assert_true(len < size);
		while (i > 0 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
			i--;
		if (i < len) {
			assert_int_equal(len - i, 2);
			assert_true((unsigned char)text[i - 1] >= 0xe0);
		}
	}
}

/* Random bytes in every string: the line is one line and parses to itself. */
static void test_random_strings(void **state)
{
	int round;

	(void)state;
	srandom(2);
	for (round = 0; round < 3000; round++) {
		struct identity who = nginx();
		struct alert alert = alert_of(&who, POLICY_FD_EXHAUSTED);
		char bytes[4][256], *line, *again;
		cJSON *json, *parsed;
		size_t i, j;

		for (i = 0; i < 4; i++) {
			for (j = 0; j < 255; j++)
				bytes[i][j] = (char)(random() % 255 + 1);
			bytes[i][random() % 256] = '\0';
			bytes[i][255] = '\0';
		}
		who.command_line = bytes[0];
		who.executable = bytes[1];
		who.service = bytes[2];
		memcpy(who.comm, bytes[3], 15);
		alert.request.path = bytes[3];
		json = alert_to_json(&alert);
		line = cJSON_PrintUnformatted(json);
		for (i = 0; line[i]; i++)
			assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		parsed = cJSON_Parse(line);
		assert_non_null(parsed);
		again = cJSON_PrintUnformatted(parsed);
		assert_string_equal(line, again);
		free(line);
		free(again);
		cJSON_Delete(json);
		cJSON_Delete(parsed);
	}
}

static void test_ids(void **state)
{
	char one[ALERT_ID_LEN], two[ALERT_ID_LEN];
	int i;

	(void)state;
	alert_new_id(one);
	for (i = 0; i < 100; i++) {
		alert_new_id(two);
		assert_int_equal(strlen(two), 36);
		assert_int_equal(strspn(two, "0123456789abcdef-"), 36);
		assert_int_equal(two[8] + two[13] + two[18] + two[23], 4 * '-');
		assert_int_equal(two[14], '4');
		assert_non_null(strchr("89ab", two[19]));
		assert_string_not_equal(one, two);
	}
}

static void test_timestamps(void **state)
{
	char text[32];

	(void)state;
	alert_timestamp(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	alert_timestamp(1709210096000001999ull, text);
	assert_string_equal(text, "2024-02-29T12:34:56.000001Z");
	alert_timestamp(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551Z");
}

static struct alert leaking(const struct identity *who)
{
	struct alert alert = alert_of(who, POLICY_FD_LEAK_SUSPECTED);

	alert.fd.exhaustion_known = true;
	alert.fd.exhausted_in_s = 1023;
	alert.fd.exhausted_low_s = 920;
	alert.fd.exhausted_high_s = 1120;
	alert.leak = (struct alert_leak){
		.known = true,
		.estimate = {.floor_then = 120,
			     .floor_now = 410,
			     .span_s = 480,
			     .slope_per_s = 0.6,
			     .slope_low_per_s = 0.55,
			     .slope_high_per_s = 0.65,
			     .exhausted_in_s = 1023,
			     .low_s = 920,
			     .high_s = 1120},
		.growing = {{{"tcp", "CLOSE_WAIT", INVENTORY_OUTGOING, 412}, 290},
			    {{"a\033\xff", NULL, INVENTORY_NO_CONNECTION, 40}, 30}},
		.growing_len = 1,
	};
	return alert;
}

static void test_leak(void **state)
{
	struct identity who = {.pid = 123, .comm = "api", .uid = (uid_t)-1};
	struct alert alert = leaking(&who);
	cJSON *json = alert_to_json(&alert), *fd;
	char *text;

	(void)state;
	fd = cJSON_GetObjectItem(json, "fd");
	text = cJSON_PrintUnformatted(cJSON_GetObjectItem(fd, "leak"));
	assert_string_equal(text,
			    "{\"floor_then\":120,\"floor_now\":410,\"over_s\":480,"
			    "\"slope_per_s\":0.6,\"slope_low_per_s\":0.55,"
			    "\"slope_high_per_s\":0.65,\"growing\":[{\"type\":\"tcp\","
			    "\"state\":\"CLOSE_WAIT\",\"direction\":\"outgoing\","
			    "\"count\":412,\"grown\":290}]}");
	free(text);
	assert_true(cJSON_GetObjectItem(fd, "exhausted_in_s_low")->valuedouble == 920);
	assert_true(cJSON_GetObjectItem(fd, "exhausted_in_s_high")->valuedouble ==
		    1120);
	cJSON_Delete(json);
	assert_message(&alert,
		       "api[123] seems to leak descriptors: the floor rose from "
		       "120 to 410 in 8 min (0.6/s ±0.05); the limit of 1024 is "
		       "met in 15 to 19 min; growing: tcp CLOSE_WAIT");

	/* what is full is not "met in" any time */
	alert.fd.used = alert.fd.soft_limit;
	assert_message(&alert,
		       "api[123] seems to leak descriptors: the floor rose from "
		       "120 to 410 in 8 min (0.6/s ±0.05); the limit of 1024 is "
		       "reached; growing: tcp CLOSE_WAIT");
	alert.fd.used = alert.fd.soft_limit - 1;

	/* slow, without an upper bound, and of a kind with a hostile name */
	alert.leak.growing_len = 2;
	alert.leak.estimate.span_s = 6 * 3600;
	alert.leak.estimate.slope_per_s = 0.0111;
	alert.leak.estimate.slope_low_per_s = 0.009;
	alert.leak.estimate.slope_high_per_s = 0.013;
	alert.leak.estimate.low_s = 50000;
	alert.leak.estimate.high_s = INFINITY;
	alert.fd.exhausted_high_s = INFINITY;
	assert_message(&alert,
		       "api[123] seems to leak descriptors: the floor rose from 120 to "
		       "410 in 6 h (0.67/min ±0.1); the limit of 1024 is met in at "
		       "least 14 h; growing: tcp CLOSE_WAIT, a\uFFFD\uFFFD");
	json = alert_to_json(&alert);
	fd = cJSON_GetObjectItem(json, "fd");
	assert_null(cJSON_GetObjectItem(fd, "exhausted_in_s_high"));
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_table_flags),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_members),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_message_levels),
		cmocka_unit_test(test_message_refused),
		cmocka_unit_test(test_message_other_limit),
		cmocka_unit_test(test_message_recovered),
		cmocka_unit_test(test_message_many),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_message_system),
		cmocka_unit_test(test_message_hostile),
		cmocka_unit_test(test_random_strings),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
