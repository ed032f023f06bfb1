/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found, in a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state/origin_subject.h"

/* Most that is told of a command line, in bytes; what "…" takes is there behind it. */
#define COMMAND_MAX 200

const struct origin_task *origin_setter(const struct origin_subject *s)
{
	return &s->chain.task[s->chain.len - 1];
}

bool origin_is_itself(const struct origin_subject *s)
{
	return s->chain.len == 1;
}

bool origin_did_set(const struct origin_subject *s)
{
	return s->question && s->question->own_limit;
}

bool origin_did_not_set(const struct origin_subject *s)
{
	return s->question && s->question->own_limit_known && !s->question->own_limit;
}

static void take(struct origin *out, struct origin_candidate *candidate)
{
	*out = candidate->as;
	memset(&candidate->as, 0, sizeof(candidate->as));
}

/* Puts something behind the evidence. */
void origin_append(struct origin_search *search, struct origin *out, const char *format,
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

void origin_name_parent(const struct origin_subject *s, struct origin *out,
			const struct origin_task *parent)
{
	free(out->parent_name);
	out->parent = parent->pid;
	out->parent_name = origin_format(s->search, "%s", parent->comm);
}

void origin_say_exact(struct origin_subject *s, struct origin *out)
{
	const struct origin_task *by = &s->chain.task[s->exact_at];

	take(out, s->exact);
	if (s->exact_at)
		origin_append(s->search, out, "; it has it from %s[%d]", by->comm,
			      (int)by->pid);
}

/* What another process did to the limit ends with the process: its parent has what the next
 * one begins with. Where the process may have set the limit itself, that is said. */
static void note_parent(struct origin_subject *s, struct origin *out)
{
	const struct origin_task *above = &s->chain.above;

	if (!s->chain.above_known || s->chain.above_is_manager ||
	    s->chain.above_is_outside || !origin_is_itself(s) || !above->limits_known ||
	    above->soft >= s->soft || above->hard != s->hard)
		return;
	out->restart = origin_format(
		s->search, "%s lasts until this one ends: %s[%d], above it, has %llu.",
		origin_did_not_set(s) ? "The limit that another process set"
				      : "If another process set the limit, as with "
					"prlimit(1), it",
		above->comm, (int)above->pid, (unsigned long long)above->soft);
}

/* … or a file. */
static void note_file(struct origin_subject *s, struct origin *out)
{
	char line[16] = "";

	if (!out->file || !out->soft || out->soft >= s->soft)
		return;
	if (out->line)
		snprintf(line, sizeof(line), ":%u", (unsigned)out->line);
	out->restart = origin_format(
		s->search,
		"The limit that another process set lasts until this one ends: "
		"%s%s%s has %llu.",
		out->file, line, out->inside ? " (in the container)" : "",
		(unsigned long long)out->soft);
}

void origin_say_who_raised(struct origin_subject *s, struct origin *out)
{
	out->soft_raised = true;
	if (origin_is_itself(s) && origin_did_not_set(s))
		note_file(s, out);
	if (origin_did_set(s))
		origin_append(
			s->search, out,
			"; the process was seen to set its own limit, and its soft one "
			"is the hard one now: raised by itself, or since by another "
			"process, as with prlimit(1)");
	else if (!origin_is_itself(s))
		origin_append(
			s->search, out,
			"; %s[%d] raised the soft limit to the hard one and passed it "
			"on",
			origin_setter(s)->comm, (int)origin_setter(s)->pid);
	else if (origin_did_not_set(s))
		origin_append(
			s->search, out,
			"; the soft limit was raised to the hard one from outside, "
			"as by prlimit(1)");
	else
		origin_append(s->search, out,
			      "; the soft limit was raised to the hard one, by the "
			      "process itself or from outside, as by prlimit(1)");
	if (!origin_is_itself(s) && !origin_did_set(s))
		out->raised_by = origin_setter(s)->pid;
}

void origin_say_raised(struct origin_subject *s, struct origin *out)
{
	take(out, s->raised);
	origin_say_who_raised(s, out);
}

/* What the sources of the place say, though it is not what there is. */
static void append_sources(struct origin_subject *s, struct origin *out)
{
	const struct origin_candidate *other = s->same_hard  ? s->same_hard
					       : s->list.len ? &s->list.at[0]
							     : NULL;

	if (s->chain.above_known && s->chain.above.limits_known &&
	    !s->chain.above_is_manager) {
		char text[48];

		origin_append(s->search, out, "; its parent %s[%d] has %s",
			      s->chain.above.comm, (int)s->chain.above.pid,
			      origin_limits_text(s->chain.above.soft,
						 s->chain.above.hard, text));
	}
	if (other && other->as.evidence)
		origin_append(s->search, out, "%s%s",
			      s->same_hard ? "; the hard limit is as it was given: "
					   : "; it would have another one: ",
			      other->as.evidence);
}

void origin_say_self(struct origin_subject *s, struct origin *out)
{
	char text[48];

	origin_limits_text(s->soft, s->hard, text);
	out->kind = ORIGIN_SELF;
	out->soft = s->soft;
	out->hard = s->hard;
	if (origin_did_set(s)) {
		/* that it set one is seen, not that it was this one */
		origin_append(
			s->search, out,
			"it was seen to set its own limit since its fork, and has %s: "
			"by itself, or changed since by another process, as with "
			"prlimit(1)",
			text);
	} else if (origin_did_not_set(s)) {
		out->kind = ORIGIN_UNKNOWN;
		origin_append(
			s->search, out,
			"it was watched since it began and did not set %s itself: "
			"another process did, as by prlimit(1)",
			text);
	} else {
		origin_append(
			s->search, out,
			"no process above it has %s (soft:hard): it, or the script "
			"that became it, set it, or prlimit(1) did from outside",
			text);
	}
	if (!origin_did_set(s))
		note_parent(s, out);
	out->forked = out->kind == ORIGIN_SELF && origin_is_itself(s) &&
		      s->chain.above_known && !s->chain.above_is_manager &&
		      strcmp(s->chain.above.comm, s->chain.task[0].comm) == 0;
	append_sources(s, out);
}

/* What a shell runs is in its arguments: which script it is. */
static void append_command(struct origin_subject *s, struct origin *out, pid_t pid)
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
		origin_append(s->search, out, " (%s)", file.text);
	origin_file_clear(&file);
}

