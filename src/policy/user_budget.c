// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/user_budget.h"

#include <stddef.h>

static uint64_t budget_share(const struct user_budget *budget)
{
	return budget->share_ns ? budget->share_ns : USER_BUDGET_NS;
}

static uint64_t budget_period(const struct user_budget *budget)
{
	return budget->period_ns ? budget->period_ns : USER_BUDGET_PERIOD_NS;
}

/* It comes back evenly, all of it within a period. */
static uint64_t budget_left_of(const struct user_budget *budget,
			       const struct user_budget_entry *entry, uint64_t now_ns)
{
	uint64_t back = (now_ns - entry->as_of_ns) /
			(budget_period(budget) / budget_share(budget));

	return entry->used_ns > back ? entry->used_ns - back : 0;
}

static const struct user_budget_entry *budget_find(const struct user_budget *budget,
						   uid_t uid)
{
	for (size_t i = 0; i < USER_BUDGET_USERS; i++)
		if (budget->users[i].as_of_ns && budget->users[i].uid == uid)
			return &budget->users[i];
	return NULL;
}

static struct user_budget_entry *budget_place(struct user_budget *budget, uid_t uid,
					      uint64_t now_ns)
{
	struct user_budget_entry *least = &budget->users[0];

	for (size_t i = 0; i < USER_BUDGET_USERS; i++) {
		struct user_budget_entry *entry = &budget->users[i];

		if (entry->as_of_ns && entry->uid == uid)
			return entry;
		if (budget_left_of(budget, entry, now_ns) <
		    budget_left_of(budget, least, now_ns))
			least = entry;
	}
	*least = (struct user_budget_entry){.uid = uid, .as_of_ns = now_ns};
	return least;
}

void user_budget_charge(struct user_budget *budget, uid_t uid, pid_t pid,
			uint64_t took_ns, uint64_t now_ns)
{
	struct user_budget_entry *entry;

	if (!uid)
		return;
	entry = budget_place(budget, uid, now_ns);
	entry->used_ns = budget_left_of(budget, entry, now_ns) + took_ns;
	entry->as_of_ns = now_ns;
	if (took_ns >= entry->slowest_ns) {
		entry->slowest = pid;
		entry->slowest_ns = took_ns;
	}
}

bool user_budget_is_over(const struct user_budget *budget, uid_t uid, uint64_t now_ns,
			 pid_t *slowest)
{
	const struct user_budget_entry *entry = uid ? budget_find(budget, uid) : NULL;

	if (!entry || budget_left_of(budget, entry, now_ns) < budget_share(budget))
		return false;
	if (slowest)
		*slowest = entry->slowest;
	return true;
}
