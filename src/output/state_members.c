// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/state_members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"
#include "state/standing.h"

enum kind { EXACT /* uint64_t, as digits */, SMALL /* uint32_t */, FLAG, ID };

struct member {
	const char *name;
	size_t offset;
	enum kind kind;
	uint64_t max; /* of a SMALL; 0: any */
};

#define POLICY(member, kind_, max_)                                                    \
#member, offsetof(struct policy_fd, member), kind_, max_
#define SYSTEM(member, kind_, max_)                                                    \
#member, offsetof(struct policy_system, member), kind_, max_
#define MEMBERS(table)                                                                 \
	{                                                                              \
		table, sizeof(table) / sizeof((table)[0])                              \
	}

_Static_assert(sizeof(enum policy_level) == sizeof(uint32_t), "levels are SMALL");

static const struct member policy_members[] = {
	{POLICY(level, SMALL, POLICY_LEVELS - 1)},
	{POLICY(incident, FLAG, 0)},
	{POLICY(sealed, FLAG, 0)},
	{POLICY(table_seen, FLAG, 0)},
	{POLICY(table_ns, EXACT, 0)},
	{POLICY(last_soft_limit, EXACT, 0)},
	{POLICY(recovered_ns, EXACT, 0)},
	{POLICY(flaps, SMALL, 0)},
	{POLICY(other_alerted, SMALL, 0)},
	{POLICY(other_ever, SMALL, 0)},
	{POLICY(opened_ns, EXACT, 0)},
	{POLICY(alerted_ns[POLICY_LEVEL_WARNING], EXACT, 0)},
	{POLICY(alerted_ns[POLICY_LEVEL_CRITICAL], EXACT, 0)},
	{POLICY(alerted_ns[POLICY_LEVEL_EXHAUSTED], EXACT, 0)},
	{POLICY(under_ns[POLICY_LEVEL_WARNING], EXACT, 0)},
	{POLICY(under_ns[POLICY_LEVEL_CRITICAL], EXACT, 0)},
	{POLICY(under_ns[POLICY_LEVEL_EXHAUSTED], EXACT, 0)},
	{POLICY(told_level, SMALL, POLICY_LEVELS - 1)},
	{POLICY(told_limit, EXACT, 0)},
	{POLICY(refused_ns, EXACT, 0)},
	{POLICY(other_ns, EXACT, 0)},
	{POLICY(other_alerted_ns, EXACT, 0)},
	{POLICY(below_since_ns, EXACT, 0)},
	{POLICY(trouble_soft_limit, EXACT, 0)},
	{POLICY(max_used, EXACT, 0)},
	{POLICY(leak, FLAG, 0)},
	{POLICY(leak_alerted_ns, EXACT, 0)},
	{POLICY(leak_soft_limit, EXACT, 0)},
};

static const struct member system_policy_members[] = {
	{SYSTEM(level, SMALL, POLICY_LEVELS - 1)},
	{SYSTEM(incident, FLAG, 0)},
	{SYSTEM(opened_ns, EXACT, 0)},
	{SYSTEM(alerted_ns[POLICY_LEVEL_WARNING], EXACT, 0)},
	{SYSTEM(alerted_ns[POLICY_LEVEL_CRITICAL], EXACT, 0)},
	{SYSTEM(alerted_ns[POLICY_LEVEL_EXHAUSTED], EXACT, 0)},
	{SYSTEM(under_ns[POLICY_LEVEL_WARNING], EXACT, 0)},
	{SYSTEM(under_ns[POLICY_LEVEL_CRITICAL], EXACT, 0)},
	{SYSTEM(under_ns[POLICY_LEVEL_EXHAUSTED], EXACT, 0)},
	{SYSTEM(told_max, EXACT, 0)},
	{SYSTEM(refused_ns, EXACT, 0)},
	{SYSTEM(trouble_max, EXACT, 0)},
};

#define OBSERVATION(member, kind_, max_)                                               \
#member, offsetof(struct policy_observation, member), kind_, max_
#define FILES(member, kind_, max_)                                                     \
#member, offsetof(struct policy_system_observation, member), kind_, max_
#define SETTINGS(member, kind_, max_)                                                  \
#member, offsetof(struct policy_settings, member), kind_, max_

_Static_assert(sizeof(enum policy_refusal) == sizeof(uint32_t) &&
		       sizeof(enum policy_leak) == sizeof(uint32_t) &&
		       sizeof(unsigned int) == sizeof(uint32_t),
	       "they are SMALL");

