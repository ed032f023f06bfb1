/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the grouping: a group, and what happened in it lately. */
#ifndef FDWARDEN_GROUPING_IMPL_H
#define FDWARDEN_GROUPING_IMPL_H

#include "policy/grouping.h"

/* Without memory a group is not made and its alerts are all sent. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define GROUPING_ID_LEN 37

/* What happened lately in one group with one action. */
struct window {
	unsigned int slot;          /* action, or POLICY_ACTIONS + limit */
	uint64_t first_ns, last_ns; /* of all, sent by itself or not */
	uint64_t since_ns;          /* first of those that wait */
	uint64_t waiting;           /* for the summary */
	uint32_t singles;
	enum policy_reason reason; /* of the last one */
	struct tally *gone;        /* waiting ones whose incident is over */
	/* Hashes of the command lines whose refusal was sent by itself, in order. */
	uint64_t *told;
	size_t told_len;
	struct window *next;
};

struct group {
	char *key;         /* place and command */
	char *alias;       /* place and process name; "": not known */
	char *command_key; /* place and command line; NULL: not known yet */
	uint32_t index;    /* in grouping.slots */
	uint64_t members;  /* opened in a summary and not recovered */
	struct grouping_member *living; /* they */
	char incident[GROUPING_ID_LEN]; /* empty: none is open */
	uint64_t opened_ns;
	uint32_t charged_uid; /* of the first; 0 if any is root's */
	bool told;            /* a summary of the incident was */
	char *title, *place;
	char *texts[GROUPING_TEXTS];
	bool mixed[GROUPING_TEXTS]; /* not the same for all */
	struct window *windows;
	UT_hash_handle hh, by_alias;
};

struct grouping {
	struct grouping_source source;
	struct group *by_key, *by_alias;
	struct group **slots; /* by index, for members; NULL: free */
	uint32_t slots_len;
	uint32_t slots_free;  /* none below is free */
	struct group *cursor; /* where grouping_due() goes on; NULL: from the start */
	/* of the summary that was taken last */
	char incident[GROUPING_ID_LEN];
	struct tally tally;
};

/* The group of such a process, made if there is none; NULL: no memory. */
struct group *group_of(struct grouping *groups, const struct grouping_subject *subject);
/* The same, but NULL if there is none. */
struct group *group_find(struct grouping *groups,
			 const struct grouping_subject *subject);
/* One from before a restart. NULL: no memory. */
struct group *group_resume(struct grouping *groups, const struct grouping_kept *kept);
void group_free(struct grouping *groups, struct group *group);

/* The window of an action, made if there is none; NULL: no memory. */
struct window *group_window(struct group *group, unsigned int slot);

/* Whether the window has nothing to say and its counting starts anew. */
bool window_over(const struct window *window, uint64_t now_ns);

#endif
