// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/syscalls.h"
#include "daemon/before.h"
#include "daemon/leaks.h"
#include "policy/forecast.h"
#include "state/advice_holders.h"
#include "state/blocked.h"
#include "state/holders_helper.h"
#include "state/origin_helper.h"

/* All that a diagnosis may sum up; far fewer are shown. */
#define GROUPS_MAX            4096
/* Of a child, as many are looked at. */
#define CHILD_DESCRIPTORS_MAX 4096
/* Fewer descriptors that a parent has, too, are no cause. */
#define INHERITED_MIN         30
/* A child has a copy of the table when so much of it is in the child's, too: a little may
 * have been closed since, on either side. */
#define COPY_SHARE            0.8

/* ---- the question ---- */

struct search {
	const struct process *parent; /* the one that is asked about */
	struct explain_question *out;
};

/* One with far fewer descriptors than its parent has inherited none to speak of; one that
 * runs the parent's own program since its fork has them on purpose (workers). */
static void visit_relative(void *context, struct process *process)
{
	struct search *search = context;
	struct explain_question *out = search->out;

	if (process->who.pid == search->parent->who.ppid && process->has_table &&
	    process->table.files != search->parent->table.files &&
	    process->exec_id != search->parent->exec_id)
		out->parent = process->who.pid;
	if (process->who.ppid != search->parent->who.pid || !process->has_table ||
	    process->table.files == search->parent->table.files ||
	    process->exec_id == search->parent->exec_id ||
	    (double)process->table.count <
		    COPY_SHARE * (double)search->parent->table.count)
		return;
	if (out->children_len < EXPLAIN_CHILDREN_MAX)
		out->children[out->children_len] = process->who.pid;
	out->children_len++;
}

static double seconds_watched(const struct process *process, uint64_t since_ns)
{
	uint64_t from_ns =
		process->who.start_ns > since_ns ? process->who.start_ns : since_ns;

	return since_ns && process->table_ns > from_ns
		       ? (double)(process->table_ns - from_ns) / 1e9
		       : 0;
}

/* What has become known of it over time: the one verdict that all share who explain it. */
static void add_verdict(const struct process *process,
			struct diagnosis_history *history)
{
	const struct leak_watch *watch = process->watch;

	history->in_trouble = process->trouble->policy.level > POLICY_LEVEL_OK;
	history->leak_suspected = process->trouble->policy.leak;
	history->leak_told = process->trouble->leak_told;
	history->refused_per_s = process->trouble->spin.per_s;
	history->core_share = process->trouble->spin.core_share;
	history->refused_call = syscalls_name(process->trouble->spin.call);
	if (process->trouble->policy.leak && watch && watch->then.known) {
		history->before = watch->then;
	} else if (process->before) {
		history->before = process->before->look;
		history->opened_before = process->before->opened;
		history->closed_before = process->before->closed;
	}
}

void explain_history(const struct process *process, uint64_t since_ns,
		     struct feed_history *out)
{
	const struct fdw_table *fds = &process->table;
	struct forecast forecast;

	memset(out, 0, sizeof(*out));
	out->pid = process->who.pid;
	out->start_ns = process->who.start_ns;
	out->own_limit = fds->flags & FDW_TABLE_OWN_LIMIT;
	out->own_limit_known = since_ns && process->who.start_ns >= since_ns;
	out->peak = process->trouble->policy.max_used > fds->used
			    ? process->trouble->policy.max_used
			    : fds->used;
	out->seen_s = seconds_watched(process, since_ns);
	forecast_estimate(&process->history, fds->soft_limit, &forecast);
	out->verdict = (struct diagnosis_history){
		.counters_known = fds->flags & FDW_TABLE_COUNTERS,
		.opened = fds->opened,
		.closed = fds->closed,
		.growth_known = forecast.growth_known,
		.growth_per_s = forecast.growth_per_s,
		.growth_over_s = forecast.growth_over_s,
		/* that of what is far from its limit is no one's trouble */
		.growth_sound = forecast.exhaustion_known ||
				(forecast.growth_sound && fds->used >= fds->soft_limit),
		.age_s = process->table_ns > process->who.start_ns
				 ? (double)(process->table_ns - process->who.start_ns) /
					   1e9
				 : 0,
		.used = fds->used,
		.soft_limit = fds->soft_limit,
	};
	add_verdict(process, &out->verdict);
}

/* The present figures are the question's own. */
void explain_take_history(struct explain_question *question,
			  const struct feed_history *history)
{
	struct diagnosis_history verdict = history->verdict;

	verdict.age_s = question->history.age_s;
	verdict.used = question->history.used;
	verdict.soft_limit = question->history.soft_limit;
	question->history = verdict;
	question->own_limit = history->own_limit;
	question->own_limit_known = history->own_limit_known;
	question->seen_s = history->seen_s;
	question->peak =
		history->peak > question->used ? history->peak : question->used;
}

