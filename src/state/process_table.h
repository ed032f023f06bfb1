/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All processes, by pid and start time: what was last seen of each, a short
 * history, and the state of its trouble. A process with several descriptor
 * tables is known by its fullest one.
 */
#ifndef FDWARDEN_PROCESS_TABLE_H
#define FDWARDEN_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fdwarden/wire.h"
#include "policy/forecast.h"
#include "policy/grouping.h"
#include "policy/leak.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "policy/silence.h"
#include "policy/program.h"
#include "policy/remedy.h"
#include "state/identity.h"

/* Refusals of one process by one call and errno; totals since monitoring began. */
struct process_refusal {
	uint32_t call; /* as on the wire, with FDW_CALL_COMPAT */
	int error;
	uint64_t total;
	uint64_t judged;  /* of them, those that the policy has heard of */
	uint64_t booked;  /* … and those that its workload has */
	bool by_file_max; /* the system's limit, as it was last judged */
	bool by_filter;   /* likewise: a seccomp filter's answer, which is no refusal */
	uint64_t base;    /* total at the end of the incident before */
	uint64_t carried; /* of this incident, by the daemon before this one */
};

/* The kernel holds records back for each of these by itself. */
enum process_refusal_class {
	PROCESS_REFUSAL_EMFILE,
	PROCESS_REFUSAL_ENFILE,
	PROCESS_REFUSAL_ELSE,
	PROCESS_REFUSAL_CLASSES
};

/* How fast its calls are refused, as seen from one tick to the next. */
struct process_spin {
	uint64_t total, cpu_ns, at_ns; /* when last seen; at_ns 0: never */
	double per_s, core_share;
	uint32_t call; /* the one that is refused most, as on the wire */
	bool told;     /* in this incident */
};

/* What there is of a process that is, or was lately, near a limit or refused a call; and of no
 * other: of thousands that never are it would be half of all memory. */
struct process_trouble {
	struct process *process; /* whose it is */
	struct policy_fd policy;
	struct policy_settings settings;
	uint32_t settings_version; /* of the configuration; 0: none yet */
	struct grouping_member group;
	char incident[37];
	uint64_t incident_ns; /* when it opened */
	bool withheld;        /* its alerts are: policy/budget.h */
	bool leak_told;       /* one of them said that it leaks, in this incident */
	struct process_refusal *refusals;
	size_t refusals_len;
	struct process_spin spin;
	uint64_t refused_ns[PROCESS_REFUSAL_CLASSES]; /* last record, by errno */
	/* Of this incident, or without one since the last: the first and the last; 0: none. */
	uint64_t refused_first_ns, refused_last_ns;
	/* Runs of the sensor that the kernel had left out when its incident opened: if
	 * there are more, refusals may have been among them. */
	uint64_t missed_then;
	struct remedy_state remedy;
	uint64_t looked_ahead; /* soft limit whose origin was looked up; 0: none */
	/* An alert went out while it was being traced: what comes of it is to be told at the
	 * end, and where nothing was known yet as soon as there is something. */
	bool calls_due, calls_soon;
	uint64_t explained; /* number of the newest question that an alert answered */
};

struct process {
	struct identity who;
	uint64_t exec_id; /* of the program it runs; 0: not seen yet */
	/* its fullest table; has_table: seen at all */
	bool has_table;
	struct fdw_table table;
	uint64_t table_ns; /* when it was read */
	uint32_t thread;   /* tid whose own it is; 0: the process's */
	uint32_t tables;   /* distinct ones in the last snapshot */
	uint32_t sharers;  /* other processes with the same table, when last asked */
	/* What is known of the program that it runs; NULL: nothing. */
	const struct program *program;
	uint64_t program_exec; /* exec_id that it was looked up for */
	uint64_t
		program_soft; /* soft limit of its first seconds, which it computes with */
	bool resumed;    /* known from the daemon before this one, and not seen since */
	uint32_t missed; /* snapshots in a row that did not show it */
	bool gone;       /* it is known to have ended: all that it did has happened */
	uint64_t seen_ns; /* last sign of life */
	struct forecast_history history;
	/* NULL: its count never rose by so much that there could be a leak, from the
	 * least that was seen; ~0: nothing was. */
	struct leak_history *leak;
	uint64_t leak_least;
	struct leak_watch *watch; /* daemon/leaks.h; NULL: it is not watched */
	struct before *before;    /* daemon/before.h; NULL: it is not near its levels */
	struct recording
		*recording; /* daemon/chronicle.h; NULL: it is in no incident */

