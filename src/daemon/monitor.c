// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/monitor.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/collectors.h"
#include "collect/kernel.h"
#include "collect/syscalls.h"
#include "daemon/report.h"
#include "log.h"
#include "policy/policy.h"
#include "state/process_table.h"

#define HOST_NAME_LEN 256

struct monitor {
	const struct config *config;
	uint32_t config_version;
	uint32_t lowest_step; /* basis points */
	bool rules_by_user;   /* names must be looked up */
	struct collectors collect;
	struct kernel_files files;
	struct process_table *processes;
	struct reporter reporter;
	char host_name[HOST_NAME_LEN];
	char boot_id[37];
	uint32_t cpus;

	struct policy_system system_policy;
	struct report_system system;

	struct monitor_self self;
	struct sensor_losses losses_logged;
	int snapshot_error; /* of the last one, logged once; 0: it worked */
	bool started;       /* a snapshot has shown how it was at the start */
	uint64_t now_ns;    /* of the current tick */
	uint64_t last_tick_ns;
};

/* ---- one process ---- */

/* The levels that apply to a process. Rules need to know who it is, which costs
 * some reads of /proc: asked only for a process that may be in trouble. */
static void find_settings(struct monitor *m, struct process *p)
{
	struct passwd entry, *found = NULL;
	char strings[1024];

	int err;

	if (p->settings_version == m->config_version)
		return;
	p->settings_version = m->config_version;
	if (!m->config->rules_len) {
		p->settings = m->config->thresholds;
		return;
	}
	err = identity_read_proc(&p->who);
	/* In a storm nothing can be opened: ask again, what is in a record may do
	 * for now. */
	if (err && err != -ESRCH)
		p->settings_version = 0;
	if (m->rules_by_user && p->who.uid != (uid_t)-1)
		getpwuid_r(p->who.uid, &entry, strings, sizeof(strings), &found);
	config_settings_for(m->config, &p->who, found ? found->pw_name : NULL,
			    &p->settings);
}

static bool may_be_in_trouble(const struct monitor *m, const struct process *p,
			      const struct policy_observation *seen)
{
	if (p->policy.incident || seen->refusal != POLICY_REFUSAL_NONE)
		return true;
	if (!seen->has_table)
		return false;
	return (__uint128_t)seen->used * 10000 >=
	       (__uint128_t)seen->soft_limit * m->lowest_step;
}

static void observe_table(const struct monitor *m, const struct process *p,
			  const struct fdw_table *table,
			  struct policy_observation *seen)
{
	seen->has_table = true;
	seen->count = table->count;
	seen->used = table->used;
	seen->soft_limit = table->soft_limit;
	seen->own_limit = table->flags & FDW_TABLE_OWN_LIMIT;
	seen->own_limit_known = p->who.start_ns >= m->collect.since_ns;
}

static void judge(struct monitor *m, struct process *p,
		  const struct policy_observation *seen,
		  const struct report_cause *cause)
{
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	int n;

	if (may_be_in_trouble(m, p, seen))
		find_settings(m, p);
	else if (!p->settings_version)
		p->settings = m->config->thresholds;
	n = policy_fd_observe(&p->policy, &p->settings, seen, decisions);
	for (int i = 0; i < n; i++)
		report_process(&m->reporter, p, &decisions[i], cause);
	m->self.changes += n;
}

/* ---- the whole system ---- */

static void judge_system(struct monitor *m, bool refused,
			 const struct report_cause *cause, struct identity *who)
{
	struct policy_system_observation seen = {.now_ns = cause->time_ns,
						 .refused = refused};
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	int n;

	seen.known = !kernel_files_read(&m->files, &seen.allocated, &seen.max);
	m->system.now.known = seen.known;
	m->system.now.allocated = seen.allocated;
	m->system.now.max = seen.max;
	n = policy_system_observe(&m->system_policy, &m->config->thresholds, &seen,
				  decisions);
	for (int i = 0; i < n; i++)
		report_system(&m->reporter, &m->system, &decisions[i], cause, who);
	m->self.changes += n;
}

