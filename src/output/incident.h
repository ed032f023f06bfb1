/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of one incident: what was known of it while it went on, so that it can be
 * explained when it is over. On disk it is a file of lines, each a JSON object: the alerts
 * as they went out, and between them how it began, what the policy was told and what it
 * decided. docs/incidents.md has the form.
 */
#ifndef FDWARDEN_INCIDENT_H
#define FDWARDEN_INCIDENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/alert.h"
#include "policy/policy.h"

#define INCIDENT_VERSION  1
/* Bytes of one record at the most. */
#define INCIDENT_MAX      (1u << 20)
/* Calls of which a line says how often each was refused; what is more is in the alerts. */
#define INCIDENT_CALLS    16
/* Windows and samples of the time before. */
#define INCIDENT_PAST_MAX 128

/* How many descriptors were open before the incident: at one instant (for_ns 0), or at the
 * least during a time. */
struct incident_past {
	uint64_t at_ns, for_ns; /* CLOCK_BOOTTIME */
	uint64_t used;
};

/* How it began: what is known before the first observation. Of a process, or of the system. */
struct incident_begin {
	char id[ALERT_ID_LEN];
	char boot_id[ALERT_ID_LEN];
	bool is_system;
	bool resumed;              /* not its beginning, but that of another daemon */
	uint64_t at_ns;            /* CLOCK_BOOTTIME */
	uint64_t boot_realtime_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME */
	struct policy_fd policy;
	struct policy_system system_policy;
	struct incident_past past[INCIDENT_PAST_MAX]; /* in any order */
	size_t past_len;
};

struct incident_call {
	char name[24];
	int error;
	uint64_t count;
};

/* One observation, as the policy was told of it, and what came of it. */
struct incident_seen {
	bool is_system;
	struct policy_observation process;
	struct policy_system_observation system;
	struct policy_settings settings; /* in force */
	bool settings_known;
	bool again; /* what stood was to be told once more */
	struct policy_decision decided[POLICY_MAX_DECISIONS];
	size_t decided_len;
	/* Calls that were refused in the incident by then. */
	bool refused_known;
	struct incident_call refused[INCIDENT_CALLS];
	size_t refused_len;
};

/* A record that was read. */
struct incident {
	bool begun; /* `begin` is known; of a summary of many there is none */
	struct incident_begin begin;
	uint64_t resumed_ns[16]; /* when the daemon was started anew meanwhile */
	size_t resumed_len;
	struct incident_seen *seen; /* in the order of the file */
	size_t seen_len, seen_max;
	cJSON **alerts; /* likewise */
	size_t alerts_len, alerts_max;
	uint64_t lost;    /* lines that could not be written */
	uint64_t damaged; /* lines that could not be read */
	bool shortened;   /* it had reached its size: alerts in short, or none */
};

/* ---- lines; each is to be freed; NULL: no memory ---- */

char *incident_begin_line(const struct incident_begin *begin);

/* `settings`: NULL where they are those of the line before. */
char *incident_seen_line(const struct incident_seen *seen,
			 const struct policy_settings *settings);

char *incident_lost_line(uint64_t lines);
char *incident_short_line(const char *action, const char *message,
			  uint64_t realtime_ns);
char *incident_full_line(void);

/* ---- reading ---- */

/*
 * Reads the text of a record. Whatever it is, what can be read of it is: a line that is torn
 * or damaged is counted, and left out. 0; -EINVAL: there is nothing of a record in it;
 * -ENOMEM. To be cleared in each case but the last.
 */
int incident_read(const char *text, size_t len, struct incident *out);
void incident_clear(struct incident *incident); /* frees, zeroes */

/* The name of a record's file: "ID.jsonl". And its id, of such a name; false: it is none. */
#define INCIDENT_FILE_LEN (ALERT_ID_LEN + 6)
void incident_file(const char *id, char name[INCIDENT_FILE_LEN]);
bool incident_of_file(const char *name, char id[ALERT_ID_LEN]);

#endif
