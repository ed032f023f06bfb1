/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/grouping.h"

#include <stdlib.h>
#include <string.h>

/* Without memory a group is not made and its alerts are all sent. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define ID_LEN 37

/* What happened lately in one group with one action. */
struct window {
	uint64_t first_ns, last_ns; /* of all, sent by itself or not */
	uint64_t since_ns;          /* first of those that wait */
	uint64_t waiting;           /* for the summary */
	uint32_t singles;
	enum policy_reason reason; /* of the last one */
};

struct group {
	char *key;
	uint32_t index;        /* in grouping.slots */
	uint64_t members;      /* opened in a summary and not recovered */
	char incident[ID_LEN]; /* empty: none is open */
	struct window windows[POLICY_ACTIONS];
	UT_hash_handle hh;
};

struct grouping {
	void (*new_id)(char id[37]);
	struct group *by_key;
	struct group **slots; /* by index, for members; NULL: free */
	uint32_t slots_len;
	char incident[ID_LEN]; /* of the summary that was taken last */
};

static uint64_t elapsed(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

struct grouping *grouping_new(void (*new_id)(char id[37]))
{
	struct grouping *groups = calloc(1, sizeof(*groups));

	if (groups)
		groups->new_id = new_id;
	return groups;
}

static void group_free(struct grouping *groups, struct group *group)
{
	groups->slots[group->index] = NULL;
	/* The analyzer takes a hash that has elements for an empty one. */
	HASH_DEL(groups->by_key,
		 group); /* NOLINT(clang-analyzer-core.NullDereference) */
	free(group->key);
	free(group);
}

void grouping_free(struct grouping *groups)
{
	struct group *group, *next;

	if (!groups)
		return;
	for (group = groups->by_key; group; group = next) {
		next = group->hh.next;
		group_free(groups, group);
	}
	free(groups->slots);
	free(groups);
}

/* A free index of slots, made if there is none; false: no memory. */
static bool take_slot(struct grouping *groups, uint32_t *index)
{
	uint32_t len = groups->slots_len, more = len ? 2 * len : 16;
	struct group **slots;

	for (*index = 0; *index < len; (*index)++) {
		if (!groups->slots[*index])
			return true;
	}
	slots = realloc(groups->slots, more * sizeof(struct group *));
	if (!slots)
		return false;
	memset(slots + len, 0, (more - len) * sizeof(struct group *));
	groups->slots = slots;
	groups->slots_len = more;
	return true;
}

static struct group *group_of(struct grouping *groups, const char *key)
{
	struct group *group;
	uint32_t index;

	HASH_FIND_STR(groups->by_key, key, group);
	if (group)
		return group;
	if (!take_slot(groups, &index))
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->key = strdup(key);
	if (!group->key)
		goto no_memory;
	group->index = index;
	HASH_ADD_KEYPTR(hh, groups->by_key, group->key, strlen(group->key), group);
	if (!group->hh.tbl)
		goto no_memory;
	groups->slots[index] = group;
	return group;

no_memory:
	free(group->key);
	free(group);
	return NULL;
}

static bool window_over(const struct window *window, uint64_t now_ns)
{
	return !window->waiting &&
	       (elapsed(now_ns, window->last_ns) >= GROUPING_QUIET_NS ||
		elapsed(now_ns, window->first_ns) >= GROUPING_LONGEST_NS);
}

/* One more in the window; true: among the first few. */
static bool window_join(struct window *window, uint64_t now_ns)
{
	if (window_over(window, now_ns))
		memset(window, 0, sizeof(*window));
	if (!window->singles && !window->waiting)
		window->first_ns = now_ns;
	if (now_ns > window->last_ns)
		window->last_ns = now_ns;
	if (window->singles >= GROUPING_SINGLES)
		return false;
	window->singles++;
	return true;
}

static void window_wait(struct window *window, enum policy_reason reason,
			uint64_t now_ns)
{
	if (!window->waiting++)
		window->since_ns = now_ns;
	if (now_ns > window->last_ns)
		window->last_ns = now_ns;
	window->reason = reason;
}

/* A member's incident is over: counted for the summary of the group's. */
static bool leave(struct grouping *groups, struct grouping_member *member,
		  enum policy_reason reason, uint64_t now_ns)
{
	struct group *group = groups->slots[member->group - 1];
	bool alone = member->alone;

	group->members--;
	window_wait(&group->windows[POLICY_FD_RECOVERED], reason, now_ns);
	*member = (struct grouping_member){0};
	return alone;
}

static bool admit_opening(struct grouping *groups, struct grouping_member *member,
			  const char *key, enum policy_action action, uint64_t now_ns)
{
	struct group *group = group_of(groups, key);
	struct window *window;

	member->alone = true;
	if (!group)
		return true;
	window = &group->windows[action];
	if (window_join(window, now_ns))
		return true;
	if (!group->incident[0])
		groups->new_id(group->incident);
	group->members++;
	member->alone = false;
	member->in_summary = true;
	member->group = group->index + 1;
	window_wait(window, POLICY_REASON_NONE, now_ns);
	return false;
}

/* A further alert of an open incident. */
static bool admit_update(struct grouping *groups, struct grouping_member *member,
			 const struct policy_decision *what, uint64_t now_ns)
{
	struct window *window =
		&groups->slots[member->group - 1]->windows[what->action];
	bool early = window_join(window, now_ns);

	/* What is said again is no reason to name a few of the many. */
	if (early && what->repeats && !member->alone) {
		window->singles--;
		early = false;
	}
	if (early)
		member->alone = true;
	if (member->alone)
		return true;
	window_wait(window, POLICY_REASON_NONE, now_ns);
	return false;
}

bool grouping_admit(struct grouping *groups, struct grouping_member *member,
		    const char *key, const struct policy_decision *what,
		    uint64_t now_ns)
{
	struct group *group;

	switch (what->action) {
	case POLICY_SYSTEM_WARNING:
	case POLICY_SYSTEM_CRITICAL:
	case POLICY_SYSTEM_EXHAUSTED:
	case POLICY_SYSTEM_RECOVERED:
		return true;
	case POLICY_FD_RECOVERED:
		if (member->in_summary)
			return leave(groups, member, what->reason, now_ns);
		*member = (struct grouping_member){0};
		return true;
	default:
		break;
	}
	if (member->in_summary)
		return admit_update(groups, member, what, now_ns);
	if (what->opens)
		return admit_opening(groups, member, key, what->action, now_ns);
	/* Sent in any case, but it counts as one of the first few: they are
	 * likely the first to get worse as well. */
	HASH_FIND_STR(groups->by_key, key, group);
	if (group)
		window_join(&group->windows[what->action], now_ns);
	return true;
}

static bool window_due(const struct window *window, uint64_t now_ns)
{
	return elapsed(now_ns, window->last_ns) >= GROUPING_QUIET_NS ||
	       elapsed(now_ns, window->since_ns) >= GROUPING_LONGEST_NS;
}

/* The group's next summary; NULL: none. The recovery comes last and ends the
 * group's incident, so nothing else of it may wait. */
static struct window *group_due(struct group *group, uint64_t now_ns, bool flush)
{
	struct window *recovered = &group->windows[POLICY_FD_RECOVERED];
	bool others = false;

	for (int action = 0; action < POLICY_ACTIONS; action++) {
		struct window *window = &group->windows[action];

		if (window == recovered || !window->waiting)
			continue;
		if (flush || window_due(window, now_ns))
			return window;
		others = true;
	}
	if (others || !recovered->waiting)
		return NULL;
	if (flush || (!group->members && window_due(recovered, now_ns)))
		return recovered;
	return NULL;
}

static bool group_idle(const struct group *group, uint64_t now_ns)
{
	if (group->members)
		return false;
	for (int action = 0; action < POLICY_ACTIONS; action++) {
		if (!window_over(&group->windows[action], now_ns))
			return false;
	}
	return true;
}

static void take(struct grouping *groups, struct group *group, struct window *window,
		 struct grouping_summary *out)
{
	memcpy(groups->incident, group->incident, sizeof(groups->incident));
	*out = (struct grouping_summary){
		.key = group->key,
		.action = (enum policy_action)(window - group->windows),
		.reason = window->reason,
		.incident = groups->incident,
		.processes = window->waiting,
		.since_ns = window->since_ns,
		.until_ns = window->last_ns,
	};
	/* With members left (a flush) the incident goes on under its name. */
	if (out->action == POLICY_FD_RECOVERED && !group->members)
		group->incident[0] = '\0';
	memset(window, 0, sizeof(*window));
}

bool grouping_due(struct grouping *groups, uint64_t now_ns, bool flush,
		  struct grouping_summary *out)
{
	struct group *group, *next;

	for (group = groups->by_key; group; group = next) {
		struct window *window = group_due(group, now_ns, flush);

		next = group->hh.next;

		if (window) {
			take(groups, group, window, out);
			return true;
		}
		if (group_idle(group, now_ns))
			group_free(groups, group);
	}
	return false;
}

void grouping_each(const struct grouping *groups, grouping_visit visit, void *context)
{
	for (const struct group *group = groups->by_key; group;
	     group = group->hh.next) {
		struct grouping_kept kept = {
			.number = group->index + 1,
			.key = group->key,
			.incident = group->incident,
		};

		if (!group->incident[0])
			continue;
		for (int action = 0; action < POLICY_ACTIONS; action++) {
			const struct window *window = &group->windows[action];

			if (!window->waiting)
				continue;
			kept.waiting[kept.waiting_len++] = (struct grouping_waiting){
				.action = (enum policy_action)action,
				.reason = window->reason,
				.processes = window->waiting,
				.since_ns = window->since_ns,
				.last_ns = window->last_ns,
			};
		}
		visit(context, &kept);
	}
}

uint32_t grouping_resume(struct grouping *groups, const struct grouping_kept *kept)
{
	struct group *group = group_of(groups, kept->key);

	if (!group)
		return 0;
	memcpy(group->incident, kept->incident,
	       strnlen(kept->incident, sizeof(group->incident) - 1) + 1);
	for (size_t i = 0; i < kept->waiting_len; i++) {
		const struct grouping_waiting *waiting = &kept->waiting[i];

		/* the first few of it were reported before the restart */
		group->windows[waiting->action] = (struct window){
			.first_ns = waiting->since_ns,
			.since_ns = waiting->since_ns,
			.last_ns = waiting->last_ns,
			.waiting = waiting->processes,
			.singles = GROUPING_SINGLES,
			.reason = waiting->reason,
		};
	}
	return group->index + 1;
}

void grouping_resume_member(struct grouping *groups, struct grouping_member *member,
			    uint32_t number, bool alone)
{
	groups->slots[number - 1]->members++;
	*member = (struct grouping_member){
		.in_summary = true,
		.alone = alone,
		.group = number,
	};
}
