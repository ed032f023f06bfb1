// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/reply.h"
#include "state/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Alerts of a process that its page tells. */
#define ALERTS_MAX 20

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static uint64_t uint_of(const cJSON *object, const char *name)
{
	const cJSON *item = member(object, name);

	return cJSON_IsNumber(item) && item->valuedouble >= 0
		       ? (uint64_t)item->valuedouble
		       : 0;
}

void reply_kinds(const cJSON *reply, const struct source_handlers *to)
{
	const cJSON *kind;

	cJSON_ArrayForEach (kind, member(reply, "kinds")) {
		const char *name = json_text_at(kind, "kind");

		if (name)
			to->kind(to->context, (pid_t)uint_of(kind, "pid"), name,
				 uint_of(kind, "count"), uint_of(kind, "of"));
	}
}

/* Seconds of CLOCK_REALTIME; 0: it is none. */
static uint64_t seconds_of(const char *timestamp)
{
	struct tm tm = {0};
	time_t seconds;

	if (!timestamp || !strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds : 0;
}

static const char *text_or_none(const cJSON *object, const char *name)
{
	const char *text = json_text_at(object, name);

	return text ? text : "";
}

void reply_incidents(const cJSON *reply, pid_t pid, uint64_t start_ns,
		     const struct source_handlers *to)
{
	const cJSON *list = member(reply, "incidents"), *one;
	size_t size = (size_t)cJSON_GetArraySize(list);
	struct source_incident *rows = calloc(size + 1, sizeof(*rows));
	struct source_incidents out = {.pid = pid,
				       .start_ns = start_ns,
				       .rows = rows,
				       .left_off = uint_of(reply, "left_off"),
				       .unreadable = uint_of(reply, "unreadable")};

	if (!rows)
		return;
	cJSON_ArrayForEach (one, list) {
		struct source_incident *row = &rows[out.len];

		if (!json_text_at(one, "incident"))
			continue;
		row->id = json_text_at(one, "incident");
		row->who = text_or_none(one, "who");
		row->worst = text_or_none(one, "worst");
		row->cause = json_text_at(one, "cause");
		row->line = json_text_at(one, "line");
		row->began_s = seconds_of(json_text_at(one, "began"));
		row->lasted_ns = uint_of(one, "duration");
		row->open = !member(one, "ended");
		row->refused = uint_of(one, "refused");
		out.len++;
	}
	to->incidents(to->context, &out);
	free(rows);
}

void reply_report(const cJSON *reply, const char *id, const struct source_handlers *to)
{
	const cJSON *page = member(reply, "page"), *line;
	const char **lines =
		calloc((size_t)cJSON_GetArraySize(page) + 1, sizeof(*lines));
	struct source_report out = {.id = id, .lines = lines};

	if (!lines)
		return;
	cJSON_ArrayForEach (line, page)
		if (cJSON_IsString(line))
			lines[out.len++] = line->valuestring;
	to->report(to->context, &out);
	free(lines);
}

/* The alert's time is UTC; whoever looks at the list has a clock of his own. */
static void local_time(const char *timestamp, char *out, size_t size)
{
	struct tm tm = {0}, local;
	time_t seconds;

	snprintf(out, size, "?");
	if (!timestamp || !strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	seconds = timegm(&tm);
	if (localtime_r(&seconds, &local))
		strftime(out, size, "%m-%d %H:%M:%S", &local);
}

/* "01-02 18:03:04  fd-critical  the message" */
static char *alert_line(const cJSON *alert)
{
	const char *action = json_text_at(member(alert, "event"), "action");
	const char *message = json_text_at(alert, "message");
	char *line = NULL, at[32];

	local_time(json_text_at(alert, "@timestamp"), at, sizeof(at));
	if (asprintf(&line, "  %s  %s  %s", at, action ? action : "?",
		     message ? message : "") < 0)
		return NULL;
	return line;
}

static size_t add_alerts(const cJSON *alerts, const char **lines, char **owned)
{
	int count = cJSON_GetArraySize(alerts), at = 0;
	const cJSON *alert;
	size_t len = 0;

	if (count == 0)
		return 0;
	lines[len++] = "";
	lines[len++] = REPLY_ALERTS;
	cJSON_ArrayForEach (alert, alerts) {
		if (at++ < count - ALERTS_MAX)
			continue;
		*owned = alert_line(alert);
		if (*owned)
			lines[len++] = *owned++;
	}
	return len;
}

void reply_page(const cJSON *reply, const struct source_handlers *to)
{
	const cJSON *page = member(reply, "page"), *line;
	size_t size = (size_t)cJSON_GetArraySize(page) + ALERTS_MAX + 2;
	const char **lines = calloc(size, sizeof(*lines));
	char *owned[ALERTS_MAX] = {0};
	struct source_page out = {.pid = (pid_t)uint_of(reply, "pid"), .lines = lines};

	if (!lines)
		return;
	cJSON_ArrayForEach (line, page)
		if (cJSON_IsString(line))
			lines[out.len++] = line->valuestring;
	out.len += add_alerts(member(reply, "alerts"), lines + out.len, owned);
	to->page(to->context, &out);
	for (size_t i = 0; i < ALERTS_MAX; i++)
		free(owned[i]);
	free(lines);
}

const char *reply_error(const cJSON *reply)
{
	const cJSON *error = member(reply, "error");
	const char *message = json_text_at(error, "message");

	if (!error)
		return NULL;
	return message ? message : "no reason is given";
}