/* ---- refusals ---- */

static void classify(const struct monitor *m, const struct process *p,
		     const struct process_refusal *refusal,
		     const struct fdw_refused *rec, struct limits_verdict *verdict)
{
	bool looked = rec && rec->table.max_fds;
	const struct fdw_table *table = looked ? &rec->table : &p->table;
	struct limits_refusal facts = {
		.call = syscalls_name(refusal->call),
		.error = refusal->error,
		.path = rec && rec->path_len ? rec->text : NULL,
		/* Only the fexit sensor does not look: it saw the table's own part. */
		.not_the_table = rec && !looked,
		.table_known = looked || p->has_table,
		.used = table->used,
		.soft_limit = table->soft_limit,
		.lowest_free = table->lowest_free,
		.free_above =
			looked ? rec->free_above : table->soft_limit - table->used,
		.nr_open = kernel_nr_open(&m->files),
		.cpus = m->cpus,
	};

	if (rec)
		memcpy(facts.args, rec->args, sizeof(facts.args));
	if (kernel_files_read(&m->files, &facts.files_allocated, &facts.files_max))
		facts.files_max = 0;
	limits_classify(&facts, verdict);
}

/* Takes a new total; returns false if it says nothing new. */
static bool count_refusal(struct monitor *m, struct process_refusal *refusal,
			  uint64_t total)
{
	uint64_t grew = process_refusal_update(refusal, total);

	m->self.changes += grew > 0;
	return grew > 0;
}

/* All refusals so far have been judged. */
static void count_judged(struct monitor *m, struct process_refusal *refusal)
{
	if (refusal->by_file_max)
		m->system.refused_enfile += refusal->total - refusal->judged;
	refusal->judged = refusal->total;
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
	};

	classify(m, p, refusal, rec, &verdict);
	refusal->by_file_max = verdict.cause == LIMITS_FILE_MAX;
	if (refusal->by_file_max) {
		count_judged(m, refusal);
		judge_system(m, true, &cause, &p->who);
		return;
	}
	seen.refusal = verdict.cause == LIMITS_DESCRIPTORS ? POLICY_REFUSAL_TABLE_FULL
							   : POLICY_REFUSAL_OTHER;
	seen.other_limit = verdict.id;
	if (rec && rec->table.max_fds)
		observe_table(m, p, &rec->table, &seen);
	else if (p->has_table)
		observe_table(m, p, &p->table, &seen);
	judge(m, p, &seen, &cause);
	count_judged(m, refusal); /* afterwards: an incident that opens begins here */
}

/* ---- records of the sensor ---- */

/* A record of what we did ourselves to prove the sensor. */
static bool is_proof(const struct monitor *m, const struct fdw_header *header,
		     const struct fdw_task *task)
{
	return task->tgid == (uint32_t)getpid() &&
	       header->time_ns < m->collect.since_ns;
}

static void on_near(void *context, const struct fdw_near *rec)
{
	struct monitor *m = context;
	struct policy_observation seen = {.now_ns = rec->header.time_ns};
	struct report_cause cause = {.time_ns = rec->header.time_ns};
	struct process *p;

	if (is_proof(m, &rec->header, &rec->task))
		return;
	p = process_table_see(m->processes, &rec->task, &rec->table,
			      rec->header.time_ns);
	if (!p)
		return;
	forecast_add(&p->history, rec->header.time_ns, rec->table.used);
	/* Whether it was over its level before we came is not known. The snapshot
	 * that is being taken has it, too. */
	if (!m->started)
		return;
	observe_table(m, p, &rec->table, &seen);
	judge(m, p, &seen, &cause);
}

