/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What explains a process's trouble, as far as it is known: what its descriptors
 * are, what is wrong, where its limit was set, what to change. One part may come
 * before another. And the one place that makes JSON of it.
 */
#ifndef FDWARDEN_EXPLANATION_H
#define FDWARDEN_EXPLANATION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diagnosis.h"
#include "policy/inventory.h"
#include "state/advice.h"
#include "state/holders.h"
#include "state/origin.h"

#define EXPLANATION_WHY_MAX 192
/* `unexplained` of what has ended before it was looked at. */
#define EXPLANATION_GONE    "the process was gone"

/* Zeroed is empty. Owned by whoever holds it: explanation_clear(). */
struct explanation {
	/* What the descriptors are, and what is wrong. NULL: not known, and
	 * `unexplained` says why, in one line. */
	struct inventory *inventory;
	uint64_t left_out; /* descriptors that were not looked at, for their number */
	struct diagnosis diagnoses[DIAGNOSIS_MAX];
	size_t diagnoses_len; /* 0 with an inventory: no clear cause */
	char unexplained[EXPLANATION_WHY_MAX];
	/* Where the limit was set, and what to change. */
	bool origin_known;
	struct origin origin;
	uint64_t soft_limit, hard_limit; /* in force when it was looked up */
	struct advice advice[ADVICE_MAX];
	size_t advice_len;
	/* Of another limit than the table's: who holds what it counts. */
	struct holders holders;
};

void explanation_clear(struct explanation *why); /* frees, zeroes */

/* Moves origin, advice and holders. */
void explanation_take_limit(struct explanation *to, struct explanation *from);

/* The first diagnosis that says that it is a leak. NULL: none does. */
const struct diagnosis *explanation_leak(const struct explanation *why);

/* How much of it the JSON has. */
struct explanation_form {
	size_t groups;   /* at most so many */
	size_t text_max; /* bytes of a text at the most; 0: all of it */
};

/* For one line of a log, and for a document. */
extern const struct explanation_form explanation_in_alert, explanation_in_full;

/* Members of the "fd" object: types, groups, deleted, …; or unexplained. 0 or
 * -ENOMEM. */
int explanation_add_fd(cJSON *fd, const struct explanation *why,
		       const struct explanation_form *form);

/* Members "diagnosis", "limit" and "advice", those that are known. 0 or -ENOMEM. */
int explanation_add(cJSON *root, const struct explanation *why,
		    const struct explanation_form *form);

/* The cause in a few words, for a sentence: "412 tcp CLOSE_WAIT → 10.0.0.7:443".
 * where none is clear, what there is most of. Empty if that is not known. Hostile bytes are in it as they are. Returns its
 * length, cut to size. */
size_t explanation_cause(const struct explanation *why, char *text, size_t size);

#endif
