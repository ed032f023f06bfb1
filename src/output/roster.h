/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every process as a client of the daemon sees it at one instant: plain data that owns
 * its strings, made from the monitor or read from what it sent over the socket. Its
 * JSON is that of `ps --json` with what only a monitor knows: see fdwarden-protocol(7).
 */
#ifndef FDWARDEN_ROSTER_H
#define FDWARDEN_ROSTER_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "output/alert.h"
#include "output/self.h"
#include "policy/policy.h"
#include "state/identity.h"

struct roster_row {
	struct identity who;         /* owned; cgroup is not in the JSON */
	struct alert_fd fd;          /* without refused[] */
	enum policy_level level;     /* of its open incident; OK: none */
	char incident[ALERT_ID_LEN]; /* empty: none */
	uint64_t refused;            /* calls refused since monitoring began */
	uint64_t changed;            /* number of the roster in which it last changed */
};

/* Names a process, as long as the host is up. */
struct roster_key {
	pid_t pid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
};

/* What an open incident is, in the one judgement that lists and metrics have of it: its level,
 * or what it is without one. */
enum roster_trouble {
	ROSTER_OTHER_LIMIT = POLICY_LEVEL_OK,
	ROSTER_LEAK = POLICY_LEVELS, /* suspected, and below the first level */
	ROSTER_TROUBLES
};
unsigned int roster_trouble(enum policy_level level, bool leak_suspected);

/* Zeroed is empty. */
struct roster {
	uint64_t number;      /* grows with each look; 0: none yet */
	uint64_t realtime_ns; /* when it was looked, since 1970 */
	uint64_t interval_ns; /* how often that is; 0: once */
	char host_name[256], boot_id[37];
	uint64_t boot_realtime_ns; /* CLOCK_REALTIME − CLOCK_BOOTTIME */
	struct alert_system system;
	struct self_figures self;
	uint32_t alerts
		[ROSTER_TROUBLES]; /* processes in an open incident now, by what it
					     is */
	uint64_t refused; /* calls refused since monitoring began, all processes */
	struct roster_row *rows; /* by pid, then start */
	size_t len;
};

void roster_row_clear(struct roster_row *row);
void roster_clear(struct roster *roster); /* frees, zeroes */

/* A copy of its own. What `to` held before is not freed. 0, or -ENOMEM with `to`
 * zeroed. */
int roster_copy(struct roster *to, const struct roster *from);

/* Puts rows into their order. */
void roster_sort(struct roster *roster);
int roster_compare(const struct roster_row *row, const struct roster_key *key);

/* The row of a process; start_ns 0: of whichever has the pid now. NULL: none. */
struct roster_row *roster_find(const struct roster *roster, pid_t pid,
			       uint64_t start_ns);

/* Its host for the functions of alerts; points into the roster. */
void roster_host(const struct roster *roster, struct alert_host *out);

/* One process: {"process","service",…,"fd","watch"}. NULL: no memory. The caller
 * deletes it. */
cJSON *roster_row_json(const struct roster_row *row, const struct alert_host *host);

/* Who a row, or an alert, is about, into an empty identity, which is to be cleared in any case.
 * 0, -EINVAL (there is no process in it) or -ENOMEM. */
int roster_read_identity(const cJSON *row, struct identity *who);

/*
 * All members of a snapshot's reply but "processes": with `since` the ones of a delta to
 * the roster of that number, in which `gone` had left; 0: of a full one. NULL: no memory.
 */
cJSON *roster_head_json(const struct roster *roster, uint64_t since,
			const struct roster_key *gone, size_t gone_len);

/* The same with "processes": those that changed after `since`; 0: all. */
cJSON *roster_to_json(const struct roster *roster, uint64_t since,
		      const struct roster_key *gone, size_t gone_len);

/*
 * Takes a snapshot's reply, full or delta: afterwards the roster is what the daemon saw.
 * 0; -ESTALE: a delta to another roster than this (ask for a full one); -EINVAL: it is
 * no such reply; -ENOMEM. On failure the roster is as it was.
 */
int roster_apply_json(struct roster *roster, const cJSON *reply);

#endif
