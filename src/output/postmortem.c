// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/postmortem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "output/json.h"
#include "policy/policy.h"
#include "state/json_read.h"

#define NS_PER_S   1000000000ull
/* A fall by this share of the limit between two lines is told. */
#define FALL_SHARE 5

static const cJSON *part(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *part2(const cJSON *object, const char *name, const char *inner)
{
	return part(part(object, name), inner);
}

/* ---- times ---- */

/* "2026-11-26T07:13:09.292467Z"; 0: it is none. */
static uint64_t read_time(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	uint64_t ns = 0, digit = NS_PER_S / 10;
	time_t seconds;

	if (!end)
		return 0;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, digit /= 10)
			ns += (uint64_t)(*end - '0') * digit;
	seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds * NS_PER_S + ns : 0;
}

void postmortem_time(uint64_t realtime_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !strftime(text, size, "%Y-%m-%d %H:%M:%S %z", &tm))
		snprintf(text, size, "?");
}

void postmortem_clock(uint64_t realtime_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(text, size, "%H:%M:%S", &tm))
		snprintf(text, size, "?");
}

void postmortem_span(uint64_t ns, char *text, size_t size)
{
	uint64_t s = ns / NS_PER_S;

	if (ns < 10 * NS_PER_S)
		snprintf(text, size, "%.1f s", (double)ns / (double)NS_PER_S);
	else if (s < 60)
		snprintf(text, size, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 172800)
		snprintf(text, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			 s / 60 % 60);
	else
		snprintf(text, size, "%" PRIu64 " days %" PRIu64 " h", s / 86400,
			 s / 3600 % 24);
}

/* ---- alerts ---- */

/* By its name, which is printed as it is: one that nobody gave may hold anything. */
static const char *action_of(const cJSON *alert)
{
	const char *name = json_text_at(part(alert, "event"), "action");
	enum policy_action action;

	if (policy_action_find(name, &action))
		return policy_action_name(action);
	return name ? "?" : "";
}

static const char *short_action(const char *action)
{
	if (!strncmp(action, "fd-", 3))
		return action + 3;
	return strncmp(action, "system-", 7) ? action : action + 7;
}

/* How bad an alert is, from 0 on. */
static int badness(const char *action)
{
	static const char *const order[] = {"limit-raised", "leak-suspected",
					    "other-limit",  "warning",
					    "critical",     "exhausted"};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (!strcmp(short_action(action), order[i]))
			return (int)i + 1;
	return 0;
}

static void take_identity(struct postmortem *p, const cJSON *alert)
{
	const cJSON *process = part(alert, "process"), *user = part(process, "user");
	const cJSON *group = part2(alert, "fd", "group");
	const char *service = json_text_at(part(alert, "service"), "name");

	if (!p->host)
		p->host = json_text_at(part(alert, "host"), "name");
	p->is_system |= part(alert, "system") != NULL;
	if (!p->service)
		p->service = service;
	if (!p->container)
		p->container = json_text_at(part(alert, "container"), "id");
	if (group) {
		p->members = part(group, "members");
		if (!p->name)
			p->name = json_text_at(group, "name");
		if (json_uint_at(group, "processes") > p->processes)
			p->processes = json_uint_at(group, "processes");
	}
	if (!process || p->is_system)
		return;
	if (!p->pid)
		p->pid = (int64_t)json_uint_at(process, "pid");
	if (!p->name)
		p->name = json_text_at(process, "name");
	if (!p->executable)
		p->executable = json_text_at(process, "executable");
	if (!p->command_line)
		p->command_line = json_text_at(process, "command_line");
	if (!p->user)
		p->user = json_text_at(user, "name") ? json_text_at(user, "name")
						     : json_text_at(user, "id");
}

static void take_refused(struct postmortem *p, const cJSON *alert)
{
	const cJSON *refused = part2(alert, p->is_system ? "system" : "fd", "refused");
	uint64_t sum = json_uint_at(refused, "emfile") +
		       json_uint_at(refused, "enfile") + json_uint_at(refused, "other");

	if (sum < p->refused || !refused)
		return;
	p->refused = sum;
	p->refused_inexact |= cJSON_IsTrue(part(refused, "inexact"));
	if (part(refused, "by_syscall"))
		p->refused_calls = part(refused, "by_syscall");
}

