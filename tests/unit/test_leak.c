/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which series are taken for leaks: simulated ones of many kinds, by seeds, and recorded
 * ones. What comes of them is the table of docs/forecast.md, which is checked; with
 * FORECAST_TABLE=FILE it is written there instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "leak_patterns.h"
#include "policy/forecast.h"
#include "policy/leak.h"

#define SECOND_NS   1000000000ull
#define START_NS    (77 * SECOND_NS)
#define SEEDS       8
#define LARGE_SEEDS 4

static const struct leak_settings defaults = {
	.enabled = true,
	.windows = 6,
	.window_ns = 10 * SECOND_NS,
	.horizon_ns = 86400 * SECOND_NS,
};

/* ---- a run ---- */

struct run {
	const struct pattern *pattern;
	double limit, seconds;
	double size; /* what the pattern's shares are of; 0: of the limit */
	bool blind;  /* no counters, nor what the descriptors are */
	enum leak_growth growth;
	uint64_t seed;
	/* result */
	unsigned int alarms;
	double at_s;       /* of the first one; < 0: none */
	double used_share; /* then, of the limit; without bursts, teeth and load */
	struct leak_estimate estimate;
	double full_s;    /* when the limit was met; < 0: it was not */
	double warning_s; /* when 80 % were in use; < 0: never */
};

static void run(struct run *run)
{
	struct leak_history history = {0};
	struct process_simulated process;
	bool stands = false;

	simulate_begin(&process, run->pattern, run->size ? run->size : run->limit,
		       run->seed);
	run->alarms = 0;
	run->at_s = run->full_s = run->warning_s = -1;
	for (double t = 0; t < run->seconds && run->full_s < 0; t++) {
		struct leak_sample sample = {
			.now_ns = START_NS + (uint64_t)t * SECOND_NS,
			.soft_limit = (uint64_t)run->limit,
			.opened_known = !run->blind,
			.growth = run->growth,
		};
		bool suspected;

		sample.used = simulate(&process, t);
		sample.opened = (uint64_t)process.opened;
		if (run->warning_s < 0 && (double)sample.used >= 0.8 * run->limit)
			run->warning_s = t;
		suspected = leak_see(&history, &defaults, &sample) == LEAK_SUSPECTED;
		if (suspected && !stands && !run->alarms++) {
			run->at_s = t;
			run->used_share =
				run->pattern->base + process.leaked / run->limit;
			leak_estimate(&history, &sample, &run->estimate);
		}
		stands = suspected;
		if (sample.used >= sample.soft_limit)
			run->full_s = t;
	}
	leak_clear(&history);
}

/* ---- the battery ---- */

static const double limits[] = {1024, 8192};
#define LIMITS (sizeof(limits) / sizeof(limits[0]))
#define RUNS   (SEEDS * LIMITS)

struct quiet_case {
	const char *name;
	struct pattern pattern;
	double hours;
	bool blind;
	enum leak_growth growth;
	/* how many alarms there may be in all runs: 0, but where docs/forecast.md says
	 * that one can't know */
	unsigned int allowed;
};

#define SESSIONS LEAK_GROWTH_CONNECTIONS
#define OTHER    LEAK_GROWTH_ELSE

