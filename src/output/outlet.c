// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/outlet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/text.h"

/* When a reload drops a sink, what waits in it has this long to be written. */
#define DROP_TIMEOUT_MS 1000
#define MESSAGE_MAX     1024

struct outlet {
	struct sink *sinks[OUTLET_KINDS];
	char *target[OUTLET_KINDS]; /* path of what is open; "" where there is none */
	outlet_tap tap;
	void *tap_context;
	uint64_t lost; /* of sinks closed meanwhile, and for want of memory */
};

struct outlet *outlet_new(void)
{
	return calloc(1, sizeof(struct outlet));
}

static int open_sink(enum outlet_kind kind, const char *target, struct sink **out)
{
	switch (kind) {
	case OUTLET_STDOUT:
		return sink_open_stdout(STDOUT_FILENO, out);
	case OUTLET_JOURNAL:
		return sink_open_journal(out);
	case OUTLET_FILE:
		return sink_open_file(target, out);
	case OUTLET_HOOK:
		return sink_open_hook(target, out);
	case OUTLET_KINDS:
		break;
	}
	return -EINVAL;
}

static const char *sink_label(enum outlet_kind kind)
{
	static const char *const labels[OUTLET_KINDS] = {
		[OUTLET_STDOUT] = "stdout",
		[OUTLET_JOURNAL] = "the journal",
		[OUTLET_FILE] = "output.file",
		[OUTLET_HOOK] = "output.hook",
	};

	return labels[kind];
}

/* The target wanted of a kind; NULL: the sink is not wanted. */
static const char *wanted(const struct outlet_settings *settings, enum outlet_kind kind)
{
	switch (kind) {
	case OUTLET_STDOUT:
		return settings->stdout_on ? "" : NULL;
	case OUTLET_JOURNAL:
		return settings->journal_on ? "" : NULL;
	case OUTLET_FILE:
		return settings->file;
	case OUTLET_HOOK:
		return settings->hook;
	case OUTLET_KINDS:
		break;
	}
	return NULL;
}

static void drop(struct outlet *outlet, enum outlet_kind kind)
{
	outlet->lost += sink_close(outlet->sinks[kind], DROP_TIMEOUT_MS);
	outlet->sinks[kind] = NULL;
	free(outlet->target[kind]);
	outlet->target[kind] = NULL;
}

int outlet_configure(struct outlet *outlet, const struct outlet_settings *settings,
		     char *why, size_t why_size)
{
	struct sink *fresh[OUTLET_KINDS] = {0};
	char *target[OUTLET_KINDS] = {0};
	int err = 0;

	for (int kind = 0; kind < OUTLET_KINDS && !err; kind++) {
		const char *want = wanted(settings, kind);

		if (!want ||
		    (outlet->sinks[kind] && !strcmp(want, outlet->target[kind])))
			continue;
		target[kind] = strdup(want);
		err = target[kind] ? open_sink(kind, want, &fresh[kind]) : -ENOMEM;
		if (err)
			snprintf(why, why_size, "%s%s%s can't be opened: %s",
				 sink_label(kind), *want ? " " : "", want,
				 strerror(-err));
	}
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		if (err) {
			sink_close(fresh[kind], 0);
			free(target[kind]);
			continue;
		}
		if (fresh[kind] || !wanted(settings, kind))
			drop(outlet, kind);
		if (fresh[kind]) {
			outlet->sinks[kind] = fresh[kind];
			outlet->target[kind] = target[kind];
		}
	}
	return err;
}

static void put(struct outlet *outlet, const struct alert *alert, const char *line)
{
	char text[MESSAGE_MAX], name[4 * FDW_COMM_LEN] = "", service[256] = "";
	const struct identity *who = alert->who;
	struct sink_message message = {
		.line = line,
		.len = strlen(line),
		.text = text,
		.action = alert->what.action,
		.incident = *alert->incident ? alert->incident : NULL,
	};

	alert_message(alert, text, sizeof(text));
	if (who) {
		message.pid = who->pid;
		message.start_ns = who->start_ns;
		text_utf8(name, sizeof(name), who->comm,
			  strnlen(who->comm, FDW_COMM_LEN));
		if (who->service)
			text_utf8(service, sizeof(service), who->service,
				  strlen(who->service));
	}
	message.name = *name ? name : NULL;
	message.service = *service ? service : NULL;
	for (int kind = 0; kind < OUTLET_KINDS; kind++)
		if (outlet->sinks[kind])
			sink_put(outlet->sinks[kind], &message);
	if (outlet->tap)
		outlet->tap(outlet->tap_context, &message);
}

void outlet_set_tap(struct outlet *outlet, outlet_tap tap, void *context)
{
	outlet->tap = tap;
	outlet->tap_context = context;
}

int outlet_send(struct outlet *outlet, const struct alert *alert)
{
	cJSON *json = alert_to_json(alert);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	char *line = NULL;

	cJSON_Delete(json);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	cJSON_free(text);
	if (!line) {
		outlet->lost++;
		return -ENOMEM;
	}
	put(outlet, alert, line);
	free(line);
	return 0;
}

void outlet_reopen(struct outlet *outlet)
{
	for (int kind = 0; kind < OUTLET_KINDS; kind++)
		if (outlet->sinks[kind])
			sink_reopen(outlet->sinks[kind]);
}

struct sink *outlet_sink(const struct outlet *outlet, enum outlet_kind kind)
{
	return outlet->sinks[kind];
}

uint64_t outlet_lost(const struct outlet *outlet)
{
	uint64_t lost = outlet->lost;

	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		struct sink_stats stats;

		if (!outlet->sinks[kind])
			continue;
		sink_stats(outlet->sinks[kind], &stats);
		lost += stats.dropped;
	}
	return lost;
}

uint64_t outlet_close(struct outlet *outlet, int timeout_ms)
{
	uint64_t lost;

	if (!outlet)
		return 0;
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		outlet->lost += sink_close(outlet->sinks[kind], timeout_ms);
		free(outlet->target[kind]);
	}
	lost = outlet->lost;
	free(outlet);
	return lost;
}
