// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/monitor.h"

#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/collectors.h"
#include "collect/census.h"
#include "collect/kernel.h"
#include "collect/reason.h"
#include "daemon/before.h"
#include "daemon/leaks.h"
#include "daemon/monitor_impl.h"
#include "daemon/tracing.h"
#include "guard/capabilities.h"
#include "log.h"
#include "policy/pace.h"
#include "policy/policy.h"
#include "state/history.h"
#include "state/process_table.h"

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
	struct report_cause cause = {.time_ns = rec->header.time_ns,
				     .table = &rec->table};
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
	judge_table(m, p, &rec->table, &seen);
	(void)judge(m, p, &seen, &cause);
}

static void on_refused(void *context, const struct fdw_refused *rec)
{
	struct monitor *m = context;
	struct process *p;

	if (is_proof(m, &rec->header, &rec->task))
		return;
	p = process_table_see(m->processes, &rec->task,
			      rec->table.max_fds ? &rec->table : NULL,
			      rec->header.time_ns);
	if (!p)
		return;
	identity_from_refusal(&p->who, rec);
	refusals_see(m, p, rec);
}

/* ---- the tick ---- */

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct monitor *m = context;

	process_table_see_in_snapshot(m->processes, record);
}

/*
 * Between a snapshot and the reading of what came before it: those that it does not show
 * and that are no more. All that they did is in the ring and in the totals by now, so that
 * their end can be told with it. One that is first heard of in what is read then waits for
 * the next look.
 */
static void find_gone(void *context, struct process *p)
{
	struct monitor *m = context;

	if (process_table_is_missing(m->processes, p))
		p->gone = kill(p->who.pid, 0) && errno == ESRCH;
}

/* A process that a snapshot does not show has exited, or was between two tables at
 * that instant (exec from a shared one, a fork that was not yet in the list). */
static bool has_exited(struct process *p)
{
	return p->gone || ++p->missed > 1;
}

/* However many cross a level, snapshots are not taken closer together for them, nor than
 * this many times as long as the last one took: anyone can go up and down over a level, and
 * at 10,000 processes ten snapshots a second would take a third of a core. */
#define LOOK_APART_NS    100000000ull
#define LOOK_SHARE       20
/* Comes near its levels, this share of the lowest. */
#define NEAR_NUMERATOR   3
#define NEAR_DENOMINATOR 4
/* Processes of which it is asked in a tick what they have: the queue is for alerts. */
#define LOOKS_A_TICK     8

/* What is found out before it is needed, and what is done of our own accord. */
static void look_after(struct monitor *m, struct process *p)
{
	bool critical = p->trouble->policy.level >= POLICY_LEVEL_CRITICAL;

	/* One from before a restart may just have been looked after. */
	if (critical && !p->trouble->remedy.asked_ns &&
	    p->trouble->incident_ns < m->collect.since_ns)
		process_trouble(p)->remedy.asked_ns = m->now_ns;
	if (m->looks_before < LOOKS_A_TICK)
		m->looks_before +=
			before_watch(p, m->reporter.details, m->lowest_step, m->now_ns);
	if (remedy_is_due(&p->trouble->remedy, &p->trouble->settings.remedy, critical,
			  m->now_ns) &&
	    details_ask(m->reporter.details, p))
		process_trouble(p)->remedy.asked_ns = m->now_ns;
	if (!p->trouble->policy.sealed &&
	    p->table.soft_limit >= m->config->thresholds.min_limit &&
	    (__uint128_t)p->table.used * 10000 * NEAR_DENOMINATOR >=
		    (__uint128_t)p->table.soft_limit * m->lowest_step * NEAR_NUMERATOR)
		details_look_ahead(m->reporter.details, p);
}

/* Each process after a snapshot: what its count says, the refusals that came
 * without a record, and its end. */
