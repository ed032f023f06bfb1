// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "collect/census.h"
#include "collect/kernel.h"
#include "collect/stacks.h"
#include "daemon/chain.h"
#include "daemon/entries.h"
#include "unwind/stack_cache.h"
#include "unwind/unwinder.h"

/* Old enough for most of what is closed again to be closed. */
#define MIN_AGE_NS   2000000ull
/* Between two looks; at 100,000 openings a second 200 stacks. */
#define WAIT_NS      2000000ull
/* When nothing comes in. */
#define WAIT_IDLE_NS 20000000ull
/* All questions to the child together: a program whose files cannot be read in this time
 * is not worth more. */
#define ASK_TOTAL_NS 60000000000ull
/* Chains that are described at one time; each takes some tens of microseconds, the first
 * one of a unit of debugging information milliseconds. */
#define DESCRIBE_MAX 1024
#define DESCRIBE_NS  15000000000ull

#define NOT_UNWOUND  (STACKS_WAIT - 1)

struct trace {
	pid_t pid;
	uint64_t start_ns;
	const atomic_bool *hurry;
	struct stacks *stacks;
	struct census *census;
	struct unwinder *unwinder;
	struct stack_cache *cache;
	struct fdw_stack *copy;
	size_t copy_size;
	struct entries before;  /* what was open before */
	struct entries unknown; /* what the last look found no opening of, either */
	uint64_t exec_id;
	uint64_t asked_ns;
	uint64_t python_ns;      /* when to look for Python again; 0: not */
	uint64_t python_wait_ns; /* … and after that: longer each time */
	unsigned python_tries;   /* so often also if it is not there */
	bool busy;
	/* By number of chain, from 1; no frames: not described yet. */
	struct call_chain described[STACK_CACHE_CHAINS_MAX + 1];
	struct unwind_description description, script;
	struct unwind_chain chain;
	struct trace_figures figures;
};

/* ---- descriptions ---- */

static bool in_a_hurry(const struct trace *t)
{
	return t->hurry && atomic_load(t->hurry);
}

/* Asks, and counts what it takes. */
static bool may_ask(const struct trace *t)
{
	return t->asked_ns < ASK_TOTAL_NS && !in_a_hurry(t);
}

/* The interpreter's frames of a chain. NULL: there are none, or they are not known. */
static const struct unwind_description *describe_script(struct trace *t,
							const struct fdw_script *script)
{
	if (!script || unwinder_script(t->unwinder, script, &t->script))
		return NULL;
	return &t->script;
}

static int describe(struct trace *t, uint32_t number)
{
	const struct stack_chain *chain = stack_cache_chain(t->cache, number);
	struct call_chain *out = &t->described[number];
	uint64_t begin_ns = kernel_now_ns();
	int err;

	if (out->frames)
		return 0;
	if (!may_ask(t))
		return -ETIMEDOUT;
	err = unwinder_describe(t->unwinder, (const uint64_t *)chain->addresses,
				chain->len, &t->description);
	if (!err)
		err = chain_describe(&t->description, describe_script(t, chain->script),
				     out);
	out->end = chain_end(chain);
	t->asked_ns += kernel_now_ns() - begin_ns;
	return err;
}

/* ---- Python ---- */

/* An interpreter that has just begun, or sleeps in code that is not Python's, can be told a
 * little later. */
#define PYTHON_WAIT_NS     250000000ull
#define PYTHON_WAIT_MAX_NS 60000000000ull
/* A program that has just begun has not loaded its libraries yet. */
#define PYTHON_TRIES       4

static void look_for_python(struct trace *t)
{
	struct fdw_python_layout layout = {0};
	uint64_t begin_ns = kernel_now_ns();
	struct trace_figures *figures = &t->figures;
	int err = may_ask(t) ? unwinder_python(t->unwinder, &layout, figures->python,
					       sizeof(figures->python))
			     : -ETIMEDOUT;

	t->python_wait_ns = t->python_wait_ns ? 2 * t->python_wait_ns : PYTHON_WAIT_NS;
	if (t->python_wait_ns > PYTHON_WAIT_MAX_NS)
		t->python_wait_ns = PYTHON_WAIT_MAX_NS;
	t->python_ns = 0;
	if (err == -EAGAIN || err == -EILSEQ || (err == -ENOENT && t->python_tries))
		t->python_ns = begin_ns + t->python_wait_ns;
	if (t->python_tries)
		t->python_tries--;
	figures->python_known = !err;
	if (err == -ENOENT)
		figures->python[0] = 0;
	stacks_python(t->stacks, &layout);
	t->asked_ns += kernel_now_ns() - begin_ns;
}

