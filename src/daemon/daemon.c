// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/daemon.h"

#include <errno.h>
#include <limits.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "cli/cli.h"
#include "collect/kernel.h"
#include "config/config.h"
#include "daemon/chronicle.h"
#include "daemon/keeper.h"
#include "daemon/manager.h"
#include "daemon/monitor.h"
#include "daemon/serving.h"
#include "guard/capabilities.h"
#include "log.h"
#include "state/container_names.h"
#include "state/pod_names.h"
#include "state/user_names.h"
#include "output/alert_lines.h"
#include "output/outlet.h"
#include "output/sink_hook.h"

/* At the end, each sink has this long to write what waits in it. */
#define CLOSE_TIMEOUT_MS 2000
/* A snapshot may be this late, so that wake-ups of the system coincide. */
#define TICK_ACCURACY_US 20000
#define LOOK_ACCURACY_US 1000
#define WHY_SIZE         512
/* glibc's default, in bytes. */
#define MMAP_THRESHOLD   (128 * 1024)

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct config *started; /* as it was then; may be `config` itself */
	struct outlet *outlet;
	struct monitor *monitor;
	bool monitors; /* it is for us to tell what the monitor sees */
	struct keeper *keeper;
	struct chronicle *chronicle; /* NULL: none is kept */
	struct serving *serving;
	bool asked;              /* somebody wants to know, each interval */
	uint64_t tick_us;        /* when the last one was due */
	struct manager *manager; /* of services; NULL: none */
	sd_event *event;
	sd_event_source *timer;
	sd_event_source *look_timer; /* a tick before the interval is over */
	sd_event_source *keep_timer;
	sd_event_source *sink_events[OUTLET_KINDS];
};

/* ---- configuration ---- */

/* It may be for root's eyes only. `flags` are more of enum config_flags. */
static int load_config(const struct daemon_options *o, unsigned int flags,
		       struct config **out, char *why)
{
	bool rested = capabilities_see_others();
	int err = config_load(o->config_path,
			      flags | CONFIG_CHECK_PATHS |
				      (o->config_must_exist ? CONFIG_MUST_EXIST : 0),
			      o->overrides, o->overrides_len, out, why, WHY_SIZE);

	capabilities_rest_again(rested);
	return err;
}

static void set_log(const struct daemon_options *o, const struct config *config)
{
	log_set_debug(o->verbose || config->log_level == CONFIG_LOG_DEBUG);
}

/* What is not as it was meant, though monitoring goes on. A hook is run for each alert, and
 * each would be lost: better said now than then. */
static void say_doubts(const struct config *config)
{
	char why[WHY_SIZE];

	for (size_t i = 0; i < config->doubts_len && i < CONFIG_DOUBTS_MAX; i++)
		log_warning("%s", config->doubts[i]);
	if (config->doubts_len > CONFIG_DOUBTS_MAX)
		log_warning("%zu more of this kind: fdwarden check-config tells each "
			    "once the ones before it are mended",
			    config->doubts_len - CONFIG_DOUBTS_MAX);
	if (config_doubts_hook(config, why, sizeof(why)))
		log_warning("%s", why);
	if (access("/dev/null", R_OK | W_OK))
		log_warning("/dev/null: %s: no hook can be run, and a standard stream "
			    "that is "
			    "closed gives its number to another file; give it a /dev",
			    strerror(errno));
}

static bool decide(enum config_switch wanted, bool automatic)
{
	return wanted == CONFIG_AUTO ? automatic : wanted == CONFIG_YES;
}

static void say_output(const char *line)
{
	log_warning("%s; it is tried again, and alerts for it are counted as lost",
		    line);
}

static void say_output_again(const char *line)
{
	log_warning("%s", line);
}

_Static_assert(CONFIG_LINE_MIN == ALERT_LINE_MIN, "what may be set can be done");

static struct outlet_settings outputs_of(const struct config *config)
{
	bool journal = log_fd_is_journal(STDOUT_FILENO);

	return (struct outlet_settings){
		.stdout_on = decide(config->stdout_on, !journal),
		.journal_on = decide(config->journal_on, journal),
		.file = config->file,
		.hook = config->hook,
		.max_line = config->max_line,
	};
}