int explain_ask(struct process_table *table, struct process *process, uint64_t since_ns,
		struct explain_question *out)
{
	const struct fdw_table *fds = &process->table;
	struct search search = {.parent = process, .out = out};
	struct feed_history history;

	memset(out, 0, sizeof(*out));
	out->tid = (pid_t)process->thread;
	out->exec_id = process->exec_id;
	out->used = fds->used;
	out->soft_limit = fds->soft_limit;
	out->hard_limit = fds->hard_limit;
	explain_history(process, since_ns, &history);
	out->history = history.verdict;
	explain_take_history(out, &history);
	process_table_each(table, visit_relative, &search);
	return identity_copy(&out->who, &process->who);
}

void explain_question_clear(struct explain_question *question)
{
	identity_clear(&question->who);
}

/* ---- children with copies ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The open files of a table, in order. NULL: no memory. The caller frees it. */
static uint64_t *files_of(const struct census_result *result)
{
	uint64_t *files = calloc(result->len + 1, sizeof(*files));

	for (size_t i = 0; files && i < result->len; i++)
		files[i] = result->descriptors[i].file;
	if (files)
		qsort(files, result->len, sizeof(*files), by_value);
	return files;
}

static size_t count_same(struct census *census, pid_t other, const uint64_t *files,
			 size_t len)
{
	struct census_result theirs;
	size_t same = 0;

	if (!census_read(census, other, 0, CHILD_DESCRIPTORS_MAX, &theirs))
		for (size_t i = 0; i < theirs.len; i++)
			same += bsearch(&theirs.descriptors[i].file, files, len,
					sizeof(*files), by_value) != NULL;
	census_clear(&theirs);
	return same;
}

static bool has_copy(struct census *census, pid_t child, const uint64_t *files,
		     size_t len)
{
	size_t same = count_same(census, child, files, len);

	/* of a larger table only the beginning was looked at */
	if (len > CHILD_DESCRIPTORS_MAX)
		len = CHILD_DESCRIPTORS_MAX;
	return (double)same >= COPY_SHARE * (double)len;
}

/* Some are looked at, and what holds for all of them holds for the rest. */
static uint64_t count_copies(struct census *census,
			     const struct explain_question *question,
			     const struct census_result *result)
{
	uint64_t *files, copies = 0, looked = 0;

	if (!question->children_len || !result->len)
		return 0;
	files = files_of(result);
	if (!files)
		return 0;
	for (; looked < question->children_len && looked < EXPLAIN_CHILDREN_MAX;
	     looked++)
		copies += has_copy(census, question->children[looked], files,
				   result->len);
	free(files);
	return copies == looked ? question->children_len : copies;
}

/* What it has from its parent, since its exec. */
static void find_inherited(struct census *census,
			   const struct explain_question *question,
			   const struct census_result *result,
			   struct diagnosis_history *history)
{
	uint64_t *files = question->parent && result->len >= INHERITED_MIN
				  ? files_of(result)
				  : NULL;

	if (files)
		history->inherited =
			count_same(census, question->parent, files, result->len);
	history->parent = question->parent;
	free(files);
}

/* ---- the two steps ---- */

static int look(struct census *census, const struct explain_question *question,
		const struct census_result *result, struct explanation *out)
{
	struct diagnosis_history history = question->history;

	out->left_out = result->cut;
	out->inventory = inventory_new(result->descriptors, result->len, GROUPS_MAX);
	if (!out->inventory)
		return -ENOMEM;
	history.children = count_copies(census, question, result);
	find_inherited(census, question, result, &history);
	out->diagnoses_len = diagnosis_make(out->inventory, &history, out->diagnoses);
	return 0;
}

static void say_why_not(int err, struct explanation *out)
{
	const char *why = strerrordesc_np(-err);

	if (err == -ESRCH)
		why = EXPLANATION_GONE;
	else if (err == -EMFILE || err == -ENFILE)
		why = "no descriptor is left to look with";
	snprintf(out->unexplained, sizeof(out->unexplained), "%s", why ? why : "?");
}

int explain_descriptors(struct census *census, const struct explain_question *question,
			size_t max, struct explanation *out, struct census_result *keep)
{
	struct census_result result = {0};
	int err;

	err = census_read(census, question->who.pid, question->tid, max, &result);
	/* The pid may be another process's by now. */
	if (!err && result.len && result.start_ns != question->who.start_ns)
		err = -ESRCH;
	if (!err)
		err = look(census, question, &result, out);
	if (err)
		say_why_not(err, out);
	if (keep)
		*keep = result;
	else
		census_clear(&result);
	return err;
}

