/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses among the sources: the one that gives just what the process has. Where none
 * does, it says which process set the limit; and where something could not be read, or
 * nothing fits, that it does not know.
 */
#include "state/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/origin_opener.h"
#include "state/origin_subject.h"

/* A parent that raised the soft limit has one itself, and so on. */
#define DEPTH_MAX 8

static const char *root_path = "/";

void origin_set_root(const char *root)
{
	root_path = root && root[0] ? root : "/";
}

const char *origin_kind_name(enum origin_kind kind)
{
	static const char *const names[] = {
		[ORIGIN_UNKNOWN] = "unknown",
		[ORIGIN_UNIT] = "systemd-unit",
		[ORIGIN_MANAGER_DEFAULT] = "systemd-default",
		[ORIGIN_CONTAINER] = "container",
		[ORIGIN_PAM] = "pam",
		[ORIGIN_PARENT] = "parent",
		[ORIGIN_SELF] = "self",
		[ORIGIN_KERNEL] = "kernel",
	};

	return names[kind];
}

void origin_clear(struct origin *origin)
{
	free(origin->file);
	free(origin->setting);
	free(origin->unit);
	free(origin->runtime);
	free(origin->user);
	free(origin->parent_name);
	free(origin->opener);
	free(origin->script);
	free(origin->restart);
	free(origin->evidence);
	free(origin->denied);
	memset(origin, 0, sizeof(*origin));
	origin->owner = (uid_t)-1;
}