static void on_refused(void *context, const struct fdw_refused *rec)
{
	struct monitor *m = context;
	struct process_refusal *refusal;
	struct process *p;

	if (is_proof(m, &rec->header, &rec->task))
		return;
	p = process_table_see(m->processes, &rec->task,
			      rec->table.max_fds ? &rec->table : NULL,
			      rec->header.time_ns);
	if (!p)
		return;
	identity_from_refusal(&p->who, rec);
	refusal = process_refusal_of(p, rec->call, rec->error);
	if (!refusal)
		return;
	/* Without a total there was no room to count it: this one at least. */
	count_refusal(m, refusal, rec->total ? rec->total : refusal->total + 1);
	p->refused_ns[process_refusal_class(rec->error)] = rec->header.time_ns;
	judge_refusal(m, p, refusal, rec, rec->header.time_ns);
}

/* ---- the tick ---- */

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct monitor *m = context;

	process_table_see_in_snapshot(m->processes, record);
}

static void on_refusal_total(void *context, const struct fdw_refusal_key *key,
			     const struct fdw_refusal_value *value)
{
	struct monitor *m = context;
	struct process *p = process_table_find(m->processes, key->tgid, key->start_ns);
	struct process_refusal *refusal;

	if (!p) /* its record was lost, and it may be gone by now */
		p = process_table_add(m->processes, key->tgid, key->start_ns, 0);
	if (p && !p->who.comm[0]) {
		memcpy(p->who.comm, value->comm, FDW_COMM_LEN);
		p->who.comm[FDW_COMM_LEN - 1] = 0;
	}
	refusal = p ? process_refusal_of(p, key->call, key->error) : NULL;
	if (refusal)
		count_refusal(m, refusal, value->count);
}

static void forget(struct monitor *m, struct process *p)
{
	for (size_t i = 0; i < p->refusals_len; i++) {
		struct fdw_refusal_key key = {
			.start_ns = p->who.start_ns,
			.tgid = p->who.pid,
			.call = p->refusals[i].call,
			.error = p->refusals[i].error,
		};

		sensor_forget_refusal(m->collect.sensor, &key);
	}
	process_table_remove(m->processes, p);
}

/*
 * Refusals that are only known from the count. The kernel holds a record back for a
 * short time after another, of the same kind and so the same cause, which has been
 * judged with the table as it was then. Only where there was none must they be judged
 * by themselves: the record found no room.
 */
static void settle_refusals(struct monitor *m, struct process *p)
{
	for (size_t i = 0; i < p->refusals_len; i++) {
		struct process_refusal *refusal = &p->refusals[i];
		uint64_t last = p->refused_ns[process_refusal_class(refusal->error)];

		if (refusal->total == refusal->judged)
			continue;
		if (last && last + FDW_REFUSED_INTERVAL_NS >= m->last_tick_ns)
			count_judged(m, refusal);
		else
			judge_refusal(m, p, refusal, NULL, m->now_ns);
	}
}

/* A process that a snapshot does not show has exited, or was between two tables at
 * that instant (exec from a shared one, a fork that was not yet in the list). */
static bool has_exited(struct process *p)
{
	return (kill(p->who.pid, 0) && errno == ESRCH) || ++p->missed > 1;
}

/* Each process after a snapshot: what its count says, the refusals that came
 * without a record, and its end. */
static void settle(void *context, struct process *p)
{
	struct monitor *m = context;
	struct report_cause cause = {.time_ns = m->now_ns};
	struct policy_observation seen = {.now_ns = m->now_ns, .settled = true};
	bool incident = p->policy.incident;

	settle_refusals(m, p);
	if (process_table_is_missing(m->processes, p)) {
		if (!has_exited(p))
			return;
		seen.exited = true;
		judge(m, p, &seen, &cause);
		forget(m, p);
		return;
	}
	if (!p->has_table)
		return;
	m->self.descriptors += p->table.count;
	forecast_add(&p->history, p->table_ns, p->table.used);
	observe_table(m, p, &p->table, &seen);
	seen.settled = !(p->table.flags & FDW_TABLE_TORN);
	cause.found_at_start = !m->started;
	judge(m, p, &seen, &cause);
	if (p->policy.incident && !incident && m->started)
		m->self.drift++;
}

