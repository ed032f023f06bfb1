/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy says of a process, in scripts of what was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "between.h"
#include "policy/policy.h"

#define MS  1000000ull
#define S   (1000 * MS)
#define MIN (60 * S)

static const struct policy_settings usual = {
	.warn_bp = 8000,
	.critical_bp = 9500,
	.hysteresis_bp = 500,
	.repeat_ns = 15 * MIN,
	.min_limit = 16,
};

/* One process under test. The default view is a snapshot of an older process
 * under a limit of 100. */
struct bench {
	struct policy_fd state;
	struct policy_settings set;
	uint64_t now_ns;
	char said[256]; /* what the last step said, as text */
};

static struct bench bench_new(void)
{
	return (struct bench){.set = usual, .now_ns = 1000 * S};
}

static void observe(struct bench *bench, struct policy_observation seen)
{
	struct policy_decision out[POLICY_MAX_DECISIONS];
	size_t len = 0;
	int n;

	seen.now_ns = bench->now_ns;
	n = policy_fd_observe(&bench->state, &bench->set, &seen, out);
	assert_between(n, 0, POLICY_MAX_DECISIONS);
	bench->said[0] = '\0';
	for (int i = 0; i < n; i++) {
		const char *reason = policy_reason_name(out[i].reason);

		len += (size_t)snprintf(
			bench->said + len, sizeof(bench->said) - len, "%s%s%s%s%s%s",
			i ? " " : "", policy_action_name(out[i].action),
			reason ? ":" : "", reason ? reason : "",
			out[i].opens ? "+" : "", out[i].repeats ? "*" : "");
		assert_true(len < sizeof(bench->said));
	}
}

static const char *snap_of(struct bench *bench, uint64_t used, uint64_t soft)
{
	observe(bench, (struct policy_observation){.has_table = true,
						   .count = used,
						   .used = used < soft ? used : soft,
						   .soft_limit = soft,
						   .settled = true});
	return bench->said;
}

static const char *snap(struct bench *bench, uint64_t used)
{
	return snap_of(bench, used, 100);
}

static const char *near(struct bench *bench, uint64_t used)
{
	observe(bench, (struct policy_observation){
			       .has_table = true,
			       .count = used,
			       .used = used,
			       .soft_limit = 100,
		       });
	return bench->said;
}

static const char *refused(struct bench *bench, enum policy_refusal refusal,
			   uint64_t used)
{
	observe(bench, (struct policy_observation){.has_table = true,
						   .count = used,
						   .used = used,
						   .soft_limit = 100,
						   .refusal = refusal});
	return bench->said;
}

static const char *full(struct bench *bench)
{
	return refused(bench, POLICY_REFUSAL_TABLE_FULL, 100);
}

static const char *other(struct bench *bench, uint64_t used)
{
	return refused(bench, POLICY_REFUSAL_OTHER, used);
}

static const char *gone(struct bench *bench)
{
	observe(bench, (struct policy_observation){.exited = true});
	return bench->said;
}

/* Snapshots each second that must say nothing. */
static void quiet(struct bench *bench, uint64_t used, unsigned int seconds)
{
	while (seconds--) {
		bench->now_ns += S;
		assert_string_equal(snap(bench, used), "");
	}
}

static void after(struct bench *bench, uint64_t ns)
{
	bench->now_ns += ns;
}