/* What a daemon forgets of a process when it ends. */
static const struct member fleeting_policy_members[] = {
	{POLICY(above_ns[POLICY_LEVEL_OK], EXACT, 0)},
	{POLICY(above_ns[POLICY_LEVEL_WARNING], EXACT, 0)},
	{POLICY(above_ns[POLICY_LEVEL_CRITICAL], EXACT, 0)},
	{POLICY(soon, FLAG, 0)},
	{POLICY(seal_refusals, SMALL, 0)},
	{POLICY(seal_refused_ns, EXACT, 0)},
	{POLICY(again, FLAG, 0)},
};

static const struct member observation_members[] = {
	{OBSERVATION(now_ns, EXACT, 0)},
	{OBSERVATION(exited, FLAG, 0)},
	{OBSERVATION(has_table, FLAG, 0)},
	{OBSERVATION(count, EXACT, 0)},
	{OBSERVATION(used, EXACT, 0)},
	{OBSERVATION(soft_limit, EXACT, 0)},
	{OBSERVATION(wall, EXACT, 0)},
	{OBSERVATION(managed, FLAG, 0)},
	{OBSERVATION(own_limit, FLAG, 0)},
	{OBSERVATION(own_limit_known, FLAG, 0)},
	{OBSERVATION(soon, FLAG, 0)},
	{OBSERVATION(began, FLAG, 0)},
	{OBSERVATION(refusal, SMALL, POLICY_REFUSAL_OTHER)},
	{OBSERVATION(other_limit, SMALL, 31)},
	{OBSERVATION(leak, SMALL, POLICY_LEAK_SUSPECTED)},
	{OBSERVATION(settled, FLAG, 0)},
};

static const struct member files_members[] = {
	{FILES(now_ns, EXACT, 0)},    {FILES(known, FLAG, 0)},
	{FILES(allocated, EXACT, 0)}, {FILES(max, EXACT, 0)},
	{FILES(refused, FLAG, 0)},
};

static const struct member settings_members[] = {
	{SETTINGS(warn_bp, SMALL, 10000)},
	{SETTINGS(critical_bp, SMALL, 10000)},
	{SETTINGS(hysteresis_bp, SMALL, 10000)},
	{SETTINGS(dwell_ns, EXACT, 0)},
	{SETTINGS(repeat_ns, EXACT, 0)},
	{SETTINGS(min_limit, EXACT, 0)},
	{SETTINGS(ignore, FLAG, 0)},
	{SETTINGS(leak, FLAG, 0)},
};

static const struct member system_members[] = {
	{"incident", offsetof(struct standing_system, incident), ID, 0},
	{"incident_ns", offsetof(struct standing_system, incident_ns), EXACT, 0},
	{"refused_enfile", offsetof(struct standing_system, refused_enfile), EXACT, 0},
};

static const struct member process_members[] = {
	{"incident", offsetof(struct standing_process, incident), ID, 0},
	{"incident_ns", offsetof(struct standing_process, incident_ns), EXACT, 0},
	{"start_ns", offsetof(struct standing_process, who.start_ns), EXACT, 0},
	{"withheld", offsetof(struct standing_process, withheld), FLAG, 0},
	{"group", offsetof(struct standing_process, group), SMALL, 0},
	{"alone", offsetof(struct standing_process, alone), FLAG, 0},
	{"waits", offsetof(struct standing_process, waits), EXACT, 0},
};

static const struct member group_members[] = {
	{"number", offsetof(struct standing_group, number), SMALL, 0},
	{"incident", offsetof(struct standing_group, incident), ID, 0},
	{"opened_ns", offsetof(struct standing_group, opened_ns), EXACT, 0},
	{"mixed", offsetof(struct standing_group, mixed), SMALL, 0},
	{"charged_uid", offsetof(struct standing_group, charged_uid), SMALL, 0},
};

static const struct member waiting_members[] = {
	{"processes", offsetof(struct grouping_waiting, processes), EXACT, 0},
	{"since_ns", offsetof(struct grouping_waiting, since_ns), EXACT, 0},
	{"last_ns", offsetof(struct grouping_waiting, last_ns), EXACT, 0},
	{"limit", offsetof(struct grouping_waiting, limit), SMALL, 31},
};

static const struct member tally_members[] = {
	{"processes", offsetof(struct tally, processes), EXACT, 0},
	{"alone", offsetof(struct tally, alone), EXACT, 0},
};

static const struct member tally_member_members[] = {
	{"pid", offsetof(struct tally_member, pid), SMALL, INT32_MAX},
	{"table_known", offsetof(struct tally_member, table_known), FLAG, 0},
	{"used", offsetof(struct tally_member, used), EXACT, 0},
	{"soft_limit", offsetof(struct tally_member, soft_limit), EXACT, 0},
	{"refused", offsetof(struct tally_member, refused), EXACT, 0},
	{"alone", offsetof(struct tally_member, alone), FLAG, 0},
};

