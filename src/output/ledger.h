/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor counts for good, for metrics: alerts by their action, and refused calls by
 * workload, call and error. A process's end takes nothing away from it.
 */
#ifndef FDWARDEN_LEDGER_H
#define FDWARDEN_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "output/workload.h"
#include "policy/policy.h"

/* Different calls and errors that one workload is told with; the rest is one more, which has
 * no call. */
#define LEDGER_CALLS 8

struct ledger_call {
	const char *call; /* static; NULL: all others */
	int error;        /* 0: likewise */
	uint64_t count;
};

struct ledger_line {
	enum workload_kind kind;
	char key[LABEL_VALUE_LEN]; /* WORKLOAD_OTHERS: of those without a place */
	uid_t owner; /* on whose account it was first; not of the others */
	uint64_t emfile, enfile, other;
	struct ledger_call calls[LEDGER_CALLS + 1];
	size_t calls_len;
};

/* A copy, for another thread. Zeroed is empty. */
struct ledger_figures {
	uint64_t alerts[POLICY_ACTIONS];
	struct ledger_line *lines; /* by kind */
	size_t len, size;
};

struct ledger;

/* NULL: no memory. free accepts NULL. */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

void ledger_alert(struct ledger *ledger, enum policy_action action);

/* `count` calls of a process were refused with `error`. `call` is static. `uid_known`: the
 * uid of `who` is one. `now_ns`: CLOCK_BOOTTIME. */
void ledger_refused(struct ledger *ledger, const struct identity *who, bool uid_known,
		    const char *call, int error, uint64_t count, uint64_t now_ns);

/* Into a copy that may hold an older one. 0, or -ENOMEM with it as it was. */
int ledger_copy(const struct ledger *ledger, struct ledger_figures *out);
void ledger_figures_clear(struct ledger_figures *figures);

#endif
