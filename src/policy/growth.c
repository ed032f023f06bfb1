// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/growth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds that are told apart at all while counting. */
#define KINDS_MAX  64
/* Fewer between two looks tell nothing. */
#define GROWTH_MIN 8

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool growth_same(const struct growth_kind *a, const struct growth_kind *b)
{
	return !strcmp(a->type, b->type) && same_text(a->state, b->state) &&
	       a->direction == b->direction;
}

static const struct growth_kind *find(const struct growth_kind *kinds, size_t len,
				      const struct growth_kind *kind)
{
	for (size_t i = 0; i < len; i++)
		if (growth_same(&kinds[i], kind))
			return &kinds[i];
	return NULL;
}

static int most_first(const void *a, const void *b)
{
	const struct growth_kind *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

void growth_look(const struct inventory *inventory, struct growth_look *out)
{
	struct growth_kind kinds[KINDS_MAX] = {0};
	const struct inventory_group *groups;
	size_t groups_len, len = 0;

	memset(out, 0, sizeof(*out));
	groups = inventory_groups(inventory, &groups_len);
	for (size_t i = 0; i < groups_len; i++) {
		struct growth_kind kind = {.state = groups[i].state,
					   .direction = groups[i].direction,
					   .count = groups[i].count};
		struct growth_kind *known;

		snprintf(kind.type, sizeof(kind.type), "%s", groups[i].type);
		known = (struct growth_kind *)find(kinds, len, &kind);
		if (known)
			known->count += kind.count;
		else if (len < KINDS_MAX)
			kinds[len++] = kind;
	}
	qsort(kinds, len, sizeof(kinds[0]), most_first);
	out->known = true;
	out->len = len < GROWTH_KINDS ? len : GROWTH_KINDS;
	memcpy(out->kinds, kinds, out->len * sizeof(kinds[0]));
	if (len > GROWTH_KINDS)
		out->rest = kinds[GROWTH_KINDS].count;
}

static int grown_first(const void *a, const void *b)
{
	const struct growth *x = a, *y = b;

	return (x->grown < y->grown) - (x->grown > y->grown);
}

size_t growth_all(const struct growth_look *then, const struct growth_look *now,
		  struct growth out[GROWTH_KINDS])
{
	size_t len = 0;

	if (!then->known || !now->known)
		return 0;
	for (size_t i = 0; i < now->len; i++) {
		const struct growth_kind *kind = &now->kinds[i],
					 *was = find(then->kinds, then->len, kind);
		uint64_t count = was ? was->count : then->rest;

		if (kind->count > count)
			out[len++] = (struct growth){*kind, kind->count - count};
	}
	qsort(out, len, sizeof(out[0]), grown_first);
	return len;
}

size_t growth_compare(const struct growth_look *then, const struct growth_look *now,
		      struct growth out[GROWTH_SHOWN])
{
	struct growth all[GROWTH_KINDS];
	size_t len = growth_all(then, now, all), shown = 0;

	/* what grew by next to nothing beside the first is noise */
	while (shown < len && shown < GROWTH_SHOWN &&
	       all[shown].grown * 10 >= all[0].grown) {
		out[shown] = all[shown];
		shown++;
	}
	return shown;
}

bool growth_is_client(const struct growth_kind *kind)
{
	return kind->direction == INVENTORY_ACCEPTED &&
	       same_text(kind->state, "ESTABLISHED");
}

enum leak_growth growth_judge(const struct growth_look *then,
			      const struct growth_look *now)
{
	struct growth all[GROWTH_KINDS];
	uint64_t load = 0, total = 0;
	size_t len;

	if (!now->known)
		return LEAK_GROWTH_UNKNOWN;
	len = growth_all(then, now, all);
	for (size_t i = 0; i < len; i++) {
		total += all[i].grown;
		load += growth_is_client(&all[i].kind) ? all[i].grown : 0;
	}
	if (total < GROWTH_MIN) {
		total = load = 0;
		for (size_t i = 0; i < now->len; i++) {
			total += now->kinds[i].count;
			load += growth_is_client(&now->kinds[i]) ? now->kinds[i].count
								 : 0;
		}
	}
	return 2 * load > total ? LEAK_GROWTH_CONNECTIONS : LEAK_GROWTH_ELSE;
}
