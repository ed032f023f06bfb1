/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few that are reported one by one, and the many in a summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "between.h"
#include "policy/grouping.h"
#include "state/subject.h"

#define MS   1000000ull
#define S    (1000 * MS)

#define MANY 2000

static unsigned int ids;

static void count_id(char id[37])
{
	snprintf(id, 37, "id-%033u", ++ids);
}

static const struct grouping_subject web = {.title = "web", .texts = {"web"}};
static const struct grouping_subject db = {.title = "db", .texts = {"db"}};

/* What the bench says of a member: set by who wants it. */
static struct tally_figures (*figures_of)(size_t who);

struct bench {
	struct grouping *groups;
	struct grouping_member members[MANY];
	uint64_t now_ns;
};

static void look(void *context, const struct grouping_member *member,
		 struct tally_figures *out)
{
	const struct bench *bench = context;

	if (figures_of)
		*out = figures_of((size_t)(member - bench->members));
}

/* What the bench says of summaries; whom it was asked about, and how often. */
static bool refuses;
static unsigned int asked;
static uint32_t asked_uid;

static bool admit(void *context, uint32_t charged_uid, uint64_t now_ns)
{
	const struct bench *bench = context;

	assert_int_equal(now_ns, bench->now_ns);
	asked++;
	asked_uid = charged_uid;
	return !refuses;
}

static int begin(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return -1;
	ids = 0;
	bench->now_ns = 1000 * S;
	figures_of = NULL;
	refuses = false;
	asked = 0;
	bench->groups =
		grouping_new(&(struct grouping_source){count_id, look, bench, admit});
	*state = bench;
	return bench->groups ? 0 : -1;
}

static int end(void **state)
{
	struct bench *bench = *state;

	grouping_free(bench->groups);
	free(bench);
	return 0;
}

static bool say(struct bench *bench, size_t who, enum policy_action action)
{
	struct policy_decision what = {.action = action};

	if (action == POLICY_FD_RECOVERED)
		what.reason = POLICY_REASON_CLOSED;
	return grouping_admit(bench->groups, &bench->members[who], &web, &what,
			      bench->now_ns);
}

static bool opens(struct bench *bench, size_t who, enum policy_action action)
{
	struct policy_decision what = {.action = action, .opens = true};

	return grouping_admit(bench->groups, &bench->members[who], &web, &what,
			      bench->now_ns);
}

/* The one summary that is due now, and no other. */
static struct grouping_summary due(struct bench *bench)
{
	static char key[64], incident[37];
	struct grouping_summary out, none;

	assert_true(grouping_due(bench->groups, bench->now_ns, false, &out));
	snprintf(key, sizeof(key), "%s", out.title);
	snprintf(incident, sizeof(incident), "%s", out.incident);
	assert_false(grouping_due(bench->groups, bench->now_ns, false, &none));
	out.title = key;
	out.incident = incident;
	return out;
}

static void nothing_due(struct bench *bench)
{
	struct grouping_summary out;

	assert_false(grouping_due(bench->groups, bench->now_ns, false, &out));
}

/* `n` processes open, the first few by themselves. */
static void open_many(struct bench *bench, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(opens(bench, i, POLICY_FD_WARNING),
				 i < GROUPING_SINGLES);
}

static void two_thousand(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;
	char incident[37];

	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(opens(b, i, POLICY_FD_WARNING), i < 5);
		b->now_ns += 100000; /* 0.2 s in all */
		nothing_due(b);
	}
	b->now_ns += 999 * MS;
	nothing_due(b);
	b->now_ns += 1 * MS;
	sum = due(b);
	assert_string_equal(sum.title, "web");
	assert_int_equal(sum.action, POLICY_FD_WARNING);
	assert_int_equal(sum.processes, MANY - 5);
	assert_int_equal(sum.since_ns, 1000 * S + 5 * 100000);
	assert_int_equal(sum.until_ns, 1000 * S + (MANY - 1) * 100000);
	assert_int_equal(strlen(sum.incident), 36);
	strcpy(incident, sum.incident);
	assert_int_equal(ids, 1);

	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(say(b, i, POLICY_FD_RECOVERED), i < 5);
	nothing_due(b);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_int_equal(sum.reason, POLICY_REASON_CLOSED);
	assert_int_equal(sum.processes, MANY - 5);
	assert_string_equal(sum.incident, incident);
	b->now_ns += 100 * S;
	nothing_due(b);

	/* and all starts anew, under another incident */
	open_many(b, 6);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.processes, 1);
	assert_string_not_equal(sum.incident, incident);
}

