/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decides what to say of a process (or of the whole system) from what was
 * observed of it. Pure: no clock, no file, no kernel, no allocation; all of
 * that is passed in.
 */
#ifndef FDWARDEN_POLICY_H
#define FDWARDEN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/remedy.h"

/* event.action of an alert. The names are in policy_action_name(). */
enum policy_action {
	POLICY_FD_WARNING,
	POLICY_FD_CRITICAL,
	POLICY_FD_EXHAUSTED,
	POLICY_FD_RECOVERED,
	POLICY_FD_LEAK_SUSPECTED,
	POLICY_OTHER_LIMIT,
	POLICY_SYSTEM_WARNING,
	POLICY_SYSTEM_CRITICAL,
	POLICY_SYSTEM_EXHAUSTED,
	POLICY_SYSTEM_RECOVERED,
	POLICY_FD_DETAILS,      /* what explains an alert and came after it */
	POLICY_FD_LIMIT_RAISED, /* by us: see policy/remedy.h */
	POLICY_ALERTS_LOST,     /* before it, or withheld: see policy/budget.h */
	POLICY_ACTIONS
};

/* fd.reason of a recovery. */
enum policy_reason {
	POLICY_REASON_NONE,
	POLICY_REASON_CLOSED,
	POLICY_REASON_EXITED,
	POLICY_REASON_LIMIT_RAISED,
	POLICY_REASON_IGNORED, /* its alerts are no longer wanted */
	POLICY_REASON_LAST = POLICY_REASON_IGNORED,
};

enum policy_level {
	POLICY_LEVEL_OK,
	POLICY_LEVEL_WARNING,
	POLICY_LEVEL_CRITICAL,
	POLICY_LEVEL_EXHAUSTED,
	POLICY_LEVELS
};

/* What grows into its limit is looked at once more after this time, for a probe that is
 * seen in its middle grows as fast. */
#define POLICY_SOON_NS 20000000ull

/* Shares are in basis points of the soft limit: 8000 is 80 %. */
struct policy_settings {
	uint32_t warn_bp;
	uint32_t critical_bp;
	uint32_t hysteresis_bp; /* recovered below warn_bp - hysteresis_bp */
	uint64_t dwell_ns;  /* a level must last so long, but where a call is refused */
	uint64_t repeat_ns; /* of an alert of a level that lasts; 0: never */
	uint64_t min_limit; /* lower soft limits raise no warning, no critical;
			       a refusal is reported whatever the limit */
	bool ignore;        /* no alert at all */
	bool leak;          /* POLICY_FD_LEAK_SUSPECTED is wanted */
	struct remedy_settings remedy;
};

enum policy_refusal {
	POLICY_REFUSAL_NONE,
	POLICY_REFUSAL_TABLE_FULL, /* EMFILE because the table is full */
	POLICY_REFUSAL_OTHER,      /* another limit: see policy/limits.h */
};

/* What the count's floor says; see policy/leak.h. */
enum policy_leak {
	POLICY_LEAK_UNKNOWN, /* nothing new */
	POLICY_LEAK_NONE,
	POLICY_LEAK_SUSPECTED,
};

/* What was seen of one process at one instant. */
struct policy_observation {
	uint64_t now_ns;
	bool exited;    /* gone: nothing below is meant */
	bool has_table; /* the five below are known */
	uint64_t count; /* open descriptors */
	uint64_t used;  /* those below the soft limit */
	uint64_t soft_limit;
	uint64_t
		wall; /* from so many on the program takes no more; 0: its soft limit */
	bool managed; /* it rests high by design: only a refusal is trouble */
	bool own_limit;       /* the process is known to have set its own limit */
	bool own_limit_known; /* … whether it did is known at all (it was watched
				 by the sensor since its start) */
	bool soon; /* growth says that the limit is met within dwell_ns: a level that is
		       still reached POLICY_SOON_NS later counts */
	bool began; /* the first look of all: a level may have lasted for long */
	enum policy_refusal refusal; /* a call was refused, newly */
	unsigned int other_limit;    /* of a POLICY_REFUSAL_OTHER: which limit it is,
				     limits_verdict.id; 0: not told */
	enum policy_leak leak;       /* of a settled one */
	bool settled; /* a complete view (a snapshot): may recover on it. Records
			 from the sensor can only raise. */
};

