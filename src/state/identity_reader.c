/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/identity_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "guard/capabilities.h"
#include "policy/user_budget.h"
#include "thread.h"

/* A command line takes some 50 us; so much is nobody's doing. */
#define FREE_NS     200000ull
/* The one entry of what all have together; not root's number, which is not counted. */
#define ALL         1
/* So many the thread is woken for at the most. */
#define BATCH       32
/* The last one is for what no process can hold up: executables and cgroups. */
#define THREADS_MAX (IDENTITY_READER_STUCK_MAX + 1)

/* One process to be read, and what came of it. */
struct item {
	struct identity who; /* a copy, never the caller's */
	unsigned parts;
	int err;
	uint64_t cost_ns; /* of the read, as its process has made it */
};

/* A thread and what it works on. Neither it nor the reader can know which of them
 * will be there longer: the last one frees. */
struct worker {
	atomic_int holders;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows; never held while reading */
	pthread_cond_t asked, answered;
	bool busy;  /* asked, and not answered: items from `done` on are the thread's */
	bool leave; /* nobody will ask any more, nor wait */
	struct item items[BATCH];
	size_t len, done; /* items asked for; those of them that are read */
	uint64_t from_ns; /* when the one after these was begun */
};

struct stuck {
	struct worker *worker; /* NULL: free */
	pid_t pid;             /* the process that it is stuck with */
	uid_t uid;             /* on whose account it is */
	uint64_t start_ns;
};

struct identity_reader {
	int deadline_ms;
	struct worker *worker; /* idle; NULL: none */
	struct stuck stuck[THREADS_MAX];
	struct user_budget budget, all;
	struct identity_reader_stats stats;
	bool told_one, told_all, told_share;
	pid_t first;   /* the process that a thread was stuck with first */
	pid_t slowest; /* … for which a share was used up last */
};

/* ---- the thread ---- */

static void release(struct worker *worker)
{
	if (atomic_fetch_sub(&worker->holders, 1) > 1)
		return;
	for (size_t i = 0; i < BATCH; i++)
		identity_clear(&worker->items[i].who);
	pthread_cond_destroy(&worker->asked);
	pthread_cond_destroy(&worker->answered);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct effort {
	long sleeps;
	uint64_t at_ns, cpu_ns;
};

static struct effort effort_now(void)
{
	struct effort effort = {.at_ns = clock_ns(CLOCK_MONOTONIC),
				.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID)};
	struct rusage usage;

	if (!getrusage(RUSAGE_THREAD, &usage))
		effort.sleeps = usage.ru_nvcsw;
	return effort;
}

/* All the time if it slept, as for a lock or a page; otherwise what it computed: that others
 * have the CPU is not the process's doing. */
static uint64_t effort_between(const struct effort *from, const struct effort *to)
{
	return to->sleeps != from->sleeps ? to->at_ns - from->at_ns
					  : to->cpu_ns - from->cpu_ns;
}

/* Those that the worker was asked for, until one has taken long: what that costs may mean that
 * its user's others are not to be read. The lock is held, but not while reading. */
static void read_items(struct worker *worker)
{
	struct effort from = effort_now(), to;
	bool slow = false;

	while (worker->done < worker->len && !worker->leave && !slow) {
		struct item *item = &worker->items[worker->done];

		worker->from_ns = from.at_ns;
		pthread_mutex_unlock(&worker->lock);
		item->err = identity_read_parts(&item->who, item->parts);
		to = effort_now();
		item->cost_ns = effort_between(&from, &to);
		slow = item->cost_ns >= FREE_NS;
		from = to;
		pthread_mutex_lock(&worker->lock);
		worker->done++;
	}
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	bool rested;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->busy && !worker->leave)
			pthread_cond_wait(&worker->asked, &worker->lock);
		if (!worker->busy)
			break;
		rested = capabilities_see_others();
		read_items(worker);
		capabilities_rest_again(rested);
		worker->busy = false;
		pthread_cond_signal(&worker->answered);
	}
	pthread_mutex_unlock(&worker->lock);
	release(worker);
	return NULL;
}