/* `n` from `first` on, all of a user's or of root's. */
static void open_as(struct bench *bench, size_t first, size_t n, uint32_t uid)
{
	struct policy_decision what = {.action = POLICY_FD_WARNING, .opens = true};
	struct grouping_subject subject = web;

	subject.charged_uid = uid;
	for (size_t i = first; i < first + n; i++)
		(void)grouping_admit(bench->groups, &bench->members[i], &subject, &what,
				     bench->now_ns);
}

static void recover(struct bench *bench, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		(void)say(bench, i, POLICY_FD_RECOVERED);
}

/* Six processes make a group, and any number of groups are as easily made: what they tell is
 * on somebody's account. */
static void summaries_are_admitted(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;

	refuses = true;
	open_as(b, 0, 8, 1000);
	b->now_ns += S;
	sum = due(b);
	assert_true(sum.withheld);
	assert_int_equal(sum.charged_uid, 1000);
	assert_int_equal(asked, 1);
	assert_int_equal(asked_uid, 1000);
	/* one that is told, and its end with it */
	refuses = false;
	open_as(b, 8, 8, 1000);
	b->now_ns += S;
	assert_false(due(b).withheld);
	refuses = true;
	recover(b, 0, 16);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_false(sum.withheld);
	assert_int_equal(asked, 2);
	/* of the next one nothing is told, nor its end */
	open_as(b, 0, 8, 1000);
	b->now_ns += S;
	assert_true(due(b).withheld);
	recover(b, 0, 8);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_true(sum.withheld);
	assert_int_equal(asked, 3);
}

/* Nobody's share is to silence root's. */
static void a_group_with_roots_is_roots(void **state)
{
	struct bench *b = *state;

	open_as(b, 0, 7, 1000);
	open_as(b, 7, 1, 0);
	open_as(b, 8, 1, 1000);
	b->now_ns += S;
	assert_int_equal(due(b).charged_uid, 0);
	assert_int_equal(asked_uid, 0);
}

static bool opens_by(struct bench *bench, size_t who, uid_t uid, uid_t charged_uid,
		     char *service)
{
	static char command_line[] = "nginx: worker process";
	struct policy_decision what = {.action = POLICY_FD_WARNING, .opens = true};
	struct identity identity = {
		.comm = "nginx",
		.uid = uid,
		.charged_uid = charged_uid,
		.command_line = command_line,
		.service = service,
	};
	struct grouping_subject subject;
	struct subject_users users;

	subject_of(&identity, &users, &subject);
	return grouping_admit(bench->groups, &bench->members[who], &subject, &what,
			      bench->now_ns);
}

/* Where no service tells them apart, a user's processes hide nobody else's of that name. */
static void users_have_groups_of_their_own(void **state)
{
	static char service[] = "nginx.service";
	struct bench *b = *state;

	for (size_t i = 0; i < 8; i++)
		assert_int_equal(opens_by(b, i, 1000, 1000, NULL),
				 i < GROUPING_SINGLES);
	/* nor by a set-user-ID program */
	assert_false(opens_by(b, 9, 0, 1000, NULL));
	assert_true(opens_by(b, 8, 0, 0, NULL));
	/* within a service its processes are one program's, whoever they run as */
	for (size_t i = 10; i < 18; i++)
		assert_int_equal(opens_by(b, i, i % 2 ? 33 : 0, 0, service),
				 i < 10 + GROUPING_SINGLES);
}

