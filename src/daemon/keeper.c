// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "daemon/state_file.h"
#include "log.h"
#include "output/state_json.h"
#include "state/history.h"
#include "state/identity.h"

#define INTERVAL_NS    1000000000ull
/* Figures alone are written so seldom that it takes 1 % of the time at most. */
#define IDLE_SHARE     100
/* The histories: what is lost of them with a daemon that is killed is a minute. */
#define HISTORY_NS     60000000000ull
#define HISTORY_SUFFIX ".history"

struct keeper {
	struct state_file *file;
	struct state_file *history; /* NULL: can't be kept */
	uint64_t history_ns;        /* when it was written last */
	char *path;
	char boot_id[37];
	uint64_t start_ticks;
	uint64_t written_ns, took_ns; /* of the last write or attempt */
	uint64_t changes, ticks;      /* of the monitor, then */
	uint64_t failures;
	int error; /* of the last write, logged once; 0: it worked */
};

void keeper_self(const struct keeper *k, const struct monitor *monitor,
		 struct self_figures *out)
{
	struct monitor_self self;

	monitor_self(monitor, &self);
	*out = (struct self_figures){
		.pid = getpid(),
		.snapshot_ns = self.last_snapshot.took_ns,
		.processes = self.processes,
		.descriptors = self.descriptors,
		.torn = self.torn,
		.drift = self.drift,
		.snapshots_failed = self.snapshots_failed,
		.dropped = self.losses.ring_full + self.losses.gate,
		.refusals_uncounted = self.losses.refusals,
		.calls_uncounted = self.losses.processes,
		.unreadable = self.losses.unreadable,
		.malformed = self.losses.malformed,
		.late = self.late,
		.missed = self.losses.missed,
		.alerts_lost = self.alerts_lost,
		.explained = self.details.explained,
		.unexplained = self.details.unexplained,
		.state_failures = k ? k->failures : 0,
	};
	snprintf(out->sensor, sizeof(out->sensor), "%s", self.sensor);
	snprintf(out->counters, sizeof(out->counters), "%s", self.counters);
	snprintf(out->snapshot, sizeof(out->snapshot), "%s", self.snapshot);
	if (self.snapshot_realtime_ns)
		alert_timestamp(self.snapshot_realtime_ns, out->snapshot_at);
}

static int write_state(struct keeper *k, struct monitor *monitor)
{
	struct state_document document = {.start_ticks = k->start_ticks};
	size_t len = 0;
	char *text;
	int err;

	memcpy(document.boot_id, k->boot_id, sizeof(document.boot_id));
	keeper_self(k, monitor, &document.self);
	monitor_standing(monitor, &document.standing);
	if (document.standing.left_out) {
		static struct log_limit limit = {.interval_ns = 600000000000ull};

		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%" PRIu64
			    " incidents are too many for %s: after a restart "
			    "they would be alerted anew",
			    document.standing.left_out, k->path);
	}
	text = state_json_encode(&document, &len);
	err = text ? state_file_write(k->file, text, len, STATE_JSON_MAX) : -ENOMEM;
	free(text);
	state_json_clear(&document);
	return err;
}

static void keep_history(struct keeper *k, struct monitor *monitor)
{
	static struct log_limit limit = {.interval_ns = 600000000000ull};
	size_t len;
	char *data;
	int err;

	k->history_ns = kernel_now_ns();
	if (!k->history)
		return;
	data = monitor_history(monitor, &len);
	err = data ? state_file_write(k->history, data, len, HISTORY_MAX) : -ENOMEM;
	free(data);
	if (err)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s" HISTORY_SUFFIX
			    " can't be written: %s; after a restart leaks would be "
			    "seen later",
			    k->path, strerror(-err));
}