static void levels(void **unused)
{
	static const struct {
		uint64_t used, soft;
		enum policy_level level;
	} cases[] = {
		{79, 100, POLICY_LEVEL_OK},
		{80, 100, POLICY_LEVEL_WARNING},
		{94, 100, POLICY_LEVEL_WARNING},
		{95, 100, POLICY_LEVEL_CRITICAL},
		{100, 100, POLICY_LEVEL_CRITICAL},
		{204, 256, POLICY_LEVEL_OK}, /* 79.7 % */
		{205, 256, POLICY_LEVEL_WARNING},
		{244, 256, POLICY_LEVEL_CRITICAL}, /* 95.3 % */
		{15, 15, POLICY_LEVEL_OK},         /* under min_limit */
		{16, 16, POLICY_LEVEL_CRITICAL},
		{0, 0, POLICY_LEVEL_OK},
		{1000000, UINT64_MAX, POLICY_LEVEL_OK},
		{UINT64_MAX / 2, UINT64_MAX - 1, POLICY_LEVEL_OK}, /* no overflow */
		{UINT64_MAX - 2, UINT64_MAX - 1, POLICY_LEVEL_CRITICAL},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(policy_level_of(&usual, cases[i].used, cases[i].soft),
				 cases[i].level);
}

static void climb_and_close(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(snap(&b, 79), "");
	assert_string_equal(near(&b, 80), "fd-warning+");
	assert_string_equal(near(&b, 81), "");
	assert_string_equal(near(&b, 95), "fd-critical");
	assert_string_equal(near(&b, 100), ""); /* full, but nothing refused yet */
	assert_string_equal(full(&b), "fd-exhausted");
	quiet(&b, 100, 3);
	assert_int_equal(b.state.max_used, 100);
	/* only a complete view ends it */
	assert_string_equal(near(&b, 5), "");
	assert_string_equal(snap(&b, 5), "fd-recovered:closed");
	assert_false(b.state.incident);
	quiet(&b, 5, 3);
}

static void jump_alerts_only_the_highest(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(near(&b, 97), "fd-critical+");
	/* and nothing on the way down */
	quiet(&b, 92, 2);
	quiet(&b, 82, 2);
	assert_string_equal(snap(&b, 20), "fd-recovered:closed");

	b = bench_new();
	assert_string_equal(full(&b), "fd-exhausted+");
	quiet(&b, 96, 2);
	assert_int_equal(b.state.level, POLICY_LEVEL_EXHAUSTED);
	quiet(&b, 94, 2);
	assert_int_equal(b.state.level, POLICY_LEVEL_CRITICAL);
	quiet(&b, 85, 2);
	assert_int_equal(b.state.level, POLICY_LEVEL_WARNING);
	assert_string_equal(gone(&b), "fd-recovered:exited");
}

static const char *grows_fast(struct bench *b, uint64_t used)
{
	observe(b, (struct policy_observation){.has_table = true,
					       .count = used,
					       .used = used,
					       .soft_limit = 100,
					       .soon = true});
	return b->said;
}

/* A level must last: what tries out its limit and gives all back says nothing. */
static void dwell(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	b.set.dwell_ns = 250 * MS;
	assert_string_equal(near(&b, 100), "");
	assert_true(policy_fd_due_ns(&b.state, &b.set) == b.now_ns + 250 * MS);
	b.now_ns += 5 * MS;
	assert_string_equal(snap_of(&b, 6, 100), "");
	assert_true(policy_fd_due_ns(&b.state, &b.set) == 0);
	/* another time is another time */
	b.now_ns += 300 * MS;
	assert_string_equal(near(&b, 85), "");
	b.now_ns += 249 * MS;
	assert_string_equal(near(&b, 86), "");
	b.now_ns += 1 * MS;
	assert_string_equal(snap_of(&b, 86, 100), "fd-warning+");
	/* … and each level by itself */
	assert_string_equal(near(&b, 96), "");
	assert_true(policy_fd_due_ns(&b.state, &b.set) == b.now_ns + 250 * MS);
	b.now_ns += 250 * MS;
	assert_string_equal(snap_of(&b, 97, 100), "fd-critical");
	assert_true(policy_fd_due_ns(&b.state, &b.set) == 0);

	/* where there is little time it is looked at twice: a probe is gone by then */
	b = bench_new();
	b.set.dwell_ns = 250 * MS;
	assert_string_equal(grows_fast(&b, 96), "");
	assert_true(policy_fd_due_ns(&b.state, &b.set) == b.now_ns + POLICY_SOON_NS);
	b.now_ns += POLICY_SOON_NS;
	assert_string_equal(snap_of(&b, 6, 100), "");
	assert_string_equal(grows_fast(&b, 96), "");
	b.now_ns += POLICY_SOON_NS - 1;
	assert_string_equal(grows_fast(&b, 97), "");
	b.now_ns += 1;
	assert_string_equal(grows_fast(&b, 97), "fd-critical+");
	/* what has come to rest meanwhile has the whole time */
	b = bench_new();
	b.set.dwell_ns = 250 * MS;
	assert_string_equal(grows_fast(&b, 96), "");
	b.now_ns += POLICY_SOON_NS;
	assert_string_equal(snap_of(&b, 96, 100), "");
	assert_true(policy_fd_due_ns(&b.state, &b.set) ==
		    b.now_ns - POLICY_SOON_NS + 250 * MS);
	/* a shorter time is no longer for that */
	b = bench_new();
	b.set.dwell_ns = 5 * MS;
	assert_string_equal(grows_fast(&b, 96), "");
	b.now_ns += 5 * MS;
	assert_string_equal(grows_fast(&b, 96), "fd-critical+");
	/* at the daemon's start nobody knows how long it has lasted; nor does what was
	 * refused wait */
	b = bench_new();
	b.set.dwell_ns = 250 * MS;
	observe(&b, (struct policy_observation){.has_table = true,
						.count = 96,
						.used = 96,
						.soft_limit = 100,
						.began = true});
	assert_string_equal(b.said, "fd-critical+");
	b = bench_new();
	b.set.dwell_ns = 250 * MS;
	observe(&b, (struct policy_observation){.has_table = true,
						.count = 100,
						.used = 100,
						.soft_limit = 100,
						.refusal = POLICY_REFUSAL_TABLE_FULL});
	assert_string_equal(b.said, "fd-exhausted+");

	/* a record that a snapshot has overtaken is of no other moment */
	b = bench_new();
	b.set.dwell_ns = 250 * MS;
	assert_string_equal(snap_of(&b, 5, 100), "");
	b.now_ns -= 20 * MS;
	assert_string_equal(near(&b, 97), "");
	b.now_ns += 520 * MS;
	assert_string_equal(near(&b, 97), "");
}

static void hysteresis(void **unused)
{
	struct bench b = bench_new();
	unsigned int warnings = 0;

	(void)unused;
	for (int i = 0; i < 20; i++) {
		after(&b, S);
		warnings += strcmp(snap(&b, i % 2 ? 75 : 85), "fd-warning+") == 0;
		assert_true(b.said[0] == '\0' || i == 0);
	}
	assert_int_equal(warnings, 1);
	assert_string_equal(snap(&b, 74), "fd-recovered:closed");

	/* between the levels: 90 holds critical, 89 does not */
	b = bench_new();
	assert_string_equal(near(&b, 95), "fd-critical+");
	quiet(&b, 90, 1);
	assert_int_equal(b.state.level, POLICY_LEVEL_CRITICAL);
	quiet(&b, 89, 1);
	assert_int_equal(b.state.level, POLICY_LEVEL_WARNING);
	/* critical again so soon is not said again, and a record lowers nothing */
	assert_string_equal(near(&b, 96), "");
	assert_string_equal(near(&b, 70), "");
	assert_int_equal(b.state.level, POLICY_LEVEL_CRITICAL);

	/* wider than the level itself: an empty table is well all the same */
	b = bench_new();
	b.set.hysteresis_bp = 9000;
	assert_string_equal(near(&b, 85), "fd-warning+");
	quiet(&b, 1, 1);
	assert_string_equal(snap(&b, 0), "fd-recovered:closed");
}

static const char *full_of(struct bench *bench, uint64_t soft)
{
	observe(bench,
		(struct policy_observation){.has_table = true,
					    .count = soft,
					    .used = soft,
					    .soft_limit = soft,
					    .refusal = POLICY_REFUSAL_TABLE_FULL});
	return bench->said;
}

/* A limit raised by a little leaves the incident open: each rise to the next limit is
 * told in it, once. */
static void a_rise_under_a_raised_limit(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(full(&b), "fd-exhausted+");
	after(&b, S);
	assert_string_equal(snap_of(&b, 101, 128), "");
	assert_int_equal(b.state.level, POLICY_LEVEL_WARNING); /* 79 % holds it */
	after(&b, S);
	assert_string_equal(snap_of(&b, 110, 128), "");
	after(&b, S);
	assert_string_equal(snap_of(&b, 122, 128), "fd-critical");
	assert_string_equal(full_of(&b, 128), "fd-exhausted");
	for (int i = 0; i < 100; i++) {
		after(&b, S);
		assert_string_equal(full_of(&b, 128), "");
		assert_string_equal(snap_of(&b, 128, 128), "");
		/* back and forth under limits that were told of */
		assert_string_equal(full(&b), "");
		assert_string_equal(snap_of(&b, 100, 128), "");
	}
	/* filled before anyone looked */
	assert_string_equal(full_of(&b, 200), "fd-exhausted");
	assert_string_equal(full_of(&b, 200), "");
	/* by so little that it is as full as before */
	assert_string_equal(full_of(&b, 204), "");
	assert_string_equal(full_of(&b, 208), "");
	assert_string_equal(full_of(&b, 216), "fd-exhausted");
	after(&b, S);
	assert_string_equal(snap_of(&b, 100, 216), "fd-recovered:closed");
}

static void a_rise_after_a_fall(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(full(&b), "fd-exhausted+");
	quiet(&b, 80, 59);
	assert_string_equal(full(&b), ""); /* it swings */
	quiet(&b, 80, 61);
	assert_string_equal(full(&b), "fd-exhausted");
	quiet(&b, 80, 61);
	after(&b, S);
	assert_string_equal(snap(&b, 94), "");
	assert_string_equal(snap(&b, 96), "fd-critical");
	assert_string_equal(full(&b), "fd-exhausted");
	/* 96 % keeps it exhausted */
	quiet(&b, 96, 100);
	assert_string_equal(full(&b), "");
}

static void repeats(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(snap(&b, 85), "fd-warning+");
	quiet(&b, 85, 15 * 60 - 1);
	after(&b, S);
	assert_string_equal(snap(&b, 85), "fd-warning*");
	quiet(&b, 76, 15 * 60 - 1); /* still held by the hysteresis */
	after(&b, S);
	assert_string_equal(snap(&b, 76), "fd-warning*");

	b = bench_new();
	b.set.repeat_ns = 0;
	assert_string_equal(snap(&b, 85), "fd-warning+");
	quiet(&b, 85, 4 * 3600);
}

static void refusals_are_said_once_an_interval(void **unused)
{
	struct bench b = bench_new();
	unsigned int said = 0;

	(void)unused;
	assert_string_equal(full(&b), "fd-exhausted+");
	/* 40 minutes, ten refusals a second, with snapshots between them */
	for (int i = 0; i < 40 * 60 * 10; i++) {
		after(&b, 100 * MS);
		if (i % 10 == 9)
			assert_string_equal(snap(&b, 100), "");
		full(&b);
		if (b.said[0]) {
			assert_string_equal(b.said, "fd-exhausted*");
			said++;
		}
	}
	assert_int_equal(said, 2);

	/* full, but it asks no more: the count alone does not say exhausted */
	quiet(&b, 100, 10 * 60 - 1 - 5 * 60);
	after(&b, 10 * MIN);
	assert_string_equal(snap(&b, 100), "fd-critical*");
}

static void reason_of_recovery(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(snap(&b, 96), "fd-critical+");
	assert_string_equal(snap_of(&b, 96, 1000), "fd-recovered:limit-raised");

	/* raised, but by itself that would not have been enough: closed too */
	b = bench_new();
	assert_string_equal(snap(&b, 96), "fd-critical+");
	assert_string_equal(snap_of(&b, 60, 1000), "fd-recovered:closed");

	/* raised by too little first: what counts is the last limit of trouble */
	b = bench_new();
	assert_string_equal(snap(&b, 96), "fd-critical+");
	assert_string_equal(snap_of(&b, 170, 200), "fd-warning"); /* it rose again */
	assert_string_equal(snap_of(&b, 140, 1000), "fd-recovered:closed");

	/* raised, and then it grew */
	b = bench_new();
	assert_string_equal(snap(&b, 96), "fd-critical+");
	assert_string_equal(snap_of(&b, 300, UINT64_MAX), "fd-recovered:limit-raised");
	assert_int_equal(b.state.trouble_soft_limit, 0);

	/* seen exhausted only through the sensor */
	b = bench_new();
	assert_string_equal(full(&b), "fd-exhausted+");
	assert_string_equal(snap_of(&b, 101, 200), "fd-recovered:limit-raised");
	assert_string_equal(gone(&b), "");
}

static void exit_closes(void **unused)
{
	struct policy_fd empty = {0};
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(gone(&b), "");
	assert_string_equal(full(&b), "fd-exhausted+");
	b.set.ignore = true; /* whatever else happened */
	assert_string_equal(gone(&b), "fd-recovered:exited");
	assert_memory_equal(&b.state, &empty, sizeof(empty));
	assert_string_equal(gone(&b), "");
}

static void ignored(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	b.set.ignore = true;
	assert_string_equal(full(&b), "");
	assert_string_equal(other(&b, 10), "");
	assert_string_equal(snap(&b, 99), "");
	b.set.ignore = false;
	assert_string_equal(snap(&b, 99), "fd-critical+");
	b.set.ignore = true;
	assert_string_equal(near(&b, 100), "fd-recovered:ignored");
	assert_string_equal(gone(&b), "");
}

static void small_limits(void **unused)
{
	struct bench b = bench_new();
	struct policy_observation seen = {.has_table = true,
					  .count = 8,
					  .used = 8,
					  .soft_limit = 8,
					  .refusal = POLICY_REFUSAL_TABLE_FULL};

	(void)unused;
	assert_string_equal(snap_of(&b, 8, 8), "");
	observe(&b, seen);
	assert_string_equal(b.said, "fd-exhausted+");
	/* it is not well because its limit is small */
	assert_string_equal(snap_of(&b, 8, 8), "");
	after(&b, 20 * MIN);
	assert_string_equal(snap_of(&b, 8, 8), "");
	assert_string_equal(snap_of(&b, 7, 8), "");
	assert_string_equal(snap_of(&b, 3, 8), "fd-recovered:closed");

	/* no limit at all */
	b = bench_new();
	assert_string_equal(snap_of(&b, 1000000, UINT64_MAX), "");
	assert_string_equal(snap_of(&b, 0, 0), "");
}

static void other_limits(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(snap(&b, 10), "");
	assert_string_equal(other(&b, 10), "other-limit+");
	assert_string_equal(other(&b, 10), "");
	quiet(&b, 10, 59); /* the count is low: that does not end it */
	assert_string_equal(other(&b, 10), "");
	quiet(&b, 10, 59);
	after(&b, S);
	assert_string_equal(snap(&b, 10), "fd-recovered:closed");

	/* one that is always just under the warning level */
	b = bench_new();
	assert_string_equal(other(&b, 78), "other-limit+");
	quiet(&b, 78, 59);
	after(&b, S);
	assert_string_equal(snap(&b, 78), "fd-recovered:closed");

	/* repeated by the interval */
	b = bench_new();
	assert_string_equal(other(&b, 10), "other-limit+");
	for (int i = 0; i < 29; i++) {
		after(&b, 30 * S);
		assert_string_equal(other(&b, 10), "");
	}
	after(&b, 30 * S);
	assert_string_equal(other(&b, 10), "other-limit*");
	assert_string_equal(gone(&b), "fd-recovered:exited");
}

static void other_limit_joins(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(near(&b, 85), "fd-warning+");
	after(&b, 10 * S);
	assert_string_equal(other(&b, 85), "other-limit");
	quiet(&b, 10, 59); /* the count is well, the other limit not yet */
	after(&b, S);
	assert_string_equal(snap(&b, 10), "fd-recovered:closed");

	/* and the other way round, both at once at last */
	b = bench_new();
	assert_string_equal(other(&b, 10), "other-limit+");
	assert_string_equal(near(&b, 85), "fd-warning");
	quiet(&b, 85, 120);
	assert_string_equal(snap(&b, 10), "fd-recovered:closed");
	b = bench_new();
	assert_string_equal(other(&b, 96), "fd-critical+ other-limit");
}

static void each_other_limit_is_said(void **unused)
{
	struct bench b = bench_new();
	struct policy_observation seen = {.refusal = POLICY_REFUSAL_OTHER,
					  .other_limit = 3};

	(void)unused;
	observe(&b, seen);
	assert_string_equal(b.said, "other-limit+");
	seen.other_limit = 4;
	observe(&b, seen);
	assert_string_equal(b.said, "other-limit");
	observe(&b, seen);
	assert_string_equal(b.said, "");
	after(&b, 15 * MIN);
	observe(&b, seen);
	assert_string_equal(b.said, "other-limit*");
	seen.other_limit = 3;
	observe(&b, seen);
	assert_string_equal(b.said, "other-limit*");
	/* no table was ever seen: it is over all the same */
	after(&b, MIN);
	observe(&b, (struct policy_observation){.settled = true});
	assert_string_equal(b.said, "fd-recovered:closed");
}

/* Seconds of snapshots at `used` until the recovery is said. */
static unsigned int recovers_after(struct bench *bench, uint64_t used)
{
	for (unsigned int s = 0; s < 1000; s++) {
		if (strcmp(snap(bench, used), "fd-recovered:closed") == 0)
			return s;
		assert_string_equal(bench->said, "");
		after(bench, S);
	}
	fail_msg("no recovery");
	return 0;
}

static void flapping_is_damped(void **unused)
{
	static const unsigned int stays[] = {0, 2, 4, 8, 16, 32, 60, 60, 60};
	struct bench b = bench_new();

	(void)unused;
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		after(&b, S);
		assert_string_equal(snap(&b, 85), "fd-warning+");
		after(&b, S);
		assert_int_equal(recovers_after(&b, 50), stays[i]);
	}
	/* a calm minute forgives all */
	after(&b, MIN);
	assert_string_equal(snap(&b, 85), "fd-warning+");
	assert_int_equal(recovers_after(&b, 50), 0);

	/* the time is without a break, and a record can break it */
	assert_string_equal(snap(&b, 85), "fd-warning+");
	assert_string_equal(snap(&b, 50), "");
	after(&b, 1900 * MS);
	assert_string_equal(near(&b, 78), "");
	assert_int_equal(recovers_after(&b, 50), 2);
}

