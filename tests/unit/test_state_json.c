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

#include "output/state_json.h"

#define BOOT     "374e7244-a1ad-46ec-87bd-ccdbf83b6b51"
#define INCIDENT "0123abcd-0123-4123-8123-0123456789ab"
#define GROUPED  "99999999-0123-4123-8123-0123456789ab"
#define OF_GROUP "aaaaaaaa-0123-4123-8123-0123456789ab"
#define SYSTEM   "bbbbbbbb-0123-4123-8123-0123456789ab"
/* Not to be had as a double. */
#define START    9007199254740993ull

/* One alone with refusals, one in a summary, one sealed. */
static void fill(struct state_document *document)
{
	struct standing *standing = &document->standing;
	struct standing_process *p = standing_add_process(standing);
	const struct tally_call call = {257, EMFILE, START};
	/* gcc warns of a bound that is beyond the text's own array. */
	static const char command[TALLY_COMMAND_MAX] = "many 1";
	struct standing_waiting *waiting;
	struct standing_group *group;

	memcpy(document->boot_id, BOOT, sizeof(BOOT));
	document->start_ticks = 77;
	document->self =
		(struct self_figures){.pid = 5, .snapshot_ns = 1234, .drift = 9};
	strcpy(document->self.sensor, "fexit");
	p->who =
		(struct identity){.pid = 1234, .ppid = 1, .uid = 33, .start_ns = START};
	strcpy(p->who.comm, "ngi\"nx\xff");
	p->who.executable = strdup("/usr/sbin/nginx");
	p->who.command_line = strdup("nginx: \x1b[2J\n worker");
	p->who.service = strdup("nginx.service");
	p->who.container_id = strdup("c0ffee");
	p->who.container_runtime = "podman";
	p->who.pod_uid = strdup("0e51c6f5-1");
	p->who.claimed_by = strdup("user@1000.service");
	p->withheld = true;
	strcpy(p->incident, INCIDENT);
	p->incident_ns = START + 1;
	p->alone = true;
	p->policy = (struct policy_fd){
		.level = POLICY_LEVEL_EXHAUSTED,
		.incident = true,
		.table_seen = true,
		.table_ns = START + 2,
		.last_soft_limit = UINT64_MAX,
		.flaps = 3,
		.other_alerted = 1u << 31,
		.alerted_ns = {0, START + 3, START + 4, START + 5},
		.under_ns = {0, 0, START + 6, START + 7},
		.told_level = POLICY_LEVEL_EXHAUSTED,
		.told_limit = 128,
		.max_used = 64,
	};
	p->refusals = calloc(2, sizeof(*p->refusals));
	p->refusals[0] = (struct standing_refusal){0x8005, EMFILE, UINT64_MAX};
	p->refusals[1] = (struct standing_refusal){0, ENFILE, 1};
	p->refusals_len = 2;

	p = standing_add_process(standing);
	p->who.pid = 8;
	p->who.start_ns = 1;
	p->policy.incident = true;
	p->policy.level = POLICY_LEVEL_WARNING;
	strcpy(p->incident, GROUPED);
	p->group = 3;
	p->waits = 1ull << 43;

	p = standing_add_process(standing);
	p->who.pid = 9;
	p->who.start_ns = 2;
	p->policy.sealed = true;

	group = standing_add_group(standing);
	group->number = 3;
	group->key = strdup("many.service\nmany --all");
	group->title = strdup("many.service");
	group->texts[GROUPING_COMMAND_LINE] = strdup("many --all");
	group->mixed = 1u << GROUPING_USER;
	group->charged_uid = 1000;
	group->opened_ns = START + 7;
	strcpy(group->incident, OF_GROUP);
	waiting = standing_add_waiting(group);
	waiting->what = (struct grouping_waiting){
		POLICY_OTHER_LIMIT, 31, POLICY_REASON_EXITED, 17, 100, 200, NULL};
	waiting->gone = calloc(1, sizeof(*waiting->gone));
	tally_add(waiting->gone,
		  &(struct tally_figures){.pid = 77,
					  .command_line = command,
					  .table_known = true,
					  .used = 3,
					  .soft_limit = UINT64_MAX,
					  .calls = &call,
					  .calls_len = 1},
		  false);

	standing->system.policy.incident = true;
	standing->system.policy.level = POLICY_LEVEL_CRITICAL;
	strcpy(standing->system.incident, SYSTEM);
	standing->system.refused_enfile = 11;
}