	enum silence silence; /* the last that was written to the log */
	/* What the policy saw of its table last, where it keeps nothing else of it. */
	struct policy_rest rest;
	bool uncounted; /* some of its refusals found no room to be counted */
	/* process_trouble() is for who writes. Never NULL, but shared by all that were in none,
	 * in which nothing is set. */
	const struct process_trouble *trouble;
};

struct process_table;

/* Its trouble, made if there is none. NULL: no memory. */
struct process_trouble *process_trouble(struct process *process);

/* Gives it back if nothing in it is of use any more. */
void process_rest(struct process *process, uint64_t now_ns);

/* The state of its policy, and what has become of it, for which its trouble is made if need
 * be. 0, or -ENOMEM: nothing has changed. */
void process_policy(const struct process *process, struct policy_fd *out);
int process_set_policy(struct process *process, const struct policy_fd *state);

/* NULL: no memory. free accepts NULL. */
struct process_table *process_table_new(void);
void process_table_free(struct process_table *table);

size_t process_table_count(const struct process_table *table);

/* NULL: there is none. The pointer lives until the process is removed. */
struct process *process_table_find(struct process_table *table, pid_t pid,
				   uint64_t start_ns);

/*
 * Takes a record of a process: finds or adds it, and keeps what is newer than
 * what was known. A process whose name changed has become another program by
 * exec: its strings and settings are dropped. Returns NULL without memory, and for
 * one that has ended (process_table_end()), whose record came too late.
 */
struct process *process_table_see(struct process_table *table,
				  const struct fdw_task *task,
				  const struct fdw_table *fds, uint64_t time_ns);

/* A process of which nothing is known but that it was. NULL as above. */
struct process *process_table_add(struct process_table *table, pid_t pid,
				  uint64_t start_ns, uint64_t time_ns);

/*
 * A snapshot: begin, then see_in_snapshot() for each of its records, which
 * merges the tables of one process. Then those with no sign of life since
 * `begin_ns` are missing.
 */
void process_table_begin(struct process_table *table, uint64_t begin_ns);
struct process *process_table_see_in_snapshot(struct process_table *table,
					      const struct fdw_snapshot_record *record);
bool process_table_is_missing(const struct process_table *table,
			      const struct process *process);

/* Visits each process; the visitor may remove the one it is given. */
typedef void (*process_visit)(void *context, struct process *process);
void process_table_each(struct process_table *table, process_visit visit,
			void *context);

void process_table_remove(struct process_table *table, struct process *process);

/* Removes one whose end has been told. Until the snapshot after the next, what still comes
 * of it does not bring it back; only a snapshot that shows it does. */
void process_table_end(struct process_table *table, struct process *process);

/* Whether it is remembered as ended. */
bool process_table_has_ended(struct process_table *table, pid_t pid, uint64_t start_ns);

/* Records and totals that came of processes after their end had been told. */
uint64_t process_table_late(const struct process_table *table);

/* Counts the other processes with the same descriptor table (CLONE_FILES), for one
 * process or for all of them: into process->sharers. The latter returns -ENOMEM, and
 * leaves them as they were, without memory. */
void process_table_find_sharers(struct process_table *table, struct process *process);
int process_table_find_all_sharers(struct process_table *table);

/* The entry for a call and errno, added if there is none. NULL: no memory. */
struct process_refusal *process_refusal_of(struct process *process, uint32_t call,
					   int error);

enum process_refusal_class process_refusal_class(int error);

/* Sets the total, which never falls. Returns by how much it grew. */
uint64_t process_refusal_update(struct process_refusal *refusal, uint64_t total);

/* Those of the present incident. */
uint64_t process_refusal_count(const struct process_refusal *refusal);

/* When an incident opens: those that have been judged before do not belong to it.
 * And when it ends: all so far belong to it. */
void process_refusals_open(struct process *process);
void process_refusals_close(struct process *process);

#endif
