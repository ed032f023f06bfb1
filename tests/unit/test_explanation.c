/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What explains an alert, as JSON and as a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "between.h"
#include "output/alert.h"
#include "output/view_inspect.h"

#define CLOSE_WAIT 8 /* linux/tcp_states.h */
#define MANY       300
#define FILES      40
#define NASTY      "\"'\n\t\033[31m\xff\xe2\x80\xae\x7f\\"

static struct descriptor descriptors[MANY + FILES];
static char long_path[4096];

static void make_descriptors(void)
{
	for (uint32_t i = 0; i < MANY + FILES; i++) {
		struct descriptor *d = &descriptors[i];

		*d = (struct descriptor){.fd = i, .file = 1000 + i, .inode = 5000 + i};
		if (i >= MANY) {
			/* each in a directory of its own: no two in a group */
			static char paths[FILES][64];

			snprintf(paths[i - MANY], sizeof(paths[0]),
				 "/srv/%c%u/%u" NASTY, 'a' + (int)(i % 26), i * 7919,
				 i);
			d->kind = DESCRIPTOR_FILE;
			d->path = paths[i - MANY];
			d->deleted = i == MANY;
			continue;
		}
		d->kind = DESCRIPTOR_SOCKET;
		d->family = AF_INET;
		d->type = SOCK_STREAM;
		d->protocol = IPPROTO_TCP;
		d->state = CLOSE_WAIT;
		d->local = (struct descriptor_end){
			AF_INET, (uint16_t)(40000 + i), {127, 0, 0, 1}};
		d->peer = (struct descriptor_end){AF_INET, 443, {10, 0, 0, 7}};
	}
	memset(long_path, 'x', sizeof(long_path) - 1);
	memcpy(long_path, "/srv/" NASTY, sizeof("/srv/" NASTY) - 1);
	descriptors[MANY + 1].path = long_path;
}

static struct explanation explain(void)
{
	struct diagnosis_history history = {.used = MANY + FILES, .soft_limit = 350};
	struct explanation why = {0};

	make_descriptors();
	why.inventory = inventory_new(descriptors, MANY + FILES, 100);
	assert_non_null(why.inventory);
	why.diagnoses_len = diagnosis_make(why.inventory, &history, why.diagnoses);
	why.origin_known = true;
	why.origin = (struct origin){
		.kind = ORIGIN_UNIT,
		.soft = 350,
		.hard = UINT64_MAX,
		.line = 3,
		.soft_raised = true,
		.parent = 17,
		.owner = 1000,
		.user = strdup("alice"),
		.file = strdup("/etc/systemd/system/app.service.d/limits.conf"),
		.setting = strdup("LimitNOFILE=350"),
		.unit = strdup("app.service"),
		.parent_name = strdup("sh" NASTY),
		.evidence = strdup("the drop-in sets it" NASTY),
		.denied = strdup("/root/.profile: Permission denied"),
	};
	why.advice[0] = (struct advice){
		.action = ADVICE_DROP_IN,
		.value = 4096,
		.bandage = true,
		.text = strdup(
			"Raise it in a drop-in of the unit, which takes effect when it "
			"is restarted, and mind that it only puts it off."),
		.file = strdup("/etc/systemd/system/app.service.d/50-limit.conf"),
		.content = strdup("[Service]\nLimitNOFILE=4096\n"),
		.commands_len = 2,
	};
	assert_int_equal(
		command_write(&why.advice[0].commands[0], "/etc/x" NASTY, "a\n"), 0);
	assert_int_equal(command_make(&why.advice[0].commands[1],
				      "systemctl restart %s", "app.service"),
			 0);
	why.advice_len = 1;
	return why;
}

static cJSON *to_json(const struct explanation *why,
		      const struct explanation_form *form)
{
	cJSON *root = cJSON_CreateObject(), *fd = cJSON_AddObjectToObject(root, "fd");

	assert_int_equal(explanation_add_fd(fd, why, form), 0);
	assert_int_equal(explanation_add(root, why, form), 0);
	return root;
}