static void recovery_waits_for_the_last(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;

	open_many(b, 8);
	b->now_ns += S;
	assert_int_equal(due(b).processes, 3);
	assert_false(say(b, 5, POLICY_FD_RECOVERED));
	assert_false(say(b, 6, POLICY_FD_RECOVERED));
	b->now_ns += 3600 * S;
	nothing_due(b);
	assert_false(say(b, 7, POLICY_FD_RECOVERED));
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_int_equal(sum.processes, 3);
	assert_true(say(b, 0, POLICY_FD_RECOVERED));
}

static void opening_is_told_before_recovery(void **state)
{
	struct bench *b = *state;
	struct grouping_summary first, second;

	open_many(b, 10);
	for (size_t i = 0; i < 10; i++)
		say(b, i, POLICY_FD_RECOVERED);
	b->now_ns += S;
	assert_true(grouping_due(b->groups, b->now_ns, false, &first));
	assert_int_equal(first.action, POLICY_FD_WARNING);
	assert_int_equal(first.processes, 5);
	assert_true(grouping_due(b->groups, b->now_ns, false, &second));
	assert_int_equal(second.action, POLICY_FD_RECOVERED);
	assert_int_equal(second.processes, 5);
	assert_int_equal(ids, 1);
	nothing_due(b);

	/* the recovery ended the incident: what comes next is another */
	b->now_ns += 10 * S;
	open_many(b, 6);
	say(b, 5, POLICY_FD_RECOVERED);
	b->now_ns += S;
	assert_true(grouping_due(b->groups, b->now_ns, false, &first));
	assert_true(grouping_due(b->groups, b->now_ns, false, &second));
	assert_int_equal(ids, 2);
	open_many(b, 6);
	assert_int_equal(ids, 3);
	say(b, 5, POLICY_FD_RECOVERED);
	grouping_due(b->groups, b->now_ns, true, &first);
	grouping_due(b->groups, b->now_ns, true, &second);

	/* a later join holds the opening back, and with it the recovery */
	b->now_ns += 10 * S;
	open_many(b, 6);
	assert_false(say(b, 5, POLICY_FD_RECOVERED));
	b->now_ns += 900 * MS;
	assert_false(opens(b, 6, POLICY_FD_WARNING));
	b->now_ns += 100 * MS;
	nothing_due(b);
	assert_false(say(b, 6, POLICY_FD_RECOVERED));
	b->now_ns += 900 * MS;
	assert_true(grouping_due(b->groups, b->now_ns, false, &first));
	assert_int_equal(first.action, POLICY_FD_WARNING);
	assert_int_equal(first.processes, 2);
	nothing_due(b);
	b->now_ns += 100 * MS;
	assert_int_equal(due(b).processes, 2);
}

/* Also when the recovery has long been waiting for its last member. */
static void opening_is_told_before_late_recovery(void **state)
{
	struct bench *b = *state;
	struct grouping_summary first, second;

	open_many(b, 7);
	b->now_ns += S;
	assert_int_equal(due(b).processes, 2);
	assert_false(say(b, 5, POLICY_FD_RECOVERED));
	b->now_ns += 20 * S;
	for (size_t i = 20; i < 26; i++)
		opens(b, i, POLICY_FD_WARNING);
	assert_false(say(b, 6, POLICY_FD_RECOVERED));
	assert_false(say(b, 25, POLICY_FD_RECOVERED));
	nothing_due(b);
	b->now_ns += S;
	assert_true(grouping_due(b->groups, b->now_ns, false, &first));
	assert_int_equal(first.action, POLICY_FD_WARNING);
	assert_true(grouping_due(b->groups, b->now_ns, false, &second));
	assert_int_equal(second.action, POLICY_FD_RECOVERED);
	assert_int_equal(second.processes, 3);
}

static void a_steady_stream_is_cut(void **state)
{
	struct bench *b = *state;
	uint64_t began_ns = 0;
	struct grouping_summary sum;

	for (size_t i = 0;; i++) {
		if (!opens(b, i, POLICY_FD_WARNING) && !began_ns)
			began_ns = b->now_ns;
		b->now_ns += 500 * MS;
		if (grouping_due(b->groups, b->now_ns, false, &sum))
			break;
		assert_true(i < 100);
	}
	assert_int_equal(b->now_ns - began_ns, GROUPING_LONGEST_NS);
	assert_int_equal(sum.processes, 20);
	/* the counting starts anew */
	for (size_t i = 100; i < 106; i++)
		assert_int_equal(opens(b, i, POLICY_FD_WARNING), i < 105);
}

