/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/grouping.h"

#include <stdlib.h>
#include <string.h>

#include "policy/grouping_impl.h"

#include <utlist.h>

static uint64_t elapsed(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

struct grouping *grouping_new(const struct grouping_source *source)
{
	struct grouping *groups = calloc(1, sizeof(*groups));

	if (groups)
		groups->source = *source;
	return groups;
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
	tally_clear(&groups->tally);
	free(groups->slots);
	free(groups);
}

/* ---- windows ---- */

static unsigned int slot_of(enum policy_action action, unsigned int limit)
{
	return action == POLICY_OTHER_LIMIT ? POLICY_ACTIONS + limit % 32 : action;
}

static enum policy_action action_of(const struct window *window)
{
	return window->slot < POLICY_ACTIONS ? (enum policy_action)window->slot
					     : POLICY_OTHER_LIMIT;
}

static unsigned int limit_of(const struct window *window)
{
	return window->slot < POLICY_ACTIONS ? 0 : window->slot - POLICY_ACTIONS;
}

bool window_over(const struct window *window, uint64_t now_ns)
{
	return !window->waiting &&
	       (elapsed(now_ns, window->last_ns) >= GROUPING_QUIET_NS ||
		elapsed(now_ns, window->first_ns) >= GROUPING_LONGEST_NS);
}

/* Its counting starts anew. */
static void window_reset(struct window *window)
{
	if (window->gone)
		tally_clear(window->gone);
	free(window->gone);
	free(window->told);
	*window = (struct window){.slot = window->slot, .next = window->next};
}

/* One more in the window; true: among the first few. */
static bool window_join(struct window *window, uint64_t now_ns)
{
	if (window_over(window, now_ns))
		window_reset(window);
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

/* ---- which command lines were told ---- */

static bool is_refusal(enum policy_action action)
{
	return action == POLICY_FD_EXHAUSTED || action == POLICY_OTHER_LIMIT;
}

/* FNV-1a. Who makes its command line meet another's hash might as well take the other
 * command line itself. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash;
}

/* Whether a refusal of this command line has been sent by itself; from now on it
 * has. Without memory it has not. */
static bool window_told(struct window *window, const char *command_line)
{
	uint64_t hash = hash_of(command_line), *more;
	size_t low = 0, high = window->told_len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (window->told[middle] == hash)
			return true;
		if (window->told[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	/* Room is made by doubling: at each power of two. */
	if (!(window->told_len & (window->told_len - 1))) {
		more = reallocarray(window->told,
				    window->told_len ? 2 * window->told_len : 1,
				    sizeof(*more));
		if (!more)
			return false;
		window->told = more;
	}
	memmove(window->told + low + 1, window->told + low,
		(window->told_len - low) * sizeof(*window->told));
	window->told[low] = hash;
	window->told_len++;
	return false;
}

/* ---- members ---- */

static void look_at(const struct grouping *groups, const struct grouping_member *member,
		    struct tally *tally)
{
	struct tally_figures figures = {0};

	if (groups->source.look)
		groups->source.look(groups->source.context, member, &figures);
	tally_add(tally, &figures, member->alone);
}

/* Kept for the window's summary: who it is can't be asked any more. */
static void keep_gone(const struct grouping *groups, struct window *window,
		      const struct grouping_member *member)
{
	if (!window->gone)
		window->gone = calloc(1, sizeof(*window->gone));
	if (window->gone)
		look_at(groups, member, window->gone);
}

static void wait_for_summary(struct window *window, struct grouping_member *member,
			     uint64_t now_ns)
{
	uint64_t bit = 1ull << window->slot;

	if (member->waits & bit) {
		if (now_ns > window->last_ns)
			window->last_ns = now_ns;
		return; /* it is in the number already */
	}
	member->waits |= bit;
	window_wait(window, POLICY_REASON_NONE, now_ns);
}

/* A member's incident is over: counted for the summary of the group's. */
static bool leave(struct grouping *groups, struct grouping_member *member,
		  enum policy_reason reason, uint64_t now_ns)
{
	struct group *group = groups->slots[member->group - 1];
	struct window *recovered = group_window(group, POLICY_FD_RECOVERED);
	bool alone = member->alone;

	for (struct window *window = group->windows; window; window = window->next)
		if (member->waits >> window->slot & 1)
			keep_gone(groups, window, member);
	group->members--;
	DL_DELETE(group->living, member);
	if (recovered) {
		keep_gone(groups, recovered, member);
		window_wait(recovered, reason, now_ns);
	}
	*member = (struct grouping_member){0};
	return alone || !recovered;
}

static void join(struct group *group, struct grouping_member *member)
{
	group->members++;
	DL_APPEND(group->living, member);
	member->in_summary = true;
	member->group = group->index + 1;
}

/* Whether it is sent by itself: among the first few, or a command line's first refusal. */
static bool stands_out(struct window *window, const struct grouping_subject *subject,
		       const struct policy_decision *what, uint64_t now_ns)
{
	bool early = window_join(window, now_ns), told = true;

	if (is_refusal(what->action) && !what->repeats)
		told = window_told(window, subject->texts[GROUPING_COMMAND_LINE]);
	return early || !told;
}

static bool admit_opening(struct grouping *groups, struct grouping_member *member,
			  const struct grouping_subject *subject,
			  const struct policy_decision *what, uint64_t now_ns)
{
	struct group *group = group_of(groups, subject);
	struct window *window =
		group ? group_window(group, slot_of(what->action, what->limit)) : NULL;

	member->alone = true;
	if (!window || stands_out(window, subject, what, now_ns))
		return true;
	if (!group->incident[0]) {
		groups->source.new_id(group->incident);
		group->opened_ns = now_ns;
	}
	member->alone = false;
	join(group, member);
	wait_for_summary(window, member, now_ns);
	return false;
}

/* A further alert of an open incident. */
static bool admit_update(struct grouping *groups, struct grouping_member *member,
			 const struct grouping_subject *subject,
			 const struct policy_decision *what, uint64_t now_ns)
{
	struct group *group = groups->slots[member->group - 1];
	struct window *window = group_window(group, slot_of(what->action, what->limit));
	bool early;

	if (!window)
		return true;
	early = stands_out(window, subject, what, now_ns);
	/* What is said again is no reason to name a few of the many. */
	if (early && what->repeats && !member->alone) {
		window->singles--;
		early = false;
	}
	if (early)
		member->alone = true;
	if (member->alone)
		return true;
	wait_for_summary(window, member, now_ns);
	return false;
}

bool grouping_admit(struct grouping *groups, struct grouping_member *member,
		    const struct grouping_subject *subject,
		    const struct policy_decision *what, uint64_t now_ns)
{
	struct window *window;
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
		return admit_update(groups, member, subject, what, now_ns);
	if (what->opens)
		return admit_opening(groups, member, subject, what, now_ns);
	/* Sent in any case, but it counts as one of the first few: they are
	 * likely the first to get worse as well. */
	group = group_find(groups, subject);
	window = group ? group_window(group, slot_of(what->action, what->limit)) : NULL;
	if (window)
		(void)stands_out(window, subject, what, now_ns);
	return true;
}

/* ---- summaries ---- */

static bool window_due(const struct window *window, uint64_t now_ns)
{
	return elapsed(now_ns, window->last_ns) >= GROUPING_QUIET_NS ||
	       elapsed(now_ns, window->since_ns) >= GROUPING_LONGEST_NS;
}

/* The group's next summary; NULL: none. The recovery comes last and ends the
 * group's incident, so nothing else of it may wait. */
static struct window *group_due(struct group *group, uint64_t now_ns, bool flush)
{
	struct window *recovered = NULL, *due = NULL;
	bool others = false;

	for (struct window *window = group->windows; window; window = window->next) {
		if (window->slot == POLICY_FD_RECOVERED) {
			recovered = window;
			continue;
		}
		if (!window->waiting)
			continue;
		others = true;
		if ((flush || window_due(window, now_ns)) &&
		    (!due || window->slot < due->slot))
			due = window;
	}
	if (due || others || !recovered || !recovered->waiting)
		return due;
	if (flush || (!group->members && window_due(recovered, now_ns)))
		return recovered;
	return NULL;
}

static bool group_idle(const struct group *group, uint64_t now_ns)
{
	if (group->members)
		return false;
	for (const struct window *window = group->windows; window;
	     window = window->next) {
		if (!window_over(window, now_ns))
			return false;
	}
	return true;
}

/* Those that wait and live are asked now; of the others it was kept. */
static void sum_up(struct grouping *groups, struct group *group,
		   const struct window *window)
{
	uint64_t bit = 1ull << window->slot;
	struct grouping_member *member;

	tally_clear(&groups->tally);
	DL_FOREACH (group->living, member) {
		if (!(member->waits & bit))
			continue;
		look_at(groups, member, &groups->tally);
		member->waits &= ~bit;
	}
	if (window->gone)
		tally_merge(&groups->tally, window->gone);
}

/* Who is told that it is over was told that it began. */
static bool is_withheld(const struct grouping *groups, struct group *group,
			enum policy_action action, uint64_t now_ns)
{
	bool admitted =
		action == POLICY_FD_RECOVERED
			? group->told
			: !groups->source.admit ||
				  groups->source.admit(groups->source.context,
						       group->charged_uid, now_ns);

	group->told |= admitted;
	return !admitted;
}

static void take(struct grouping *groups, struct group *group, struct window *window,
		 uint64_t now_ns, struct grouping_summary *out)
{
	memcpy(groups->incident, group->incident, sizeof(groups->incident));
	sum_up(groups, group, window);
	*out = (struct grouping_summary){
		.title = group->title,
		.texts = group->texts,
		.action = action_of(window),
		.limit = limit_of(window),
		.reason = window->reason,
		.incident = groups->incident,
		.processes = window->waiting,
		.since_ns = window->since_ns,
		.until_ns = window->last_ns,
		.opened_ns = group->opened_ns,
		.tally = groups->source.look ? &groups->tally : NULL,
		.charged_uid = group->charged_uid,
		.withheld = is_withheld(groups, group, action_of(window), now_ns),
	};
	/* With members left (a flush) the incident goes on under its name. */
	if (out->action == POLICY_FD_RECOVERED && !group->members) {
		group->incident[0] = '\0';
		group->told = false;
	}
	window_reset(window);
}

bool grouping_due(struct grouping *groups, uint64_t now_ns, bool flush,
		  struct grouping_summary *out)
{
	struct group *group = groups->cursor ? groups->cursor : groups->by_key, *next;

	for (; group; group = next) {
		struct window *window = group_due(group, now_ns, flush);

		next = group->hh.next;
		/* It may have another one: the next call goes on here. */
		groups->cursor = group;
		if (window) {
			take(groups, group, window, now_ns, out);
			return true;
		}
		if (group_idle(group, now_ns))
			group_free(groups, group);
	}
	groups->cursor = NULL;
	return false;
}

/* ---- over a restart ---- */

static void keep_subject(const struct group *group, struct grouping_kept *out)
{
	out->subject.title = group->title;
	out->subject.place = group->place;
	out->subject.charged_uid = group->charged_uid;
	for (int i = 0; i < GROUPING_TEXTS; i++) {
		out->subject.texts[i] = group->texts[i];
		out->mixed |= (uint32_t)group->mixed[i] << i;
	}
}

void grouping_each(const struct grouping *groups, grouping_visit visit, void *context)
{
	for (const struct group *group = groups->by_key; group;
	     group = group->hh.next) {
		struct grouping_kept kept = {
			.number = group->index + 1,
			.key = group->key,
			.incident = group->incident,
			.opened_ns = group->opened_ns,
		};

		if (!group->incident[0])
			continue;
		keep_subject(group, &kept);
		for (const struct window *window = group->windows; window;
		     window = window->next) {
			if (!window->waiting)
				continue;
			kept.waiting[kept.waiting_len++] = (struct grouping_waiting){
				.action = action_of(window),
				.limit = limit_of(window),
				.reason = window->reason,
				.processes = window->waiting,
				.since_ns = window->since_ns,
				.last_ns = window->last_ns,
				.gone = window->gone,
			};
		}
		visit(context, &kept);
	}
}

static void resume_window(struct group *group, const struct grouping_waiting *waiting)
{
	struct window *window =
		group_window(group, slot_of(waiting->action, waiting->limit));

	if (!window)
		return;
	/* the first few of it were reported before the restart */
	window->first_ns = waiting->since_ns;
	window->since_ns = waiting->since_ns;
	window->last_ns = waiting->last_ns;
	window->waiting = waiting->processes;
	window->singles = GROUPING_SINGLES;
	window->reason = waiting->reason;
	if (waiting->gone)
		window->gone = calloc(1, sizeof(*window->gone));
	if (window->gone)
		tally_merge(window->gone, waiting->gone);
}

uint32_t grouping_resume(struct grouping *groups, const struct grouping_kept *kept)
{
	struct group *group = group_resume(groups, kept);

	if (!group)
		return 0;
	memcpy(group->incident, kept->incident,
	       strnlen(kept->incident, sizeof(group->incident) - 1) + 1);
	group->opened_ns = kept->opened_ns;
	group->told = true; /* for all that is known */
	for (size_t i = 0; i < kept->waiting_len; i++)
		resume_window(group, &kept->waiting[i]);
	return group->index + 1;
}

void grouping_resume_member(struct grouping *groups, struct grouping_member *member,
			    uint32_t number, bool alone, uint64_t waits)
{
	join(groups->slots[number - 1], member);
	member->alone = alone;
	member->waits = waits;
}