static void out_of_order(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	assert_string_equal(full(&b), "fd-exhausted+");
	b.now_ns -= 5 * MIN; /* a record that was overtaken repeats nothing */
	assert_string_equal(full(&b), "");
	assert_string_equal(near(&b, 96), "");
}

/* What an output has lost: the level is told once more, whatever `repeat` says. */
static void tell_again(void **unused)
{
	static const struct policy_settings set = {
		.warn_bp = 8000, .critical_bp = 9500, .hysteresis_bp = 500};
	struct policy_observation seen = {.now_ns = MIN,
					  .has_table = true,
					  .count = 85,
					  .used = 85,
					  .soft_limit = 100};
	struct policy_decision out[POLICY_MAX_DECISIONS];
	struct policy_fd state = {0};

	(void)unused;
	policy_fd_tell_again(&state); /* there is nothing to be told */
	seen.settled = true;
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 1);
	assert_true(out[0].opens);
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 0);
	policy_fd_tell_again(&state);
	seen.settled = false; /* a record of the sensor's may be of before */
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 0);
	seen.settled = true;
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 1);
	assert_int_equal(out[0].action, POLICY_FD_WARNING);
	assert_true(out[0].repeats && !out[0].opens);
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 0);
	/* well by then: its recovery is told, as ever */
	policy_fd_tell_again(&state);
	seen.used = seen.count = 10;
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 1);
	assert_int_equal(out[0].action, POLICY_FD_RECOVERED);
	assert_int_equal(policy_fd_observe(&state, &set, &seen, out), 0);
}

