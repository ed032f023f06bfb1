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
/* The last one is for what no process can hold up: executables and cgroups. */
#define THREADS_MAX (IDENTITY_READER_STUCK_MAX + 1)

/* A thread and what it works on. Neither it nor the reader can know which of them
 * will be there longer: the last one frees. */
struct worker {
	atomic_int holders;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows; never held while reading */
	pthread_cond_t asked, answered;
	bool busy;           /* asked, and not answered: `who` is the thread's own */
	bool leave;          /* nobody will ask any more, nor wait */
	struct identity who; /* a copy, never the caller's */
	unsigned parts;
	int err;
	uint64_t cost_ns; /* of the read, as its process has made it */
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
	identity_clear(&worker->who);
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
static uint64_t effort_since(const struct effort *from)
{
	struct effort now = effort_now();

	return now.sleeps != from->sleeps ? now.at_ns - from->at_ns
					  : now.cpu_ns - from->cpu_ns;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct effort from;
	bool rested;
	int err;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->busy && !worker->leave)
			pthread_cond_wait(&worker->asked, &worker->lock);
		if (!worker->busy)
			break;
		pthread_mutex_unlock(&worker->lock);
		rested = capabilities_see_others();
		from = effort_now();
		err = identity_read_parts(&worker->who, worker->parts);
		worker->cost_ns = effort_since(&from);
		capabilities_rest_again(rested);
		pthread_mutex_lock(&worker->lock);
		worker->err = err;
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

static int ask(struct identity_reader *reader, struct identity *who, unsigned parts,
	       const struct timespec *until, uint64_t *cost_ns)
{
	struct worker *worker;
	uint64_t from_ns = clock_ns(CLOCK_MONOTONIC);
	int err = need_worker(reader), late = 0;

	*cost_ns = 0;

	if (err)
		return err;
	worker = reader->worker;
	pthread_mutex_lock(&worker->lock);
	/* What is known goes along, so that only the rest is read. */
	identity_clear(&worker->who);
	err = identity_copy(&worker->who, who);
	if (err)
		goto out;
	worker->parts = parts;
	worker->busy = true;
	pthread_cond_signal(&worker->asked);
	while (worker->busy && !late)
		late = pthread_cond_timedwait(&worker->answered, &worker->lock, until);
	if (worker->busy) {
		worker->leave = true;
		abandon(reader, who);
		err = -ETIMEDOUT;
		*cost_ns = clock_ns(CLOCK_MONOTONIC) - from_ns;
		goto out;
	}
	*cost_ns = worker->cost_ns;
	err = worker->err;
	take(who, &worker->who);
out:
	pthread_mutex_unlock(&worker->lock);
	return err;
}

/* What waits for the lock of its memory, which the process itself may hold. */
static int ask_command_line(struct identity_reader *reader, struct identity *who,
			    const struct timespec *until)
{
	uint64_t cost_ns;
	int err;

	if (has_used_up(reader, identity_charged(who)))
		return -EBUSY;
	err = ask(reader, who, IDENTITY_COMMAND_LINE, until, &cost_ns);
	charge(reader, who, cost_ns);
	return err;
}

int identity_reader_read(struct identity_reader *reader, struct identity *who)
{
	struct timespec until =
		thread_deadline((uint64_t)reader->deadline_ms * 1000000u);
	uint64_t cost_ns;
	int err = 0, next = 0;

	if (who->executable && who->command_line && who->cgroup)
		return 0;
	collect(reader);
	/* Alerts of one process must not take all the threads. */
	if (is_stuck(reader, who)) {
		reader->stats.left_out++;
		return -ETIMEDOUT;
	}
	/* Apart, as the second may hang: then there still is the first. */
	if (!who->executable || !who->cgroup)
		err = ask(reader, who, IDENTITY_PLACE, &until, &cost_ns);
	if (!who->command_line && err != -ESRCH && err != -ETIMEDOUT && err != -EBUSY)
		next = ask_command_line(reader, who, &until);
	err = err ? err : next;
	reader->stats.left_out += err == -EBUSY;
	return err;
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
