/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken down from one daemon's tables and put into the next one's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/standing.h"

#define S         1000000000ull
#define INCIDENT  "0123abcd-0123-4123-8123-0123456789ab"
#define MEMBERS   8
#define FIRST_PID 100
#define SERVICE   "many.service"

static unsigned int ids;

static void count_id(char id[37])
{
	snprintf(id, 37, "00000000-0000-4000-8000-%012u", ++ids);
}

static void look(void *context, const struct grouping_member *member,
		 struct tally_figures *out)
{
	const struct process *p =
		((const struct process_trouble *)((const char *)member -
						  offsetof(struct process_trouble,
							   group)))
			->process;
	static struct tally_call call;

	(void)context;
	call = (struct tally_call){257, EMFILE, (uint64_t)p->who.pid};
	*out = (struct tally_figures){.pid = p->who.pid,
				      .command_line = "one of many",
				      .calls = &call,
				      .calls_len = 1};
}

struct world {
	struct process_table *processes;
	struct grouping *groups;
};

static struct world new_world(void)
{
	static const struct grouping_source source = {count_id, look, NULL, NULL};
	struct world w = {process_table_new(), grouping_new(&source)};

	assert_non_null(w.processes);
	assert_non_null(w.groups);
	return w;
}

static void end_world(struct world *w)
{
	process_table_free(w->processes);
	grouping_free(w->groups);
}

static struct process *add(struct world *w, pid_t pid, const char *name)
{
	struct process *p = process_table_add(w->processes, pid, pid * S, S);

	assert_non_null(p);
	snprintf(p->who.comm, sizeof(p->who.comm), "%s", name);
	return p;
}

/* One world after the other, through what is kept. */
static struct world restart(struct world *old, size_t resumed)
{
	struct standing standing = {0};
	struct world w = new_world();

	standing_capture(&standing, old->processes, old->groups);
	end_world(old);
	assert_int_equal(standing_resume(&standing, w.processes, w.groups), resumed);
	standing_clear(&standing);
	return w;
}

static void test_only_what_stands(void **state)
{
	struct world w = new_world();
	struct process *p;

	(void)state;
	add(&w, 1, "well");
	p = add(&w, 2, "sealed");
	process_trouble(p)->policy.sealed = true;
	p = add(&w, 3, "near");
	process_trouble(p)->policy.incident = true;
	process_trouble(p)->policy.level = POLICY_LEVEL_WARNING;
	process_trouble(p)->policy.alerted_ns[POLICY_LEVEL_WARNING] = 5 * S;
	strcpy(process_trouble(p)->incident, INCIDENT);
	process_trouble(p)->incident_ns = 4 * S;
	w = restart(&w, 1);
	assert_int_equal(process_table_count(w.processes), 2);
	p = process_table_find(w.processes, 3, 3 * S);
	assert_string_equal(process_trouble(p)->incident, INCIDENT);
	assert_int_equal(process_trouble(p)->incident_ns, 4 * S);
	assert_int_equal(process_trouble(p)->policy.alerted_ns[POLICY_LEVEL_WARNING],
			 5 * S);
	assert_string_equal(p->who.comm, "near");
	/* no snapshot has shown it yet: it is gone until one does */
	assert_int_equal(p->seen_ns, 0);
	assert_true(process_table_find(w.processes, 2, 2 * S)->trouble->policy.sealed);
	end_world(&w);
}

/* Its strings are copies of their own: what was taken down goes, the process stays. */
static void test_who_claims_it_and_what_is_withheld(void **state)
{
	struct world w = new_world();
	struct process *p = add(&w, 3, "full");
	struct standing standing = {0};

	(void)state;
	p->who.claimed_by = strdup("user@1000.service");
	process_trouble(p)->withheld = true;
	process_trouble(p)->policy.incident = true;
	strcpy(process_trouble(p)->incident, INCIDENT);
	standing_capture(&standing, w.processes, w.groups);
	assert_ptr_not_equal(standing.processes[0].who.claimed_by, p->who.claimed_by);
	standing_clear(&standing);
	assert_string_equal(p->who.claimed_by, "user@1000.service");
	w = restart(&w, 1);
	p = process_table_find(w.processes, 3, 3 * S);
	assert_string_equal(p->who.claimed_by, "user@1000.service");
	assert_true(process_trouble(p)->withheld);
	end_world(&w);
}

