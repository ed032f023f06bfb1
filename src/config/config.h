/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: an INI file, overridden key by key with -o. One table of
 * keys (config.c) makes the parser, the check, and the printed effective
 * configuration; the manual page's list is tested against it.
 */
#ifndef FDWARDEN_CONFIG_H
#define FDWARDEN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fdwarden/wire.h"
#include "policy/policy.h"
#include "state/identity.h"

/* As the kernel's. */
#define CONFIG_HOST_NAME_LEN  65
#define CONFIG_PATH           "/etc/fdwarden/fdwarden.conf"
#define CONFIG_STATE_FILE     "/run/fdwarden/state.json"
#define CONFIG_INCIDENTS_PATH "/var/lib/fdwarden/incidents"
/* As in client/client.h. */
#define CONFIG_SOCKET_PATH    "/run/fdwarden/fdwarden.sock"
#define CONFIG_SOCKET_GROUP   "fdwarden"

enum config_switch { CONFIG_NO, CONFIG_YES, CONFIG_AUTO };
enum config_log { CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };

enum config_sensor {
	CONFIG_SENSOR_AUTO,
	CONFIG_SENSOR_TRACEPOINT,
	CONFIG_SENSOR_FEXIT
};
enum config_remedy { CONFIG_REMEDY_NONE, CONFIG_REMEDY_RAISE_SOFT };
enum config_method { CONFIG_METHOD_AUTO, CONFIG_METHOD_PROG_RUN, CONFIG_METHOD_ITER };
enum config_processes { CONFIG_PROCESSES_INCIDENTS, CONFIG_PROCESSES_FULLEST };

/* [rule NAME]: the first rule that matches a process serves it. All matchers
 * that are set must match: fnmatch patterns, separated by commas, of which one is enough;
 * match_command_line is a single one. */
struct config_rule {
	char *name; /* of the rule */
	/* matchers; NULL: any */
	char *match_name, *match_executable, *match_service, *match_user, *match_cgroup;
	char *match_command_line, *match_container, *match_runtime, *match_pod;
	/* overrides */
	bool has_warn, has_critical;
	uint32_t warn_bp, critical_bp;
	bool ignore;
	bool has_leak;
	enum config_switch leak; /* yes or no */
	/* what to do at the critical level; none without has_on_critical */
	bool has_on_critical, has_raise_step, has_raise_interval;
	enum config_remedy on_critical;
	uint32_t raise_step_bp;     /* default CONFIG_RAISE_STEP_BP */
	uint64_t raise_interval_ns; /* default CONFIG_RAISE_INTERVAL_NS */
	bool raise_leaks;
};

#define CONFIG_RAISE_STEP_BP     2500
#define CONFIG_RAISE_INTERVAL_NS 60000000000ull

#define CONFIG_DOUBTS_MAX        16
#define CONFIG_LINE_MIN          4096 /* of output.max_line */
#define CONFIG_WARNINGS_MAX      64

struct config {
	enum config_sensor sensor; /* sensor = auto; read at start only */
	/* [thresholds] warn = 80%, critical = 95%, hysteresis = 5%, dwell = 250ms,
	 * repeat = 15m, min_limit = 16; `ignore` is not used here */
	struct policy_settings thresholds;
	/* [leak] windows = 6, window = 10s (1s .. 1h), horizon = 24h; `enabled` is in
	 * the thresholds */
	uint64_t leak_windows, leak_window_ns, leak_horizon_ns;
	uint64_t interval_ns;      /* [snapshot] interval = 1s; 100ms .. 1h */
	enum config_method method; /* [snapshot] method = auto; read at start only */
	/* [output]; auto: journal when standard output is connected to it
	 * ($JOURNAL_STREAM), else stdout */
	enum config_switch stdout_on, journal_on;
	char *file; /* absolute path; NULL: none */
	char *hook; /* absolute path of a program; NULL: none */
	uint64_t
		max_line; /* bytes of an alert's line, CONFIG_LINE_MIN and more; 0: no bound */
	enum config_log log_level; /* [log] level = info */
	char *state_file;          /* [state] file; NULL: none; read at start only */
	/* [incidents], read at start only. path: the directory of their records; NULL: none are
	 * kept. keep = 200 records, max_size = 64M bytes in all, max_age = 90d */
	char *incidents_path;
	uint64_t incidents_keep, incidents_size, incidents_age_ns;
	/* [trace] auto = no, duration = 60s, processes = 1, memory_mb = 32 */
	enum config_switch trace_auto; /* CONFIG_NO, CONFIG_YES */
	uint64_t trace_duration_ns, trace_processes, trace_memory_mb;
	/* [host], read at start only. name: what it is called; NULL: as the kernel says. root:
	 * where its files are; NULL: / */
	char *host_name, *host_root;
	/* [metrics], read at start only: listen = ADDRESS:PORT; NULL: none. processes =
	 * incidents */
	char *metrics_listen;
	char *metrics_group; /* of its socket, if it is a unix socket; NULL: none */
	enum config_processes metrics_processes;
	char *socket_path;  /* [socket] path; NULL: none; both are read at start only */
	char *socket_group; /* NULL: its user alone */
	struct config_rule *rules;
	size_t rules_len;
	char *files; /* that it was read from, by ", "; empty: none; NULL: it was from texts */
	/* What was forgiven, each a line as an error has it; doubts_len counts also those
	 * that found no room */
	char *doubts[CONFIG_DOUBTS_MAX];
	size_t doubts_len;
	/* With CONFIG_ALL_MISTAKES: what is no mistake, but matches nothing; as the doubts, in the order of the files */
	char *warnings[CONFIG_WARNINGS_MAX];
	size_t warnings_len, warnings_left; /* … and for how many there is no room */
};