static void log_losses(struct monitor *m)
{
	struct sensor_losses *now = &m->self.losses, *said = &m->losses_logged;
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	sensor_losses(m->collect.sensor, now);
	if (!memcmp(now, said, sizeof(*now)))
		return;
	log_limited(
		&limit, LOG_LEVEL_WARNING,
		"lost: %llu records (ring buffer full), %llu records not made, %llu "
		"refusals not counted, %llu calls not counted, %llu unreadable tables, "
		"%llu malformed records, %llu runs of the sensor; counts of "
		"descriptors are exact "
		"with each snapshot",
		(unsigned long long)now->ring_full, (unsigned long long)now->gate,
		(unsigned long long)now->refusals, (unsigned long long)now->processes,
		(unsigned long long)now->unreadable, (unsigned long long)now->malformed,
		(unsigned long long)now->missed);
	*said = *now;
}

static void log_snapshot(struct monitor *m, int err)
{
	if (err)
		m->self.snapshots_failed++;
	if (err && err != m->snapshot_error)
		log_warning("no snapshot can be taken: %s; the sensor goes on",
			    strerror(-err));
	if (!err && m->snapshot_error)
		log_info("snapshots work again");
	m->snapshot_error = err;
}

static bool read_refusals(struct monitor *m)
{
	int n = sensor_refusals(m->collect.sensor, on_refusal_total, m);
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	if (n < 0)
		log_limited(&limit, LOG_LEVEL_ERROR, "refusals can't be read: %s",
			    strerror(-n));
	return n >= 0;
}

int monitor_tick(struct monitor *m)
{
	struct snapshot_stats stats;
	struct report_cause cause;
	uint64_t begin_ns;
	int err;

	m->last_tick_ns = m->now_ns;
	m->now_ns = kernel_now_ns();
	m->reporter.host.boot_realtime_ns = kernel_boot_realtime_ns();
	begin_ns = m->now_ns + m->reporter.host.boot_realtime_ns;
	m->self.ticks++;
	process_table_begin(m->processes, m->now_ns);
	err = snapshot_take(m->collect.snapshot, on_table, m, &stats);
	log_snapshot(m, err);
	/* What happened before the snapshot is judged before what it shows, and
	 * refusals are counted to the last before an incident is closed. */
	monitor_consume(m);
	if (!read_refusals(m))
		err = err ? err : -EIO; /* no incident may end with totals unread */
	m->now_ns = kernel_now_ns();
	if (!err) {
		m->self.last_snapshot = stats;
		m->self.snapshot_realtime_ns = begin_ns;
		m->self.torn += stats.torn;
		m->self.descriptors = 0;
		process_table_each(m->processes, settle, m);
		m->started = true;
		m->self.processes = process_table_count(m->processes);
	}
	cause = (struct report_cause){.time_ns = m->now_ns};
	judge_system(m, false, &cause, NULL);
	report_summaries(&m->reporter, m->now_ns, false);
	log_losses(m);
	return err;
}

void monitor_consume(struct monitor *monitor)
{
	int err = sensor_consume(monitor->collect.sensor);
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	if (err < 0)
		log_limited(&limit, LOG_LEVEL_ERROR, "records can't be read: %s",
			    strerror(-err));
}

/* ---- life ---- */

int monitor_fd(const struct monitor *monitor)
{
	return sensor_fd(monitor->collect.sensor);
}

void monitor_set_config(struct monitor *m, const struct config *config)
{
	uint32_t steps[FDW_MAX_STEPS];
	size_t n = config_steps(config, steps);

	m->config = config;
	m->config_version++;
	m->lowest_step = steps[0];
	m->rules_by_user = false;
	for (size_t i = 0; i < config->rules_len; i++)
		m->rules_by_user |= config->rules[i].match_user != NULL;
	if (m->collect.sensor)
		sensor_set_steps(m->collect.sensor, steps, n);
}