static void far_apart_are_single(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < 100; i++) {
		assert_true(opens(b, i, POLICY_FD_WARNING));
		b->now_ns += S;
		nothing_due(b);
	}
	/* also when nobody asks for summaries meanwhile */
	for (size_t i = 300; i < 320; i++) {
		assert_true(opens(b, i, POLICY_FD_WARNING));
		b->now_ns += S;
	}
	/* each action and each group counts by itself */
	for (size_t i = 100; i < 105; i++) {
		struct policy_decision what = {.action = POLICY_FD_WARNING,
					       .opens = true};

		assert_true(opens(b, i, POLICY_FD_WARNING));
		assert_true(opens(b, i + 100, POLICY_FD_EXHAUSTED));
		assert_true(grouping_admit(b->groups, &b->members[i + 200], &db, &what,
					   b->now_ns));
	}
	assert_false(opens(b, 105, POLICY_FD_WARNING));
}

static void the_first_to_get_worse_is_named(void **state)
{
	struct bench *b = *state;
	struct policy_decision again = {.action = POLICY_FD_WARNING, .repeats = true};
	struct grouping_summary sum;

	open_many(b, 20);
	b->now_ns += S;
	assert_int_equal(due(b).processes, 15);

	/* repeats of those of the summary stay in a summary */
	for (size_t i = 20; i-- > 0;)
		assert_int_equal(grouping_admit(b->groups, &b->members[i], &web, &again,
						b->now_ns),
				 i < 5);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.processes, 15);
	assert_int_equal(sum.action, POLICY_FD_WARNING);

	/* … and take no place from who is new */
	for (size_t i = 20; i-- > 5;)
		assert_false(grouping_admit(b->groups, &b->members[i], &web, &again,
					    b->now_ns));
	assert_true(opens(b, 50, POLICY_FD_WARNING));
	b->now_ns += S;
	assert_int_equal(due(b).processes, 15);

	/* one of them gets worse: by itself from here on */
	assert_true(say(b, 17, POLICY_FD_EXHAUSTED));
	b->now_ns += S;
	nothing_due(b);
	assert_true(
		grouping_admit(b->groups, &b->members[17], &web, &again, b->now_ns));
	/* all do: the first few */
	b->now_ns += S;
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(say(b, i, POLICY_FD_CRITICAL), i < 5 || i == 17);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_CRITICAL);
	assert_int_equal(sum.processes, 14);

	/* its recovery is told both by itself and in the number of the group */
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(say(b, i, POLICY_FD_RECOVERED), i < 5 || i == 17);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_int_equal(sum.processes, 15);
	assert_int_equal(ids, 1);
}

static void flush(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;

	open_many(b, 8);
	assert_false(say(b, 7, POLICY_FD_RECOVERED));
	assert_true(grouping_due(b->groups, b->now_ns, true, &sum));
	assert_int_equal(sum.action, POLICY_FD_WARNING);
	assert_int_equal(sum.processes, 3);
	assert_true(grouping_due(b->groups, b->now_ns, true, &sum));
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_int_equal(sum.processes, 1);
	assert_false(grouping_due(b->groups, b->now_ns, true, &sum));
}

