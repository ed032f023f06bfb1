/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An alert as plain data, and the one place that makes JSON of it. A field
 * that is not known is absent from the JSON, never 0.
 */
#ifndef FDWARDEN_ALERT_H
#define FDWARDEN_ALERT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/explanation.h"
#include "policy/call_site.h"
#include "policy/growth.h"
#include "policy/leak.h"
#include "policy/policy.h"
#include "state/identity.h"

#define ALERT_ID_LEN 37 /* UUID text and its NUL */

/* What does not change while the host is up. Strings owned by the caller. */
struct alert_host {
	const char *name;
	const char *boot_id;
	uint64_t boot_realtime_ns; /* CLOCK_REALTIME − CLOCK_BOOTTIME */
	const char *id;            /* of the machine; NULL, "": not known */
};

/* One call and how often it was refused. The name is static. */
struct alert_refusal {
	const char *call;
	int error; /* EMFILE, ENFILE, … */
	uint64_t count;
};

/*
 * A process's descriptors: the `fd` object of an alert and of ps --json.
 * A limit of ~0 ("unlimited") is no number: it is absent from the JSON, and so
 * are `free` and `usage` where the soft limit is. `refused_other`, of calls that
 * other errors than EMFILE and ENFILE refused, is there only when it is not 0.
 */
struct alert_fd {
	bool known; /* count … hard_limit */
	uint64_t count, used, soft_limit, hard_limit;
	/* The program takes no more from so many on; 0: its soft limit. And whether it rests
	 * high by design; and why either is so. Static. */
	uint64_t effective_limit;
	bool managed;
	const char *program, *reason; /* NULL: neither */
	bool leak_suspected;          /* by the floor of its count, and it stands */
	bool leak_told; /* an alert of its incident said so; in no document */
	bool sealed;    /* lowered its limit under its count */
	/* Of one look alone: it is full, or it lowered its limit to what it had open. */
	bool seal_unsure;
	bool ignored;         /* a rule wants no alerts of it */
	bool torn;            /* the count may be off by a bit */
	uint32_t thread;      /* tid whose own table this is; 0: the process's */
	uint32_t tables;      /* distinct tables in the process; 0, 1: one */
	uint32_t shared_with; /* other processes that share the table */
	bool counters_known;  /* opened, closed, since monitoring began */
	uint64_t opened, closed;
	bool growth_known;
	double growth_per_s;
	bool exhaustion_known;
	double exhausted_in_s;
	double exhausted_low_s, exhausted_high_s; /* bounds; high may be infinite */
	/* of this incident; absent from the JSON with refused_known false */
	bool refused_known;
	uint64_t refused_emfile, refused_enfile, refused_other;
	/* Calls refused a second in the last tick, and what share of a core the process took
	 * then; 0: none, or not known. The name is static. */
	double refused_per_s, core_share;
	const char *refused_call;
	const struct alert_refusal *refused; /* by call */
	size_t refused_len;
	/* The first of them, and the last, since 1970; 0: not known, or of an alert, which has a
	 * time of its own. */
	uint64_t refused_first_ns, refused_last_ns;
	bool refused_inexact; /* there were more: some could not be counted */
	bool record_lost; /* the refusal is known by its count alone: the descriptors at that
				 instant and the path are not */
};

struct alert_system {
	bool known;
	uint64_t allocated, max; /* fs.file-nr, fs.file-max */
	uint64_t nr_open;        /* 0: unknown */
	uint64_t refused_enfile; /* in this incident */
};

/* What a call asked for when it was refused. NULL, 0: unknown. */
struct alert_request {
	const char *call; /* "openat" */
	const char *path; /* hostile */
	int error;
};

/* The limit behind an other-limit alert. */
struct alert_limit {
	const char *name; /* fd.limit; NULL: not such an alert */
	const char *text; /* for the message */
	bool value_known;
	uint64_t value;     /* fd.limit_value, at present */
	const char *sysctl; /* fd.limit_sysctl: what sets it; NULL: none */
};

/* The evidence for a leak. */
struct alert_leak {
	bool known;
	struct leak_estimate estimate;
	struct growth growing[GROWTH_SHOWN];
	size_t growing_len; /* 0: not known */
};

/* One process of a summary. */
struct alert_member {
	int32_t pid;
	const char *command_line; /* NULL: unknown; hostile */
	bool table_known;         /* the next two are */
	uint64_t used, soft_limit;
	uint64_t refused;
	bool alone; /* it has alerts of its own, whose refusals these are */
};

/* Alerts that nobody has got, of an alerts-lost alert. */
struct alert_loss {
	uint64_t alerts;
	const char *output; /* which lost them: "file"; NULL: they were withheld */
	uint64_t incidents; /* … of so many incidents */
	uid_t uid;          /* … of this user; -1: of several */
};

/* A summary over many processes of one group. */
struct alert_group {
	const char *name; /* NULL: an alert of one process; hostile */
	uint64_t processes;
	const struct alert_member *members; /* the first few */
	size_t members_len;
	uint64_t alone; /* of all of them */
};

struct alert {
	uint64_t time_ns; /* CLOCK_BOOTTIME, of what caused it */
	struct policy_decision what;
	char id[ALERT_ID_LEN];
	char incident[ALERT_ID_LEN]; /* empty: none */
	uint64_t duration_ns;        /* since the incident opened */
	bool found_at_start; /* it may have been so for long: the first snapshot found it */
	const struct alert_host *host;
	const struct identity *who; /* NULL: the system; of a summary what its processes
				       have in common, with pid 0 */
	struct alert_fd fd;
	struct alert_system system; /* in system-* alerts */
	struct alert_request request;
	struct alert_limit limit;
	struct alert_group group;
	struct alert_leak leak;
	struct alert_loss loss;
	const struct explanation *why;  /* NULL: none is wanted */
	const struct call_sites *calls; /* who opened what is open; NULL: not traced */
	uint64_t soft_limit_before;     /* of an fd-limit-raised alert */
};

/* The object of the contract. NULL: no memory. The caller deletes it. */
cJSON *alert_to_json(const struct alert *alert);

/* Its JSON in one line, with the newline, to be freed. NULL: no memory. */
char *alert_json_line(const struct alert *alert);

/* The sentence of "message": who, how full, how fast, when; valid UTF-8
 * without control characters, cut to `size`. Returns its length. */
size_t alert_message(const struct alert *alert, char *text, size_t size);

/* "full in about 65 min", of seconds. */
#define ALERT_FULL_IN_MAX 64
void alert_full_in(double seconds, char *text, size_t size);

/* The "process", "service", "container", "orchestrator" members of an alert or a ps
 * document, added to `parent`; and its "fd" member. 0 or -ENOMEM. */
int alert_add_identity(cJSON *parent, const struct identity *who,
		       const struct alert_host *host);
int alert_add_fd(cJSON *parent, const struct alert_fd *fd);

/* A fresh random UUID (version 4). Needs no descriptor: getrandom(). */
void alert_new_id(char id[ALERT_ID_LEN]);

/* "2026-01-02T03:04:05.678901Z" of nanoseconds since 1970. */
void alert_timestamp(uint64_t realtime_ns, char text[32]);

#endif