static int configure_outlet(struct daemon *d, const struct config *config, char *why)
{
	struct outlet_settings settings = outputs_of(config);

	return outlet_configure(d->outlet, &settings, why, WHY_SIZE);
}

/* What can't be opened now may be later: to monitor without it is better than not to. */
static void open_outlet(struct daemon *d)
{
	struct outlet_settings settings = outputs_of(d->config);

	if (!outlet_start(d->outlet, &settings, say_output))
		log_warning("no output is open: alerts go to the socket alone");
}

/* ---- sinks: what they have to say goes to the log ---- */

static void log_sink(struct sink *sink)
{
	char line[512];

	while (sink_report(sink, line, sizeof(line)))
		log_warning("%s", line);
}

static int on_sink(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source, (void)events;
	for (int kind = 0; kind < OUTLET_KINDS; kind++) {
		struct sink *sink = outlet_sink(d->outlet, kind);

		if (!sink || sink_event_fd(sink) != fd)
			continue;
		log_sink(sink);
		if (sink_take_loss(sink) && d->monitor)
			monitor_tell_again(d->monitor);
	}
	return 0;
}

static int on_chronicle(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source, (void)fd, (void)events;
	log_sink(chronicle_sink(d->chronicle));
	return 0;
}

/* Without records of incidents, monitoring goes on. Before the first look: what stands goes on
 * in its record. */
static void keep_incidents(struct daemon *d)
{
	d->chronicle = chronicle_open(d->config, d->outlet, monitor_boot_id(d->monitor),
				      monitor_since_ns(d->monitor));
	monitor_set_chronicle(d->monitor, d->chronicle);
	if (d->chronicle &&
	    sd_event_add_io(d->event, NULL, sink_event_fd(chronicle_sink(d->chronicle)),
			    EPOLLIN, on_chronicle, d) < 0)
		log_warning("what is lost of incidents' records can't be told");
}

static int watch_sinks(struct daemon *d)
{
	int err = 0;

	for (int kind = 0; kind < OUTLET_KINDS && !err; kind++) {
		struct sink *sink = outlet_sink(d->outlet, kind);

		d->sink_events[kind] = sd_event_source_unref(d->sink_events[kind]);
		if (sink)
			err = sd_event_add_io(d->event, &d->sink_events[kind],
					      sink_event_fd(sink), EPOLLIN, on_sink, d);
	}
	return err < 0 ? err : 0;
}

static void unwatch_sinks(struct daemon *d)
{
	for (int kind = 0; kind < OUTLET_KINDS; kind++)
		d->sink_events[kind] = sd_event_source_unref(d->sink_events[kind]);
}

/* ---- events ---- */

/* After each event: what stands may have changed. */
static void keep(struct daemon *d)
{
	uint64_t wait_ns = keeper_update(d->keeper, d->monitor), now_us;

	if (!wait_ns || sd_event_now(d->event, CLOCK_MONOTONIC, &now_us) < 0)
		return;
	sd_event_source_set_time(d->keep_timer, now_us + wait_ns / 1000 + 1);
	sd_event_source_set_enabled(d->keep_timer, SD_EVENT_ONESHOT);
}

static int on_keep(sd_event_source *source, uint64_t due_us, void *context)
{
	(void)source, (void)due_us;
	keep(context);
	return 0;
}

/* A level that is reached has to last: it is looked at when it has. */
static void look_soon(struct daemon *d)
{
	uint64_t due_ns = monitor_due_ns(d->monitor), now_ns = kernel_now_ns(), now_us;

	if (!due_ns || sd_event_now(d->event, CLOCK_MONOTONIC, &now_us))
		return;
	sd_event_source_set_time(
		d->look_timer,
		now_us + (due_ns > now_ns ? (due_ns - now_ns) / 1000 : 0) + 1);
	sd_event_source_set_enabled(d->look_timer, SD_EVENT_ONESHOT);
}

/* What has come up meanwhile may not wait as long as a look when all is quiet. */
static void hasten(struct daemon *d)
{
	uint64_t pace_us = monitor_pace_ns(d->monitor, d->asked) / 1000, due_us;

	if (!sd_event_source_get_time(d->timer, &due_us) &&
	    due_us > d->tick_us + pace_us)
		sd_event_source_set_time(d->timer, d->tick_us + pace_us);
}