/* clang-format off */
static const struct quiet_case quiet_cases[] = {
	{"steady load, 5 s each", {.base = .05, .load = .3, .lasts_s = 5}, 12, .growth = OTHER},
	{"steady load, a minute each", {.base = .05, .load = .3, .lasts_s = 60}, 12, .growth = OTHER},
	{"steady load, nothing known", {.base = .05, .load = .3, .lasts_s = 5}, 12, .blind = true, .growth = LEAK_GROWTH_UNKNOWN},
	{"load that wanders, 5 s each", {.base = .05, .load = .3, .lasts_s = 5, .wander = .3}, 12, .growth = OTHER},
	{"bursts of up to 5 min and 60 %", {.base = .05, .bursts_an_hour = 12, .burst = .6, .burst_s = 300}, 12, .growth = OTHER},
	{"bursts of up to 50 min and 60 %", {.base = .05, .bursts_an_hour = 1, .burst = .6, .burst_s = 3000}, 12, .growth = OTHER},
	{"files collected each 20 s, 50 %", {.base = .05, .saw = .5, .saw_s = 20}, 12, .growth = OTHER},
	{"files collected each minute, 25 %", {.base = .05, .saw = .25, .saw_s = 60}, 12, .growth = OTHER},
	{"files collected each 5 min, 25 %", {.base = .05, .saw = .25, .saw_s = 300}, 12, .growth = OTHER},
	{"files collected each half hour, 25 %", {.base = .05, .saw = .25, .saw_s = 1800}, 12, .growth = OTHER},
	{"load by day to 35 %, 5 s each", {.base = .05, .load = .3, .lasts_s = 5, .night = .1, .day_s = DAY}, 48, .growth = OTHER},
	{"load by day to 65 %, 5 s each", {.base = .05, .load = .6, .lasts_s = 5, .night = .1, .day_s = DAY}, 48, .growth = OTHER},
	{"load by day to 65 %, a minute each", {.base = .05, .load = .6, .lasts_s = 60, .night = .1, .day_s = DAY}, 48, .growth = OTHER},
	{"load by day to 65 %, an hour each, accepted", {.base = .05, .load = .6, .lasts_s = HOUR, .night = .1, .day_s = DAY}, 48, .growth = SESSIONS},
	{"load by day to 65 %, 4 hours each, accepted", {.base = .05, .load = .6, .lasts_s = 4 * HOUR, .night = .1, .day_s = DAY}, 48, .growth = SESSIONS},
	{"load by day to 35 %, nothing known", {.base = .05, .load = .3, .lasts_s = 5, .night = .1, .day_s = DAY}, 48, .blind = true, .growth = LEAK_GROWTH_UNKNOWN},
	{"load in waves of 2 hours to 65 %", {.base = .05, .load = .6, .lasts_s = 5, .night = .1, .day_s = 2 * HOUR}, 24, .growth = OTHER},
	{"start-up to 25 %, flat after minutes", {.base = .05, .grow = .2, .grow_s = 120, .load = .02, .lasts_s = 3}, 12, .growth = OTHER},
	{"start-up to 45 %, flat after 10 minutes", {.base = .05, .grow = .4, .grow_s = 180, .load = .02, .lasts_s = 3}, 12, .growth = OTHER},
	{"start-up to 45 %, flat after hours", {.base = .05, .grow = .4, .grow_s = HOUR, .load = .02, .lasts_s = 3}, 12, .growth = OTHER},
	{"pool that fills to 65 % on demand", {.base = .05, .grow = .6, .grow_s = 600}, 12, .growth = OTHER},
	{"pool that is filled to 65 % in 10 s", {.base = .05, .grow = .6, .grow_s = 10, .grow_linearly = true}, 12, .growth = OTHER},
	{"pool that is filled to 25 % in 10 min", {.base = .05, .grow = .2, .grow_s = 600, .grow_linearly = true}, 12, .growth = OTHER},
	{"a job each night that holds 40 % for 2 hours", {.base = .05, .load = .05, .lasts_s = 10, .job = .4, .job_s = 7200}, 48, .growth = OTHER},
	{"a step of 40 % that stays", {.base = .05, .load = .05, .lasts_s = 10, .step = .4, .step_s = 7200}, 12, .growth = OTHER},
	{"a week: load by day, collected files, bursts", {.base = .05, .load = .3, .lasts_s = 5, .night = .1, .day_s = DAY, .saw = .1, .saw_s = 60, .bursts_an_hour = 2, .burst = .2, .burst_s = 60}, 7 * 24, .growth = OTHER},
	/* what can't be told from a leak */
	{"(a) files collected each half hour, 50 %", {.base = .05, .saw = .5, .saw_s = 1800}, 12, .growth = OTHER, .allowed = 2 * SEEDS},
	{"(b) pool filled at a steady pace to 45 % in 10 min", {.base = .05, .grow = .4, .grow_s = 600, .grow_linearly = true}, 12, .growth = OTHER, .allowed = 2 * SEEDS},
	{"(c) load by day to 65 %, an hour each, outgoing", {.base = .05, .load = .6, .lasts_s = HOUR, .night = .1, .day_s = DAY}, 48, .growth = OTHER, .allowed = SEEDS},
	{"(d) load by day to 65 %, nothing known", {.base = .05, .load = .6, .lasts_s = 5, .night = .1, .day_s = DAY}, 48, .blind = true, .growth = LEAK_GROWTH_UNKNOWN, .allowed = SEEDS},
	{"(e) load in waves of 2 hours to 65 %, nothing known", {.base = .05, .load = .6, .lasts_s = 5, .night = .1, .day_s = 2 * HOUR}, 24, .blind = true, .growth = LEAK_GROWTH_UNKNOWN, .allowed = 24 * SEEDS},
};

