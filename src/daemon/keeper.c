// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "daemon/state_file.h"
#include "daemon/state_writer.h"
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

/* At the end, the disk has this long. */
#define CLOSE_NS       1000000000ull

struct keeper {
	struct state_writer *writer;
	bool history;        /* can be kept */
	uint64_t history_ns; /* when it was taken down last */
	char *path;
	char boot_id[37];
	uint64_t start_ticks;
	uint64_t taken_ns;  /* when the state was taken down last */
	uint64_t encode_ns; /* what that took; and the write */
	uint64_t write_ns;
	uint64_t changes, ticks; /* of the monitor, then */
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
	if (self.started_realtime_ns)
		alert_timestamp(self.started_realtime_ns, out->started_at);
	if (self.snapshot_realtime_ns)
		alert_timestamp(self.snapshot_realtime_ns, out->snapshot_at);
}

static int put_state(struct keeper *k, struct monitor *monitor)
{
	struct state_document document = {.start_ticks = k->start_ticks};
	size_t len = 0;
	char *text;

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
	state_json_clear(&document);
	if (!text)
		return -ENOMEM;
	state_writer_put(k->writer, STATE_WRITER_STATE, text, len, STATE_JSON_MAX);
	return 0;
}

static void keep_history(struct keeper *k, struct monitor *monitor)
{
	size_t len;
	char *data;

	k->history_ns = kernel_now_ns();
	if (!k->history)
		return;
	data = monitor_history(monitor, &len);
	if (data)
		state_writer_put(k->writer, STATE_WRITER_HISTORY, data, len,
				 HISTORY_MAX);
}

static void say_history(const struct keeper *k, int err)
{
	static struct log_limit limit = {.interval_ns = 600000000000ull};

	if (err)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s" HISTORY_SUFFIX
			    " can't be written: %s; after a restart leaks would be "
			    "seen later",
			    k->path, strerror(-err));
}

static void say_state(struct keeper *k, int err)
{
	static struct log_limit limit = {.interval_ns = 10000000000ull};

	if (err)
		k->failures++;
	if (err && err != k->error)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s can't be written: %s; it is tried again each second",
			    k->path, strerror(-err));
	if (!err && k->error)
		log_info("%s is written again", k->path);
	k->error = err;
}

/* How the last writes went. */
static void take_results(struct keeper *k)
{
	uint64_t took_ns;
	int err;

	if (state_writer_result(k->writer, STATE_WRITER_STATE, &err, &took_ns)) {
		k->write_ns = took_ns;
		say_state(k, err);
	}
	if (state_writer_result(k->writer, STATE_WRITER_HISTORY, &err, &took_ns))
		say_history(k, err);
}

static void keep(struct keeper *k, struct monitor *monitor,
		 const struct monitor_self *now)
{
	uint64_t begin_ns = kernel_now_ns();
	int err = put_state(k, monitor);

	k->taken_ns = kernel_now_ns();
	k->encode_ns = k->taken_ns - begin_ns;
	k->changes = now->changes;
	k->ticks = now->ticks;
	if (err)
		say_state(k, err);
}

uint64_t keeper_update(struct keeper *k, struct monitor *monitor)
{
	uint64_t now_ns = kernel_now_ns(), wait_ns = INTERVAL_NS;
	struct monitor_self now;

	if (!k)
		return 0;
	take_results(k);
	if (now_ns >= k->history_ns + HISTORY_NS &&
	    state_writer_idle(k->writer, STATE_WRITER_HISTORY))
		keep_history(k, monitor);
	monitor_self(monitor, &now);
	if (now.changes == k->changes && !k->error) {
		if (now.ticks == k->ticks)
			return 0;
		if ((k->encode_ns + k->write_ns) * IDLE_SHARE > wait_ns)
			wait_ns = (k->encode_ns + k->write_ns) * IDLE_SHARE;
	}
	if (k->taken_ns && now_ns < k->taken_ns + wait_ns)
		return k->taken_ns + wait_ns - now_ns;
	/* A disk that is slow gets no more to do than it can. */
	if (!state_writer_idle(k->writer, STATE_WRITER_STATE))
		return INTERVAL_NS;
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

/* The files, and the thread that has them. */
static int keeper_open_files(struct keeper *k, pid_t *owner)
{
	struct state_file *files[STATE_WRITER_KINDS] = {0};
	int err = identity_start_ticks(getpid(), &k->start_ticks);

	if (!err)
		err = state_file_open(k->path, &files[STATE_WRITER_STATE], owner);
	if (err)
		return err;
	if (state_file_open_beside(files[STATE_WRITER_STATE], HISTORY_SUFFIX,
				   &files[STATE_WRITER_HISTORY]))
		log_warning("no histories can be kept beside %s", k->path);
	k->history = files[STATE_WRITER_HISTORY] != NULL;
	err = state_writer_new(files, &k->writer);
	if (err) {
		state_file_close(files[STATE_WRITER_HISTORY]);
		state_file_close(files[STATE_WRITER_STATE]);
	}
	return err;
}

int keeper_open(const char *path, struct monitor *monitor, struct keeper **out,
		char *why, size_t why_size)
{
	struct keeper *k = path ? calloc(1, sizeof(*k)) : NULL;
	char whose[32] = "";
	pid_t owner = 0;
	int err;

	*out = NULL;
	if (!k)
		return 0;
	k->path = strdup(path);
	kernel_boot_id(k->boot_id);
	err = k->path ? keeper_open_files(k, &owner) : -ENOMEM;
	if (owner)
		snprintf(whose, sizeof(whose), " (pid %d)", (int)owner);
	if (err == -EWOULDBLOCK) {
		snprintf(why, why_size,
			 "another daemon runs with this state.file, %s%s: stop it, "
			 "or give this one a state.file and socket.path of its own",
			 path, whose);
		keeper_close(k);
		return err;
	}
	if (err) {
		log_info(
			"no state is kept in %s: %s; what stands would be alerted anew "
			"after a restart",
			path, strerror(-err));
		keeper_close(k);
		return 0;
	}
	k->history_ns = kernel_now_ns();
	resume(k, monitor);
	resume_history(k, monitor);
	*out = k;
	return 0;
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
	if (k->writer && !state_writer_close(k->writer, CLOSE_NS))
		log_warning("%s could not be written in time: what stands may be "
			    "alerted anew after the restart",
			    k->path);
	free(k->path);
	free(k);
}
