/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/budget.h"

#include <stdlib.h>

struct budget_user {
	bool used;
	uint64_t filled_ns; /* when its room was counted last */
	unsigned int room;  /* incidents */
	struct budget_withheld withheld;
};

struct budget {
	struct budget_user users[BUDGET_USERS + 1]; /* the last is the others' */
};

struct budget *budget_new(void)
{
	return calloc(1, sizeof(struct budget));
}

void budget_free(struct budget *budget)
{
	free(budget);
}

static bool is_idle(const struct budget_user *user, uint64_t now_ns)
{
	return !user->withheld.alerts &&
	       now_ns > user->filled_ns + BUDGET_BURST * BUDGET_REFILL_NS;
}

/* The user's, or one that nobody needs: with all its room again it is as a new one. */
static struct budget_user *budget_user_of(struct budget *budget, uid_t uid,
					  uint64_t now_ns)
{
	struct budget_user *free_one = NULL;

	for (size_t i = 0; i < BUDGET_USERS; i++) {
		struct budget_user *user = &budget->users[i];

		if (user->used && user->withheld.uid == uid)
			return user;
		if (!free_one && (!user->used || is_idle(user, now_ns)))
			free_one = user;
	}
	if (free_one) {
		*free_one = (struct budget_user){.used = true,
						 .filled_ns = now_ns,
						 .room = BUDGET_BURST,
						 .withheld = {.uid = uid}};
		return free_one;
	}
	free_one = &budget->users[BUDGET_USERS];
	if (!free_one->used)
		*free_one = (struct budget_user){.used = true,
						 .filled_ns = now_ns,
						 .room = BUDGET_BURST,
						 .withheld = {.uid = (uid_t)-1}};
	return free_one;
}

static void budget_refill(struct budget_user *user, uint64_t now_ns)
{
	uint64_t more;

	if (now_ns <= user->filled_ns)
		return; /* records come a little out of order */
	more = (now_ns - user->filled_ns) / BUDGET_REFILL_NS;
	if (more > BUDGET_BURST - user->room) {
		user->room = BUDGET_BURST;
		user->filled_ns = now_ns;
	} else {
		user->room += (unsigned int)more;
		user->filled_ns += more * BUDGET_REFILL_NS;
	}
}

static void budget_count(struct budget_withheld *withheld, uint64_t now_ns)
{
	if (!withheld->alerts++)
		withheld->since_ns = now_ns;
	if (now_ns > withheld->until_ns)
		withheld->until_ns = now_ns;
}

bool budget_admit(struct budget *budget, uid_t uid, uint64_t now_ns)
{
	struct budget_user *user;

	if (uid == 0)
		return true;
	user = budget_user_of(budget, uid, now_ns);
	budget_refill(user, now_ns);
	if (user->room) {
		user->room--;
		return true;
	}
	user->withheld.incidents++;
	budget_count(&user->withheld, now_ns);
	return false;
}

void budget_withhold(struct budget *budget, uid_t uid, uint64_t now_ns)
{
	budget_count(&budget_user_of(budget, uid, now_ns)->withheld, now_ns);
}

bool budget_due(struct budget *budget, uint64_t now_ns, bool flush,
		struct budget_withheld *out)
{
	for (size_t i = 0; i <= BUDGET_USERS; i++) {
		struct budget_withheld *withheld = &budget->users[i].withheld;

		if (!withheld->alerts ||
		    (!flush && now_ns < withheld->until_ns + BUDGET_QUIET_NS &&
		     now_ns < withheld->since_ns + BUDGET_LONGEST_NS))
			continue;
		*out = *withheld;
		*withheld = (struct budget_withheld){.uid = out->uid};
		return true;
	}
	return false;
}
