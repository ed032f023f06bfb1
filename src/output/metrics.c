// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/metrics_impl.h"

struct metrics {
	bool fullest;
	struct label_values *workloads[WORKLOAD_KINDS];
	struct label_values *processes; /* by pid and start, of those in an incident */
};

const char *const metrics_levels[ROSTER_TROUBLES] = {
	[ROSTER_OTHER_LIMIT] = "other-limit", [POLICY_LEVEL_WARNING] = "warning",
	[POLICY_LEVEL_CRITICAL] = "critical", [POLICY_LEVEL_EXHAUSTED] = "exhausted",
	[ROSTER_LEAK] = "leak-suspected",
};

const char *metrics_error(int error)
{
	switch (error) {
	case EMFILE:
		return "EMFILE";
	case ENFILE:
		return "ENFILE";
	default:
		return "other";
	}
}

uint64_t metrics_clock(const struct roster *roster)
{
	return roster->realtime_ns - roster->boot_realtime_ns;
}

/* ---- the host and the monitor ---- */

static void put_host(struct exposition *x, const struct roster *r)
{
	if (r->system.known) {
		exposition_one(x, "fdwarden_files_allocated", "gauge",
			       "Files open on the whole host (fs.file-nr).",
			       (double)r->system.allocated);
		exposition_one(x, "fdwarden_files_max", "gauge",
			       "Most files that may be open (fs.file-max).",
			       (double)r->system.max);
	}
	if (r->system.nr_open)
		exposition_one(x, "fdwarden_nr_open", "gauge",
			       "Highest limit that a process may have (fs.nr_open).",
			       (double)r->system.nr_open);
	exposition_one(x, "fdwarden_processes", "gauge", "Processes watched.",
		       (double)r->self.processes);
	exposition_one(x, "fdwarden_descriptors", "gauge",
		       "Descriptors open in all of them.", (double)r->self.descriptors);
	exposition_one(x, "fdwarden_refused_calls_total", "counter",
		       "Calls refused for want of a descriptor or of another limit.",
		       (double)r->refused);
}

static void put_incidents(struct exposition *x, const struct roster *r)
{
	exposition_family(x, "fdwarden_incidents", "gauge",
			  "Processes in an open incident, by its level.");
	for (int level = 0; level < ROSTER_TROUBLES; level++) {
		exposition_sample(x, "fdwarden_incidents");
		exposition_label(x, "level", metrics_levels[level]);
		exposition_count(x, r->alerts[level]);
	}
}

static void put_alerts(struct exposition *x, const struct ledger_figures *counted)
{
	exposition_family(x, "fdwarden_alerts_total", "counter",
			  "Alerts sent since monitoring began, by their event.action.");
	for (int action = 0; action < POLICY_ACTIONS; action++) {
		exposition_sample(x, "fdwarden_alerts_total");
		exposition_label(x, "action", policy_action_name(action));
		exposition_count(x, counted->alerts[action]);
	}
}

static void put_self(struct exposition *x, const struct roster *r)
{
	struct self_loss losses[SELF_LOSSES];

	exposition_family(x, "fdwarden_info", "info", "How it watches.");
	exposition_sample(x, "fdwarden_info");
	exposition_label(x, "version", FDWARDEN_VERSION);
	exposition_label(x, "sensor", r->self.sensor);
	exposition_label(x, "snapshot", r->self.snapshot);
	exposition_count(x, 1);
	exposition_one(x, "fdwarden_snapshot_seconds", "gauge",
		       "How long the last look at all processes took.",
		       (double)r->self.snapshot_ns / 1e9);
	exposition_family(
		x, "fdwarden_losses_total", "counter",
		"What went wrong or was lost in watching, by its name; 0 is well.");
	self_losses(&r->self, losses);
	for (size_t i = 0; i < SELF_LOSSES; i++) {
		exposition_sample(x, "fdwarden_losses_total");
		exposition_label(x, "what", losses[i].name);
		exposition_count(x, losses[i].value);
	}
}