void origin_say_parent(struct origin_subject *s, struct origin *out)
{
	const struct origin_task *by = origin_setter(s);
	char text[48];

	out->kind = ORIGIN_PARENT;
	out->soft = s->soft;
	out->hard = s->hard;
	origin_name_parent(s, out, by);
	origin_append(s->search, out, "%s[%d]", by->comm, (int)by->pid);
	append_command(s, out, by->pid);
	origin_append(s->search, out, " set %s, and what it starts inherits it",
		      origin_limits_text(s->soft, s->hard, text));
	append_sources(s, out);
}

void origin_say_outside(struct origin_subject *s, struct origin *out)
{
	take(out, s->same_hard);
	note_file(s, out);
	origin_append(
		s->search, out,
		"; the soft limit was set to %llu since, by another process, as with "
		"prlimit(1)",
		(unsigned long long)s->soft);
}

void origin_say_ourselves(struct origin_subject *s, struct origin *out)
{
	const struct raise *raise = &s->search->raise;
	time_t when = (time_t)(raise->when_ns / 1000000000u);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&when, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	out->raise = *raise;
	origin_append(s->search, out,
		      "; fdwarden raised the soft limit from %llu to %llu at %s, as %s",
		      (unsigned long long)raise->from, (unsigned long long)raise->to,
		      text,
		      raise->by_hand ? "somebody asked it to"
				     : "on_critical = raise-soft wants it");
	free(out->restart);
	out->restart =
		origin_format(s->search,
			      "The limit that fdwarden set lasts until this one ends: "
			      "the next one begins with %llu again.",
			      (unsigned long long)raise->from);
}

void origin_say_unknown(struct origin_subject *s, struct origin *out)
{
	char text[48];

	out->kind = ORIGIN_UNKNOWN;
	origin_append(s->search, out,
		      "nothing that could be read explains %s, and not all could be",
		      origin_limits_text(s->soft, s->hard, text));
	append_sources(s, out);
}

void origin_say_changed(struct origin_subject *s, struct origin *out)
{
	char text[48];

	take(out, s->changed);
	out->stale = true;
	origin_append(s->search, out,
		      ", but was changed after the process began, which has %s",
		      origin_limits_text(s->soft, s->hard, text));
}

void origin_say_kernel(struct origin_subject *s, struct origin *out)
{
	out->kind = ORIGIN_KERNEL;
	out->soft = ORIGIN_KERNEL_SOFT;
	out->hard = ORIGIN_KERNEL_HARD;
	origin_append(s->search, out,
		      "nobody set it: the kernel gives the first process %d:%d",
		      ORIGIN_KERNEL_SOFT, ORIGIN_KERNEL_HARD);
}
