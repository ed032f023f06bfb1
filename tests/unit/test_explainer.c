/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that finds out what explains an alert, over an imitated census that can be
 * held up, and an imitated /proc where a command line is a FIFO, which holds up whoever
 * opens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "between.h"
#include "daemon/explainer.h"
#include "daemon/origin_cache.h"
#include "policy/user_budget.h"

#define PID         424200
#define START_NS    7770000000ull
#define LONG_NS     5000000000ull
#define SHORT_NS    30000000ull
#define PATIENCE_NS 50000000ull
#define INCIDENT    "9321a9c8-04a7-4eb2-af5f-6a4f0812971c"

/* ---- the census ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int err;
	size_t len, closed;
	uint64_t later_ns; /* it began so much later than who was asked for */
	uint64_t files[8]; /* of the process PID + i: its first file */
} fake;

struct census {
	int unused;
};
static struct census census;

int census_read(struct census *c, pid_t tgid, pid_t tid, size_t max,
		struct census_result *out)
{
	uint64_t first = fake.files[(tgid - PID) % 8];

	assert_ptr_equal(c, &census);
	(void)tid;
	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	if (fake.err)
		return fake.err;
	assert_true(fake.len <= max);
	out->len = fake.len;
	out->start_ns = START_NS + fake.later_ns;
	out->descriptors = calloc(fake.len + 1, sizeof(*out->descriptors));
	for (size_t i = 0; i < fake.len; i++)
		out->descriptors[i] = (struct descriptor){
			.fd = (uint32_t)i,
			.kind = DESCRIPTOR_EPOLL,
			.file = first + i,
			.inode = 7,
		};
	return 0;
}

void census_clear(struct census_result *result)
{
	free(result->descriptors);
	memset(result, 0, sizeof(*result));
}

void census_close(struct census *c)
{
	fake.closed += c != NULL;
}

/* ---- /proc ---- */

static char root[64], proc[80];

static const char *path_of(const char *name)
{
	static char paths[2][128];
	static unsigned next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/proc/%d/%s", root, PID, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void hold_up_files(void)
{
	assert_int_equal(unlink(path_of("cmdline")), 0);
	assert_int_equal(mkfifo(path_of("cmdline"), 0600), 0);
}

/* Whoever waits goes on, and finds nothing in it. */
static void let_go_of_files(void)
{
	int fd = open(path_of("cmdline"), O_WRONLY | O_NONBLOCK);

	if (fd >= 0)
		close(fd);
}

/* Comes back once a thread is at its files; it stays there for as long as what is returned
 * is open. */
static int await_reader(void)
{
	for (int tries = 0; tries < 50000; tries++) {
		int fd = open(path_of("cmdline"), O_WRONLY | O_NONBLOCK);

		if (fd >= 0)
			return fd;
		usleep(100);
	}
	fail_msg("nobody reads the files");
	return -1;
}

static int set_up(void **state)
{
	static const char stat[] = "1 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
				   "17 18 777 20\n";
	(void)state;
	strcpy(root, "/tmp/fdwarden-explainer-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(proc, sizeof(proc), "%s/proc", root);
	assert_int_equal(mkdir(proc, 0755), 0);
	assert_int_equal(mkdir(path_of(""), 0755), 0);
	write_file("stat", stat, sizeof(stat) - 1);
	write_file("cmdline", "worker\0-n\0", 10);
	write_file("cgroup", "0::/system.slice/w.service\n", 27);
	assert_int_equal(symlink("/opt/worker", path_of("exe")), 0);
	identity_set_proc_root(proc);
	origin_set_root(root);
	memset(&fake, 0, sizeof(fake));
	fake.len = 100;
	return 0;
}

/* Of the explainer; a sanitizer has others. */
static unsigned count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[300], name[32];
	unsigned count = 0;

	assert_non_null(tasks);
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file && fgets(name, sizeof(name), file))
			count += strcmp(name, "explainer\n") == 0;
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return count;
}