static void names(void **unused)
{
	(void)unused;
	for (int action = 0; action < POLICY_ACTIONS; action++) {
		assert_non_null(policy_action_name((enum policy_action)action));
		assert_non_null(policy_log_level((enum policy_action)action));
		assert_between(policy_severity((enum policy_action)action), 2, 5);
	}
	assert_string_equal(policy_action_name(POLICY_FD_LEAK_SUSPECTED),
			    "fd-leak-suspected");
	assert_string_equal(policy_action_name(POLICY_SYSTEM_RECOVERED),
			    "system-recovered");
	assert_string_equal(policy_log_level(POLICY_FD_CRITICAL), "critical");
	assert_int_equal(policy_severity(POLICY_FD_EXHAUSTED), 5);
	assert_int_equal(policy_severity(POLICY_OTHER_LIMIT), 3);
	assert_null(policy_reason_name(POLICY_REASON_NONE));
	assert_string_equal(policy_reason_name(POLICY_REASON_LIMIT_RAISED),
			    "limit-raised");
}

static const char *leaking(struct bench *bench, uint64_t used, enum policy_leak leak)
{
	observe(bench, (struct policy_observation){.has_table = true,
						   .count = used,
						   .used = used,
						   .soft_limit = 100,
						   .leak = leak,
						   .settled = true});
	return bench->said;
}