static struct worker *new_worker(void)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	atomic_init(&worker->holders, 2);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->asked, NULL);
	thread_cond_init(&worker->answered);
	return worker;
}

/* ---- the reader ---- */

static unsigned count_stuck(const struct identity_reader *reader)
{
	unsigned count = 0;

	for (unsigned i = 0; i < THREADS_MAX; i++)
		count += reader->stuck[i].worker != NULL;
	return count;
}

/* Those that came back have ended: their answer is too late for its alert. */
static void collect(struct identity_reader *reader)
{
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		struct stuck *stuck = &reader->stuck[i];

		if (!stuck->worker || atomic_load(&stuck->worker->holders) > 1)
			continue;
		release(stuck->worker);
		stuck->worker = NULL;
	}
}

static bool is_stuck(const struct identity_reader *reader, const struct identity *who)
{
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		const struct stuck *stuck = &reader->stuck[i];

		if (stuck->worker && stuck->pid == who->pid &&
		    stuck->start_ns == who->start_ns)
			return true;
	}
	return false;
}

/* With a thread there always is a place to leave it in when it is stuck. */
static int need_worker(struct identity_reader *reader)
{
	struct worker *worker;
	int err;

	if (reader->worker)
		return 0;
	if (count_stuck(reader) == THREADS_MAX)
		return -EBUSY;
	worker = new_worker();
	if (!worker)
		return -ENOMEM;
	err = thread_start(&worker->thread, "identity", run, worker);
	if (err) {
		release(worker); /* for the thread, too, that there is not */
		release(worker);
		return err;
	}
	reader->worker = worker;
	return 0;
}

static void abandon(struct identity_reader *reader, const struct identity *who)
{
	struct stuck *free_place = reader->stuck;

	while (free_place->worker)
		free_place++;
	pthread_detach(reader->worker->thread);
	*free_place = (struct stuck){reader->worker, who->pid, identity_charged(who),
				     who->start_ns};
	reader->worker = NULL;
	if (!reader->stats.late++)
		reader->first = who->pid;
}

/* ---- shares ---- */

static bool has_used_up(struct identity_reader *reader, uid_t uid)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	unsigned stuck = 0;

	for (unsigned i = 0; i < THREADS_MAX; i++)
		stuck += reader->stuck[i].worker && reader->stuck[i].uid == uid;
	if ((uid && stuck >= IDENTITY_READER_STUCK_USER) ||
	    count_stuck(reader) >= IDENTITY_READER_STUCK_MAX)
		return true;
	return user_budget_is_over(&reader->budget, uid, now_ns, &reader->slowest) ||
	       user_budget_is_over(&reader->all, ALL, now_ns, &reader->slowest);
}

static void charge(struct identity_reader *reader, const struct identity *who,
		   uint64_t cost_ns)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (cost_ns < FREE_NS)
		return;
	user_budget_charge(&reader->budget, identity_charged(who), who->pid, cost_ns,
			   now_ns);
	user_budget_charge(&reader->all, ALL, who->pid, cost_ns, now_ns);
}

/* ---- one read ---- */

static void move_string(char **to, char **from)
{
	free(*to);
	*to = *from;
	*from = NULL;
}

static void take(struct identity *who, struct identity *read)
{
	move_string(&who->executable, &read->executable);
	move_string(&who->command_line, &read->command_line);
	move_string(&who->cgroup, &read->cgroup);
	move_string(&who->service, &read->service);
	move_string(&who->container_id, &read->container_id);
	move_string(&who->pod_uid, &read->pod_uid);
	move_string(&who->claimed_by, &read->claimed_by);
	who->container_runtime = read->container_runtime;
	who->denied = read->denied;
}

/* What is known goes along, so that only the rest is read. Fewer than `len` may be taken
 * along; 0: no memory. */
static size_t put_items(struct worker *worker, struct identity *const who[], size_t len,
			unsigned parts)
{
	size_t n;

	for (n = 0; n < len && n < BATCH; n++) {
		struct item *item = &worker->items[n];

		identity_clear(&item->who);
		if (identity_copy(&item->who, who[n]))
			break;
		item->parts = parts;
	}
	worker->len = n;
	worker->done = 0;
	return n;
}