struct leak_case {
	const char *name;
	struct pattern pattern;
	double hours;
	unsigned int missed_allowed; /* … in all runs */
	bool half;       /* it must be suspected before half of the limit is used */
	double accuracy; /* of the time left; 0: not asked for */
};

#define SAW(seconds) .saw = 100 / 1024., .saw_s = (seconds)

static const struct leak_case leak_cases[] = {
	{"1/s of 1024, nothing beside it", {.base = .05, .leak_s = 974}, .4, 0, true, .15},
	{"1/s of 1024, teeth of ±50 each 10 s", {.base = .05, .leak_s = 974, SAW(10)}, .4, 0, true, .15},
	{"1/s of 1024, teeth of ±50 each 30 s", {.base = .05, .leak_s = 974, SAW(30)}, .4, 0, true, .15},
	{"1/s of 1024, teeth of ±50 each minute", {.base = .05, .leak_s = 974, SAW(60)}, .4, 0, true, .15},
	{"1/s of 1024, teeth of ±50 each 5 min", {.base = .05, .leak_s = 974, SAW(300)}, .4, 0, true, 0},
	{"full in 5 min, steady load", {.base = .05, .leak_s = 300, .load = .1, .lasts_s = 5}, .2, 0, true, 0},
	{"full in 10 min, bursts", {.base = .05, .leak_s = 600, .bursts_an_hour = 20, .burst = .4, .burst_s = 60}, .3, 4, false, 0},
	{"full in 1 hour, steady load", {.base = .05, .leak_s = HOUR, .load = .1, .lasts_s = 5}, 1.2, 0, true, .25},
	{"full in 1 hour, bursts", {.base = .05, .leak_s = HOUR, .bursts_an_hour = 20, .burst = .4, .burst_s = 60}, 1.2, 0, false, 0},
	{"full in 1 hour after 5 hours of rest", {.base = .05, .leak_s = HOUR, .leak_from_s = 5 * HOUR, .load = .1, .lasts_s = 5}, 6.2, 0, true, .25},
	{"full in 6 hours, collected files", {.base = .05, .leak_s = 6 * HOUR, .saw = .05, .saw_s = 20}, 7, 0, true, .15},
	{"full in 6 hours, load by day", {.base = .05, .leak_s = 6 * HOUR, .load = .2, .lasts_s = 5, .night = .1, .day_s = DAY}, 7, 0, false, 0},
	{"full in 24 hours, steady load", {.base = .05, .leak_s = DAY, .load = .1, .lasts_s = 5}, 26, 0, true, .25},
	{"full in 24 hours, load by day", {.base = .05, .leak_s = DAY, .load = .2, .lasts_s = 5, .night = .1, .day_s = DAY}, 26, 3, false, 0},
	{"full in 24 hours after 5 days, collected files", {.base = .05, .leak_s = DAY, .leak_from_s = 5 * DAY, .saw = .05, .saw_s = 20}, 6.2 * 24, 0, true, .15},
	{"full in 2 days, steady load", {.base = .05, .leak_s = 2 * DAY, .load = .1, .lasts_s = 5}, 50, 0, false, .25},
	{"full in 3 days, steady load", {.base = .05, .leak_s = 3 * DAY, .load = .1, .lasts_s = 5}, 74, RUNS, false, .25},
	{"full in about a day, as fast as the load by day", {.base = .05, .leak_s = DAY / 2, .load = .2, .lasts_s = 5, .night = .1, .day_s = DAY, .leak_with_load = true}, 72, 6, false, 0},
};
/* clang-format on */

static unsigned int run_quiet(const struct quiet_case *c, unsigned int *runs_with)
{
	unsigned int alarms = 0;

	*runs_with = 0;
	for (unsigned int i = 0; i < RUNS; i++) {
		struct run one = {.pattern = &c->pattern,
				  .limit = limits[i % LIMITS],
				  .seconds = c->hours * HOUR,
				  .blind = c->blind,
				  .growth = c->growth,
				  .seed = i + 1};

		run(&one);
		alarms += one.alarms;
		*runs_with += one.alarms > 0;
	}
	return alarms;
}

