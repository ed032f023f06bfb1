// SPDX-License-Identifier: GPL-2.0-or-later
/* An explanation as members of a JSON document. */
#include "output/explanation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/alert.h"
#include "output/command_json.h"
#include "output/json.h"
#include "output/text.h"

#define GROUP_TEXT_MAX 8192

const struct explanation_form explanation_in_alert = {.groups = 10, .text_max = 512};
const struct explanation_form explanation_in_full = {.groups = 100};

/* Hostile text of at most `max` bytes; NULL and "" add nothing. */
static int add_text(cJSON *parent, const char *name, const char *text, size_t max)
{
	size_t len = text ? strlen(text) : 0;
	char *cut;
	int err;

	if (!len)
		return 0;
	if (!max || len <= max)
		return json_add_text(parent, name, text);
	cut = malloc(max + sizeof("..."));
	if (!cut)
		return -ENOMEM;
	/* The first pass keeps characters whole. */
	len = text_utf8(cut, max + 1, text, len);
	memcpy(cut + len, "...", sizeof("..."));
	err = json_add_text(parent, name, cut);
	free(cut);
	return err;
}

/* The same as one line: a sentence. */
static int add_line(cJSON *parent, const char *name, const char *text, size_t max)
{
	size_t len = text ? strlen(text) : 0;
	char *line;
	int err;

	if (!len)
		return 0;
	line = malloc(3 * len + 1); /* each byte may become a U+FFFD */
	if (!line)
		return -ENOMEM;
	text_line(line, 3 * len + 1, text, len);
	err = add_text(parent, name, line, max);
	free(line);
	return err;
}

static int add_flag(cJSON *parent, const char *name, bool value)
{
	return cJSON_AddBoolToObject(parent, name, value) ? 0 : -ENOMEM;
}

static int add_nonzero(cJSON *parent, const char *name, uint64_t value)
{
	return value ? json_add_uint(parent, name, value) : 0;
}

static cJSON *append_object(cJSON *list)
{
	cJSON *item = cJSON_CreateObject();

	if (item && cJSON_AddItemToArray(list, item))
		return item;
	cJSON_Delete(item);
	return NULL;
}

/* ---- what they are ---- */

static int add_types(cJSON *fd, const struct inventory *inventory)
{
	cJSON *list = cJSON_AddArrayToObject(fd, "types"), *item;
	const struct inventory_count *counts;
	size_t len;
	int err = list ? 0 : -ENOMEM;

	counts = inventory_counts(inventory, &len);
	for (size_t i = 0; i < len && !err; i++) {
		item = append_object(list);
		err = item ? add_text(item, "type", counts[i].type, 0) : -ENOMEM;
		if (!err)
			err = json_add_uint(item, "count", counts[i].count);
	}
	return err;
}

static int add_group(cJSON *list, const struct inventory_group *group, size_t max)
{
	static const char *const directions[] = {
		[INVENTORY_ACCEPTED] = "accepted",
		[INVENTORY_OUTGOING] = "outgoing",
	};
	char text[GROUP_TEXT_MAX];
	cJSON *item = append_object(list);
	int err = item ? json_add_uint(item, "count", group->count) : -ENOMEM;

	if (err)
		return err;
	inventory_group_text(group, text, sizeof(text));
	err = add_line(item, "text", text, max);
	if (!err)
		err = add_text(item, "type", group->type, max);
	if (!err)
		err = add_text(item, "state", group->state, max);
	if (!err && group->direction != INVENTORY_NO_CONNECTION)
		err = add_text(item, "direction", directions[group->direction], 0);
	if (!err)
		err = add_text(item, "where", group->where, max);
	if (!err)
		err = add_text(item, "pattern", group->pattern, max);
	if (!err)
		err = add_text(item, "example", group->example, max);
	if (!err)
		err = add_nonzero(item, "distinct", group->distinct);
	if (!err && group->deleted)
		err = add_flag(item, "deleted", true);
	return err;
}

