/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/roster.h"
#include "policy/program.h"
#include "state/user_names.h"

/* 2026-01-02T03:04:05.678901Z */
#define NOW_NS  1767323045678901000ull
#define BOOT_NS 1766000000000001000ull

static struct roster_row make_row(pid_t pid, uint64_t start_ns, const char *comm,
				  uint64_t used)
{
	struct roster_row row = {
		.who = {.pid = pid, .start_ns = start_ns, .ppid = 1, .uid = 33},
		.fd = {.known = true,
		       .count = used + 2,
		       .used = used,
		       .soft_limit = 1024,
		       .hard_limit = 4096},
	};

	snprintf(row.who.comm, sizeof(row.who.comm), "%s", comm);
	return row;
}

/* Two processes of which all is known that can be, and one of which nothing is. */
static void make(struct roster *out, uint64_t number)
{
	*out = (struct roster){
		.number = number,
		.realtime_ns = NOW_NS,
		.interval_ns = 1000000000,
		.host_name = "web-3",
		.boot_id = "374e7244-a1ad-46ec-87bd-ccdbf83b6b51",
		.boot_realtime_ns = BOOT_NS,
		.system = {.known = true,
			   .allocated = 9984,
			   .max = INT64_MAX,
			   .nr_open = 1048576},
		.self = {.pid = 77, .sensor = "tracepoint", .processes = 3},
		.alerts = {0, 1, 2, 3},
		.refused = 1234,
		.rows = calloc(4, sizeof(struct roster_row)),
		.len = 3,
	};
	out->rows[0] = make_row(30, 9007199254740993ull, "nginx", 972);
	out->rows[0].who.executable = strdup("/usr/sbin/nginx");
	out->rows[0].who.command_line = strdup("nginx: \xff worker");
	out->rows[0].who.service = strdup("nginx.service");
	out->rows[0].level = POLICY_LEVEL_CRITICAL;
	snprintf(out->rows[0].incident, ALERT_ID_LEN,
		 "9321a9c8-04a7-4eb2-af5f-6a4f0812971c");
	out->rows[0].refused = 17;
	out->rows[0].fd.growth_known = out->rows[0].fd.exhaustion_known = true;
	out->rows[0].fd.growth_per_s = -1.25;
	out->rows[0].fd.exhausted_in_s = 41;
	out->rows[0].fd.counters_known = true;
	out->rows[0].fd.opened = 5;
	out->rows[0].fd.closed = 4;
	out->rows[1] = make_row(4, 200, "java", 100);
	out->rows[1].fd.soft_limit = out->rows[1].fd.hard_limit = UINT64_MAX;
	out->rows[1].fd.sealed = out->rows[1].fd.torn = true;
	out->rows[1].fd.thread = 5;
	out->rows[0].fd.managed = true;
	out->rows[0].fd.effective_limit = out->rows[0].fd.soft_limit - 1;
	out->rows[0].fd.program = program_find(NULL, "redis-server")->title;
	out->rows[0].fd.reason = program_find(NULL, "redis-server")->managed;
	out->rows[1].fd.tables = 2;
	out->rows[1].fd.shared_with = 3;
	out->rows[1].who.container_id = strdup("abc");
	out->rows[1].who.claimed_by = strdup("user@1000.service");
	out->rows[1].who.container_runtime = "docker";
	out->rows[1].who.pod_uid = strdup("pod-1");
	out->rows[1].who.denied = true;
	out->rows[2] =
		(struct roster_row){.who = {.pid = 7, .start_ns = 1, .uid = (uid_t)-1}};
	roster_sort(out);
}

/* As the client gets it: as text. */
static int send_over(struct roster *to, const struct roster *from, uint64_t since,
		     const struct roster_key *gone, size_t gone_len)
{
	cJSON *json = roster_to_json(from, since, gone, gone_len);
	char *text = cJSON_PrintUnformatted(json);
	int err;

	cJSON_Delete(json);
	json = cJSON_Parse(text);
	assert_non_null(json);
	free(text);
	err = roster_apply_json(to, json);
	cJSON_Delete(json);
	return err;
}

static void assert_same_text(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_ptr_equal(a, b);
}