struct leak_result {
	unsigned int missed, late;
	double used[RUNS], left[RUNS], off[RUNS];
	size_t found;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Suspected too late is after the warning. */
static void run_leak(const struct leak_case *c, struct leak_result *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < RUNS; i++) {
		struct run one = {.pattern = &c->pattern,
				  .limit = limits[i % LIMITS],
				  .seconds = c->hours * HOUR,
				  .growth = LEAK_GROWTH_ELSE,
				  .seed = i + 1};

		run(&one);
		if (one.at_s < 0 || (one.warning_s >= 0 && one.at_s > one.warning_s)) {
			out->missed++;
			continue;
		}
		out->late += one.used_share >= 0.5;
		out->used[out->found] = one.used_share;
		out->left[out->found] = one.full_s - one.at_s;
		out->off[out->found++] =
			fabs(one.estimate.exhausted_in_s / (one.full_s - one.at_s) - 1);
	}
	qsort(out->used, out->found, sizeof(double), by_value);
	qsort(out->left, out->found, sizeof(double), by_value);
	qsort(out->off, out->found, sizeof(double), by_value);
}

static void print_time(FILE *out, double s)
{
	if (s < 3600)
		fprintf(out, "%.0f min", s / 60);
	else
		fprintf(out, "%.1f h", s / 3600);
}

static void print_quiet(FILE *out)
{
	fprintf(out, "| no leak | hours | runs | with an alarm | alarms |\n"
		     "|---|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < sizeof(quiet_cases) / sizeof(quiet_cases[0]); i++) {
		const struct quiet_case *c = &quiet_cases[i];
		unsigned int with, alarms = run_quiet(c, &with);

		fprintf(out, "| %s | %.0f | %zu | %u | %u |\n", c->name, c->hours, RUNS,
			with, alarms);
		if (alarms > c->allowed)
			fail_msg("%s: %u alarms", c->name, alarms);
	}
}

static void print_leak(FILE *out, const struct leak_case *c,
		       const struct leak_result *got)
{
	size_t n = got->found;

	fprintf(out, "| %s | %zu | %u |", c->name, RUNS, got->missed);
	if (!n) {
		fprintf(out, " | | | |\n");
		return;
	}
	fprintf(out, " %.0f %% | %.0f %% | ", 100 * got->used[n / 2],
		100 * got->used[n - 1]);
	print_time(out, got->left[n / 2]);
	fprintf(out, " | %.0f %%, %.0f %% |\n", 100 * got->off[n / 2],
		100 * got->off[n * 9 / 10]);
}

static void print_leaks(FILE *out)
{
	fprintf(out,
		"\n| leak | runs | missed | used when suspected | at the latest | time "
		"left then | off by (median, 90 %%) |\n"
		"|---|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < sizeof(leak_cases) / sizeof(leak_cases[0]); i++) {
		const struct leak_case *c = &leak_cases[i];
		struct leak_result got;

		run_leak(c, &got);
		print_leak(out, c, &got);
		if (got.missed > c->missed_allowed)
			fail_msg("%s: %u missed", c->name, got.missed);
		if (c->half && got.late)
			fail_msg("%s: %u late", c->name, got.late);
		if (c->accuracy && got.off[got.found - 1] > c->accuracy)
			fail_msg("%s: off by %.0f %%", c->name,
				 100 * got.off[got.found - 1]);
	}
}

/* ---- limits from 65,536 on ---- */

/* A server beside traffic of 50 opens a second that leaks so many a second. */
static const double slow_leaks[] = {0.05, 0.2, 1, 3, 10};
static const double large_limits[] = {65536, 524288, 1048576};

static void run_large(FILE *out, double limit, double per_s)
{
	struct pattern pattern = {.base = 60 / limit,
				  .load = 250 / limit,
				  .lasts_s = 5,
				  .leak_s = (limit - 60) / per_s};
	struct run one = {.pattern = &pattern,
			  .limit = limit,
			  .seconds = 14 * DAY,
			  .growth = LEAK_GROWTH_ELSE,
			  .seed = 1};

	if (one.seconds > 0.8 * limit / per_s)
		one.seconds = 0.8 * limit / per_s;
	run(&one);
	if (one.at_s < 0 || one.at_s > DAY)
		fail_msg("%.2f/s under %.0f: suspected at %.0f s", per_s, limit,
			 one.at_s);
	fprintf(out, " %.1f h, %.0f (%.1f %%) |", one.at_s / HOUR,
		one.at_s * per_s + 60, 100 * one.used_share);
}

