// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a record: a file that a crash may have torn, and that anyone may have edited. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/incident.h"
#include "output/state_members.h"
#include "state/json_read.h"

/* Lines of a record, each 30 bytes and more, of which so many are kept. */
#define SEEN_MAX   100000
#define ALERTS_MAX 10000

static const cJSON *part(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool find_reason(const char *name, enum policy_reason *out)
{
	for (int i = 0; i <= POLICY_REASON_LAST; i++) {
		const char *here = policy_reason_name(i);

		if (!name ? !here : here && !strcmp(here, name)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool get_decided(const cJSON *list, struct incident_seen *out)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, list) {
		struct policy_decision *what = &out->decided[out->decided_len];
		uint32_t limit = 0;

		if (out->decided_len == POLICY_MAX_DECISIONS ||
		    !policy_action_find(cJSON_GetStringValue(part(one, "action")),
					&what->action) ||
		    !find_reason(cJSON_GetStringValue(part(one, "reason")),
				 &what->reason) ||
		    !members_get_number(one, "limit", 31, &limit))
			return false;
		what->limit = limit;
		what->opens = cJSON_IsTrue(part(one, "opens"));
		what->repeats = cJSON_IsTrue(part(one, "repeats"));
		what->anew = cJSON_IsTrue(part(one, "anew"));
		out->decided_len++;
	}
	return true;
}

static bool get_refused(const cJSON *list, struct incident_seen *out)
{
	const cJSON *one;

	out->refused_known = cJSON_IsArray(list);
	cJSON_ArrayForEach (one, list) {
		struct incident_call *call = &out->refused[out->refused_len];
		const char *name = cJSON_GetStringValue(part(one, "name"));
		uint32_t error = 0;

		if (out->refused_len == INCIDENT_CALLS || !name ||
		    !members_get_number(one, "error", 4095, &error) ||
		    !members_get_exact(part(one, "count"), &call->count))
			return false;
		snprintf(call->name, sizeof(call->name), "%s", name);
		call->error = (int)error;
		out->refused_len++;
	}
	return true;
}

static int add_seen(struct incident *out, const struct incident_seen *seen)
{
	if (out->seen_len == SEEN_MAX)
		return -E2BIG;
	if (out->seen_len == out->seen_max) {
		size_t max = out->seen_max ? 2 * out->seen_max : 64;
		void *more = realloc(out->seen, max * sizeof(*out->seen));

		if (!more)
			return -ENOMEM;
		out->seen = more;
		out->seen_max = max;
	}
	out->seen[out->seen_len++] = *seen;
	return 0;
}

/* Settings are said where they change, and now and then. */
static int read_seen(const cJSON *line, struct incident *out)
{
	const cJSON *system = part(line, "files"), *settings = part(line, "settings");
	struct incident_seen seen = {.is_system = system != NULL};

	if (system ? !members_get(system, &members_of_files, &seen.system)
		   : !members_get(part(line, "seen"), &members_of_observation,
				  &seen.process))
		return -EINVAL;
	if (settings && !members_get(settings, &members_of_settings, &seen.settings))
		return -EINVAL;
	seen.settings_known = settings != NULL;
	if (!settings && out->seen_len) {
		seen.settings = out->seen[out->seen_len - 1].settings;
		seen.settings_known = out->seen[out->seen_len - 1].settings_known;
	}
	seen.again = cJSON_IsTrue(part(line, "again"));
	if (!get_decided(part(line, "decided"), &seen) ||
	    !get_refused(part(line, "refused"), &seen))
		return -EINVAL;
	return add_seen(out, &seen);
}

static bool get_past(const cJSON *list, struct incident_begin *out)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, list) {
		struct incident_past *past = &out->past[out->past_len];
		const cJSON *for_ns = part(one, "for_ns"), *used = part(one, "used");

		if (out->past_len == INCIDENT_PAST_MAX ||
		    !members_get_exact(part(one, "at_ns"), &past->at_ns) ||
		    (for_ns && !members_get_exact(for_ns, &past->for_ns)) ||
		    (used && !members_get_exact(used, &past->used)))
			return false;
		out->past_len++;
	}
	return true;
}

static bool get_text(const cJSON *item, char *out, size_t size)
{
	const char *text = cJSON_GetStringValue(item);

	snprintf(out, size, "%s", text ? text : "");
	return text && strlen(text) < size;
}

