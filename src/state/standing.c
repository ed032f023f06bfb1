// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/standing.h"

#include <stdlib.h>
#include <string.h>

/* ---- the lists ---- */

/* Room for one more element, zeroed: lists grow by doubling. NULL: no memory. */
static void *grow(void **list, size_t *len, size_t size)
{
	char *more = *list;

	if (!(*len & (*len - 1))) {
		more = reallocarray(more, *len ? 2 * *len : 1, size);
		if (!more)
			return NULL;
		*list = more;
	}
	more += (*len)++ * size;
	memset(more, 0, size);
	return more;
}

struct standing_process *standing_add_process(struct standing *standing)
{
	struct standing_process *process;

	if (standing->processes_len >= STANDING_PROCESSES_MAX)
		return NULL;
	process = grow((void **)&standing->processes, &standing->processes_len,
		       sizeof(*process));
	if (process)
		process->who.uid = (uid_t)-1;
	return process;
}

struct standing_group *standing_add_group(struct standing *standing)
{
	if (standing->groups_len >= STANDING_PROCESSES_MAX)
		return NULL;
	return grow((void **)&standing->groups, &standing->groups_len,
		    sizeof(struct standing_group));
}

struct standing_waiting *standing_add_waiting(struct standing_group *group)
{
	if (group->waiting_len >= GROUPING_WINDOWS)
		return NULL;
	return grow((void **)&group->waiting, &group->waiting_len,
		    sizeof(struct standing_waiting));
}

static void clear_group(struct standing_group *group)
{
	for (size_t i = 0; i < group->waiting_len; i++) {
		if (group->waiting[i].gone)
			tally_clear(group->waiting[i].gone);
		free(group->waiting[i].gone);
	}
	free(group->waiting);
	for (int i = 0; i < GROUPING_TEXTS; i++)
		free(group->texts[i]);
	free(group->key);
	free(group->title);
	free(group->place);
}

static void clear_process(struct standing_process *process)
{
	identity_clear(&process->who);
	free(process->refusals);
}

void standing_clear(struct standing *standing)
{
	for (size_t i = 0; i < standing->processes_len; i++)
		clear_process(&standing->processes[i]);
	for (size_t i = 0; i < standing->groups_len; i++)
		clear_group(&standing->groups[i]);
	free(standing->processes);
	free(standing->groups);
	memset(standing, 0, sizeof(*standing));
}

static void copy_id(char to[STANDING_ID_LEN], const char *from)
{
	size_t len = strnlen(from, STANDING_ID_LEN - 1);

	memcpy(to, from, len);
	to[len] = 0;
}

/* ---- taking it down ---- */

static char *copy_text(const char *text)
{
	return text ? strndup(text, STANDING_TEXT_MAX) : NULL;
}

/* What an alert shows; without memory a text is not known. */
static void copy_identity(struct identity *to, const struct identity *from)
{
	*to = *from;
	to->executable = copy_text(from->executable);
	to->command_line = copy_text(from->command_line);
	to->service = copy_text(from->service);
	to->container_id = copy_text(from->container_id);
	to->pod_uid = copy_text(from->pod_uid);
	to->claimed_by = copy_text(from->claimed_by);
	to->cgroup = NULL;
}

static void copy_refusals(struct standing_process *to, const struct process *from)
{
	const struct process_trouble *trouble = from->trouble;

	to->refusals = calloc(trouble->refusals_len + 1, sizeof(*to->refusals));
	for (size_t i = 0; to->refusals && i < trouble->refusals_len; i++) {
		const struct process_refusal *refusal = &trouble->refusals[i];
		uint64_t count = process_refusal_count(refusal);

		if (!count || to->refusals_len == STANDING_REFUSALS_MAX)
			continue;
		to->refusals[to->refusals_len++] = (struct standing_refusal){
			.call = refusal->call,
			.error = refusal->error,
			.count = count,
		};
	}
}

static void capture_process(void *context, struct process *process)
{
	struct standing *standing = context;
	struct standing_process *kept;

	if (!process->trouble->policy.incident && !process->trouble->policy.sealed)
		return;
	kept = standing_add_process(standing);
	if (!kept) {
		standing->left_out++;
		return;
	}
	copy_identity(&kept->who, &process->who);
	kept->policy = process->trouble->policy;
	if (!process->trouble->policy.incident)
		return;
	copy_id(kept->incident, process->trouble->incident);
	kept->incident_ns = process->trouble->incident_ns;
	kept->withheld = process->trouble->withheld;
	kept->group =
		process->trouble->group.in_summary ? process->trouble->group.group : 0;
	kept->alone = process->trouble->group.alone;
	kept->waits = process->trouble->group.waits;
	copy_refusals(kept, process);
}

static void capture_waiting(struct standing_group *to,
			    const struct grouping_waiting *waiting)
{
	struct standing_waiting *kept = standing_add_waiting(to);

	if (!kept)
		return;
	kept->what = *waiting;
	kept->what.gone = NULL;
	if (waiting->gone)
		kept->gone = calloc(1, sizeof(*kept->gone));
	if (kept->gone)
		tally_merge(kept->gone, waiting->gone);
}

