// SPDX-License-Identifier: GPL-2.0-or-later
/* A monitor of our own, where no daemon runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "daemon/monitor.h"
#include "daemon/remedy.h"
#include "output/roster_keeper.h"
#include "top/looker.h"
#include "top/recent.h"
#include "top/source_impl.h"

struct local_source {
	struct source source;
	struct outlet *outlet; /* without sinks: alerts go to `recent` alone */
	struct recent *recent;
	struct monitor *monitor;
	struct feed feed;
	struct roster_keeper *keeper;
	struct looker *looker;
};

static struct local_source *of(struct source *source)
{
	return (struct local_source *)source;
}

static void on_alert(void *context, const struct sink_message *message)
{
	recent_add(context, message->pid, message->line, message->len);
}

static void set_self(struct local_source *s)
{
	struct self_figures *self = &s->feed.head.self;
	struct monitor_self from;

	monitor_self(s->monitor, &from);
	memset(self, 0, sizeof(*self));
	snprintf(self->sensor, sizeof(self->sensor), "%s", from.sensor);
	snprintf(self->counters, sizeof(self->counters), "%s", from.counters);
	snprintf(self->snapshot, sizeof(self->snapshot), "%s", from.snapshot);
	self->snapshot_ns = from.last_snapshot.took_ns;
	self->processes = from.processes;
	self->descriptors = from.descriptors;
	self->torn = from.torn;
}

static void refresh(struct source *source)
{
	struct local_source *s = of(source);
	const struct source_handlers *to = &s->source.to;
	int err = monitor_tick(s->monitor);
	char why[128];

	if (!err)
		err = monitor_feed(s->monitor, &s->feed);
	if (!err) {
		set_self(s);
		err = roster_keeper_update(s->keeper, &s->feed);
	}
	snprintf(why, sizeof(why), "processes can't be counted now: %s",
		 strerror(-err));
	to->trouble(to->context, err ? why : NULL);
	if (!err)
		to->roster(to->context, roster_keeper_roster(s->keeper));
}

static void ask_kinds(struct source *source, const pid_t *pids, size_t len)
{
	looker_ask_kinds(of(source)->looker, pids, len);
}

static void ask_page(struct source *source, pid_t pid, int width, bool utf8)
{
	struct local_source *s = of(source);

	looker_ask_page(s->looker, roster_find(roster_keeper_roster(s->keeper), pid, 0),
			&s->feed, pid, width, utf8);
}

static void ask_incidents(struct source *source, pid_t pid, uint64_t start_ns,
			  const char *service)
{
	looker_ask_incidents(of(source)->looker, pid, start_ns, service);
}

static void ask_report(struct source *source, const char *id, int width, bool utf8)
{
	looker_ask_report(of(source)->looker, id, width, utf8);
}

static size_t fds(const struct source *source, struct pollfd *out)
{
	const struct local_source *s = (const struct local_source *)source;

	out[0] = (struct pollfd){.fd = monitor_fd(s->monitor), .events = POLLIN};
	out[1] =
		(struct pollfd){.fd = monitor_details_fd(s->monitor), .events = POLLIN};
	out[2] = (struct pollfd){.fd = looker_fd(s->looker), .events = POLLIN};
	return 3;
}

static void handle(struct source *source)
{
	struct local_source *s = of(source);

	monitor_consume(s->monitor);
	monitor_details(s->monitor);
	looker_take(s->looker, s->recent, &s->source.to);
}

static void close_local(struct source *source)
{
	struct local_source *s = of(source);

	looker_close(s->looker);
	roster_keeper_free(s->keeper);
	feed_clear(&s->feed);
	monitor_close(s->monitor);
	outlet_close(s->outlet, 0);
	recent_free(s->recent);
	free(s);
}

static void tell_raised(struct source *source, pid_t pid, uint64_t from, uint64_t to)
{
	(void)source;
	(void)remedy_note_raised(pid, from, to);
}

static const struct source_ops ops = {
	.close = close_local,
	.fds = fds,
	.handle = handle,
	.refresh = refresh,
	.ask_kinds = ask_kinds,
	.tell_raised = tell_raised,
	.ask_page = ask_page,
	.ask_incidents = ask_incidents,
	.ask_report = ask_report,
};

int source_open_local(const struct config *config,
		      const struct source_handlers *handlers, struct source **out,
		      char *why, size_t why_size)
{
	struct local_source *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!s)
		return err;
	s->source.ops = &ops;
	s->source.to = *handlers;
	snprintf(s->source.name, sizeof(s->source.name), "no daemon");
	kernel_raise_own_limit();
	s->outlet = outlet_new();
	s->keeper = roster_keeper_new();
	s->recent = recent_new();
	if (s->outlet && s->recent)
		outlet_set_tap(s->outlet, OUTLET_TAP_CLIENTS, on_alert, s->recent);
	if (s->outlet && s->keeper && s->recent)
		err = monitor_open(config, s->outlet, &s->monitor, why, why_size);
	if (!err) {
		err = looker_open(config->incidents_path, &s->looker);
		if (err)
			snprintf(why, why_size, "%s", strerror(-err));
	}
	if (err) {
		close_local(&s->source);
		return err;
	}
	*out = &s->source;
	return 0;
}
