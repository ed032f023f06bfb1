/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must outlive the daemon for a restart not to look like news: the incidents
 * that stand, the groups that sum them up, and which processes are sealed. Holds
 * for one boot: times are CLOCK_BOOTTIME.
 */
#ifndef FDWARDEN_STANDING_H
#define FDWARDEN_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/grouping.h"
#include "policy/policy.h"
#include "state/identity.h"
#include "state/process_table.h"

#define STANDING_ID_LEN        37
/* Kept of each text of a process, in bytes: for the alert that it is gone. What
 * lives is read anew. */
#define STANDING_TEXT_MAX      256
/* The same of what makes a group one: place and command line, as whole as read. */
#define STANDING_KEY_MAX       5120
/* More processes than these are left out, and alerted anew after a restart. */
#define STANDING_PROCESSES_MAX 8192
#define STANDING_REFUSALS_MAX  256

/* Refusals of the incident so far. */
struct standing_refusal {
	uint32_t call; /* as on the wire */
	int error;
	uint64_t count;
};

/* A process with an open incident, or a sealed one. */
struct standing_process {
	struct identity who; /* not cgroup */
	struct policy_fd policy;
	char incident[STANDING_ID_LEN]; /* empty: none, it is only sealed */
	uint64_t incident_ns;
	bool withheld;  /* its alerts are: struct process.withheld */
	uint32_t group; /* number of the group in whose summary it opened; 0: none */
	bool alone;     /* struct grouping_member.alone */
	uint64_t waits; /* struct grouping_member.waits */
	struct standing_refusal *refusals;
	size_t refusals_len;
};

/* One action's alerts of a group that wait for their summary. */
struct standing_waiting {
	struct grouping_waiting what; /* without `gone` */
	struct tally *gone;           /* NULL: none */
};

struct standing_group {
	uint32_t number;
	char *key, *title, *place;
	char *texts[GROUPING_TEXTS];
	uint32_t mixed, charged_uid;
	char incident[STANDING_ID_LEN];
	uint64_t opened_ns;
	struct standing_waiting *waiting;
	size_t waiting_len;
};

struct standing_system {
	struct policy_system policy;
	char incident[STANDING_ID_LEN]; /* empty: none */
	uint64_t incident_ns;
	uint64_t refused_enfile;
};

/* Zeroed is empty. */
struct standing {
	struct standing_process *processes;
	size_t processes_len;
	struct standing_group *groups;
	size_t groups_len;
	struct standing_system system;
	uint64_t left_out; /* processes for which there was no room */
};

/* One more, zeroed. NULL: no memory, or too many. */
struct standing_process *standing_add_process(struct standing *standing);
struct standing_group *standing_add_group(struct standing *standing);

/* One more of a group's, zeroed. NULL: no memory, or too many. */
struct standing_waiting *standing_add_waiting(struct standing_group *group);

/* Takes down what stands; the system's incident is the caller's. Without memory
 * the rest is left out, and counted. */
void standing_capture(struct standing *standing, struct process_table *processes,
		      struct grouping *groups);

/*
 * Puts it into a fresh table and fresh groups, before the first snapshot: what is
 * then not in the snapshot has exited, and what is in it goes on. Returns how many
 * incidents of processes were taken up.
 */
size_t standing_resume(const struct standing *standing, struct process_table *processes,
		       struct grouping *groups);

/* Frees what it holds, and zeroes it. */
void standing_clear(struct standing *standing);

#endif
