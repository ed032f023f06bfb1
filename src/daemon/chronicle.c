// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/chronicle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "collect/syscalls.h"
#include "log.h"
#include "output/incident.h"
#include "output/incident_before.h"
#include "output/sink.h"

/* Incidents that are followed at once; of more there are the alerts. */
#define RECORDINGS_MAX 1024
/* How far back it is looked. */
#define PAST_NS        3600000000000ull
/* Nothing that happens is written more often, but what the policy decides. */
#define APART_NS       200000000ull
#define QUIET_NS       1000000000ull
/* Of what goes on for long, so many lines are written of each time that is twice as long as
 * the one before: in a minute one a second, in a day one in some minutes. */
#define QUIET_SHARE    128
/* … and of changes that the policy makes nothing of, so many in all. */
#define CHANGES_MAX    2048
/* A change of this share of the limit is one. */
#define CHANGE_SHARE   64
#define AGE_NS         3600000000000ull
/* The settings are said again after so many lines: the one that had them may be lost. */
#define SETTINGS_EACH  64

struct recording {
	struct chronicle *chronicle;
	char incident[ALERT_ID_LEN];
	uint64_t began_ns, kept_ns;
	uint64_t used, limit, refused; /* as they were last written */
	uint64_t refused_ns;           /* when that was */
	struct policy_settings settings;
	uint32_t changes, lines;
	uint64_t
		lost; /* lines that the queue had no room for, and that nothing tells yet */
};

struct chronicle {
	struct sink *sink;
	struct outlet *outlet;
	const char *boot_id;
	uint64_t since_ns, aged_ns;
	uint32_t recordings;
	struct recording *system;     /* NULL: no incident */
	struct incident_before files; /* of the system, while there is none */
};

/* ---- lines ---- */

/* Frees the line. */
static bool put_line(struct chronicle *c, const char *incident, char *line)
{
	struct sink_message message = {.line = line, .incident = incident};
	bool put = line != NULL;

	if (put) {
		message.len = strlen(line);
		put = !sink_put(c->sink, &message);
	}
	free(line);
	return put;
}

static void put_recorded(struct chronicle *c, struct recording *r, char *line)
{
	if (r->lost && put_line(c, r->incident, incident_lost_line(r->lost)))
		r->lost = 0;
	r->lost += !put_line(c, r->incident, line);
}

static void on_alert(void *context, const struct sink_message *message)
{
	struct chronicle *c = context;

	if (message->incident)
		(void)sink_put(c->sink, message);
}

/* ---- beginning ---- */

static void add_past(struct incident_begin *begin, uint64_t at_ns, uint64_t for_ns,
		     uint64_t used)
{
	if (begin->past_len < INCIDENT_PAST_MAX)
		begin->past[begin->past_len++] = (struct incident_past){
			.at_ns = at_ns, .for_ns = for_ns, .used = used};
}

/* The counts of the last seconds, and before them the least of windows that are the longer
 * the longer they are over. */
static void find_past(const struct process *p, uint64_t now_ns,
		      struct incident_begin *begin)
{
	struct leak_past windows[LEAK_PAST_MAX];
	uint64_t at_ns, used, oldest_ns = now_ns;
	size_t n;

	for (unsigned int age = 0; forecast_sample(&p->history, age, &at_ns, &used);
	     age++) {
		if (at_ns >= now_ns)
			continue;
		add_past(begin, at_ns, 0, used);
		oldest_ns = at_ns;
	}
	if (!p->leak)
		return;
	n = leak_past(p->leak, oldest_ns, now_ns > PAST_NS ? now_ns - PAST_NS : 0,
		      windows);
	for (size_t i = 0; i < n; i++)
		add_past(begin, windows[i].at_ns, windows[i].for_ns, windows[i].floor);
}

static struct recording *begin_recording(struct chronicle *c, const char *incident,
					 uint64_t now_ns)
{
	struct recording *r =
		c->recordings < RECORDINGS_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	c->recordings++;
	r->chronicle = c;
	snprintf(r->incident, sizeof(r->incident), "%s", incident);
	r->began_ns = now_ns;
	return r;
}

static void end_recording(struct chronicle *c, struct recording **r)
{
	c->recordings--;
	free(*r);
	*r = NULL;
}

static void put_begin(struct chronicle *c, struct recording *r,
		      struct incident_begin *begin)
{
	memcpy(begin->id, r->incident, sizeof(begin->id));
	snprintf(begin->boot_id, sizeof(begin->boot_id), "%s", c->boot_id);
	begin->at_ns = r->began_ns;
	begin->boot_realtime_ns = kernel_boot_realtime_ns();
	put_recorded(c, r, incident_begin_line(begin));
}

/* ---- what is worth a line ---- */

/* Whether the policy made anything of an observation that may matter for the next. Of times
 * of a refusal, those of a second are one. */
