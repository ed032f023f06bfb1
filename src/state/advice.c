/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the advice together, in the order in which it is to be followed. */
#include "state/advice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

/* A day has its peak in it. */
#define SURE_S 86400.0

const char *advice_action_name(enum advice_action action)
{
	static const char *const names[] = {
		[ADVICE_FIX_LEAK] = "fix-leak",
		[ADVICE_DROP_IN] = "systemd-drop-in",
		[ADVICE_MANAGER] = "systemd-default",
		[ADVICE_LIMITS_CONF] = "limits-conf",
		[ADVICE_CONTAINER] = "container",
		[ADVICE_PROGRAM] = "program",
		[ADVICE_PARENT] = "parent",
		[ADVICE_PRLIMIT] = "prlimit",
		[ADVICE_SYSCTL] = "sysctl",
	};

	return names[action];
}

void advice_clear(struct advice *advice, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		free(advice[i].text);
		free(advice[i].file);
		free(advice[i].content);
		for (size_t c = 0; c < advice[i].commands_len; c++)
			command_clear(&advice[i].commands[c]);
		free(advice[i].container);
		command_clear(&advice[i].enter);
	}
	memset(advice, 0, len * sizeof(*advice));
}

/* ---- the leak ---- */

/* The next step. Of a full table a trace sees nothing, and what was open before is not in it
 * either: the room is to be made after it has begun. */
static void add_trace(const struct advice_question *question, struct advice_list *list,
		      struct advice *advice)
{
	if (!question->sites_wanted || question->who->pid <= 0)
		return;
	advice_say(list, advice, " A trace names the line of code that opens them%s.",
		   question->used >= question->soft_limit
			   ? "; make room while it runs, for it sees nothing of what "
			     "is refused"
			   : ", while that goes on");
	advice_command(list, advice, "fdwarden trace %d", (int)question->who->pid);
}

static void add_leak(const struct advice_question *question,
		     const struct advice_target *target, struct advice_list *list)
{
	const struct diagnosis *leak = NULL;
	struct advice *advice;
	char time[32];

	for (size_t i = 0; i < question->diagnoses_len && !leak; i++)
		if (question->diagnoses[i].leak)
			leak = &question->diagnoses[i];
	if (!target->leak)
		return;
	advice = advice_add(list, ADVICE_FIX_LEAK, 0,
			    "The program does not close what it opens%s%s.",
			    leak ? ": " : "", leak ? leak->text : "");
	if (!advice)
		return;
	if (target->raise && target->lasts_known) {
		advice_time(target->lasts_s, time, sizeof(time));
		advice_say(list, advice,
			   " A limit of %" PRIu64
			   " would only put it off, by about %s at the present growth.",
			   target->value, time);
	} else if (target->raise) {
		advice_say(list, advice,
			   " A limit of %" PRIu64 " would only put it off.",
			   target->value);
	}
	add_trace(question, list, advice);
}

/* ---- the system's own limits ---- */

static void add_sysctl(struct advice_list *list, const char *name, uint64_t is,
		       uint64_t value, const char *why)
{
	struct advice *advice;

	advice =
		advice_add(list, ADVICE_SYSCTL, value,
			   "%s is %" PRIu64 ", and %s: raise it first.", name, is, why);
	if (!advice)
		return;
	advice->file = advice_format(list, "/etc/sysctl.d/90-%s.conf", name);
	advice->content = advice_format(list, "%s = %" PRIu64 "\n", name, value);
	advice_write(list, advice);
	advice_command(list, advice, "sysctl -w %s=%" PRIu64, name, value);
}

static void add_system(const struct advice_question *question,
		       const struct advice_target *target, struct advice_list *list)
{
	uint64_t more = target->value - question->used;

	if (question->nr_open && target->value > question->nr_open)
		add_sysctl(list, "fs.nr_open", question->nr_open, target->value,
			   "no process can have a limit above it");
	if (question->files_max && question->files_max < (uint64_t)1 << 62 &&
	    question->files + more > question->files_max)
		add_sysctl(list, "fs.file-max", question->files_max,
			   advice_round_up(question->files + more + more / 4),
			   "all processes together would come to it before this one "
			   "comes to its new limit");
}

/* ---- right now ---- */

static void add_prlimit(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	struct advice *advice;
	char hard[24];

	const struct program *program = advice_program(question);
	bool raises_hard = target->hard > question->hard_limit;

	if (question->who->pid <= 0 || (program && program->no_prlimit))
		return;
	if (raises_hard && question->root_lacks_resource) {
		advice_add(list, ADVICE_PRLIMIT, 0,
			   "Right now, without a restart, it can't be raised: its "
			   "hard limit is in the way, and raising that needs "
			   "CAP_SYS_RESOURCE, which root lacks here.");
		return;
	}
	advice = advice_add(list, ADVICE_PRLIMIT, target->value,
			    "Right now, without a restart and until it ends");
	if (!advice)
		return;
	advice_say(list, advice, "%s",
		   raises_hard ? " (as root: the hard limit goes up as well)." : ".");
	advice_number(target->hard, "unlimited", hard);
	advice_command(list, advice, "prlimit --pid %d --nofile=%" PRIu64 ":%s",
		       (int)question->who->pid, target->value, hard);
}

