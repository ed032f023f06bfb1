// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/process_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without memory a process is not added: it is the next time that it is seen. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct key {
	uint64_t start_ns;
	uint64_t pid; /* 64 bits wide, so that the key has no padding */
};

struct entry {
	struct process process; /* first: a process's pointer is its entry's */
	struct key key;
	uint64_t snapshot; /* number of the last one that it was in */
	uint64_t files[4]; /* tables seen in it, the first few */
	UT_hash_handle hh;
};

/* One whose end has been told. */
struct ended {
	struct key key;
	uint64_t snapshot; /* number of the one that it ended with */
	UT_hash_handle hh;
};

/* Snapshots through which an ended process is remembered: all that it sent is in the ring
 * at its end, and read with the next one at the latest. */
#define ENDED_SNAPSHOTS 2

struct process_table {
	struct entry *entries;
	struct ended *ended; /* in the order of their ends */
	/* What a snapshot is likely to show next: it shows them in the order in which the one
	 * before did, and new ones come last. NULL: nothing. */
	struct entry *next;
	uint64_t late;
	uint64_t snapshot; /* number of the current one */
	uint64_t begin_ns;
};

static const struct process_trouble none;

struct process_trouble *process_trouble(struct process *process)
{
	struct process_trouble *trouble;

	/* It is const for who reads; only the shared one is never written. */
	if (process->trouble != &none)
		return (struct process_trouble *)(uintptr_t)process->trouble;
	trouble = calloc(1, sizeof(*trouble));
	if (!trouble)
		return NULL;
	trouble->process = process;
	policy_fd_rise(&process->rest, &trouble->policy);
	process->trouble = trouble;
	return trouble;
}

static void drop_trouble(struct process *process)
{
	struct process_trouble *trouble;

	if (process->trouble == &none)
		return;
	trouble = process_trouble(process);
	free(trouble->refusals);
	free(trouble);
	process->trouble = &none;
}

void process_rest(struct process *process, uint64_t now_ns)
{
	const struct process_trouble *trouble = process->trouble;
	const struct grouping_member *group = &trouble->group;

	if (trouble == &none || trouble->incident[0] || trouble->refusals_len ||
	    group->in_summary || group->group || group->prev || group->next ||
	    trouble->remedy.asked_ns || trouble->remedy.raised_ns ||
	    trouble->looked_ahead)
		return;
	if (policy_fd_rests(&trouble->policy, now_ns, &process->rest))
		drop_trouble(process);
}

void process_policy(const struct process *process, struct policy_fd *out)
{
	if (process->trouble == &none)
		policy_fd_rise(&process->rest, out);
	else
		*out = process->trouble->policy;
}

int process_set_policy(struct process *process, const struct policy_fd *state)
{
	struct process_trouble *trouble;
	struct policy_rest rest;

	if (process->trouble == &none &&
	    policy_fd_rests(state, state->table_ns, &rest)) {
		process->rest = rest;
		return 0;
	}
	trouble = process_trouble(process);
	if (!trouble)
		return -ENOMEM;
	trouble->policy = *state;
	return 0;
}

struct process_table *process_table_new(void)
{
	return calloc(1, sizeof(struct process_table));
}

static void drop_leak(struct process *process)
{
	if (process->leak)
		leak_clear(process->leak);
	free(process->leak);
	process->leak = NULL;
	process->leak_least = UINT64_MAX;
}

static void free_entry(struct entry *entry)
{
	identity_clear(&entry->process.who);
	drop_trouble(&entry->process);
	drop_leak(&entry->process);
	free(entry->process.watch);
	free(entry->process.before);
	free(entry->process.recording);
	free(entry);
}

static void forget_ended(struct process_table *table, uint64_t until_snapshot)
{
	struct ended *ended, *next;

	HASH_ITER (hh, table->ended, ended, next) {
		if (ended->snapshot > until_snapshot)
			break;
		HASH_DEL(table->ended, ended);
		free(ended);
	}
}