static void capture_group(void *context, const struct grouping_kept *group)
{
	struct standing *standing = context;
	struct standing_group *kept = standing_add_group(standing);

	if (!kept)
		return;
	kept->key = strndup(group->key, STANDING_KEY_MAX);
	kept->title = copy_text(group->subject.title);
	if (!kept->key || !kept->title) {
		clear_group(kept);
		standing->groups_len--;
		return;
	}
	kept->place = copy_text(group->subject.place);
	for (int i = 0; i < GROUPING_TEXTS; i++)
		kept->texts[i] = copy_text(group->subject.texts[i]);
	kept->mixed = group->mixed;
	kept->charged_uid = group->subject.charged_uid;
	kept->number = group->number;
	copy_id(kept->incident, group->incident);
	kept->opened_ns = group->opened_ns;
	for (size_t i = 0; i < group->waiting_len; i++)
		capture_waiting(kept, &group->waiting[i]);
}

void standing_capture(struct standing *standing, struct process_table *processes,
		      struct grouping *groups)
{
	grouping_each(groups, capture_group, standing);
	process_table_each(processes, capture_process, standing);
}

/* ---- taking it up again ---- */

static void move_text(char **to, const char *from)
{
	free(*to);
	*to = from ? strdup(from) : NULL;
}

static void resume_identity(struct identity *to, const struct identity *from)
{
	to->ppid = from->ppid;
	to->uid = from->uid;
	memcpy(to->comm, from->comm, sizeof(to->comm));
	move_text(&to->executable, from->executable);
	move_text(&to->command_line, from->command_line);
	move_text(&to->service, from->service);
	move_text(&to->container_id, from->container_id);
	move_text(&to->pod_uid, from->pod_uid);
	move_text(&to->claimed_by, from->claimed_by);
	to->container_runtime = from->container_runtime;
}

/* A member of a group that is not there was announced by itself, for all we know. */
static void resume_membership(const struct standing *standing, struct process *process,
			      const struct standing_process *kept,
			      struct grouping *groups, const uint32_t *numbers)
{
	struct process_trouble *trouble = process_trouble(process);

	if (!trouble)
		return;
	trouble->group.alone = true;
	for (size_t i = 0; kept->group && i < standing->groups_len; i++) {
		if (standing->groups[i].number != kept->group || !numbers[i])
			continue;
		grouping_resume_member(groups, &trouble->group, numbers[i], kept->alone,
				       kept->waits);
		return;
	}
}

static bool resume_process(const struct standing_process *kept,
			   struct process_table *processes, struct process **out)
{
	struct process_trouble *trouble;
	struct process *process;

	if (process_table_find(processes, kept->who.pid, kept->who.start_ns))
		return false;
	/* Seen at 0: as long as no snapshot shows it, it is gone. */
	process = process_table_add(processes, kept->who.pid, kept->who.start_ns, 0);
	if (!process)
		return false;
	trouble = process_trouble(process);
	if (!trouble) {
		process_table_remove(processes, process);
		return false;
	}
	process->resumed = true;
	resume_identity(&process->who, &kept->who);
	trouble->policy = kept->policy;
	memcpy(trouble->incident, kept->incident, sizeof(trouble->incident));
	trouble->incident_ns = kept->incident_ns;
	trouble->withheld = kept->withheld;
	for (size_t i = 0; i < kept->refusals_len; i++) {
		struct process_refusal *refusal = process_refusal_of(
			process, kept->refusals[i].call, kept->refusals[i].error);

		if (refusal)
			refusal->carried = kept->refusals[i].count;
	}
	*out = process;
	return true;
}

static uint32_t resume_group(const struct standing_group *group,
			     struct grouping *groups)
{
	struct grouping_kept kept = {
		.key = group->key,
		.subject = {.title = group->title,
			    .place = group->place,
			    .charged_uid = group->charged_uid},
		.mixed = group->mixed,
		.incident = group->incident,
		.opened_ns = group->opened_ns,
		.waiting_len = group->waiting_len,
	};

	for (int i = 0; i < GROUPING_TEXTS; i++)
		kept.subject.texts[i] = group->texts[i];
	for (size_t i = 0; i < group->waiting_len; i++) {
		kept.waiting[i] = group->waiting[i].what;
		kept.waiting[i].gone = group->waiting[i].gone;
	}
	return grouping_resume(groups, &kept);
}

size_t standing_resume(const struct standing *standing, struct process_table *processes,
		       struct grouping *groups)
{
	uint32_t *numbers = calloc(standing->groups_len + 1, sizeof(*numbers));
	struct process *process;
	size_t resumed = 0;

	if (!numbers)
		return 0;
	for (size_t i = 0; i < standing->groups_len; i++)
		numbers[i] = resume_group(&standing->groups[i], groups);
	for (size_t i = 0; i < standing->processes_len; i++) {
		const struct standing_process *kept = &standing->processes[i];

		if (!resume_process(kept, processes, &process) || !kept->incident[0])
			continue;
		resume_membership(standing, process, kept, groups, numbers);
		resumed++;
	}
	free(numbers);
	return resumed;
}
