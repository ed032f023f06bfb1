/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/state_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"
#include "output/state_members.h"

/* As they are called in the file. */
static const char *const text_names[GROUPING_TEXTS] = {
	[GROUPING_NAME] = "comm",
	[GROUPING_EXECUTABLE] = "executable",
	[GROUPING_COMMAND_LINE] = "command_line",
	[GROUPING_SERVICE] = "service",
	[GROUPING_CONTAINER] = "container_id",
	[GROUPING_RUNTIME] = "container_runtime",
	[GROUPING_POD] = "pod_uid",
	[GROUPING_USER] = "user",
};

/* ---- writing ---- */

static int put_calls(cJSON *out, const struct tally *tally)
{
	cJSON *list = cJSON_AddArrayToObject(out, "refused");
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < tally->calls_len && !err; i++) {
		cJSON *one = members_add_to_list(list);

		err = members_put(one, &members_of_tally_call, &tally->calls[i]);
		if (!err)
			err = members_put_small(one, "error",
						(uint32_t)tally->calls[i].error);
	}
	return err;
}

static int put_members(cJSON *out, const struct tally *tally)
{
	cJSON *list = cJSON_AddArrayToObject(out, "members");
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < tally->members_len && !err; i++) {
		cJSON *one = members_add_to_list(list);

		err = members_put(one, &members_of_tally_member, &tally->members[i]);
		if (!err)
			err = json_add_text(one, "command_line",
					    tally->members[i].command_line);
	}
	return err;
}

static int put_gone(cJSON *out, const struct tally *tally, bool brief)
{
	cJSON *gone;
	int err;

	if (!tally)
		return 0;
	gone = json_add_object(out, "gone");
	err = members_put(gone, &members_of_tally, tally);
	if (!err)
		err = put_calls(gone, tally);
	if (!err && !brief)
		err = put_members(gone, tally);
	return err;
}

static int put_waiting(cJSON *out, const struct standing_waiting *waiting, bool brief)
{
	int err = members_put(out, &members_of_waiting, &waiting->what);

	if (!err)
		err = members_put_small(out, "action", waiting->what.action);
	if (!err)
		err = members_put_small(out, "reason", waiting->what.reason);
	return err ? err : put_gone(out, waiting->gone, brief);
}

int state_groups_put(cJSON *out, const struct standing_group *group, bool brief)
{
	int err = members_put(out, &members_of_group, group);
	cJSON *list = NULL;

	if (!err)
		err = json_add_text(out, "key", group->key);
	if (!err)
		err = json_add_text(out, "name", group->title);
	if (!err)
		err = json_add_text(out, "place", group->place);
	for (int i = 0; i < GROUPING_TEXTS && !err; i++)
		err = json_add_text(out, text_names[i], group->texts[i]);
	if (!err) {
		list = cJSON_AddArrayToObject(out, "waiting");
		err = list ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < group->waiting_len && !err; i++)
		err = put_waiting(members_add_to_list(list), &group->waiting[i], brief);
	return err;
}

/* ---- reading ---- */

static const cJSON *member_of(const cJSON *from, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(from, name);
}

static bool get_calls(const cJSON *list, struct tally *tally)
{
	const cJSON *item;

	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > TALLY_CALLS)
		return false;
	cJSON_ArrayForEach (item, list) {
		struct tally_call *call = &tally->calls[tally->calls_len++];
		uint32_t error = 0;

		if (!members_get(item, &members_of_tally_call, call) ||
		    !members_get_number(item, "error", 4095, &error) || !error)
			return false;
		call->error = (int)error;
	}
	return true;
}

static bool get_members(const cJSON *list, struct tally *tally)
{
	const cJSON *item;

	if (!list)
		return true;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > TALLY_MEMBERS)
		return false;
	cJSON_ArrayForEach (item, list) {
		struct tally_member *member = &tally->members[tally->members_len++];

		if (!members_get(item, &members_of_tally_member, member) ||
		    !members_get_text(item, "command_line", TALLY_COMMAND_MAX,
				      &member->command_line))
			return false;
	}
	return true;
}

static bool get_gone(const cJSON *from, struct standing_waiting *waiting)
{
	if (!from)
		return true;
	waiting->gone = calloc(1, sizeof(*waiting->gone));
	return waiting->gone && members_get(from, &members_of_tally, waiting->gone) &&
	       get_calls(member_of(from, "refused"), waiting->gone) &&
	       get_members(member_of(from, "members"), waiting->gone);
}

static bool get_waiting(const cJSON *from, struct standing_group *group)
{
	struct standing_waiting *waiting = standing_add_waiting(group);
	uint32_t action = 0, reason = 0;

	if (!waiting || !members_get(from, &members_of_waiting, &waiting->what) ||
	    !members_get_number(from, "action", POLICY_OTHER_LIMIT, &action) ||
	    !members_get_number(from, "reason", POLICY_REASON_LAST, &reason) ||
	    !waiting->what.processes)
		return false;
	waiting->what.action = (enum policy_action)action;
	waiting->what.reason = (enum policy_reason)reason;
	return get_gone(member_of(from, "gone"), waiting);
}

/* A file of a version that did not keep keys has the title alone. */
static bool get_names(const cJSON *from, struct standing_group *group)
{
	if (!members_get_text(from, "name", STANDING_TEXT_MAX, &group->title) ||
	    !group->title ||
	    !members_get_text(from, "key", STANDING_KEY_MAX, &group->key) ||
	    !members_get_text(from, "place", STANDING_TEXT_MAX, &group->place))
		return false;
	if (!group->key)
		group->key = strdup(group->title);
	for (int i = 0; i < GROUPING_TEXTS; i++)
		if (!members_get_text(from, text_names[i], STANDING_TEXT_MAX,
				      &group->texts[i]))
			return false;
	return group->key != NULL;
}

bool state_groups_get(const cJSON *from, struct standing_group *group)
{
	const cJSON *list = member_of(from, "waiting"), *item;

	if (!members_get(from, &members_of_group, group) || !get_names(from, group) ||
	    !group->number || !group->incident[0] || !cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list)
		if (!get_waiting(item, group))
			return false;
	return true;
}
