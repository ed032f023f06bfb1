/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When many processes of one program get into trouble together, the first few
 * are reported one by one and the rest in one summary, with their number, their
 * names and the sums of what they were refused. Pure but for its own memory.
 */
#ifndef FDWARDEN_GROUPING_H
#define FDWARDEN_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/tally.h"

#define GROUPING_SINGLES    5 /* reported one by one, for each action */
/* A summary comes when none has joined for the quiet time, or at last after
 * the longest; then the group's counting for this action starts anew. So it does
 * when there is nothing to sum up and as much time has passed. */
#define GROUPING_QUIET_NS   1000000000ull
#define GROUPING_LONGEST_NS 10000000000ull
/* What a group counts apart: each action, and of other limits each limit. */
#define GROUPING_WINDOWS    (POLICY_ACTIONS + 32)

struct grouping;

/* What is said of a group's processes as far as it is the same for all of them. */
enum grouping_text {
	GROUPING_NAME,
	GROUPING_EXECUTABLE,
	GROUPING_COMMAND_LINE,
	GROUPING_SERVICE,
	GROUPING_CONTAINER,
	GROUPING_RUNTIME,
	GROUPING_POD,
	GROUPING_USER, /* digits */
	GROUPING_TEXTS
};

/*
 * Who a process is, for its group: all whose place is the same and whose command
 * differs in nothing but numbers, of which programs have many for their workers
 * ("worker 7", "postgres: app app 10.0.0.1(4711) idle"). A process of which the
 * command line is not known is of the group of its place and name. Borrowed, NULL:
 * not known.
 */
struct grouping_subject {
	const char *title;    /* what the group is called in a summary; not NULL */
	const char *place;    /* container or service; without one the account */
	uint32_t charged_uid; /* on whose account it is; 0: root's */
	const char *texts[GROUPING_TEXTS];
};

/* One line for the many. Strings and the tally live until the next call. */
struct grouping_summary {
	const char *title;
	char *const
		*texts; /* by enum grouping_text; NULL: not known, or not the same */
	enum policy_action action;
	unsigned int limit;          /* of POLICY_OTHER_LIMIT, as in policy_decision */
	enum policy_reason reason;   /* of recoveries: the last one's */
	const char *incident;        /* the group's: one for its alerts and recovery */
	uint64_t processes;          /* in this summary; recoveries: in the incident */
	uint64_t since_ns, until_ns; /* first and last of them */
	uint64_t opened_ns;          /* when the group's incident opened */
	const struct tally *tally;   /* NULL: there was no memory for it */
	uint32_t charged_uid;        /* its first process's; 0 if any is root's */
	bool withheld; /* not to be told; of admit, or with what was not */
};

/*
 * A process's place in its group, zeroed at first and owned by the caller, who keeps
 * it at its address until the process's incident is over: it remembers whether the
 * incident was announced by itself or only within a summary.
 */
struct grouping_member {
	bool in_summary; /* opened within a group's incident */
	bool alone;      /* was announced by itself (since, or from the start) */
	uint32_t group;  /* index + 1 of the group of in_summary; 0: none */
	uint64_t waits;  /* windows in whose next summary it is, by bit */
	struct grouping_member *prev, *next; /* of its group */
};

/* What is known now of a member. What it points at lives until the next call. */
typedef void (*grouping_look)(void *context, const struct grouping_member *member,
			      struct tally_figures *out);

struct grouping_source {
	/* Writes a fresh unique id of 36 characters and a NUL: ids come from outside,
	 * as randomness is not pure. */
	void (*new_id)(char id[37]);
	grouping_look look; /* NULL: summaries have numbers only */
	void *context;
	/* Whether one more summary of processes on this account is told, so that many groups
	 * tell no more than many processes do. Not asked of recoveries: they are told where
	 * one before was. NULL: all are. */
	bool (*admit)(void *context, uint32_t charged_uid, uint64_t now_ns);
};

/* NULL: no memory. free accepts NULL; the members are then those of no group. */
struct grouping *grouping_new(const struct grouping_source *source);
void grouping_free(struct grouping *groups);

/*
 * Asks whether one process's alert is to be sent by itself. An incident that
 * was announced by itself is reported by itself to its end; one that opened in
 * a summary recovers in a summary with the group's incident, when its last
 * member has recovered. When a process of a summary gets worse, it may be among
 * the first few of that action and is then sent by itself: from there on it is
 * reported by itself as well. Its recovery is both sent by itself and counted in
 * the group's; its refusals are then those of its own alerts.
 *
 * The first refusal of each command line, to the byte, is always sent by itself.
 *
 * Returns true: send it by itself. false: it was put into a summary.
 * -ENOMEM cannot happen to the caller: without memory everything is sent.
 */
bool grouping_admit(struct grouping *groups, struct grouping_member *member,
		    const struct grouping_subject *subject,
		    const struct policy_decision *what, uint64_t now_ns);

/* Takes the next summary that is due at now_ns. false: none. `flush`: all that
 * wait are due (the daemon stops), recoveries without the last member too. To be
 * called until it says false about once a second: it also forgets the groups
 * that have nothing left to say. */
bool grouping_due(struct grouping *groups, uint64_t now_ns, bool flush,
		  struct grouping_summary *out);

/* One action's alerts that wait for their summary. */
struct grouping_waiting {
	enum policy_action action;
	unsigned int limit;
	enum policy_reason reason;
	uint64_t processes, since_ns, last_ns;
	const struct tally *gone; /* of those whose incident is over; NULL: none */
};

/* A group with an open incident, as it is kept over a restart. */
struct grouping_kept {
	uint32_t number; /* as in grouping_member.group */
	const char *key; /* what its processes have in common: place and command */
	struct grouping_subject subject;
	uint32_t mixed; /* texts that are not the same for all, by bit */
	const char *incident;
	uint64_t opened_ns;
	struct grouping_waiting waiting[GROUPING_WINDOWS];
	size_t waiting_len;
};

/* Visits each; strings live during the call. */
typedef void (*grouping_visit)(void *context, const struct grouping_kept *group);
void grouping_each(const struct grouping *groups, grouping_visit visit, void *context);

/* Takes one up again, before any alert of it; its number is given anew. Returns
 * that, for grouping_resume_member(), or 0 without memory. */
uint32_t grouping_resume(struct grouping *groups, const struct grouping_kept *kept);
void grouping_resume_member(struct grouping *groups, struct grouping_member *member,
			    uint32_t number, bool alone, uint64_t waits);

#endif
