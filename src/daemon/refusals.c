// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <time.h>

#include "collect/syscalls.h"
#include "daemon/monitor_impl.h"
#include "log.h"
#include "output/feed.h"
#include "policy/limits.h"

/* A rate over less is chance. */
#define RATE_OVER_S 0.4

static void classify(const struct monitor *m, const struct process *p,
		     const struct process_refusal *refusal,
		     const struct fdw_refused *rec, struct limits_verdict *verdict)
{
	const struct fdw_refused *looked = rec && rec->table.max_fds ? rec : NULL;
	const struct fdw_table *table = looked ? &looked->table : &p->table;
	/* No record could be made, or none with a table: what was last seen of it may do. */
	bool was_full = p->has_table && p->table.used >= p->table.soft_limit;
	struct limits_refusal facts = {
		.call = syscalls_name(refusal->call),
		.error = refusal->error,
		.path = rec && rec->path_len ? rec->text : NULL,
		.not_the_table = rec && rec->not_the_table,
		.filtered = rec && rec->filtered,
		.table_known = looked || was_full,
		.used = table->used,
		.soft_limit = table->soft_limit,
		.lowest_free = table->lowest_free,
		.free_above = looked ? looked->free_above : 0,
		.nr_open = kernel_nr_open(&m->files),
		.cpus = m->cpus,
	};

	if (rec)
		memcpy(facts.args, rec->args, sizeof(facts.args));
	if (kernel_files_read(&m->files, &facts.files_allocated, &facts.files_max))
		facts.files_max = 0;
	limits_classify(&facts, verdict);
}

/* Takes a new total. */
static void count_refusal(struct monitor *m, struct process_refusal *refusal,
			  uint64_t total)
{
	uint64_t grew = process_refusal_update(refusal, total);

	m->self.changes += grew > 0;
	m->refused += grew;
}

/* All refusals so far have been judged. */
static void count_judged(struct monitor *m, struct process_refusal *refusal)
{
	if (refusal->by_file_max)
		m->system.refused_enfile += refusal->total - refusal->judged;
	refusal->judged = refusal->total;
}

/* What a filter answers is no refusal. */
static void note_time(struct process *p, const struct process_refusal *refusal,
		      uint64_t time_ns)
{
	struct process_trouble *trouble = process_trouble(p);

	if (refusal->by_filter || !trouble)
		return;
	if (!trouble->refused_first_ns)
		trouble->refused_first_ns = time_ns;
	if (time_ns > trouble->refused_last_ns)
		trouble->refused_last_ns = time_ns;
}

/* A refusal that is news: `rec` is its record, NULL if it is only known from the
 * count (its record was held back or lost). */
static void judge_refusal(struct monitor *m, struct process *p,
			  struct process_refusal *refusal,
			  const struct fdw_refused *rec, uint64_t time_ns)
{
	struct policy_observation seen = {.now_ns = time_ns};
	struct limits_verdict verdict;
	struct report_cause cause = {
		.time_ns = time_ns,
		.request.call = syscalls_name(refusal->call),
		.request.path = rec && rec->path_len ? rec->text : NULL,
		.request.error = refusal->error,
		.limit = &verdict,
		.record_lost = !rec,
	};

	classify(m, p, refusal, rec, &verdict);
	refusal->by_file_max = verdict.cause == LIMITS_FILE_MAX;
	refusal->by_filter = verdict.cause == LIMITS_NONE;
	if (refusal->by_filter) {
		count_judged(m, refusal);
		return;
	}
	if (refusal->by_file_max) {
		count_judged(m, refusal);
		judge_system(m, true, &cause, &p->who);
		return;
	}
	seen.refusal = verdict.cause == LIMITS_DESCRIPTORS ? POLICY_REFUSAL_TABLE_FULL
							   : POLICY_REFUSAL_OTHER;
	seen.other_limit = verdict.id;
	if (rec && rec->table.max_fds) {
		cause.table = &rec->table;
		judge_table(m, p, &rec->table, &seen);
	} else if (p->has_table)
		judge_table(m, p, &p->table, &seen);
	(void)judge(m, p, &seen, &cause);
	count_judged(m, refusal); /* afterwards: an incident that opens begins here */
}

void refusals_see(struct monitor *m, struct process *p, const struct fdw_refused *rec)
{
	struct process_refusal *refusal = process_refusal_of(p, rec->call, rec->error);

	if (!refusal)
		return;
	/* Without a total there was no room to count it: this one at least. */
	count_refusal(m, refusal, rec->total ? rec->total : refusal->total + 1);
	process_trouble(p)->refused_ns[process_refusal_class(rec->error)] =
		rec->header.time_ns;
	judge_refusal(m, p, refusal, rec, rec->header.time_ns);
	note_time(p, refusal, rec->header.time_ns);
}