static const cJSON *at(const cJSON *root, const char *path)
{
	char copy[128], *part, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	while (root && (part = strsep(&rest, ".")))
		root = *part >= '0' && *part <= '9'
			       ? cJSON_GetArrayItem(root, atoi(part))
			       : cJSON_GetObjectItemCaseSensitive(root, part);
	return root;
}

static void expect_text(const cJSON *root, const char *path, const char *wanted)
{
	assert_non_null(at(root, path));
	assert_string_equal(cJSON_GetStringValue(at(root, path)), wanted);
}

static void expect_number(const cJSON *root, const char *path, double wanted)
{
	assert_non_null(at(root, path));
	assert_true(cJSON_GetNumberValue(at(root, path)) == wanted);
}

/* ---- JSON ---- */

static void as_json(void **state)
{
	struct explanation why = explain();
	cJSON *root = to_json(&why, &explanation_in_alert);

	(void)state;
	expect_text(root, "fd.types.0.type", "tcp");
	expect_number(root, "fd.types.0.count", MANY);
	expect_text(root, "fd.types.1.type", "file");
	expect_number(root, "fd.deleted", 1);
	expect_number(root, "fd.groups.0.count", MANY);
	expect_text(root, "fd.groups.0.state", "CLOSE_WAIT");
	expect_text(root, "fd.groups.0.where", "10.0.0.7:443");
	expect_text(root, "fd.groups.0.direction", "outgoing");
	assert_null(at(root, "fd.unexplained"));
	expect_text(root, "diagnosis.0.rule", "close-wait");
	assert_true(cJSON_IsTrue(at(root, "diagnosis.0.leak")));
	expect_text(root, "limit.origin", "systemd-unit");
	expect_number(root, "limit.soft", 350);
	assert_null(at(root, "limit.hard")); /* unlimited is no number */
	expect_number(root, "limit.line", 3);
	assert_true(cJSON_IsTrue(at(root, "limit.raised_by_process")));
	expect_number(root, "limit.parent.pid", 17);
	expect_text(root, "limit.user.id", "1000");
	expect_text(root, "limit.user.name", "alice");
	assert_null(at(root, "limit.changed_since"));
	assert_null(at(root, "limit.in_container"));
	cJSON_Delete(root);
	why.origin.stale = why.origin.inside = true;
	why.origin.raised_by = 16;
	why.origin.owner = (uid_t)-1;
	root = to_json(&why, &explanation_in_alert);
	assert_true(cJSON_IsTrue(at(root, "limit.changed_since")));
	assert_true(cJSON_IsTrue(at(root, "limit.in_container")));
	assert_true(cJSON_IsFalse(at(root, "limit.raised_by_process")));
	assert_null(at(root, "limit.user"));
	expect_text(root, "advice.0.action", "systemd-drop-in");
	expect_number(root, "advice.0.value", 4096);
	assert_true(cJSON_IsTrue(at(root, "advice.0.bandage")));
	expect_text(root, "advice.0.content", "[Service]\nLimitNOFILE=4096\n");
	expect_text(root, "advice.0.commands.1", "systemctl restart app.service");
	expect_text(root, "advice.0.steps.1.argv.1", "restart");
	expect_text(root, "advice.0.steps.1.argv.2", "app.service");
	assert_null(at(root, "advice.0.steps.1.argv.3"));
	assert_null(at(root, "advice.0.steps.1.inexact"));
	/* what JSON does not take is exact in the text */
	expect_text(root, "advice.0.steps.0.argv.0", "tee");
	expect_text(root, "advice.0.steps.0.stdin", "a\n");
	assert_true(cJSON_IsTrue(at(root, "advice.0.steps.0.inexact")));
	cJSON_Delete(root);
	explanation_clear(&why);
}

/* An alert has 10 groups at the most; the others are counted. */
static void groups_are_bounded(void **state)
{
	struct explanation why = explain();
	cJSON *root = to_json(&why, &explanation_in_alert);
	double grouped = 0;

	(void)state;
	assert_between(cJSON_GetArraySize(at(root, "fd.groups")), 1, 10);
	for (int i = 0; i < cJSON_GetArraySize(at(root, "fd.groups")); i++)
		grouped += cJSON_GetNumberValue(
			at(cJSON_GetArrayItem(at(root, "fd.groups"), i), "count"));
	if (grouped < MANY + FILES)
		expect_number(root, "fd.ungrouped", MANY + FILES - grouped);
	else
		assert_null(at(root, "fd.ungrouped"));
	cJSON_Delete(root);
	explanation_clear(&why);
}