/* ---- stacks ---- */

/* The process has called execve(): what it opened before is to be described before its
 * files are forgotten. */
static void change_program(struct trace *t, uint64_t exec_id)
{
	uint64_t begin_ns;

	for (uint32_t i = 1; i <= stack_cache_len(t->cache) && may_ask(t); i++)
		(void)describe(t, i);
	/* One that calls execve() again and again is not worth more, either. */
	begin_ns = kernel_now_ns();
	if (may_ask(t))
		(void)unwinder_restart(t->unwinder);
	t->asked_ns += kernel_now_ns() - begin_ns;
	stack_cache_forget(t->cache);
	t->exec_id = exec_id;
	t->python_wait_ns = 0;
	t->python_tries = PYTHON_TRIES;
	look_for_python(t);
}

static uint32_t unwind(struct trace *t)
{
	uint64_t begin_ns = kernel_now_ns();
	uint32_t number = 0;
	int err = -ETIMEDOUT;

	t->figures.unwound++;
	if (may_ask(t)) {
		err = unwinder_stack(t->unwinder, t->copy, &t->chain);
		if (!err)
			number = stack_cache_add(t->cache, t->copy, &t->chain);
		t->asked_ns += kernel_now_ns() - begin_ns;
		/* On a machine that is too busy just now; the child has few lives. */
		if (err == -ETIMEDOUT)
			return STACKS_WAIT;
	}
	if (number)
		return number;
	t->figures.failed++;
	return NOT_UNWOUND;
}

static uint32_t on_stack(void *context, const struct fdw_stack *stack)
{
	struct trace *t = context;
	uint64_t opened_ns = stack->opened_ns;
	uint32_t number;

	t->figures.visited++;
	/* It had one interpreter when it was looked at, and has not now. */
	if (stack->script.flags & FDW_SCRIPT_OTHER && !t->python_ns)
		t->python_ns = kernel_now_ns() + t->python_wait_ns;
	if (!t->exec_id) {
		/* There may have been an execve() between the begin and this. */
		t->exec_id = stack->exec_id;
		t->python_ns = kernel_now_ns();
		t->python_wait_ns = 0;
		t->python_tries = PYTHON_TRIES;
	}
	if (stack->exec_id > t->exec_id)
		change_program(t, stack->exec_id);
	if (stack->exec_id != t->exec_id)
		return NOT_UNWOUND;
	number = stack_cache_find(t->cache, stack);
	if (number)
		return number;
	memcpy(t->copy, stack, t->copy_size);
	/* The kernel may have written into it meanwhile: then it is counted as lost. */
	if (!stacks_still(stack, opened_ns) || t->copy->opened_ns != opened_ns)
		return STACKS_LOST;
	if (t->copy->len > t->copy_size - sizeof(*t->copy))
		return STACKS_LOST;
	return unwind(t);
}

size_t trace_step(struct trace *t)
{
	size_t visited = stacks_sweep(t->stacks, MIN_AGE_NS, on_stack, t);

	t->busy = visited > 0;
	if (t->python_ns && kernel_now_ns() > t->python_ns)
		look_for_python(t);
	return visited;
}

uint64_t trace_wait_ns(const struct trace *t)
{
	return t->busy ? WAIT_NS : WAIT_IDLE_NS;
}

/* ---- what is open ---- */

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

/* A later process that was given the same pid; one without descriptors is not told apart. */
static bool is_another(const struct trace *t, const struct census_result *result)
{
	return t->start_ns && result->start_ns && result->start_ns != t->start_ns;
}

/* What the census has met, and nothing was found of that says where it was opened. */
enum doubt_state {
	DOUBT_NOT_MET, /* in this look, yet */
	DOUBT_STILL,
	DOUBT_SETTLED, /* and counted */
};

struct doubt {
	struct entry entry;
	enum doubt_state state;
	bool seen; /* its opening was, but not its stack */
};

struct counting {
	struct trace *trace;
	struct call_opening *openings;
	size_t len, room;
	struct doubt *doubts; /* ascending */
	size_t doubts_len, doubts_room;
	struct entries still_unknown;
	struct call_unknown unknown;
	bool no_memory;
};

