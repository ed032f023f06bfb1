// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/details.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* How long an alert waits for its cause; measured, the census of 20,000 descriptors
 * takes 4 ms. What is read from files may come with it if it is as quick. */
#define WAIT_NS          10000000ull
#define WAIT_FILES_NS    3000000ull
/* All alerts of a second together; the records of the sensor wait meanwhile. */
#define WAIT_A_SECOND_NS 50000000ull
#define SECOND_NS        1000000000ull
/* Looked up ahead of their time with each tick: enough to be done with a whole host in
 * a while, and too few to be felt. */
#define AHEAD_A_TICK     8

struct details {
	struct explainer *explainer;
	const struct kernel_files *files;
	struct process_table *processes;
	uint64_t since_ns;
	uint64_t room_ns;    /* that may still be waited */
	uint64_t room_at_ns; /* when that was reckoned */
	unsigned ahead;      /* in this tick */
	struct details_stats stats;
};

bool details_wanted(enum policy_action action)
{
	return action == POLICY_FD_WARNING || action == POLICY_FD_CRITICAL ||
	       action == POLICY_FD_EXHAUSTED || action == POLICY_FD_LEAK_SUSPECTED;
}

static struct explainer_job *ask(struct details *d, enum explainer_purpose purpose,
				 struct process *process)
{
	struct explain_question question;

	if (explain_ask(d->processes, process, d->since_ns, &question))
		return NULL;
	if (kernel_files_read(d->files, &question.files, &question.files_max))
		question.files = question.files_max = 0;
	question.nr_open = kernel_nr_open(d->files);
	return explainer_ask(d->explainer, purpose, process->trouble->incident,
			     &question);
}

/* Waits within what is left to be waited. */
static enum explainer_stage wait_for(struct details *d, struct explainer_job *job,
				     enum explainer_stage stage, uint64_t wait_ns)
{
	uint64_t begin_ns = kernel_now_ns(), took_ns;
	enum explainer_stage reached;

	d->room_ns += (begin_ns - d->room_at_ns) / (SECOND_NS / WAIT_A_SECOND_NS);
	if (d->room_ns > WAIT_A_SECOND_NS)
		d->room_ns = WAIT_A_SECOND_NS;
	reached = explainer_wait(d->explainer, job, stage,
				 wait_ns < d->room_ns ? wait_ns : d->room_ns);
	d->room_at_ns = kernel_now_ns();
	took_ns = d->room_at_ns - begin_ns;
	d->room_ns -= took_ns < d->room_ns ? took_ns : d->room_ns;
	return reached;
}

static const struct explanation *say_none(struct details_of_alert *alert,
					  const char *why)
{
	snprintf(alert->none.unexplained, sizeof(alert->none.unexplained), "%s", why);
	return &alert->none;
}

const struct explanation *details_begin(struct details *d, struct process *process,
					struct details_of_alert *alert)
{
	enum explainer_stage reached;

	memset(alert, 0, sizeof(*alert));
	alert->job = ask(d, EXPLAINER_ALERT, process);
	if (!alert->job) {
		d->stats.unexplained++;
		alert->whole = true;
		return say_none(alert, "too many were asked for at once");
	}
	reached = wait_for(d, alert->job, EXPLAINER_HAS_DESCRIPTORS, WAIT_NS);
	if (reached == EXPLAINER_HAS_DESCRIPTORS)
		reached = wait_for(d, alert->job, EXPLAINER_HAS_ALL, WAIT_FILES_NS);
	alert->whole = reached == EXPLAINER_HAS_ALL;
	if (alert->whole) {
		struct process_trouble *trouble = process_trouble(process);

		d->stats.explained++;
		if (trouble)
			trouble->explained = explainer_number(alert->job);
	}
	if (reached == EXPLAINER_WAITS)
		return say_none(alert, "not known yet: fd-details follows");
	return explainer_why(alert->job);
}

void details_sent(struct details *d, struct details_of_alert *alert)
{
	if (alert->whole)
		explainer_done(d->explainer, alert->job);
	explanation_clear(&alert->none);
}

bool details_ask(struct details *d, struct process *process)
{
	return ask(d, EXPLAINER_REMEDY, process) != NULL;
}

