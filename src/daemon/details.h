/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What explains an alert, in the alert itself where it is known in time, else in one of
 * its own that follows.
 */
#ifndef FDWARDEN_DETAILS_H
#define FDWARDEN_DETAILS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/census.h"
#include "collect/kernel.h"
#include "daemon/explainer.h"
#include "output/explanation.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "state/process_table.h"

struct details;

struct details_stats {
	uint64_t explained;   /* alerts, in themselves or afterwards */
	uint64_t unexplained; /* alerts for which there was no room, or no thread */
	uint64_t gone;        /* found out too late: the incident was over */
};

/* `census` is moved; NULL: there is none, for the reason `why`. `files` and `processes`
 * are borrowed; `since_ns`: when the sensor was attached. NULL: no memory. free accepts
 * NULL. */
struct details *details_new(struct census *census, const char *why,
			    const struct kernel_files *files,
			    struct process_table *processes, uint64_t since_ns);
void details_free(struct details *details);

/* Whether alerts of this kind are explained. */
bool details_wanted(enum policy_action action);

/* One alert on its way. */
struct details_of_alert {
	struct explainer_job *job; /* NULL: none */
	bool whole;                /* nothing will follow */
	struct explanation none;   /* says why there is none */
};

/*
 * For an alert of this process that is about to be sent: what explains it, as far as it
 * is known within a few milliseconds. Valid until details_sent(), which is to be called
 * afterwards.
 */
const struct explanation *details_begin(struct details *details,
					struct process *process,
					struct details_of_alert *alert);
void details_sent(struct details *details, struct details_of_alert *alert);

/* To be told without an alert: for a remedy. false: no room. */
bool details_ask(struct details *details, struct process *process);

/* To be told who holds what `limit` counts, which refused this process a call; `value`: what
 * it is there, 0: unknown. false: that is not known of this limit, or no room. */
bool details_ask_holders(struct details *details, struct process *process,
			 const struct limits_verdict *limit, uint64_t value);

/* To be told what its descriptors are: with or without an incident. false: no room. */
bool details_ask_kinds(struct details *details, struct process *process);

/* A process that comes near its levels: looks up where its limit was set, so that it is
 * known when it is needed. At most a few with each tick. */
void details_look_ahead(struct details *details, struct process *process);

/* Readable when there is something for details_next(): what was found out afterwards. */
int details_fd(const struct details *details);

struct details_answer {
	struct explainer_job *job;
	struct process *process; /* in the incident that was asked for */
	const struct explanation *why;
	enum explainer_purpose purpose;
	bool for_alert; /* one that was sent without all of it */
};

/* false: nothing more. Each is ended with details_done(). */
bool details_next(struct details *details, struct details_answer *out);
void details_done(struct details *details, struct details_answer *answer);

void details_tick(struct details *details);
void details_stats(struct details *details, struct details_stats *out);

#endif