/* A file that is opened later often has the address of one that was closed: the number
 * must have been left alone as well. */
static bool was_before(const struct trace *t, uint32_t fd, uint64_t file)
{
	return entries_has(&t->before, fd, file) && stacks_untouched(t->stacks, fd);
}

static void add_opening(struct counting *c, const struct stacks_opening *opening,
			const char *type)
{
	struct call_opening *grown;

	if (c->len == c->room) {
		c->room = c->room ? 2 * c->room : 1024;
		grown = reallocarray(c->openings, c->room, sizeof(*grown));
		if (!grown) {
			c->no_memory = true;
			c->room = c->len;
			c->unknown.no_stack++;
			return;
		}
		c->openings = grown;
	}
	c->openings[c->len++] = (struct call_opening){
		.chain = opening->value, .type = type, .opened_ns = opening->opened_ns};
}

static void count(struct counting *c, enum stacks_found found,
		  const struct stacks_opening *opening, const char *type)
{
	switch (found) {
	case STACKS_KNOWN:
		if (opening->value == NOT_UNWOUND)
			c->unknown.not_unwound++;
		else
			add_opening(c, opening, type);
		break;
	case STACKS_NO_STACK:
		c->unknown.no_stack++;
		break;
	case STACKS_WAITING:
		c->unknown.not_unwound++;
		break;
	case STACKS_UNSEEN:
		c->unknown.unseen++;
		break;
	}
}

/* What will never be known is not waited for at the next look; without memory it is. */
static void count_doubt(struct counting *c, const struct doubt *doubt)
{
	(void)entries_add(&c->still_unknown, doubt->entry.fd, doubt->entry.file);
	if (doubt->seen)
		c->unknown.no_stack++;
	else
		c->unknown.unseen++;
}

static void add_doubt(struct counting *c, const struct doubt *doubt)
{
	struct doubt *grown;

	if (c->doubts_len == c->doubts_room) {
		c->doubts_room = c->doubts_room ? 2 * c->doubts_room : 64;
		grown = reallocarray(c->doubts, c->doubts_room, sizeof(*grown));
		if (!grown) {
			c->doubts_room = c->doubts_len;
			count_doubt(c, doubt);
			return;
		}
		c->doubts = grown;
	}
	c->doubts[c->doubts_len++] = *doubt;
}

static bool is_doubtful(enum stacks_found found)
{
	return found == STACKS_UNSEEN || found == STACKS_NO_STACK;
}

static void on_descriptor(void *context, const struct descriptor *d)
{
	struct counting *c = context;
	struct trace *t = c->trace;
	struct doubt doubt = {.entry = {d->file, d->fd}};
	struct stacks_opening opening;
	enum stacks_found found;

	found = stacks_find(t->stacks, d->fd, d->file, on_stack, t, &opening);
	doubt.seen = found == STACKS_NO_STACK;
	if (!is_doubtful(found))
		count(c, found, &opening, descriptor_type_name(d));
	else if (!doubt.seen && was_before(t, d->fd, d->file))
		c->unknown.before++;
	else if (entries_has(&t->unknown, d->fd, d->file))
		count_doubt(c, &doubt);
	else
		add_doubt(c, &doubt);
}

/* Visits what is in the table. -ESRCH: the process is gone, or ending: it has closed what
 * it had, and what was met is not all. */
static int look(struct trace *t, census_visitor *visit, struct counting *c)
{
	struct census_result result = {0};
	int err;

	stacks_begin(t->stacks);
	err = census_visit(t->census, t->pid, visit, c, &result);
	if (!err && (result.exited || is_gone(t->pid) || is_another(t, &result)))
		err = -ESRCH;
	census_clear(&result);
	return err;
}

/* ---- what is in doubt ---- */

static void on_doubt(void *context, const struct descriptor *d)
{
	struct counting *c = context;
	const struct doubt key = {.entry = {.fd = d->fd}};
	struct doubt *doubt =
		bsearch(&key, c->doubts, c->doubts_len, sizeof(key), entries_by_number);
	struct stacks_opening opening;
	enum stacks_found found;

	/* Two tables of threads may both have the number. */
	if (!doubt || doubt->state == DOUBT_SETTLED)
		return;
	found = stacks_find(c->trace->stacks, d->fd, d->file, on_stack, c->trace,
			    &opening);
	doubt->entry.file = d->file;
	doubt->seen = found == STACKS_NO_STACK;
	doubt->state = is_doubtful(found) ? DOUBT_STILL : DOUBT_SETTLED;
	if (doubt->state == DOUBT_SETTLED)
		count(c, found, &opening, descriptor_type_name(d));
}

