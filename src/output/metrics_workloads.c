// SPDX-License-Identifier: GPL-2.0-or-later
/* The families of services, containers, pods and users: the same for each kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/metrics_impl.h"
#include "state/container_names.h"
#include "state/pod_names.h"
#include "state/user_names.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define NAME_LEN 96
/* Stands for it in a help, once. */
#define KIND     "KIND"

/* One workload, summed up over its processes. */
struct workload {
	char key[LABEL_VALUE_LEN];
	const struct identity *who;       /* of one of them; NULL: it has none now */
	const struct roster_row *fullest; /* NULL: none has a share of its limit */
	const struct ledger_line *line;   /* NULL: none of its calls was refused */
	uint64_t processes, descriptors;
	uint64_t leaking;
	uint64_t incidents[ROSTER_TROUBLES];
	bool growth_known, full_known;
	double growth, full_in_s;
	UT_hash_handle hh;
};

struct summing {
	struct workload *all, *by_key;
	size_t len;
	const struct ledger_line *others;
};

/* ---- sums ---- */

static void merge(struct workload *to, const struct workload *from)
{
	to->processes += from->processes;
	to->descriptors += from->descriptors;
	if (from->fullest &&
	    (!to->fullest || metrics_usage(from->fullest) > metrics_usage(to->fullest)))
		to->fullest = from->fullest;
	to->leaking += from->leaking;
	for (int level = 0; level < ROSTER_TROUBLES; level++)
		to->incidents[level] += from->incidents[level];
	to->growth += from->growth;
	to->growth_known |= from->growth_known;
	if (from->full_known && (!to->full_known || from->full_in_s < to->full_in_s))
		to->full_in_s = from->full_in_s;
	to->full_known |= from->full_known;
}

static void add_row(struct workload *to, const struct roster_row *row)
{
	struct workload one = {
		.fullest = metrics_usage(row) >= 0 ? row : NULL,
		.processes = 1,
		.descriptors = row->fd.count,
		.leaking = row->fd.leak_suspected,
		.growth_known = row->fd.growth_known,
		.growth = row->fd.growth_known ? row->fd.growth_per_s : 0,
		.full_known = row->fd.exhaustion_known,
		.full_in_s = row->fd.exhausted_in_s,
	};

	one.incidents[roster_trouble(row->level, row->fd.leak_suspected)] =
		*row->incident != 0;
	merge(to, &one);
	to->who = &row->who;
}

/* The workload of this key. NULL: no memory. */
static struct workload *workload_of(struct summing *sums, const char *key)
{
	struct workload *found;
	size_t before = HASH_COUNT(sums->by_key);

	HASH_FIND_STR(sums->by_key, key, found);
	if (found)
		return found;
	found = &sums->all[sums->len];
	snprintf(found->key, sizeof(found->key), "%s", key);
	HASH_ADD_STR(sums->by_key, key, found);
	if (HASH_COUNT(sums->by_key) == before)
		return NULL;
	sums->len++;
	return found;
}

/* Those with processes, and those that calls were refused of. 0 or -ENOMEM. */
static int sum_up(struct summing *sums, enum workload_kind kind,
		  const struct roster *roster, const struct ledger_figures *counted)
{
	char key[LABEL_VALUE_LEN];

	sums->all = calloc(roster->len + counted->len + 1, sizeof(*sums->all));
	if (!sums->all)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++) {
		const struct roster_row *row = &roster->rows[i];
		struct workload *to;

		if (!row->fd.known || !workload_key(kind, &row->who, key))
			continue;
		to = workload_of(sums, key);
		if (!to)
			return -ENOMEM;
		add_row(to, row);
	}
	for (size_t i = 0; i < counted->len; i++) {
		const struct ledger_line *line = &counted->lines[i];
		struct workload *to;

		if (line->kind != kind)
			continue;
		if (!strcmp(line->key, WORKLOAD_OTHERS)) {
			sums->others = line;
			continue;
		}
		to = workload_of(sums, line->key);
		if (!to)
			return -ENOMEM;
		to->line = line;
	}
	return 0;
}

static double worst(const struct workload *workload)
{
	return workload->fullest ? metrics_usage(workload->fullest) : -1;
}

static bool in_incident(const struct workload *workload)
{
	for (int level = 0; level < ROSTER_TROUBLES; level++)
		if (workload->incidents[level])
			return true;
	return false;
}

/* Who is to have a place first: those in trouble, those that were, then the fullest. */
static int compare(const void *left, const void *right)
{
	const struct workload *a = left, *b = right;
	bool a_open = in_incident(a), b_open = in_incident(b);

	if (a_open != b_open)
		return a_open ? -1 : 1;
	if (!a->line != !b->line)
		return a->line ? -1 : 1;
	if (worst(a) > worst(b) || worst(a) < worst(b))
		return worst(a) > worst(b) ? -1 : 1;
	return strcmp(a->key, b->key);
}