static void await_threads(unsigned count)
{
	for (int i = 0; count_threads() != count; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
}

/* Each test leaves no thread behind. */
static int tear_down(void **state)
{
	char command[128];

	(void)state;
	await_threads(0);
	identity_set_proc_root(NULL);
	origin_set_root(NULL);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static struct explain_question question(void)
{
	struct explain_question q = {
		.who = {.pid = PID, .ppid = 1, .start_ns = START_NS, .comm = "worker"},
		.used = 100,
		.soft_limit = 128,
		.hard_limit = 4096,
		.history = {.used = 100, .soft_limit = 128},
	};

	return q;
}

static struct explainer_job *ask(struct explainer *e, enum explainer_purpose purpose)
{
	struct explain_question q = question();

	return explainer_ask(e, purpose, INCIDENT, &q);
}

static struct explainer *new_explainer(void)
{
	struct explainer *e = explainer_new(&census, "", PATIENCE_NS);

	assert_non_null(e);
	return e;
}

static bool readable(int fd, int ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, ms) == 1;
}

/* ---- the tests ---- */

static void finds_out_all(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *job = ask(e, EXPLAINER_ALERT);
	const struct explanation *why;

	(void)state;
	assert_non_null(job);
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	why = explainer_why(job);
	assert_non_null(why->inventory);
	assert_int_equal(inventory_total(why->inventory), 100);
	assert_true(why->origin_known);
	assert_int_equal(why->soft_limit, 128);
	assert_string_equal(why->unexplained, "");
	assert_string_equal(explainer_incident(job), INCIDENT);
	/* it was read meanwhile */
	assert_string_equal(explainer_question(job)->who.service, "w.service");
	explainer_done(e, job);
	assert_null(explainer_next(e));
	explainer_free(e);
	assert_int_equal(fake.closed, 1);
}

static void says_why_not(void **state)
{
	static const struct {
		int err;
		const char *why;
	} cases[] = {
		{-ESRCH, "the process was gone"},
		{-EMFILE, "no descriptor is left to look with"},
		{-ENFILE, "no descriptor is left to look with"},
		{-ENOMEM, "Cannot allocate memory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct explainer *e = new_explainer();
		struct explainer_job *job;

		fake.err = cases[i].err;
		job = ask(e, EXPLAINER_ALERT);
		explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS);
		assert_null(explainer_why(job)->inventory);
		assert_string_equal(explainer_why(job)->unexplained, cases[i].why);
		/* the limit is told all the same */
		assert_true(explainer_why(job)->origin_known);
		explainer_done(e, job);
		explainer_free(e);
	}
}

/* The pid is another process's by now. */
static void another_with_its_pid(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *job;

	(void)state;
	fake.later_ns = 1;
	job = ask(e, EXPLAINER_ALERT);
	explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS);
	assert_null(explainer_why(job)->inventory);
	assert_string_equal(explainer_why(job)->unexplained, "the process was gone");
	explainer_done(e, job);
	explainer_free(e);
}

static void without_a_census(void **state)
{
	struct explainer *e = explainer_new(NULL, "no such program", PATIENCE_NS);
	struct explainer_job *job = ask(e, EXPLAINER_ALERT);

	(void)state;
	explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS);
	assert_string_equal(explainer_why(job)->unexplained, "no such program");
	explainer_done(e, job);
	explainer_free(e);
}

static void what_is_late_follows(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *job;

	(void)state;
	pthread_mutex_lock(&gate);
	job = ask(e, EXPLAINER_ALERT);
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_DESCRIPTORS, SHORT_NS),
			 EXPLAINER_WAITS);
	assert_false(readable(explainer_fd(e), 0));
	pthread_mutex_unlock(&gate);
	assert_true(readable(explainer_fd(e), 5000));
	assert_ptr_equal(explainer_next(e), job);
	assert_non_null(explainer_why(job)->inventory);
	assert_true(explainer_why(job)->origin_known);
	assert_null(explainer_next(e));
	assert_false(readable(explainer_fd(e), 0));
	explainer_done(e, job);
	explainer_free(e);
}

/* What the alert had the first part of keeps it while the second is found out. */
static void the_first_part_comes_first(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *job;

	(void)state;
	hold_up_files();
	job = ask(e, EXPLAINER_ALERT);
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_DESCRIPTORS, LONG_NS),
			 EXPLAINER_HAS_DESCRIPTORS);
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_ALL, SHORT_NS),
			 EXPLAINER_HAS_DESCRIPTORS);
	assert_non_null(explainer_why(job)->inventory);
	assert_false(explainer_why(job)->origin_known);
	let_go_of_files();
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	assert_true(explainer_why(job)->origin_known);
	explainer_done(e, job);
	explainer_free(e);
}