static char *text_of(size_t *len)
{
	struct state_document document = {0};
	char *text;

	fill(&document);
	text = state_json_encode(&document, len);
	assert_non_null(text);
	state_json_clear(&document);
	return text;
}

static int decode(const char *text, size_t len, struct state_document *out)
{
	const char *why = NULL;
	int err = state_json_decode(text, len, BOOT, out, &why);

	if (err) {
		assert_non_null(why);
		assert_int_equal(out->standing.processes_len, 0);
		assert_null(out->standing.processes);
	}
	return err;
}

static void same_group(const struct standing_group *back,
		       const struct standing_group *want)
{
	assert_string_equal(back->key, want->key);
	assert_string_equal(back->title, "many.service");
	assert_string_equal(back->texts[GROUPING_COMMAND_LINE], "many --all");
	assert_int_equal(back->mixed, want->mixed);
	assert_int_equal(back->charged_uid, want->charged_uid);
	assert_int_equal(back->opened_ns, START + 7);
	assert_int_equal(back->waiting_len, 1);
	assert_int_equal(back->waiting[0].gone->processes, 1);
	assert_int_equal(back->waiting[0].gone->calls[0].count, START);
	assert_int_equal(back->waiting[0].gone->members_len, 1);
	assert_int_equal(back->waiting[0].gone->members[0].pid, 77);
	assert_int_equal(back->waiting[0].gone->members[0].soft_limit, UINT64_MAX);
	assert_string_equal(back->waiting[0].gone->members[0].command_line, "many 1");
}

static void test_round_trip(void **state)
{
	struct state_document back, want = {0};
	const struct standing_process *p;
	size_t len, again_len;
	char *text = text_of(&len), *again;

	(void)state;
	fill(&want);
	assert_int_equal(strlen(text), len);
	assert_int_equal(decode(text, len, &back), 0);
	assert_int_equal(back.start_ticks, 77);
	assert_int_equal(back.standing.processes_len, 3);
	p = &back.standing.processes[0];
	assert_int_equal(p->who.start_ns, START);
	assert_int_equal(p->who.uid, 33);
	assert_string_equal(p->who.comm, "ngi\"nx\xef\xbf\xbd");
	assert_string_equal(p->who.service, "nginx.service");
	assert_string_equal(p->who.container_id, "c0ffee");
	assert_string_equal(p->who.container_runtime, "podman");
	assert_string_equal(p->who.pod_uid, "0e51c6f5-1");
	assert_string_equal(p->who.claimed_by, "user@1000.service");
	assert_true(p->withheld);
	assert_false(back.standing.processes[1].withheld);
	assert_string_equal(p->incident, INCIDENT);
	assert_int_equal(p->incident_ns, START + 1);
	assert_int_equal(p->policy.level, POLICY_LEVEL_EXHAUSTED);
	assert_true(p->policy.incident && p->policy.table_seen && !p->policy.sealed);
	assert_int_equal(p->policy.table_ns, START + 2);
	assert_int_equal(p->policy.last_soft_limit, UINT64_MAX);
	assert_int_equal(p->policy.flaps, 3);
	assert_int_equal(p->policy.other_alerted, 1u << 31);
	assert_int_equal(p->policy.alerted_ns[3], START + 5);
	assert_int_equal(p->policy.under_ns[2], START + 6);
	assert_int_equal(p->policy.under_ns[3], START + 7);
	assert_int_equal(p->policy.told_level, POLICY_LEVEL_EXHAUSTED);
	assert_int_equal(p->policy.told_limit, 128);
	assert_int_equal(p->policy.max_used, 64);
	assert_int_equal(p->refusals_len, 2);
	assert_int_equal(p->refusals[0].call, 0x8005);
	assert_int_equal(p->refusals[0].error, EMFILE);
	assert_int_equal(p->refusals[0].count, UINT64_MAX);
	assert_int_equal(back.standing.system.policy.level, POLICY_LEVEL_CRITICAL);
	assert_string_equal(back.standing.system.incident, SYSTEM);
	assert_int_equal(back.standing.system.refused_enfile, 11);
	assert_int_equal(back.standing.processes[1].group, 3);
	assert_int_equal(back.standing.processes[1].who.uid, (uid_t)-1);
	assert_true(back.standing.processes[2].policy.sealed);
	assert_int_equal(back.standing.groups_len, 1);
	assert_int_equal(back.standing.processes[1].waits, 1ull << 43);
	same_group(&back.standing.groups[0], &want.standing.groups[0]);
	/* And all that is written. Not the memory: between the members there may be anything. */
	again = state_json_encode(&back, &again_len);
	assert_string_equal(again, text);
	free(again);
	state_json_clear(&back);
	state_json_clear(&want);
	free(text);
}