/* On whose account a place is, also of one whose processes have ended: or he who has many
 * refused and end at once would have the places of all. */
static uid_t owner_of(const struct workload *workload)
{
	if (workload->who)
		return identity_charged(workload->who);
	return workload->line ? workload->line->owner : 0;
}

/* Those with a place stay, in front; all others become one, which is the last. */
static void give_places(struct summing *sums, struct label_values *values,
			uint64_t now_ns)
{
	struct workload others = {.key = WORKLOAD_OTHERS, .line = sums->others};
	size_t kept = 0;

	HASH_CLEAR(hh, sums->by_key);
	if (sums->len > 1)
		qsort(sums->all, sums->len, sizeof(*sums->all), compare);
	for (size_t i = 0; i < sums->len; i++) {
		struct workload *one = &sums->all[i];
		uid_t owner = owner_of(one);

		/* What has no process any more does not hold its place for that. */
		if (one->who ? label_values_place(values, one->key, owner, now_ns) >= 0
			     : label_values_find(values, one->key) >= 0 ||
				       label_values_place(values, one->key, owner,
							  now_ns) >= 0)
			sums->all[kept++] = *one;
		else
			merge(&others, one);
	}
	sums->all[kept++] = others;
	sums->len = kept;
}

/* ---- families ---- */

static void labels(struct exposition *x, enum workload_kind kind,
		   const struct workload *w)
{
	static const char *const keys[WORKLOAD_KINDS] = {
		[WORKLOAD_SERVICE] = "service",
		[WORKLOAD_CONTAINER] = "container_id",
		[WORKLOAD_POD] = "pod_uid",
		[WORKLOAD_USER] = "uid",
	};
	char name[NAME_LEN];
	struct pod_names pod = {0};
	struct container_names own = {0};

	exposition_label(x, keys[kind], w->key);
	if ((kind == WORKLOAD_CONTAINER || kind == WORKLOAD_POD) && w->who &&
	    pod_names_find(w->who, &pod)) {
		exposition_label(x, "namespace", pod.name_space);
		exposition_label(x, "pod", pod.pod);
		if (kind == WORKLOAD_CONTAINER && *pod.container)
			exposition_label(x, "container", pod.container);
	} else if (kind == WORKLOAD_CONTAINER && w->who &&
		   container_names_find(w->who, &own)) {
		exposition_label(x, "container", own.name);
		if (*own.image)
			exposition_label(x, "image", own.image);
	}
	if (kind == WORKLOAD_USER && *w->key != *WORKLOAD_OTHERS &&
	    user_names_find((uid_t)strtoul(w->key, NULL, 10), name, sizeof(name)))
		exposition_label(x, "user", name);
}

static void sample(struct exposition *x, enum workload_kind kind, const char *name,
		   const struct workload *w)
{
	exposition_sample(x, name);
	labels(x, kind, w);
}

static bool has_processes(const struct workload *w)
{
	return w->processes;
}

static bool has_fullest(const struct workload *w)
{
	return w->fullest;
}

static bool has_hard_limit(const struct workload *w)
{
	return w->fullest && w->fullest->fd.hard_limit != UINT64_MAX;
}

static bool has_growth(const struct workload *w)
{
	return w->growth_known;
}

static bool has_time(const struct workload *w)
{
	return w->full_known;
}

static double processes(const struct workload *w)
{
	return (double)w->processes;
}

static double descriptors(const struct workload *w)
{
	return (double)w->descriptors;
}

static double used(const struct workload *w)
{
	return (double)w->fullest->fd.used;
}

static double soft_limit(const struct workload *w)
{
	return (double)w->fullest->fd.soft_limit;
}

static double hard_limit(const struct workload *w)
{
	return (double)w->fullest->fd.hard_limit;
}

static double growth(const struct workload *w)
{
	return w->growth;
}

static double full_in(const struct workload *w)
{
	return w->full_in_s;
}

static double leaking(const struct workload *w)
{
	return (double)w->leaking;
}