static const struct member tally_call_members[] = {
	{"call", offsetof(struct tally_call, call), SMALL, 0xffff},
	{"count", offsetof(struct tally_call, count), EXACT, 0},
};

static const struct member refusal_members[] = {
	{"call", offsetof(struct standing_refusal, call), SMALL, 0xffff},
	{"count", offsetof(struct standing_refusal, count), EXACT, 0},
};

const struct members members_of_policy = MEMBERS(policy_members);
const struct members members_of_system_policy = MEMBERS(system_policy_members);
const struct members members_of_system = MEMBERS(system_members);
const struct members members_of_process = MEMBERS(process_members);
const struct members members_of_group = MEMBERS(group_members);
const struct members members_of_waiting = MEMBERS(waiting_members);
const struct members members_of_tally = MEMBERS(tally_members);
const struct members members_of_tally_member = MEMBERS(tally_member_members);
const struct members members_of_tally_call = MEMBERS(tally_call_members);
const struct members members_of_fleeting_policy = MEMBERS(fleeting_policy_members);
const struct members members_of_observation = MEMBERS(observation_members);
const struct members members_of_files = MEMBERS(files_members);
const struct members members_of_settings = MEMBERS(settings_members);
const struct members members_of_refusal = MEMBERS(refusal_members);

/* ---- writing ---- */

int members_put_exact(cJSON *out, const char *name, uint64_t value)
{
	char digits[24];

	if (!value)
		return 0;
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return cJSON_AddStringToObject(out, name, digits) ? 0 : -ENOMEM;
}

int members_put_small(cJSON *out, const char *name, uint32_t value)
{
	return value ? json_add_uint(out, name, value) : 0;
}

static int put_member(cJSON *out, const struct member *member, const void *base)
{
	const void *at = (const char *)base + member->offset;

	switch (member->kind) {
	case EXACT:
		return members_put_exact(out, member->name, *(const uint64_t *)at);
	case SMALL:
		return members_put_small(out, member->name, *(const uint32_t *)at);
	case FLAG:
		return !*(const bool *)at || cJSON_AddTrueToObject(out, member->name)
			       ? 0
			       : -ENOMEM;
	case ID:
		return *(const char *)at ? json_add_text(out, member->name, at) : 0;
	}
	return 0;
}

int members_put(cJSON *out, const struct members *members, const void *base)
{
	int err = out ? 0 : -ENOMEM;

	for (size_t i = 0; i < members->len && !err; i++)
		err = put_member(out, &members->list[i], base);
	return err;
}

/* ---- reading ---- */

static bool is_id(const char *text)
{
	size_t i;

	for (i = 0; i < STANDING_ID_LEN && text[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return i == STANDING_ID_LEN - 1;
}

bool members_get_exact(const cJSON *item, uint64_t *out)
{
	const char *text = cJSON_GetStringValue(item);
	char *end;

	/* strtoull() would take blanks and signs */
	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

bool members_get_small(const cJSON *item, uint64_t max, uint32_t *out)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;

	if (!(value >= 0 && value <= (double)(max ? max : UINT32_MAX)))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool get_member(const cJSON *item, const struct member *member, void *base)
{
	void *at = (char *)base + member->offset;

	switch (member->kind) {
	case EXACT:
		return members_get_exact(item, at);
	case SMALL:
		return members_get_small(item, member->max, at);
	case FLAG:
		*(bool *)at = cJSON_IsTrue(item);
		return cJSON_IsTrue(item);
	case ID:
		if (!cJSON_IsString(item) || !is_id(item->valuestring))
			return false;
		memcpy(at, item->valuestring, STANDING_ID_LEN);
		return true;
	}
	return false;
}

bool members_get(const cJSON *from, const struct members *members, void *base)
{
	if (!cJSON_IsObject(from))
		return false;
	for (size_t i = 0; i < members->len; i++) {
		const struct member *member = &members->list[i];
		const cJSON *item =
			cJSON_GetObjectItemCaseSensitive(from, member->name);

		if (item && !get_member(item, member, base))
			return false;
	}
	return true;
}

bool members_get_number(const cJSON *from, const char *name, uint32_t max,
			uint32_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, name);

	return !item || members_get_small(item, max, out);
}

bool members_get_text(const cJSON *from, const char *name, size_t max, char **out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, name);

	if (!item)
		return true;
	/* each of its bytes may have become a U+FFFD */
	if (!cJSON_IsString(item) || strlen(item->valuestring) > 3 * max)
		return false;
	*out = strdup(item->valuestring);
	return *out != NULL;
}

cJSON *members_add_to_list(cJSON *list)
{
	cJSON *out = cJSON_CreateObject();

	if (out && cJSON_AddItemToArray(list, out))
		return out;
	cJSON_Delete(out);
	return NULL;
}
