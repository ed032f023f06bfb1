// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What fills a table of which no other rule speaks: its fullest kind, or several kinds in a
 * ratio of whole numbers, which are what one object costs.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/diagnosis_impl.h"

#define MIXTURE_KINDS 4
#define MIXTURE_LEAST 10   /* objects */
#define MIXTURE_SHARE 0.75 /* of all that are looked at */
#define RATIO_MOST    6    /* of one kind in an object */
#define RATIO_OFF     0.15 /* what came and went beside them */
#define WALL_SHARE    0.6  /* of one kind, that it is what has filled the table */
#define NAMED_LEAST   4
#define STARTING_S    60 /* younger ones open what they will hold */

/* ---- kinds ---- */

static bool is_kind(const struct inventory_group *g, const struct growth_kind *kind)
{
	struct growth_kind its = {.state = g->state, .direction = g->direction};

	snprintf(its.type, sizeof(its.type), "%s", g->type);
	return growth_same(&its, kind);
}

static struct diagnosis_sum sum_of_kind(const struct diagnosis_view *v,
					const struct growth_kind *kind)
{
	struct diagnosis_sum sum = {0};

	for (size_t i = 0; i < v->groups_len; i++) {
		const struct inventory_group *g = &v->groups[i];

		if (!is_kind(g, kind))
			continue;
		sum.count += g->count;
		if (!sum.most || g->count > sum.most->count)
			sum.most = g;
	}
	return sum;
}

/* "tcp ESTABLISHED", "pipe" */
static void name_kind(const struct growth_kind *kind, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", kind->type, kind->state ? " " : "",
		 kind->state ? kind->state : "");
}

/* The kinds that have grown, or all where that is not known. */
struct kinds {
	const struct growth_kind *kinds[GROWTH_KINDS];
	uint64_t counts[GROWTH_KINDS];
	size_t len;
	double sum;
};

/* How far many of them may be right. */
enum doubt {
	DOUBT_LITTLE, /* nobody needs so many */
	DOUBT_SOME, /* pairs with children, terminals: many at the end prove nothing */
	DOUBT_MUCH, /* a database's files, connections: nor does it that they grow */
};

static enum doubt doubt_of(const struct diagnosis_view *v,
			   const struct growth_kind *kind)
{
	struct diagnosis_sum sum = sum_of_kind(v, kind);
	const struct inventory_group *g = sum.most;

	/* a datagram's socket with a peer is no connection */
	if (!g || (g->direction != INVENTORY_NO_CONNECTION && g->state))
		return DOUBT_MUCH;
	switch (g->kind) {
	case DESCRIPTOR_FILE:
	case DESCRIPTOR_DIRECTORY:
	case DESCRIPTOR_BLOCK:
		return DOUBT_MUCH;
	case DESCRIPTOR_PIPE: /* a named one waits for who opens its other end */
		return g->where ? DOUBT_MUCH : DOUBT_LITTLE;
	case DESCRIPTOR_CHARACTER:
	case DESCRIPTOR_PIDFD:
		return DOUBT_SOME;
	case DESCRIPTOR_SOCKET:
		return strcmp(g->type, "unix") != 0 ? DOUBT_LITTLE : DOUBT_SOME;
	default:
		return DOUBT_LITTLE;
	}
}

static bool is_chosen(const struct kinds *chosen, size_t n,
		      const struct growth_kind *kind)
{
	for (size_t i = 0; i < n; i++)
		if (growth_same(chosen->kinds[i], kind))
			return true;
	return false;
}

/* There are half as many connections, or half as many have come: each may need one. */
static bool is_for_clients(const struct diagnosis_view *v, const struct kinds *chosen,
			   size_t n)
{
	uint64_t clients = 0;

	if (v->attributed) {
		for (size_t i = 0; i < v->grown_len; i++)
			if (growth_is_client(&v->grown[i].kind))
				clients += v->grown[i].grown;
		return clients * 2 >= chosen->counts[0];
	}
	for (size_t i = 0; i < v->now.len; i++) {
		const struct growth_kind *kind = &v->now.kinds[i];

		if (kind->state && !strcmp(kind->state, "ESTABLISHED") &&
		    !is_chosen(chosen, n, kind))
			clients += kind->count;
	}
	return clients * 2 >= chosen->counts[0];
}

bool diagnosis_unsaid_grows(const struct diagnosis_view *v)
{
	return v->attributed && !growth_is_client(&v->grown[0].kind) &&
	       v->grown[0].grown * 2 >= v->grown_sum &&
	       (diagnosis_grows(v) || diagnosis_at_wall(v));
}