/* What is told later is known better. */
static void take_explanation(struct postmortem *p, const cJSON *alert)
{
	const cJSON *diagnosis = cJSON_GetArrayItem(part(alert, "diagnosis"), 0);
	const cJSON *fd = part(alert, "fd");
	const cJSON *site = cJSON_GetArrayItem(part(fd, "call_sites"), 0);
	char line[POSTMORTEM_LINE_LEN];

	if (json_text_at(diagnosis, "text")) {
		p->cause = json_text_at(diagnosis, "text");
		p->evidence = json_text_at(diagnosis, "evidence");
	}
	if (part(alert, "limit"))
		p->limit = part(alert, "limit");
	if (cJSON_GetArraySize(part(alert, "advice")))
		p->advice = part(alert, "advice");
	if (cJSON_GetArraySize(part(fd, "groups")))
		p->groups = part(fd, "groups");
	if (part(fd, "soft_limit"))
		p->soft_limit = json_uint_at(fd, "soft_limit");
	if (!site)
		return;
	p->call_sites = part(fd, "call_sites");
	p->other_sites = json_uint_at(fd, "call_sites_left_out");
	p->unknown_sites = json_uint_at(fd, "unknown");
	postmortem_line(site, line);
	if (json_text_at(site, "function") && json_text_at(site, "file"))
		snprintf(p->line, sizeof(p->line), "%s at %s%s",
			 json_text_at(site, "function"), json_text_at(site, "file"),
			 line);
	else if (json_text_at(site, "function"))
		snprintf(p->line, sizeof(p->line), "%s",
			 json_text_at(site, "function"));
}

static void take_alert(struct postmortem *p, const cJSON *alert)
{
	const char *action = action_of(alert);
	uint64_t at_ns = read_time(json_text_at(alert, "@timestamp"));

	take_identity(p, alert);
	take_refused(p, alert);
	take_explanation(p, alert);
	if (at_ns && (!p->began_ns || at_ns < p->began_ns))
		p->began_ns = at_ns;
	if (at_ns > p->ended_ns)
		p->ended_ns = at_ns;
	if (!strcmp(short_action(action), "recovered")) {
		p->open = false;
		p->ended_by = json_text_at(part(alert, "fd"), "reason");
	} else if (strcmp(action, "fd-details") != 0 &&
		   badness(action) >= badness(p->worst)) {
		p->worst = short_action(action);
		p->message = json_text_at(alert, "message");
	}
}

/* ---- what happened ---- */

static struct postmortem_event *add_event(struct postmortem *p, uint64_t at_ns)
{
	struct postmortem_event *event = &p->events[p->events_len++];

	event->at_ns = at_ns;
	return event;
}

/* Times of alerts are in microseconds; what was done comes before what was said of it. */
static int by_time(const void *a, const void *b)
{
	const struct postmortem_event *first = a, *second = b;
	uint64_t first_us = first->at_ns / 1000, second_us = second->at_ns / 1000;

	if (first_us != second_us)
		return first_us < second_us ? -1 : 1;
	return (first->action != NULL) - (second->action != NULL);
}

static void add_alerts(struct postmortem *p)
{
	for (size_t i = 0; i < p->incident->alerts_len; i++) {
		const cJSON *alert = p->incident->alerts[i];
		struct postmortem_event *event =
			add_event(p, read_time(json_text_at(alert, "@timestamp")));

		event->action = short_action(action_of(alert));
		event->message = json_text_at(alert, "message");
	}
}

