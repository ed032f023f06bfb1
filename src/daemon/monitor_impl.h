/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the monitor: its state, and its parts. monitor.c takes records and
 * snapshots, refusals.c counts and classifies what was refused, judge.c asks the
 * policy.
 */
#ifndef FDWARDEN_MONITOR_IMPL_H
#define FDWARDEN_MONITOR_IMPL_H

#include "collect/collectors.h"
#include "collect/kernel.h"
#include "daemon/host_id.h"
#include "daemon/chronicle.h"
#include "daemon/monitor.h"
#include "daemon/report.h"
#include "policy/policy.h"
#include "state/name_service.h"
#include "state/process_table.h"

#define HOST_NAME_LEN 256

struct monitor {
	const struct config *config;
	uint32_t config_version;
	uint32_t lowest_step; /* basis points */
	size_t looks_before;  /* that were asked for in this tick */
	struct leak_settings leak;
	bool rules_by_user; /* names must be looked up */
	struct name_service *names;
	struct collectors collect;
	struct kernel_files files;
	struct process_table *processes;
	struct reporter reporter;
	struct chronicle *chronicle; /* borrowed; NULL: none is kept */
	char host_name[HOST_NAME_LEN];
	char boot_id[37];
	char host_id[HOST_ID_LEN];
	uint32_t cpus;

	struct policy_system system_policy;
	struct report_system system;

	struct monitor_self self;
	uint64_t refused; /* calls, of all processes */
	struct sensor_losses losses_logged;
	int snapshot_error; /* of the last one, logged once; 0: it worked */
	bool started;       /* a snapshot has shown how it was at the start */
	bool complete; /* all that was sent before the current tick has been handled */
	uint64_t now_ns; /* of the current tick */
	uint64_t last_tick_ns;
	size_t most_processes; /* since memory was given back */
	size_t last_processes; /* of the last look */
	uint32_t calm_looks;   /* in a row, in which there were no fewer */
	uint64_t tick_cost_ns; /* CPU time that it took */
	bool amiss; /* something was found in it, or since, that the next is waited for */
	uint64_t look_ns; /* by when a level will have lasted; 0: there is none */
};

/* What a table says, for the policy. */
void judge_table(const struct monitor *m, const struct process *p,
		 const struct fdw_table *table, struct policy_observation *seen);

/* Asks the policy about a process, or the system, and reports what it decides. `who`
 * was refused; NULL: none. Returns whether the process is in
 * trouble, or would be under another rule: then what is kept of that is of use at the next look. */
bool judge(struct monitor *m, struct process *p, const struct policy_observation *seen,
	   const struct report_cause *cause);
void judge_system(struct monitor *m, bool refused, const struct report_cause *cause,
		  struct identity *who);

/* A record of a refusal, of a process that is in the table. */
void refusals_see(struct monitor *m, struct process *p, const struct fdw_refused *rec);

/* Reads all totals. false: they could not be read to the last. */
bool refusals_read(struct monitor *m);

/* Judges what is only known from its count. */
void refusals_settle(struct monitor *m, struct process *p);

/* Those of its incident, for who asks. */
struct feed_refusals;
void refusals_tell(const struct monitor *m, const struct process *p,
		   struct feed_refusals *out);

/* How fast they come, since it was last asked. */
void refusals_rate(struct process *p, uint64_t now_ns);

/* Those that were not yet, to what it is a part of. After it was judged: its identity is
 * read by then. */
void refusals_book(struct monitor *m, struct process *p);

/* An ended process: frees what the kernel keeps of its refusals. */
void refusals_forget(struct monitor *m, const struct process *p);

#endif