void process_table_free(struct process_table *table)
{
	struct entry *entry, *next;

	if (!table)
		return;
	forget_ended(table, UINT64_MAX);
	HASH_ITER (hh, table->entries, entry, next) {
		HASH_DEL(table->entries, entry);
		free_entry(entry);
	}
	free(table);
}

size_t process_table_count(const struct process_table *table)
{
	return HASH_COUNT(table->entries);
}

static struct entry *find(struct process_table *table, pid_t pid, uint64_t start_ns)
{
	struct key key = {.start_ns = start_ns, .pid = pid};
	struct entry *entry;

	/* The analyzer does not follow the bytes of a whole initialised key. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(hh, table->entries, &key, sizeof(key), entry);
	return entry;
}

struct process *process_table_find(struct process_table *table, pid_t pid,
				   uint64_t start_ns)
{
	struct entry *entry = find(table, pid, start_ns);

	return entry ? &entry->process : NULL;
}

static struct ended *find_ended(struct process_table *table, pid_t pid,
				uint64_t start_ns)
{
	struct key key = {.start_ns = start_ns, .pid = pid};
	struct ended *ended;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(hh, table->ended, &key, sizeof(key), ended);
	return ended;
}

static struct process *add(struct process_table *table, pid_t pid, uint64_t start_ns,
			   uint64_t time_ns)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key.pid = pid;
	entry->key.start_ns = start_ns;
	entry->process.who.pid = pid;
	entry->process.who.start_ns = start_ns;
	entry->process.who.uid = (uid_t)-1;
	entry->process.seen_ns = time_ns;
	entry->process.leak_least = UINT64_MAX;
	entry->process.trouble = &none;
	HASH_ADD(hh, table->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free_entry(entry);
		return NULL;
	}
	return &entry->process;
}

struct process *process_table_add(struct process_table *table, pid_t pid,
				  uint64_t start_ns, uint64_t time_ns)
{
	if (!find_ended(table, pid, start_ns))
		return add(table, pid, start_ns, time_ns);
	table->late++;
	return NULL;
}

/* By a record of the sensor. */
static struct entry *find_or_add(struct process_table *table,
				 const struct fdw_task *task, uint64_t time_ns)
{
	struct entry *entry = find(table, task->tgid, task->start_ns);

	if (!entry)
		entry = (struct entry *)process_table_add(table, task->tgid,
							  task->start_ns, time_ns);
	return entry;
}

/* By a snapshot, which shows what lives. */
static struct entry *find_or_revive(struct process_table *table,
				    const struct fdw_task *task, uint64_t time_ns)
{
	struct entry *entry = table->next;
	struct ended *ended;

	/* The hash's buckets and what stands before it in one cost as much as all else that
	 * user space does for a process at rest (12,000 of them). */
	if (!entry || entry->key.pid != task->tgid ||
	    entry->key.start_ns != task->start_ns)
		entry = find(table, task->tgid, task->start_ns);
	if (entry) {
		table->next = entry->hh.next;
		return entry;
	}
	ended = find_ended(table, task->tgid, task->start_ns);
	if (ended) {
		HASH_DEL(table->ended, ended);
		free(ended);
	}
	return (struct entry *)add(table, task->tgid, task->start_ns, time_ns);
}

static void take_identity(struct process *process, const struct fdw_task *task)
{
	/* What was kept over a restart is only good for what is gone. */
	if (process->resumed ||
	    (process->exec_id && process->exec_id != task->exec_id)) {
		identity_clear(&process->who);
		if (process->trouble != &none)
			process_trouble(process)->settings_version = 0;
		/* Another program begins with a history of its own. */
		if (!process->resumed)
			drop_leak(process);
		process->resumed = false;
	}
	process->exec_id = task->exec_id;
	identity_from_task(&process->who, task);
}

/* a/b > c/d; a limit of 0 counts as full. */
static bool fuller(const struct fdw_table *a, const struct fdw_table *b)
{
	return (__uint128_t)a->used * b->soft_limit >
	       (__uint128_t)b->used * a->soft_limit;
}

static void take_table(struct process *process, const struct fdw_task *task,
		       const struct fdw_table *fds, uint64_t time_ns)
{
	process->table = *fds;
	process->uncounted |= fds->flags & FDW_TABLE_UNCOUNTED;
	process->table_ns = time_ns;
	process->has_table = true;
	process->thread = fds->flags & FDW_TABLE_THREAD ? task->tid : 0;
}

static void live(struct process *process, uint64_t time_ns)
{
	process->missed = 0;
	if (time_ns > process->seen_ns)
		process->seen_ns = time_ns;
}

struct process *process_table_see(struct process_table *table,
				  const struct fdw_task *task,
				  const struct fdw_table *fds, uint64_t time_ns)
{
	struct entry *entry = find_or_add(table, task, time_ns);
	struct process *process;

	if (!entry)
		return NULL;
	process = &entry->process;
	take_identity(process, task);
	live(process, time_ns);
	/* Of several tables, a record of the one that is known replaces it, and
	 * one that is fuller. Those from before the last snapshot are history. */
	if (fds && (!process->has_table || (time_ns >= process->table_ns &&
					    (fds->files == process->table.files ||
					     fuller(fds, &process->table)))))
		take_table(process, task, fds, time_ns);
	return process;
}

void process_table_begin(struct process_table *table, uint64_t begin_ns)
{
	table->snapshot++;
	table->begin_ns = begin_ns;
	table->next = table->entries;
	if (table->snapshot > ENDED_SNAPSHOTS)
		forget_ended(table, table->snapshot - ENDED_SNAPSHOTS);
}

/* Whether this snapshot has not yet had this table of the process. Beyond the
 * first few a table may be counted twice, in `tables` only. */
static bool is_new_table(struct entry *entry, uint64_t files)
{
	size_t max = sizeof(entry->files) / sizeof(entry->files[0]);
	size_t known = entry->process.tables < max ? entry->process.tables : max;

	for (size_t i = 0; i < known; i++)
		if (entry->files[i] == files)
			return false;
	if (known < max)
		entry->files[known] = files;
	return true;
}

struct process *process_table_see_in_snapshot(struct process_table *table,
					      const struct fdw_snapshot_record *record)
{
	struct entry *entry =
		find_or_revive(table, &record->task, record->header.time_ns);
	bool first;
	struct process *process;

	if (!entry)
		return NULL;
	process = &entry->process;
	first = entry->snapshot != table->snapshot;
	entry->snapshot = table->snapshot;
	if (first)
		process->tables = 0;
	if (!is_new_table(entry, record->table.files))
		return process;
	process->tables += 1 + record->table.more;
	process->gone = false;
	/* A thread's credentials may differ; the leader's record names the process. */
	if (first || !(record->table.flags & FDW_TABLE_THREAD))
		take_identity(process, &record->task);
	live(process, record->header.time_ns);
	if (first || fuller(&record->table, &process->table))
		take_table(process, &record->task, &record->table,
			   record->header.time_ns);
	/* The first such table is the process's: its main thread left it behind. */
	if (record->table.flags & FDW_TABLE_LEADERLESS && process->tables == 1)
		process->thread = 0;
	return process;
}

bool process_table_is_missing(const struct process_table *table,
			      const struct process *process)
{
	return process->seen_ns < table->begin_ns;
}

void process_table_each(struct process_table *table, process_visit visit, void *context)
{
	struct entry *entry, *next;

	HASH_ITER (hh, table->entries, entry, next)
		visit(context, &entry->process);
}

void process_table_remove(struct process_table *table, struct process *process)
{
	struct entry *entry = (struct entry *)process;

	if (table->next == entry)
		table->next = entry->hh.next;
	HASH_DEL(table->entries, entry);
	free_entry(entry);
}

void process_table_end(struct process_table *table, struct process *process)
{
	struct ended *ended = calloc(1, sizeof(*ended));

	/* Without memory it may come back, as one that nothing is known of. */
	if (ended) {
		ended->key = ((struct entry *)process)->key;
		ended->snapshot = table->snapshot;
		HASH_ADD(hh, table->ended, key, sizeof(ended->key), ended);
		if (!ended->hh.tbl)
			free(ended);
	}
	process_table_remove(table, process);
}

bool process_table_has_ended(struct process_table *table, pid_t pid, uint64_t start_ns)
{
	return find_ended(table, pid, start_ns);
}

uint64_t process_table_late(const struct process_table *table)
{
	return table->late;
}

void process_table_find_sharers(struct process_table *table, struct process *process)
{
	process->sharers = 0;
	if (!process->has_table)
		return;
	for (struct entry *entry = table->entries; entry; entry = entry->hh.next)
		process->sharers += entry->process.has_table &&
				    &entry->process != process &&
				    entry->process.table.files == process->table.files;
}

static int by_table(const void *a, const void *b)
{
	const struct process *p = *(const struct process *const *)a;
	const struct process *q = *(const struct process *const *)b;

	return (p->table.files > q->table.files) - (p->table.files < q->table.files);
}

int process_table_find_all_sharers(struct process_table *table)
{
	size_t n = 0, run;
	struct process **all =
		calloc(HASH_COUNT(table->entries) + 1, sizeof(struct process *));

	if (!all)
		return -ENOMEM;
	for (struct entry *entry = table->entries; entry; entry = entry->hh.next)
		if (entry->process.has_table)
			all[n++] = &entry->process;
	qsort(all, n, sizeof(struct process *), by_table);
	for (size_t i = 0; i < n; i += run) {
		for (run = 1; i + run < n && !by_table(&all[i], &all[i + run]); run++)
			;
		for (size_t j = i; j < i + run; j++)
			all[j]->sharers = run - 1;
	}
	free(all);
	return 0;
}

struct process_refusal *process_refusal_of(struct process *process, uint32_t call,
					   int error)
{
	struct process_trouble *trouble = process_trouble(process);
	struct process_refusal *more;

	if (!trouble)
		return NULL;
	for (size_t i = 0; i < trouble->refusals_len; i++)
		if (trouble->refusals[i].call == call &&
		    trouble->refusals[i].error == error)
			return &trouble->refusals[i];
	more = reallocarray(trouble->refusals, trouble->refusals_len + 1,
			    sizeof(*more));
	if (!more)
		return NULL;
	trouble->refusals = more;
	more = &trouble->refusals[trouble->refusals_len++];
	*more = (struct process_refusal){.call = call, .error = error};
	return more;
}

enum process_refusal_class process_refusal_class(int error)
{
	return error == EMFILE   ? PROCESS_REFUSAL_EMFILE
	       : error == ENFILE ? PROCESS_REFUSAL_ENFILE
				 : PROCESS_REFUSAL_ELSE;
}

uint64_t process_refusal_update(struct process_refusal *refusal, uint64_t total)
{
	uint64_t grew;

	if (total <= refusal->total)
		return 0;
	grew = total - refusal->total;
	refusal->total = total;
	return grew;
}

uint64_t process_refusal_count(const struct process_refusal *refusal)
{
	return refusal->by_filter ? 0
				  : refusal->carried + refusal->total - refusal->base;
}

static void forget_times(struct process *process)
{
	struct process_trouble *trouble;

	if (process->trouble == &none)
		return;
	trouble = process_trouble(process);
	trouble->refused_first_ns = trouble->refused_last_ns = 0;
}

void process_refusals_open(struct process *process)
{
	const struct process_trouble *trouble = process->trouble;

	for (size_t i = 0; i < trouble->refusals_len; i++)
		trouble->refusals[i].base = trouble->refusals[i].judged;
	forget_times(process);
}

void process_refusals_close(struct process *process)
{
	const struct process_trouble *trouble = process->trouble;

	for (size_t i = 0; i < trouble->refusals_len; i++) {
		trouble->refusals[i].base = trouble->refusals[i].total;
		trouble->refusals[i].carried = 0;
	}
	forget_times(process);
}
