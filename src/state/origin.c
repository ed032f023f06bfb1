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

#include "state/origin_chain.h"

#define KERNEL_SOFT 1024
#define KERNEL_HARD 4096
/* A parent that raised the soft limit has one itself, and so on. */
#define DEPTH_MAX   8
/* Most that is told of a command line, in bytes; what "…" takes is there behind it. */
#define COMMAND_MAX 200

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
	free(origin->evidence);
	free(origin->denied);
	memset(origin, 0, sizeof(*origin));
	origin->owner = (uid_t)-1;
}

/* ---- one process, and what was found about it ---- */

struct subject {
	struct origin_search *search;
	const struct origin_question *question; /* NULL: of an ancestor */
	uint64_t soft, hard;
	struct origin_chain chain;
	struct origin_candidates list;
	/* of the list; NULL: none */
	struct origin_candidate *exact, *raised, *same_hard, *changed;
	size_t exact_at; /* which of the chain */
	int depth;
};

static const struct origin_task *setter(const struct subject *s)
{
	return &s->chain.task[s->chain.len - 1];
}

static bool is_itself(const struct subject *s)
{
	return s->chain.len == 1;
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

static void sift(struct subject *s, size_t first, size_t at)
{
	uint64_t began = ticks_to_realtime(setter(s)->start_ticks);

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
static int gather(struct subject *s)
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
	return 0;
}

static void take(struct origin *out, struct origin_candidate *candidate)
{
	*out = candidate->as;
	memset(&candidate->as, 0, sizeof(candidate->as));
}

/* Puts something behind the evidence. */
static void append(struct origin_search *search, struct origin *out, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
static void append(struct origin_search *search, struct origin *out, const char *format,
		   ...)
{
	char *more = NULL, *whole;
	va_list args;

	va_start(args, format);
	if (vasprintf(&more, format, args) < 0)
		more = NULL;
	va_end(args);
	whole = more ? origin_format(search, "%s%s", out->evidence ? out->evidence : "",
				     more)
		     : NULL;
	free(more);
	if (!whole)
		return;
	free(out->evidence);
	out->evidence = whole;
}

static void name_parent(struct subject *s, struct origin *out,
			const struct origin_task *parent)
{
	free(out->parent_name);
	out->parent = parent->pid;
	out->parent_name = origin_format(s->search, "%s", parent->comm);
}

/* ---- the outcomes, in the order in which they are tried ---- */

static void say_exact(struct subject *s, struct origin *out)
{
	const struct origin_task *by = &s->chain.task[s->exact_at];

	take(out, s->exact);
	if (s->exact_at)
		append(s->search, out, "; it has it from %s[%d]", by->comm,
		       (int)by->pid);
}

static void say_raised(struct subject *s, struct origin *out)
{
	out->soft_raised = true;
	if (s->question && s->question->own_limit)
		append(s->search, out,
		       "; the process was seen to set its soft limit itself, to the "
		       "hard one");
	else if (!is_itself(s))
		append(s->search, out,
		       "; %s[%d] raised the soft limit to the hard one and passed it "
		       "on",
		       setter(s)->comm, (int)setter(s)->pid);
	else if (s->question && s->question->own_limit_known)
		append(s->search, out,
		       "; the soft limit was raised to the hard one from outside, "
		       "as by prlimit(1)");
	else
		append(s->search, out,
		       "; the process raised its soft limit to the hard one");
	if (!is_itself(s) && !(s->question && s->question->own_limit))
		name_parent(s, out, setter(s));
}

static int explain(struct subject *s, struct origin *out);

/* It has the hard limit of its parent, as its soft one: whence has that one it? */
static bool try_parent_raised(struct subject *s, struct origin *out, int *err)
{
	const struct origin_task *above = &s->chain.above;
	struct subject *parent;

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
		name_parent(s, out, above);
	}
	append(s->search, out, " (of %s[%d])", above->comm, (int)above->pid);
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

/* What the sources of the place say, though it is not what there is. */
static void append_sources(struct subject *s, struct origin *out)
{
	const struct origin_candidate *other = s->same_hard  ? s->same_hard
					       : s->list.len ? &s->list.at[0]
							     : NULL;

	if (s->chain.above_known && s->chain.above.limits_known &&
	    !s->chain.above_is_manager) {
		char text[48];

		append(s->search, out, "; its parent %s[%d] has %s",
		       s->chain.above.comm, (int)s->chain.above.pid,
		       origin_limits_text(s->chain.above.soft, s->chain.above.hard,
					  text));
	}
	if (other && other->as.evidence)
		append(s->search, out, "%s%s",
		       s->same_hard ? "; the hard limit is as it was given: "
				    : "; it would have another one: ",
		       other->as.evidence);
}

static void say_self(struct subject *s, struct origin *out)
{
	char text[48];

	origin_limits_text(s->soft, s->hard, text);
	out->kind = ORIGIN_SELF;
	out->soft = s->soft;
	out->hard = s->hard;
	if (s->question && s->question->own_limit) {
		append(s->search, out, "it was seen to set its own limit to %s", text);
	} else if (s->question && s->question->own_limit_known) {
		out->kind = ORIGIN_UNKNOWN;
		append(s->search, out,
		       "it was watched since it began and did not set %s itself: "
		       "another process did, as by prlimit(1)",
		       text);
	} else {
		append(s->search, out,
		       "no one before it has %s: it, or the script that became it, "
		       "set it, or prlimit(1) did from outside",
		       text);
	}
	append_sources(s, out);
}

/* What a shell runs is in its arguments: which script it is. */
static void append_command(struct subject *s, struct origin *out, pid_t pid)
{
	struct origin_file file;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (origin_read(s->search, &s->search->host, path, &file) < 0)
		return;
	for (size_t i = 0; i + 1 < file.len; i++)
		if (!file.text[i])
			file.text[i] = ' ';
	if (file.len > COMMAND_MAX + sizeof("…"))
		memcpy(file.text + COMMAND_MAX, "…", sizeof("…"));
	if (file.len)
		append(s->search, out, " (%s)", file.text);
	origin_file_clear(&file);
}

static void say_parent(struct subject *s, struct origin *out)
{
	const struct origin_task *by = setter(s);
	char text[48];

	out->kind = ORIGIN_PARENT;
	out->soft = s->soft;
	out->hard = s->hard;
	name_parent(s, out, by);
	append(s->search, out, "%s[%d]", by->comm, (int)by->pid);
	append_command(s, out, by->pid);
	append(s->search, out, " set %s, and what it starts inherits it",
	       origin_limits_text(s->soft, s->hard, text));
	append_sources(s, out);
}

static void say_unknown(struct subject *s, struct origin *out)
{
	char text[48];

	out->kind = ORIGIN_UNKNOWN;
	append(s->search, out,
	       "nothing that could be read explains %s, and not all could be",
	       origin_limits_text(s->soft, s->hard, text));
	append_sources(s, out);
}

static void say_changed(struct subject *s, struct origin *out)
{
	char text[48];

	take(out, s->changed);
	out->stale = true;
	append(s->search, out,
	       ", but was changed after the process began, which has %s",
	       origin_limits_text(s->soft, s->hard, text));
}

/* Whether it is the first process of its unit or session: those that gave it its limits
 * then are the sources that were asked. */
static bool is_top(const struct subject *s)
{
	struct origin_place own, above;
	bool differ = true;

	if (!s->chain.above_known || s->chain.above_is_manager ||
	    s->chain.above_is_outside)
		return true;
	if (origin_place_read(setter(s)->cgroup, &own) < 0)
		return true;
	if (origin_place_read(s->chain.above.cgroup, &above) == 0)
		differ = own.kind != above.kind || strcmp(own.unit, above.unit) != 0;
	differ = differ && own.kind != PLACE_NONE && own.kind != PLACE_SCOPE;
	origin_place_clear(&own);
	origin_place_clear(&above);
	return differ;
}

static int explain(struct subject *s, struct origin *out)
{
	bool own = s->question && s->question->own_limit;
	int err = gather(s);

	if (err)
		return err;
	if (s->exact) {
		say_exact(s, out);
	} else if (s->raised) {
		take(out, s->raised);
		say_raised(s, out);
	} else if (try_parent_raised(s, out, &err)) {
		if (!err)
			say_raised(s, out);
	} else if (setter(s)->pid == 1 && s->soft == KERNEL_SOFT &&
		   s->hard == KERNEL_HARD) {
		out->kind = ORIGIN_KERNEL;
		out->soft = KERNEL_SOFT;
		out->hard = KERNEL_HARD;
		append(s->search, out,
		       "nobody set it: the kernel gives the first process %d:%d",
		       KERNEL_SOFT, KERNEL_HARD);
	} else if (s->changed && !own && is_top(s)) {
		say_changed(s, out);
	} else if (s->search->denied && !own && is_top(s)) {
		say_unknown(s, out);
	} else if (is_itself(s) || own) {
		say_self(s, out);
	} else {
		say_parent(s, out);
	}
	return err;
}

/* ---- the question ---- */

/* What holds of the process whatever the origin. */
static int add_place(struct subject *s, struct origin *out)
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

static int answer(struct subject *s, struct origin *out)
{
	struct origin_task *first = &s->chain.task[0];
	const struct identity *who = s->question->who;
	int err = origin_chain_read(s->search, who->pid, &s->chain);

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
	err = explain(s, out);
	return err ? err : add_place(s, out);
}

int origin_find(const struct origin_question *question, struct origin *out)
{
	struct origin_search search = {.is_test = strcmp(root_path, "/") != 0};
	struct subject *s = calloc(1, sizeof(*s));
	int err;

	memset(out, 0, sizeof(*out));
	out->owner = (uid_t)-1;
	if (!s)
		return -ENOMEM;
	err = origin_root_open_host(&search.host, root_path);
	if (err)
		goto out;
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
	free(s);
	return err;
}
