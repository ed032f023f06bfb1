/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What to change where a program has a say in its limit. What it does to the limit is
 * known of some (policy/programs.def); of others nothing is, and nothing is claimed.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "state/advice_impl.h"

/* Who a limit is of, as far as advice goes. */
enum program_blame {
	BLAME_SETTING, /* the program's own setting */
	BLAME_FRONT,   /* what stands in front of it: a script, prlimit(1) */
	BLAME_EITHER,  /* they would look alike */
};

/* Of limits that were set somewhere between its unit, or parent, and what it has now. */
static enum program_blame blame_of(const struct program *program,
				   const struct advice_question *question)
{
	bool equal = question->soft_limit == question->hard_limit;

	/* what its own master process does not have nobody has put in front of it */
	if (question->origin->forked && program->before &&
	    ((program->way == PROGRAM_MAY_SET && equal) ||
	     program->way == PROGRAM_MAY_RAISE))
		return BLAME_SETTING;
	switch (program->way) {
	case PROGRAM_SETS:
		return BLAME_SETTING;
	case PROGRAM_MAY_SET:
		return equal ? BLAME_EITHER : BLAME_FRONT;
	case PROGRAM_MAY_RAISE:
		return equal ? BLAME_FRONT : BLAME_EITHER;
	case PROGRAM_RAISES:
		if (!program->before)
			return BLAME_FRONT;
		if (!program->standard)
			return equal ? BLAME_FRONT : BLAME_SETTING;
		/* as much as it wants by itself, or less than that */
		return program_value(program, question->soft_limit) >
					       program->standard ||
				       !equal
			       ? BLAME_SETTING
			       : BLAME_EITHER;
	case PROGRAM_TAKES:
		break;
	}
	return BLAME_FRONT;
}

/* The setting itself, with its file. */
static void add_content(const struct advice_question *question,
			const struct program *program, uint64_t limit,
			struct advice_list *list, struct advice *advice)
{
	const struct identity *who = question->who;
	char file[PATH_MAX];

	advice->content = advice_format(list, "%s%" PRIu64 "%s", program->before,
					program_value(program, limit), program->behind);
	if (program_file(program, who->executable, who->comm, file, sizeof(file)))
		advice->file = advice_format(list, "%s", file);
}

void advice_say_program(const struct advice_question *question,
			struct advice_list *list, struct advice *advice)
{
	const struct program *program = advice_program(question);

	if (program && program->also)
		advice_say(list, advice, " %s", program->also);
	if (program && program->live)
		advice_say(list, advice, " %s", program->live);
}

static void add_setting(const struct advice_question *question,
			const struct advice_target *target,
			const struct program *program, bool sure,
			struct advice_list *list)
{
	struct advice *advice;

	advice = advice_add(
		list, ADVICE_PROGRAM, target->value,
		sure ? "%s sets the limit itself: change that in %s."
		     : "%s may set the limit itself: if %s has such a line, change it "
		       "there.",
		program->title, program->place);
	if (!advice)
		return;
	add_content(question, program, target->value, list, advice);
	if (question->origin->unit && !question->origin->inside)
		advice_say(list, advice, " %s has it after a restart.",
			   question->origin->unit);
}

/* Something in front of it: which is not seen, if it became the program by exec. */
static void add_front(const struct advice_question *question,
		      const struct advice_target *target, const struct program *program,
		      struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct advice *advice;

	advice = advice_add(
		list, ADVICE_PARENT, target->value,
		"%s does not set %s limit itself: the script or command that "
		"starts it does%s%s, with ulimit or prlimit(1). Change it "
		"there, and start it anew.",
		program->title, program->way == PROGRAM_RAISES ? "the hard" : "this",
		origin->unit ? ", in " : "", origin->unit ? origin->unit : "");
	if (!advice)
		return;
	advice->content = advice_ulimit(list, question, target);
}

/* The unit's hard limit is in the way of what is set behind it, but not for root. */
static void raise_unit(const struct advice_question *question,
		       const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;

	if (!origin->unit || origin->inside || origin->user_manager ||
	    target->value <= question->hard_limit ||
	    (origin->given_hard && target->value <= origin->given_hard))
		return;
	advice_drop_in(question, target, origin->unit, true, list);
}

static void add_unknown(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	struct advice *advice;

	raise_unit(question, target, list);
	advice = advice_add(list, ADVICE_PROGRAM, target->value,
			    "The program sets its limit itself, or the script that "
			    "became it: ");
	/* Whether it was `ulimit` and exec is not seen. */
	if (advice)
		advice_say(list, advice,
			   "change \"ulimit\" in that script, or the program's own "
			   "settings or source.");
	if (advice)
		advice->content = advice_ulimit(list, question, target);
}

void advice_for_program(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	const struct program *program = advice_program(question);
	enum program_blame blame;

	if (!program) {
		add_unknown(question, target, list);
		return;
	}
	blame = blame_of(program, question);
	/* what sets its limit as root passes by the unit's */
	if (program->way != PROGRAM_SETS)
		raise_unit(question, target, list);
	if (blame != BLAME_FRONT && program->before)
		add_setting(question, target, program, blame == BLAME_SETTING, list);
	if (blame != BLAME_SETTING || !program->before)
		add_front(question, target, program, list);
}

void advice_besides_script(const struct advice_question *question,
			   const struct advice_target *target, struct advice_list *list)
{
	const struct program *program = advice_program(question);

	raise_unit(question, target, list);
	if (program && program->before && blame_of(program, question) != BLAME_FRONT)
		add_setting(question, target, program, false, list);
}

const struct program *advice_program(const struct advice_question *question)
{
	return program_find(question->who->executable, question->who->comm);
}

bool advice_is_programs(const struct advice_question *question)
{
	const struct program *program = advice_program(question);
	const struct origin *origin = question->origin;

	if (origin->kind == ORIGIN_SELF)
		return true;
	if (!program || origin->inside)
		return false;
	/* whatever else has the same limits */
	if (program->way == PROGRAM_SETS && program->before)
		return true;
	/* its own master process */
	if (origin->kind == ORIGIN_PARENT && origin->parent_name)
		return program_find(NULL, origin->parent_name) == program;
	return false;
}

bool advice_for_children(const struct advice_question *question,
			 const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	const struct program *program =
		origin->parent_name ? program_find(NULL, origin->parent_name) : NULL;
	struct advice *advice;

	if (!program || !program->for_children)
		return false;
	raise_unit(question, target, list);
	advice = advice_add(
		list, ADVICE_PROGRAM, target->value,
		"%s[%d] (%s) sets the limit for all that it starts: change it "
		"in %s, and start it anew.",
		origin->parent_name, (int)origin->parent, program->title,
		program->place);
	if (!advice)
		return true;
	advice->content =
		advice_format(list, "%s%" PRIu64 "%s", program->before,
			      program_value(program, target->value), program->behind);
	advice->file = advice_format(list, "%s", program->file);
	return true;
}

bool advice_managed(const struct advice_question *question,
		    const struct advice_target *target, struct advice_list *list)
{
	const struct program *program = advice_program(question);
	struct advice *advice;

	if (!program || !program->managed || target->leak)
		return false;
	advice =
		advice_add(list, ADVICE_PROGRAM, 0,
			   "Nothing is wrong as long as it refuses nothing: in %s, %s.",
			   program->title, program->managed);
	if (!advice || program->way != PROGRAM_TAKES)
		return false;
	if (program->before) {
		advice_say(list, advice,
			   " To let it have more, in %s:", program->place);
		advice->value = target->value;
		add_content(question, program, target->value, list, advice);
	}
	advice_say_program(question, list, advice);
	return true;
}
