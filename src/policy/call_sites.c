// SPDX-License-Identifier: GPL-2.0-or-later
/* Openings, counted by the place in the program that they come from. */
#include <stdlib.h>
#include <string.h>

#include "policy/call_site.h"

uint64_t call_sites_unknown(const struct call_sites *sites)
{
	const struct call_unknown *unknown = &sites->unknown;

	return unknown->before + unknown->unseen + unknown->no_stack +
	       unknown->not_unwound;
}

struct call_sites *call_sites_share(struct call_sites *sites)
{
	if (sites)
		__atomic_add_fetch(&sites->references, 1, __ATOMIC_RELAXED);
	return sites;
}

static void free_chains(struct call_chain *chains, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		free(chains[i].frames);
		free(chains[i].text);
	}
	free(chains);
}

void call_sites_free(struct call_sites *sites)
{
	if (!sites || __atomic_sub_fetch(&sites->references, 1, __ATOMIC_ACQ_REL))
		return;
	free_chains(sites->chains, sites->chains_len);
	free(sites->sites);
	free(sites->stacks);
	free(sites);
}

/* ---- which chains lead to the same place ---- */

static const struct call_frame *site_of(const struct call_chain *chain)
{
	return &chain->frames[chain->site];
}

/* Lines of one function are different places; without lines, its name will do. */
static bool is_same_place(const struct call_frame *a, const struct call_frame *b)
{
	if (strcmp(a->function, b->function) != 0 || strcmp(a->module, b->module) != 0)
		return false;
	if (a->line || b->line)
		return a->line == b->line && !strcmp(a->file, b->file);
	return a->function[0] || a->offset == b->offset;
}

/* For each chain the first one that leads to the same place. NULL: no memory. */
static uint32_t *find_places(const struct call_chain *chains, size_t len)
{
	uint32_t *places = calloc(len + 1, sizeof(*places));

	for (size_t i = 0; places && i < len; i++) {
		size_t first = 0;

		while (first < i &&
		       (places[first] != first ||
			!is_same_place(site_of(&chains[first]), site_of(&chains[i]))))
			first++;
		places[i] = (uint32_t)first;
	}
	return places;
}

/* ---- counting ---- */

struct order {
	const uint32_t *places;
	struct call_opening opening;
};

/* All of a place and type together, in them all of a chain, the oldest ones first. */
static int by_place(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	uint32_t of_x = x->places[x->opening.chain], of_y = y->places[y->opening.chain];

	if (of_x != of_y)
		return of_x < of_y ? -1 : 1;
	if (x->opening.type != y->opening.type)
		return strcmp(x->opening.type, y->opening.type);
	if (x->opening.chain != y->opening.chain)
		return x->opening.chain < y->opening.chain ? -1 : 1;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return (x->opening.opened_ns > y->opening.opened_ns) -
	       (x->opening.opened_ns < y->opening.opened_ns);
}

static int by_count(const void *a, const void *b)
{
	const struct call_site *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

static int stacks_by_count(const void *a, const void *b)
{
	const struct call_stack *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

static bool is_same_site(const struct order *a, const struct order *b)
{
	return a->places[a->opening.chain] == b->places[b->opening.chain] &&
	       a->opening.type == b->opening.type;
}

static uint64_t age(uint64_t now_ns, uint64_t opened_ns)
{
	return now_ns > opened_ns ? now_ns - opened_ns : 0;
}

/* The openings of one site: order[0..len). */
static void fill_site(const struct call_chain *chains, struct order *order, size_t len,
		      uint64_t now_ns, struct call_site *out)
{
	size_t most = 0, first = 0;

	out->count = len;
	out->type = order[0].opening.type;
	for (size_t i = 1; i <= len; i++) {
		if (i < len && order[i].opening.chain == order[first].opening.chain)
			continue;
		out->chains++;
		if (i - first > most) {
			most = i - first;
			out->chain = &chains[order[first].opening.chain];
		}
		first = i;
	}
	qsort(order, len, sizeof(*order), by_time);
	out->oldest_ns = age(now_ns, order[0].opening.opened_ns);
	out->median_ns = age(now_ns, order[len / 2].opening.opened_ns);
}

static int count_sites(struct call_sites *out, struct order *order, size_t len,
		       uint64_t now_ns)
{
	size_t first = 0;

	out->sites = calloc(len + 1, sizeof(*out->sites));
	if (!out->sites)
		return -1;
	for (size_t i = 1; i <= len; i++) {
		struct call_site *larger;

		if (i < len && is_same_site(&order[i], &order[first]))
			continue;
		fill_site(out->chains, order + first, i - first, now_ns,
			  &out->sites[out->sites_len++]);
		first = i;
		if (i < len)
			continue;
		/* there were far fewer than openings */
		larger =
			realloc(out->sites, (out->sites_len + 1) * sizeof(*out->sites));
		if (larger)
			out->sites = larger;
	}
	qsort(out->sites, out->sites_len, sizeof(*out->sites), by_count);
	return 0;
}

static int count_stacks(struct call_sites *out, const struct call_opening *openings,
			size_t len)
{
	size_t kept = 0;

	out->stacks = calloc(out->chains_len + 1, sizeof(*out->stacks));
	if (!out->stacks)
		return -1;
	for (size_t i = 0; i < out->chains_len; i++)
		out->stacks[i].chain = &out->chains[i];
	for (size_t i = 0; i < len; i++)
		out->stacks[openings[i].chain].count++;
	for (size_t i = 0; i < out->chains_len; i++)
		if (out->stacks[i].count)
			out->stacks[kept++] = out->stacks[i];
	out->stacks_len = kept;
	qsort(out->stacks, kept, sizeof(*out->stacks), stacks_by_count);
	return 0;
}

static int count(struct call_sites *out, const struct call_opening *openings,
		 size_t len, uint64_t now_ns)
{
	uint32_t *places = find_places(out->chains, out->chains_len);
	struct order *order = calloc(len + 1, sizeof(*order));
	int err = places && order ? 0 : -1;

	for (size_t i = 0; !err && i < len; i++)
		order[i] = (struct order){places, openings[i]};
	if (!err) {
		qsort(order, len, sizeof(*order), by_place);
		err = count_sites(out, order, len, now_ns);
	}
	if (!err)
		err = count_stacks(out, openings, len);
	free(places);
	free(order);
	return err;
}

struct call_sites *call_sites_make(struct call_chain *chains, size_t chains_len,
				   const struct call_opening *openings,
				   size_t openings_len,
				   const struct call_unknown *unknown,
				   uint64_t begun_ns, uint64_t now_ns)
{
	struct call_sites *out = calloc(1, sizeof(*out));

	if (!out) {
		free_chains(chains, chains_len);
		return NULL;
	}
	out->references = 1;
	out->chains = chains;
	out->chains_len = chains_len;
	out->unknown = *unknown;
	out->over_ns = age(now_ns, begun_ns);
	for (size_t i = 0; i < chains_len; i++)
		chains[i].site = call_site_choose(chains[i].frames, chains[i].len);
	if (count(out, openings, openings_len, now_ns)) {
		call_sites_free(out);
		return NULL;
	}
	out->count = openings_len + call_sites_unknown(out);
	return out;
}
