// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/state_json.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"
#include "output/state_groups.h"
#include "output/state_members.h"
#include "output/text.h"
#include "state/cgroup_path.h"
#include "state/json_read.h"

/* ---- encoding ---- */

static int put_identity(cJSON *out, const struct identity *who, bool brief)
{
	int err = json_add_uint(out, "pid", (uint64_t)who->pid);

	if (!err && who->uid != (uid_t)-1)
		err = json_add_uint(out, "uid", who->uid);
	if (!err)
		err = members_put_small(out, "ppid", (uint32_t)who->ppid);
	if (!err && who->comm[0])
		err = json_add_text(out, "name", who->comm);
	if (err || brief)
		return err;
	err = json_add_text(out, "executable", who->executable);
	if (!err)
		err = json_add_text(out, "command_line", who->command_line);
	if (!err)
		err = json_add_text(out, "service", who->service);
	if (!err)
		err = json_add_text(out, "container_id", who->container_id);
	if (!err)
		err = json_add_text(out, "container_runtime", who->container_runtime);
	if (!err)
		err = json_add_text(out, "pod_uid", who->pod_uid);
	if (!err)
		err = json_add_text(out, "claimed_by", who->claimed_by);
	return err;
}

static int put_refusals(cJSON *out, const struct standing_process *process)
{
	cJSON *list;
	int err = 0;

	if (!process->refusals_len)
		return 0;
	list = cJSON_AddArrayToObject(out, "refused");
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < process->refusals_len && !err; i++) {
		cJSON *one = members_add_to_list(list);

		err = members_put(one, &members_of_refusal, &process->refusals[i]);
		if (!err)
			err = members_put_small(one, "error",
						(uint32_t)process->refusals[i].error);
	}
	return err;
}

static int put_process(cJSON *out, const void *element, bool brief)
{
	const struct standing_process *process = element;
	int err = put_identity(out, &process->who, brief);

	if (!err)
		err = members_put(out, &members_of_process, process);
	if (!err)
		err = members_put(json_add_object(out, "policy"), &members_of_policy,
				  &process->policy);
	return err ? err : put_refusals(out, process);
}

static int put_group(cJSON *out, const void *element, bool brief)
{
	return state_groups_put(out, element, brief);
}

static int put_system(cJSON *root, const struct standing_system *system)
{
	cJSON *out;
	int err;

	if (!system->incident[0])
		return 0;
	out = json_add_object(root, "system");
	err = members_put(out, &members_of_system, system);
	return err ? err
		   : members_put(json_add_object(out, "policy"),
				 &members_of_system_policy, &system->policy);
}