/* A look, and all that waits for one. */
static void tick(struct daemon *d)
{
	monitor_tick(d->monitor);
	(void)sd_event_now(d->event, CLOCK_MONOTONIC, &d->tick_us);
	d->asked = serving_update(d->serving);
	keep(d);
	look_soon(d);
}

static int on_look(sd_event_source *source, uint64_t due_us, void *context)
{
	struct daemon *d = context;

	(void)source, (void)due_us;
	if (!monitor_due_ns(d->monitor))
		return 0;
	tick(d);
	hasten(d);
	return 0;
}

static int on_records(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source, (void)fd, (void)events;
	monitor_consume(d->monitor);
	keep(d);
	look_soon(d);
	hasten(d);
	return 0;
}

static int on_details(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source, (void)fd, (void)events;
	monitor_details(d->monitor);
	keep(d);
	return 0;
}

static int on_traces(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source, (void)fd, (void)events;
	monitor_traces(d->monitor);
	keep(d);
	return 0;
}

/* Who asks after a rest is not told what is older than looks are apart for who asks. */
static int on_serving(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;
	uint64_t now_us;

	(void)source, (void)fd, (void)events;
	if (!sd_event_now(d->event, CLOCK_MONOTONIC, &now_us) &&
	    now_us > d->tick_us + monitor_pace_ns(d->monitor, true) / 1000 +
			     TICK_ACCURACY_US)
		tick(d);
	else
		d->asked = serving_update(d->serving);
	hasten(d);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t due_us, void *context)
{
	struct daemon *d = context;
	uint64_t now_us, next_us, pace_us;

	tick(d);
	pace_us = monitor_pace_ns(d->monitor, d->asked) / 1000;
	next_us = due_us + pace_us;
	if (outlet_retry(d->outlet, kernel_now_ns(), say_output_again) &&
	    watch_sinks(d))
		log_warning("what the outputs report can't be watched");
	/* After a pause (SIGSTOP, suspend) the ticks that were missed stay missed. */
	if (!sd_event_now(d->event, CLOCK_MONOTONIC, &now_us) && next_us < now_us)
		next_us = now_us + pace_us;
	d->tick_us = next_us - pace_us;
	sd_event_source_set_time(source, next_us);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void tell_manager(const struct daemon *d, const char *text)
{
	int err = manager_say(d->manager, text);

	if (err)
		log_warning("the service manager can't be told: %s", strerror(-err));
}

static void reload(struct daemon *d)
{
	struct config *fresh, *old = d->config;
	char why[WHY_SIZE], names[128];

	unwatch_sinks(d);
	if (load_config(d->options, 0, &fresh, why)) {
		log_error("%s; the configuration stays as it was", why);
	} else if (configure_outlet(d, fresh, why)) {
		log_error("%s; the configuration stays as it was", why);
		config_free(fresh);
	} else {
		d->config = fresh;
		set_log(d->options, fresh);
		say_doubts(fresh);
		monitor_set_config(d->monitor, fresh);
		if (old != d->started)
			config_free(old);
		if (config_needs_restart(d->started, fresh, names, sizeof(names)))
			log_warning("configuration reloaded, but for %s: read at start "
				    "only; restart the daemon",
				    names);
		else
			log_info("configuration reloaded");
	}
	outlet_reopen(d->outlet);
	if (watch_sinks(d))
		log_warning("what the outputs report can't be watched");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info,
		     void *context)
{
	struct daemon *d = context;

	(void)source, (void)info;
	tell_manager(d, "RELOADING=1");
	reload(d);
	tell_manager(d, "READY=1");
	sd_event_source_set_time(d->timer, 0); /* with the new settings, at once */
	return 0;
}

/* Who sent it is asked for when a daemon was not there at night. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info,
		  void *context)
{
	const struct daemon *d = context;

	(void)source;
	log_info("%s from process %" PRIu32 " of user %" PRIu32
		 ": the alerts that wait are written, then it ends",
		 info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", info->ssi_pid,
		 info->ssi_uid);
	return sd_event_exit(d->event, 0);
}

static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -errno : 0;
}

static int set_up_events(struct daemon *d)
{
	uint64_t now_us = 0;
	int err;

	err = sd_event_add_signal(d->event, NULL, SIGTERM, on_end, d);
	if (err >= 0)
		err = sd_event_add_signal(d->event, NULL, SIGINT, on_end, d);
	if (err >= 0)
		err = sd_event_add_signal(d->event, NULL, SIGHUP, on_hangup, d);
	if (err >= 0)
		err = sd_event_add_io(d->event, NULL, monitor_fd(d->monitor), EPOLLIN,
				      on_records, d);
	if (err >= 0)
		err = sd_event_add_io(d->event, NULL, monitor_details_fd(d->monitor),
				      EPOLLIN, on_details, d);
	if (err >= 0)
		err = sd_event_add_io(d->event, NULL, monitor_traces_fd(d->monitor),
				      EPOLLIN, on_traces, d);
	if (err >= 0)
		err = sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
	d->tick_us = now_us;
	if (err >= 0)
		err = sd_event_add_time(d->event, &d->timer, CLOCK_MONOTONIC,
					now_us + d->config->interval_ns / 1000,
					TICK_ACCURACY_US, on_tick, d);
	if (err >= 0)
		err = sd_event_add_time(d->event, &d->look_timer, CLOCK_MONOTONIC, 0,
					LOOK_ACCURACY_US, on_look, d);
	if (err >= 0)
		err = sd_event_source_set_enabled(d->look_timer, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_time(d->event, &d->keep_timer, CLOCK_MONOTONIC, 0,
					TICK_ACCURACY_US, on_keep, d);
	/* A storm of records must not keep the snapshot waiting. */
	if (err >= 0)
		err = sd_event_source_set_priority(d->timer,
						   SD_EVENT_PRIORITY_IMPORTANT);
	return err < 0 ? err : watch_sinks(d);
}