enum config_flags {
	CONFIG_MUST_EXIST = 1, /* a missing file is an error; else the defaults hold */
	/* Looks at what lies at the paths that are named, too: for who runs with them, or
	 * is asked whether one can. For others a hook that is broken is no reason. */
	CONFIG_CHECK_PATHS = 2,
	/* A mistake that monitoring can do without is no error but a doubt: a pattern that
	 * matches nothing, a path at which nothing can be written. Files that an earlier
	 * release took have them, and an upgrade is not to end the monitoring. */
	CONFIG_FORGIVE = 4,
	/* `error` has each mistake, a line each, as far as they fit; without it, only the
	 * first. */
	CONFIG_ALL_MISTAKES = 8,
	/* The levels of [thresholds] are not held against each other: some of them are to be
	 * put over others than the defaults, and config_levels_contradict() asked of those. */
	CONFIG_LEVELS_APART = 16,
	/* With CONFIG_ALL_MISTAKES: *out is there also where there are mistakes, of what could
	 * be taken, so that more can be told of it; nobody is to monitor by it. */
	CONFIG_KEEP_PART = 32,
};

/*
 * Reads `path`; where that is called fdwarden.conf, the *.conf in the directory conf.d beside
 * it, in the order of their names, each over what was read before; and then applies
 * `overrides` ("section.key=value", for a rule
 * "rule NAME.key=value"); `flags` are of enum config_flags.
 * Checks everything: unknown sections and keys, values and their ranges,
 * warn < critical, hysteresis < warn, at most FDW_MAX_STEPS distinct levels.
 *
 * On failure returns -errno (-EINVAL for what is wrong in the text), and
 * `error` has one line, "FILE:LINE: what is wrong; what is allowed".
 * On success *out is a new configuration, to be freed with config_free().
 */
int config_load(const char *path, unsigned int flags, const char *const *overrides,
		size_t overrides_len, struct config **out, char *error,
		size_t error_size);

/* Whether warn is not below critical, or hysteresis not below warn. `why` is then one line about
 * it, of CONFIG_LEVELS_WHY_MAX bytes at most. */
#define CONFIG_LEVELS_WHY_MAX 128
bool config_levels_contradict(const struct policy_settings *set, char *why,
			      size_t size);

/* Whether the hook is there but may be no program that the kernel runs, which only its first
 * run tells for sure. `why` is then one line about it. */
bool config_doubts_hook(const struct config *config, char *why, size_t why_size);

/* The effective configuration as a file that config_load() accepts. */
void config_print(const struct config *config, FILE *out);

/* Writes into `names` which keys that are read at start only differ, as "sensor,
 * socket.path"; empty: none. Returns whether there are any. */
bool config_needs_restart(const struct config *started, const struct config *now,
			  char *names, size_t size);

/* Accepts NULL. */
void config_free(struct config *config);

/* The settings for a process: those of the first rule that matches, over the
 * thresholds. `user` is its name, NULL if unknown (then only the number
 * matches). */
void config_settings_for(const struct config *config, const struct identity *who,
			 const char *user, struct policy_settings *out);

/* All warn and critical levels in use, ascending and distinct, in basis points.
 * Returns their number, 1..FDW_MAX_STEPS. */
size_t config_steps(const struct config *config, uint32_t steps[FDW_MAX_STEPS]);

/* Values: "80%", "82.5%" → basis points; "15m", "1s", "250ms", "1h30m" → ns.
 * 0 or -EINVAL. */
int config_parse_percent(const char *text, uint32_t *bp);
int config_parse_duration(const char *text, uint64_t *ns);
/* "1048576", "1024k", "1M": a k is 1024, as for limits it is meant. 0 or -EINVAL. */
int config_parse_number(const char *text, uint64_t *number);

#endif
