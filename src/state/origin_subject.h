/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process, what was found about it, and how that is said. Inside src/state/ only.
 */
#ifndef FDWARDEN_ORIGIN_SUBJECT_H
#define FDWARDEN_ORIGIN_SUBJECT_H

#include "state/origin_chain.h"

struct origin_subject {
	struct origin_search *search;
	const struct origin_question *question; /* NULL: of an ancestor */
	uint64_t soft, hard;
	struct origin_chain chain;
	struct origin_candidates list;
	/* of the list; NULL: none */
	struct origin_candidate *exact, *raised, *same_hard, *changed;
	size_t exact_at; /* which of the chain */
	int depth;
};

/* The last of those that have the same limits. */
const struct origin_task *origin_setter(const struct origin_subject *s);
bool origin_is_itself(const struct origin_subject *s);

/* Whether it was seen to set its own limit; whether it was seen not to. */
bool origin_did_set(const struct origin_subject *s);
bool origin_did_not_set(const struct origin_subject *s);

/* Puts something behind the evidence. */
void origin_append(struct origin_search *search, struct origin *out, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
void origin_name_parent(const struct origin_subject *s, struct origin *out,
			const struct origin_task *parent);

/* Each fills out, from a candidate that it empties or from the chain. */
void origin_say_exact(struct origin_subject *s, struct origin *out);
void origin_say_raised(struct origin_subject *s, struct origin *out);
/* What is behind `out` already: the hard limit's origin. */
void origin_say_who_raised(struct origin_subject *s, struct origin *out);
void origin_say_changed(struct origin_subject *s, struct origin *out);
void origin_say_outside(struct origin_subject *s, struct origin *out);
void origin_say_self(struct origin_subject *s, struct origin *out);
void origin_say_parent(struct origin_subject *s, struct origin *out);
void origin_say_kernel(struct origin_subject *s, struct origin *out);
void origin_say_unknown(struct origin_subject *s, struct origin *out);
/* Behind the others: what fdwarden itself did to that limit since. */
void origin_say_ourselves(struct origin_subject *s, struct origin *out);

/* Adds the script that has a statement which sets these limits, if there is one. `out` is
 * what was found without it. */
void origin_script(struct origin_subject *s, struct origin *out);

#define ORIGIN_KERNEL_SOFT 1024
#define ORIGIN_KERNEL_HARD 4096

#endif
