// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/alert_lines.h"
#include "output/outlet_loss.h"
#include "output/text.h"

/* When a reload drops a sink, what waits in it has this long to be written, while all else
 * goes on. */
#define DROP_NS     2000000000ull
#define RETIRED_MAX 8
#define MESSAGE_MAX 1024
/* An output that can't be opened is tried again so often. */
#define RETRY_NS    5000000000ull

struct outlet {
	struct sink *sinks[OUTLET_KINDS];
	char *target[OUTLET_KINDS]; /* path of what is open; "" where there is none */
	/* wanted, and could not be opened: path, why, and alerts sent since */
	char *missing[OUTLET_KINDS];
	int missing_err[OUTLET_KINDS];
	uint64_t missed[OUTLET_KINDS];
	uint64_t retry_ns[OUTLET_KINDS]; /* when it is tried again */
	struct retired {
		struct sink *sink; /* dropped by a reload, and still writing */
		uint64_t until_ns; /* 0: not set yet */
	} retired[RETIRED_MAX];
	outlet_tap taps[OUTLET_TAPS];
	void *tap_contexts[OUTLET_TAPS];
	const struct alert_host *host; /* NULL: not known yet */
	uint64_t lost;   /* of sinks closed meanwhile, and for want of memory */
	size_t max_line; /* 0: no bound */
};

struct outlet *outlet_new(void)
{
	return calloc(1, sizeof(struct outlet));
}

/* Without memory for it the log alone is told of losses. */
static void set_loss(const struct outlet *outlet, enum outlet_kind kind,
		     struct sink *sink)
{
	static const char *const names[OUTLET_KINDS] = {
		[OUTLET_STDOUT] = "stdout",
		[OUTLET_JOURNAL] = "journal",
		[OUTLET_FILE] = "file",
		[OUTLET_HOOK] = "hook",
	};
	struct sink_loss loss;

	if (outlet->host && !outlet_loss_of(outlet->host, names[kind], &loss))
		sink_set_loss(sink, loss);
}

void outlet_set_host(struct outlet *outlet, const struct alert_host *host)
{
	outlet->host = host;
	for (int kind = 0; kind < OUTLET_KINDS; kind++)
		if (outlet->sinks[kind])
			set_loss(outlet, kind, outlet->sinks[kind]);
}

static int open_by_kind(enum outlet_kind kind, const char *target, struct sink **out)
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

static int open_sink(const struct outlet *outlet, enum outlet_kind kind,
		     const char *target, struct sink **out)
{
	int err = open_by_kind(kind, target, out);

	if (!err)
		set_loss(outlet, kind, *out);
	return err;
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

/* Waiting for a program that is run, or a disk, is not for the caller. */
static void retire(struct outlet *outlet, struct sink *sink)
{
	if (!sink)
		return;
	sink_finish(sink);
	for (size_t i = 0; i < RETIRED_MAX; i++) {
		if (outlet->retired[i].sink)
			continue;
		outlet->retired[i] = (struct retired){.sink = sink};
		return;
	}
	outlet->lost += sink_close(sink, 0);
}

static void end_retired(struct outlet *outlet, uint64_t now_ns)
{
	for (size_t i = 0; i < RETIRED_MAX; i++) {
		struct retired *retired = &outlet->retired[i];

		if (!retired->sink)
			continue;
		if (!retired->until_ns)
			retired->until_ns = now_ns + DROP_NS;
		if (!sink_has_ended(retired->sink) && now_ns < retired->until_ns)
			continue;
		outlet->lost += sink_close(retired->sink, 0);
		*retired = (struct retired){0};
	}
}

static void drop(struct outlet *outlet, enum outlet_kind kind)
{
	retire(outlet, outlet->sinks[kind]);
	outlet->sinks[kind] = NULL;
	free(outlet->target[kind]);
	outlet->target[kind] = NULL;
}

static void say_failed(enum outlet_kind kind, const char *want, int err, char *why,
		       size_t why_size)
{
	snprintf(why, why_size, "%s%s%s can't be opened: %s", sink_label(kind),
		 *want ? " " : "", want, strerrordesc_np(-err));
}

static void forget_missing(struct outlet *outlet, enum outlet_kind kind)
{
	free(outlet->missing[kind]);
	outlet->missing[kind] = NULL;
	outlet->missed[kind] = 0;
}

/* Whether it is known to be missing since before: that is no reason to refuse others. */
static bool is_missing(const struct outlet *outlet, enum outlet_kind kind,
		       const char *want)
{
	return outlet->missing[kind] && !strcmp(outlet->missing[kind], want);
}

static bool miss(struct outlet *outlet, enum outlet_kind kind, const char *want,
		 int err)
{
	char *path = strdup(want);

	if (!path)
		return false;
	if (!is_missing(outlet, kind, want))
		forget_missing(outlet, kind);
	free(outlet->missing[kind]);
	outlet->missing[kind] = path;
	outlet->missing_err[kind] = err;
	return true;
}

bool outlet_start(struct outlet *outlet, const struct outlet_settings *settings,
		  outlet_say say)
{
	char why[512];
	bool any = false;

	outlet->max_line = settings->max_line;
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		const char *want = wanted(settings, kind);
		int err;

		if (!want)
			continue;
		outlet->target[kind] = strdup(want);
		err = outlet->target[kind]
			      ? open_sink(outlet, kind, want, &outlet->sinks[kind])
			      : -ENOMEM;
		if (!err) {
			any = true;
			continue;
		}
		drop(outlet, kind);
		(void)miss(outlet, kind, want, err);
		say_failed(kind, want, err, why, sizeof(why));
		say(why);
	}
	return any;
}

