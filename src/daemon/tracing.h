/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces of processes in trouble, each for a bounded time in a thread of its own: nobody
 * waits for them. What has come of one is there for the alerts that go out meanwhile.
 */
#ifndef FDWARDEN_TRACING_H
#define FDWARDEN_TRACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/call_site.h"

struct hooks;
struct tracing;

struct tracing_settings {
	bool on;
	uint64_t duration_ns;
	uint64_t processes;  /* at once */
	uint64_t memory;     /* bytes, of each */
	struct hooks *hooks; /* of the sensor, which is to outlive this; may be NULL */
};

/* NULL: no memory. free accepts NULL, and ends all traces: it waits until they have ended,
 * at most for as long as one question to an unwinder. */
struct tracing *tracing_new(void);
void tracing_free(struct tracing *tracing);

/* For traces that begin from now on. */
void tracing_configure(struct tracing *tracing,
		       const struct tracing_settings *settings);

/* Begins to trace a process, which is on `uid`'s account, unless it is traced, was a short
 * while ago, or there is no room. */
void tracing_want(struct tracing *tracing, pid_t pid, uint64_t start_ns, uid_t uid);

/* What is known of a process by now, to be given back with call_sites_free(); NULL: nothing,
 * or it is old. `running`: more will come. */
struct call_sites *tracing_get(struct tracing *tracing, pid_t pid, uint64_t start_ns,
			       bool *running);

/* Readable when there is something for tracing_next(). */
int tracing_fd(const struct tracing *tracing);

struct tracing_news {
	pid_t pid;
	uint64_t start_ns;
	struct call_sites *sites; /* to be given back; NULL: none yet, or it failed */
	const char *watched;      /* it has begun: see openings_way(); else NULL */
	bool ended;               /* the last of this trace */
	char why[192];            /* it failed */
};

/* false: nothing more. */
bool tracing_next(struct tracing *tracing, struct tracing_news *out);

#endif