/* What was done, as far as the counts tell. */
static void add_changes(struct postmortem *p)
{
	for (size_t i = 1; i < p->points_len; i++) {
		const struct postmortem_point *was = &p->points[i - 1],
					      *is = &p->points[i];

		if (was->least || is->least)
			continue;
		if (was->limit_known && is->limit_known && was->limit != is->limit)
			snprintf(add_event(p, is->at_ns)->text, POSTMORTEM_EVENT_TEXT,
				 "The limit went from %" PRIu64 " to %" PRIu64 ".",
				 was->limit, is->limit);
		else if (is->used < was->used && is->limit_known &&
			 was->used - is->used >= is->limit / FALL_SHARE)
			snprintf(add_event(p, is->at_ns)->text, POSTMORTEM_EVENT_TEXT,
				 "%" PRIu64 " descriptors were closed: %" PRIu64
				 " were left.",
				 was->used - is->used, is->used);
	}
	for (size_t i = 0; i < p->incident->resumed_len; i++)
		snprintf(add_event(p, p->incident->resumed_ns[i] +
					      p->incident->begin.boot_realtime_ns)
				 ->text,
			 POSTMORTEM_EVENT_TEXT,
			 "fdwarden itself was started anew; until then it did not "
			 "look.");
}

/* ---- counts ---- */

static uint64_t sum_of(const struct incident_seen *seen)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < seen->refused_len; i++)
		sum += seen->refused[i].count;
	return sum;
}

static int by_point(const void *a, const void *b)
{
	const struct postmortem_point *first = a, *second = b;

	return first->at_ns < second->at_ns ? -1 : first->at_ns > second->at_ns;
}

static void add_points(struct postmortem *p)
{
	const struct incident *incident = p->incident;
	uint64_t epoch_ns = incident->begin.boot_realtime_ns, refused = 0;

	for (size_t i = 0; i < incident->begin.past_len; i++) {
		const struct incident_past *past = &incident->begin.past[i];

		p->points[p->points_len++] =
			(struct postmortem_point){.at_ns = past->at_ns + epoch_ns,
						  .used = past->used,
						  .least = past->for_ns};
	}
	for (size_t i = 0; i < incident->seen_len; i++) {
		const struct incident_seen *seen = &incident->seen[i];
		struct postmortem_point point = {.at_ns = seen->process.now_ns +
							  epoch_ns,
						 .used = seen->process.used,
						 .limit = seen->process.soft_limit,
						 .limit_known = true};

		if (seen->is_system)
			point = (struct postmortem_point){
				.at_ns = seen->system.now_ns + epoch_ns,
				.used = seen->system.allocated,
				.limit = seen->system.max,
				.limit_known = true};
		if (seen->is_system ? !seen->system.known : !seen->process.has_table)
			continue;
		refused = seen->refused_known ? sum_of(seen) : refused;
		point.refused = refused;
		p->points[p->points_len++] = point;
	}
	qsort(p->points, p->points_len, sizeof(*p->points), by_point);
}

/* ---- kinds ---- */

static size_t kind_of(struct postmortem *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->kinds_len; i++)
		if (!strcmp(p->kinds[i], name))
			return i;
	if (i < POSTMORTEM_KINDS)
		p->kinds[p->kinds_len++] = name;
	return i;
}

static struct postmortem_look read_look(struct postmortem *p, const cJSON *alert,
					const char *level)
{
	const cJSON *one, *types = part2(alert, "fd", "types");
	struct postmortem_look look = {
		.level = level, .at_ns = read_time(json_text_at(alert, "@timestamp"))};

	cJSON_ArrayForEach (one, types) {
		const char *name = json_text_at(one, "type");
		size_t kind = name ? kind_of(p, name) : POSTMORTEM_KINDS;

		if (kind < POSTMORTEM_KINDS)
			look.counts[kind] = json_uint_at(one, "count");
	}
	return look;
}

static void add_look(struct postmortem *p, const cJSON *alert, const char *level)
{
	struct postmortem_look look = read_look(p, alert, level);

	/* The last place is for the last look. */
	if (p->looks_len == POSTMORTEM_LOOKS)
		p->looks_len--;
	p->looks[p->looks_len++] = look;
}

/* At the first alert, at each worse level, and at the end. What comes after an alert explains
 * it. */