static const struct {
	const char *name, *help;
	bool (*known)(const struct workload *w);
	double (*value)(const struct workload *w);
} gauges[] = {
	{"processes", "Processes of the KIND.", has_processes, processes},
	{"descriptors", "Descriptors open in all processes of the KIND.", has_processes,
	 descriptors},
	{"used_descriptors",
	 "Slots taken below the soft limit, of the fullest process of the KIND.",
	 has_fullest, used},
	{"soft_limit", "Soft limit of the fullest process of the KIND.", has_fullest,
	 soft_limit},
	{"hard_limit", "Hard limit of the fullest process of the KIND.", has_hard_limit,
	 hard_limit},
	{"usage_ratio", "Used slots by soft limit, of the fullest process of the KIND.",
	 has_fullest, worst},
	{"growth_per_second",
	 "Descriptors a second that the processes of the KIND take, over the last half "
	 "minute.",
	 has_growth, growth},
	{"seconds_to_full",
	 "Seconds until the first process of the KIND is full, as it grows now.",
	 has_time, full_in},
	{"leaking_processes", "Processes of the KIND that are suspected to leak.",
	 has_processes, leaking},
};

static void family(struct exposition *x, enum workload_kind kind, const char *what,
		   const char *type, const char *help, char name[NAME_LEN])
{
	const char *at = strstr(help, KIND);
	char text[256];

	snprintf(name, NAME_LEN, "fdwarden_%s_%s", workload_kind_name(kind), what);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - help), help,
		 workload_kind_name(kind), at + strlen(KIND));
	exposition_family(x, name, type, text);
}

static void put_gauges(struct exposition *x, enum workload_kind kind,
		       const struct summing *sums)
{
	char name[NAME_LEN];

	for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
		family(x, kind, gauges[g].name, "gauge", gauges[g].help, name);
		for (size_t i = 0; i < sums->len; i++) {
			if (!gauges[g].known(&sums->all[i]))
				continue;
			sample(x, kind, name, &sums->all[i]);
			exposition_value(x, gauges[g].value(&sums->all[i]));
		}
	}
}

static void put_incidents(struct exposition *x, enum workload_kind kind,
			  const struct summing *sums)
{
	char name[NAME_LEN];

	family(x, kind, "incidents", "gauge",
	       "Processes of the KIND in an open incident, by its level.", name);
	for (size_t i = 0; i < sums->len; i++)
		for (int level = 0; level < ROSTER_TROUBLES; level++) {
			if (!sums->all[i].processes)
				break;
			sample(x, kind, name, &sums->all[i]);
			exposition_label(x, "level", metrics_levels[level]);
			exposition_count(x, sums->all[i].incidents[level]);
		}
}

/* From 0 on, so that the first one is an increase. */
static void put_refused(struct exposition *x, enum workload_kind kind,
			const struct summing *sums)
{
	static const struct ledger_line none;
	char name[NAME_LEN];

	family(x, kind, "refused_calls_total", "counter",
	       "Calls of the KIND that were refused since monitoring began, by errno.",
	       name);
	for (size_t i = 0; i < sums->len; i++) {
		const struct ledger_line *line = sums->all[i].line;
		const struct {
			const char *error;
			uint64_t count;
		} by_error[] = {
			{"EMFILE", line ? line->emfile : none.emfile},
			{"ENFILE", line ? line->enfile : none.enfile},
			{"other", line ? line->other : none.other},
		};

		for (size_t e = 0; e < sizeof(by_error) / sizeof(by_error[0]); e++) {
			sample(x, kind, name, &sums->all[i]);
			exposition_label(x, "errno", by_error[e].error);
			exposition_count(x, by_error[e].count);
		}
	}
}

static void put_calls(struct exposition *x, enum workload_kind kind,
		      const struct summing *sums)
{
	char name[NAME_LEN];

	family(x, kind, "refused_by_call_total", "counter",
	       "The same by system call and errno, of those that were refused: the "
	       "KIND's first eight kinds, and all others as one.",
	       name);
	for (size_t i = 0; i < sums->len; i++) {
		const struct ledger_line *line = sums->all[i].line;

		for (size_t c = 0; line && c < line->calls_len; c++) {
			const struct ledger_call *call = &line->calls[c];

			sample(x, kind, name, &sums->all[i]);
			exposition_label(x, "call",
					 call->call ? call->call : WORKLOAD_OTHERS);
			exposition_label(x, "errno",
					 call->call ? metrics_error(call->error)
						    : "any");
			exposition_count(x, call->count);
		}
	}
}

int metrics_workloads(struct exposition *x, enum workload_kind kind,
		      struct label_values *values, const struct roster *roster,
		      const struct ledger_figures *counted)
{
	struct summing sums = {0};
	int err = sum_up(&sums, kind, roster, counted);

	if (!err) {
		give_places(&sums, values, metrics_clock(roster));
		put_gauges(x, kind, &sums);
		put_incidents(x, kind, &sums);
		put_refused(x, kind, &sums);
		put_calls(x, kind, &sums);
	}
	HASH_CLEAR(hh, sums.by_key);
	free(sums.all);
	return err;
}