static void go_on_for(struct trace *t, uint64_t wait_ns)
{
	const struct timespec moment = {.tv_nsec = WAIT_NS};
	uint64_t end_ns = kernel_now_ns() + wait_ns;

	do {
		nanosleep(&moment, NULL);
		(void)trace_step(t);
	} while (kernel_now_ns() < end_ns && !in_a_hurry(t));
}

/* What was not met in a whole look is closed by now. */
static void keep_doubts(struct counting *c, bool whole)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->doubts_len; i++) {
		enum doubt_state state = c->doubts[i].state;

		if (state == DOUBT_SETTLED || (state == DOUBT_NOT_MET && whole))
			continue;
		c->doubts[kept] = c->doubts[i];
		c->doubts[kept++].state = DOUBT_NOT_MET;
	}
	c->doubts_len = kept;
}

/*
 * A descriptor is in the table before the call that opened it comes to its exit, where it
 * is seen; and one that the census met may be closed, and another opened, while it is
 * looked up here. That is over in a moment, longer only where the thread has to wait for
 * a CPU: what came in no way that is seen is still in the table, and still not seen,
 * afterwards.
 */
static void settle_doubts(struct trace *t, struct counting *c)
{
	static const uint64_t waits_ns[] = {2000000, 20000000, 80000000};
	int err = 0;

	for (size_t round = 0; round < sizeof(waits_ns) / sizeof(*waits_ns); round++) {
		if (!c->doubts_len || in_a_hurry(t) || err)
			break;
		qsort(c->doubts, c->doubts_len, sizeof(*c->doubts), entries_by_number);
		go_on_for(t, waits_ns[round]);
		err = look(t, on_doubt, c);
		keep_doubts(c, !err);
	}
	for (size_t i = 0; i < c->doubts_len; i++)
		count_doubt(c, &c->doubts[i]);
}

static void on_left(void *context, enum stacks_found found,
		    const struct stacks_opening *opening)
{
	struct counting *c = context;

	count(c, found, opening, descriptor_kind_name(DESCRIPTOR_UNKNOWN));
}

/* stacks_each_left() has one context for both. */
static uint32_t on_stack_left(void *context, const struct fdw_stack *stack)
{
	struct counting *c = context;

	return on_stack(c->trace, stack);
}

/* ---- … by where it was opened ---- */

struct used {
	uint32_t number;
	uint32_t place; /* in what is made, +1; 0: it could not be described */
	uint64_t count;
};

static int used_by_count(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* Describes the chains that descriptors have, those of most first; `used` is by number of
 * chain afterwards as before. */
static size_t describe_used(struct trace *t, struct used *used, size_t len,
			    struct call_chain *out)
{
	uint64_t begin_ns = kernel_now_ns();
	size_t made = 0;

	for (size_t i = 0; i < len; i++) {
		if (!used[i].count || made == DESCRIBE_MAX ||
		    kernel_now_ns() - begin_ns > DESCRIBE_NS)
			break;
		if (describe(t, used[i].number) ||
		    chain_copy(&t->described[used[i].number], &out[made]))
			continue;
		used[i].place = (uint32_t)++made;
	}
	return made;
}

/* Openings get the place of their chain; those without one are not known. */
static void place_openings(struct counting *c, const uint32_t *places)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->len; i++) {
		uint32_t place = places[c->openings[i].chain];

		if (!place) {
			c->unknown.not_unwound++;
			continue;
		}
		c->openings[kept] = c->openings[i];
		c->openings[kept++].chain = place - 1;
	}
	c->len = kept;
}