static void keep(struct keeper *k, struct monitor *monitor,
		 const struct monitor_self *now)
{
	static struct log_limit limit = {.interval_ns = 10000000000ull};
	uint64_t begin_ns = kernel_now_ns();
	int err = write_state(k, monitor);

	k->written_ns = kernel_now_ns();
	k->took_ns = k->written_ns - begin_ns;
	if (err)
		k->failures++;
	if (err && err != k->error)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s can't be written: %s; it is tried again each second",
			    k->path, strerror(-err));
	if (!err && k->error)
		log_info("%s is written again", k->path);
	k->error = err;
	k->changes = now->changes;
	k->ticks = now->ticks;
}

uint64_t keeper_update(struct keeper *k, struct monitor *monitor)
{
	uint64_t now_ns = kernel_now_ns(), wait_ns = INTERVAL_NS;
	struct monitor_self now;

	if (!k)
		return 0;
	if (now_ns >= k->history_ns + HISTORY_NS)
		keep_history(k, monitor);
	monitor_self(monitor, &now);
	if (now.changes == k->changes && !k->error) {
		if (now.ticks == k->ticks)
			return 0;
		if (k->took_ns * IDLE_SHARE > wait_ns)
			wait_ns = k->took_ns * IDLE_SHARE;
	}
	if (k->written_ns && now_ns < k->written_ns + wait_ns)
		return k->written_ns + wait_ns - now_ns;
	keep(k, monitor, &now);
	return k->error ? INTERVAL_NS : 0;
}

static void resume(const struct keeper *k, struct monitor *monitor)
{
	struct state_document document;
	const char *why;
	size_t resumed;
	int err = state_file_load(k->path, &document, &why);

	if (err == -ENOENT)
		return;
	if (err) {
		log_warning("%s is not used: %s; what stands is alerted anew", k->path,
			    why);
		return;
	}
	resumed = monitor_resume(monitor, &document.standing);
	if (resumed)
		log_info("standing incidents are taken up again from %s: %zu", k->path,
			 resumed);
	state_json_clear(&document);
}

static void resume_history(const struct keeper *k, struct monitor *monitor)
{
	const char *why = NULL;
	char *path = NULL, *data = NULL;
	size_t len;
	int n;

	if (asprintf(&path, "%s" HISTORY_SUFFIX, k->path) < 0)
		return;
	n = state_file_read(path, HISTORY_MAX, &data, &len);
	if (!n)
		n = monitor_resume_history(monitor, data, len, &why);
	if (n < 0 && n != -ENOENT)
		log_warning("%s is not used: %s; leaks are looked for anew", path,
			    why ? why : strerror(-n));
	if (n > 0)
		log_info("histories of processes are taken up again from %s: %d", path,
			 n);
	free(data);
	free(path);
}

struct keeper *keeper_open(const char *path, struct monitor *monitor)
{
	struct keeper *k = path ? calloc(1, sizeof(*k)) : NULL;
	int err;

	if (!k)
		return NULL;
	k->path = strdup(path);
	kernel_boot_id(k->boot_id);
	err = k->path ? identity_start_ticks(getpid(), &k->start_ticks) : -ENOMEM;
	if (!err)
		err = state_file_open(path, &k->file);
	if (err) {
		log_info(
			"no state is kept in %s: %s; what stands would be alerted anew "
			"after a restart",
			path,
			err == -EWOULDBLOCK ? "another daemon does" : strerror(-err));
		keeper_close(k);
		return NULL;
	}
	k->history_ns = kernel_now_ns();
	if (state_file_open_beside(k->file, HISTORY_SUFFIX, &k->history))
		log_warning("no histories can be kept beside %s", path);
	resume(k, monitor);
	resume_history(k, monitor);
	return k;
}

void keeper_finish(struct keeper *k, struct monitor *monitor)
{
	struct monitor_self now;

	if (!k)
		return;
	monitor_self(monitor, &now);
	keep(k, monitor, &now);
	keep_history(k, monitor);
}

void keeper_close(struct keeper *k)
{
	if (!k)
		return;
	state_file_close(k->history);
	state_file_close(k->file);
	free(k->path);
	free(k);
}