static void the_system_is_no_group(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < 20; i++)
		assert_true(opens(b, i, POLICY_SYSTEM_EXHAUSTED));
	for (size_t i = 0; i < 20; i++)
		assert_true(say(b, i, POLICY_SYSTEM_RECOVERED));
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What every number must come to, over long random lives in many groups. */
static void sums_agree(void **state)
{
	static bool open[MANY], summed[MANY];
	struct bench *b = *state;
	struct grouping_summary sum;
	uint64_t seed = 88172645463325252ull, opened = 0, recovered = 0;
	uint64_t told_opened = 0, told_recovered = 0;
	struct grouping_subject subject;
	char text[16];

	for (unsigned int i = 0; i < 400000; i++) {
		size_t who = next_random(&seed) % 200;
		struct policy_decision what = {.action = POLICY_FD_WARNING,
					       .opens = !open[who]};
		bool sent;

		if (open[who] && next_random(&seed) % 2)
			what.action = POLICY_FD_RECOVERED;
		else if (open[who])
			what.action = POLICY_FD_CRITICAL;
		/* the key may change while an incident is open */
		snprintf(text, sizeof(text), "%u", (unsigned int)(i / 40000 + who % 3));
		subject = (struct grouping_subject){.title = text, .place = text};
		sent = grouping_admit(b->groups, &b->members[who], &subject, &what,
				      b->now_ns);
		if (what.opens)
			opened += summed[who] = !sent;
		if (!summed[who])
			assert_true(sent);
		if (what.action == POLICY_FD_RECOVERED)
			recovered += summed[who];
		open[who] = what.action != POLICY_FD_RECOVERED;
		b->now_ns += next_random(&seed) % (40 * MS);
		if (i % 4096 == 0)
			b->now_ns += 5 * S;
		while (grouping_due(b->groups, b->now_ns, false, &sum)) {
			told_opened +=
				sum.action == POLICY_FD_WARNING ? sum.processes : 0;
			told_recovered +=
				sum.action == POLICY_FD_RECOVERED ? sum.processes : 0;
			assert_true(sum.processes > 0);
			assert_true(sum.since_ns <= sum.until_ns);
		}
	}
	for (size_t who = 0; who < 200; who++) {
		recovered += open[who] && summed[who];
		if (open[who])
			say(b, who, POLICY_FD_RECOVERED);
	}
	b->now_ns += 10 * S;
	while (grouping_due(b->groups, b->now_ns, false, &sum)) {
		told_opened += sum.action == POLICY_FD_WARNING ? sum.processes : 0;
		told_recovered += sum.action == POLICY_FD_RECOVERED ? sum.processes : 0;
	}
	assert_true(opened > 10000);
	assert_int_equal(told_opened, opened);
	assert_int_equal(told_recovered, recovered);
	assert_int_equal(opened, recovered);
}

/* Groups that have nothing left to say take no memory: their indexes, which are
 * given to members, are used again. */
static void memory_is_bounded(void **state)
{
	struct bench *b = *state;
	uint32_t highest = 0;
	char key[32];

	for (unsigned int i = 0; i < 20000; i++) {
		struct policy_decision what = {.action = POLICY_FD_WARNING,
					       .opens = true};
		struct grouping_member members[6] = {0};
		struct grouping_summary sum;

		struct grouping_subject subject = {.title = key, .place = key};

		snprintf(key, sizeof(key), "group %u", i);
		for (int j = 0; j < 6; j++)
			grouping_admit(b->groups, &members[j], &subject, &what,
				       b->now_ns);
		assert_true(members[5].in_summary);
		if (members[5].group > highest)
			highest = members[5].group;
		what = (struct policy_decision){.action = POLICY_FD_RECOVERED};
		for (int j = 0; j < 6; j++)
			grouping_admit(b->groups, &members[j], &subject, &what,
				       b->now_ns);
		b->now_ns += 500 * MS;
		while (grouping_due(b->groups, b->now_ns, false, &sum))
			;
	}
	assert_between(highest, 1, 8);
}

/* ---- who is of a group ---- */

static bool same_group(const char *place, const char *one, const char *other)
{
	void *state = NULL;
	struct bench *b;
	bool single;
	struct grouping_subject subject = {.title = "x", .place = place};
	struct policy_decision what = {.action = POLICY_FD_WARNING, .opens = true};

	assert_int_equal(begin(&state), 0);
	b = state;
	subject.texts[GROUPING_COMMAND_LINE] = one;
	for (size_t i = 0; i < GROUPING_SINGLES; i++)
		assert_true(grouping_admit(b->groups, &b->members[i], &subject, &what,
					   b->now_ns));
	subject.texts[GROUPING_COMMAND_LINE] = other;
	single = grouping_admit(b->groups, &b->members[9], &subject, &what, b->now_ns);
	end(&state);
	return !single;
}

