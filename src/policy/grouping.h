/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When many processes of one service get into trouble together, the first few
 * are reported one by one and the rest in one summary with their number. Pure
 * but for its own memory.
 */
#ifndef FDWARDEN_GROUPING_H
#define FDWARDEN_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

#define GROUPING_SINGLES    5 /* reported one by one, for each action */
/* A summary comes when none has joined for the quiet time, or at last after
 * the longest; then the group's counting for this action starts anew. So it does
 * when there is nothing to sum up and as much time has passed. */
#define GROUPING_QUIET_NS   1000000000ull
#define GROUPING_LONGEST_NS 10000000000ull

struct grouping;

/* One line for the many. Strings live until the next call. */
struct grouping_summary {
	const char *key; /* the group: service, container, or program */
	enum policy_action action;
	enum policy_reason reason;   /* of recoveries: the last one's */
	const char *incident;        /* the group's: one for its alerts and recovery */
	uint64_t processes;          /* in this summary; recoveries: in the incident */
	uint64_t since_ns, until_ns; /* first and last of them */
};

/* NULL: no memory. free accepts NULL. new_id writes a fresh unique id of 36
 * characters and a NUL: ids come from outside, as randomness is not pure. */
struct grouping *grouping_new(void (*new_id)(char id[37]));
void grouping_free(struct grouping *groups);

/*
 * Asks whether one process's alert is to be sent by itself. `member` is the
 * process's place in its group, zeroed at first and owned by the caller, who
 * keeps it until the process is gone: it remembers whether the process's
 * incident was announced by itself or only within a summary. An incident that
 * was announced by itself is reported by itself to its end; one that opened in
 * a summary recovers in a summary with the group's incident, when its last
 * member has recovered. When a process of a summary gets worse, it may be among
 * the first few of that action and is then sent by itself, for the summary does
 * not say which process it is: from there on it is reported by itself as well,
 * and its recovery is both sent by itself and counted in the group's.
 *
 * Returns true: send it by itself. false: it was put into a summary.
 * -ENOMEM cannot happen to the caller: without memory everything is sent.
 */
struct grouping_member {
	bool in_summary; /* opened within a group's incident */
	bool alone;      /* was announced by itself (since, or from the start) */
	uint32_t group;  /* index + 1 of the group of in_summary; 0: none */
};
bool grouping_admit(struct grouping *groups, struct grouping_member *member,
		    const char *key, const struct policy_decision *what,
		    uint64_t now_ns);

/* Takes the next summary that is due at now_ns. false: none. `flush`: all that
 * wait are due (the daemon stops), recoveries without the last member too. To be
 * called until it says false about once a second: it also forgets the groups
 * that have nothing left to say. */
bool grouping_due(struct grouping *groups, uint64_t now_ns, bool flush,
		  struct grouping_summary *out);

/* One action's alerts that wait for their summary. */
struct grouping_waiting {
	enum policy_action action;
	enum policy_reason reason;
	uint64_t processes, since_ns, last_ns;
};

/* A group with an open incident, as it is kept over a restart. */
struct grouping_kept {
	uint32_t number; /* as in grouping_member.group */
	const char *key, *incident;
	struct grouping_waiting waiting[POLICY_ACTIONS];
	size_t waiting_len;
};

/* Visits each; strings live during the call. */
typedef void (*grouping_visit)(void *context, const struct grouping_kept *group);
void grouping_each(const struct grouping *groups, grouping_visit visit, void *context);

/* Takes one up again, before any alert of it; its number is given anew. Returns
 * that, for grouping_resume_member(), or 0 without memory. */
uint32_t grouping_resume(struct grouping *groups, const struct grouping_kept *kept);
void grouping_resume_member(struct grouping *groups, struct grouping_member *member,
			    uint32_t number, bool alone);

#endif