static void add_looks(struct postmortem *p)
{
	const char *level = "";
	const cJSON *last = NULL;
	int shown = 0, now = 0;

	for (size_t i = 0; i < p->incident->alerts_len; i++) {
		const cJSON *alert = p->incident->alerts[i];
		const char *action = action_of(alert);

		if (badness(action)) {
			level = short_action(action);
			now = badness(action);
		}
		if (!cJSON_GetArraySize(part2(alert, "fd", "types")))
			continue;
		last = alert;
		p->timeline[p->timeline_len++] = read_look(p, alert, level);
		if (now <= shown)
			continue;
		add_look(p, alert, level);
		shown = now;
		last = NULL;
	}
	if (last)
		add_look(p, last, "last");
}

/* ---- all of it ---- */

int postmortem_make(const struct incident *incident, const char *id,
		    struct postmortem *out)
{
	size_t points = incident->begin.past_len + incident->seen_len;

	memset(out, 0, sizeof(*out));
	out->incident = incident;
	out->id = id;
	out->open = true;
	out->worst = "";
	out->is_system = incident->begun && incident->begin.is_system;
	out->points = calloc(points + 1, sizeof(*out->points));
	out->events = calloc(points + incident->alerts_len + incident->resumed_len + 1,
			     sizeof(*out->events));
	out->timeline = calloc(incident->alerts_len + 1, sizeof(*out->timeline));
	if (!out->points || !out->events || !out->timeline) {
		postmortem_clear(out);
		return -ENOMEM;
	}
	for (size_t i = 0; i < incident->alerts_len; i++)
		take_alert(out, incident->alerts[i]);
	if (!out->cause && out->groups)
		out->cause = json_text_at(cJSON_GetArrayItem(out->groups, 0), "text");
	add_points(out);
	if (out->points_len) {
		const struct postmortem_point *last = &out->points[out->points_len - 1];

		if (!out->began_ns)
			out->began_ns = incident->begin.at_ns +
					incident->begin.boot_realtime_ns;
		if (last->at_ns > out->ended_ns && out->open)
			out->ended_ns = last->at_ns;
	}
	if (out->ended_ns < out->began_ns)
		out->ended_ns = out->began_ns;
	add_alerts(out);
	add_changes(out);
	qsort(out->events, out->events_len, sizeof(*out->events), by_time);
	add_looks(out);
	return 0;
}

void postmortem_clear(struct postmortem *p)
{
	free(p->points);
	free(p->events);
	free(p->timeline);
	memset(p, 0, sizeof(*p));
}

void postmortem_line(const cJSON *site, char text[POSTMORTEM_LINE_LEN])
{
	uint64_t line = json_uint_at(site, "line");

	text[0] = 0;
	if (line)
		snprintf(text, POSTMORTEM_LINE_LEN, ":%" PRIu64, line);
}

void postmortem_who(const struct postmortem *p, char *text, size_t size)
{
	const char *name = p->name ? p->name : "?";

	if (p->is_system)
		snprintf(text, size, "the whole system");
	else if (p->processes)
		snprintf(text, size, "%" PRIu64 " processes of %s", p->processes, name);
	else if (p->service)
		snprintf(text, size, "%s[%" PRId64 "] of %s", name, p->pid, p->service);
	else
		snprintf(text, size, "%s[%" PRId64 "]", name, p->pid);
}

const char *postmortem_end(const struct postmortem *p)
{
	static const char *const reasons[][2] = {
		{"closed", "descriptors were closed"},
		{"exited", "the process exited"},
		{"limit-raised", "the limit was raised"},
	};

	if (p->open)
		return "the record does not tell its end";
	for (size_t i = 0; p->ended_by && i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(p->ended_by, reasons[i][0]))
			return reasons[i][1];
	return "it is over";
}

/* ---- for programs ---- */

