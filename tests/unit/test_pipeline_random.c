/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories through all that decides what is told, from the process table to the
 * summaries and over restarts, against a model: an incident opens and closes once, and
 * what the ends of incidents tell adds up to the calls that were refused.
 *
 * FDWARDEN_STEPS and FDWARDEN_SEED set how long, and which; both are printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/state_json.h"
#include "state/process_table.h"
#include "state/standing.h"
#include "state/subject.h"

#define S         1000000000ull
#define PROCESSES 80
#define BOOT      "374e7244-a1ad-46ec-87bd-ccdbf83b6b51"
#define LIMIT     64

struct actor {
	pid_t pid;
	uint64_t start_ns;
	uint64_t used;
	unsigned int program;
	bool lives;
};

static struct {
	uint64_t seed, now_ns;
	struct process_table *table;
	struct grouping *groups;
	struct actor actors[PROCESSES];
	struct policy_settings set;
	unsigned int ids;
	/* the model */
	uint64_t refused, opened, closed;
	/* what was told */
	uint64_t told, told_alone, summaries, restarts;
} sim;

static uint64_t random_below(uint64_t most)
{
	sim.seed ^= sim.seed << 13;
	sim.seed ^= sim.seed >> 7;
	sim.seed ^= sim.seed << 17;
	return (sim.seed >> 11) % most;
}

static void new_id(char id[37])
{
	snprintf(id, 37, "00000000-0000-4000-8000-%012u", ++sim.ids);
}

static uint64_t refused_of(const struct process *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->trouble->refusals_len; i++)
		sum += process_refusal_count(&p->trouble->refusals[i]);
	return sum;
}

static void look(void *context, const struct grouping_member *member,
		 struct tally_figures *out)
{
	static struct tally_call call;
	const struct process *p =
		((const struct process_trouble
			  *)(const void *)((const char *)member -
					   offsetof(struct process_trouble, group)))
			->process;

	(void)context;
	call = (struct tally_call){257, EMFILE, refused_of(p)};
	*out = (struct tally_figures){.pid = p->who.pid,
				      .command_line = p->who.command_line,
				      .calls = &call,
				      .calls_len = 1};
}

static const struct grouping_source source = {new_id, look, NULL, NULL};

/* As report_process() does it. */
static void tell(struct process *p, const struct policy_decision *what)
{
	struct grouping_subject subject;
	struct subject_users users;

	if (what->opens) {
		assert_int_equal(process_trouble(p)->incident[0], 0);
		new_id(process_trouble(p)->incident);
		process_trouble(p)->incident_ns = sim.now_ns;
		process_refusals_open(p);
		sim.opened++;
	}
	assert_int_not_equal(process_trouble(p)->incident[0], 0);
	subject_of(&p->who, &users, &subject);
	if (grouping_admit(sim.groups, &process_trouble(p)->group, &subject, what,
			   sim.now_ns) &&
	    what->action == POLICY_FD_RECOVERED) {
		sim.told += refused_of(p);
		sim.told_alone++;
	}
	if (what->action != POLICY_FD_RECOVERED)
		return;
	sim.closed++;
	process_refusals_close(p);
	process_trouble(p)->incident[0] = 0;
}

static void observe(struct process *p, const struct actor *a,
		    struct policy_observation *seen)
{
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	struct policy_fd policy;
	int n;

	seen->now_ns = sim.now_ns;
	seen->has_table = !seen->exited;
	seen->count = seen->used = a->used;
	seen->soft_limit = LIMIT;
	seen->own_limit_known = true;
	process_policy(p, &policy);
	n = policy_fd_observe(&policy, &sim.set, seen, decisions);
	assert_int_equal(process_set_policy(p, &policy), 0);
	for (int i = 0; i < n; i++)
		tell(p, &decisions[i]);
	process_rest(p, sim.now_ns);
}

static struct process *process_of(const struct actor *a)
{
	struct process *p = process_table_find(sim.table, a->pid, a->start_ns);

	if (!p)
		p = process_table_add(sim.table, a->pid, a->start_ns, sim.now_ns);
	assert_non_null(p);
	return p;
}

static void name(const struct actor *a)
{
	struct process *p = process_of(a);
	char line[64];

	snprintf(p->who.comm, sizeof(p->who.comm), "prog%u", a->program % 3);
	snprintf(line, sizeof(line), "prog%c --worker %u", 'a' + (int)(a->program % 3),
		 a->program % 7);
	free(p->who.command_line);
	/* some are gone before they can be asked */
	p->who.command_line = random_below(8) ? strdup(line) : NULL;
}

static void refuse(const struct actor *a, uint64_t calls)
{
	struct process *p = process_of(a);
	struct process_refusal *refusal = process_refusal_of(p, 257, EMFILE);
	struct policy_observation seen = {.refusal = POLICY_REFUSAL_TABLE_FULL};

	assert_non_null(refusal);
	process_refusal_update(refusal, refusal->total + calls);
	sim.refused += calls;
	/* a record may be lost: then the next tick judges the count */
	if (random_below(4)) {
		observe(p, a, &seen);
		refusal->judged = refusal->total;
	}
}

