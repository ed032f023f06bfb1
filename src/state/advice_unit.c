/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to change for a unit of systemd. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

/* SOFT:HARD. A program that raises its soft limit by itself wants but a higher hard one:
 * what it starts then has the soft one that it had. */
static void setting_text(const struct advice_question *question,
			 const struct advice_target *target, const char *name,
			 char text[80])
{
	const struct origin *origin = question->origin;
	uint64_t soft = target->value, hard = target->hard;
	char number[24];

	if (origin->soft_raised && !origin->raised_by && origin->soft &&
	    origin->soft < target->value)
		soft = origin->soft;
	/* what the unit has is not to be taken away */
	if (soft < origin->given_soft)
		soft = origin->given_soft;
	if (hard < origin->given_hard)
		hard = origin->given_hard;
	advice_number(hard, "infinity", number);
	snprintf(text, 80, "%s=%" PRIu64 ":%s", name, soft, number);
}

/* Whether the file that sets it is a drop-in of this one unit, in the administrator's
 * directory: then its line is the one to change. */
static bool is_own_drop_in(const struct origin *origin, const char *dir,
			   const char *unit)
{
	size_t before = strlen(dir), len = strlen(unit);
	const char *file = origin->file;

	return origin->kind == ORIGIN_UNIT && file && origin->line &&
	       strncmp(file, dir, before) == 0 && file[before] == '/' &&
	       strncmp(file + before + 1, unit, len) == 0 &&
	       strncmp(file + before + 1 + len, ".d/", 3) == 0;
}

static void change_line(struct advice_list *list, struct advice *advice,
			const struct origin *origin, const char *setting)
{
	advice->file = advice_format(list, "%s", origin->file);
	advice->content = advice_format(list, "%s\n", setting);
	advice_say(list, advice, " Its line %" PRIu32 " is the one to change.",
		   origin->line);
	advice_command(list, advice,
		       "sed -i %" PRIu32
		       "s/^[[:space:]]*LimitNOFILE[[:space:]]*=.*/%s/ %s",
		       origin->line, setting, origin->file);
}

/* Whoever set a default for all units may want another one for all. */
static void add_default(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	static const char dir[] = "/etc/systemd/system.conf.d";
	const struct origin *origin = question->origin;
	struct advice *advice;
	char setting[80], *name;

	setting_text(question, target, "DefaultLimitNOFILE", setting);
	/* drop-ins are read after the file itself */
	name = advice_later_name(list, "90-nofile.conf",
				 strstr(origin->file, ".conf.d/") ? origin->file
								  : NULL);
	advice = name ? advice_add(list, ADVICE_MANAGER, target->value,
				   "Or for all units that set none: line %" PRIu32
				   " of %s has their default.",
				   origin->line, origin->file)
		      : NULL;
	if (advice) {
		advice->file = advice_format(list, "%s/%s", dir, name);
		advice->content = advice_format(list, "[Manager]\n%s\n", setting);
		advice_command(list, advice, "mkdir -p %s", dir);
		advice_write(list, advice);
		/* a mere reload does not read it before version 256 */
		advice_command(list, advice, "systemctl daemon-reexec");
		advice_command(list, advice, "systemctl restart %s", origin->unit);
	}
	free(name);
}

static void add_file(struct advice_list *list, struct advice *advice,
		     const struct origin *origin, const char *dir, const char *unit,
		     const char *setting)
{
	char *name =
		advice_later_name(list, "90-nofile.conf",
				  origin->kind == ORIGIN_UNIT ? origin->file : NULL);

	if (name)
		advice->file = advice_format(list, "%s/%s.d/%s", dir, unit, name);
	free(name);
	advice->content = advice_format(list, "[Service]\n%s\n", setting);
	if (strncmp(dir, "~/", 2) == 0)
		advice_command(list, advice, "mkdir -p ~/%s/%s.d", dir + 2, unit);
	else
		advice_command(list, advice, "mkdir -p %s/%s.d", dir, unit);
	advice_write(list, advice);
}