/* Waits until they are read, or the deadline has passed without one that was: `until` for the
 * first. Returns whether the worker is stuck. */
static bool await_items(const struct identity_reader *reader, struct worker *worker,
			struct timespec until)
{
	size_t done = worker->done;

	while (worker->busy) {
		if (!pthread_cond_timedwait(&worker->answered, &worker->lock, &until))
			continue;
		if (worker->busy && worker->done == done)
			return true;
		done = worker->done;
		until = thread_deadline((uint64_t)reader->deadline_ms * 1000000u);
	}
	return false;
}

/* Reads some of them, and sets what came of each and what it cost. Returns how many, one at
 * least; the last of them may be what the thread is stuck with: -ETIMEDOUT. */
static size_t ask(struct identity_reader *reader, struct identity *const who[],
		  size_t len, unsigned parts, const struct timespec *until, int errs[],
		  uint64_t costs_ns[])
{
	struct worker *worker;
	size_t n = 1;

	costs_ns[0] = 0;
	errs[0] = need_worker(reader);
	if (errs[0])
		return 1;
	worker = reader->worker;
	pthread_mutex_lock(&worker->lock);
	if (!put_items(worker, who, len, parts)) {
		errs[0] = -ENOMEM;
		goto out;
	}
	worker->from_ns = clock_ns(CLOCK_MONOTONIC);
	worker->busy = true;
	pthread_cond_signal(&worker->asked);
	if (await_items(reader, worker, *until)) {
		n = worker->done;
		worker->leave = true;
		abandon(reader, who[n]);
		errs[n] = -ETIMEDOUT;
		costs_ns[n] = clock_ns(CLOCK_MONOTONIC) - worker->from_ns;
		n++;
	} else {
		n = worker->done;
	}
	for (size_t i = 0; i < worker->done; i++) {
		costs_ns[i] = worker->items[i].cost_ns;
		errs[i] = worker->items[i].err;
		take(who[i], &worker->items[i].who);
	}
out:
	pthread_mutex_unlock(&worker->lock);
	return n;
}

/* What waits for the lock of its memory, which the process itself may hold. */
static int ask_command_line(struct identity_reader *reader, struct identity *who,
			    const struct timespec *until)
{
	uint64_t cost_ns;
	int err;

	if (has_used_up(reader, identity_charged(who)))
		return -EBUSY;
	(void)ask(reader, &who, 1, IDENTITY_COMMAND_LINE, until, &err, &cost_ns);
	charge(reader, who, cost_ns);
	return err;
}

static bool is_whole(const struct identity *who)
{
	return who->executable && who->command_line && who->cgroup;
}

int identity_reader_read(struct identity_reader *reader, struct identity *who)
{
	struct timespec until =
		thread_deadline((uint64_t)reader->deadline_ms * 1000000u);
	uint64_t cost_ns;
	int err = 0, next = 0;

	if (is_whole(who))
		return 0;
	collect(reader);
	/* Alerts of one process must not take all the threads. */
	if (is_stuck(reader, who)) {
		reader->stats.left_out++;
		return -ETIMEDOUT;
	}
	/* Apart, as the second may hang: then there still is the first. */
	if (!who->executable || !who->cgroup)
		(void)ask(reader, &who, 1, IDENTITY_PLACE, &until, &err, &cost_ns);
	if (!who->command_line && err != -ESRCH && err != -ETIMEDOUT && err != -EBUSY)
		next = ask_command_line(reader, who, &until);
	err = err ? err : next;
	reader->stats.left_out += err == -EBUSY;
	return err;
}

/* How many, from the first on, may be read together: none of them is known to hold a thread up,
 * nor does one's user. */
static size_t count_plain(struct identity_reader *reader, struct identity *const who[],
			  size_t len)
{
	size_t n = 0;

	while (n < len && n < BATCH && !is_whole(who[n]) && !is_stuck(reader, who[n]) &&
	       !has_used_up(reader, identity_charged(who[n])))
		n++;
	return n;
}