static void assert_same_row(const struct roster_row *a, const struct roster_row *b)
{
	assert_int_equal(a->who.pid, b->who.pid);
	assert_int_equal(a->who.start_ns, b->who.start_ns);
	assert_int_equal(a->who.ppid, b->who.ppid);
	assert_int_equal(a->who.uid, b->who.uid);
	assert_string_equal(a->who.comm, b->who.comm);
	assert_same_text(a->who.executable, b->who.executable);
	assert_same_text(a->who.service, b->who.service);
	assert_same_text(a->who.container_id, b->who.container_id);
	assert_same_text(a->who.claimed_by, b->who.claimed_by);
	assert_same_text(a->who.container_runtime, b->who.container_runtime);
	assert_same_text(a->who.pod_uid, b->who.pod_uid);
	assert_int_equal(a->who.denied, b->who.denied);
	assert_int_equal(a->level, b->level);
	assert_string_equal(a->incident, b->incident);
	assert_int_equal(a->refused, b->refused);
}

/* All of it that is sent. Not the memory: between the members there may be anything. */
static void assert_same_json(const struct roster *a, const struct roster *b)
{
	cJSON *json_a = roster_to_json(a, 0, NULL, 0),
	      *json_b = roster_to_json(b, 0, NULL, 0);
	char *text_a = cJSON_PrintUnformatted(json_a),
	     *text_b = cJSON_PrintUnformatted(json_b);

	assert_string_equal(text_a, text_b);
	free(text_a);
	free(text_b);
	cJSON_Delete(json_a);
	cJSON_Delete(json_b);
}

static void assert_same(const struct roster *a, const struct roster *b)
{
	assert_same_json(a, b);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->realtime_ns, b->realtime_ns);
	assert_int_equal(a->interval_ns, b->interval_ns);
	assert_int_equal(a->boot_realtime_ns, b->boot_realtime_ns);
	assert_string_equal(a->host_name, b->host_name);
	assert_string_equal(a->boot_id, b->boot_id);
	assert_memory_equal(a->alerts, b->alerts, sizeof(a->alerts));
	assert_int_equal(a->refused, b->refused);
	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++)
		assert_same_row(&a->rows[i], &b->rows[i]);
}

static void full_comes_back_whole(void **state)
{
	struct roster sent, got = {0};

	(void)state;
	make(&sent, 42);
	assert_int_equal(send_over(&got, &sent, 0, NULL, 0), 0);
	assert_same(&sent, &got);
	assert_string_equal(got.rows[2].who.command_line, "nginx: \xef\xbf\xbd worker");
	/* again over what is there */
	assert_int_equal(send_over(&got, &sent, 0, NULL, 0), 0);
	assert_same(&sent, &got);
	roster_clear(&sent);
	roster_clear(&got);
}

static void rows_are_found(void **state)
{
	struct roster r;

	(void)state;
	make(&r, 1);
	assert_int_equal(r.rows[0].who.pid, 4);
	assert_int_equal(r.rows[2].who.pid, 30);
	assert_ptr_equal(roster_find(&r, 7, 0), &r.rows[1]);
	assert_ptr_equal(roster_find(&r, 4, 200), &r.rows[0]);
	assert_null(roster_find(&r, 4, 201));
	assert_null(roster_find(&r, 5, 0));
	assert_null(roster_find(&r, 1, 0));
	/* of two with one pid, the newest */
	r.rows[3] = make_row(7, 900, "new", 1);
	r.len = 4;
	roster_sort(&r);
	assert_int_equal(roster_find(&r, 7, 0)->who.start_ns, 900);
	assert_int_equal(roster_find(&r, 7, 1)->who.start_ns, 1);
	roster_clear(&r);
	assert_null(roster_find(&r, 7, 0));
}

static void delta_has_only_what_changed(void **state)
{
	struct roster now, got = {0};
	struct roster_key gone[] = {{4, 200}, {999, 1}};
	cJSON *json;

	(void)state;
	make(&now, 42);
	assert_int_equal(send_over(&got, &now, 0, NULL, 0), 0);
	/* pid 4 exits and is used anew, nginx grows, the third stays as it was */
	now.number = 43;
	roster_row_clear(&now.rows[0]);
	now.rows[0] = make_row(4, 700, "sh", 3);
	now.rows[0].changed = now.rows[2].changed = 43;
	now.rows[2].fd.used = 980;
	roster_sort(&now);
	json = roster_to_json(&now, 42, gone, 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "processes")), 2);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "full")));
	cJSON_Delete(json);
	assert_int_equal(send_over(&got, &now, 42, gone, 2), 0);
	assert_same(&now, &got);
	assert_int_equal(roster_find(&got, 30, 0)->changed, 43);
	assert_int_equal(roster_find(&got, 7, 0)->changed, 42);
	/* one that is not to this roster */
	now.number = 45;
	assert_int_equal(send_over(&got, &now, 44, NULL, 0), -ESTALE);
	assert_int_equal(got.number, 43);
	assert_int_equal(got.len, 3);
	roster_clear(&now);
	roster_clear(&got);
}