/* State of one process's trouble. Zeroed is the start. Times of 0: never. */
struct policy_fd {
	enum policy_level level; /* now, with hysteresis; above OK only while an
				    incident is open */
	bool incident;           /* one is open */
	bool sealed;             /* lowered its limit under its count */
	bool seal_seen;          /* … and was watched all along */
	uint32_t
		seal_refusals; /* of the sealed, by the full table, in quick succession */
	uint64_t seal_refused_ns; /* the last of them */
	bool table_seen;          /* the next two are known */
	uint64_t table_ns;        /* when its table was last seen */
	uint64_t last_soft_limit;
	/* At this level or above since then; 0: it is not. A level counts when it has lasted
	 * for dwell_ns. */
	uint64_t above_ns[POLICY_LEVEL_EXHAUSTED];
	bool soon;             /* it grew so fast when it was last seen */
	uint64_t recovered_ns; /* end of the incident before */
	uint32_t flaps;        /* incidents in quick succession */
	/* of the open incident */
	uint32_t other_alerted; /* other limits, by bit: alerted in this interval */
	uint32_t other_ever;    /* … and in this incident */
	uint64_t opened_ns;
	uint64_t alerted_ns[POLICY_LEVELS]; /* last alert of this level or above */
	uint64_t under_ns[POLICY_LEVELS];   /* alerted, and left since then */
	enum policy_level told_level;       /* the highest that was alerted */
	uint64_t told_limit; /* the highest that a level was alerted under; 0: none */
	uint64_t refused_ns; /* last refusal by the full table */
	uint64_t other_ns;   /* last refusal by another limit */
	uint64_t other_alerted_ns;
	uint64_t below_since_ns;     /* under the recovery level since */
	uint64_t trouble_soft_limit; /* last soft limit under which it was in
					trouble; 0: none */
	uint64_t max_used;           /* most slots used */
	bool leak;                   /* one is suspected, now */
	uint64_t leak_alerted_ns;
	uint64_t leak_soft_limit; /* when it was alerted first */
	bool again;               /* policy_fd_tell_again() */
};

/* All that counts of the state of a process that is in no trouble. Zeroed is the start. */
struct policy_rest {
	bool table_seen; /* the next two are known */
	uint64_t table_ns;
	uint64_t last_soft_limit;
};

/* Whether that is all there is of a state, at that time; and makes it of that again. */
bool policy_fd_rests(const struct policy_fd *state, uint64_t now_ns,
		     struct policy_rest *out);
void policy_fd_rise(const struct policy_rest *rest, struct policy_fd *out);

struct policy_decision {
	enum policy_action action;
	enum policy_reason reason; /* of a recovery */
	unsigned int limit;        /* of POLICY_OTHER_LIMIT: other_limit */
	bool opens;                /* first alert of its incident */
	bool repeats;              /* nothing new: this level, a higher one, or this
				      limit was alerted in the incident before, and
				      the level was not left for good since then */
	bool anew; /* a level that was alerted in the incident before, was left, and is
		      reached again */
};
#define POLICY_MAX_DECISIONS 4

/*
 * What to say after `seen`, in order. An incident opens with the first alert
 * and closes with POLICY_FD_RECOVERED, always, also when the process exits, is
 * ignored from now on (POLICY_REASON_IGNORED) or turns out to be sealed.
 *
 * - A level is alerted when it is first reached in an incident; again after
 *   repeat_ns, if it still (or again) holds. A jump over a level alerts only the
 *   highest, and counts as an alert of those below: on the way down nothing is
 *   said. Between two levels the hysteresis holds as well.
 * - A level that was left, by the hysteresis, is alerted anew when it is reached again
 *   under a limit higher than any it was alerted under, or after a minute without it:
 *   once for each such rise, in the same incident.
 * - What is managed reaches no level by its count; after a refusal its incident lasts
 *   until 60 s have passed without one. The levels of what has a wall are shares of that.
 * - POLICY_FD_EXHAUSTED comes with a refusal, never from the count alone. A
 *   table that stays full without asking for more repeats as POLICY_FD_CRITICAL.
 * - A suspected leak opens an incident, or joins the open one: it is alerted once,
 *   unless the level is critical already, and repeated like a level as long as none
 *   is reached. The incident lasts as long as the suspicion does.
 * - Another limit's refusal opens an incident too, or joins the open one, and is
 *   over when 60 s have passed without one. Each limit (other_limit) is alerted
 *   by itself, and repeated.
 * - Recovery needs a settled observation. If the incident opened within 60 s of
 *   the end of the one before, it also needs the process to stay below for a
 *   time that doubles with each such flap: 2 s, 4 s … 60 s.
 * - Sealed: the process set its soft limit at or below the number of slots it
 *   has: count > soft_limit when first seen, unless it is known not to have set
 *   its limit; count > soft_limit or used == soft_limit at the first sight of a
 *   limit that the process itself lowered. A limit lowered from outside does not
 *   seal. It ends when the limit is above the count again, and when five refusals
 *   by the full table have been seen with less than 60 s between any two: who wants
 *   no more descriptors does not go on asking for them; one is enough where the seal is
 *   doubtful (policy_fd_seal_is_doubtful()) and only a few are above the limit. A sealed process
 *   raises nothing; an open incident is closed (POLICY_REASON_CLOSED).
 * - Observations may come a little out of order. After `exited` the state is
 *   as at the start.
 *
 * Returns the number of decisions, 0..POLICY_MAX_DECISIONS.
 */
