// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/explanation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void explanation_clear(struct explanation *why)
{
	inventory_free(why->inventory);
	origin_clear(&why->origin);
	advice_clear(why->advice, why->advice_len);
	memset(why, 0, sizeof(*why));
}

void explanation_take_limit(struct explanation *to, struct explanation *from)
{
	if (!from->origin_known && !from->holders.what)
		return;
	origin_clear(&to->origin);
	advice_clear(to->advice, to->advice_len);
	to->origin_known = from->origin_known;
	to->holders = from->holders;
	from->holders.what = HOLDERS_NONE;
	to->origin = from->origin;
	to->soft_limit = from->soft_limit;
	to->hard_limit = from->hard_limit;
	memcpy(to->advice, from->advice, sizeof(to->advice));
	to->advice_len = from->advice_len;
	from->origin_known = false;
	memset(&from->origin, 0, sizeof(from->origin));
	from->advice_len = 0;
}

const struct diagnosis *explanation_leak(const struct explanation *why)
{
	for (size_t i = 0; i < why->diagnoses_len; i++)
		if (why->diagnoses[i].leak)
			return &why->diagnoses[i];
	return NULL;
}

/* The first that says what the descriptors are. */
static const struct diagnosis *explanation_what(const struct explanation *why)
{
	for (size_t i = 0; i < why->diagnoses_len; i++)
		switch (why->diagnoses[i].rule) {
		case DIAGNOSIS_CHURN:
		case DIAGNOSIS_SPIN:
		case DIAGNOSIS_INHERITED:
		case DIAGNOSIS_INHERITED_FROM:
			break;
		default:
			return &why->diagnoses[i];
		}
	return NULL;
}

/* The fullest group; where there are many small ones, the fullest type. */
static size_t explanation_fullest(const struct inventory *inventory, char *text,
				  size_t size)
{
	const struct inventory_count *counts;
	const struct inventory_group *groups;
	size_t counts_len, groups_len;

	counts = inventory_counts(inventory, &counts_len);
	groups = inventory_groups(inventory, &groups_len);
	if (!counts_len)
		return 0;
	if (groups_len && groups[0].count * 2 >= counts[0].count)
		return inventory_group_text(&groups[0], text, size);
	snprintf(text, size, "%" PRIu64 " %s", counts[0].count, counts[0].type);
	return strlen(text);
}

size_t explanation_cause(const struct explanation *why, char *text, size_t size)
{
	const struct diagnosis *what = explanation_what(why);
	size_t len, of_len;
	char of[64];

	if (size)
		text[0] = '\0';
	if (!size || !why->inventory)
		return 0;
	if (!what)
		return explanation_fullest(why->inventory, text, size);
	snprintf(text, size, "%s", what->proof);
	len = strlen(text);
	/* A sentence that this is put into says how many there are. */
	of_len = (size_t)snprintf(of, sizeof(of), ", of %" PRIu64 " descriptors",
				  inventory_total(why->inventory));
	if (len > of_len && !strcmp(text + len - of_len, of))
		text[len -= of_len] = '\0';
	return len;
}