static void add_restart(struct advice_list *list, struct advice *advice,
			const char *unit, bool of_user, bool restart)
{
	advice_command(list, advice,
		       of_user ? "systemctl --user daemon-reload"
			       : "systemctl daemon-reload");
	if (!restart)
		return;
	if (of_user)
		advice_command(list, advice, "systemctl --user restart %s", unit);
	else
		advice_command(list, advice, "systemctl restart %s", unit);
}

/* `dir`: where the administrator's, or the user's, drop-ins are. */
static void drop_in(const struct advice_question *question,
		    const struct advice_target *target, const char *unit,
		    const char *dir, bool of_user, bool restart,
		    struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct advice *advice;
	char setting[80];

	if (!advice_unit_is_valid(unit))
		return;
	setting_text(question, target, "LimitNOFILE", setting);
	advice = advice_add(list, ADVICE_DROP_IN, target->value, "%s for %s%s%s.",
			    setting, unit,
			    of_user && origin->user ? ", to be typed as the user "
			    : origin->inside        ? ", in the container"
						    : "",
			    of_user && origin->user ? origin->user : "");
	if (!advice)
		return;
	if (is_own_drop_in(origin, dir, unit))
		change_line(list, advice, origin, setting);
	else
		add_file(list, advice, origin, dir, unit, setting);
	add_restart(list, advice, unit, of_user, restart);
}

void advice_drop_in(const struct advice_question *question,
		    const struct advice_target *target, const char *unit, bool restart,
		    struct advice_list *list)
{
	drop_in(question, target, unit, "/etc/systemd/system", false, restart, list);
}

/* The file says it already. */
static bool only_restart(const struct advice_question *question,
			 const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct advice *advice;

	if (!origin->stale || origin->soft < target->value ||
	    !advice_unit_is_valid(origin->unit))
		return false;
	advice = advice_add(list, ADVICE_DROP_IN, origin->soft,
			    "%s says so already, but was changed after %s began: "
			    "restart it.",
			    origin->file, origin->unit);
	if (advice) {
		advice->file = advice_format(list, "%s", origin->file);
		add_restart(list, advice, origin->unit, origin->user_manager, true);
	}
	return true;
}

static bool is_transient(const struct origin *origin)
{
	return origin->file && strstr(origin->file, "/systemd/transient/");
}

/* A user's manager can give no more than it has itself. */
static void raise_manager(const struct advice_question *question,
			  const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct origin above = {.kind = ORIGIN_MANAGER_DEFAULT, .hard = origin->hard};
	struct advice_question outer = *question;
	char unit[64];
	size_t first = list->len;

	snprintf(unit, sizeof(unit), "user@%u.service", origin->owner);
	outer.origin = &above;
	advice_drop_in(&outer, target, unit, false, list);
	if (list->len > first)
		advice_say(list, &list->at[first],
			   " The user's manager can give no more than it has, %" PRIu64
			   "; it has this when it is started anew, after the last "
			   "logout or a reboot.",
			   origin->ceiling);
}

void advice_for_unit(const struct advice_question *question,
		     const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	char setting[80];

	if (!origin->unit || only_restart(question, target, list))
		return;
	if (is_transient(origin)) {
		struct advice *advice;

		setting_text(question, target, "LimitNOFILE", setting);
		advice = advice_add(list, ADVICE_DROP_IN, target->value,
				    "%s was made by systemd-run or its like, and is "
				    "gone when it ends: start it with -p %s.",
				    origin->unit, setting);
		if (advice)
			advice->content = advice_format(list, "-p %s", setting);
		return;
	}
	if (!origin->user_manager) {
		advice_drop_in(question, target, origin->unit, true, list);
		if (origin->kind == ORIGIN_MANAGER_DEFAULT && origin->file &&
		    !origin->inside && advice_unit_is_valid(origin->unit))
			add_default(question, target, list);
		return;
	}
	if (origin->ceiling && target->value > origin->ceiling) {
		if (origin->kind == ORIGIN_PAM)
			advice_for_login(question, target, list);
		else
			raise_manager(question, target, list);
	}
	drop_in(question, target, origin->unit, "~/.config/systemd/user", true, true,
		list);
}