static int open_collectors(struct monitor *m, char *why, size_t why_size)
{
	static const enum collectors_choice choices[] = {
		[CONFIG_SENSOR_AUTO] = COLLECTORS_AUTO,
		[CONFIG_SENSOR_TRACEPOINT] = COLLECTORS_TRACEPOINT,
		[CONFIG_SENSOR_FEXIT] = COLLECTORS_FEXIT,
	};
	static const enum snapshot_choice methods[] = {
		[CONFIG_METHOD_AUTO] = SNAPSHOT_AUTO,
		[CONFIG_METHOD_PROG_RUN] = SNAPSHOT_WALK,
		[CONFIG_METHOD_ITER] = SNAPSHOT_ITER,
	};
	struct sensor_handlers handlers = {m, on_near, on_refused};
	uint32_t steps[FDW_MAX_STEPS];
	struct collectors_options options = {
		.sensor = choices[m->config->sensor],
		.snapshot = methods[m->config->method],
		.steps = steps,
		.steps_len = config_steps(m->config, steps),
	};

	return collectors_open(&options, &handlers, &m->collect, why, why_size);
}

int monitor_open(const struct config *config, struct outlet *outlet,
		 struct monitor **out, char *why, size_t why_size)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!m)
		return err;
	m->files.file_nr = m->files.nr_open = -1;
	monitor_set_config(m, config);
	m->cpus = sysconf(_SC_NPROCESSORS_CONF);
	gethostname(m->host_name, sizeof(m->host_name) - 1);
	kernel_boot_id(m->boot_id);
	m->processes = process_table_new();
	m->reporter = (struct reporter){
		.outlet = outlet,
		.host = {m->host_name, m->boot_id, kernel_boot_realtime_ns()},
		.groups = grouping_new(alert_new_id),
		.processes = m->processes,
	};
	if (!m->processes || !m->reporter.groups)
		goto out;
	err = kernel_files_open(&m->files);
	if (err) {
		snprintf(why, why_size, "/proc/sys/fs/file-nr: %s", strerror(-err));
		goto out;
	}
	err = open_collectors(m, why, why_size);
	if (err)
		goto out;
	m->self.sensor = sensor_name(m->collect.sensor);
	m->self.counters = sensor_counters(m->collect.sensor);
	m->self.sensor_refused = m->collect.refused;
	m->self.snapshot = snapshot_name(m->collect.snapshot);
	*out = m;
	return 0;
out:
	collectors_close(&m->collect);
	monitor_close(m);
	return err;
}

void monitor_self(const struct monitor *monitor, struct monitor_self *out)
{
	*out = monitor->self;
	out->alerts_lost = outlet_lost(monitor->reporter.outlet);
}

/* ---- what stands ---- */

void monitor_standing(struct monitor *m, struct standing *out)
{
	memset(out, 0, sizeof(*out));
	standing_capture(out, m->processes, m->reporter.groups);
	if (!m->system_policy.incident)
		return;
	out->system.policy = m->system_policy;
	memcpy(out->system.incident, m->system.incident, sizeof(out->system.incident));
	out->system.incident_ns = m->system.opened_ns;
	out->system.refused_enfile = m->system.refused_enfile;
}

size_t monitor_resume(struct monitor *m, const struct standing *standing)
{
	size_t resumed = standing_resume(standing, m->processes, m->reporter.groups);

	if (!standing->system.incident[0])
		return resumed;
	m->system_policy = standing->system.policy;
	memcpy(m->system.incident, standing->system.incident,
	       sizeof(m->system.incident));
	m->system.opened_ns = standing->system.incident_ns;
	m->system.refused_enfile = standing->system.refused_enfile;
	return resumed + 1;
}

void monitor_finish(struct monitor *monitor)
{
	monitor_tick(monitor);
	report_summaries(&monitor->reporter, kernel_now_ns(), true);
}

void monitor_close(struct monitor *monitor)
{
	if (!monitor)
		return;
	collectors_close(&monitor->collect);
	kernel_files_close(&monitor->files);
	grouping_free(monitor->reporter.groups);
	process_table_free(monitor->processes);
	free(monitor);
}