/* No control character but in paths, where tab and newline are theirs; and of what is
 * long in an alert the beginning. */
static void check_texts(const cJSON *item, size_t max)
{
	const cJSON *child;

	cJSON_ArrayForEach (child, item) {
		const char *text = cJSON_GetStringValue(child);

		for (const char *c = text; c && *c; c++)
			assert_true((unsigned char)*c >= 0x20 || *c == '\n' ||
				    *c == '\t');
		assert_true(!text || !strstr(text, "\x7f"));
		assert_true(!text || !max || strlen(text) <= max + 3);
		check_texts(child, max);
	}
}

static void hostile(void **state)
{
	struct explanation why = explain();
	cJSON *root = to_json(&why, &explanation_in_alert);

	(void)state;
	check_texts(root, explanation_in_alert.text_max);
	/* a sentence is one line */
	assert_null(strchr(cJSON_GetStringValue(at(root, "limit.evidence")), '\n'));
	cJSON_Delete(root);
	root = to_json(&why, &explanation_in_full);
	check_texts(root, 0);
	cJSON_Delete(root);
	explanation_clear(&why);
}

/* What is not known is not there; what was looked for and not found is empty. */
static void in_parts(void **state)
{
	struct explanation whole = explain(), why = {0};
	cJSON *root;

	(void)state;
	snprintf(why.unexplained, sizeof(why.unexplained), "it was gone");
	root = to_json(&why, &explanation_in_alert);
	expect_text(root, "fd.unexplained", "it was gone");
	assert_int_equal(cJSON_GetArraySize(at(root, "fd")), 1);
	assert_int_equal(cJSON_GetArraySize(root), 1);
	cJSON_Delete(root);

	why.inventory = inventory_new(descriptors, 1, 10);
	why.left_out = 7;
	root = to_json(&why, &explanation_in_alert);
	assert_int_equal(cJSON_GetArraySize(at(root, "diagnosis")), 0);
	expect_number(root, "fd.left_out", 7);
	assert_null(at(root, "limit"));
	assert_null(at(root, "advice"));
	cJSON_Delete(root);

	explanation_take_limit(&why, &whole);
	assert_false(whole.origin_known);
	assert_null(whole.origin.file);
	root = to_json(&why, &explanation_in_alert);
	expect_text(root, "limit.unit", "app.service");
	cJSON_Delete(root);
	explanation_clear(&why);
	explanation_clear(&whole);
}

static void leaks(void **state)
{
	struct explanation why = {0};

	(void)state;
	assert_null(explanation_leak(&why));
	why.diagnoses_len = 2;
	assert_null(explanation_leak(&why));
	why.diagnoses[1].leak = true;
	assert_ptr_equal(explanation_leak(&why), &why.diagnoses[1]);
}

/* ---- the alert ---- */

static void expect_beginning(const char *text, const char *wanted)
{
	if (strncmp(text, wanted, strlen(wanted)) != 0)
		assert_string_equal(text, wanted);
}