static void test_truncated_at_every_byte(void **state)
{
	struct state_document back;
	size_t len;
	char *text = text_of(&len);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		/* of its own, so that a sanitizer sees a byte too many */
		char *part = malloc(cut + 1);

		memcpy(part, text, cut);
		assert_int_equal(decode(part, cut, &back), -EINVAL);
		free(part);
	}
	free(text);
}

static void test_damaged_at_every_byte(void **state)
{
	static const char bytes[] = "\0\"0-9{}[],x\xff\n";
	struct state_document back;
	size_t len;
	char *text = text_of(&len);

	(void)state;
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof(bytes); i++) {
			char old = text[at];

			/* may be as good as before: it must only be survived */
			text[at] = bytes[i];
			if (!decode(text, len, &back))
				state_json_clear(&back);
			text[at] = old;
		}
	free(text);
}

static char *replaced(const char *from, const char *to)
{
	size_t len;
	char *text = text_of(&len), *at = strstr(text, from), *out;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to,
			     at + strlen(from)) > 0);
	free(text);
	return out;
}

static void test_refused(void **state)
{
	static const struct {
		const char *from, *to;
		int err;
	} cases[] = {
		{"\"version\":1", "\"version\":2", -ESTALE},
		{"\"version\":1", "\"version\":\"1\"", -EINVAL},
		{BOOT, SYSTEM, -ESTALE},
		{"\"boot\":", "\"root\":", -EINVAL},
		{INCIDENT, "0123ABCD-0123-4123-8123-0123456789ab", -EINVAL},
		{INCIDENT, "0123abcd-0123-4123-8123-0123456789a", -EINVAL},
		{INCIDENT, "", -EINVAL},
		{"\"level\":3", "\"level\":4", -EINVAL},
		{"\"level\":3", "\"level\":-1", -EINVAL},
		{"\"level\":3", "\"level\":1e999", -EINVAL},
		{"\"pid\":1234", "\"pid\":0", -EINVAL},
		{"\"pid\":1234", "\"pid\":2147483648", -EINVAL},
		{"\"9007199254740993\"", "\"18446744073709551616\"", -EINVAL},
		{"\"9007199254740993\"", "\"-1\"", -EINVAL},
		{"\"9007199254740993\"", "9007199254740993", -EINVAL},
		{"\"action\":5", "\"action\":99", -EINVAL},
		{"\"limit\":31", "\"limit\":32", -EINVAL},
		{"\"pid\":77", "\"pid\":-1", -EINVAL},
		{"\"members\":[", "\"members\":7,\"x\":[", -EINVAL},
		{"\"number\":3", "\"number\":0", -EINVAL},
		{"\"number\":3,", "", -EINVAL},
		{"\"error\":24", "\"error\":0", -EINVAL},
		{"\"incident\":true", "\"incident\":false", -EINVAL},
		{"\"processes\":[", "\"processes\":[7,", -EINVAL},
		{"\"self\":{", "\"self\":{\"dropped\":-1,", -EINVAL},
		{"\"fexit\"", "\"fe\\u001bit\"", -EINVAL},
		{"]}\n", "]}\n\n", -EINVAL},
		{"]}\n", "]}x\n", -EINVAL},
	};
	struct state_document back;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = replaced(cases[i].from, cases[i].to);
		int err = decode(text, strlen(text), &back);

		if (err != cases[i].err)
			print_error("%s -> %s: %d\n", cases[i].from, cases[i].to, err);
		assert_int_equal(err, cases[i].err);
		free(text);
	}
}

