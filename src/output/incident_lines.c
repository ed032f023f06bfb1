// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the lines of a record that are not alerts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/incident.h"
#include "output/json.h"
#include "output/state_members.h"

/* With the newline; deletes it. NULL: no memory. */
static char *finish(cJSON *json, int err)
{
	char *text = json && !err ? cJSON_PrintUnformatted(json) : NULL, *line = NULL;

	cJSON_Delete(json);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	cJSON_free(text);
	return line;
}

static int put_past(cJSON *parent, const struct incident_begin *begin)
{
	cJSON *list = begin->past_len ? cJSON_AddArrayToObject(parent, "past") : NULL;
	int err = begin->past_len && !list ? -ENOMEM : 0;

	for (size_t i = 0; i < begin->past_len && !err; i++) {
		const struct incident_past *past = &begin->past[i];
		cJSON *one = members_add_to_list(list);

		err = one ? members_put_exact(one, "at_ns", past->at_ns) : -ENOMEM;
		if (!err)
			err = members_put_exact(one, "for_ns", past->for_ns);
		if (!err)
			err = members_put_exact(one, "used", past->used);
	}
	return err;
}

static int put_policy(cJSON *parent, const struct incident_begin *begin)
{
	cJSON *policy = json_add_object(parent, "policy");
	int err;

	if (begin->is_system)
		return members_put(policy, &members_of_system_policy,
				   &begin->system_policy);
	err = members_put(policy, &members_of_policy, &begin->policy);
	return err ? err
		   : members_put(policy, &members_of_fleeting_policy, &begin->policy);
}

char *incident_begin_line(const struct incident_begin *begin)
{
	cJSON *root = cJSON_CreateObject(), *out = NULL;
	char when[32];
	int err = root ? 0 : -ENOMEM;

	alert_timestamp(begin->at_ns + begin->boot_realtime_ns, when);
	if (!err)
		out = json_add_object(root, "begin");
	err = out ? json_add_uint(out, "version", INCIDENT_VERSION) : -ENOMEM;
	if (!err)
		err = json_add_text(out, "incident", begin->id);
	if (!err)
		err = json_add_text(out, "boot", begin->boot_id);
	if (!err)
		err = json_add_text(out, "timestamp", when);
	if (!err && begin->is_system && !cJSON_AddTrueToObject(out, "system"))
		err = -ENOMEM;
	if (!err && begin->resumed && !cJSON_AddTrueToObject(out, "resumed"))
		err = -ENOMEM;
	if (!err)
		err = members_put_exact(out, "at_ns", begin->at_ns);
	if (!err)
		err = members_put_exact(out, "boot_realtime_ns",
					begin->boot_realtime_ns);
	if (!err)
		err = put_policy(out, begin);
	if (!err)
		err = put_past(out, begin);
	return finish(root, err);
}

static int put_decision(cJSON *list, const struct policy_decision *what)
{
	cJSON *out = members_add_to_list(list);
	int err = out ? json_add_text(out, "action", policy_action_name(what->action))
		      : -ENOMEM;

	if (!err)
		err = json_add_text(out, "reason", policy_reason_name(what->reason));
	if (!err)
		err = members_put_small(out, "limit", what->limit);
	if (!err && what->opens && !cJSON_AddTrueToObject(out, "opens"))
		err = -ENOMEM;
	if (!err && what->repeats && !cJSON_AddTrueToObject(out, "repeats"))
		err = -ENOMEM;
	if (!err && what->anew && !cJSON_AddTrueToObject(out, "anew"))
		err = -ENOMEM;
	return err;
}

static int put_decided(cJSON *parent, const struct incident_seen *seen)
{
	cJSON *list =
		seen->decided_len ? cJSON_AddArrayToObject(parent, "decided") : NULL;
	int err = seen->decided_len && !list ? -ENOMEM : 0;

	for (size_t i = 0; i < seen->decided_len && !err; i++)
		err = put_decision(list, &seen->decided[i]);
	return err;
}

static int put_refused(cJSON *parent, const struct incident_seen *seen)
{
	cJSON *list =
		seen->refused_known ? cJSON_AddArrayToObject(parent, "refused") : NULL;
	int err = seen->refused_known && !list ? -ENOMEM : 0;

	for (size_t i = 0; i < seen->refused_len && !err; i++) {
		const struct incident_call *call = &seen->refused[i];
		cJSON *one = members_add_to_list(list);

		err = one ? json_add_text(one, "name", call->name) : -ENOMEM;
		if (!err)
			err = members_put_small(one, "error", (uint32_t)call->error);
		if (!err)
			err = members_put_exact(one, "count", call->count);
	}
	return err;
}

char *incident_seen_line(const struct incident_seen *seen,
			 const struct policy_settings *settings)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *out =
		root ? json_add_object(root, seen->is_system ? "files" : "seen") : NULL;
	int err = seen->is_system
			  ? members_put(out, &members_of_files, &seen->system)
			  : members_put(out, &members_of_observation, &seen->process);

	if (!err && settings)
		err = members_put(json_add_object(root, "settings"),
				  &members_of_settings, settings);
	if (!err && seen->again && !cJSON_AddTrueToObject(root, "again"))
		err = -ENOMEM;
	if (!err)
		err = put_decided(root, seen);
	if (!err)
		err = put_refused(root, seen);
	return finish(root, err);
}

char *incident_lost_line(uint64_t lines)
{
	cJSON *root = cJSON_CreateObject();

	return finish(root, root ? json_add_uint(root, "lost", lines) : -ENOMEM);
}

char *incident_short_line(const char *action, const char *message, uint64_t realtime_ns)
{
	cJSON *root = cJSON_CreateObject(), *event;
	char when[32];
	int err = root ? 0 : -ENOMEM;

	alert_timestamp(realtime_ns, when);
	if (!err)
		err = json_add_text(root, "@timestamp", when);
	event = err ? NULL : json_add_object(root, "event");
	err = event ? json_add_text(event, "action", action) : -ENOMEM;
	if (!err)
		err = json_add_text(root, "message", message);
	if (!err && !cJSON_AddTrueToObject(root, "short"))
		err = -ENOMEM;
	return finish(root, err);
}

char *incident_full_line(void)
{
	cJSON *root = cJSON_CreateObject();

	return finish(root, root && cJSON_AddTrueToObject(root, "full") ? 0 : -ENOMEM);
}