/* One incident from the suspicion over the levels to its end. */
static void leak_joins_the_levels(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	b.set.leak = true;
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected+");
	after(&b, 14 * MIN);
	assert_string_equal(leaking(&b, 40, POLICY_LEAK_SUSPECTED), "");
	assert_string_equal(leaking(&b, 40, POLICY_LEAK_UNKNOWN), "");
	after(&b, MIN);
	assert_string_equal(leaking(&b, 50, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected*");
	after(&b, 16 * MIN);
	assert_string_equal(leaking(&b, 80, POLICY_LEAK_SUSPECTED), "fd-warning");
	assert_string_equal(leaking(&b, 96, POLICY_LEAK_SUSPECTED), "fd-critical");
	/* well below the level, and it leaks still */
	assert_string_equal(leaking(&b, 20, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected*");
	after(&b, S);
	assert_string_equal(leaking(&b, 20, POLICY_LEAK_NONE), "fd-recovered:closed");
}

static void leak_within_an_incident(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	b.set.leak = true;
	assert_string_equal(leaking(&b, 82, POLICY_LEAK_NONE), "fd-warning+");
	assert_string_equal(leaking(&b, 84, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected");
	assert_string_equal(leaking(&b, 96, POLICY_LEAK_SUSPECTED), "fd-critical");
	assert_string_equal(leaking(&b, 50, POLICY_LEAK_NONE), "fd-recovered:closed");
	/* when it is full anyway, that is what is said */
	after(&b, 10 * MIN);
	assert_string_equal(leaking(&b, 96, POLICY_LEAK_SUSPECTED), "fd-critical+");
	assert_string_equal(leaking(&b, 97, POLICY_LEAK_SUSPECTED), "");
}

static void leak_ends_otherwise(void **unused)
{
	struct bench b = bench_new();

	(void)unused;
	/* not wanted, or a limit that is too small to speak of */
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED), "");
	b.set.leak = true;
	b.set.min_limit = 200;
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED), "");
	b.set.min_limit = 16;
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected+");
	/* a rule that is new */
	b.set.leak = false;
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED),
			    "fd-recovered:closed");
	b.set.leak = true;
	after(&b, 10 * MIN);
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected+");
	/* far away from the new limit */
	assert_string_equal(snap_of(&b, 31, 100000), "");
	observe(&b, (struct policy_observation){.has_table = true,
						.count = 31,
						.used = 31,
						.soft_limit = 100000,
						.leak = POLICY_LEAK_NONE,
						.settled = true});
	assert_string_equal(b.said, "fd-recovered:limit-raised");
	after(&b, 10 * MIN);
	assert_string_equal(leaking(&b, 30, POLICY_LEAK_SUSPECTED),
			    "fd-leak-suspected+");
	observe(&b, (struct policy_observation){.exited = true, .settled = true});
	assert_string_equal(b.said, "fd-recovered:exited");
}

