/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the files of each user's processes may be read: a user can make them as slow as
 * he wants, and must not take from others what they need. Root's are what the host itself
 * is made of, and are not counted.
 */
#ifndef FDWARDEN_USER_BUDGET_H
#define FDWARDEN_USER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* So long in each period, where nothing else is said; a look-up takes some 10 ms. */
#define USER_BUDGET_NS        5000000000ull
#define USER_BUDGET_PERIOD_NS 60000000000ull
/* Users that are remembered; the one that has used the least is forgotten. */
#define USER_BUDGET_USERS     64

/* Zeroed is unused, with what is said above. */
struct user_budget {
	uint64_t share_ns, period_ns; /* 0: those above */
	struct user_budget_entry {
		uint64_t used_ns, as_of_ns;
		uid_t uid;
		pid_t slowest; /* of this user's, the one that took longest */
		uint64_t slowest_ns;
	} users[USER_BUDGET_USERS];
};

/* What was used, at now_ns of CLOCK_MONOTONIC. */
void user_budget_charge(struct user_budget *budget, uid_t uid, pid_t pid,
			uint64_t took_ns, uint64_t now_ns);

/* Whether nothing is left. `slowest`: set then to the process that took longest; may be NULL. */
bool user_budget_is_over(const struct user_budget *budget, uid_t uid, uint64_t now_ns,
			 pid_t *slowest);

#endif