static void place_and_command(void **state)
{
	(void)state;
	assert_true(same_group("c", "python3 many.py", "python3 many.py"));
	assert_false(same_group("c", "python3 many.py", "python3 other.py"));
	assert_true(same_group(NULL, "worker 7", "worker 12"));
	assert_false(same_group(NULL, "worker 7", "worker seven"));
	assert_true(same_group(NULL, "pg: a 10.0.0.1(4711)", "pg: a 10.10.0.12(3)"));
	assert_false(same_group(NULL, "7", "x"));
	assert_true(same_group(NULL, "7", "123"));
}

static bool refuse(struct bench *b, size_t who, const char *place, const char *command,
		   const char *name)
{
	struct grouping_subject subject = {.title = "x", .place = place};
	struct policy_decision what = {.action = POLICY_FD_EXHAUSTED, .opens = true};

	subject.texts[GROUPING_COMMAND_LINE] = command;
	subject.texts[GROUPING_NAME] = name;
	return grouping_admit(b->groups, &b->members[who], &subject, &what, b->now_ns);
}

/* … though they are of one group, and however many there are. */
static void each_command_line_is_told(void **state)
{
	struct bench *b = *state;
	char text[32];

	for (size_t i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "worker %zu", i * 7919 % 1000);
		assert_true(refuse(b, i, NULL, text, "worker"));
	}
	for (size_t i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "worker %zu", i);
		assert_false(refuse(b, 1000 + i, NULL, text, "worker"));
	}
	/* the command of a process that was not there to be asked is another one */
	assert_true(refuse(b, 0, NULL, NULL, "worker"));
	b->now_ns += S;
	assert_int_equal(due(b).processes, 1000);
}

/* One program is one group whether its command line could be read or not, and
 * whichever came first. */
static void not_there_to_be_asked(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;

	for (size_t i = 0; i < 5; i++)
		assert_true(refuse(b, i, "p", i % 2 ? "w --x" : NULL, "w"));
	assert_false(refuse(b, 5, "p", NULL, "w"));
	assert_false(refuse(b, 6, "p", "w --x", "w"));
	assert_true(refuse(b, 7, "p", "w --y", "w")); /* another one */
	assert_true(refuse(b, 8, "q", NULL, "w"));    /* elsewhere */
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.processes, 2);
	assert_string_equal(sum.texts[GROUPING_COMMAND_LINE], "w --x");
}

/* ---- what a summary tells ---- */

static struct tally_figures by_number(size_t who)
{
	static struct tally_call calls[2];
	static char text[32];

	snprintf(text, sizeof(text), "web %zu", who);
	calls[0] = (struct tally_call){2, 24, who};
	calls[1] = (struct tally_call){(uint32_t)(100 + who % 100), 24, 1};
	return (struct tally_figures){.pid = (int32_t)(1000 + who),
				      .command_line = text,
				      .table_known = true,
				      .used = who,
				      .soft_limit = 64,
				      .calls = calls,
				      .calls_len = 2};
}

static uint64_t sum_of(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tally->calls_len; i++)
		sum += tally->calls[i].count;
	return sum;
}

static void members_and_sums(void **state)
{
	struct bench *b = *state;
	struct grouping_summary sum;
	uint64_t want = 0;

	figures_of = by_number;
	open_many(b, 205);
	for (size_t i = 5; i < 205; i++)
		want += i + 1;
	/* two are over before it is told */
	assert_false(say(b, 5, POLICY_FD_RECOVERED));
	assert_false(say(b, 6, POLICY_FD_RECOVERED));
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.tally->processes, 200);
	assert_int_equal(sum.tally->members_len, TALLY_MEMBERS);
	assert_int_equal(sum.tally->calls_len, TALLY_CALLS);
	assert_int_equal(sum_of(sum.tally), want);
	assert_int_equal(sum.tally->members[0].pid, 1007);
	assert_string_equal(sum.tally->members[0].command_line, "web 7");
	assert_int_equal(sum.tally->members[0].used, 7);
	assert_int_equal(sum.tally->members[0].refused, 8);

	/* one is told by itself: what it was refused is in its own alerts */
	assert_true(say(b, 204, POLICY_FD_EXHAUSTED));
	b->now_ns += 3 * S;
	for (size_t i = 7; i < 205; i++)
		assert_int_equal(say(b, i, POLICY_FD_RECOVERED), i == 204);
	b->now_ns += S;
	sum = due(b);
	assert_int_equal(sum.action, POLICY_FD_RECOVERED);
	assert_int_equal(sum.processes, 200);
	assert_int_equal(sum.tally->alone, 1);
	assert_int_equal(sum_of(sum.tally), want - 205);
	assert_int_equal(sum.opened_ns, 1000 * S);
	assert_int_equal(sum.until_ns - sum.opened_ns, 4 * S);
}