static const char *snap_program(struct bench *bench, uint64_t used, uint64_t wall,
				bool managed, enum policy_refusal refusal)
{
	observe(bench, (struct policy_observation){.has_table = true,
						   .count = used,
						   .used = used,
						   .soft_limit = 100,
						   .wall = wall,
						   .managed = managed,
						   .refusal = refusal,
						   .settled = true});
	return bench->said;
}

/* A program that takes no more from 50 on is full there, whatever its limit. */
static void walls(void **state)
{
	struct bench b = bench_new();

	(void)state;
	assert_string_equal(snap_program(&b, 39, 50, false, POLICY_REFUSAL_NONE), "");
	assert_string_equal(snap_program(&b, 40, 50, false, POLICY_REFUSAL_NONE),
			    "fd-warning+");
	assert_string_equal(snap_program(&b, 48, 50, false, POLICY_REFUSAL_NONE),
			    "fd-critical");
	assert_string_equal(snap_program(&b, 38, 50, false, POLICY_REFUSAL_NONE), "");
	assert_string_equal(snap_program(&b, 37, 50, false, POLICY_REFUSAL_NONE),
			    "fd-recovered:closed");
	/* one above its limit is none */
	b = bench_new();
	assert_string_equal(snap_program(&b, 79, 5000, false, POLICY_REFUSAL_NONE), "");
	assert_string_equal(snap_program(&b, 80, 5000, false, POLICY_REFUSAL_NONE),
			    "fd-warning+");
}

