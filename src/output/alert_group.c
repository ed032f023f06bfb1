/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes of a summary. */
#include <errno.h>

#include "output/alert_impl.h"
#include "output/json.h"

static int add_member(cJSON *list, const struct alert_member *member)
{
	cJSON *out = cJSON_CreateObject();
	int err;

	if (!out || !cJSON_AddItemToArray(list, out)) {
		cJSON_Delete(out);
		return -ENOMEM;
	}
	err = json_add_uint(out, "pid", (uint64_t)member->pid);
	if (!err)
		err = json_add_text(out, "command_line", member->command_line);
	if (!err && member->table_known)
		err = json_add_uint(out, "used", member->used);
	if (!err && member->table_known && member->soft_limit != UINT64_MAX)
		err = json_add_uint(out, "soft_limit", member->soft_limit);
	if (!err)
		err = json_add_uint(out, "refused", member->refused);
	if (!err && member->alone)
		err = cJSON_AddTrueToObject(out, "alone") ? 0 : -ENOMEM;
	return err;
}

int alert_add_group(cJSON *fd, const struct alert *alert)
{
	const struct alert_group *group = &alert->group;
	cJSON *out, *list;
	int err;

	if (!group->name)
		return 0;
	out = json_add_object(fd, "group");
	if (!out)
		return -ENOMEM;
	err = json_add_text(out, "name", group->name);
	if (!err)
		err = json_add_uint(out, "processes", group->processes);
	if (!err && group->alone)
		err = json_add_uint(out, "alone", group->alone);
	if (!err && alert->who)
		err = alert_add_process(out, alert->who, NULL);
	if (err || !group->members_len)
		return err;
	list = cJSON_AddArrayToObject(out, "members");
	err = list ? 0 : -ENOMEM;
	for (size_t i = 0; i < group->members_len && !err; i++)
		err = add_member(list, &group->members[i]);
	return err;
}