static bool has_learnt(const struct policy_fd *before, const struct policy_fd *now)
{
	struct policy_fd a = *before, b = *now;

	if (b.refused_ns < a.refused_ns + QUIET_NS && a.refused_ns)
		b.refused_ns = a.refused_ns;
	if (b.other_ns < a.other_ns + QUIET_NS && a.other_ns)
		b.other_ns = a.other_ns;
	a.table_ns = b.table_ns = 0;
	a.max_used = b.max_used = 0;
	/* Bytes between the members, where they differ, cost a line. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	return memcmp(&a, &b, sizeof(a)) != 0;
}

static bool has_learnt_of_system(const struct policy_system *before,
				 const struct policy_system *now)
{
	struct policy_system a = *before, b = *now;

	if (b.refused_ns < a.refused_ns + QUIET_NS && a.refused_ns)
		b.refused_ns = a.refused_ns;
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): as above */
	return memcmp(&a, &b, sizeof(a)) != 0;
}

/* How it stands, of a process or of the system. */
struct standing_of {
	uint64_t now_ns, used, limit, refused;
};

static bool is_due(struct recording *r, const struct standing_of *is)
{
	uint64_t since_ns = is->now_ns > r->kept_ns ? is->now_ns - r->kept_ns : 0;
	uint64_t spacing_ns = (is->now_ns - r->began_ns) / QUIET_SHARE;
	uint64_t moved = is->used > r->used ? is->used - r->used : r->used - is->used;

	if (is->now_ns < r->began_ns)
		return false;
	if (since_ns >= (spacing_ns > QUIET_NS ? spacing_ns : QUIET_NS))
		return true;
	if (r->changes >= CHANGES_MAX || since_ns < APART_NS)
		return false;
	if (is->limit == r->limit && moved <= is->limit / CHANGE_SHARE &&
	    (is->refused == r->refused || is->now_ns < r->refused_ns + QUIET_NS))
		return false;
	r->changes++;
	return true;
}

static void keep(struct recording *r, const struct standing_of *is,
		 const struct incident_seen *seen,
		 const struct policy_settings *settings)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): as above */
	bool same = !memcmp(settings, &r->settings, sizeof(*settings));

	same &= r->lines % SETTINGS_EACH != 0;

	put_recorded(r->chronicle, r, incident_seen_line(seen, same ? NULL : settings));
	r->settings = *settings;
	r->lines++;
	r->kept_ns = is->now_ns;
	r->used = is->used;
	r->limit = is->limit;
	if (is->refused != r->refused)
		r->refused_ns = is->now_ns;
	r->refused = is->refused;
}

static void add_decided(struct incident_seen *seen, const struct chronicle_look *look)
{
	for (size_t i = 0; i < look->decided_len; i++)
		seen->decided[seen->decided_len++] = look->decided[i];
}

/* Whether it is over. */
static bool has_ended(const struct chronicle_look *look)
{
	for (size_t i = 0; i < look->decided_len; i++)
		if (look->decided[i].action == POLICY_FD_RECOVERED ||
		    look->decided[i].action == POLICY_SYSTEM_RECOVERED)
			return true;
	return false;
}

/* ---- a process ---- */

static uint64_t add_refused(const struct process *p, struct incident_seen *seen)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->trouble->refusals_len; i++) {
		const struct process_refusal *refusal = &p->trouble->refusals[i];
		struct incident_call *call = &seen->refused[seen->refused_len];
		uint64_t count = process_refusal_count(refusal);
		const char *name = syscalls_name(refusal->call);

		sum += count;
		if (!count || seen->refused_len == INCIDENT_CALLS)
			continue;
		snprintf(call->name, sizeof(call->name), "%s", name ? name : "?");
		call->error = refusal->error;
		call->count = count;
		seen->refused_len++;
	}
	return sum;
}

/* One that stood when the daemon was started goes on in its record, but for what only a
 * summary told. */
static bool is_taken_up(const struct chronicle *c, const struct process *p)
{
	return p->trouble->incident[0] && p->trouble->incident_ns < c->since_ns &&
	       !p->trouble->withheld &&
	       (!p->trouble->group.in_summary || p->trouble->group.alone);
}

static void begin_process(struct chronicle *c, struct process *p,
			  const struct policy_fd *before, uint64_t now_ns,
			  const char *incident)
{
	struct incident_begin begin = {
		.policy = *before, .resumed = p->trouble->incident_ns < c->since_ns};

	p->recording = begin_recording(c, incident, now_ns);
	if (!p->recording)
		return;
	if (!begin.resumed)
		find_past(p, now_ns, &begin);
	put_begin(c, p->recording, &begin);
}