static int find_here(const struct origin_question *question, struct identity *who,
		     struct origin *out)
{
	int err;

	(void)identity_read_proc(who);
	err = origin_find(question, out);
	out->selects = blocked_in_select(who->pid);
	return err;
}

static int (*find_origin)(const struct origin_question *, struct identity *,
			  struct origin *) = find_here;

void explain_in_helper(void)
{
	find_origin = origin_helper_find;
}

/* What took too long, or broke, says so in place of the origin: 0 then. */
static int find_limit(const struct origin_question *question, struct identity *who,
		      struct origin *out)
{
	int err = find_origin(question, who, out);
	const char *why =
		err == -ETIMEDOUT ? "took too long, and was ended"
		: err == -EBUSY ? "was not begun: too many others, of this user or of "
				  "all, wait for files that do not come"
		: err == -EOPNOTSUPP ? "was not begun: the unit or the container that "
				       "fdwarden runs in forbids seccomp(2) or "
				       "capset(2)"
		: err == -EPIPE || err == -EPROTO ? "broke off on one of them"
						  : NULL;

	if (!why)
		return err;
	origin_clear(out);
	if (asprintf(&out->evidence,
		     "reading the files of user %u that say it, for %s[%d], %s",
		     who->uid, who->comm, (int)who->pid, why) < 0) {
		out->evidence = NULL;
		return -ENOMEM;
	}
	out->denied = strdup(out->evidence);
	return out->denied ? 0 : -ENOMEM;
}

/* With the origin that `out` has. */
static int add_advice(const struct explain_question *question,
		      const struct diagnosis *diagnoses, size_t diagnoses_len,
		      struct explanation *out)
{
	struct advice_question advice = {
		.who = &question->who,
		.origin = &out->origin,
		.diagnoses = diagnoses,
		.diagnoses_len = diagnoses_len,
		.leak_suspected = question->history.leak_suspected,
		.used = question->used,
		.soft_limit = question->soft_limit,
		.hard_limit = question->hard_limit,
		.peak = question->peak,
		.seen_s = question->seen_s,
		.growth_known = question->history.growth_known,
		.growth_per_s = question->history.growth_per_s,
		.nr_open = question->nr_open,
		.files = question->files,
		.files_max = question->files_max,
		.selects = out->origin.selects,
		.sites_wanted = question->sites_wanted,
		.root_lacks_resource = question->root_lacks_resource,
	};
	int n;

	out->origin_known = true;
	out->soft_limit = question->soft_limit;
	out->hard_limit = question->hard_limit;
	n = advice_make(&advice, out->advice);
	if (n < 0)
		return n;
	out->advice_len = (size_t)n;
	return 0;
}

int explain_unread(struct explain_question *question, const struct diagnosis *diagnoses,
		   size_t diagnoses_len, const char *text, struct explanation *out)
{
	out->origin = (struct origin){.owner = (uid_t)-1};
	out->origin.evidence = strdup(text);
	out->origin.denied = strdup(text);
	if (!out->origin.evidence || !out->origin.denied)
		return -ENOMEM;
	return add_advice(question, diagnoses, diagnoses_len, out);
}

int explain_limit(struct explain_question *question, const struct diagnosis *diagnoses,
		  size_t diagnoses_len, struct origin *found, struct explanation *out)
{
	struct origin_question origin = {
		.who = &question->who,
		.soft_limit = question->soft_limit,
		.hard_limit = question->hard_limit,
		.own_limit = question->own_limit,
		.own_limit_known = question->own_limit_known,
	};
	int err;

	(void)raises_find(question->who.pid, question->who.start_ns,
			  question->soft_limit, &origin.raise);
	if (found) {
		out->origin = *found;
		memset(found, 0, sizeof(*found));
	} else {
		err = find_limit(&origin, &question->who, &out->origin);
		if (err)
			return err;
	}
	return add_advice(question, diagnoses, diagnoses_len, out);
}

int explain_holders(const struct explain_question *question, struct explanation *out)
{
	struct holders_question holders = {
		.what = question->holders,
		.pid = question->who.pid,
		.uid = question->who.uid,
	};
	struct advice_other_limit limit = {
		.pid = question->who.pid,
		.sysctl = question->sysctl,
		.value = question->limit_value,
		.holders = &out->holders,
	};
	int n = holders_helper_find(&holders, identity_charged(&question->who),
				    &out->holders);

	if (!n)
		n = advice_for_other_limit(&limit, out->advice);
	if (n < 0)
		return n;
	out->advice_len = (size_t)n;
	return 0;
}
