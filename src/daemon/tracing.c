// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/tracing.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "daemon/trace.h"
#include "thread.h"

#define TRACES_MAX   16
#define SECOND_NS    1000000000ull
/* Between two looks at what is open; longer where a look takes long, so that looking is at
 * most a part of the time. */
#define LOOK_NS      SECOND_NS
#define LOOK_SHARE   20
/* The process is left alone for so long after a trace, and what came of it is told. */
#define PAUSE_NS     (300 * SECOND_NS)
/* The child's, within the memory of the service. */
#define CHILD_MEMORY (128ull << 20)

/* One process, traced now or a while ago. Under the lock, but for what is the thread's. */
struct one {
	struct tracing *tracing;
	pid_t pid;
	uint64_t start_ns;
	struct trace_options options; /* the thread's */
	uint64_t duration_ns;         /* the thread's */
	bool used, running;
	uint64_t ended_ns;
	struct call_sites *sites;
	bool news, news_ended;
	const char *news_watched; /* where, as it has begun */
	char why[192];
};

struct tracing {
	int event_fd;
	struct tracing_settings settings;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_bool leave;
	unsigned running;
	struct one traces[TRACES_MAX];
};

/* ---- the thread ---- */

static void publish(struct one *one, struct call_sites *sites, bool ended)
{
	struct tracing *t = one->tracing;
	struct call_sites *before;

	pthread_mutex_lock(&t->lock);
	before = one->sites;
	if (sites)
		one->sites = sites;
	else
		before = NULL;
	one->news = true;
	one->news_ended |= ended;
	eventfd_write(t->event_fd, 1);
	pthread_mutex_unlock(&t->lock);
	call_sites_free(before);
}

static void tell_begun(struct one *one, const struct trace *trace)
{
	struct trace_figures figures;

	trace_figures(trace, &figures);
	pthread_mutex_lock(&one->tracing->lock);
	one->news_watched = figures.watched;
	one->news = true;
	eventfd_write(one->tracing->event_fd, 1);
	pthread_mutex_unlock(&one->tracing->lock);
}

/* Whether to go on. */
static bool wait_a_while(struct tracing *t, uint64_t ns)
{
	struct timespec until = thread_deadline(ns);
	bool leave;

	pthread_mutex_lock(&t->lock);
	if (!atomic_load(&t->leave))
		(void)pthread_cond_timedwait(&t->changed, &t->lock, &until);
	leave = atomic_load(&t->leave);
	pthread_mutex_unlock(&t->lock);
	return !leave;
}

/* Publishes what is open now; of an ended process nothing more is told here. */
static int look(struct one *one, struct trace *trace)
{
	struct call_sites *sites = NULL;
	int err = trace_sites(trace, &sites);

	if (err)
		call_sites_free(sites);
	else
		publish(one, sites, false);
	return err;
}

static void follow(struct one *one, struct trace *trace)
{
	uint64_t begin_ns = kernel_now_ns(), now_ns = begin_ns,
		 look_ns = begin_ns + LOOK_NS;
	int err = 0;

	while (!err && now_ns - begin_ns < one->duration_ns &&
	       wait_a_while(one->tracing, trace_wait_ns(trace))) {
		trace_step(trace);
		now_ns = kernel_now_ns();
		if (now_ns < look_ns)
			continue;
		err = look(one, trace);
		look_ns = kernel_now_ns();
		look_ns += LOOK_NS + (look_ns - now_ns) * LOOK_SHARE;
	}
	if (!err)
		(void)look(one, trace);
}

static void *run(void *arg)
{
	struct one *one = arg;
	struct tracing *t = one->tracing;
	struct trace *trace = NULL;

	if (!trace_open(&one->options, &trace, one->why, sizeof(one->why))) {
		one->why[0] = 0;
		tell_begun(one, trace);
		follow(one, trace);
	}
	trace_close(trace);
	/* Loading parses the types of the whole kernel: some 30 MB. */
	malloc_trim(0);
	publish(one, NULL, true);
	pthread_mutex_lock(&t->lock);
	one->running = false;
	one->ended_ns = kernel_now_ns();
	t->running--;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* ---- the caller's side; under the lock ---- */

static struct one *find(struct tracing *t, pid_t pid, uint64_t start_ns)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->traces[i].used && t->traces[i].pid == pid &&
		    t->traces[i].start_ns == start_ns)
			return &t->traces[i];
	return NULL;
}