static void on_refusal_total(void *context, const struct fdw_refusal_key *key,
			     const struct fdw_refusal_value *value)
{
	struct monitor *m = context;
	struct process *p = process_table_find(m->processes, key->tgid, key->start_ns);
	struct process_refusal *refusal;

	if (!value->count) /* its entry has just been made */
		return;
	if (!p) /* its record was lost, and it may be gone by now */
		p = process_table_add(m->processes, key->tgid, key->start_ns, 0);
	if (!p && process_table_has_ended(m->processes, key->tgid, key->start_ns))
		sensor_forget_refusal(m->collect.sensor, key);
	if (p && !p->who.comm[0]) {
		memcpy(p->who.comm, value->comm, FDW_COMM_LEN);
		p->who.comm[FDW_COMM_LEN - 1] = 0;
	}
	refusal = p ? process_refusal_of(p, key->call, key->error) : NULL;
	if (refusal)
		count_refusal(m, refusal, value->count);
}

void refusals_forget(struct monitor *m, const struct process *p)
{
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		struct fdw_refusal_key key = {
			.start_ns = p->who.start_ns,
			.tgid = p->who.pid,
			.call = p->trouble->refusals[i].call,
			.error = p->trouble->refusals[i].error,
		};

		sensor_forget_refusal(m->collect.sensor, &key);
	}
}

/*
 * Refusals that are only known from the count. The kernel holds a record back for a
 * short time after another, of the same kind and so the same cause, which has been
 * judged with the table as it was then. Only where there was none must they be judged
 * by themselves: the record found no room.
 */
void refusals_settle(struct monitor *m, struct process *p)
{
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		struct process_refusal *refusal = &p->trouble->refusals[i];
		uint64_t last =
			p->trouble->refused_ns[process_refusal_class(refusal->error)];

		if (refusal->total == refusal->judged)
			continue;
		if (last && last + FDW_REFUSED_INTERVAL_NS >= m->last_tick_ns)
			count_judged(m, refusal);
		else
			judge_refusal(m, p, refusal, NULL, m->now_ns);
		note_time(p, refusal, m->now_ns);
	}
}

void refusals_tell(const struct monitor *m, const struct process *p,
		   struct feed_refusals *out)
{
	out->inexact =
		p->uncounted || (p->trouble->policy.incident &&
				 m->reporter.losses->missed > p->trouble->missed_then);
	out->first_ns = p->trouble->refused_first_ns;
	out->last_ns = p->trouble->refused_last_ns;
	out->per_s = p->trouble->spin.per_s;
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		const struct process_refusal *refusal = &p->trouble->refusals[i];
		uint64_t count = process_refusal_count(refusal);

		if (!count || refusal->by_filter)
			continue;
		if (out->len == FEED_REFUSALS) {
			out->inexact = true;
			break;
		}
		out->calls[out->len++] = (struct alert_refusal){
			.call = syscalls_name(refusal->call),
			.error = refusal->error,
			.count = count,
		};
	}
}

void refusals_book(struct monitor *m, struct process *p)
{
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		struct process_refusal *refusal = &p->trouble->refusals[i];

		/* What has not been judged yet may turn out to be a filter's answer. */
		if (refusal->judged > refusal->booked && !refusal->by_filter)
			ledger_refused(m->reporter.ledger, &p->who, p->exec_id != 0,
				       syscalls_name(refusal->call), refusal->error,
				       refusal->judged - refusal->booked, m->now_ns);
		refusal->booked = refusal->judged;
	}
}

/* Of all its threads; 0: not known. Needs no descriptor and no privilege. */
static uint64_t cpu_time_of(pid_t pid)
{
	struct timespec spent;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &spent))
		return 0;
	return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

void refusals_rate(struct process *p, uint64_t now_ns)
{
	const struct process_spin *was = &p->trouble->spin;
	double seconds = (double)(now_ns - was->at_ns) / 1e9;
	uint64_t total = 0, most = 0, cpu_ns;
	struct process_spin *spin;

	if (!p->trouble->refusals_len || (was->at_ns && seconds < RATE_OVER_S))
		return;
	spin = &process_trouble(p)->spin;
	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		total += p->trouble->refusals[i].total;
		if (p->trouble->refusals[i].total <= most)
			continue;
		most = p->trouble->refusals[i].total;
		spin->call = p->trouble->refusals[i].call;
	}
	cpu_ns = total > spin->total ? cpu_time_of(p->who.pid) : 0;
	spin->per_s = spin->at_ns ? (double)(total - spin->total) / seconds : 0;
	spin->core_share = spin->at_ns && spin->cpu_ns && cpu_ns > spin->cpu_ns
				   ? (double)(cpu_ns - spin->cpu_ns) / 1e9 / seconds
				   : 0;
	spin->total = total;
	spin->cpu_ns = cpu_ns;
	spin->at_ns = now_ns;
}

bool refusals_read(struct monitor *m)
{
	int n = sensor_refusals(m->collect.sensor, on_refusal_total, m);
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	if (n < 0)
		log_limited(&limit, LOG_LEVEL_ERROR, "refusals can't be read: %s",
			    strerror(-n));
	return n >= 0;
}