static void print_large(FILE *out)
{
	unsigned int runs = 0, alarms = 0;

	fprintf(out, "\n| leak beside 50 opens a second | limit 65,536 | 524,288 | "
		     "1,048,576 |\n|---|--:|--:|--:|\n");
	for (size_t r = 0; r < sizeof(slow_leaks) / sizeof(slow_leaks[0]); r++) {
		fprintf(out, "| %g/s |", slow_leaks[r]);
		for (size_t l = 0; l < 3; l++)
			run_large(out, large_limits[l], slow_leaks[r]);
		fprintf(out, "\n");
	}
	fprintf(out,
		"\n| no leak, sized for 8,192, under a limit of 524,288 | runs | with "
		"an alarm |\n|---|--:|--:|\n");
	for (size_t i = 0; i < sizeof(quiet_cases) / sizeof(quiet_cases[0]); i++) {
		const struct quiet_case *c = &quiet_cases[i];
		unsigned int with = 0;

		for (unsigned int seed = 1; seed <= LARGE_SEEDS; seed++) {
			struct run one = {.pattern = &c->pattern,
					  .limit = 524288,
					  .size = 8192,
					  .seconds = c->hours * HOUR,
					  .blind = c->blind,
					  .growth = c->growth,
					  .seed = seed};

			run(&one);
			with += one.alarms > 0;
		}
		runs += LARGE_SEEDS;
		alarms += with;
		if (with)
			fprintf(out, "| %s | %d | %u |\n", c->name, LARGE_SEEDS, with);
		if (with && !c->allowed)
			fail_msg("%s: %u alarms under 524288", c->name, with);
	}
	fprintf(out, "| all together | %u | %u |\n", runs, alarms);
}

#define TABLE_BEGIN "<!-- table: made by `make forecast-table` -->\n"
#define TABLE_END   "<!-- end of the table -->\n"

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

/* What comes of the battery is what the documentation says. */
static void test_table(void **state)
{
	const char *to = getenv("FORECAST_TABLE");
	char *text = read_file("docs/forecast.md"), *begin, *end, *table = NULL;
	size_t len;
	FILE *out = open_memstream(&table, &len);

	(void)state;
	begin = strstr(text, TABLE_BEGIN);
	end = strstr(text, TABLE_END);
	assert_non_null(begin);
	assert_non_null(end);
	begin += strlen(TABLE_BEGIN);
	assert_non_null(out);
	print_quiet(out);
	print_leaks(out);
	print_large(out);
	fclose(out);
	if (to) {
		FILE *file = fopen(to, "w");

		assert_non_null(file);
		fprintf(file, "%.*s%s%s", (int)(begin - text), text, table, end);
		fclose(file);
	} else if ((size_t)(end - begin) != len || memcmp(begin, table, len) != 0) {
		fail_msg("docs/forecast.md is not up to date: make forecast-table");
	}
	free(table);
	free(text);
}

/* ---- recorded series ---- */

static const struct {
	const char *name;
	bool leaks;
} recorded[] = {
	{"http-waves", false}, {"http-steady", false},   {"http-leak", true},
	{"collected", false},  {"collected-leak", true}, {"pool", false},
};

/* Returns at which count it was suspected; 0: never. */
static uint64_t play(const char *name, uint64_t *limit)
{
	struct leak_settings set = defaults;
	struct leak_history history = {0};
	uint64_t used, opened, suspected = 0, i;
	char path[64], line[128];
	FILE *file;

	set.window_ns = SECOND_NS;
	snprintf(path, sizeof(path), "tests/data/leak/%s.txt", name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	*limit = strtoull(line, NULL, 10);
	for (i = 0; fgets(line, sizeof(line), file); i++) {
		struct leak_sample sample = {.now_ns = START_NS + i * SECOND_NS / 10,
					     .soft_limit = *limit,
					     .opened_known = true,
					     .growth = LEAK_GROWTH_ELSE};

		assert_int_equal(sscanf(line, "%" SCNu64 " %" SCNu64, &used, &opened),
				 2);
		sample.used = used;
		sample.opened = opened;
		if (leak_see(&history, &set, &sample) == LEAK_SUSPECTED && !suspected)
			suspected = used;
	}
	assert_true(i > 1000);
	fclose(file);
	leak_clear(&history);
	return suspected;
}

static void test_recorded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		uint64_t limit, at = play(recorded[i].name, &limit);

		if (!at == recorded[i].leaks)
			fail_msg("%s: suspected at %" PRIu64, recorded[i].name, at);
		if (at >= limit / 2)
			fail_msg("%s: suspected at %" PRIu64 " of %" PRIu64,
				 recorded[i].name, at, limit);
	}
}