/* The one that ended longest ago makes room. */
static struct one *find_place(struct tracing *t)
{
	struct one *oldest = NULL;

	for (size_t i = 0; i < TRACES_MAX; i++) {
		struct one *one = &t->traces[i];

		if (!one->used)
			return one;
		if (!one->running && !one->news &&
		    (!oldest || one->ended_ns < oldest->ended_ns))
			oldest = one;
	}
	return oldest;
}

static int start(struct tracing *t, struct one *one, pid_t pid, uint64_t start_ns,
		 uid_t uid)
{
	pthread_t thread;
	int err;

	call_sites_free(one->sites);
	*one = (struct one){
		.tracing = t,
		.pid = pid,
		.start_ns = start_ns,
		.options = {.pid = pid,
			    .start_ns = start_ns,
			    .uid = uid,
			    .hurry = &t->leave,
			    .hooks = t->settings.hooks,
			    .memory = t->settings.memory,
			    .child_memory = CHILD_MEMORY},
		.duration_ns = t->settings.duration_ns,
		.used = true,
		.running = true,
	};
	err = thread_start(&thread, "trace", run, one);
	if (err) {
		one->used = one->running = false;
		return err;
	}
	pthread_detach(thread);
	t->running++;
	return 0;
}

void tracing_want(struct tracing *t, pid_t pid, uint64_t start_ns, uid_t uid)
{
	struct one *one;

	pthread_mutex_lock(&t->lock);
	one = find(t, pid, start_ns);
	if (t->settings.on && t->running < t->settings.processes &&
	    !(one && (one->running || kernel_now_ns() - one->ended_ns < PAUSE_NS))) {
		if (!one)
			one = find_place(t);
		if (one)
			(void)start(t, one, pid, start_ns, uid);
	}
	pthread_mutex_unlock(&t->lock);
}

struct call_sites *tracing_get(struct tracing *t, pid_t pid, uint64_t start_ns,
			       bool *running)
{
	struct call_sites *sites = NULL;
	struct one *one;

	pthread_mutex_lock(&t->lock);
	one = find(t, pid, start_ns);
	*running = one && one->running;
	if (one && (one->running || kernel_now_ns() - one->ended_ns < PAUSE_NS))
		sites = call_sites_share(one->sites);
	pthread_mutex_unlock(&t->lock);
	return sites;
}

int tracing_fd(const struct tracing *t)
{
	return t->event_fd;
}

bool tracing_next(struct tracing *t, struct tracing_news *out)
{
	bool found = false;
	eventfd_t ignored;

	pthread_mutex_lock(&t->lock);
	(void)eventfd_read(t->event_fd, &ignored);
	for (size_t i = 0; i < TRACES_MAX && !found; i++) {
		struct one *one = &t->traces[i];

		if (!one->news)
			continue;
		found = true;
		one->news = false;
		*out = (struct tracing_news){
			.pid = one->pid,
			.start_ns = one->start_ns,
			.sites = call_sites_share(one->sites),
			.watched = one->news_watched,
			.ended = one->news_ended,
		};
		one->news_watched = NULL;
		if (one->news_ended && !one->sites)
			snprintf(out->why, sizeof(out->why), "%s", one->why);
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* ---- life ---- */

void tracing_configure(struct tracing *t, const struct tracing_settings *settings)
{
	pthread_mutex_lock(&t->lock);
	t->settings = *settings;
	pthread_mutex_unlock(&t->lock);
}

struct tracing *tracing_new(void)
{
	struct tracing *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	thread_cond_init(&t->changed);
	t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->event_fd < 0) {
		tracing_free(t);
		return NULL;
	}
	return t;
}

void tracing_free(struct tracing *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	atomic_store(&t->leave, true);
	pthread_cond_broadcast(&t->changed);
	while (t->running)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
	for (size_t i = 0; i < TRACES_MAX; i++)
		call_sites_free(t->traces[i].sites);
	if (t->event_fd >= 0)
		close(t->event_fd);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