int policy_fd_observe(struct policy_fd *state, const struct policy_settings *set,
		      const struct policy_observation *seen,
		      struct policy_decision out[POLICY_MAX_DECISIONS]);

/* Whether a process that is taken for sealed may as well be full and hold a few descriptors
 * above its limit: nobody saw it lower that. A sandbox lowers its limit to next to nothing, below
 * most of what it has open; who inherited a high number has most below it. The figures are of one
 * look: count, and used of soft_limit. */
bool policy_fd_seal_is_doubtful(const struct policy_fd *state, uint64_t count,
				uint64_t used, uint64_t soft_limit);

/* When a level that a process is at will have lasted for long enough, so that it is to be
 * looked at again by then; 0: there is none. */
uint64_t policy_fd_due_ns(const struct policy_fd *state,
			  const struct policy_settings *set);

/* What stands of it was not heard, perhaps: the next settled observation tells the level
 * or the suspicion once more, whatever repeat_ns is. */
void policy_fd_tell_again(struct policy_fd *state);

/* The whole system: files allocated of fs.file-max. */
struct policy_system_observation {
	uint64_t now_ns;
	bool known; /* the next two are */
	uint64_t allocated;
	uint64_t max;
	bool refused; /* a call was refused with ENFILE for fs.file-max, newly */
};

struct policy_system {
	enum policy_level level;
	bool incident;
	uint64_t opened_ns;
	uint64_t alerted_ns[POLICY_LEVELS]; /* last alert of this level or above */
	uint64_t under_ns[POLICY_LEVELS];   /* alerted, and left since then */
	uint64_t told_max;    /* the highest that a level was alerted under; 0: none */
	uint64_t refused_ns;  /* last refusal */
	uint64_t trouble_max; /* last file-max under which it was in trouble */
	bool again; /* its level is to be told once more, whatever repeat_ns is */
};

/* As policy_fd_observe(), with the POLICY_SYSTEM_* actions, each observation
 * settled; min_limit is not meant for it. An exhausted system recovers when it
 * is below warn_bp - hysteresis_bp and 2 s without refusal. */
int policy_system_observe(struct policy_system *state,
			  const struct policy_settings *set,
			  const struct policy_system_observation *seen,
			  struct policy_decision out[POLICY_MAX_DECISIONS]);

/* Number of near-limit levels of `set` that used of soft_limit reaches: 0..2. */
enum policy_level policy_level_of(const struct policy_settings *set, uint64_t used,
				  uint64_t soft_limit);

/* The contract's names: "fd-warning"; "closed", NULL for none;
 * ECS log.level: "warning", "critical", "error", "info". Static strings. */
const char *policy_action_name(enum policy_action action);
/* The other way; false: no action has that name, which may be NULL. */
bool policy_action_find(const char *name, enum policy_action *out);
const char *policy_reason_name(enum policy_reason reason);
const char *policy_log_level(enum policy_action action);
/* event.severity: 2 recovered and details, 3 warning, other limits and a limit that was
 * raised, 4 critical, 5 exhausted. */
int policy_severity(enum policy_action action);

#endif