/* What rests high by design is in trouble when a call is refused, and until none was for
 * a minute. */
static void managed(void **state)
{
	struct bench b = bench_new();

	(void)state;
	assert_string_equal(snap_program(&b, 99, 0, true, POLICY_REFUSAL_NONE), "");
	assert_string_equal(snap_program(&b, 100, 0, true, POLICY_REFUSAL_TABLE_FULL),
			    "fd-exhausted+");
	b.now_ns += 59 * S;
	assert_string_equal(snap_program(&b, 99, 0, true, POLICY_REFUSAL_NONE), "");
	b.now_ns += 2 * S;
	snap_program(&b, 99, 0, true, POLICY_REFUSAL_NONE);
	assert_string_equal(b.said, "fd-recovered:closed");
	b.now_ns += 3600 * S;
	assert_string_equal(snap_program(&b, 99, 0, true, POLICY_REFUSAL_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(climb_and_close),
		cmocka_unit_test(jump_alerts_only_the_highest),
		cmocka_unit_test(dwell),
		cmocka_unit_test(hysteresis),
		cmocka_unit_test(a_rise_under_a_raised_limit),
		cmocka_unit_test(a_rise_after_a_fall),
		cmocka_unit_test(repeats),
		cmocka_unit_test(refusals_are_said_once_an_interval),
		cmocka_unit_test(reason_of_recovery),
		cmocka_unit_test(exit_closes),
		cmocka_unit_test(ignored),
		cmocka_unit_test(small_limits),
		cmocka_unit_test(other_limits),
		cmocka_unit_test(other_limit_joins),
		cmocka_unit_test(each_other_limit_is_said),
		cmocka_unit_test(flapping_is_damped),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(tell_again),
		cmocka_unit_test(names),
		cmocka_unit_test(leak_joins_the_levels),
		cmocka_unit_test(leak_within_an_incident),
		cmocka_unit_test(leak_ends_otherwise),
		cmocka_unit_test(walls),
		cmocka_unit_test(managed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