static int read_begin(const cJSON *from, struct incident *out)
{
	struct incident_begin begin = {.is_system = cJSON_IsTrue(part(from, "system")),
				       .resumed = cJSON_IsTrue(part(from, "resumed"))};
	uint32_t version = 0;
	bool good =
		members_get_number(from, "version", UINT32_MAX, &version) &&
		version == INCIDENT_VERSION &&
		get_text(part(from, "incident"), begin.id, sizeof(begin.id)) &&
		get_text(part(from, "boot"), begin.boot_id, sizeof(begin.boot_id)) &&
		members_get_exact(part(from, "at_ns"), &begin.at_ns) &&
		members_get_exact(part(from, "boot_realtime_ns"),
				  &begin.boot_realtime_ns) &&
		get_past(part(from, "past"), &begin);

	if (good && begin.is_system)
		good = members_get(part(from, "policy"), &members_of_system_policy,
				   &begin.system_policy);
	else if (good)
		good = members_get(part(from, "policy"), &members_of_policy,
				   &begin.policy) &&
		       members_get(part(from, "policy"), &members_of_fleeting_policy,
				   &begin.policy);
	if (!good)
		return -EINVAL;
	if (begin.resumed &&
	    out->resumed_len < sizeof(out->resumed_ns) / sizeof(out->resumed_ns[0]))
		out->resumed_ns[out->resumed_len++] = begin.at_ns;
	if (!out->begun)
		out->begin = begin;
	out->begun = true;
	return 0;
}

/* Keeps it: 0 means that it is no more the caller's. */
static int add_alert(struct incident *out, cJSON *alert)
{
	if (out->alerts_len == ALERTS_MAX)
		return -E2BIG;
	if (out->alerts_len == out->alerts_max) {
		size_t max = out->alerts_max ? 2 * out->alerts_max : 16;
		void *more = realloc(out->alerts, max * sizeof(cJSON *));

		if (!more)
			return -ENOMEM;
		out->alerts = more;
		out->alerts_max = max;
	}
	out->alerts[out->alerts_len++] = alert;
	return 0;
}

static int read_line(const char *text, size_t len, struct incident *out)
{
	cJSON *line = json_read(text, len, JSON_READ_DEEP, NULL);
	const cJSON *lost = part(line, "lost");
	int err = -EINVAL;

	if (part(line, "begin")) {
		err = read_begin(part(line, "begin"), out);
	} else if (part(line, "seen") || part(line, "files")) {
		err = read_seen(line, out);
	} else if (part(line, "event") &&
		   cJSON_GetStringValue(part(line, "@timestamp"))) {
		out->shortened |= cJSON_IsTrue(part(line, "short"));
		err = add_alert(out, line);
		if (!err)
			return 0;
	} else if (cJSON_IsNumber(lost) && lost->valuedouble >= 0 &&
		   lost->valuedouble < 1e15) {
		out->lost += (uint64_t)lost->valuedouble;
		err = 0;
	} else if (cJSON_IsTrue(part(line, "full"))) {
		out->shortened = true;
		err = 0;
	}
	cJSON_Delete(line);
	return err;
}

int incident_read(const char *text, size_t len, struct incident *out)
{
	memset(out, 0, sizeof(*out));
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;
		int err = line ? read_line(text, line, out) : 0;

		if (err == -ENOMEM) {
			incident_clear(out);
			return err;
		}
		out->damaged += err != 0;
		text += line;
		len -= line;
		if (len) { /* the newline */
			text++;
			len--;
		}
	}
	return out->begun || out->seen_len || out->alerts_len ? 0 : -EINVAL;
}

void incident_clear(struct incident *incident)
{
	for (size_t i = 0; i < incident->alerts_len; i++)
		cJSON_Delete(incident->alerts[i]);
	free(incident->alerts);
	free(incident->seen);
	memset(incident, 0, sizeof(*incident));
}

/* ---- names of files ---- */

#define SUFFIX ".jsonl"

void incident_file(const char *id, char name[INCIDENT_FILE_LEN])
{
	snprintf(name, INCIDENT_FILE_LEN, "%s" SUFFIX, id);
}

bool incident_of_file(const char *name, char id[ALERT_ID_LEN])
{
	size_t i;

	for (i = 0; i < ALERT_ID_LEN - 1 && name[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? name[i] != '-' : !strchr("0123456789abcdef", name[i]))
			return false;
		id[i] = name[i];
	}
	id[i] = 0;
	return i == ALERT_ID_LEN - 1 && !strcmp(name + i, SUFFIX);
}