/* ---- the life of a suspicion ---- */

/* A process whose count is told second by second. */
struct told {
	struct leak_history history;
	struct leak_settings set;
	uint64_t now_ns, limit;
	double used;
	enum leak_growth growth;
	enum leak_stage stage;
};

static struct told told_new(void)
{
	return (struct told){
		.set = defaults,
		.now_ns = START_NS,
		.limit = 1024,
		.used = 50,
		.growth = LEAK_GROWTH_ELSE,
	};
}

/* So many seconds at this pace; ends early when `until` is reached. */
static enum leak_stage go_on(struct told *told, int seconds, double pace,
			     enum leak_stage until)
{
	for (int i = 0; i < seconds; i++) {
		struct leak_sample sample = {
			.now_ns = told->now_ns,
			.used = (uint64_t)told->used,
			.soft_limit = told->limit,
			.opened_known = true,
			.opened = (uint64_t)told->used,
			.growth = told->growth,
		};

		told->stage = leak_see(&told->history, &told->set, &sample);
		told->now_ns += SECOND_NS;
		told->used += pace;
		if (told->stage == until)
			break;
	}
	return told->stage;
}

static struct told suspect(void)
{
	struct told told = told_new();

	assert_int_equal(go_on(&told, 480, 1, LEAK_SUSPECTED), LEAK_SUSPECTED);
	return told;
}

#define NEVER ((enum leak_stage)99)

static void test_is_watched_then_ripe(void **state)
{
	struct told told = told_new();
	double watched;

	(void)state;
	told.growth = LEAK_GROWTH_NOT_ASKED;
	assert_int_equal(go_on(&told, 400, 1, LEAK_WATCHED), LEAK_WATCHED);
	watched = told.used;
	assert_int_equal(go_on(&told, 400, 1, LEAK_RIPE), LEAK_RIPE);
	assert_true(told.used >= watched);
	assert_true(told.used < 512);
	/* as long as nobody says what grows */
	assert_int_equal(go_on(&told, 30, 1, NEVER), LEAK_RIPE);
	told.growth = LEAK_GROWTH_CONNECTIONS;
	assert_int_equal(go_on(&told, 1, 1, NEVER), LEAK_WATCHED);
	assert_int_equal(go_on(&told, 300, 1, LEAK_SUSPECTED), LEAK_WATCHED);
	told.growth = LEAK_GROWTH_ELSE;
	assert_int_equal(go_on(&told, 200, 1, LEAK_SUSPECTED), LEAK_SUSPECTED);
	leak_clear(&told.history);
}

static void test_ends(void **state)
{
	struct told told = suspect();
	int stays = 0;

	(void)state;
	/* by falling back, within two of its windows */
	told.used = 60;
	assert_int_equal(go_on(&told, 90, 0, LEAK_NONE), LEAK_NONE);
	leak_clear(&told.history);

	/* by stopping: not before twice the time that it took, and then for good */
	told = suspect();
	while (go_on(&told, 1, 0, NEVER) == LEAK_SUSPECTED)
		assert_true(++stays < 1000);
	assert_between(stays, 400, 600);
	assert_int_equal(go_on(&told, 3600, 0, LEAK_SUSPECTED), LEAK_NONE);
	leak_clear(&told.history);

	/* by a limit that is out of reach */
	told = suspect();
	told.limit = 1u << 30;
	assert_int_equal(go_on(&told, 90, 1, LEAK_NONE), LEAK_NONE);
	leak_clear(&told.history);

	/* not by going on slower, nor by a pause of some windows */
	told = suspect();
	assert_int_equal(go_on(&told, 200, 0, NEVER), LEAK_SUSPECTED);
	assert_int_equal(go_on(&told, 600, 0.4, NEVER), LEAK_SUSPECTED);
	leak_clear(&told.history);
}

/* Where as much is used as the floor's line says, or more. */
static bool estimate_at(const struct leak_history *history, uint64_t now_ns,
			uint64_t soft_limit, struct leak_estimate *out)
{
	struct leak_sample sample = {
		.now_ns = now_ns, .used = UINT64_MAX, .soft_limit = soft_limit};

	return leak_estimate(history, &sample, out);
}

