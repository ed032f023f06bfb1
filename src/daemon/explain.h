/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a process to the explanation of its trouble, in two steps: what its descriptors
 * are, from the kernel, in milliseconds; and where its limit was set, from files, which
 * may be waited for.
 */
#ifndef FDWARDEN_EXPLAIN_H
#define FDWARDEN_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/census.h"
#include "output/explanation.h"
#include "output/feed.h"
#include "state/identity.h"
#include "state/process_table.h"

#define EXPLAIN_CHILDREN_MAX 4

/* What is known of the process, and asked. Owned: explain_question_clear(). */
struct explain_question {
	struct identity who;
	pid_t tid;        /* thread whose own table it is; 0: the process's */
	uint64_t exec_id; /* another one after each execve(); 0: unknown */
	bool own_limit, own_limit_known;
	uint64_t used, soft_limit, hard_limit;
	uint64_t peak; /* most that were used in this incident */
	double seen_s; /* for how long it was watched; 0: one look */
	struct diagnosis_history history;
	/* Children that may have inherited its descriptors: some of them, and their
	 * number. */
	pid_t children[EXPLAIN_CHILDREN_MAX];
	uint64_t children_len;
	/* Whose exec'd child it is, if that had descriptors; 0: unknown, or the program is the
	 * parent's own. */
	pid_t parent;
	uint64_t nr_open, files, files_max; /* 0: unknown */
	/* Of another limit that refused it: what it counts, or HOLDERS_NONE. */
	enum holders_what holders;
	bool sites_wanted, root_lacks_resource; /* as in struct advice_question */
	const char *sysctl;                     /* that sets it; NULL: none. Static */
	uint64_t limit_value;                   /* 0: unknown */
};

/* Fills in what the process table says of it; `table` is searched for children. What the
 * system has is the caller's to fill in. `since_ns`: when the sensor was attached; 0: there
 * is none. 0 or -ENOMEM. */
int explain_ask(struct process_table *table, struct process *process, uint64_t since_ns,
		struct explain_question *out);
/* The same of the process alone, without its relatives. */
void explain_history(const struct process *process, uint64_t since_ns,
		     struct feed_history *out);
/* Puts what has become known over time into a question that has one look. */
void explain_take_history(struct explain_question *question,
			  const struct feed_history *history);
void explain_question_clear(struct explain_question *question);

/*
 * The first step: inventory and diagnosis, or the reason why there are none. At most `max`
 * descriptors are looked at. With `keep` the census is the caller's to clear. 0 or
 * -errno, `out` in any case.
 */
int explain_descriptors(struct census *census, const struct explain_question *question,
			size_t max, struct explanation *out,
			struct census_result *keep);

/* The second: origin and advice. Reads what is missing of the identity first. `found` is
 * an origin that is known already, and is moved; NULL: it is looked up. `diagnoses` are
 * those of the first step. 0 or -errno. */
int explain_limit(struct explain_question *question, const struct diagnosis *diagnoses,
		  size_t diagnoses_len, struct origin *found, struct explanation *out);

/* As where it could not be looked up: an origin that is not known, for the reason `text`, and
 * what can be advised without it. 0 or -errno. */
int explain_unread(struct explain_question *question, const struct diagnosis *diagnoses,
		   size_t diagnoses_len, const char *text, struct explanation *out);

/* Of another limit than the table's: who holds what it counts, and what to change. 0 or
 * -errno. */
int explain_holders(const struct explain_question *question, struct explanation *out);

/* From now on files are read in a process of its own, by this program run again; until then
 * (in tests) by whoever asks. */
void explain_in_helper(void);

#endif