static cJSON *head(const struct state_document *document)
{
	cJSON *root = cJSON_CreateObject();
	int err = root ? json_add_uint(root, "version", STATE_JSON_VERSION) : -ENOMEM;

	if (!err)
		err = json_add_text(root, "boot", document->boot_id);
	if (!err)
		err = members_put_exact(root, "start_ticks", document->start_ticks);
	if (!err)
		err = self_add(root, &document->self);
	if (!err)
		err = put_system(root, &document->standing.system);
	if (!err)
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* Prints and frees the object, without its last bracket if it is to go on. */
static int print(FILE *out, cJSON *json, bool open)
{
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	size_t len = text ? strlen(text) - open : 0;
	int err = text && fwrite(text, 1, len, out) == len ? 0 : -ENOMEM;

	cJSON_free(text);
	cJSON_Delete(json);
	return err;
}

typedef int (*put_element)(cJSON *out, const void *element, bool brief);

/* One element after the other: thousands of them as one tree would be many times
 * as large as their text. */
static int print_list(FILE *out, const char *name, const void *list, size_t len,
		      size_t size, put_element put_one, bool brief)
{
	int err = fprintf(out, ",\"%s\":[", name) < 0 ? -ENOMEM : 0;

	for (size_t i = 0; i < len && !err; i++) {
		cJSON *one = cJSON_CreateObject();

		err = one ? put_one(one, (const char *)list + i * size, brief)
			  : -ENOMEM;
		if (err) {
			cJSON_Delete(one);
			break;
		}
		if (i && putc(',', out) == EOF)
			err = -ENOMEM;
		if (print(out, one, false))
			err = -ENOMEM;
	}
	return err || putc(']', out) == EOF ? -ENOMEM : 0;
}

static char *encode(const struct state_document *document, bool brief, size_t *len)
{
	const struct standing *standing = &document->standing;
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	int err;

	if (!out)
		return NULL;
	err = print(out, head(document), true);
	if (!err)
		err = print_list(out, "groups", standing->groups, standing->groups_len,
				 sizeof(*standing->groups), put_group, brief);
	if (!err)
		err = print_list(out, "processes", standing->processes,
				 standing->processes_len, sizeof(*standing->processes),
				 put_process, brief);
	if (!err && fputs("}\n", out) == EOF)
		err = -ENOMEM;
	if (fclose(out) || err) {
		free(text);
		return NULL;
	}
	return text;
}

char *state_json_encode(const struct state_document *document, size_t *len)
{
	char *text = encode(document, false, len);

	if (!text || *len <= STATE_JSON_MAX)
		return text;
	free(text);
	return encode(document, true, len);
}

/* ---- decoding ---- */

static bool get_text(const cJSON *from, const char *name, char **out)
{
	return members_get_text(from, name, STANDING_TEXT_MAX, out);
}

static bool get_identity(const cJSON *from, struct identity *who)
{
	uint32_t pid = 0, ppid = 0, uid = UINT32_MAX;
	char *name = NULL, *runtime = NULL;
	bool good;

	good = members_get_number(from, "pid", INT_MAX, &pid) && pid &&
	       members_get_number(from, "ppid", INT_MAX, &ppid) &&
	       members_get_number(from, "uid", 0, &uid) &&
	       get_text(from, "name", &name) &&
	       get_text(from, "executable", &who->executable) &&
	       get_text(from, "command_line", &who->command_line) &&
	       get_text(from, "service", &who->service) &&
	       get_text(from, "container_id", &who->container_id) &&
	       get_text(from, "container_runtime", &runtime) &&
	       get_text(from, "pod_uid", &who->pod_uid) &&
	       get_text(from, "claimed_by", &who->claimed_by);
	who->container_runtime = cgroup_path_runtime_name(runtime);
	free(runtime);
	who->pid = (pid_t)pid;
	who->ppid = (pid_t)ppid;
	who->uid = uid;
	if (name)
		text_utf8(who->comm, sizeof(who->comm), name, strlen(name));
	free(name);
	return good;
}

static bool get_refusals(const cJSON *list, struct standing_process *process)
{
	int len = cJSON_GetArraySize(list);
	const cJSON *item;

	if (!list)
		return true;
	if (!cJSON_IsArray(list) || len > STANDING_REFUSALS_MAX)
		return false;
	process->refusals = calloc((size_t)len + 1, sizeof(*process->refusals));
	if (!process->refusals)
		return false;
	cJSON_ArrayForEach (item, list) {
		struct standing_refusal *refusal =
			&process->refusals[process->refusals_len++];
		uint32_t error = 0;

		if (!members_get(item, &members_of_refusal, refusal) ||
		    !members_get_number(item, "error", 4095, &error) || !error)
			return false;
		refusal->error = (int)error;
	}
	return true;
}

static bool get_process(const cJSON *from, struct standing *standing)
{
	struct standing_process *process = standing_add_process(standing);
	const cJSON *policy = cJSON_GetObjectItemCaseSensitive(from, "policy");

	if (!process || !members_get(from, &members_of_process, process) ||
	    !members_get(policy, &members_of_policy, &process->policy) ||
	    !get_identity(from, &process->who) ||
	    !get_refusals(cJSON_GetObjectItemCaseSensitive(from, "refused"), process))
		return false;
	/* A level above OK is one of an incident, and an incident has an id. */
	return process->who.start_ns &&
	       process->policy.incident == (process->incident[0] != 0) &&
	       (process->policy.incident || process->policy.level == POLICY_LEVEL_OK);
}

static bool get_group(const cJSON *from, struct standing *standing)
{
	struct standing_group *group = standing_add_group(standing);

	return group && state_groups_get(from, group);
}

static bool get_system(const cJSON *from, struct standing_system *system)
{
	if (!from)
		return true;
	return members_get(from, &members_of_system, system) &&
	       members_get(cJSON_GetObjectItemCaseSensitive(from, "policy"),
			   &members_of_system_policy, &system->policy) &&
	       system->incident[0] && system->policy.incident;
}

typedef bool (*get_element)(const cJSON *from, struct standing *standing);

static bool get_list(const cJSON *list, get_element get_one, struct standing *standing)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list)
		if (!get_one(item, standing))
			return false;
	return true;
}

static const cJSON *member_of(const cJSON *root, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(root, name);
}

static int decode(const cJSON *root, const char *boot_id, struct state_document *out,
		  const char **why)
{
	const cJSON *version = member_of(root, "version");
	const char *boot = cJSON_GetStringValue(member_of(root, "boot"));
	struct standing *standing = &out->standing;

	*why = "it is damaged";
	if (!cJSON_IsNumber(version) || !boot || strlen(boot) >= sizeof(out->boot_id))
		return -EINVAL;
	if (version->valuedouble != STATE_JSON_VERSION) {
		*why = "it is of another version";
		return -ESTALE;
	}
	if (!*boot_id || strcmp(boot, boot_id) != 0) {
		*why = "it is from before the last boot";
		return -ESTALE;
	}
	memcpy(out->boot_id, boot, strlen(boot) + 1);
	if (!members_get_exact(member_of(root, "start_ticks"), &out->start_ticks) ||
	    self_read(member_of(root, "self"), &out->self) ||
	    !get_system(member_of(root, "system"), &standing->system) ||
	    !get_list(member_of(root, "groups"), get_group, standing) ||
	    !get_list(member_of(root, "processes"), get_process, standing))
		return -EINVAL;
	return 0;
}

int state_json_decode(const char *text, size_t len, const char *boot_id,
		      struct state_document *out, const char **why)
{
	const char *end = NULL;
	cJSON *root;
	int err;

	memset(out, 0, sizeof(*out));
	if (len > STATE_JSON_MAX) {
		*why = "it is too large";
		return -EINVAL;
	}
	root = len ? json_read(text, len, JSON_READ_DEEP, &end) : NULL;
	*why = "it is damaged";
	/* Nothing but our newline may follow: without it the end is missing. */
	if (!root || end != text + len - 1 || *end != '\n')
		err = -EINVAL;
	else
		err = decode(root, boot_id, out, why);
	cJSON_Delete(root);
	if (err)
		state_json_clear(out);
	return err;
}

void state_json_clear(struct state_document *document)
{
	standing_clear(&document->standing);
	memset(document, 0, sizeof(*document));
}
