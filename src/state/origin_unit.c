/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd gives a unit: its own setting, else the manager's, and PAM after that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

static void add_setting(struct origin_search *search, const struct origin_scope *scope,
			struct origin_unit_setting *set, struct origin_candidates *list)
{
	struct origin_candidate *out = origin_candidate_add(list);

	if (!out)
		return;
	out->as.kind = ORIGIN_UNIT;
	out->as.soft = set->soft;
	out->as.hard = set->hard;
	out->as.line = set->line;
	out->changed_ns = set->changed_ns;
	out->as.unit = origin_format(search, "%s", scope->place->unit);
	out->as.evidence =
		origin_format(search, "line %u of %s sets \"%s\" for %s", set->line,
			      set->file, set->text, scope->place->unit);
	out->as.file = set->file;
	out->as.setting = set->text;
	set->file = set->text = NULL;
}

/* However much it has itself, what a manager passes on where nothing is set has no more
 * than this as the soft limit: for programs that use select() (systemd, src/core/main.c). */
#define PASSED_ON_SOFT 1024

/* What a user's manager passes on where nothing is set is what it began with itself: as
 * the system's manager gave it to user@UID.service. */
static void add_inherited(struct origin_search *search,
			  const struct origin_scope *scope,
			  struct origin_candidates *list)
{
	struct origin_place above = {.kind = PLACE_UNIT, .owner = scope->place->owner};
	struct origin_scope outer = *scope;
	size_t first = list->len;

	snprintf(above.unit, sizeof(above.unit), "user@%u.service",
		 scope->place->owner);
	outer.place = &above;
	origin_unit(search, &outer, list);
	for (size_t i = first; i < list->len; i++) {
		struct origin *as = &list->at[i].as;
		char *evidence;
		bool less = as->soft > PASSED_ON_SOFT;

		evidence = origin_format(
			search,
			"no file of %s sets LimitNOFILE=: it has what its manager, %s, "
			"was given%s, and there %s",
			scope->place->unit, above.unit,
			less ? ", of the soft limit 1024 at most" : "",
			as->evidence ? as->evidence : "it was set");
		if (less)
			as->soft = PASSED_ON_SOFT;
		free(as->evidence);
		as->evidence = evidence;
		free(as->unit);
		as->unit = origin_format(search, "%s", scope->place->unit);
		if (as->kind == ORIGIN_UNIT)
			as->kind = ORIGIN_MANAGER_DEFAULT;
	}
}

/* Whom a unit's PAM session is of: User=, with the instance for "%i". */
static bool session_user(struct origin_search *search, const struct origin_scope *scope,
			 const struct origin_unit_setting *set, struct origin_user *out)
{
	const char *unit = scope->place->unit, *at = strchr(unit, '@'),
		   *type = strrchr(unit, '.');
	char name[sizeof(set->user)];

	snprintf(name, sizeof(name), "%s", set->user[0] ? set->user : "root");
	if (strcmp(name, "%i") == 0 || strcmp(name, "%I") == 0) {
		if (!at || !type || type < at)
			return false;
		snprintf(name, sizeof(name), "%.*s", (int)(type - at - 1), at + 1);
	}
	return origin_user_by_name(search, scope->root, name, out);
}

/* Moves those before the others. What is equal to both is rather systemd's. */
static void put_first(struct origin_candidates *list, size_t first,
		      struct origin_candidates *made)
{
	struct origin_candidates all = {.len = 0};

	for (size_t i = 0; i < made->len; i++)
		if (made->at[i].as.file)
			all.at[all.len++] = made->at[i];
	for (size_t i = first; i < list->len; i++)
		all.at[all.len++] = list->at[i];
	for (size_t i = 0; i < made->len; i++)
		if (!made->at[i].as.file)
			all.at[all.len++] = made->at[i];
	memcpy(&list->at[first], all.at, all.len * sizeof(all.at[0]));
	list->len = first + all.len;
}

/* PAM comes after what systemd sets, so that lines about the user are tried first. */
static void add_session(struct origin_search *search, const struct origin_scope *scope,
			const struct origin_unit_setting *set,
			struct origin_candidates *list, size_t first)
{
	struct origin_candidates made = {.len = 0};
	struct origin_user user;

	if (!set->pam_name[0] || !session_user(search, scope, set, &user))
		return;
	for (size_t i = first; i < list->len; i++)
		origin_pam(search, scope->root, &user, list->at[i].as.soft,
			   list->at[i].as.hard, &made);
	if (list->len + made.len > ORIGIN_CANDIDATES_MAX) {
		origin_candidates_clear(&made);
		return;
	}
	for (size_t i = 0; i < made.len; i++)
		made.at[i].as.unit = origin_format(search, "%s", scope->place->unit);
	put_first(list, first, &made);
}

/* Kept for origin_script(). */
static void keep_started(struct origin_search *search, const struct origin_scope *scope,
			 bool of_user, struct origin_unit_setting *set)
{
	struct origin_started *out = &search->started;

	if (out->known)
		return;
	*out = (struct origin_started){.known = true,
				       .inside = scope->place->in_container,
				       .of_user = of_user,
				       .exec = set->exec,
				       .file = set->exec_file,
				       .line = set->exec_line};
	set->exec = set->exec_file = NULL;
}

/* `of`: whose manager; NULL: the system's. */
static void add_unit(struct origin_search *search, const struct origin_scope *scope,
		     const struct origin_user *of, struct origin_candidates *list)
{
	struct origin_unit_setting set;
	size_t first = list->len;

	origin_unit_read(search, scope->root, of, scope->place->unit, &set);
	keep_started(search, scope, of != NULL, &set);
	if (set.is_set)
		add_setting(search, scope, &set, list);
	else
		origin_manager(search, scope, of, list);
	if (list->len == first && of)
		add_inherited(search, scope, list);
	for (size_t i = first; i < list->len; i++) {
		struct origin *as = &list->at[i].as;

		as->ceiling = scope->ceiling;
		as->user_manager = of != NULL;
		if (of && !as->user)
			as->user = origin_format(search, "%s", of->name);
		if (of)
			as->owner = of->uid;
	}
	add_session(search, scope, &set, list, first);
	origin_unit_setting_clear(&set);
}

void origin_unit(struct origin_search *search, const struct origin_scope *scope,
		 struct origin_candidates *list)
{
	struct origin_scope own = *scope;
	struct origin_root home;
	struct origin_user user;

	if (scope->place->kind != PLACE_USER) {
		add_unit(search, scope, NULL, list);
		return;
	}
	if (!origin_user_by_uid(search, scope->root, scope->place->owner, &user))
		return;
	if (!scope->root->of) {
		origin_root_open_home(search, scope->task->pid, &user, &home);
		own.root = &home;
	}
	add_unit(search, &own, &user, list);
	if (own.root == &home)
		origin_root_close(&home);
}