static void copy_is_its_own(void **state)
{
	struct roster a, b;

	(void)state;
	make(&a, 9);
	assert_int_equal(roster_copy(&b, &a), 0);
	assert_same(&a, &b);
	assert_ptr_not_equal(a.rows[2].who.executable, b.rows[2].who.executable);
	roster_clear(&a);
	assert_string_equal(b.rows[2].who.executable, "/usr/sbin/nginx");
	roster_clear(&b);
}

/* Each is wrong in one place. */
static void nonsense_is_refused(void **state)
{
#define HEAD                                                                           \
	"\"@timestamp\":\"2026-01-02T03:04:05.678901Z\",\"host\":{\"name\":\"x\","     \
	"\"boot\":{\"time\":\"2026-01-01T00:00:00.000000Z\"}},\"system\":{},\"self\":" \
	"{}"
#define DOCUMENT(row) "{\"number\":3,\"full\":true," HEAD ",\"processes\":[" row "]}"
	static const char *const wrong[] = {
		"{}",
		"[]",
		"3",
		"{\"full\":true}",
		"{\"number\":0,\"full\":true," HEAD ",\"processes\":[]}",
		"{\"number\":-1,\"full\":true," HEAD ",\"processes\":[]}",
		"{\"number\":1e300,\"full\":true," HEAD ",\"processes\":[]}",
		"{\"number\":3,\"full\":1," HEAD ",\"processes\":[]}",
		"{\"number\":3,\"full\":true," HEAD ",\"processes\":{}}",
		"{\"number\":3,\"full\":true," HEAD "}",
		"{\"number\":3,\"full\":false," HEAD ",\"processes\":[]}",
		"{\"number\":3,\"full\":true,\"processes\":[]}",
		DOCUMENT("7"),
		DOCUMENT("{}"),
		DOCUMENT("{\"process\":{\"pid\":0},\"watch\":{\"start_ns\":\"1\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1e12},\"watch\":{\"start_ns\":\"1\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1},\"watch\":{\"start_ns\":\"-1\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1},\"watch\":{\"start_ns\":1}}"),
		DOCUMENT("{\"process\":{\"pid\":1},\"watch\":{\"start_ns\":\"1\","
			 "\"level\":\"dire\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1,\"user\":{\"id\":\"x\"}},"
			 "\"watch\":{\"start_ns\":\"1\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1},\"fd\":{\"count\":\"1\"},"
			 "\"watch\":{\"start_ns\":\"1\"}}"),
		DOCUMENT("{\"process\":{\"pid\":1},\"fd\":{\"tables\":5e9},"
			 "\"watch\":{\"start_ns\":\"1\"}}"),
	};
	struct roster got;
	cJSON *json;

	(void)state;
	make(&got, 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json = cJSON_Parse(wrong[i]);
		assert_non_null(json);
		if (roster_apply_json(&got, json) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(got.number, 8);
		cJSON_Delete(json);
	}
	/* and right */
	json = cJSON_Parse(DOCUMENT("{\"process\":{\"pid\":1,\"name\":"
				    "\"a name that is longer than one can be\"},"
				    "\"watch\":{\"start_ns\":\"1\"},\"new\":[1]}"));
	assert_int_equal(roster_apply_json(&got, json), 0);
	assert_int_equal(got.len, 1);
	assert_string_equal(got.rows[0].who.comm, "a name that is ");
	assert_false(got.rows[0].fd.known);
	cJSON_Delete(json);
	roster_clear(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_comes_back_whole),
		cmocka_unit_test(rows_are_found),
		cmocka_unit_test(delta_has_only_what_changed),
		cmocka_unit_test(copy_is_its_own),
		cmocka_unit_test(nonsense_is_refused),
	};

	user_names_set_file("/dev/null");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