/* ---- life ---- */

static void say_ready(const struct daemon *d)
{
	struct monitor_self self;
	char text[128];

	monitor_self(d->monitor, &self);
	dprintf(STDERR_FILENO,
		"ready: sensor=%s counters=\"%s\" snapshot=%s processes=%" PRIu64
		" descriptors=%" PRIu64 " snapshot_ms=%.1f%s%s%s\n",
		self.sensor, self.counters, self.snapshot, self.processes,
		self.descriptors, (double)self.last_snapshot.took_ns / 1e6,
		*self.sensor_refused ? " (no fexit: " : "", self.sensor_refused,
		*self.sensor_refused ? ")" : "");
	snprintf(text, sizeof(text),
		 "READY=1\nSTATUS=Watching %" PRIu64 " processes through the %s sensor",
		 self.processes, self.sensor);
	tell_manager(d, text);
}

/* The first sign of life starts the manager's clock: to be called when ready, for a slow
 * machine may take longer to load the sensor than the watchdog waits. */
static int on_watchdog(sd_event_source *source, uint64_t due_us, void *context)
{
	const struct daemon *d = context;
	uint64_t now_us = due_us, again_us = manager_watchdog_us(d->manager);

	/* A manager that is busy has no room for it now. */
	if (manager_feed(d->manager))
		again_us /= 4;
	(void)sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
	sd_event_source_set_time(source, now_us + again_us);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void feed_watchdog(struct daemon *d)
{
	int err = manager_watchdog_us(d->manager)
			  ? sd_event_add_time(d->event, NULL, CLOCK_MONOTONIC, 0, 0,
					      on_watchdog, d)
			  : 0;

	if (err < 0)
		log_warning("the watchdog is not fed: the manager may start it again");
}

/* Without a socket and metrics, monitoring goes on. */
static void serve(struct daemon *d)
{
	int fds[SERVING_FDS], err = 0;
	size_t n;

	d->serving = serving_open(d->config, d->outlet, d->monitor, d->keeper);
	n = serving_fds(d->serving, fds);
	for (size_t i = 0; i < n && err >= 0; i++)
		err = sd_event_add_io(d->event, NULL, fds[i], EPOLLIN, on_serving, d);
	if (err < 0)
		log_warning("what clients ask for waits for the next snapshot");
}

/* What the host is called, and where its files are. Before any thread is made. */
static void know_host(const struct config *config)
{
	static char passwd[PATH_MAX];

	kernel_set_host_name(config->host_name);
	if (!config->host_root)
		return;
	pod_names_set_root(config->host_root);
	container_names_set_root(config->host_root);
	snprintf(passwd, sizeof(passwd), "%s/etc/passwd", config->host_root);
	user_names_set_file(passwd);
}

static int start(struct daemon *d)
{
	char why[WHY_SIZE];
	int err;

	if (load_config(d->options, CONFIG_FORGIVE, &d->config, why)) {
		log_error("%s", why);
		return CLI_USAGE;
	}
	/* Before any thread is made: they begin with what this one has. */
	if (!capabilities_rest())
		log_warning(
			"CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are always in force, "
			"for capset(2) is forbidden: let the unit make it, by "
			"SystemCallFilter=capset");
	d->started = d->config;
	know_host(d->config);
	/* glibc would raise it once the first large piece was freed, and from then on keep
	 * such pieces; fixed, they go back to the system. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	sink_hook_set_soft_limit(kernel_raise_own_limit());
	kernel_quiet_libbpf();
	if (kernel_check(why, sizeof(why))) {
		log_error("%s", why);
		return CLI_FAILED;
	}
	/* Before any thread is made, so that none of them takes a signal. */
	err = block_signals();
	d->outlet = outlet_new();
	if (err || !d->outlet)
		return CLI_FAILED;
	open_outlet(d);
	set_log(d->options, d->config);
	say_doubts(d->config);
	d->manager = manager_open();
	if (monitor_open(d->config, d->outlet, &d->monitor, why, sizeof(why))) {
		log_error("%s", why);
		return CLI_FAILED;
	}
	err = sd_event_default(&d->event);
	if (err >= 0)
		err = set_up_events(d);
	if (err < 0) {
		log_error("the event loop can't be set up: %s", strerror(-err));
		return CLI_FAILED;
	}
	serving_make_directory(d->config);
	if (keeper_open(d->config->state_file, d->monitor, &d->keeper, why,
			sizeof(why))) {
		log_error("%s", why);
		return CLI_FAILED;
	}
	d->monitors = true;
	keep_incidents(d);
	/* Before what is found at the start is alerted: its clients want that, too. */
	serve(d);
	monitor_tick(d->monitor);
	serving_update(d->serving);
	/* Loading parses the types of the whole kernel: some 30 MB, not needed again. */
	malloc_trim(0);
	say_ready(d);
	feed_watchdog(d);
	log_never_block();
	return CLI_RUN;
}

static void stop(struct daemon *d)
{
	uint64_t lost;

	unwatch_sinks(d);
	if (d->monitors)
		monitor_finish(d->monitor);
	serving_close(d->serving);
	keeper_finish(d->keeper, d->monitor);
	keeper_close(d->keeper);
	monitor_close(d->monitor);
	if (d->chronicle)
		log_sink(chronicle_sink(d->chronicle));
	chronicle_close(d->chronicle, CLOSE_TIMEOUT_MS);
	for (int kind = 0; d->outlet && kind < OUTLET_KINDS; kind++)
		if (outlet_sink(d->outlet, kind))
			log_sink(outlet_sink(d->outlet, kind));
	lost = outlet_close(d->outlet, CLOSE_TIMEOUT_MS);
	if (lost)
		log_warning("%" PRIu64 " alerts were lost on their way out", lost);
	sd_event_source_unref(d->timer);
	sd_event_source_unref(d->look_timer);
	sd_event_source_unref(d->keep_timer);
	sd_event_unref(d->event);
	manager_free(d->manager);
	if (d->started != d->config)
		config_free(d->started);
	config_free(d->config);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon d = {.options = options};
	int code = start(&d), err;

	if (code == CLI_RUN) {
		err = sd_event_loop(d.event);
		code = err < 0 ? CLI_FAILED : CLI_DONE;
		if (err < 0)
			log_error("the event loop failed: %s", strerror(-err));
		(void)manager_say(d.manager, "STOPPING=1");
	}
	stop(&d);
	return code;
}