/* ---- for good ---- */

static void add_parent(const struct advice_question *question,
		       const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct advice *advice;

	if (advice_for_children(question, target, list))
		return;
	if (origin->parent_name)
		advice = advice_add(list, ADVICE_PARENT, target->value,
				    "%s[%d] sets the limit for all that it starts: "
				    "change it there, and start it anew.",
				    origin->parent_name, (int)origin->parent);
	else
		advice = advice_add(list, ADVICE_PARENT, target->value,
				    "Nothing sets a limit: set one in what starts the "
				    "process, before it does.");
	if (advice)
		advice->content = advice_ulimit(list, question, target);
}

static void add_by_origin(const struct advice_question *question,
			  const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;

	if (origin->inside && origin->kind != ORIGIN_UNIT &&
	    origin->kind != ORIGIN_MANAGER_DEFAULT)
		advice_for_container(question, target, list);
	else if (advice_is_programs(question))
		advice_for_program(question, target, list);
	else if (origin->kind == ORIGIN_PARENT)
		add_parent(question, target, list);
	else if (origin->kind == ORIGIN_CONTAINER ||
		 (origin->kind == ORIGIN_UNKNOWN && origin->runtime))
		advice_for_container(question, target, list);
	else if (origin->user_manager && !origin->user_session)
		advice_for_unit(question, target, list);
	else if (origin->kind == ORIGIN_PAM || origin->user_session)
		advice_for_login(question, target, list);
	else if (origin->kind == ORIGIN_UNIT || origin->kind == ORIGIN_MANAGER_DEFAULT)
		advice_for_unit(question, target, list);
	else if (origin->kind == ORIGIN_KERNEL)
		add_parent(question, target, list);
}

static void add_lasting(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	if (advice_for_script(question, target, list))
		return;
	add_by_origin(question, target, list);
	advice_for_script_too(question, target, list);
}

static void name_hard_limit(const struct advice_question *question,
			    const struct advice_target *target,
			    struct advice_list *list, size_t first)
{
	uint64_t hard = question->hard_limit;

	/* the unit has more than what was made of it */
	if (question->origin && question->origin->given_hard > hard)
		hard = question->origin->given_hard;
	if (target->value <= hard || first == list->len ||
	    list->at[first].action == ADVICE_PARENT ||
	    list->at[first].action == ADVICE_PROGRAM)
		return;
	advice_say(list, &list->at[first],
		   " The hard limit, %" PRIu64
		   ", would stop it: this raises it as well.",
		   hard);
}

/* Programs that use select() have room for 1024 in it, whatever the limit. */
static void warn_of_select(const struct advice_question *question,
			   const struct advice_target *target, struct advice_list *list,
			   size_t first)
{
	if (!question->selects || target->value <= 1024 || first == list->len)
		return;
	advice_say(list, &list->at[first],
		   " It was seen to call select(2), which has no room for numbers from "
		   "1024 on: with them it corrupts its memory.");
}

/* What a load will need is not known from what it needs now. */
static void say_how_sure(const struct advice_question *question,
			 const struct advice_target *target, struct advice_list *list,
			 size_t first)
{
	char time[32];

	if (target->leak || first == list->len)
		return;
	advice_say(list, &list->at[first],
		   " That is room for %.2g times the %" PRIu64
		   " that were open at most",
		   (double)target->value / (double)target->peak, target->peak);
	if (question->seen_s > 0) {
		advice_time(question->seen_s, time, sizeof(time));
		advice_say(list, &list->at[first], ", in the %s that it was watched",
			   time);
	} else {
		advice_say(list, &list->at[first], ", in one look");
	}
	advice_say(list, &list->at[first], "%s",
		   question->seen_s < SURE_S
			   ? ": unsure, for how far its load goes is not known."
			   : ".");
}

int advice_make(const struct advice_question *question, struct advice out[ADVICE_MAX])
{
	struct advice_list list = {.at = out};
	struct advice_target target;
	size_t first;

	memset(out, 0, ADVICE_MAX * sizeof(*out));
	advice_find_target(question, &target);
	add_leak(question, &target, &list);
	if (target.raise && !advice_managed(question, &target, &list)) {
		add_system(question, &target, &list);
		first = list.len;
		if (question->origin)
			add_lasting(question, &target, &list);
		if (question->origin)
			advice_put_inside(question, &list, first);
		if (list.len > first)
			advice_say_program(question, &list, &list.at[first]);
		name_hard_limit(question, &target, &list, first);
		warn_of_select(question, &target, &list, first);
		say_how_sure(question, &target, &list, first);
		add_prlimit(question, &target, &list);
	}
	/* what can't be done puts nothing off */
	for (size_t i = 0; i < list.len; i++)
		out[i].bandage = target.leak && out[i].action != ADVICE_FIX_LEAK &&
				 (out[i].action != ADVICE_PRLIMIT || out[i].value);
	if (list.no_memory) {
		advice_clear(out, list.len);
		return -ENOMEM;
	}
	return (int)list.len;
}
