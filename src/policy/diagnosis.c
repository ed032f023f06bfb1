// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules put together: which may speak, and in which order. */
#include "policy/diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/diagnosis_impl.h"

struct diagnosis_sum diagnosis_sum_of(const struct diagnosis_view *v,
				      diagnosis_selects is)
{
	struct diagnosis_sum sum = {0};

	for (size_t i = 0; i < v->groups_len; i++) {
		const struct inventory_group *g = &v->groups[i];

		if (!is(g))
			continue;
		sum.count += g->count;
		if (!sum.most || g->count > sum.most->count)
			sum.most = g;
	}
	return sum;
}

bool diagnosis_explains(const struct diagnosis_view *v, uint64_t count, uint64_t least,
			double share)
{
	return count >= least && (double)count >= share * v->total;
}

void diagnosis_say(struct diagnosis *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->text, sizeof(out->text), format, args);
	va_end(args);
}

void diagnosis_seen(struct diagnosis *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->proof, sizeof(out->proof), format, args);
	va_end(args);
}

void diagnosis_prove(const struct diagnosis_view *v, const struct diagnosis_sum *sum,
		     struct diagnosis *out)
{
	char group[160];

	inventory_group_text(sum->most, group, sizeof(group));
	out->count = sum->count;
	out->share = v->total > 0 ? (double)sum->count / v->total : 0;
	if (sum->count == sum->most->count)
		diagnosis_seen(out, "%s, of %.0f descriptors", group, v->total);
	else
		diagnosis_seen(out, "%" PRIu64 " of %.0f descriptors, most of them: %s",
			       sum->count, v->total, group);
}

/* ---- all of them ---- */

/* In the order of the names. Those after DIAGNOSIS_INHERITED_FROM speak only where none
 * before them explains enough. */
static const struct {
	const char *name;
	diagnosis_rule_applies applies;
} rules[DIAGNOSIS_RULES] = {
	[DIAGNOSIS_CLOSE_WAIT] = {"close-wait", diagnosis_close_wait},
	[DIAGNOSIS_OUTGOING_CONNECTIONS] = {"outgoing-connections", diagnosis_outgoing},
	[DIAGNOSIS_ACCEPTED_CONNECTIONS] = {"accepted-connections", diagnosis_accepted},
	[DIAGNOSIS_SAME_FILE] = {"same-file", diagnosis_same_file},
	[DIAGNOSIS_FILES_NOT_CLOSED] = {"files-not-closed", diagnosis_files},
	[DIAGNOSIS_DELETED_FILES] = {"deleted-files", diagnosis_deleted},
	[DIAGNOSIS_PIPES] = {"pipes", diagnosis_pipes},
	[DIAGNOSIS_EVENT_LOOPS] = {"event-loops", diagnosis_event_loops},
	[DIAGNOSIS_INOTIFY] = {"inotify", diagnosis_inotify},
	[DIAGNOSIS_PROCESSES_LEFT] = {"processes-left", diagnosis_pidfds},
	[DIAGNOSIS_UNIX_SOCKETS] = {"unix-sockets", diagnosis_unix},
	[DIAGNOSIS_INHERITED] = {"inherited", diagnosis_inherited},
	[DIAGNOSIS_INHERITED_FROM] = {"inherited-from-parent",
				      diagnosis_inherited_from},
	[DIAGNOSIS_CHURN] = {"churn", diagnosis_churn},
	[DIAGNOSIS_MIXTURE] = {"mixture", diagnosis_mixture},
	[DIAGNOSIS_KIND] = {"kind", diagnosis_kind},
	[DIAGNOSIS_SPIN] = {"spin", diagnosis_spin},
};

/* Leaks first, then what explains most; what is said beside them last. */
static int by_worth(const void *a, const void *b)
{
	const struct diagnosis *x = a, *y = b;

	if (x->leak != y->leak)
		return x->leak ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (int)x->rule - (int)y->rule;
}

/* What those say that have been found. */
struct spoken {
	bool leak, much; /* one is a leak; one explains a good part */
	bool inherited;  /* … or all of it is another's doing */
};

static struct spoken spoken_by(const struct diagnosis *found, size_t n)
{
	struct spoken out = {0};

	for (size_t i = 0; i < n; i++) {
		/* it does not say of what */
		if (found[i].rule == DIAGNOSIS_CHURN)
			continue;
		out.leak |= found[i].leak;
		out.inherited |= found[i].rule == DIAGNOSIS_INHERITED_FROM;
		out.much |= found[i].rule != DIAGNOSIS_INHERITED &&
			    found[i].share >= DIAGNOSIS_SHARE;
	}
	return out;
}

/* Whether a rule may speak beside what has been said. */
static bool is_wanted(const struct diagnosis_view *v, enum diagnosis_rule rule,
		      const struct diagnosis *found, size_t n)
{
	struct spoken said = spoken_by(found, n);

	switch (rule) {
	case DIAGNOSIS_CHURN:
		/* it explains nothing beside what does, or where it is known what grows */
		return !n && !v->attributed;
	case DIAGNOSIS_MIXTURE:
	case DIAGNOSIS_KIND:
		if (said.leak || said.inherited)
			return false;
		return !said.much || diagnosis_unsaid_grows(v) ||
		       v->history->leak_suspected;
	default:
		return true;
	}
}

/* One that knows no more than what these are, which another has said of the same. */
static bool is_said(const struct diagnosis *found, size_t n)
{
	const struct diagnosis *last = &found[n];

	if (last->rule != DIAGNOSIS_KIND || last->leak)
		return false;
	for (size_t i = 0; i < n; i++)
		if (found[i].count == last->count)
			return true;
	return false;
}

size_t diagnosis_make(const struct inventory *inventory,
		      const struct diagnosis_history *history,
		      struct diagnosis out[DIAGNOSIS_MAX])
{
	struct diagnosis_view v = {.total = (double)inventory_total(inventory),
				   .history = history};
	struct diagnosis found[DIAGNOSIS_RULES];
	size_t n = 0;

	v.groups = inventory_groups(inventory, &v.groups_len);
	diagnosis_compare(&v, inventory);
	for (size_t i = 0; i < DIAGNOSIS_RULES; i++) {
		memset(&found[n], 0, sizeof(found[n]));
		found[n].rule = (enum diagnosis_rule)i;
		if (is_wanted(&v, (enum diagnosis_rule)i, found, n) &&
		    rules[i].applies(&v, &found[n]) && !is_said(found, n))
			n++;
	}
	qsort(found, n, sizeof(found[0]), by_worth);
	if (n > DIAGNOSIS_MAX)
		n = DIAGNOSIS_MAX;
	memcpy(out, found, n * sizeof(found[0]));
	return n;
}

const char *diagnosis_rule_name(enum diagnosis_rule rule)
{
	return (size_t)rule < DIAGNOSIS_RULES ? rules[rule].name : "unknown";
}