static void settle(void *context, struct process *p)
{
	struct monitor *m = context;
	struct report_cause cause = {.time_ns = m->now_ns};
	struct policy_observation seen = {.now_ns = m->now_ns, .settled = true};
	bool incident = p->trouble->policy.incident;
	bool above = p->trouble->policy.above_ns[POLICY_LEVEL_WARNING];
	bool in_trouble;

	if (m->complete)
		refusals_settle(m, p);
	if (p->gone || process_table_is_missing(m->processes, p)) {
		if (!m->complete || !has_exited(p)) {
			m->amiss = true;
			return;
		}
		seen.exited = true;
		(void)judge(m, p, &seen, &cause);
		refusals_book(m, p);
		refusals_forget(m, p);
		process_table_end(m->processes, p);
		return;
	}
	if (!p->has_table)
		return;
	m->self.descriptors += p->table.count;
	forecast_add(&p->history, p->table_ns, p->table.used);
	seen.leak = leaks_look(p, &m->leak, m->reporter.details, m->now_ns);
	judge_table(m, p, &p->table, &seen);
	seen.settled = !(p->table.flags & FDW_TABLE_TORN);
	cause.found_at_start = !m->started;
	refusals_rate(p, m->now_ns);
	in_trouble = judge(m, p, &seen, &cause);
	refusals_book(m, p);
	report_spin(&m->reporter, p);
	/* The sensor should have seen it cross its level before. */
	if (m->started && !incident && !above &&
	    (p->trouble->policy.incident ||
	     p->trouble->policy.above_ns[POLICY_LEVEL_WARNING]))
		m->self.drift++;
	look_after(m, p);
	if (!in_trouble)
		process_rest(p, m->now_ns);
}