static int make_sites(struct trace *t, struct counting *c, struct call_sites **out)
{
	size_t len = stack_cache_len(t->cache) + 1, made;
	struct used *used = calloc(len, sizeof(*used));
	uint32_t *places = calloc(len, sizeof(*places));
	struct call_chain *chains = calloc(len, sizeof(*chains));

	if (!used || !places || !chains) {
		free(used);
		free(places);
		free(chains);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < len; i++)
		used[i].number = i;
	for (size_t i = 0; i < c->len; i++)
		used[c->openings[i].chain].count++;
	qsort(used, len, sizeof(*used), used_by_count);
	made = describe_used(t, used, len, chains);
	for (size_t i = 0; i < len; i++)
		places[used[i].number] = used[i].place;
	place_openings(c, places);
	free(used);
	free(places);
	*out = call_sites_make(chains, made, c->openings, c->len, &c->unknown,
			       t->figures.begun_ns, kernel_now_ns());
	return *out ? 0 : -ENOMEM;
}

int trace_sites(struct trace *t, struct call_sites **out)
{
	struct counting counting = {.trace = t};
	int err, made;

	*out = NULL;
	err = look(t, on_descriptor, &counting);
	if (err == -ESRCH) {
		counting.len = 0;
		memset(&counting.unknown, 0, sizeof(counting.unknown));
		stacks_each_left(t->stacks, on_stack_left, on_left, &counting);
	} else if (!err) {
		settle_doubts(t, &counting);
	}
	made = err && err != -ESRCH ? err : make_sites(t, &counting, out);
	free(counting.openings);
	free(counting.doubts);
	entries_sort(&counting.still_unknown);
	entries_clear(&t->unknown);
	t->unknown = counting.still_unknown;
	return made ? made : err;
}

/* ---- life ---- */

static void on_before(void *context, const struct descriptor *d)
{
	struct trace *t = context;

	/* without memory they are only not told apart */
	(void)entries_add(&t->before, d->fd, d->file);
}

/* No number can be above: the hard limit, or what was open before it was lowered. */
static uint64_t highest_number(pid_t pid)
{
	uint64_t soft, hard;

	return kernel_rlimits(pid, RLIMIT_NOFILE, &soft, &hard) ? UINT32_MAX : hard;
}

static int begin(struct trace *t, const struct trace_options *options, char *why,
		 size_t why_size)
{
	struct stacks_options stacks = {
		.tgid = options->pid,
		.stack_bytes = options->stack_bytes ? options->stack_bytes
						    : STACKS_BYTES_DEFAULT,
		.memory = options->memory,
		.numbers = highest_number(options->pid),
		.hooks = options->hooks,
	};
	struct census_result result;
	int err;

	t->copy_size = sizeof(*t->copy) + stacks.stack_bytes;
	t->copy = malloc(t->copy_size);
	t->cache = stack_cache_new();
	if (!t->copy || !t->cache) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = census_open(&t->census, why, why_size);
	if (!err)
		err = unwinder_open(t->pid, options->uid, options->child_memory,
				    &t->unwinder, why, why_size);
	if (!err)
		err = stacks_open(&stacks, &t->stacks, why, why_size);
	if (err)
		return err;
	look_for_python(t);
	/* After the first: what is opened meanwhile is known by both. */
	t->figures.begun_ns = kernel_now_ns();
	err = census_visit(t->census, t->pid, on_before, t, &result);
	entries_sort(&t->before);
	if (!err && is_another(t, &result))
		err = -ESRCH;
	census_clear(&result);
	if (err)
		snprintf(why, why_size, "its descriptors can't be read: %s",
			 strerror(-err));
	return err;
}

int trace_open(const struct trace_options *options, struct trace **out, char *why,
	       size_t why_size)
{
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	t->pid = options->pid;
	t->start_ns = options->start_ns;
	t->hurry = options->hurry;
	err = begin(t, options, why, why_size);
	if (err) {
		trace_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	stacks_close(t->stacks);
	unwinder_close(t->unwinder);
	census_close(t->census);
	stack_cache_free(t->cache);
	for (size_t i = 0; i <= STACK_CACHE_CHAINS_MAX; i++)
		chain_clear(&t->described[i]);
	entries_clear(&t->before);
	entries_clear(&t->unknown);
	free(t->copy);
	free(t);
}

void trace_figures(const struct trace *t, struct trace_figures *out)
{
	struct openings_losses losses;

	*out = t->figures;
	stacks_losses(t->stacks, &losses);
	out->watched = stacks_way(t->stacks);
	out->no_stack = losses.no_stack;
	out->too_high = losses.too_high;
	out->missed = losses.missed;
	out->chains = stack_cache_len(t->cache);
	out->memory = stacks_memory(t->stacks);
}
