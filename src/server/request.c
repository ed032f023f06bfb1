// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/request.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/json_read.h"

/* Whole numbers that a double holds exactly. */
#define WHOLE_MAX 9007199254740992.0

static const char *const names[REQUEST_KINDS_OF] = {
	[REQUEST_SNAPSHOT] = "snapshot",   [REQUEST_PROCESS] = "process",
	[REQUEST_MAIN_KINDS] = "kinds",    [REQUEST_SELF] = "self",
	[REQUEST_SUBSCRIBE] = "subscribe", [REQUEST_RAISED] = "raised",
	[REQUEST_INCIDENTS] = "incidents", [REQUEST_REPORT] = "report",
};

const char *request_name(enum request_kind kind)
{
	return names[kind];
}

const char *request_error_name(enum request_error error)
{
	static const char *const codes[] = {
		[REQUEST_OK] = "ok",
		[REQUEST_BAD] = "bad-request",
		[REQUEST_UNKNOWN] = "unknown-request",
		[REQUEST_NO_SUCH_PROCESS] = "no-such-process",
		[REQUEST_NO_SUCH_INCIDENT] = "no-such-incident",
		[REQUEST_BUSY] = "busy",
		[REQUEST_DENIED] = "denied",
		[REQUEST_FAILED] = "failed",
	};

	return codes[error];
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* What a client sends is put into a line of ours: bytes that are no UTF-8 must not be
 * in it, and cJSON lets them through. An id of theirs has none. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static bool read_id(const cJSON *id, struct request *out)
{
	char *text;
	bool fits;

	if (!id)
		return true;
	if (!cJSON_IsString(id) && !cJSON_IsNumber(id) && !cJSON_IsBool(id) &&
	    !cJSON_IsNull(id))
		return false;
	text = cJSON_PrintUnformatted(id);
	fits = text && strlen(text) < sizeof(out->id) && is_plain(text);
	if (fits)
		snprintf(out->id, sizeof(out->id), "%s", text);
	cJSON_free(text);
	return fits;
}

/* Whole, from min to max; *out stays as it is where there is none. */
static bool read_number(const cJSON *item, double min, double max, uint64_t *out)
{
	if (!item)
		return true;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= min) ||
	    !(item->valuedouble <= max) ||
	    item->valuedouble != (double)(uint64_t)item->valuedouble)
		return false;
	*out = (uint64_t)item->valuedouble;
	return true;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static enum request_error read_pids(const cJSON *list, int max, struct request *out,
				    char *why, size_t why_size)
{
	const cJSON *item;

	if (!list)
		return REQUEST_OK;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > max) {
		snprintf(why, why_size, "'pids' must be a list of at most %d pids",
			 max);
		return REQUEST_BAD;
	}
	out->pids = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*out->pids));
	if (!out->pids) {
		snprintf(why, why_size, "no memory");
		return REQUEST_FAILED;
	}
	cJSON_ArrayForEach (item, list) {
		uint64_t pid;

		if (!read_number(item, 1, INT_MAX, &pid)) {
			snprintf(why, why_size, "'pids' must be a list of pids");
			return REQUEST_BAD;
		}
		out->pids[out->pids_len++] = (pid_t)pid;
	}
	if (out->pids_len > 1)
		qsort(out->pids, out->pids_len, sizeof(*out->pids), compare_pids);
	return REQUEST_OK;
}

static enum request_error read_page(const cJSON *json, struct request *out, char *why,
				    size_t why_size)
{
	uint64_t width = REQUEST_WIDTH_DEFAULT;

	if (!read_number(member(json, "width"), REQUEST_WIDTH_MIN, REQUEST_WIDTH_MAX,
			 &width)) {
		snprintf(why, why_size, "'width' must be a number from %d to %d",
			 REQUEST_WIDTH_MIN, REQUEST_WIDTH_MAX);
		return REQUEST_BAD;
	}
	out->width = (int)width;
	out->ascii = cJSON_IsTrue(member(json, "ascii"));
	return REQUEST_OK;
}

static enum request_error read_raised(const cJSON *json, struct request *out, char *why,
				      size_t why_size)
{
	uint64_t pid = 0;

	if (read_number(member(json, "pid"), 1, INT_MAX, &pid) && pid &&
	    read_number(member(json, "from"), 0, WHOLE_MAX, &out->raised_from) &&
	    read_number(member(json, "to"), 1, WHOLE_MAX, &out->raised_to) &&
	    out->raised_to > out->raised_from) {
		out->pid = (pid_t)pid;
		return REQUEST_OK;
	}
	snprintf(why, why_size, "'pid' must be a pid, and 'from' a limit below 'to'");
	return REQUEST_BAD;
}

static enum request_error read_process(const cJSON *json, struct request *out,
				       char *why, size_t why_size)
{
	uint64_t pid = 0;

	if (!read_number(member(json, "pid"), 1, INT_MAX, &pid) || !pid) {
		snprintf(why, why_size, "'pid' must be a pid");
		return REQUEST_BAD;
	}
	out->pid = (pid_t)pid;
	out->descriptors = cJSON_IsTrue(member(json, "descriptors"));
	return read_page(json, out, why, why_size);
}