static int put_events(cJSON *root, const struct postmortem *p)
{
	cJSON *list = cJSON_AddArrayToObject(root, "events");
	int err = list ? 0 : -ENOMEM;
	char when[32];

	for (size_t i = 0; i < p->events_len && !err; i++) {
		const struct postmortem_event *event = &p->events[i];
		cJSON *one = cJSON_CreateObject();

		if (!one || !cJSON_AddItemToArray(list, one)) {
			cJSON_Delete(one);
			return -ENOMEM;
		}
		alert_timestamp(event->at_ns, when);
		err = json_add_text(one, "@timestamp", when);
		if (!err)
			err = json_add_text(one, "action", event->action);
		if (!err)
			err = json_add_text(one, "message",
					    event->message ? event->message
							   : event->text);
	}
	return err;
}

static int put_points(cJSON *root, const struct postmortem *p)
{
	cJSON *list = cJSON_AddArrayToObject(root, "counts");
	int err = list ? 0 : -ENOMEM;
	char when[32];

	for (size_t i = 0; i < p->points_len && !err; i++) {
		const struct postmortem_point *point = &p->points[i];
		cJSON *one = cJSON_CreateObject();

		if (!one || !cJSON_AddItemToArray(list, one)) {
			cJSON_Delete(one);
			return -ENOMEM;
		}
		alert_timestamp(point->at_ns, when);
		err = json_add_text(one, "@timestamp", when);
		if (!err)
			err = json_add_uint(one, point->least ? "at_least" : "used",
					    point->used);
		if (!err && point->limit_known)
			err = json_add_uint(one, "limit", point->limit);
		if (!err && point->refused)
			err = json_add_uint(one, "refused", point->refused);
	}
	return err;
}

static int put_copy(cJSON *root, const char *name, const cJSON *what)
{
	cJSON *copy = what ? cJSON_Duplicate(what, true) : NULL;

	if (!what)
		return 0;
	if (copy && cJSON_AddItemToObject(root, name, copy))
		return 0;
	cJSON_Delete(copy);
	return -ENOMEM;
}

static int put_summary(cJSON *root, const struct postmortem *p)
{
	char text[512];
	int err = json_add_text(root, "incident", p->id);

	alert_timestamp(p->began_ns, text);
	if (!err)
		err = json_add_text(root, "began", text);
	alert_timestamp(p->ended_ns, text);
	if (!err && !p->open)
		err = json_add_text(root, "ended", text);
	if (!err)
		err = json_add_uint(root, "duration", p->ended_ns - p->began_ns);
	postmortem_who(p, text, sizeof(text));
	if (!err)
		err = json_add_text(root, "who", text);
	if (!err && p->pid && !p->processes)
		err = json_add_uint(root, "pid", (uint64_t)p->pid);
	if (!err && p->processes)
		err = json_add_uint(root, "processes", p->processes);
	if (!err)
		err = json_add_text(root, "name", p->name);
	if (!err)
		err = json_add_text(root, "service", p->service);
	if (!err)
		err = json_add_text(root, "worst", p->worst);
	if (!err)
		err = json_add_text(root, "message", p->message);
	if (!err)
		err = json_add_text(root, "reason", p->ended_by);
	if (!err)
		err = json_add_uint(root, "refused", p->refused);
	if (!err)
		err = json_add_text(root, "cause", p->cause);
	if (!err && p->line[0])
		err = json_add_text(root, "line", p->line);
	return err;
}

cJSON *postmortem_brief(const struct postmortem *p)
{
	cJSON *root = cJSON_CreateObject();

	if (root && put_summary(root, p)) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}

cJSON *postmortem_json(const struct postmortem *p)
{
	cJSON *root = cJSON_CreateObject();
	int err = root ? put_summary(root, p) : -ENOMEM;

	if (!err)
		err = put_copy(root, "refused_calls", p->refused_calls);
	if (!err)
		err = put_copy(root, "limit", p->limit);
	if (!err)
		err = put_copy(root, "advice", p->advice);
	if (!err)
		err = put_copy(root, "call_sites", p->call_sites);
	if (!err)
		err = put_copy(root, "groups", p->groups);
	if (!err)
		err = put_copy(root, "members", p->members);
	if (!err)
		err = put_events(root, p);
	if (!err)
		err = put_points(root, p);
	if (!err)
		return root;
	cJSON_Delete(root);
	return NULL;
}