static void in_the_message(void **state)
{
	struct explanation why = explain();
	struct identity who = {.pid = 1234, .comm = "nginx", .uid = 33};
	struct alert alert = {
		.what.action = POLICY_FD_CRITICAL,
		.incident = "i",
		.who = &who,
		.fd = {.known = true,
		       .count = 340,
		       .used = 340,
		       .soft_limit = 350,
		       .hard_limit = 350,
		       .exhaustion_known = true,
		       .exhausted_in_s = 41},
		.why = &why,
	};
	char text[1024];
	cJSON *root;

	(void)state;
	alert_message(&alert, text, sizeof(text));
	expect_beginning(text,
			 "nginx[1234] has 340 of 350 descriptors open (97%); full "
			 "in about 41 s; 300 tcp CLOSE_WAIT \u2192 10.0.0.7:443");
	root = alert_to_json(&alert);
	expect_number(root, "fd.groups.0.count", MANY);
	expect_text(root, "diagnosis.0.rule", "close-wait");
	cJSON_Delete(root);

	alert.what.action = POLICY_FD_DETAILS;
	alert_message(&alert, text, sizeof(text));
	expect_beginning(text, "nginx[1234] has 340 of 350 descriptors open (97%): 300 "
			       "tcp CLOSE_WAIT \u2192 10.0.0.7:443; the limit");
	assert_non_null(strstr(text,
			       "; the limit is set by LimitNOFILE=350 "
			       "(/etc/systemd/system/app.service.d/limits.conf:3)"));
	why.diagnoses_len = 0;
	alert_message(&alert, text, sizeof(text));
	/* never silent about what it is */
	assert_non_null(strstr(text, "(97%): 300 tcp CLOSE_WAIT"));
	explanation_clear(&why);
}

static void limit_raised(void **state)
{
	struct identity who = {.pid = 1234, .comm = "nginx", .uid = 33};
	struct alert alert = {
		.what.action = POLICY_FD_LIMIT_RAISED,
		.incident = "i",
		.who = &who,
		.fd = {.known = true,
		       .used = 972,
		       .count = 972,
		       .soft_limit = 1280,
		       .hard_limit = 4096},
		.soft_limit_before = 1024,
	};
	char text[256];
	cJSON *root = alert_to_json(&alert);

	(void)state;
	alert_message(&alert, text, sizeof(text));
	assert_string_equal(text,
			    "the soft limit of nginx[1234] was raised from 1024 to "
			    "1280; its hard limit is 4096");
	expect_text(root, "event.action", "fd-limit-raised");
	expect_number(root, "fd.soft_limit", 1280);
	expect_number(root, "fd.soft_limit_before", 1024);
	cJSON_Delete(root);
}

/* ---- the page ---- */

static char *print(const struct view_inspect *view, struct page page)
{
	char *text = NULL;
	size_t len = 0;

	page.out = open_memstream(&text, &len);
	assert_int_equal(view_inspect_page(view, &page), 0);
	fclose(page.out);
	return text;
}

static void expect_harmless(const char *text, bool ascii)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		assert_true((c >= 0x20 && c != 0x7f) || c == '\n');
		assert_true(!ascii || c < 0x80);
	}
}

static void as_a_page(void **state)
{
	struct explanation why = explain();
	struct identity who = {.pid = 1234,
			       .comm = "a\n\033[31m\xff",
			       .uid = 33,
			       .command_line = (char *)"nginx -g " NASTY};
	struct alert_fd fd = {.known = true,
			      .count = 340,
			      .used = 340,
			      .soft_limit = 350,
			      .hard_limit = 350,
			      .growth_known = true,
			      .growth_per_s = 8,
			      .exhaustion_known = true,
			      .exhausted_in_s = 1.25};
	struct view_inspect view = {
		.who = &who,
		.fd = &fd,
		.growth_over_ns = 250000000,
		.why = &why,
		.unseen = {"the executable" NASTY},
		.unseen_len = 1,
	};
	char *text = print(&view, (struct page){.utf8 = true, .width = 80});

	(void)state;
	expect_harmless(text, false);
	assert_non_null(
		strstr(text, "  340 of 350 descriptors open (97%), hard limit 350\n"));
	assert_non_null(
		strstr(text, "  +2 in 0.25 s: at this rate full in about 1 s\n"));
	assert_non_null(strstr(text, "\nWhat is open\n  300   88%  tcp\n"));
	assert_non_null(strstr(text, "\n  300 tcp CLOSE_WAIT \u2192 10.0.0.7:443\n"));
	assert_non_null(strstr(text, "\nWhat is wrong\n  Leak: "));
	assert_non_null(strstr(text, "\n    /etc/systemd/system/app.service.d/"
				     "limits.conf:3\n    LimitNOFILE=350\n"));
	assert_non_null(strstr(text, "\nWhat to change\n  1. Raise it in a drop-in"));
	assert_non_null(strstr(text, "\n       [Service]\n       LimitNOFILE=4096\n"));
	assert_non_null(
		strstr(text, "\n     Commands:\n       printf 'a\\n' > $'/etc/x"));
	assert_non_null(strstr(text, "\n       systemctl restart app.service\n"));
	assert_non_null(strstr(text, "\nWhat could not be seen\n  - the executable"));
	free(text);
	text = print(&view, (struct page){.utf8 = false, .width = 80});
	expect_harmless(text, true);
	assert_non_null(strstr(text, "\n  300 tcp CLOSE_WAIT -> 10.0.0.7:443\n"));
	free(text);
	explanation_clear(&why);
}

