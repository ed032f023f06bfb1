/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the diagnosis: diagnosis.c has the rules, diagnosis_growth.c says what grows,
 * diagnosis_kinds.c names what no rule of its own speaks of.
 */
#ifndef FDWARDEN_DIAGNOSIS_IMPL_H
#define FDWARDEN_DIAGNOSIS_IMPL_H

#include "policy/diagnosis.h"

/*
 * docs/diagnosis.md gives the reason of each number. A process may hold some of
 * anything: what is said must explain a good part of its descriptors, and be many.
 */
#define DIAGNOSIS_MANY        30
#define DIAGNOSIS_FEW         20  /* of what is hardly ever right */
#define DIAGNOSIS_SHARE       0.4 /* of all descriptors */
#define DIAGNOSIS_SHARE_WRONG 0.2 /* … of what is hardly ever right */

/* What the rules look at. */
struct diagnosis_view {
	const struct inventory_group *groups;
	size_t groups_len;
	double total;
	const struct diagnosis_history *history;
	struct growth_look now; /* kinds, most first */
	/* What has become more since history->before, most first. */
	struct growth grown[GROWTH_KINDS];
	size_t grown_len;
	uint64_t grown_sum;
	bool attributed; /* it is known which kinds grow: grown_sum is more than chance */
};

/* Groups of one nature, summed up. */
struct diagnosis_sum {
	uint64_t count;
	const struct inventory_group *most; /* the fullest; NULL: there is none */
};

typedef bool (*diagnosis_selects)(const struct inventory_group *g);

struct diagnosis_sum diagnosis_sum_of(const struct diagnosis_view *v,
				      diagnosis_selects is);
bool diagnosis_explains(const struct diagnosis_view *v, uint64_t count, uint64_t least,
			double share);

/* Writes `out`'s text. */
void diagnosis_say(struct diagnosis *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* … its proof. */
void diagnosis_seen(struct diagnosis *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Count, share and proof of a sum that is not empty. */
void diagnosis_prove(const struct diagnosis_view *v, const struct diagnosis_sum *sum,
		     struct diagnosis *out);

/* ---- what grows ---- */

/* Fills in what has grown; groups, total and history are set. */
void diagnosis_compare(struct diagnosis_view *v, const struct inventory *inventory);

/* Its count, by more than what comes and goes with each request. */
bool diagnosis_grows(const struct diagnosis_view *v);

/* It opens, and hardly ever closes. Before it has opened much nothing can be said. */
bool diagnosis_never_closes(const struct diagnosis_view *v);

/* Half of the limit is used; and so much that no more can grow. */
bool diagnosis_near_limit(const struct diagnosis_view *v);
bool diagnosis_at_wall(const struct diagnosis_view *v);

/* It is known that something else grows. */
bool diagnosis_others_grow(const struct diagnosis_view *v, diagnosis_selects is);

/* More and more of these are open, as far as can be seen: they are what has grown, or it is
 * not known what has, and the whole does. */
bool diagnosis_not_closed(const struct diagnosis_view *v, diagnosis_selects is);

/* As many connections as half of them: each may be in use for one, as a file that is
 * sent, or received into. */
bool diagnosis_is_for_connections(const struct diagnosis_view *v, uint64_t count);

/* ---- the rules ---- */

/* true: it applies, and says in `out`, which is zeroed, what is wrong. */
typedef bool (*diagnosis_rule_applies)(const struct diagnosis_view *v,
				       struct diagnosis *out);

bool diagnosis_close_wait(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_outgoing(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_accepted(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_same_file(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_files(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_deleted(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_pipes(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_event_loops(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_inotify(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_pidfds(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_unix(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_inherited(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_inherited_from(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_churn(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_spin(const struct diagnosis_view *v, struct diagnosis *out);

/* ---- what no other rule speaks of ---- */

bool diagnosis_mixture(const struct diagnosis_view *v, struct diagnosis *out);
bool diagnosis_kind(const struct diagnosis_view *v, struct diagnosis *out);

/* What grows most is of no connection that is open on both sides: no load explains it. */
bool diagnosis_unsaid_grows(const struct diagnosis_view *v);

#endif