static void choose_grown(const struct diagnosis_view *v, struct kinds *out)
{
	memset(out, 0, sizeof(*out));
	for (; out->len < v->grown_len; out->len++) {
		out->kinds[out->len] = &v->grown[out->len].kind;
		out->counts[out->len] = v->grown[out->len].grown;
	}
	out->sum = (double)v->grown_sum;
}

static void choose_all(const struct diagnosis_view *v, struct kinds *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v->now.len; i++) {
		/* a suspicion is never one of clients */
		if (v->history->leak_suspected && growth_is_client(&v->now.kinds[i]))
			continue;
		out->kinds[out->len] = &v->now.kinds[i];
		out->counts[out->len++] = v->now.kinds[i].count;
	}
	out->sum = v->total;
}

static void choose(const struct diagnosis_view *v, struct kinds *out)
{
	if (v->attributed)
		choose_grown(v, out);
	else
		choose_all(v, out);
}

/*
 * Whether there is evidence that these are not closed: that they become more while hardly
 * anything is closed. At the wall nothing can grow any more: there what fills the table
 * alone has not been closed, if nobody needs so many.
 */
static bool not_closed(const struct diagnosis_view *v, const struct kinds *chosen,
		       size_t n, double share)
{
	const struct diagnosis_history *h = v->history;
	enum doubt doubt = DOUBT_MUCH; /* the least of one */
	bool grows = diagnosis_grows(v), wall = diagnosis_at_wall(v);

	for (size_t i = 0; i < n; i++) {
		if (growth_is_client(chosen->kinds[i]))
			return false;
		if (doubt_of(v, chosen->kinds[i]) < doubt)
			doubt = doubt_of(v, chosen->kinds[i]);
	}
	if (h->leak_suspected)
		return true;
	if ((!v->attributed && share < WALL_SHARE) || is_for_clients(v, chosen, n))
		return false;
	switch (doubt) {
	case DOUBT_MUCH:
		return grows && diagnosis_never_closes(v) && h->age_s >= STARTING_S;
	case DOUBT_SOME:
		return (grows || (wall && (v->attributed || h->leak_told))) &&
		       diagnosis_never_closes(v);
	default:
		return wall || (grows && (v->attributed || diagnosis_never_closes(v)));
	}
}

/* What fills the table is of interest. */
static bool is_asked(const struct diagnosis_view *v)
{
	const struct diagnosis_history *h = v->history;

	return v->total >= NAMED_LEAST &&
	       (h->in_trouble || h->leak_suspected || diagnosis_near_limit(v) ||
		(diagnosis_grows(v) && v->total >= DIAGNOSIS_MANY));
}

/* ---- a mixture ---- */

/* How many of each are in one object; 0: they are in no such ratio. Returns how many
 * objects there are. */
static uint64_t ratio_of(const struct kinds *chosen, size_t n, unsigned int parts[])
{
	double one = (double)chosen->counts[n - 1];

	for (size_t i = 0; i < n; i++) {
		double times = (double)chosen->counts[i] / one, whole = rint(times);

		if (whole < 1 || whole > RATIO_MOST ||
		    fabs(times - whole) > RATIO_OFF * whole)
			return 0;
		parts[i] = (unsigned int)whole;
	}
	return (uint64_t)one;
}

static void say_mixture(const struct kinds *chosen, size_t n,
			const unsigned int parts[], uint64_t objects,
			struct diagnosis *out)
{
	char names[160] = "", ratio[32] = "";

	for (size_t i = 0; i < n; i++) {
		char name[48];

		name_kind(chosen->kinds[i], name, sizeof(name));
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 !i          ? ""
			 : i + 1 < n ? ", "
				     : " and ",
			 name);
		snprintf(ratio + strlen(ratio), sizeof(ratio) - strlen(ratio), "%s%u",
			 i ? " : " : "", parts[i]);
	}
	diagnosis_say(out,
		      "%s, %s: about %" PRIu64 " objects that cost several "
		      "descriptors each%s",
		      names, ratio, objects,
		      out->leak ? ", made again and again and not freed" : "");
}