static void bounded(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *jobs[EXPLAINER_QUEUE_MAX + 3];
	struct explainer_stats stats;
	size_t accepted = 0;

	(void)state;
	pthread_mutex_lock(&gate);
	jobs[0] = ask(e, EXPLAINER_ALERT);
	/* until it is worked on */
	usleep(20000);
	for (size_t i = 1; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		jobs[i] = ask(e, EXPLAINER_ALERT);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		accepted += jobs[i] != NULL;
	assert_between(accepted, EXPLAINER_QUEUE_MAX, EXPLAINER_QUEUE_MAX + 1);
	explainer_stats(e, &stats);
	assert_int_equal(stats.asked, EXPLAINER_QUEUE_MAX + 3);
	assert_int_equal(stats.dropped, EXPLAINER_QUEUE_MAX + 3 - accepted);
	/* one that is done with makes room */
	explainer_done(e, jobs[5]);
	jobs[5] = ask(e, EXPLAINER_ALERT);
	assert_non_null(jobs[5]);
	pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		if (!jobs[i])
			continue;
		assert_int_equal(explainer_wait(e, jobs[i], EXPLAINER_HAS_ALL, LONG_NS),
				 EXPLAINER_HAS_ALL);
		explainer_done(e, jobs[i]);
	}
	explainer_free(e);
}

