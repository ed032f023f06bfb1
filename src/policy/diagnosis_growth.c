// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether the count grows, and by what. */
#include <string.h>

#include "policy/diagnosis_impl.h"

#define GROWN_LEAST  3    /* fewer come and go */
#define GROWN_SHARE  0.02 /* … of all descriptors, where growth may be chance */
#define GROWN_SINCE  8    /* between two looks, where the count rests by now */
#define GROWN_MOST   0.5  /* of all that grew: it is what grows */
#define NEVER_CLOSED 10   /* opened so many times more than closed */
#define AT_WALL      0.95 /* of the limit */

bool diagnosis_grows(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;
	double grown = h->growth_per_s * h->growth_over_s;

	return h->growth_known && grown >= GROWN_LEAST &&
	       (h->growth_sound || grown >= GROWN_SHARE * v->total);
}

static bool is_kept(uint64_t opened, uint64_t closed)
{
	return opened >= DIAGNOSIS_MANY && opened >= NEVER_CLOSED * closed;
}

/* An interpreter opens and closes hundreds of files when it starts, which says nothing of
 * what has become more since. */
static bool keeps_since(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;

	return v->attributed && h->opened_before && h->opened >= h->opened_before &&
	       h->closed >= h->closed_before &&
	       h->opened - h->opened_before >= DIAGNOSIS_FEW &&
	       h->opened - h->opened_before >=
		       NEVER_CLOSED * (h->closed - h->closed_before);
}

bool diagnosis_never_closes(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;

	return h->counters_known && (is_kept(h->opened, h->closed) || keeps_since(v));
}

static bool is_limited(const struct diagnosis_history *h)
{
	return h->soft_limit && h->soft_limit != UINT64_MAX;
}

bool diagnosis_near_limit(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;

	return is_limited(h) && h->used * 2 >= h->soft_limit;
}

bool diagnosis_at_wall(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;

	return is_limited(h) && (double)h->used >= AT_WALL * (double)h->soft_limit;
}

void diagnosis_compare(struct diagnosis_view *v, const struct inventory *inventory)
{
	growth_look(inventory, &v->now);
	v->grown_len = growth_all(&v->history->before, &v->now, v->grown);
	v->grown_sum = 0;
	for (size_t i = 0; i < v->grown_len; i++)
		v->grown_sum += v->grown[i].grown;
	v->attributed =
		v->grown_sum >= (diagnosis_grows(v) ? GROWN_LEAST : GROWN_SINCE);
}

static bool has_kind(const struct diagnosis_view *v, diagnosis_selects is,
		     const struct growth_kind *kind)
{
	for (size_t i = 0; i < v->groups_len; i++) {
		const struct inventory_group *g = &v->groups[i];

		if (is(g) && !strncmp(g->type, kind->type, sizeof(kind->type) - 1) &&
		    g->direction == kind->direction &&
		    (g->state == kind->state ||
		     (g->state && kind->state && !strcmp(g->state, kind->state))))
			return true;
	}
	return false;
}

/* How much of what has grown is of kinds that `is` selects. */
static double share_of_growth(const struct diagnosis_view *v, diagnosis_selects is)
{
	uint64_t grown = 0;

	for (size_t i = 0; i < v->grown_len; i++)
		if (has_kind(v, is, &v->grown[i].kind))
			grown += v->grown[i].grown;
	return (double)grown / (double)v->grown_sum;
}

bool diagnosis_others_grow(const struct diagnosis_view *v, diagnosis_selects is)
{
	return v->attributed && share_of_growth(v, is) < GROWN_MOST;
}

bool diagnosis_not_closed(const struct diagnosis_view *v, diagnosis_selects is)
{
	const struct diagnosis_history *h = v->history;

	if (diagnosis_others_grow(v, is))
		return false;
	if (v->attributed)
		return diagnosis_grows(v) || h->leak_suspected || diagnosis_at_wall(v);
	return diagnosis_grows(v) || h->leak_suspected;
}