void chronicle_process(struct chronicle *c, struct process *p,
		       const struct policy_fd *before,
		       const struct policy_observation *seen,
		       const struct chronicle_look *look)
{
	struct incident_seen line = {.process = *seen, .again = before->again};
	struct standing_of is = {
		.now_ns = seen->now_ns, .used = seen->used, .limit = seen->soft_limit};
	struct recording *r;

	if (!c || (!p->recording && !look->incident[0]))
		return;
	if (!p->recording && (look->told || is_taken_up(c, p)))
		begin_process(c, p, before, seen->now_ns, look->incident);
	r = p->recording;
	if (!r)
		return;
	if (!seen->has_table) {
		is.used = r->used;
		is.limit = r->limit;
	}
	line.refused_known = true;
	is.refused = add_refused(p, &line);
	add_decided(&line, look);
	if (look->decided_len || has_learnt(before, &p->trouble->policy) ||
	    is_due(r, &is)) {
		/* Those of an incident that is over are in its last alert. */
		line.refused_known = is.refused != r->refused && !has_ended(look);
		if (!line.refused_known)
			line.refused_len = 0;
		keep(r, &is, &line, &p->trouble->settings);
	}
	if (has_ended(look))
		end_recording(c, &p->recording);
}

/* ---- the system ---- */

void chronicle_system(struct chronicle *c, const struct policy_system *before,
		      const struct policy_system *now,
		      const struct policy_settings *settings,
		      const struct policy_system_observation *seen,
		      const struct chronicle_look *look)
{
	struct incident_seen line = {
		.is_system = true, .system = *seen, .again = before->again};
	struct standing_of is = {
		.now_ns = seen->now_ns, .used = seen->allocated, .limit = seen->max};

	if (c && !c->system && seen->known)
		incident_before_see(&c->files, seen->now_ns, seen->allocated);
	if (!c || (!c->system && !look->incident[0]))
		return;
	if (!c->system) {
		struct incident_begin begin = {
			.is_system = true,
			.system_policy = *before,
			.resumed = before->incident,
		};

		c->system = begin_recording(c, look->incident, seen->now_ns);
		if (!c->system)
			return;
		incident_before_put(&c->files, seen->now_ns, &begin);
		put_begin(c, c->system, &begin);
	}
	add_decided(&line, look);
	if (look->decided_len || has_learnt_of_system(before, now) ||
	    is_due(c->system, &is))
		keep(c->system, &is, &line, settings);
	if (has_ended(look))
		end_recording(c, &c->system);
}

/* ---- life ---- */

void chronicle_tick(struct chronicle *c, uint64_t now_ns)
{
	struct sink_message nothing = {.line = ""};

	if (!c || now_ns < c->aged_ns + AGE_NS)
		return;
	c->aged_ns = now_ns;
	(void)sink_put(c->sink, &nothing);
}

static void say_why_none(const char *path, const struct sink_taken *taken, int err)
{
	char whose[32] = "";

	if (taken->owner)
		snprintf(whose, sizeof(whose), " (pid %d)", (int)taken->owner);
	if (err == -EWOULDBLOCK)
		log_warning("no records of incidents are kept: another daemon%s keeps "
			    "them in %s; give this one an [incidents] path of its own",
			    whose, path);
	else if (taken->lock)
		log_warning("no records of incidents are kept: %s/%s can't be locked: "
			    "%s",
			    path, taken->lock, strerror(-err));
	else
		log_info("no records of incidents are kept in %s: %s", path,
			 strerror(-err));
}

struct chronicle *chronicle_open(const struct config *config, struct outlet *outlet,
				 const char *boot_id, uint64_t since_ns)
{
	struct sink_keep keep = {.records = config->incidents_keep,
				 .bytes = config->incidents_size,
				 .age_ns = config->incidents_age_ns};
	struct chronicle *c = config->incidents_path ? calloc(1, sizeof(*c)) : NULL;
	struct sink_taken taken = {0};
	int err;

	if (!c)
		return NULL;
	c->outlet = outlet;
	c->boot_id = boot_id;
	c->since_ns = since_ns;
	err = sink_open_incidents(config->incidents_path, &keep, &taken, &c->sink);
	if (err) {
		say_why_none(config->incidents_path, &taken, err);
		free(c);
		return NULL;
	}
	outlet_set_tap(outlet, OUTLET_TAP_INCIDENTS, on_alert, c);
	return c;
}

struct sink *chronicle_sink(const struct chronicle *c)
{
	return c ? c->sink : NULL;
}

void chronicle_close(struct chronicle *c, int timeout_ms)
{
	uint64_t lost;

	if (!c)
		return;
	outlet_set_tap(c->outlet, OUTLET_TAP_INCIDENTS, NULL, NULL);
	lost = sink_close(c->sink, timeout_ms);
	if (lost)
		log_warning("%" PRIu64 " lines of incidents' records were lost", lost);
	free(c->system);
	free(c);
}