/* No advice is not always nothing to be done. */
static void a_page_without_advice(void **state)
{
	struct explanation why = {.origin_known = true};
	struct identity who = {.pid = 1, .uid = (uid_t)-1};
	struct alert_fd fd = {.known = true,
			      .count = 34,
			      .used = 34,
			      .soft_limit = 100,
			      .hard_limit = 100};
	struct view_inspect view = {.who = &who, .fd = &fd, .why = &why};
	const struct page plain = {.utf8 = true, .width = 80};
	char *text = print(&view, plain);

	(void)state;
	assert_non_null(strstr(text, "\nWhat to change\n  Nothing.\n"));
	free(text);
	why.origin.restart = strdup("The file" NASTY " has 70.");
	text = print(&view, plain);
	expect_harmless(text, false);
	assert_non_null(strstr(text, "\n  Nothing right now.\n  The file"));
	free(text);
	fd.growth_known = fd.exhaustion_known = true;
	fd.growth_per_s = 7;
	fd.exhausted_in_s = 9.4;
	text = print(&view, plain);
	assert_null(strstr(text, "Nothing"));
	assert_non_null(strstr(text, "at this rate it is full in about 9 s"));
	free(text);
	fd.exhausted_in_s = 4000;
	text = print(&view, plain);
	assert_non_null(strstr(text, "Nothing right now."));
	free(text);
	explanation_clear(&why);
}

/* That calls are refused, how many, which, since when; and what full means where none was. */
static void a_page_with_refusals(void **state)
{
	const struct alert_refusal calls[] = {{"openat", EMFILE, 100},
					      {"accept4", EMFILE, 20},
					      {"inotify_init1", EINVAL, 3}};
	const uint64_t second_ns = 1000000000;
	struct explanation why = {.unexplained = "it was gone"};
	struct identity who = {.pid = 1, .uid = (uid_t)-1};
	struct alert_fd fd = {.known = true,
			      .count = 64,
			      .used = 64,
			      .soft_limit = 64,
			      .hard_limit = 64};
	struct view_inspect view = {
		.who = &who, .fd = &fd, .why = &why, .realtime_ns = 1000 * second_ns};
	const struct page wide = {.utf8 = true, .width = 200};
	cJSON *root;
	char *text;

	(void)state;
	text = print(&view, wide);
	assert_non_null(strstr(text, "It is full: each call that opens a descriptor is "
				     "refused (EMFILE). How many were"));
	free(text);
	fd.refused_known = true;
	text = print(&view, wide);
	assert_non_null(strstr(text,
			       "It is full: the next call that opens a descriptor "
			       "is refused; none was so far."));
	free(text);
	fd.refused = calls;
	fd.refused_len = 3;
	fd.refused_emfile = 120;
	fd.refused_other = 3;
	fd.refused_per_s = 23.4;
	fd.refused_first_ns = 760 * second_ns;
	fd.refused_last_ns = 998 * second_ns;
	text = print(&view, wide);
	assert_non_null(strstr(text,
			       "  Calls are being refused, about 23 a second: 123 "
			       "in 4 min (openat 100, accept4 20, inotify_init1 3 "
			       "EINVAL).\n"));
	assert_null(strstr(text, "It is full"));
	free(text);
	/* they have stopped */
	fd.refused_per_s = 0;
	fd.refused_last_ns = 975 * second_ns;
	fd.refused_inexact = true;
	text = print(&view, wide);
	assert_non_null(strstr(text, "  at least 123 calls were refused (openat 100, "
				     "accept4 20, inotify_init1 3 EINVAL), the first "
				     "4 min ago, the last 25 s ago.\n"));
	free(text);
	fd.refused_len = 1;
	fd.refused_emfile = 1;
	fd.refused_other = 0;
	fd.refused_inexact = false;
	text = print(&view, wide);
	assert_non_null(strstr(text, "  1 call was refused (openat 100), 25 s ago.\n"));
	free(text);
	view.host = &(struct alert_host){.name = "web-3"};
	root = view_inspect_json(&view);
	expect_text(root, "fd.refused.first", "1970-01-01T00:12:40.000000Z");
	expect_text(root, "fd.refused.last", "1970-01-01T00:16:15.000000Z");
	cJSON_Delete(root);
	/* what chose to be full is not in trouble */
	fd = (struct alert_fd){
		.known = true, .count = 9, .used = 2, .soft_limit = 2, .sealed = true};
	text = print(&view, wide);
	assert_null(strstr(text, "is refused"));
	free(text);
}