/* One that is missing is tried again. True: it is open. */
static bool try_again(struct outlet *outlet, enum outlet_kind kind, outlet_say say)
{
	char line[512];
	struct sink *fresh;
	int err = open_sink(outlet, kind, outlet->missing[kind], &fresh);

	if (err && err != outlet->missing_err[kind]) {
		say_failed(kind, outlet->missing[kind], err, line, sizeof(line));
		say(line);
	}
	outlet->missing_err[kind] = err;
	if (err)
		return false;
	snprintf(line, sizeof(line),
		 "%s %s is open now; alerts that it did not get: %" PRIu64,
		 sink_label(kind), outlet->missing[kind], outlet->missed[kind]);
	say(line);
	outlet->sinks[kind] = fresh;
	outlet->target[kind] = outlet->missing[kind];
	outlet->missing[kind] = NULL;
	sink_missed(fresh, outlet->missed[kind]);
	outlet->missed[kind] = 0;
	return true;
}

bool outlet_retry(struct outlet *outlet, uint64_t now_ns, outlet_say say)
{
	bool opened = false;

	end_retired(outlet, now_ns);
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		if (!outlet->missing[kind] || now_ns < outlet->retry_ns[kind])
			continue;
		outlet->retry_ns[kind] = now_ns + RETRY_NS;
		opened |= try_again(outlet, kind, say);
	}
	return opened;
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
		err = target[kind] ? open_sink(outlet, kind, want, &fresh[kind])
				   : -ENOMEM;
		if (err && target[kind] && is_missing(outlet, kind, want)) {
			free(target[kind]);
			target[kind] = NULL;
			err = 0; /* it stays so, and is tried again */
		}
		if (err)
			say_failed(kind, want, err, why, why_size);
	}
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		if (err) {
			sink_close(fresh[kind], 0);
			free(target[kind]);
			continue;
		}
		if (fresh[kind] && outlet->missing[kind])
			sink_missed(fresh[kind], outlet->missed[kind]);
		if (fresh[kind] || !wanted(settings, kind)) {
			drop(outlet, kind);
			forget_missing(outlet, kind);
		}
		if (fresh[kind]) {
			outlet->sinks[kind] = fresh[kind];
			outlet->target[kind] = target[kind];
		}
	}
	if (!err)
		outlet->max_line = settings->max_line;
	return err;
}

/* To those whose lines a log takes: the alert, or what there is in place of it. */
static void put_lines(struct outlet *outlet, const struct sink_message *whole,
		      const struct alert_lines *lines)
{
	struct sink_message message = *whole;

	for (size_t i = 0; i < (lines->len ? lines->len : 1); i++) {
		if (lines->len) {
			message.line = lines->of[i].line;
			message.len = strlen(message.line);
		}
		if (i) {
			message.text = lines->of[i].text;
			message.action = POLICY_FD_DETAILS;
		}
		for (int kind = 0; kind < OUTLET_KINDS; kind++)
			if (kind != OUTLET_HOOK && outlet->sinks[kind])
				sink_put(outlet->sinks[kind], &message);
	}
}

/* To all, and the taps. */
static void put(struct outlet *outlet, const struct alert *alert, const char *line,
		const struct alert_lines *lines)
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
	put_lines(outlet, &message, lines);
	if (outlet->sinks[OUTLET_HOOK])
		sink_put(outlet->sinks[OUTLET_HOOK], &message);
	for (int of = 0; of < OUTLET_TAPS; of++)
		if (outlet->taps[of])
			outlet->taps[of](outlet->tap_contexts[of], &message);
}

void outlet_set_tap(struct outlet *outlet, enum outlet_tap_of of, outlet_tap tap,
		    void *context)
{
	outlet->taps[of] = tap;
	outlet->tap_contexts[of] = context;
}

int outlet_send(struct outlet *outlet, const struct alert *alert)
{
	char *line = alert_json_line(alert);
	struct alert_lines lines = {0};

	if (!line || alert_lines_make(alert, line, outlet->max_line, &lines)) {
		alert_lines_clear(&lines);
		free(line);
		outlet->lost++;
		return -ENOMEM;
	}
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		if (!outlet->missing[kind])
			continue;
		outlet->missed[kind]++;
		outlet->lost++;
	}
	put(outlet, alert, line, &lines);
	alert_lines_clear(&lines);
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
		free(outlet->missing[kind]);
	}
	for (size_t i = 0; i < RETIRED_MAX; i++)
		outlet->lost += sink_close(outlet->retired[i].sink, timeout_ms);
	lost = outlet->lost;
	free(outlet);
	return lost;
}
