/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sources would give, and whether it is what a process has. */
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

struct origin_candidate *origin_candidate_add(struct origin_candidates *list)
{
	struct origin_candidate *out;

	if (list->len == ORIGIN_CANDIDATES_MAX)
		return NULL;
	out = &list->at[list->len++];
	memset(out, 0, sizeof(*out));
	out->as.owner = (uid_t)-1;
	return out;
}

void origin_candidates_clear(struct origin_candidates *list)
{
	for (size_t i = 0; i < list->len; i++)
		origin_clear(&list->at[i].as);
	list->len = 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

enum origin_fit origin_candidate_fit(const struct origin_search *search,
				     const struct origin_candidate *candidate,
				     uint64_t soft, uint64_t hard)
{
	const struct origin *as = &candidate->as;
	/* nobody gets more than the kernel allows, nor than who sets it has */
	uint64_t most = as->ceiling       ? as->ceiling
			: search->nr_open ? search->nr_open
					  : UINT64_MAX;
	uint64_t gives_hard = as->hard ? least(as->hard, most) : hard;
	uint64_t gives_soft = as->soft ? least(as->soft, gives_hard) : soft;

	if ((!as->hard && !as->soft) || gives_hard != hard)
		return ORIGIN_FIT_NOT;
	if (gives_soft == soft)
		return ORIGIN_FIT_EXACT;
	/* where it says nothing of the hard limit, that fits by itself */
	if (!as->hard)
		return ORIGIN_FIT_NOT;
	return soft == hard ? ORIGIN_FIT_RAISED : ORIGIN_FIT_HARD;
}