static uint64_t ticks_to_realtime(uint64_t ticks)
{
	struct timespec real, boot;
	uint64_t since;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	since = (uint64_t)(real.tv_sec - boot.tv_sec) * 1000000000u +
		(uint64_t)real.tv_nsec - (uint64_t)boot.tv_nsec;
	return since + ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static bool same_cgroup(const struct origin_task *a, const struct origin_task *b)
{
	return a->cgroup && b->cgroup && strcmp(a->cgroup, b->cgroup) == 0;
}

static void sift(struct origin_subject *s, size_t first, size_t at)
{
	uint64_t began = ticks_to_realtime(origin_setter(s)->start_ticks);

	for (size_t i = first; i < s->list.len; i++) {
		struct origin_candidate *candidate = &s->list.at[i];

		switch (origin_candidate_fit(s->search, candidate, s->soft, s->hard)) {
		case ORIGIN_FIT_EXACT:
			if (!s->exact)
				s->exact_at = at;
			s->exact = s->exact ? s->exact : candidate;
			break;
		case ORIGIN_FIT_RAISED:
			s->raised = s->raised ? s->raised : candidate;
			break;
		case ORIGIN_FIT_HARD:
			s->same_hard = s->same_hard ? s->same_hard : candidate;
			break;
		case ORIGIN_FIT_NOT:
			if (!s->changed && candidate->changed_ns > began)
				s->changed = candidate;
			break;
		}
	}
}

/* Asks the sources of the process's place; where none fits, those of its parents'. */
static int gather(struct origin_subject *s)
{
	for (size_t i = 0; i < s->chain.len && !s->exact; i++) {
		uid_t uid = s->question && i == 0 ? s->question->who->uid : (uid_t)-1;
		size_t first = s->list.len;
		int err;

		if (i && same_cgroup(&s->chain.task[i], &s->chain.task[i - 1]))
			continue;
		err = origin_place_candidates(s->search, &s->chain.task[i], uid,
					      &s->list);
		if (err)
			return err;
		sift(s, first, i);
	}
	if (!s->exact) {
		size_t first = s->list.len;

		origin_opener(s->search, &s->chain,
			      s->question ? s->question->who->uid : (uid_t)-1,
			      &s->list);
		sift(s, first, 0);
	}
	return 0;
}

/* What the unit is given: whatever is proposed for it may not be below that. */
static void note_given(const struct origin_subject *s, struct origin *out)
{
	for (size_t i = 0; i < s->list.len; i++) {
		const struct origin *as = &s->list.at[i].as;

		if (as->kind != ORIGIN_UNIT && as->kind != ORIGIN_MANAGER_DEFAULT)
			continue;
		out->given_soft = as->soft;
		out->given_hard = as->hard;
		if (as->ceiling && out->given_hard > as->ceiling)
			out->given_hard = as->ceiling;
		return;
	}
}

/* ---- the outcomes ---- */

static int explain(struct origin_subject *s, struct origin *out);

/* It has the hard limit of its parent, as its soft one: whence has that one it? */
static bool try_parent_raised(struct origin_subject *s, struct origin *out, int *err)
{
	const struct origin_task *above = &s->chain.above;
	struct origin_subject *parent;

	if (!s->chain.above_known || s->chain.above_is_manager ||
	    s->chain.above_is_outside || !above->limits_known || s->soft != s->hard ||
	    above->hard != s->hard || above->soft >= s->soft || s->depth == DEPTH_MAX)
		return false;
	parent = calloc(1, sizeof(*parent));
	if (!parent) {
		*err = -ENOMEM;
		return true;
	}
	parent->search = s->search;
	parent->depth = s->depth + 1;
	parent->soft = above->soft;
	parent->hard = above->hard;
	*err = origin_chain_read(s->search, above->pid, &parent->chain);
	if (!*err)
		*err = explain(parent, out);
	if (!*err && out->kind == ORIGIN_SELF) {
		out->kind = ORIGIN_PARENT;
		origin_name_parent(s, out, above);
	}
	origin_append(s->search, out, " (of %s[%d])", above->comm, (int)above->pid);
	origin_chain_clear(&parent->chain);
	origin_candidates_clear(&parent->list);
	free(parent);
	if (*err == -ESRCH) { /* it has just ended: then this says nothing */
		*err = 0;
		origin_clear(out);
		return false;
	}
	return true;
}

/* What prlimit(1) did lasts as long as the process: the next one has what the source
 * gives. */
static bool was_set_from_outside(const struct origin_subject *s)
{
	return origin_did_not_set(s) && origin_is_itself(s) && s->same_hard;
}

/* Whether it is the first process of its unit or session: those that gave it its limits
 * then are the sources that were asked. They set them between fork and exec, which to the
 * sensor is the process's own doing: for such a one it proves nothing. */
static bool is_top(const struct origin_subject *s)
{
	struct origin_place own, above;
	bool differ = true;

	if (!s->chain.above_known || s->chain.above_is_manager ||
	    s->chain.above_is_outside)
		return true;
	if (origin_place_read(origin_setter(s)->cgroup, &own) < 0)
		return true;
	if (origin_place_read(s->chain.above.cgroup, &above) == 0)
		differ = own.kind != above.kind || strcmp(own.unit, above.unit) != 0;
	differ = differ && own.kind != PLACE_NONE && own.kind != PLACE_SCOPE;
	origin_place_clear(&own);
	origin_place_clear(&above);
	return differ;
}

static bool is_kernels(const struct origin_subject *s)
{
	return origin_setter(s)->pid == 1 && s->soft == ORIGIN_KERNEL_SOFT &&
	       s->hard == ORIGIN_KERNEL_HARD;
}

static int explain(struct origin_subject *s, struct origin *out)
{
	struct origin given = {0};
	bool top = is_top(s), own;
	int err = gather(s);

	if (err)
		return err;
	note_given(s, &given);
	own = origin_did_set(s) && !(top && origin_is_itself(s));
	if (s->search->cost.over) { /* what fits so far may not be what counts */
		origin_say_unknown(s, out);
	} else if (s->exact) {
		origin_say_exact(s, out);
	} else if (s->raised) {
		origin_say_raised(s, out);
	} else if (try_parent_raised(s, out, &err)) {
		if (!err)
			origin_say_who_raised(s, out);
	} else if (is_kernels(s)) {
		origin_say_kernel(s, out);
	} else if (s->changed && top && !own) {
		origin_say_changed(s, out);
	} else if (s->search->denied && top && !own) {
		origin_say_unknown(s, out);
	} else if (was_set_from_outside(s)) {
		origin_say_outside(s, out);
	} else if (origin_is_itself(s) || own) {
		origin_say_self(s, out);
	} else {
		origin_say_parent(s, out);
	}
	if (!s->exact && !s->raised) {
		out->given_soft = given.given_soft;
		out->given_hard = given.given_hard;
	}
	return err;
}

/* ---- the question ---- */

/* What holds of the process whatever the origin. */
static int add_place(struct origin_subject *s, struct origin *out)
{
	struct origin_place place;
	struct origin_user user;
	const struct origin_root *root = &s->search->host;

	if (origin_place_read(s->chain.task[0].cgroup, &place) < 0)
		return -ENOMEM;
	out->user_session = place.kind == PLACE_SESSION ||
			    (place.kind == PLACE_SCOPE && place.of_login);
	if (!out->runtime && place.runtime)
		out->runtime = origin_format(s->search, "%s", place.runtime);
	if (!out->unit && (place.kind == PLACE_UNIT || place.kind == PLACE_USER)) {
		out->unit = origin_format(s->search, "%s", place.unit);
		out->user_manager = place.kind == PLACE_USER;
		out->inside = place.in_container;
	}
	if (out->owner == (uid_t)-1 && place.of_login && !place.in_container) {
		out->owner = place.owner;
		if (origin_user_by_uid(s->search, root, place.owner, &user))
			out->user = origin_format(s->search, "%s", user.name);
	}
	out->claimed = place.claimed;
	origin_place_clear(&place);
	return 0;
}

/* Whether it is still the same process. */
static bool is_same(const struct identity *who, const struct origin_task *task)
{
	uint64_t ticks = who->start_ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));

	return !who->start_ns ||
	       (task->start_ticks + 1 >= ticks && task->start_ticks <= ticks + 1);
}