static void settle_refusals(struct process *p, const struct actor *a)
{
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		struct process_refusal *refusal = &p->trouble->refusals[i];
		struct policy_observation seen = {.refusal = POLICY_REFUSAL_TABLE_FULL};

		if (refusal->total == refusal->judged)
			continue;
		observe(p, a, &seen);
		refusal->judged = refusal->total;
	}
}

static void leave(struct actor *a)
{
	struct process *p = process_of(a);
	struct policy_observation seen = {.exited = true};

	settle_refusals(p, a);
	observe(p, a, &seen);
	assert_int_equal(process_trouble(p)->incident[0], 0);
	assert_false(process_trouble(p)->group.in_summary);
	process_table_remove(sim.table, p);
	a->lives = false;
}

static void summaries(bool flush)
{
	struct grouping_summary summary;

	while (grouping_due(sim.groups, sim.now_ns, flush, &summary)) {
		assert_true(summary.processes > 0);
		assert_int_equal(summary.tally->processes, summary.processes);
		assert_true(summary.since_ns <= summary.until_ns);
		assert_true(summary.opened_ns <= summary.since_ns);
		sim.summaries++;
		if (summary.action != POLICY_FD_RECOVERED)
			continue;
		for (size_t i = 0; i < summary.tally->calls_len; i++)
			sim.told += summary.tally->calls[i].count;
	}
}

static void tick(void)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		struct policy_observation seen = {.settled = true};
		struct actor *a = &sim.actors[i];

		if (!a->lives)
			continue;
		settle_refusals(process_of(a), a);
		observe(process_of(a), a, &seen);
	}
	summaries(false);
}

/* Through the state file's text. What was not judged yet is judged before, as a daemon
 * does that ends in good order. */
static void restart(void)
{
	struct state_document document = {.boot_id = BOOT,
					  .start_ticks = 1,
					  .self = {.pid = 1, .sensor = "fexit"}};
	struct state_document back;
	const char *why = NULL;
	size_t len;
	char *text;

	tick();
	standing_capture(&document.standing, sim.table, sim.groups);
	text = state_json_encode(&document, &len);
	assert_non_null(text);
	state_json_clear(&document);
	assert_int_equal(state_json_decode(text, len, BOOT, &back, &why), 0);
	free(text);
	grouping_free(sim.groups);
	process_table_free(sim.table);
	sim.table = process_table_new();
	sim.groups = grouping_new(&source);
	standing_resume(&back.standing, sim.table, sim.groups);
	state_json_clear(&back);
	sim.restarts++;
}

static void begin(struct actor *a)
{
	static uint64_t starts;

	/* pids are used again, starts are not */
	*a = (struct actor){.pid = (pid_t)(1 + random_below(3 * PROCESSES)),
			    .start_ns = ++starts,
			    .used = random_below(40),
			    .program = (unsigned int)random_below(21),
			    .lives = true};
	name(a);
}

static void step(void)
{
	struct actor *a = &sim.actors[random_below(PROCESSES)];
	uint64_t dice = random_below(1000);

	sim.now_ns += random_below(S / 50);
	if (!a->lives)
		begin(a);
	else if (dice < 300)
		a->used = random_below(LIMIT + 1);
	else if (dice < 600)
		a->used = LIMIT, refuse(a, 1 + random_below(5));
	else if (dice < 700)
		leave(a);
	else if (dice < 740)
		a->program = (unsigned int)random_below(21), name(a); /* exec */
	else if (dice < 760)
		sim.now_ns += random_below(30 * S);
	else if (dice < 763)
		restart();
	else if (dice < 800)
		tick();
}

static void it_adds_up(void **state)
{
	const char *steps = getenv("FDWARDEN_STEPS"), *seed = getenv("FDWARDEN_SEED");
	uint64_t left = steps ? strtoull(steps, NULL, 10) : 30000;

	(void)state;
	sim.seed = seed ? strtoull(seed, NULL, 10) : 88172645463325252ull;
	print_message("%" PRIu64 " steps, seed %" PRIu64 "\n", left, sim.seed);
	sim.now_ns = 1000 * S;
	sim.set = (struct policy_settings){.warn_bp = 8000,
					   .critical_bp = 9500,
					   .hysteresis_bp = 500,
					   .repeat_ns = 60 * S};
	sim.table = process_table_new();
	sim.groups = grouping_new(&source);
	while (left--)
		step();
	for (size_t i = 0; i < PROCESSES; i++)
		if (sim.actors[i].lives)
			leave(&sim.actors[i]);
	sim.now_ns += 60 * S;
	summaries(false);
	summaries(true);
	assert_int_equal(sim.opened, sim.closed);
	assert_int_equal(sim.told, sim.refused);
	/* it goes everywhere */
	assert_true(sim.refused > 1000 && sim.summaries > 100 && sim.restarts > 10 &&
		    sim.told_alone > 100);
	grouping_free(sim.groups);
	process_table_free(sim.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(it_adds_up)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