bool details_ask_kinds(struct details *d, struct process *process)
{
	return ask(d, EXPLAINER_KINDS, process) != NULL;
}

bool details_ask_holders(struct details *d, struct process *process,
			 const struct limits_verdict *limit, uint64_t value)
{
	struct explain_question question = {
		.holders = holders_what_of(limit->name),
		.sysctl = limit->sysctl,
		.limit_value = value,
	};

	if (!question.holders || identity_copy(&question.who, &process->who))
		return false;
	return explainer_ask(d->explainer, EXPLAINER_HOLDERS,
			     process->trouble->incident, &question) != NULL;
}

void details_look_ahead(struct details *d, struct process *process)
{
	struct process_trouble *trouble;

	if (process->trouble->looked_ahead == process->table.soft_limit ||
	    d->ahead >= AHEAD_A_TICK)
		return;
	trouble = process_trouble(process);
	if (!trouble)
		return;
	d->ahead++;
	trouble->looked_ahead = process->table.soft_limit;
	(void)ask(d, EXPLAINER_AHEAD, process);
}

int details_fd(const struct details *d)
{
	return explainer_fd(d->explainer);
}

/* The process, if the incident goes on that it was asked for, and no later alert of it
 * has said as much. */
static struct process *find(struct details *d, const struct explainer_job *job)
{
	const struct identity *who = &explainer_question(job)->who;
	struct process *process =
		process_table_find(d->processes, who->pid, who->start_ns);

	if (process && explainer_purpose_of(job) == EXPLAINER_KINDS)
		return process;
	if (!process || !process->trouble->incident[0] ||
	    strcmp(process->trouble->incident, explainer_incident(job)) != 0)
		return NULL;
	/* which no other alert tells */
	if (explainer_purpose_of(job) != EXPLAINER_HOLDERS &&
	    explainer_number(job) < process->trouble->explained)
		return NULL;
	return process;
}

static void log_unexplained(const struct explanation *why)
{
	static struct log_limit limit = {.interval_ns = 600 * SECOND_NS};

	/* No fault of the host's, and the alert says it. */
	if (!strcmp(why->unexplained, EXPLANATION_GONE))
		return;
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "what a process's descriptors are can't be told: %s",
		    why->unexplained);
}

bool details_next(struct details *d, struct details_answer *out)
{
	struct explainer_job *job;

	while ((job = explainer_next(d->explainer))) {
		*out = (struct details_answer){
			.job = job,
			.process = find(d, job),
			.why = explainer_why(job),
			.purpose = explainer_purpose_of(job),
			.for_alert = explainer_purpose_of(job) == EXPLAINER_ALERT,
		};
		if (out->process && !out->why->inventory &&
		    out->purpose != EXPLAINER_HOLDERS)
			log_unexplained(out->why);
		d->stats.explained += out->process && out->for_alert;
		d->stats.gone += !out->process && out->for_alert;
		if (out->process)
			return true;
		explainer_done(d->explainer, job);
	}
	return false;
}

void details_done(struct details *d, struct details_answer *answer)
{
	explainer_done(d->explainer, answer->job);
	answer->job = NULL;
}

void details_tick(struct details *d)
{
	static struct log_limit limit = {.interval_ns = 600 * SECOND_NS};
	char line[256];

	d->ahead = 0;
	explainer_tick(d->explainer);
	if (explainer_report(d->explainer, line, sizeof(line)))
		log_limited(&limit, LOG_LEVEL_WARNING, "%s", line);
}

void details_stats(struct details *d, struct details_stats *out)
{
	*out = d->stats;
}

struct details *details_new(struct census *census, const char *why,
			    const struct kernel_files *files,
			    struct process_table *processes, uint64_t since_ns)
{
	struct details *d = calloc(1, sizeof(*d));

	if (!d) {
		census_close(census);
		return NULL;
	}
	d->explainer = explainer_new(census, why, EXPLAINER_PATIENCE_NS);
	if (!d->explainer) {
		free(d);
		return NULL;
	}
	d->files = files;
	d->processes = processes;
	d->since_ns = since_ns;
	d->room_ns = WAIT_A_SECOND_NS;
	d->room_at_ns = kernel_now_ns();
	return d;
}

void details_free(struct details *details)
{
	if (!details)
		return;
	explainer_free(details->explainer);
	free(details);
}