static void test_refusals_go_on(void **state)
{
	struct world w = new_world();
	struct process *p = add(&w, 3, "full");
	struct process_refusal *refusal = process_refusal_of(p, 257, EMFILE);

	(void)state;
	process_trouble(p)->policy.incident = true;
	strcpy(process_trouble(p)->incident, INCIDENT);
	/* 4 in an incident before, 6 in this one */
	process_refusal_update(refusal, 4);
	process_refusals_close(p);
	process_refusal_update(refusal, 10);
	w = restart(&w, 1);
	p = process_table_find(w.processes, 3, 3 * S);
	refusal = process_refusal_of(p, 257, EMFILE);
	assert_int_equal(process_refusal_count(refusal), 6);
	/* the kernel counts anew */
	assert_int_equal(process_refusal_update(refusal, 5), 5);
	assert_int_equal(process_refusal_count(refusal), 11);
	w = restart(&w, 1);
	p = process_table_find(w.processes, 3, 3 * S);
	refusal = process_refusal_of(p, 257, EMFILE);
	assert_int_equal(process_refusal_count(refusal), 11);
	process_refusals_close(p);
	assert_int_equal(process_refusal_count(refusal), 0);
	end_world(&w);
}

static void test_what_lives_is_read_anew(void **state)
{
	struct fdw_task task = {.tgid = 3, .tid = 3, .start_ns = 3 * S, .comm = "same"};
	struct world w = new_world();
	struct process *p = add(&w, 3, "same");

	(void)state;
	process_trouble(p)->policy.incident = true;
	strcpy(process_trouble(p)->incident, INCIDENT);
	p->who.executable = strdup("/old");
	w = restart(&w, 1);
	p = process_table_find(w.processes, 3, 3 * S);
	assert_string_equal(p->who.executable, "/old");
	assert_ptr_equal(process_table_see(w.processes, &task, NULL, 9 * S), p);
	assert_null(p->who.executable);
	assert_string_equal(process_trouble(p)->incident, INCIDENT);
	end_world(&w);
}

static bool alert(struct world *w, pid_t pid, enum policy_action action,
		  uint64_t now_ns)
{
	static const struct grouping_subject subject = {
		.title = SERVICE,
		.place = SERVICE,
		.charged_uid = 1000,
		.texts = {"one", "/bin/one"},
	};
	struct process *p = process_table_find(w->processes, pid, pid * S);
	struct policy_decision what = {
		.action = action,
		.opens = action == POLICY_FD_WARNING,
		.reason = action == POLICY_FD_RECOVERED ? POLICY_REASON_CLOSED
							: POLICY_REASON_NONE,
	};

	process_trouble(p)->policy.incident = action != POLICY_FD_RECOVERED;
	strcpy(process_trouble(p)->incident, INCIDENT);
	return grouping_admit(w->groups, &process_trouble(p)->group, &subject, &what,
			      now_ns);
}

/* MEMBERS open together: the first few by themselves. */
static struct world many(void)
{
	struct world w = new_world();

	for (int i = 0; i < MEMBERS; i++) {
		add(&w, FIRST_PID + i, "one");
		assert_int_equal(alert(&w, FIRST_PID + i, POLICY_FD_WARNING, 100 * S),
				 i < GROUPING_SINGLES);
	}
	return w;
}