/* Returns how many objects there are of them. */
static uint64_t prove_mixture(const struct diagnosis_view *v,
			      const struct kinds *chosen, size_t n,
			      const unsigned int parts[], struct diagnosis *out)
{
	char text[160] = "";
	unsigned int all = 0;

	for (size_t i = 0; i < n; i++) {
		struct diagnosis_sum sum = sum_of_kind(v, chosen->kinds[i]);
		char name[48];

		name_kind(chosen->kinds[i], name, sizeof(name));
		out->count += sum.count;
		all += parts[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%" PRIu64 " %s", i ? ", " : "", sum.count, name);
	}
	out->share = v->total > 0 ? fmin((double)out->count / v->total, 1) : 0;
	diagnosis_seen(out, "%s, of %.0f descriptors", text, v->total);
	return out->count / all;
}

/* How many kinds of them are in such a ratio, and it; 0: they are in none. */
static size_t mixture_of(const struct kinds *chosen, unsigned int parts[])
{
	double sum = 0;
	size_t n;

	for (n = 0; n < chosen->len && n < MIXTURE_KINDS; n++) {
		if (chosen->counts[n] * RATIO_MOST * 2 < chosen->counts[0])
			break; /* beside them */
		sum += (double)chosen->counts[n];
	}
	return n >= 2 && sum >= MIXTURE_SHARE * chosen->sum &&
			       ratio_of(chosen, n, parts) >= MIXTURE_LEAST
		       ? n
		       : 0;
}

static uint64_t grown_of(const struct diagnosis_view *v, const struct growth_kind *kind)
{
	for (size_t i = 0; i < v->grown_len; i++)
		if (growth_same(&v->grown[i].kind, kind))
			return v->grown[i].grown;
	return 0;
}

/* Of a few that were made since the look before the last may be half made, which spoils the
 * ratio of what has grown: then that of all is believed, if so many more of each came as such
 * objects have, but for one object. */
static bool grew_as(const struct diagnosis_view *v, const struct kinds *chosen,
		    size_t n, const unsigned int parts[])
{
	unsigned int all = 0;
	double objects;

	for (size_t i = 0; i < n; i++)
		all += parts[i];
	objects = rint((double)v->grown_sum / all);
	for (size_t i = 0; i < n; i++)
		if (fabs((double)grown_of(v, chosen->kinds[i]) - objects * parts[i]) >
		    parts[i])
			return false;
	return objects >= 1;
}

bool diagnosis_mixture(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct kinds chosen;
	unsigned int parts[MIXTURE_KINDS];
	double sum = 0;
	size_t n;

	if (!is_asked(v))
		return false;
	choose(v, &chosen);
	n = mixture_of(&chosen, parts);
	if (!n && v->attributed) {
		choose_all(v, &chosen);
		n = mixture_of(&chosen, parts);
		if (n && !grew_as(v, &chosen, n, parts))
			return false;
	}
	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		sum += (double)chosen.counts[i];
	out->leak = not_closed(v, &chosen, n, sum / chosen.sum);
	say_mixture(&chosen, n, parts, prove_mixture(v, &chosen, n, parts, out), out);
	return true;
}

/* ---- one kind ---- */

/* Who makes many of them, where it is a leak. */
static const char *maker_of(const struct inventory_group *g)
{
	static const struct {
		const char *type, *maker;
	} makers[] = {
		{"udp", "a resolver's, or one for each message that is sent"},
		{"netlink", "one for each look at addresses, routes or devices"},
		{"packet", "captures that are not ended"},
		{"raw", "one for each ping"},
		{"memfd", "buffers that are shared and not freed"},
		{"signalfd", "event loops that are made and never freed"},
		{"pipe", "wake-up pipes of event loops, or those to children, of which "
			 "both ends are kept"},
		{"unix", "pairs of which an end is kept, or connections not closed"},
		{"perf", "counters that are not closed"},
		{"bpf", "objects that are loaded again and again"},
		{"io_uring", "rings that are made and never freed"},
		{"pidfd", "one for each look at a process"},
		{"message queue", "queues that are opened and not closed"},
	};

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (!strncmp(g->type, makers[i].type, strlen(makers[i].type)))
			return makers[i].maker;
	return NULL;
}

static void say_kind(const struct diagnosis_sum *sum, struct diagnosis *out)
{
	const char *maker = maker_of(sum->most);
	struct inventory_group group = *sum->most;
	char text[160];

	/* the sum under the name of the fullest, where that stands for it */
	group.count = sum->count;
	if (sum->most->count * 2 < sum->count) {
		group.where = group.pattern = group.dir = NULL;
		group.whole = false;
		if (group.direction)
			group.where = "different peers";
	}
	inventory_group_text(&group, text, sizeof(text));
	if (out->leak)
		diagnosis_say(out, "%s: opened again and again and not closed%s%s",
			      text, maker ? ": " : "", maker ? maker : "");
	else
		diagnosis_say(out, "most are %s: whether they are needed is not seen",
			      text);
}

bool diagnosis_kind(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum;
	struct kinds chosen;

	if (!is_asked(v))
		return false;
	choose(v, &chosen);
	if (!chosen.len)
		return false;
	sum = sum_of_kind(v, chosen.kinds[0]);
	if (!sum.most)
		return false;
	out->leak = (double)chosen.counts[0] >= DIAGNOSIS_SHARE * chosen.sum &&
		    sum.count >= DIAGNOSIS_FEW &&
		    not_closed(v, &chosen, 1, (double)chosen.counts[0] / chosen.sum);
	diagnosis_prove(v, &sum, out);
	say_kind(&sum, out);
	return true;
}
