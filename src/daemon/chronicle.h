/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes down each incident while it goes on, for output/incident.h: what the policy was told
 * and what it decided. It is called for every observation, and of one that has to do with no
 * incident it takes a comparison. For the monitor's thread; a thread of its own writes.
 */
#ifndef FDWARDEN_CHRONICLE_H
#define FDWARDEN_CHRONICLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "output/outlet.h"
#include "policy/policy.h"
#include "state/process_table.h"

struct chronicle;
struct recording;

/*
 * Begins to take alerts from `outlet`, of which the incidents' own go into their records.
 * `since_ns`: when monitoring began (CLOCK_BOOTTIME); `boot_id` is borrowed. What can't be
 * kept is said in the log, and is no error: NULL, as where none is wanted, which all others
 * accept.
 */
struct chronicle *chronicle_open(const struct config *config, struct outlet *outlet,
				 const char *boot_id, uint64_t since_ns);

/* Writes what waits for at most timeout_ms. */
void chronicle_close(struct chronicle *chronicle, int timeout_ms);

/* The sink that writes, for what it reports; NULL: there is none. */
struct sink *chronicle_sink(const struct chronicle *chronicle);

/* With each tick. */
void chronicle_tick(struct chronicle *chronicle, uint64_t now_ns);

/* What the policy was told and what it decided. */
struct chronicle_look {
	const char *incident; /* that is open, or was until now; empty: none */
	bool told;            /* an alert of it has gone out by itself, now */
	const struct policy_decision *decided;
	size_t decided_len;
};

/* Of a process: `before` is its state until then, `process` has it as it is now. */
void chronicle_process(struct chronicle *chronicle, struct process *process,
		       const struct policy_fd *before,
		       const struct policy_observation *seen,
		       const struct chronicle_look *look);

/* Likewise, of the whole system. */
void chronicle_system(struct chronicle *chronicle, const struct policy_system *before,
		      const struct policy_system *now,
		      const struct policy_settings *settings,
		      const struct policy_system_observation *seen,
		      const struct chronicle_look *look);

#endif