/* A thread that is stuck in a file does not keep others from being answered. */
static void gives_up_what_is_stuck(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *stuck, *next;
	struct explainer_stats stats;

	(void)state;
	hold_up_files();
	stuck = ask(e, EXPLAINER_ALERT);
	assert_int_equal(explainer_wait(e, stuck, EXPLAINER_HAS_DESCRIPTORS, LONG_NS),
			 EXPLAINER_HAS_DESCRIPTORS);
	/* what needs no file does not wait for it */
	next = ask(e, EXPLAINER_REMEDY);
	assert_int_equal(explainer_wait(e, next, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	assert_int_equal(explainer_wait(e, stuck, EXPLAINER_HAS_ALL, PATIENCE_NS * 2),
			 EXPLAINER_HAS_DESCRIPTORS);
	for (int tries = 0;
	     explainer_wait(e, stuck, EXPLAINER_HAS_ALL, 1000000) != EXPLAINER_HAS_ALL;
	     tries++) {
		assert_true(tries < 5000);
		explainer_tick(e);
	}
	assert_non_null(explainer_why(stuck)->inventory);
	assert_false(explainer_why(stuck)->origin_known);
	explainer_stats(e, &stats);
	assert_int_equal(stats.late, 1);
	explainer_done(e, stuck);
	explainer_done(e, next);
	let_go_of_files();
	await_threads(2);
	explainer_free(e);
}

/* No new thread is started, and the last one is stuck as well: then what the kernel alone
 * tells is told all the same, and why there is no more. */
static void all_threads_stuck(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *jobs[EXPLAINER_STUCK_MAX + 1], *one_more;
	const struct explanation *why;

	(void)state;
	hold_up_files();
	for (int i = 0; i < EXPLAINER_STUCK_MAX + 1; i++) {
		jobs[i] = ask(e, EXPLAINER_ALERT);
		assert_non_null(jobs[i]);
		for (int tries = 0; explainer_wait(e, jobs[i], EXPLAINER_HAS_ALL,
						   1000000) != EXPLAINER_HAS_ALL;
		     tries++) {
			assert_true(tries < 5000);
			explainer_tick(e);
		}
	}
	one_more = ask(e, EXPLAINER_ALERT);
	/* the first step says so and, in a moment, that there will be no second */
	assert_int_equal(explainer_wait(e, one_more, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	why = explainer_why(one_more);
	assert_non_null(why->inventory);
	assert_true(why->origin_known);
	assert_int_equal(why->origin.kind, ORIGIN_UNKNOWN);
	assert_non_null(strstr(why->origin.denied, "stuck"));
	explainer_done(e, one_more);
	for (int i = 0; i < EXPLAINER_STUCK_MAX + 1; i++)
		explainer_done(e, jobs[i]);
	/* It does not wait for them; they free what is theirs. */
	explainer_free(e);
	for (int i = 0; i < 5000 && count_threads(); i++) {
		let_go_of_files();
		usleep(1000);
	}
}

/* One user's files keep one thread; another user's are read meanwhile, and the first one's
 * are not once they have used up their time. */
static void one_user_does_not_keep_others(void **state)
{
	struct explainer *e = new_explainer();
	struct explain_question q = question();
	struct explainer_job *jobs[EXPLAINER_USER_MAX + 2], *other;
	size_t refused = 0;
	int writer = -1;

	(void)state;
	hold_up_files();
	for (size_t i = 0; i < EXPLAINER_USER_MAX + 2; i++) {
		q = question();
		/* as a set-user-ID program, or as a subordinate id */
		q.who.uid = i % 2 ? 0 : 100000 + (uid_t)i;
		q.who.charged_uid = 1000;
		jobs[i] = explainer_ask(e, EXPLAINER_ALERT, INCIDENT, &q);
		assert_non_null(jobs[i]);
		explainer_wait(e, jobs[i], EXPLAINER_HAS_DESCRIPTORS, LONG_NS);
		/* its files are in the queue until a thread has come to them */
		if (i == 0)
			writer = await_reader();
	}
	for (size_t i = 0; i < EXPLAINER_USER_MAX + 2; i++) {
		if (explainer_wait(e, jobs[i], EXPLAINER_HAS_ALL, SHORT_NS) !=
		    EXPLAINER_HAS_ALL)
			continue;
		refused++;
		assert_non_null(
			strstr(explainer_why(jobs[i])->origin.denied, "user 1000"));
	}
	/* one is at work, EXPLAINER_USER_MAX wait */
	assert_int_equal(refused, 1);
	/* the files of another process are no FIFO */
	q = question();
	q.who.uid = 1001;
	q.who.pid = PID + 1;
	other = explainer_ask(e, EXPLAINER_ALERT, INCIDENT, &q);
	assert_int_equal(explainer_wait(e, other, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	explainer_done(e, other);
	for (size_t i = 0; i < EXPLAINER_USER_MAX + 2; i++)
		explainer_done(e, jobs[i]);
	close(writer);
	for (int i = 0; i < 5000; i++) {
		let_go_of_files();
		usleep(100);
	}
	explainer_free(e);
}

static void a_users_budget(void **state)
{
	static struct user_budget budget;
	const uint64_t second = 1000000000u, now = 1000 * second;
	pid_t slowest = 0;

	(void)state;
	assert_false(user_budget_is_over(&budget, 1000, now, &slowest));
	user_budget_charge(&budget, 1000, 7, 4 * second, now);
	assert_false(user_budget_is_over(&budget, 1000, now, &slowest));
	user_budget_charge(&budget, 1000, 8, second, now);
	assert_true(user_budget_is_over(&budget, 1000, now, &slowest));
	assert_int_equal(slowest, 7);
	assert_false(user_budget_is_over(&budget, 1001, now, &slowest));
	/* it comes back with time */
	assert_true(user_budget_is_over(&budget, 1000, now - 1 + second, &slowest) ==
		    false);
	/* root's are not counted */
	user_budget_charge(&budget, 0, 9, 100 * second, now);
	assert_false(user_budget_is_over(&budget, 0, now, &slowest));
	/* who uses most is remembered over many others */
	user_budget_charge(&budget, 1000, 7, 40 * second, now);
	for (uid_t uid = 2000; uid < 2200; uid++)
		user_budget_charge(&budget, uid, 1, 1000, now);
	assert_true(user_budget_is_over(&budget, 1000, now + second, &slowest));
}

static void a_budget_with_a_share_of_its_own(void **state)
{
	const uint64_t ms = 1000000u, now = 1000000 * ms;
	static struct user_budget budget = {.share_ns = 300 * 1000000u,
					    .period_ns = 6000 * 1000000ull};
	pid_t slowest = 0;

	(void)state;
	user_budget_charge(&budget, 1000, 7, 299 * ms, now);
	assert_false(user_budget_is_over(&budget, 1000, now, &slowest));
	user_budget_charge(&budget, 1000, 8, 101 * ms, now);
	assert_true(user_budget_is_over(&budget, 1000, now, &slowest));
	assert_true(user_budget_is_over(&budget, 1000, now + 1999 * ms, &slowest));
	assert_false(user_budget_is_over(&budget, 1000, now + 2001 * ms, &slowest));
}

static void ends_while_it_works(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *job;

	(void)state;
	hold_up_files();
	job = ask(e, EXPLAINER_ALERT);
	explainer_wait(e, job, EXPLAINER_HAS_DESCRIPTORS, LONG_NS);
	explainer_done(e, job);
	explainer_free(e);
	assert_int_equal(fake.closed, 1);
	let_go_of_files();
}

/* What was looked up ahead of its time needs no file any more. */
static void looked_up_ahead(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_stats stats = {0};
	struct explainer_job *job;

	(void)state;
	assert_null(ask(e, EXPLAINER_AHEAD));
	for (int i = 0; !stats.worked; i++) {
		assert_true(i < 5000);
		usleep(1000);
		explainer_stats(e, &stats);
	}
	hold_up_files();
	job = ask(e, EXPLAINER_ALERT);
	assert_int_equal(explainer_wait(e, job, EXPLAINER_HAS_ALL, LONG_NS),
			 EXPLAINER_HAS_ALL);
	assert_true(explainer_why(job)->origin_known);
	explainer_done(e, job);
	assert_null(explainer_next(e));
	explainer_free(e);
}

static void alerts_come_before_what_is_ahead(void **state)
{
	struct explainer *e = new_explainer();
	struct explainer_job *first, *second;

	(void)state;
	pthread_mutex_lock(&gate);
	first = ask(e, EXPLAINER_ALERT);
	usleep(20000);
	hold_up_files(); /* for what is ahead; the second job wants none */
	ask(e, EXPLAINER_AHEAD);
	second = ask(e, EXPLAINER_REMEDY);
	write_file("cmdline.new", "worker", 6);
	pthread_mutex_unlock(&gate);
	explainer_wait(e, first, EXPLAINER_HAS_DESCRIPTORS, LONG_NS);
	let_go_of_files();
	for (int i = 0; i < 5000 && explainer_wait(e, second, EXPLAINER_HAS_ALL,
						   1000000) != EXPLAINER_HAS_ALL;
	     i++)
		let_go_of_files();
	assert_int_equal(explainer_wait(e, second, EXPLAINER_HAS_ALL, 0),
			 EXPLAINER_HAS_ALL);
	explainer_done(e, first);
	explainer_done(e, second);
	for (int i = 0; i < 500 && count_threads() > 3; i++)
		usleep(1000);
	let_go_of_files();
	explainer_free(e);
	let_go_of_files();
}

/* A child with the same open files has inherited them, one with others has not. */
static void children_with_copies(void **state)
{
	static const char rule[] = "inherited";
	struct explain_question q = question();
	struct explanation why = {0};
	bool inherited = false;

	(void)state;
	q.children[0] = PID + 1;
	q.children_len = 1;
	fake.files[1] = 1000;
	assert_int_equal(explain_descriptors(&census, &q, 1000, &why, NULL), 0);
	for (size_t i = 0; i < why.diagnoses_len; i++)
		inherited |= !strcmp(diagnosis_rule_name(why.diagnoses[i].rule), rule);
	assert_false(inherited);
	explanation_clear(&why);
}

/* What is known of a limit outlives execve(), what a program was seen to do does not. */
static void another_program(void **state)
{
	struct origin_cache *cache = origin_cache_new();
	struct explain_question question = {
		.who = {.pid = PID, .start_ns = START_NS},
		.soft_limit = 1024,
		.hard_limit = 4096,
		.exec_id = 7,
	};
	struct origin origin = {.selects = true, .line = 3}, found;

	(void)state;
	assert_non_null(cache);
	origin_cache_put(cache, &question, &origin);
	assert_true(origin_cache_get(cache, &question, &found));
	assert_true(found.selects);
	question.exec_id = 8;
	assert_true(origin_cache_get(cache, &question, &found));
	assert_int_equal(found.line, 3);
	assert_false(found.selects);
	question.exec_id = 0; /* not known: nothing is claimed */
	assert_true(origin_cache_get(cache, &question, &found));
	assert_false(found.selects);
	question.exec_id = 7;
	question.soft_limit = 2048;
	assert_false(origin_cache_get(cache, &question, &found));
	origin_cache_free(cache);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(finds_out_all),
		TEST(says_why_not),
		TEST(another_with_its_pid),
		TEST(without_a_census),
		TEST(what_is_late_follows),
		TEST(the_first_part_comes_first),
		TEST(bounded),
		TEST(gives_up_what_is_stuck),
		TEST(all_threads_stuck),
		TEST(one_user_does_not_keep_others),
		TEST(a_users_budget),
		TEST(a_budget_with_a_share_of_its_own),
		TEST(ends_while_it_works),
		TEST(looked_up_ahead),
		TEST(alerts_come_before_what_is_ahead),
		TEST(children_with_copies),
		cmocka_unit_test(another_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