/* ---- processes ---- */

/* A row, in another order than the roster's. */
struct ref {
	const struct roster_row *row;
};

static bool has_usage(const struct roster_row *row)
{
	return row->fd.known && !row->fd.sealed && !row->fd.ignored &&
	       row->fd.soft_limit && row->fd.soft_limit != UINT64_MAX;
}

double metrics_usage(const struct roster_row *row)
{
	return has_usage(row) ? (double)row->fd.used / (double)row->fd.soft_limit : -1;
}

/* Incidents first, then the fullest. */
static int compare_rows(const void *left, const void *right)
{
	const struct roster_row *a = ((const struct ref *)left)->row;
	const struct roster_row *b = ((const struct ref *)right)->row;
	bool a_open = *a->incident, b_open = *b->incident;
	double a_usage = metrics_usage(a), b_usage = metrics_usage(b);

	if (a_open != b_open)
		return a_open ? -1 : 1;
	if (a_usage > b_usage || a_usage < b_usage)
		return a_usage > b_usage ? -1 : 1;
	return (a->who.pid > b->who.pid) - (a->who.pid < b->who.pid);
}

static bool has_soft_limit(const struct roster_row *row)
{
	return row->fd.known && row->fd.soft_limit != UINT64_MAX;
}

static bool has_hard_limit(const struct roster_row *row)
{
	return row->fd.known && row->fd.hard_limit != UINT64_MAX;
}

static bool has_table(const struct roster_row *row)
{
	return row->fd.known;
}

static bool has_growth(const struct roster_row *row)
{
	return row->fd.growth_known;
}

static bool has_time(const struct roster_row *row)
{
	return row->fd.exhaustion_known;
}

static bool has_counters(const struct roster_row *row)
{
	return row->fd.counters_known;
}

static bool always(const struct roster_row *row)
{
	(void)row;
	return true;
}

static double used(const struct roster_row *row)
{
	return (double)row->fd.used;
}

static double soft_limit(const struct roster_row *row)
{
	return (double)row->fd.soft_limit;
}

static double hard_limit(const struct roster_row *row)
{
	return (double)row->fd.hard_limit;
}

static double growth(const struct roster_row *row)
{
	return row->fd.growth_per_s;
}

static double full_in(const struct roster_row *row)
{
	return row->fd.exhausted_in_s;
}

static double opened(const struct roster_row *row)
{
	return (double)row->fd.opened;
}

static double closed(const struct roster_row *row)
{
	return (double)row->fd.closed;
}

static double refused(const struct roster_row *row)
{
	return (double)row->refused;
}

/* What is told of each process, and of which it can be. */
static const struct {
	const char *name, *type, *help;
	bool (*known)(const struct roster_row *row);
	double (*value)(const struct roster_row *row);
} of_processes[] = {
	{"fdwarden_process_used_descriptors", "gauge",
	 "Slots taken below the soft limit; of processes in an incident.", has_table,
	 used},
	{"fdwarden_process_soft_limit", "gauge", "The soft limit of open files.",
	 has_soft_limit, soft_limit},
	{"fdwarden_process_hard_limit", "gauge", "The hard limit of open files.",
	 has_hard_limit, hard_limit},
	{"fdwarden_process_usage_ratio", "gauge",
	 "Used slots by soft limit; not of processes that a rule ignores.", has_usage,
	 metrics_usage},
	{"fdwarden_process_growth_per_second", "gauge",
	 "Descriptors a second, over the last half minute.", has_growth, growth},
	{"fdwarden_process_seconds_to_full", "gauge",
	 "Seconds until it is full, as it grows now.", has_time, full_in},
	{"fdwarden_process_opened_total", "counter",
	 "Descriptors that it opened since monitoring began.", has_counters, opened},
	{"fdwarden_process_closed_total", "counter",
	 "Descriptors that it closed since monitoring began.", has_counters, closed},
	{"fdwarden_process_refused_calls_total", "counter",
	 "Calls refused since monitoring began.", always, refused},
};