/* Limits are told apart, each by its own summary. */
static void each_limit_is_named(void **state)
{
	struct bench *b = *state;
	struct grouping_summary one, two;

	for (size_t i = 0; i < 20; i++) {
		struct policy_decision what = {.action = POLICY_OTHER_LIMIT,
					       .limit = 3 + i % 2,
					       .opens = true};

		assert_int_equal(grouping_admit(b->groups, &b->members[i], &web, &what,
						b->now_ns),
				 i < 2 * GROUPING_SINGLES);
	}
	b->now_ns += S;
	assert_true(grouping_due(b->groups, b->now_ns, false, &one));
	assert_true(grouping_due(b->groups, b->now_ns, false, &two));
	assert_int_equal(one.action, POLICY_OTHER_LIMIT);
	assert_int_equal(two.action, POLICY_OTHER_LIMIT);
	assert_int_equal(one.limit, 3);
	assert_int_equal(two.limit, 4);
	assert_int_equal(one.processes + two.processes, 10);
	nothing_due(b);
}

/* Once in a summary it waits for, however often it is said. */
static void no_one_is_counted_twice(void **state)
{
	struct bench *b = *state;
	struct policy_decision again = {.action = POLICY_FD_WARNING, .repeats = true};

	open_many(b, 7);
	for (int i = 0; i < 3; i++)
		assert_false(grouping_admit(b->groups, &b->members[6], &web, &again,
					    b->now_ns));
	b->now_ns += S;
	assert_int_equal(due(b).processes, 2);
}

/* Texts that are not the same for all are not those of the group. */
static void only_what_is_common(void **state)
{
	struct bench *b = *state;
	struct grouping_subject subject = {.title = "w"};
	struct policy_decision what = {.action = POLICY_FD_WARNING, .opens = true};
	struct grouping_summary sum;
	char line[16];

	for (size_t i = 0; i < 6; i++) {
		snprintf(line, sizeof(line), "w %zu", i);
		subject.texts[GROUPING_COMMAND_LINE] = line;
		subject.texts[GROUPING_SERVICE] = i ? "w.service" : NULL;
		grouping_admit(b->groups, &b->members[i], &subject, &what, b->now_ns);
	}
	b->now_ns += S;
	sum = due(b);
	assert_null(sum.texts[GROUPING_COMMAND_LINE]);
	assert_string_equal(sum.texts[GROUPING_SERVICE], "w.service");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(two_thousand),
		TEST(summaries_are_admitted),
		TEST(a_group_with_roots_is_roots),
		TEST(users_have_groups_of_their_own),
		TEST(recovery_waits_for_the_last),
		TEST(opening_is_told_before_recovery),
		TEST(opening_is_told_before_late_recovery),
		TEST(a_steady_stream_is_cut),
		TEST(far_apart_are_single),
		TEST(the_first_to_get_worse_is_named),
		TEST(flush),
		TEST(the_system_is_no_group),
		TEST(sums_agree),
		TEST(memory_is_bounded),
		cmocka_unit_test(place_and_command),
		TEST(each_command_line_is_told),
		TEST(not_there_to_be_asked),
		TEST(members_and_sums),
		TEST(each_limit_is_named),
		TEST(no_one_is_counted_twice),
		TEST(only_what_is_common),
	};

	grouping_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