static void test_no_boot_id_is_no_match(void **state)
{
	struct state_document back;
	const char *why;
	char *text = replaced(BOOT, "");

	(void)state;
	assert_int_equal(state_json_decode(text, strlen(text), "", &back, &why),
			 -ESTALE);
	free(text);
}

static void test_huge(void **state)
{
	size_t len = STATE_JSON_MAX + 1;
	struct state_document back;
	char *text = malloc(len);

	(void)state;
	memset(text, ' ', len);
	assert_int_equal(decode(text, len, &back), -EINVAL);
	memset(text, '[', len); /* nested as deep as it goes */
	assert_int_equal(decode(text, len - 1, &back), -EINVAL);
	free(text);
}

static void test_too_many(void **state)
{
	struct state_document document = {0}, back;
	struct standing_process *p;
	size_t len;
	char *text, *evil = malloc(STANDING_TEXT_MAX + 1);

	(void)state;
	memset(evil, 0x01, STANDING_TEXT_MAX);
	evil[STANDING_TEXT_MAX] = 0;
	memcpy(document.boot_id, BOOT, sizeof(BOOT));
	while ((p = standing_add_process(&document.standing))) {
		p->who.pid = (pid_t)document.standing.processes_len;
		p->who.start_ns = 1;
		p->policy.incident = true;
		strcpy(p->incident, INCIDENT);
		p->who.executable = strdup(evil);
		p->who.command_line = strdup(evil);
		p->who.service = strdup(evil);
		p->who.container_id = strdup(evil);
	}
	assert_int_equal(document.standing.processes_len, STANDING_PROCESSES_MAX);
	document.start_ticks = 1;
	text = state_json_encode(&document, &len);
	assert_non_null(text);
	assert_true(len <= STATE_JSON_MAX);
	assert_int_equal(decode(text, len, &back), 0);
	assert_int_equal(back.standing.processes_len, STANDING_PROCESSES_MAX);
	state_json_clear(&back);
	state_json_clear(&document);
	free(text);
	free(evil);
}

static void test_self_of_one_snapshot(void **state)
{
	struct self_figures self = {
		.snapshot = "prog-run", .snapshot_ns = 12, .torn = 0};
	cJSON *root = cJSON_CreateObject();
	char *text;

	(void)state;
	assert_int_equal(self_add(root, &self), 0);
	text = cJSON_PrintUnformatted(root);
	assert_string_equal(text,
			    "{\"self\":{\"snapshot\":\"prog-run\",\"snapshot_ns\":12,"
			    "\"torn\":0}}");
	cJSON_free(text);
	cJSON_Delete(root);
}

static void test_losses_have_room(void **state)
{
	struct self_figures self = {.torn = 1, .state_failures = 2};
	struct self_loss losses[SELF_LOSSES];

	(void)state;
	self_losses(&self, losses);
	assert_string_equal(losses[0].name, "torn");
	assert_string_equal(losses[SELF_LOSSES - 1].name, "state_failures");
	assert_int_equal(losses[SELF_LOSSES - 1].value, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_damaged_at_every_byte),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_boot_id_is_no_match),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_self_of_one_snapshot),
		cmocka_unit_test(test_losses_have_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