static void process_sample(struct exposition *x, const char *metric,
			   const struct roster_row *row)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)row->who.pid);
	exposition_sample(x, metric);
	exposition_label(x, "pid", pid);
	exposition_label(x, "name", row->who.comm);
	if (row->who.service)
		exposition_label(x, "service", row->who.service);
}

static void put_processes(struct exposition *x, const struct ref *rows, size_t len)
{
	for (size_t m = 0; m < sizeof(of_processes) / sizeof(of_processes[0]); m++) {
		exposition_family(x, of_processes[m].name, of_processes[m].type,
				  of_processes[m].help);
		for (size_t i = 0; i < len; i++) {
			if (!of_processes[m].known(rows[i].row))
				continue;
			process_sample(x, of_processes[m].name, rows[i].row);
			exposition_value(x, of_processes[m].value(rows[i].row));
		}
	}
}

/* Whether this process is told: one in an incident, while there is a place for it. Its name
 * and service are part of its series, so they are of its place. */
static bool is_told(struct metrics *m, const struct roster_row *row, uint64_t now_ns)
{
	char key[LABEL_VALUE_LEN];

	if (m->fullest)
		return true;
	if (!*row->incident)
		return false;
	snprintf(key, sizeof(key), "%d %llu %.16s %.200s", (int)row->who.pid,
		 (unsigned long long)row->who.start_ns, row->who.comm,
		 row->who.service ? row->who.service : "");
	return label_values_place(m->processes, key, identity_charged(&row->who),
				  now_ns) >= 0;
}

static int put_told_processes(struct exposition *x, struct metrics *m,
			      const struct roster *roster)
{
	struct ref *rows = calloc(roster->len + 1, sizeof(*rows));
	size_t told = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++)
		rows[i].row = &roster->rows[i];
	if (roster->len > 1)
		qsort(rows, roster->len, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < roster->len && told < METRICS_PROCESSES; i++)
		if (is_told(m, rows[i].row, metrics_clock(roster)))
			rows[told++] = rows[i];
	put_processes(x, rows, told);
	free(rows);
	return 0;
}

/* ---- all of it ---- */

static int put_all(struct exposition *x, struct metrics *m, const struct roster *roster,
		   const struct ledger_figures *counted)
{
	int err = 0;

	put_host(x, roster);
	put_incidents(x, roster);
	put_alerts(x, counted);
	put_self(x, roster);
	metrics_own_process(x, roster);
	for (int kind = 0; kind < WORKLOAD_KINDS && !err; kind++)
		err = metrics_workloads(x, kind, m->workloads[kind], roster, counted);
	if (!err)
		err = put_told_processes(x, m, roster);
	exposition_end(x);
	return err;
}

int metrics_text(struct metrics *metrics, const struct roster *roster,
		 const struct ledger_figures *counted, bool open_metrics, char **text,
		 size_t *len)
{
	struct exposition x = {.open_metrics = open_metrics};
	int err;

	x.out = open_memstream(text, len);
	if (!x.out)
		return -ENOMEM;
	err = put_all(&x, metrics, roster, counted);
	if (ferror(x.out))
		err = -ENOMEM;
	if (fclose(x.out))
		err = -ENOMEM;
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

struct metrics *metrics_new(bool fullest)
{
	struct metrics *m = calloc(1, sizeof(*m));
	bool whole;

	if (!m)
		return NULL;
	m->fullest = fullest;
	m->processes = label_values_new(METRICS_PROCESSES_DAY);
	whole = m->processes;
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++) {
		m->workloads[kind] = label_values_new(workload_places(kind));
		whole &= m->workloads[kind] != NULL;
	}
	if (whole)
		return m;
	metrics_free(m);
	return NULL;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++)
		label_values_free(m->workloads[kind]);
	label_values_free(m->processes);
	free(m);
}
