// SPDX-License-Identifier: GPL-2.0-or-later
/* What to change in the script that stands in front of a process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

/* The same statement with the limits that are proposed. False: it can't be made. */
static bool new_statement(const struct advice_question *question,
			  const struct advice_target *target,
			  const struct script_statement *statement,
			  char out[SCRIPT_TEXT_MAX])
{
	const struct script_statement *hard = &question->origin->statements.hard;
	bool widen = target->value > question->hard_limit && !statement->hard &&
		     !hard->line && strncmp(statement->text, "ulimit", 6) == 0;

	if (widen) /* it sets the soft limit alone, and both must rise */
		return snprintf(out, SCRIPT_TEXT_MAX, "ulimit -n %" PRIu64,
				target->value) < SCRIPT_TEXT_MAX;
	return script_rewrite(statement->text,
			      statement == hard ? target->hard : target->value,
			      target->hard, out) > 0;
}

/* Of a unit's own file: elsewhere it is a package's, or a generator's. */
static bool is_administrators(const char *file)
{
	static const char dir[] = "/etc/systemd/";

	return strncmp(file, dir, sizeof(dir) - 1) == 0;
}

static void add_edit(struct advice_list *list, struct advice *advice,
		     const struct origin *origin,
		     const struct script_statement *statement, const char *changed)
{
	char *content =
		advice_format(list, "%s%s%s", advice->content ? advice->content : "",
			      advice->content ? "\n" : "", changed);

	free(advice->content);
	advice->content = content;
	if (statement->once)
		advice_command(list, advice, "sed -i %" PRIu32 "s/%s/%s/ %s",
			       statement->line, statement->text, changed,
			       origin->script);
	else
		advice->untypable = true;
}

static void add_restart(struct advice_list *list, struct advice *advice,
			const struct origin *origin)
{
	if (!origin->unit || origin->user_session ||
	    !advice_unit_is_valid(origin->unit))
		return;
	if (origin->script_of_unit && origin->user_manager)
		advice_command(list, advice, "systemctl --user daemon-reload");
	else if (origin->script_of_unit)
		advice_command(list, advice, "systemctl daemon-reload");
	if (origin->user_manager)
		advice_command(list, advice, "systemctl --user restart %s",
			       origin->unit);
	else
		advice_command(list, advice, "systemctl restart %s", origin->unit);
}

static void say_hard(const struct advice_question *question,
		     const struct advice_target *target, struct advice_list *list,
		     struct advice *advice)
{
	uint64_t hard = question->origin->front_hard;

	if (question->origin->given_hard > hard)
		hard = question->origin->given_hard;
	if (!hard || target->value <= hard || question->who->uid == 0)
		return;
	advice_say(list, advice,
		   " The hard limit in front of it, %" PRIu64
		   ", must be raised as well: only root can go beyond it.",
		   hard);
}

static void add_script(const struct advice_question *question,
		       const struct advice_target *target, const char *how,
		       struct advice_list *list)
{
	const struct origin *origin = question->origin;
	const struct script_statement *soft = &origin->statements.soft;
	const struct script_statement *hard = &origin->statements.hard;
	bool both = hard->line && target->value > question->hard_limit && !soft->hard;
	char changed[SCRIPT_TEXT_MAX];
	struct advice *advice;

	advice = advice_add(list, ADVICE_PARENT, target->value,
			    "Line %" PRIu32 " of %s %s, \"%s\"%s: change it there, and "
			    "start it anew.",
			    soft->line, origin->script, how, soft->text,
			    both ? ", and the hard limit in another place" : "");
	if (!advice)
		return;
	advice->file = advice_format(list, "%s", origin->script);
	if (new_statement(question, target, soft, changed))
		add_edit(list, advice, origin, soft, changed);
	if (both && new_statement(question, target, hard, changed))
		add_edit(list, advice, origin, hard, changed);
	add_restart(list, advice, origin);
	say_hard(question, target, list, advice);
	if (advice->untypable)
		advice_drop_commands(advice);
	if (!origin->script_of_unit || is_administrators(origin->script))
		return;
	advice_drop_commands(advice);
	advice_say(list, advice,
		   " That file is not the administrator's: an ExecStart= of a drop-in "
		   "outlasts updates.");
}

bool advice_for_script(const struct advice_question *question,
		       const struct advice_target *target, struct advice_list *list)
{
	enum origin_kind kind = question->origin->kind;
	const struct program *program = advice_program(question);

	if (!question->origin->script ||
	    (kind != ORIGIN_SELF && kind != ORIGIN_PARENT && kind != ORIGIN_UNKNOWN))
		return false;
	/* whatever is in front of it */
	if (program && program->way == PROGRAM_SETS && program->before)
		return false;
	if (advice_for_children(question, target, list)) {
		add_script(question, target, "sets it as well", list);
		return true;
	}
	advice_besides_script(question, target, list);
	add_script(question, target, "sets the limit", list);
	return true;
}

void advice_for_script_too(const struct advice_question *question,
			   const struct advice_target *target, struct advice_list *list)
{
	const struct program *program = advice_program(question);

	if (question->origin->script &&
	    !(program && program->way == PROGRAM_SETS && program->before))
		add_script(question, target, "sets it as well", list);
}