/* A text of digits, as a snapshot has it. */
static bool read_digits(const cJSON *item, uint64_t *out)
{
	const char *text = cJSON_GetStringValue(item);
	size_t len = text ? strspn(text, "0123456789") : 0;

	if (!item)
		return true;
	if (!len || text[len] || len > 19)
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

static enum request_error read_incidents(const cJSON *json, struct request *out,
					 char *why, size_t why_size)
{
	const cJSON *service = member(json, "service");
	const char *name = cJSON_GetStringValue(service);
	uint64_t pid = 0, max = REQUEST_PAST_DEFAULT;

	if (!read_number(member(json, "pid"), 1, INT_MAX, &pid)) {
		snprintf(why, why_size, "'pid' must be a pid");
		return REQUEST_BAD;
	}
	if (!read_digits(member(json, "start_ns"), &out->start_ns)) {
		snprintf(why, why_size, "'start_ns' must be a text of digits");
		return REQUEST_BAD;
	}
	if (!read_number(member(json, "max"), 1, WHOLE_MAX, &max)) {
		snprintf(why, why_size, "'max' must be a number from 1 on");
		return REQUEST_BAD;
	}
	if (service && (!name || !*name || strlen(name) > REQUEST_SERVICE_MAX)) {
		snprintf(why, why_size, "'service' must be a name of at most %d bytes",
			 REQUEST_SERVICE_MAX);
		return REQUEST_BAD;
	}
	out->pid = (pid_t)pid;
	out->max = max < REQUEST_PAST_MAX ? max : REQUEST_PAST_MAX;
	out->service = name ? strdup(name) : NULL;
	if (name && !out->service) {
		snprintf(why, why_size, "no memory");
		return REQUEST_FAILED;
	}
	return REQUEST_OK;
}

/* What is an id becomes the name of a file: nothing else may be in it. */
static enum request_error read_report(const cJSON *json, struct request *out, char *why,
				      size_t why_size)
{
	const char *id = cJSON_GetStringValue(member(json, "incident"));
	size_t len = id ? strspn(id, "0123456789abcdef-") : 0;

	if (!len || id[len] || len >= sizeof(out->incident)) {
		snprintf(why, why_size,
			 "'incident' must be an incident's id, or its beginning");
		return REQUEST_BAD;
	}
	memcpy(out->incident, id, len + 1);
	return read_page(json, out, why, why_size);
}

static enum request_error read_members(const cJSON *json, struct request *out,
				       char *why, size_t why_size)
{
	uint64_t recent = 0;

	switch (out->kind) {
	case REQUEST_SNAPSHOT:
		if (!read_number(member(json, "since"), 0, WHOLE_MAX, &out->since)) {
			snprintf(why, why_size,
				 "'since' must be the number of a snapshot");
			return REQUEST_BAD;
		}
		return read_pids(member(json, "pids"), REQUEST_PIDS_MAX, out, why,
				 why_size);
	case REQUEST_PROCESS:
		return read_process(json, out, why, why_size);
	case REQUEST_MAIN_KINDS:
		if (!member(json, "pids")) {
			snprintf(why, why_size, "'pids' is missing");
			return REQUEST_BAD;
		}
		return read_pids(member(json, "pids"), REQUEST_KINDS_MAX, out, why,
				 why_size);
	case REQUEST_SUBSCRIBE:
		if (!read_number(member(json, "recent"), 0, WHOLE_MAX, &recent)) {
			snprintf(why, why_size, "'recent' must be a number");
			return REQUEST_BAD;
		}
		out->recent = recent < REQUEST_RECENT_MAX ? recent : REQUEST_RECENT_MAX;
		return REQUEST_OK;
	case REQUEST_RAISED:
		return read_raised(json, out, why, why_size);
	case REQUEST_INCIDENTS:
		return read_incidents(json, out, why, why_size);
	case REQUEST_REPORT:
		return read_report(json, out, why, why_size);
	default:
		return REQUEST_OK;
	}
}

static enum request_error read_kind(const cJSON *json, struct request *out, char *why,
				    size_t why_size)
{
	const char *name = cJSON_GetStringValue(member(json, "request"));

	if (!name) {
		snprintf(why, why_size, "'request' must say what is asked for");
		return REQUEST_BAD;
	}
	for (int kind = 0; kind < REQUEST_KINDS_OF; kind++) {
		if (strcmp(name, names[kind]) != 0)
			continue;
		out->kind = (enum request_kind)kind;
		return REQUEST_OK;
	}
	snprintf(why, why_size,
		 "unknown request; there are snapshot, process, kinds, self, "
		 "subscribe, raised, incidents, report");
	return REQUEST_UNKNOWN;
}

enum request_error request_parse(const char *line, size_t len, struct request *out,
				 char *why, size_t why_size)
{
	enum request_error error;
	cJSON *json;

	memset(out, 0, sizeof(*out));
	json = len <= REQUEST_LINE_MAX ? json_read(line, len, JSON_READ_SHALLOW, NULL)
				       : NULL;
	if (!cJSON_IsObject(json)) {
		snprintf(why, why_size, "a request must be one JSON object in a line");
		cJSON_Delete(json);
		return REQUEST_BAD;
	}
	out->is_object = true;
	if (!read_id(member(json, "id"), out)) {
		snprintf(why, why_size,
			 "'id' must be a short text of ASCII, a number, true, false or "
			 "null");
		error = REQUEST_BAD;
	} else {
		error = read_kind(json, out, why, why_size);
	}
	if (!error)
		error = read_members(json, out, why, why_size);
	cJSON_Delete(json);
	return error;
}

void request_clear(struct request *request)
{
	free(request->pids);
	free(request->service);
	memset(request, 0, sizeof(*request));
}
