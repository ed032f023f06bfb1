// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/incident_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One run over a record. */
struct run {
	const struct incident *incident;
	replay_settings change;
	void *context;
	struct policy_fd fd;
	struct policy_system system;
	struct replay *out;
	size_t max;
};

static int add(struct run *run, uint64_t at_ns, const struct policy_decision *decided,
	       int n)
{
	for (int i = 0; i < n; i++) {
		if (run->out->now_len == run->max)
			return -E2BIG;
		run->out->now[run->out->now_len++] =
			(struct replay_decision){.at_ns = at_ns, .what = decided[i]};
	}
	return 0;
}

static struct policy_settings settings_of(const struct run *run,
					  const struct incident_seen *seen)
{
	struct policy_settings set = seen->settings;

	if (run->change)
		run->change(run->context, &set);
	return set;
}

static int step(struct run *run, const struct incident_seen *seen)
{
	struct policy_decision decided[POLICY_MAX_DECISIONS];
	struct policy_settings set = settings_of(run, seen);
	int n;

	if (seen->is_system) {
		run->system.again |= seen->again && run->system.incident;
		n = policy_system_observe(&run->system, &set, &seen->system, decided);
		return add(run, seen->system.now_ns, decided, n);
	}
	if (seen->again && run->fd.incident)
		policy_fd_tell_again(&run->fd);
	n = policy_fd_observe(&run->fd, &set, &seen->process, decided);
	return add(run, seen->process.now_ns, decided, n);
}

static int by_time(const void *a, const void *b)
{
	const struct incident_past *first = a, *second = b;

	return first->at_ns < second->at_ns ? -1 : first->at_ns > second->at_ns;
}

/* Of the time before, at which the limit is not known to have been another. Of a window the
 * least is known, which it had from its beginning to its end. */
static int step_past(struct run *run)
{
	struct incident_past past[INCIDENT_PAST_MAX];
	const struct incident_seen *first = &run->incident->seen[0];
	size_t n = run->incident->begin.past_len;
	int err = 0;

	memcpy(past, run->incident->begin.past, n * sizeof(*past));
	qsort(past, n, sizeof(*past), by_time);
	for (size_t i = 0; i < n && !err; i++) {
		struct incident_seen seen = *first;

		seen.process.now_ns = past[i].at_ns;
		seen.process.used = seen.process.count = past[i].used;
		seen.process.refusal = POLICY_REFUSAL_NONE;
		seen.process.leak = POLICY_LEAK_UNKNOWN;
		seen.process.began = seen.process.soon = seen.process.exited = false;
		seen.process.settled = true;
		seen.again = false;
		if (past[i].at_ns >= first->process.now_ns)
			continue;
		err = step(run, &seen);
		seen.process.now_ns += past[i].for_ns;
		if (!err && past[i].for_ns &&
		    seen.process.now_ns < first->process.now_ns)
			err = step(run, &seen);
	}
	return err;
}

/* Members, as there may be anything between them. */
static bool are_same(const struct policy_settings *a, const struct policy_settings *b)
{
	return a->warn_bp == b->warn_bp && a->critical_bp == b->critical_bp &&
	       a->hysteresis_bp == b->hysteresis_bp && a->dwell_ns == b->dwell_ns &&
	       a->repeat_ns == b->repeat_ns && a->min_limit == b->min_limit &&
	       a->ignore == b->ignore && a->leak == b->leak;
}

static int prepare(struct run *run)
{
	const struct incident *incident = run->incident;
	struct policy_settings set;
	size_t then = 0;

	if (!incident->begun || !incident->seen_len || incident->begin.resumed)
		return -EINVAL;
	for (size_t i = 0; i < incident->seen_len; i++) {
		if (!incident->seen[i].settings_known ||
		    incident->seen[i].is_system != incident->begin.is_system)
			return -EINVAL;
		set = settings_of(run, &incident->seen[i]);
		run->out->changed |= !are_same(&set, &incident->seen[i].settings);
		then += incident->seen[i].decided_len;
	}
	run->max = (incident->seen_len + 2 * INCIDENT_PAST_MAX) * POLICY_MAX_DECISIONS;
	run->out->then = calloc(then + 1, sizeof(*run->out->then));
	run->out->now = calloc(run->max, sizeof(*run->out->now));
	return run->out->then && run->out->now ? 0 : -ENOMEM;
}

static void take_then(const struct incident *incident, struct replay *out)
{
	for (size_t i = 0; i < incident->seen_len; i++) {
		const struct incident_seen *seen = &incident->seen[i];

		for (size_t k = 0; k < seen->decided_len; k++)
			out->then[out->then_len++] = (struct replay_decision){
				.at_ns = seen->is_system ? seen->system.now_ns
							 : seen->process.now_ns,
				.what = seen->decided[k]};
	}
}

int incident_replay(const struct incident *incident, replay_settings change,
		    void *context, struct replay *out)
{
	struct run run = {
		.incident = incident, .change = change, .context = context, .out = out};
	int err;

	memset(out, 0, sizeof(*out));
	err = prepare(&run);
	if (!err) {
		take_then(incident, out);
		run.fd = incident->begin.policy;
		run.system = incident->begin.system_policy;
		/* By other levels it stood otherwise; what was before it stays. */
		if (out->changed) {
			memset(run.fd.above_ns, 0, sizeof(run.fd.above_ns));
			run.fd.table_seen = false;
			run.fd.soon = false;
			if (!incident->begin.is_system && !run.fd.incident)
				err = step_past(&run);
		}
	}
	for (size_t i = 0; i < incident->seen_len && !err; i++)
		err = step(&run, &incident->seen[i]);
	out->open = incident->begin.is_system ? run.system.incident : run.fd.incident;
	if (err)
		replay_clear(out);
	return err;
}

void replay_clear(struct replay *replay)
{
	free(replay->then);
	free(replay->now);
	memset(replay, 0, sizeof(*replay));
}

bool replay_agrees(const struct replay *replay)
{
	if (replay->then_len != replay->now_len)
		return false;
	for (size_t i = 0; i < replay->now_len; i++) {
		const struct replay_decision *a = &replay->then[i],
					     *b = &replay->now[i];

		if (a->at_ns != b->at_ns || a->what.action != b->what.action ||
		    a->what.reason != b->what.reason ||
		    a->what.limit != b->what.limit || a->what.opens != b->what.opens ||
		    a->what.repeats != b->what.repeats || a->what.anew != b->what.anew)
			return false;
	}
	return true;
}