static uint64_t read_nr_open(struct origin_search *search)
{
	struct origin_file file;
	uint64_t value;

	if (origin_read(search, &search->host, "/proc/sys/fs/nr_open", &file) < 0)
		return 0;
	value = strtoull(file.text, NULL, 10);
	origin_file_clear(&file);
	return value;
}

static int answer(struct origin_subject *s, struct origin *out)
{
	struct origin_task *first = &s->chain.task[0];
	const struct identity *who = s->question->who;
	bool raised;
	int err;

	if (s->question->raise.to) {
		s->search->raised_pid = who->pid;
		s->search->raise = s->question->raise;
	}
	err = origin_chain_read(s->search, who->pid, &s->chain);
	if (err)
		return err;
	if (!is_same(who, first))
		return -ESRCH;
	if (!first->cgroup && who->cgroup) {
		first->cgroup = strdup(who->cgroup);
		s->search->no_memory |= !first->cgroup;
	}
	/* its limits may have been read a moment ago: the later ones count */
	s->soft = first->limits_known ? first->soft : s->question->soft_limit;
	s->hard = first->limits_known ? first->hard : s->question->hard_limit;
	raised = s->search->raised_pid && first->limits_known &&
		 first->soft == s->search->raise.from;
	err = explain(s, out);
	if (!err)
		origin_script(s, out);
	if (!err && raised)
		origin_say_ourselves(s, out);
	return err ? err : add_place(s, out);
}

int origin_find(const struct origin_question *question, struct origin *out)
{
	struct origin_search search = {.is_test = strcmp(root_path, "/") != 0};
	struct origin_subject *s = calloc(1, sizeof(*s));
	int err;

	memset(out, 0, sizeof(*out));
	out->owner = (uid_t)-1;
	if (!s)
		return -ENOMEM;
	err = origin_root_open_host(&search.host, root_path);
	if (err)
		goto out;
	origin_cost_begin(&search);
	search.nr_open = read_nr_open(&search);
	s->search = &search;
	s->question = question;
	err = answer(s, out);
	free(out->denied);
	out->denied = search.denied;
	search.denied = NULL;
	if (!err && search.no_memory)
		err = -ENOMEM;
out:
	origin_root_close(&search.host);
	origin_chain_clear(&s->chain);
	origin_candidates_clear(&s->list);
	free(search.denied);
	free(search.started.exec);
	free(search.started.file);
	free(s);
	return err;
}