static void test_estimate(void **state)
{
	struct told told = suspect();
	struct leak_sample slowed = {.used = 924, .soft_limit = 1024};
	struct leak_estimate at_once, later;
	uint64_t then_ns = told.now_ns;

	(void)state;
	assert_true(estimate_at(&told.history, then_ns, 1024, &at_once));
	assert_true(at_once.low_s <= at_once.exhausted_in_s);
	assert_true(at_once.exhausted_in_s <= at_once.high_s);
	assert_between(at_once.exhausted_in_s, 1024 - told.used - 15,
		       1024 - told.used + 15);
	assert_between(at_once.floor_now - at_once.floor_then, at_once.span_s - 5,
		       at_once.span_s + 5);
	/* it goes on without new windows */
	assert_true(estimate_at(&told.history, then_ns + 30 * SECOND_NS, 1024, &later));
	assert_between(at_once.exhausted_in_s - later.exhausted_in_s, 29, 31);
	/* a leak that has slowed down since is no nearer than what is used */
	slowed.now_ns = then_ns + 5000 * SECOND_NS;
	assert_true(leak_estimate(&told.history, &slowed, &later));
	assert_between(later.exhausted_in_s, 95, 105);
	assert_between(later.high_s, later.exhausted_in_s, 120);
	/* past the end it is 0, and there is none without a limit */
	assert_true(
		estimate_at(&told.history, then_ns + 5000 * SECOND_NS, 1024, &later));
	assert_true(later.exhausted_in_s == 0);
	assert_false(estimate_at(&told.history, then_ns, UINT64_MAX, &later));
	leak_clear(&told.history);
}

/* That it can't rise any more is no end: the table is full of what has leaked. */
static void test_stands_at_the_wall(void **state)
{
	struct told told = suspect();

	(void)state;
	while (told.used < told.limit)
		go_on(&told, 1, 1, NEVER);
	told.used = (double)told.limit;
	assert_int_equal(go_on(&told, 7200, 0, LEAK_NONE), LEAK_SUSPECTED);
	told.used = 60;
	assert_int_equal(go_on(&told, 200, 0, LEAK_NONE), LEAK_NONE);
	leak_clear(&told.history);
}

static void test_gaps_and_clocks(void **state)
{
	struct told told = told_new();
	double before;

	(void)state;
	/* a pause in what is seen does not hide a leak that goes on */
	go_on(&told, 150, 1, NEVER);
	told.now_ns += 45 * SECOND_NS;
	told.used += 45;
	assert_int_equal(go_on(&told, 300, 1, LEAK_SUSPECTED), LEAK_SUSPECTED);
	assert_true(told.used < 512);
	/* back in time, and a gap longer than all of it: begins anew */
	before = told.used;
	told.now_ns -= 400 * SECOND_NS;
	assert_int_equal(go_on(&told, 1, 1, NEVER), LEAK_NONE);
	assert_int_equal(told.history.scales[0].len, 0);
	told.now_ns += 30 * 86400 * SECOND_NS;
	told.used = before;
	assert_int_equal(go_on(&told, 1, 1, NEVER), LEAK_NONE);
	/* off, and without a limit */
	told = suspect();
	told.set.enabled = false;
	assert_int_equal(go_on(&told, 1, 1, NEVER), LEAK_NONE);
	told = told_new();
	told.limit = UINT64_MAX;
	assert_int_equal(go_on(&told, 900, 1, LEAK_SUSPECTED), LEAK_NONE);
	leak_clear(&told.history);
}

static void test_pack(void **state)
{
	static const uint64_t numbers[] = {0, 1, 2047, 2048, 123456, 1ull << 40};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t back = leak_unpack(leak_pack(numbers[i]));

		assert_true(back <= numbers[i]);
		assert_true(numbers[i] - back <= numbers[i] / 1024);
	}
	assert_int_equal(leak_unpack(leak_pack(2047)), 2047);
	assert_int_not_equal(leak_pack(UINT64_MAX), LEAK_OPENS_UNKNOWN);
}

/* What 10,000 processes take, with their forecasts, is told in docs/forecast.md. */
static void test_size(void **state)
{
	(void)state;
	assert_true(10000 * (sizeof(struct leak_history) +
			     sizeof(struct forecast_history)) <
		    8u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_watched_then_ripe),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_stands_at_the_wall),
		cmocka_unit_test(test_gaps_and_clocks),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