static void test_summary_that_waits_is_sent_after(void **state)
{
	struct world w = many();
	struct grouping_summary summary;

	(void)state;
	w = restart(&w, MEMBERS);
	assert_true(grouping_due(w.groups, 102 * S, false, &summary));
	assert_string_equal(summary.title, SERVICE);
	assert_int_equal(summary.action, POLICY_FD_WARNING);
	assert_int_equal(summary.processes, MEMBERS - GROUPING_SINGLES);
	assert_int_equal(summary.charged_uid, 1000);
	assert_false(grouping_due(w.groups, 102 * S, false, &summary));
	end_world(&w);
}

static void test_group_recovers_after(void **state)
{
	struct world w = many();
	struct grouping_summary summary;
	char incident[37];
	int i;

	(void)state;
	assert_true(grouping_due(w.groups, 102 * S, false, &summary));
	memcpy(incident, summary.incident, sizeof(incident));
	/* one of the summary before the restart, the others after */
	assert_true(alert(&w, FIRST_PID, POLICY_FD_RECOVERED, 103 * S));
	assert_false(alert(&w, FIRST_PID + MEMBERS - 1, POLICY_FD_RECOVERED, 103 * S));
	w = restart(&w, MEMBERS - 2);
	for (i = 1; i < MEMBERS - 1; i++)
		assert_int_equal(alert(&w, FIRST_PID + i, POLICY_FD_RECOVERED, 105 * S),
				 i < GROUPING_SINGLES);
	assert_true(grouping_due(w.groups, 107 * S, false, &summary));
	assert_int_equal(summary.action, POLICY_FD_RECOVERED);
	assert_int_equal(summary.processes, MEMBERS - GROUPING_SINGLES);
	assert_string_equal(summary.incident, incident);
	assert_int_equal(summary.opened_ns, 100 * S);
	assert_string_equal(summary.texts[GROUPING_EXECUTABLE], "/bin/one");
	/* the one that went before the restart is named as well, and in the sum */
	assert_int_equal(summary.tally->members_len, 3);
	assert_string_equal(summary.tally->members[0].command_line, "one of many");
	assert_int_equal(summary.tally->calls_len, 1);
	assert_int_equal(summary.tally->calls[0].count, 105 + 106 + 107);
	assert_false(grouping_due(w.groups, 107 * S, true, &summary));
	end_world(&w);
}

static void test_too_many_are_counted(void **state)
{
	struct standing standing = {0};
	struct world w = new_world();

	(void)state;
	for (int i = 1; i <= STANDING_PROCESSES_MAX + 3; i++)
		process_trouble(add(&w, i, "x"))->policy.sealed = true;
	standing_capture(&standing, w.processes, w.groups);
	assert_int_equal(standing.processes_len, STANDING_PROCESSES_MAX);
	assert_int_equal(standing.left_out, 3);
	standing_clear(&standing);
	end_world(&w);
}

static void test_the_same_twice(void **state)
{
	struct standing standing = {0};
	struct world w = new_world();

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct standing_process *p = standing_add_process(&standing);

		p->who.pid = 7;
		p->who.start_ns = 7 * S;
		p->policy.incident = true;
		p->group = 9; /* and a group that is not there */
		strcpy(p->incident, INCIDENT);
	}
	assert_int_equal(standing_resume(&standing, w.processes, w.groups), 1);
	assert_int_equal(process_table_count(w.processes), 1);
	assert_false(
		process_table_find(w.processes, 7, 7 * S)->trouble->group.in_summary);
	standing_clear(&standing);
	end_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_stands),
		cmocka_unit_test(test_who_claims_it_and_what_is_withheld),
		cmocka_unit_test(test_refusals_go_on),
		cmocka_unit_test(test_what_lives_is_read_anew),
		cmocka_unit_test(test_summary_that_waits_is_sent_after),
		cmocka_unit_test(test_group_recovers_after),
		cmocka_unit_test(test_too_many_are_counted),
		cmocka_unit_test(test_the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