/* Returns how many of them it was, one at least. */
static size_t read_together(struct identity_reader *reader,
			    struct identity *const who[], int errs[], size_t len)
{
	struct timespec until =
		thread_deadline((uint64_t)reader->deadline_ms * 1000000u);
	uint64_t costs_ns[BATCH], cost_ns;
	size_t n = ask(reader, who, len, IDENTITY_PLACE | IDENTITY_COMMAND_LINE, &until,
		       errs, costs_ns);
	int err;

	for (size_t i = 0; i < n; i++)
		charge(reader, who[i], costs_ns[i]);
	reader->stats.left_out += errs[n - 1] == -EBUSY;
	if (errs[n - 1] != -ETIMEDOUT)
		return n;
	/* Its command line did that, which is read after the executable: no process can hold
	 * up the rest. */
	until = thread_deadline((uint64_t)reader->deadline_ms * 1000000u);
	(void)ask(reader, &who[n - 1], 1, IDENTITY_PLACE, &until, &err, &cost_ns);
	return n;
}

void identity_reader_read_all(struct identity_reader *reader,
			      struct identity *const who[], int errs[], size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		collect(reader);
		n = count_plain(reader, who + at, len - at);
		if (n) {
			n = read_together(reader, who + at, errs + at, n);
		} else {
			errs[at] = identity_reader_read(reader, who[at]);
			n = 1;
		}
	}
}

void identity_reader_stats(struct identity_reader *reader,
			   struct identity_reader_stats *out)
{
	collect(reader);
	reader->stats.stuck = count_stuck(reader);
	*out = reader->stats;
}

bool identity_reader_report(struct identity_reader *reader, char *line, size_t size)
{
	if (reader->stats.late && !reader->told_one) {
		reader->told_one = true;
		snprintf(line, size,
			 "/proc/%d could not be read within %d ms: alerts go out "
			 "without what it would have said",
			 (int)reader->first, reader->deadline_ms);
		return true;
	}
	if (count_stuck(reader) >= IDENTITY_READER_STUCK_MAX && !reader->told_all) {
		reader->told_all = true;
		snprintf(line, size,
			 "%d reads of /proc are stuck: until one comes back, alerts "
			 "go without command lines that are not known yet",
			 IDENTITY_READER_STUCK_MAX);
		return true;
	}
	if (reader->slowest && !reader->told_share) {
		reader->told_share = true;
		snprintf(line, size,
			 "reading the command lines of one user's processes, most of "
			 "all of process %d, has taken too long: alerts and tables go "
			 "without those that are not known yet, for a while",
			 (int)reader->slowest);
		return true;
	}
	return false;
}

void identity_reader_set_all(struct identity_reader *reader, uint64_t share_ns)
{
	reader->all.share_ns = share_ns;
	reader->all.period_ns = IDENTITY_READER_ALL_TIMES * share_ns;
}

struct identity_reader *identity_reader_new(int deadline_ms)
{
	struct identity_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->deadline_ms = deadline_ms;
	reader->budget.share_ns = IDENTITY_READER_SHARE_NS;
	reader->budget.period_ns = IDENTITY_READER_PERIOD_NS;
	identity_reader_set_all(reader, IDENTITY_READER_ALL_NS);
	/* From the start, like all that alerting needs. If not, then later. */
	(void)need_worker(reader);
	return reader;
}

void identity_reader_free(struct identity_reader *reader)
{
	struct worker *worker;

	if (!reader)
		return;
	worker = reader->worker;
	if (worker) {
		pthread_mutex_lock(&worker->lock);
		worker->leave = true;
		pthread_cond_signal(&worker->asked);
		pthread_mutex_unlock(&worker->lock);
		pthread_join(worker->thread, NULL);
		release(worker);
	}
	for (unsigned i = 0; i < THREADS_MAX; i++)
		if (reader->stuck[i].worker)
			release(reader->stuck[i].worker);
	free(reader);
}
