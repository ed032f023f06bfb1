/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns what the policy decided into alerts and sends them: gives incidents their
 * ids, fills in what is known, groups.
 */
#ifndef FDWARDEN_REPORT_H
#define FDWARDEN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/details.h"
#include "output/alert.h"
#include "output/ledger.h"
#include "output/outlet.h"
#include "policy/budget.h"
#include "policy/grouping.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "state/identity_reader.h"
#include "state/process_table.h"

struct sensor_losses;

struct reporter {
	struct outlet *outlet;
	struct alert_host host;
	struct grouping *groups;
	struct budget *budget;
	struct ledger *ledger;
	struct process_table *processes;
	struct identity_reader *identities;
	struct details *details;
	struct tracing *tracing;
	const struct kernel_files *files;
	const struct sensor_losses *losses; /* as they were with the last tick */
};

/* Why a decision came about, beside the count. All may be absent. */
struct report_cause {
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	struct alert_request request;
	const struct limits_verdict *limit; /* of an other-limit alert */
	/* The table at that instant; NULL: what was last seen of it is told. */
	const struct fdw_table *table;
	bool record_lost;    /* a refusal that is known by its count alone */
	bool found_at_start; /* it was so when monitoring began */
};

/* What is known of a process's descriptors, for an alert or a listing. `table`: as they were
 * then; NULL: as they were last seen. */
void report_fd(const struct process *process, const struct fdw_table *table,
	       struct alert_fd *out);

/* For a listing: takes the time until it is full out of `fd`, of a process that has just begun
 * and is well below its limit: programs open much when they start, and then no more. Alerts
 * have levels, and keep it. */
void report_drop_start(const struct process *process, struct alert_fd *fd);

/* Whether a process that was seen once is sealed; for a listing. */
void report_seal(struct process *process, uint64_t now_ns);

/* Adds refused calls to the sum of their error. */
void report_count_refused(struct alert_fd *fd, int error, uint64_t count);

/* One decision about a process. Reads what is missing of its identity. Returns whether it was
 * told by itself. */
bool report_process(struct reporter *r, struct process *process,
		    const struct policy_decision *what,
		    const struct report_cause *cause);

/* What was found out of processes after their alerts: sent as alerts of their own, and
 * their limits raised where a rule says so. */
void report_details(struct reporter *r);

/* A process that is refused again and again without a pause: told once in an incident. */
void report_spin(struct reporter *r, struct process *process);

/* What traces have found: into alerts of their own, where one went out without it. */
void report_traces(struct reporter *r);

/* The whole system's incident. */
struct report_system {
	char incident[ALERT_ID_LEN];
	uint64_t opened_ns;
	uint64_t refused_enfile; /* in this incident */
	struct alert_system now;
};

/* One decision about the system, which is always told. `who` was refused; NULL: none. */
void report_system(struct reporter *r, struct report_system *system,
		   const struct policy_decision *what, const struct report_cause *cause,
		   struct identity *who);

/* What is known of the process whose place in its group this is: of
 * struct grouping_source. */
void report_look(void *context, const struct grouping_member *member,
		 struct tally_figures *out);

/* Whether one more summary is told, of the context, a struct budget; another one of these. */
bool report_admit(void *context, uint32_t charged_uid, uint64_t now_ns);

/* Sends the summaries that are due, and what was withheld. `flush`: all that wait. */
void report_summaries(struct reporter *r, uint64_t now_ns, bool flush);

#endif
