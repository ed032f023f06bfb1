/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many incidents of one user's processes are told: a user who starts processes that
 * fail, one after the other and each from another file, would else fill the logs in which
 * others look for theirs. What is not told is counted. Pure but for its own memory.
 */
#ifndef FDWARDEN_BUDGET_H
#define FDWARDEN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Incidents at once, and how often one more is allowed then. */
#define BUDGET_BURST      50
#define BUDGET_REFILL_NS  2000000000ull
/* What was withheld is said when nothing was for the quiet time, or at last after the
 * longest. */
#define BUDGET_QUIET_NS   5000000000ull
#define BUDGET_LONGEST_NS 60000000000ull
/* Users that are kept apart; those beyond share one budget. */
#define BUDGET_USERS      256

struct budget;

/* What was withheld of one user's. */
struct budget_withheld {
	uid_t uid; /* -1: of several, or not known */
	uint64_t incidents, alerts;
	uint64_t since_ns, until_ns;
};

/* NULL: no memory. free accepts NULL. */
struct budget *budget_new(void);
void budget_free(struct budget *budget);

/* Whether an incident of this user's that opens is told. root's always are. If not, it
 * counts as withheld with one alert. Times of one clock, ns. */
bool budget_admit(struct budget *budget, uid_t uid, uint64_t now_ns);

/* One more alert of an incident that is withheld. */
void budget_withhold(struct budget *budget, uid_t uid, uint64_t now_ns);

/* Takes the next that is to be said. false: none. `flush`: whatever was withheld. */
bool budget_due(struct budget *budget, uint64_t now_ns, bool flush,
		struct budget_withheld *out);

#endif