static void a_page_of_little(void **state)
{
	struct explanation why = {.unexplained = "it was gone"};
	struct identity who = {.pid = 1, .uid = (uid_t)-1};
	struct alert_fd fd = {.known = true,
			      .count = 3,
			      .used = 3,
			      .soft_limit = UINT64_MAX,
			      .hard_limit = UINT64_MAX};
	struct view_inspect view = {.who = &who, .fd = &fd, .why = &why};
	char *text = print(&view, (struct page){.utf8 = true, .width = 80});

	(void)state;
	assert_string_equal(text, "?[1]\n\n  3 descriptors open, no limit\n\n"
				  "What is wrong\n  Not known: it was gone\n");
	free(text);
}

static void as_a_document(void **state)
{
	static const struct alert_host host = {.name = "web-3"};
	struct explanation why = explain();
	struct identity who = {.pid = 1234, .comm = "nginx", .uid = 33};
	struct alert_fd fd = {.known = true,
			      .count = 340,
			      .used = 340,
			      .soft_limit = 350,
			      .hard_limit = 350};
	struct view_inspect view = {
		.host = &host,
		.who = &who,
		.fd = &fd,
		.why = &why,
		.descriptors = descriptors,
		.descriptors_len = MANY + FILES,
		.unseen = {"the executable"},
		.unseen_len = 1,
	};
	cJSON *root = view_inspect_json(&view);

	(void)state;
	assert_non_null(root);
	expect_text(root, "host.name", "web-3");
	expect_number(root, "process.pid", 1234);
	expect_number(root, "fd.count", 340);
	expect_number(root, "fd.groups.0.count", MANY);
	expect_text(root, "unseen.0", "the executable");
	assert_int_equal(cJSON_GetArraySize(at(root, "fd.descriptors")), MANY + FILES);
	expect_number(root, "fd.descriptors.0.fd", 0);
	expect_text(root, "fd.descriptors.0.type", "tcp");
	expect_text(root, "fd.descriptors.0.state", "CLOSE_WAIT");
	expect_text(root, "fd.descriptors.0.local", "127.0.0.1:40000");
	expect_text(root, "fd.descriptors.0.peer", "10.0.0.7:443");
	expect_text(root, "fd.descriptors.300.kind", "file");
	assert_true(cJSON_IsTrue(at(root, "fd.descriptors.300.deleted")));
	assert_null(at(root, "fd.descriptors.302.deleted"));
	check_texts(root, 0);
	cJSON_Delete(root);
	view.descriptors = NULL;
	root = view_inspect_json(&view);
	assert_null(at(root, "fd.descriptors"));
	cJSON_Delete(root);
	explanation_clear(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_json),
		cmocka_unit_test(groups_are_bounded),
		cmocka_unit_test(hostile),
		cmocka_unit_test(in_parts),
		cmocka_unit_test(leaks),
		cmocka_unit_test(in_the_message),
		cmocka_unit_test(limit_raised),
		cmocka_unit_test(as_a_page),
		cmocka_unit_test(a_page_without_advice),
		cmocka_unit_test(a_page_with_refusals),
		cmocka_unit_test(a_page_of_little),
		cmocka_unit_test(as_a_document),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