static int add_groups(cJSON *fd, const struct inventory *inventory,
		      const struct explanation_form *form)
{
	cJSON *list = cJSON_AddArrayToObject(fd, "groups");
	const struct inventory_group *groups;
	uint64_t rest = inventory_total(inventory);
	int err = list ? 0 : -ENOMEM;
	size_t len;

	groups = inventory_groups(inventory, &len);
	for (size_t i = 0; i < len && i < form->groups && !err; i++) {
		err = add_group(list, &groups[i], form->text_max);
		rest -= groups[i].count;
	}
	return err ? err : add_nonzero(fd, "ungrouped", rest);
}

/* ---- who holds what another limit counts ---- */

static int add_holder(cJSON *list, const struct holders_process *holder)
{
	cJSON *item = append_object(list);
	int err = item ? json_add_uint(item, "pid", (uint64_t)holder->pid) : -ENOMEM;

	if (!err)
		err = json_add_text(item, "name", holder->name);
	return err ? err : json_add_uint(item, "count", holder->count);
}

static int add_holders(cJSON *fd, const struct holders *holders)
{
	cJSON *out, *list;
	int err;

	if (holders->what == HOLDERS_NONE)
		return 0;
	out = json_add_object(fd, "holders");
	err = out ? json_add_text(out, "what", holders_name(holders->what)) : -ENOMEM;
	if (!err)
		err = json_add_uint(out, "total", holders->total);
	if (!err)
		err = json_add_uint(out, "processes", holders->processes);
	if (!err)
		err = add_nonzero(out, "denied", holders->denied);
	if (!err && holders->cut)
		err = add_flag(out, "cut", true);
	list = err ? NULL : cJSON_AddArrayToObject(out, "most");
	if (!err && !list)
		err = -ENOMEM;
	for (size_t i = 0; i < holders->len && !err; i++)
		err = add_holder(list, &holders->first[i]);
	return err;
}

int explanation_add_fd(cJSON *fd, const struct explanation *why,
		       const struct explanation_form *form)
{
	int err;

	err = add_holders(fd, &why->holders);
	if (!err && !why->inventory)
		return add_line(fd, "unexplained", why->unexplained, 0);
	if (!err)
		err = add_types(fd, why->inventory);
	if (!err)
		err = json_add_uint(fd, "deleted", inventory_deleted(why->inventory));
	if (!err)
		err = add_nonzero(fd, "left_out", why->left_out);
	return err ? err : add_groups(fd, why->inventory, form);
}

/* ---- what is wrong ---- */

static int add_diagnoses(cJSON *root, const struct explanation *why, size_t max)
{
	cJSON *list = cJSON_AddArrayToObject(root, "diagnosis"), *item;
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < why->diagnoses_len && !err; i++) {
		const struct diagnosis *diagnosis = &why->diagnoses[i];

		item = append_object(list);
		err = item ? add_text(item, "rule",
				      diagnosis_rule_name(diagnosis->rule), 0)
			   : -ENOMEM;
		if (!err)
			err = add_flag(item, "leak", diagnosis->leak);
		if (!err)
			err = json_add_uint(item, "count", diagnosis->count);
		if (!err)
			err = json_add_real(item, "share", diagnosis->share, 4);
		if (!err)
			err = add_line(item, "text", diagnosis->text, max);
		if (!err)
			err = add_line(item, "evidence", diagnosis->proof, max);
	}
	return err;
}

/* ---- which limit ---- */

static int add_parent(cJSON *limit, const struct origin *origin, size_t max)
{
	cJSON *parent;
	int err;

	if (origin->parent <= 0)
		return 0;
	parent = json_add_object(limit, "parent");
	err = parent ? json_add_uint(parent, "pid", (uint64_t)origin->parent) : -ENOMEM;
	return err ? err : add_text(parent, "name", origin->parent_name, max);
}

/* Whose session it is, or whose manager the unit's. */
static int add_owner(cJSON *limit, const struct origin *origin, size_t max)
{
	cJSON *user;
	char id[16];
	int err;

	if (origin->owner == (uid_t)-1)
		return 0;
	user = json_add_object(limit, "user");
	snprintf(id, sizeof(id), "%" PRIu32, (uint32_t)origin->owner);
	err = user ? json_add_text(user, "id", id) : -ENOMEM;
	return err ? err : add_text(user, "name", origin->user, max);
}

/* What is seldom so is said only then. */
static int add_true(cJSON *limit, const char *name, bool value)
{
	return value ? add_flag(limit, name, true) : 0;
}