static void log_losses(struct monitor *m)
{
	struct sensor_losses *now = &m->self.losses, *said = &m->losses_logged;
	static struct log_limit limit = {.interval_ns = 10000000000ull};

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

static void log_reader(struct monitor *m)
{
	char line[256];

	while (identity_reader_report(m->reporter.identities, line, sizeof(line)))
		log_warning("%s", line);
	while (name_service_report(m->names, m->now_ns, line, sizeof(line)))
		log_warning("%s", line);
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

/* More files than a host opens from one look to the next, PACE_MOST_NS: 200,000 a second and
 * core were measured. */
#define FILES_REACH 50000000

/* Whether fs.file-max could be reached before the next look. On hosts with systemd it
 * is 2^63 - 1. */
static bool files_in_reach(const struct monitor *m)
{
	uint64_t allocated, max;

	return kernel_files_read(&m->files, &allocated, &max) ||
	       max < allocated + FILES_REACH;
}

static void watch_files(struct monitor *m)
{
	if (files_in_reach(m) && sensor_watch_files(m->collect.sensor) > 0)
		log_info("fs.file-max has come within reach: refusals by it are "
			 "watched from now on");
}

static void say_unreadable(int err)
{
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	if (err < 0)
		log_limited(&limit, LOG_LEVEL_ERROR, "records can't be read: %s",
			    strerror(-err));
}

/* Handles what was sent until now. false: not all of it; it will be with the next tick. */
static bool drain(struct monitor *m)
{
	int err = sensor_drain(m->collect.sensor);

	if (err != -EBUSY)
		say_unreadable(err);
	return !err;
}

/* So many fewer processes are worth the milliseconds that giving back takes, when for so many
 * looks no more have gone: until then it is remembered who has ended. */
#define MANY_FEWER 1000
#define CALM_LOOKS 4

/* The allocator keeps what was freed below anything that is in use, which is nearly all of
 * what a crowd took: of 6,000 processes that have ended 7 MiB stayed resident (glibc 2.36). */
static void give_back_memory(struct monitor *m)
{
	size_t now = process_table_count(m->processes);

	if (now > m->most_processes)
		m->most_processes = now;
	m->calm_looks = now < m->last_processes ? 0 : m->calm_looks + 1;
	m->last_processes = now;
	if (now + MANY_FEWER > m->most_processes || m->calm_looks < CALM_LOOKS)
		return;
	malloc_trim(0);
	m->most_processes = now;
}

static int tick(struct monitor *m)
{
	struct snapshot_stats stats;
	struct report_cause cause;
	uint64_t begin_ns;
	int err;

	m->last_tick_ns = m->now_ns;
	m->now_ns = kernel_now_ns();
	m->look_ns = 0;
	m->reporter.host.boot_realtime_ns = kernel_boot_realtime_ns();
	begin_ns = m->now_ns + m->reporter.host.boot_realtime_ns;
	m->self.ticks++;
	process_table_begin(m->processes, m->now_ns);
	err = snapshot_take(m->collect.snapshot, on_table, m, &stats);
	log_snapshot(m, err);
	/* What happened before the snapshot is judged before what it shows, and
	 * refusals are counted to the last before an incident is closed. */
	process_table_each(m->processes, find_gone, m);
	m->complete = drain(m);
	if (!refusals_read(m))
		err = err ? err : -EIO; /* no incident may end with totals unread */
	/* The records of what has just been counted tell more than the count. */
	m->complete &= drain(m);
	/* Of the totals that have been read, before any is told. */
	sensor_losses(m->collect.sensor, &m->self.losses);
	m->now_ns = kernel_now_ns();
	if (!err) {
		m->self.last_snapshot = stats;
		m->self.snapshot_realtime_ns = begin_ns;
		m->self.torn += stats.torn;
		m->self.descriptors = 0;
		m->looks_before = 0;
		process_table_each(m->processes, settle, m);
		m->started = true;
		m->self.processes = process_table_count(m->processes);
		give_back_memory(m);
	}
	cause = (struct report_cause){.time_ns = m->now_ns};
	judge_system(m, false, &cause, NULL);
	watch_files(m);
	details_tick(m->reporter.details);
	report_details(&m->reporter);
	report_summaries(&m->reporter, m->now_ns, false);
	chronicle_tick(m->chronicle, m->now_ns);
	log_losses(m);
	log_reader(m);
	return err;
}

int monitor_tick(struct monitor *m)
{
	uint64_t from_ns = kernel_thread_cpu_ns();
	int err;

	m->amiss = false;
	err = tick(m);
	m->tick_cost_ns = kernel_thread_cpu_ns() - from_ns;
	return err;
}

uint64_t monitor_pace_ns(const struct monitor *monitor, bool asked)
{
	struct pace pace = {
		.interval_ns = monitor->config->interval_ns,
		.cost_ns = monitor->tick_cost_ns,
		.busy = asked || monitor->amiss || !monitor->complete,
	};

	return pace_ns(&pace);
}

uint64_t monitor_due_ns(const struct monitor *monitor)
{
	uint64_t apart_ns = monitor->self.last_snapshot.took_ns * LOOK_SHARE, least_ns;

	if (!monitor->look_ns)
		return 0;
	if (apart_ns < LOOK_APART_NS)
		apart_ns = LOOK_APART_NS;
	least_ns = monitor->now_ns + apart_ns;
	return monitor->look_ns > least_ns ? monitor->look_ns : least_ns;
}

void monitor_consume(struct monitor *monitor)
{
	say_unreadable(sensor_consume(monitor->collect.sensor));
}

int monitor_details_fd(const struct monitor *monitor)
{
	return details_fd(monitor->reporter.details);
}

void monitor_details(struct monitor *monitor)
{
	report_details(&monitor->reporter);
}

int monitor_traces_fd(const struct monitor *monitor)
{
	return tracing_fd(monitor->reporter.tracing);
}

void monitor_traces(struct monitor *monitor)
{
	report_traces(&monitor->reporter);
}

/* ---- life ---- */

int monitor_fd(const struct monitor *monitor)
{
	return sensor_fd(monitor->collect.sensor);
}

void monitor_set_chronicle(struct monitor *monitor, struct chronicle *chronicle)
{
	monitor->chronicle = chronicle;
}

uint64_t monitor_since_ns(const struct monitor *monitor)
{
	return monitor->collect.since_ns;
}

const char *monitor_boot_id(const struct monitor *monitor)
{
	return monitor->boot_id;
}

void monitor_set_config(struct monitor *m, const struct config *config)
{
	uint32_t steps[FDW_MAX_STEPS];
	size_t n = config_steps(config, steps);

	struct tracing_settings tracing = {
		.on = config->trace_auto == CONFIG_YES,
		.duration_ns = config->trace_duration_ns,
		.processes = config->trace_processes,
		.memory = config->trace_memory_mb << 20,
		.hooks = m->collect.sensor ? sensor_hooks(m->collect.sensor) : NULL,
	};

	m->config = config;
	m->config_version++;
	if (m->reporter.tracing)
		tracing_configure(m->reporter.tracing, &tracing);
	m->lowest_step = steps[0];
	leaks_settings(config, &m->leak);
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
		.files_in_reach = files_in_reach(m),
	};

	return collectors_open(&options, &handlers, &m->collect, why, why_size);
}

/* Without a census alerts go out all the same. */
static int open_details(struct monitor *m)
{
	struct census *census = NULL;
	char why[REASON_LEN] = "";

	if (census_open(&census, why, sizeof(why)))
		log_warning("what a process's descriptors are can't be told: %s", why);
	m->reporter.details =
		details_new(census, why, &m->files, m->processes, m->collect.since_ns);
	return m->reporter.details ? 0 : -ENOMEM;
}

/* Not to see other users' memory maps is no reason not to trace one's own. */
static void say_tracing(const struct monitor *m)
{
	bool rested, sees;

	if (m->config->trace_auto != CONFIG_YES)
		return;
	/* What helpers are given, not what is in force just now. */
	rested = capabilities_see_others();
	sees = kernel_has_cap(CAP_SYS_PTRACE) && kernel_has_cap(CAP_DAC_READ_SEARCH);
	capabilities_rest_again(rested);
	if (!sees)
		log_warning("trace.auto: other users' processes can't be traced "
			    "without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
}

int monitor_open(const struct config *config, struct outlet *outlet,
		 struct monitor **out, char *why, size_t why_size)
{
	struct grouping_source groups = {
		.new_id = alert_new_id, .look = report_look, .admit = report_admit};
	struct monitor *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!m)
		return err;
	m->files.file_nr = m->files.nr_open = -1;
	monitor_set_config(m, config);
	m->cpus = sysconf(_SC_NPROCESSORS_CONF);
	kernel_host_name(m->host_name, sizeof(m->host_name));
	kernel_boot_id(m->boot_id);
	/* With another host's files to read, this root's id would be a container's. */
	if (!config->host_root)
		host_id_make(m->host_id);
	m->processes = process_table_new();
	m->names = name_service_new(NULL);
	groups.context = budget_new();
	m->reporter = (struct reporter){
		.outlet = outlet,
		.host = {m->host_name, m->boot_id, kernel_boot_realtime_ns(),
			 m->host_id},
		.groups = grouping_new(&groups),
		.budget = groups.context,
		.ledger = ledger_new(),
		.processes = m->processes,
		.identities = identity_reader_new(IDENTITY_READER_DEADLINE_MS),
		.files = &m->files,
		.losses = &m->self.losses,
		.tracing = tracing_new(),
	};
	if (!m->processes || !m->names || !m->reporter.tracing || !m->reporter.groups ||
	    !m->reporter.budget || !m->reporter.ledger || !m->reporter.identities)
		goto out;
	outlet_set_host(outlet, &m->reporter.host);
	err = kernel_files_open(&m->files);
	if (err) {
		snprintf(why, why_size, "/proc/sys/fs/file-nr: %s", strerror(-err));
		goto out;
	}
	err = open_collectors(m, why, why_size);
	if (err)
		goto out;
	err = open_details(m);
	if (err)
		goto out;
	monitor_set_config(m, config);
	say_tracing(m);
	m->self.sensor = sensor_name(m->collect.sensor);
	m->self.counters = sensor_counters(m->collect.sensor);
	m->self.sensor_refused = m->collect.refused;
	m->self.snapshot = snapshot_name(m->collect.snapshot);
	m->self.started_realtime_ns = kernel_now_ns() + kernel_boot_realtime_ns();
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
	out->late = process_table_late(monitor->processes);
	out->alerts_lost = outlet_lost(monitor->reporter.outlet);
	details_stats(monitor->reporter.details, &out->details);
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

char *monitor_history(struct monitor *monitor, size_t *len)
{
	return history_encode(monitor->processes, monitor->boot_id, len);
}

int monitor_resume_history(struct monitor *monitor, const char *data, size_t len,
			   const char **why)
{
	return history_decode(data, len, monitor->boot_id, monitor->processes, why);
}

static void tell_again(void *context, struct process *process)
{
	(void)context;
	if (process->trouble->policy.incident)
		policy_fd_tell_again(&process_trouble(process)->policy);
}

void monitor_tell_again(struct monitor *monitor)
{
	process_table_each(monitor->processes, tell_again, NULL);
	monitor->system_policy.again = monitor->system_policy.incident;
}

void monitor_finish(struct monitor *monitor)
{
	/* A tick looks who is gone before it reads the records. Whom the first one learns
	 * of by a record alone, and who has ended by then, is found gone by the second. */
	monitor_tick(monitor);
	monitor_tick(monitor);
	report_summaries(&monitor->reporter, kernel_now_ns(), true);
}

void monitor_close(struct monitor *monitor)
{
	if (!monitor)
		return;
	tracing_free(monitor->reporter.tracing);
	details_free(monitor->reporter.details);
	collectors_close(&monitor->collect);
	kernel_files_close(&monitor->files);
	grouping_free(monitor->reporter.groups);
	budget_free(monitor->reporter.budget);
	ledger_free(monitor->reporter.ledger);
	identity_reader_free(monitor->reporter.identities);
	process_table_free(monitor->processes);
	name_service_free(monitor->names);
	free(monitor);
}