/* What fdwarden itself did to it. */
static int add_raise(cJSON *limit, const struct raise *raise)
{
	cJSON *raised;
	char when[32];
	int err;

	if (!raise->to)
		return 0;
	alert_timestamp(raise->when_ns, when);
	raised = json_add_object(limit, "raised");
	err = raised ? json_add_text(raised, "by", "fdwarden") : -ENOMEM;
	if (!err)
		err = add_flag(raised, "by_hand", raise->by_hand);
	if (!err)
		err = json_add_text(raised, "at", when);
	if (!err)
		err = json_add_uint(raised, "from", raise->from);
	return err ? err : json_add_uint(raised, "to", raise->to);
}

static int add_limit(cJSON *root, const struct origin *origin, size_t max)
{
	cJSON *limit = json_add_object(root, "limit");
	int err = limit ? add_text(limit, "origin", origin_kind_name(origin->kind), 0)
			: -ENOMEM;

	/* Unlimited is no number: absent, as fd.soft_limit is. */
	if (!err && origin->soft != UINT64_MAX)
		err = add_nonzero(limit, "soft", origin->soft);
	if (!err && origin->hard != UINT64_MAX)
		err = add_nonzero(limit, "hard", origin->hard);
	if (!err)
		err = add_flag(limit, "raised_by_process",
			       origin->soft_raised && !origin->raised_by);
	if (!err)
		err = add_raise(limit, &origin->raise);
	if (!err)
		err = add_text(limit, "unit", origin->unit, max);
	if (!err)
		err = add_text(limit, "runtime", origin->runtime, max);
	if (!err)
		err = add_text(limit, "file", origin->file, max);
	if (!err)
		err = add_nonzero(limit, "line", origin->line);
	if (!err)
		err = add_text(limit, "setting", origin->setting, max);
	if (!err)
		err = add_true(limit, "changed_since", origin->stale);
	if (!err)
		err = add_true(limit, "in_container", origin->inside);
	if (!err)
		err = add_owner(limit, origin, max);
	if (!err)
		err = add_parent(limit, origin, max);
	if (!err)
		err = add_line(limit, "evidence", origin->evidence, max);
	return err ? err : add_line(limit, "denied", origin->denied, max);
}

/* ---- what to change ---- */

static int add_inside(cJSON *item, const struct advice *advice)
{
	cJSON *inside, *container;
	int err;

	if (!advice->container)
		return 0;
	inside = json_add_object(item, "inside");
	container = inside ? json_add_object(inside, "container") : NULL;
	err = container ? json_add_text(container, "id", advice->container) : -ENOMEM;
	if (!err)
		err = json_add_text(container, "runtime", advice->container_runtime);
	return err || !advice->enter.len ? err
					 : command_json_add(inside, &advice->enter, 1);
}

static int add_advice(cJSON *root, const struct explanation *why, size_t max)
{
	cJSON *list = cJSON_AddArrayToObject(root, "advice"), *item;
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < why->advice_len && !err; i++) {
		const struct advice *advice = &why->advice[i];

		item = append_object(list);
		err = item ? add_text(item, "action",
				      advice_action_name(advice->action), 0)
			   : -ENOMEM;
		if (!err)
			err = add_line(item, "text", advice->text, max);
		if (!err)
			err = add_nonzero(item, "value", advice->value);
		if (!err)
			err = add_flag(item, "bandage", advice->bandage);
		/* To be used as they are: never cut. */
		if (!err)
			err = add_text(item, "file", advice->file, 0);
		if (!err)
			err = add_text(item, "content", advice->content, 0);
		if (!err)
			err = add_inside(item, advice);
		if (!err)
			err = command_json_add(item, advice->commands,
					       advice->commands_len);
	}
	return err;
}

int explanation_add(cJSON *root, const struct explanation *why,
		    const struct explanation_form *form)
{
	int err = 0;

	if (why->inventory)
		err = add_diagnoses(root, why, form->text_max);
	if (!err && why->origin_known)
		err = add_limit(root, &why->origin, form->text_max);
	if (!err && (why->origin_known || why->advice_len))
		err = add_advice(root, why, form->text_max);
	return err;
}
