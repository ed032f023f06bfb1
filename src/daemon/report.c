// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/report.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "collect/kernel.h"
#include "collect/sensor.h"
#include "collect/syscalls.h"
#include "daemon/before.h"
#include "daemon/leaks.h"
#include "daemon/remedy.h"
#include "daemon/tracing.h"
#include "log.h"
#include "output/text.h"
#include "state/subject.h"

/* Calls by which one process was refused, in one alert. */
#define REFUSED_MAX 64
/* So many refused calls a second are asked for again without a pause. */
#define SPIN_PER_S  1000

static void add_program(const struct process *process, struct alert_fd *out)
{
	const struct program *program = process->program;

	if (!program)
		return;
	out->effective_limit = program_wall(program, process->program_soft);
	out->managed = program->managed;
	out->program = program->title;
	out->reason = program->managed ? program->managed : program->full;
}

void report_fd(const struct process *process, const struct fdw_table *table,
	       struct alert_fd *out)
{
	struct forecast forecast;
	uint64_t wall;

	memset(out, 0, sizeof(*out));
	if (!table && !process->has_table)
		return;
	if (!table)
		table = &process->table;
	out->known = true;
	out->count = table->count;
	out->used = table->used;
	out->soft_limit = table->soft_limit;
	out->hard_limit = table->hard_limit;
	add_program(process, out);
	out->sealed = process->trouble->policy.sealed;
	out->seal_unsure =
		policy_fd_seal_is_doubtful(&process->trouble->policy, table->count,
					   table->used, table->soft_limit);
	if (out->seal_unsure)
		out->sealed = false;
	out->leak_suspected = process->trouble->policy.leak;
	out->leak_told = process->trouble->leak_told;
	out->ignored = process->trouble->settings.ignore;
	out->torn = table->flags & FDW_TABLE_TORN;
	out->thread = process->thread;
	out->tables = process->tables;
	out->shared_with = process->sharers;
	out->counters_known = table->flags & FDW_TABLE_COUNTERS;
	out->opened = table->opened;
	out->closed = table->closed;
	/* What takes no more than so many never meets the limit behind it. */
	wall = out->effective_limit && out->effective_limit < table->soft_limit
		       ? out->effective_limit
		       : table->soft_limit;
	forecast_now(&process->history, wall, &forecast);
	out->growth_known = forecast.growth_known;
	out->growth_per_s = forecast.growth_per_s;
	/* The history's newest may be older than the table. */
	out->exhaustion_known = forecast.exhaustion_known && table->used < wall;
	out->exhausted_in_s = forecast.exhausted_in_s;
	out->exhausted_low_s = forecast.low_s;
	out->exhausted_high_s = forecast.high_s;
}

/* Of what leaks the floor tells more than the last half minute, which may be the rising
 * side of a tooth; but not where it comes sooner and is near. */
static void add_leak(const struct process *process, struct alert *alert)
{
	struct alert_fd *fd = &alert->fd;
	const struct leak_watch *watch = process->watch;
	struct leak_estimate *leak = &alert->leak.estimate;
	struct leak_sample here = {.now_ns = alert->time_ns,
				   .used = fd->used,
				   .soft_limit = fd->soft_limit};
	struct growth_look now = {0};

	if (!process->trouble->policy.leak || !process->leak ||
	    !leak_estimate(process->leak, &here, leak))
		return;
	alert->leak.known = true;
	if (fd->used < fd->soft_limit &&
	    (process->trouble->policy.level == POLICY_LEVEL_OK ||
	     !fd->exhaustion_known || fd->exhausted_high_s >= leak->low_s)) {
		fd->exhaustion_known = true;
		fd->exhausted_in_s = leak->exhausted_in_s;
		fd->exhausted_low_s = leak->low_s;
		fd->exhausted_high_s = leak->high_s;
	}
	if (!watch)
		return;
	if (alert->why && alert->why->inventory)
		growth_look(alert->why->inventory, &now);
	alert->leak.growing_len = growth_compare(
		&watch->then, now.known ? &now : &watch->now, alert->leak.growing);
}

/* A start is that long at least; what leaks as fast is at a level before it is over. */
#define START_NS 10000000000ull

void report_drop_start(const struct process *process, struct alert_fd *fd)
{
	if (process->trouble->policy.level != POLICY_LEVEL_OK ||
	    process->trouble->policy.leak ||
	    process->table_ns >= process->who.start_ns + START_NS ||
	    fd->used >= fd->soft_limit - fd->soft_limit / 4)
		return;
	fd->exhaustion_known = false;
	fd->exhausted_in_s = fd->exhausted_low_s = fd->exhausted_high_s = 0;
}

void report_seal(struct process *process, uint64_t now_ns)
{
	static const struct policy_settings silent = {.ignore = true};
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	struct policy_observation seen = {
		.now_ns = now_ns,
		.has_table = true,
		.count = process->table.count,
		.used = process->table.used,
		.soft_limit = process->table.soft_limit,
		.settled = true,
	};
	struct policy_fd state;

	process_policy(process, &state);
	policy_fd_observe(&state, &silent, &seen, decisions);
	(void)process_set_policy(process, &state);
}

void report_count_refused(struct alert_fd *fd, int error, uint64_t count)
{
	if (error == EMFILE)
		fd->refused_emfile += count;
	else if (error == ENFILE)
		fd->refused_enfile += count;
	else
		fd->refused_other += count;
}

static void add_refused(const struct reporter *r, const struct process *process,
			struct alert_fd *fd, struct alert_refusal calls[REFUSED_MAX])
{
	fd->refused_known = true;
	fd->refused_inexact =
		process->uncounted || r->losses->missed > process->trouble->missed_then;
	fd->refused = calls;
	for (size_t i = 0; i < process->trouble->refusals_len; i++) {
		const struct process_refusal *refusal = &process->trouble->refusals[i];
		uint64_t count = process_refusal_count(refusal);

		if (!count)
			continue;
		report_count_refused(fd, refusal->error, count);
		if (fd->refused_len < REFUSED_MAX)
			calls[fd->refused_len++] = (struct alert_refusal){
				.call = syscalls_name(refusal->call),
				.error = refusal->error,
				.count = count,
			};
	}
}

static void add_spin(const struct process *process, struct alert_fd *fd)
{
	if (process->trouble->spin.per_s < SPIN_PER_S)
		return;
	fd->refused_per_s = process->trouble->spin.per_s;
	fd->core_share = process->trouble->spin.core_share;
	fd->refused_call = syscalls_name(process->trouble->spin.call);
}

static void add_limit(struct alert *alert, const struct limits_verdict *limit,
		      pid_t pid)
{
	uint64_t hard;

	alert->limit.name = limit->name;
	alert->limit.text = limit->text;
	alert->limit.sysctl = limit->sysctl;
	/* Elsewhere the same name is another limit. */
	if (limit->space && !kernel_same_space(pid, limit->space))
		return;
	if (limit->sysctl)
		alert->limit.value_known =
			!kernel_sysctl(limit->sysctl, &alert->limit.value);
	else if (limit->is_rlimit)
		alert->limit.value_known =
			!kernel_rlimits(pid, limit->rlimit, &alert->limit.value,
					&hard) &&
			alert->limit.value != UINT64_MAX;
}

static void send(struct reporter *r, struct alert *alert)
{
	alert_new_id(alert->id);
	alert->host = &r->host;
	ledger_alert(r->ledger, alert->what.action);
	outlet_send(r->outlet, alert);
}

/* What every alert of one process's incident has. */
static void fill_process(struct reporter *r, struct process *process,
			 const struct fdw_table *table, struct alert *alert,
			 struct alert_refusal calls[REFUSED_MAX], bool gone)
{
	memcpy(alert->incident, process->trouble->incident, sizeof(alert->incident));
	if (alert->time_ns > process->trouble->incident_ns)
		alert->duration_ns = alert->time_ns - process->trouble->incident_ns;
	if (!gone) { /* the count of what is gone is not known */
		process_table_find_sharers(r->processes, process);
		report_fd(process, table, &alert->fd);
	}
	add_refused(r, process, &alert->fd, calls);
	add_spin(process, &alert->fd);
}

/* Raises the limit where a rule says so, and says it. */
static void remedy(struct reporter *r, struct process *process,
		   const struct explanation *why)
{
	struct alert_refusal calls[REFUSED_MAX];
	struct alert alert = {
		.time_ns = kernel_now_ns(),
		.what = {.action = POLICY_FD_LIMIT_RAISED},
		.who = &process->who,
	};

	if (!process->trouble->settings.remedy.raise_soft)
		return;
	alert.soft_limit_before =
		remedy_apply(process, why, alert.time_ns, kernel_nr_open(r->files));
	if (!alert.soft_limit_before)
		return;
	fill_process(r, process, NULL, &alert, calls, false);
	send(r, &alert);
}

/* What was seen while it grew holds at the wall, where nothing grows. */
static void remember_leak(struct process *process, const struct explanation *why)
{
	if (process->trouble->incident[0] && explanation_leak(why))
		process_trouble(process)->leak_told = true;
}

/* A process in trouble is traced. What is known of it by now; NULL: nothing, and if some
 * will be, it is told then. To be given back. */
static struct call_sites *trace(struct reporter *r, struct process *process)
{
	struct process_trouble *trouble = process_trouble(process);
	struct call_sites *calls;
	bool running;

	tracing_want(r->tracing, process->who.pid, process->who.start_ns,
		     identity_charged(&process->who));
	calls = tracing_get(r->tracing, process->who.pid, process->who.start_ns,
			    &running);
	/* The trace of what has just begun to grow may know too little yet. */
	if (trouble) {
		trouble->calls_due = running;
		trouble->calls_soon = running && !calls;
	}
	return calls;
}

/* Sends an alert with what explains it, or with what does by now. */
static void send_explained(struct reporter *r, struct process *process,
			   struct alert *alert)
{
	struct details_of_alert details;
	struct call_sites *calls = trace(r, process);

	alert->calls = calls;
	alert->why = details_begin(r->details, process, &details);
	remember_leak(process, alert->why);
	add_leak(process, alert);
	send(r, alert);
	if (details.job && process->trouble->policy.level >= POLICY_LEVEL_CRITICAL)
		process_trouble(process)->remedy.asked_ns = alert->time_ns;
	if (details.whole)
		remedy(r, process, alert->why);
	details_sent(r->details, &details);
	call_sites_free(calls);
}

void report_spin(struct reporter *r, struct process *process)
{
	struct alert_refusal calls[REFUSED_MAX];
	struct alert alert = {
		.time_ns = kernel_now_ns(),
		.what = {.action = POLICY_FD_DETAILS},
		.who = &process->who,
	};

	const struct process_trouble *trouble = process->trouble;

	if (trouble->spin.told || trouble->spin.per_s < SPIN_PER_S ||
	    trouble->policy.level < POLICY_LEVEL_EXHAUSTED || !trouble->incident[0] ||
	    (trouble->group.in_summary && !trouble->group.alone))
		return;
	process_trouble(process)->spin.told = true;
	fill_process(r, process, NULL, &alert, calls, false);
	send_explained(r, process, &alert);
}

void report_details(struct reporter *r)
{
	struct details_answer answer;

	while (details_next(r->details, &answer)) {
		struct alert_refusal calls[REFUSED_MAX];
		struct alert alert = {
			.time_ns = kernel_now_ns(),
			.what = {.action = POLICY_FD_DETAILS},
			.who = &answer.process->who,
			.why = answer.why,
		};

		if (answer.purpose == EXPLAINER_KINDS) {
			leaks_learn(answer.process, answer.why, alert.time_ns);
			before_learn(answer.process, answer.why);
			details_done(r->details, &answer);
			continue;
		}
		if (answer.purpose == EXPLAINER_HOLDERS) {
			if (answer.why->holders.what) {
				fill_process(r, answer.process, NULL, &alert, calls,
					     false);
				send(r, &alert);
			}
			details_done(r->details, &answer);
			continue;
		}
		if (answer.for_alert) {
			remember_leak(answer.process, answer.why);
			fill_process(r, answer.process, NULL, &alert, calls, false);
			add_leak(answer.process, &alert);
			send(r, &alert);
		}
		remedy(r, answer.process, answer.why);
		details_done(r->details, &answer);
	}
}

/* One that was sent without them, or before the trace was over. */
static void send_calls(struct reporter *r, struct process *process,
		       const struct call_sites *calls)
{
	struct alert_refusal refused[REFUSED_MAX];
	struct alert alert = {
		.time_ns = kernel_now_ns(),
		.what = {.action = POLICY_FD_DETAILS},
		.who = &process->who,
		.calls = calls,
	};

	fill_process(r, process, NULL, &alert, refused, false);
	send(r, &alert);
}

void report_traces(struct reporter *r)
{
	static struct log_limit limit = {.interval_ns = 600000000000ull};
	struct tracing_news news;

	while (tracing_next(r->tracing, &news)) {
		struct process *process =
			process_table_find(r->processes, news.pid, news.start_ns);

		if (news.watched && process)
			log_info("process %d is traced, watched by: %s", news.pid,
				 news.watched);
		if (news.ended && news.why[0] && process)
			log_limited(&limit, LOG_LEVEL_WARNING,
				    "process %d can't be traced: %s", news.pid,
				    news.why);
		if (process && process->trouble->incident[0] && news.sites &&
		    news.sites->sites_len &&
		    (process->trouble->calls_soon ||
		     (news.ended && process->trouble->calls_due))) {
			send_calls(r, process, news.sites);
			process_trouble(process)->calls_soon = false;
			process_trouble(process)->calls_due &= !news.ended;
		}
		call_sites_free(news.sites);
	}
}

/* To the log of who asked for it: "nginx[12]: no alert of its own: …". */
static void say_left_out(const struct process *process, const char *why)
{
	char name[64];

	if (!log_debug_wanted())
		return;
	text_line(name, sizeof(name), process->who.comm, strlen(process->who.comm));
	log_debug("%s[%d]: no alert of its own: %s", name, (int)process->who.pid, why);
}

/* Whether it is told of by itself: not too many of one user are. Where a rule is to act
 * on it, that user's processes are an administrator's concern. */
static bool admit(struct reporter *r, struct process *process,
		  const struct policy_decision *what, uint64_t time_ns)
{
	struct grouping_subject subject;
	struct subject_users users = {0};
	struct process_trouble *trouble = process_trouble(process);
	uid_t uid = identity_charged(&process->who);

	if (what->opens)
		trouble->withheld = false;
	if (trouble->withheld) {
		budget_withhold(r->budget, uid, time_ns);
		say_left_out(process, "too many incidents are of its user's processes; "
				      "alerts-lost will say how many were withheld");
		return false;
	}
	subject_of(&process->who, &users, &subject);
	if (!grouping_admit(r->groups, &trouble->group, &subject, what, time_ns)) {
		say_left_out(process, "it is in the summary of many of its program");
		return false;
	}
	if (what->opens && !trouble->settings.remedy.raise_soft)
		trouble->withheld = !budget_admit(r->budget, uid, time_ns);
	/* Who raises his own limit bit by bit has no more told than by new incidents. */
	if (what->anew && !budget_admit(r->budget, uid, time_ns))
		return false;
	return !trouble->withheld;
}

bool report_process(struct reporter *r, struct process *process,
		    const struct policy_decision *what,
		    const struct report_cause *cause)
{
	struct alert_refusal calls[REFUSED_MAX];
	struct alert alert = {
		.time_ns = cause->time_ns,
		.what = *what,
		.who = &process->who,
	};
	bool recovered = what->action == POLICY_FD_RECOVERED;
	bool gone = recovered && what->reason == POLICY_REASON_EXITED, told;
	struct process_trouble *trouble = process_trouble(process);

	if (!trouble)
		return false;
	if (what->opens) {
		alert_new_id(trouble->incident);
		trouble->incident_ns = cause->time_ns;
		trouble->missed_then = r->losses->missed;
		process_refusals_open(process);
	}
	if (!gone)
		identity_reader_read(r->identities, &process->who);
	told = admit(r, process, what, cause->time_ns);
	if (told) {
		fill_process(r, process, cause->table, &alert, calls, gone);
		if (what->action == POLICY_FD_EXHAUSTED ||
		    what->action == POLICY_OTHER_LIMIT)
			alert.fd.record_lost = cause->record_lost;
		/* What was last seen of it is not how it was then. */
		if (cause->record_lost && what->action == POLICY_FD_EXHAUSTED &&
		    alert.fd.used < alert.fd.soft_limit)
			alert.fd.known = false;
		alert.found_at_start = what->opens && cause->found_at_start;
		if (!recovered)
			alert.request = cause->request;
		if (what->action == POLICY_OTHER_LIMIT && cause->limit)
			add_limit(&alert, cause->limit, process->who.pid);
		if (details_wanted(what->action))
			send_explained(r, process, &alert);
		else
			send(r, &alert);
		if (what->action == POLICY_OTHER_LIMIT && cause->limit)
			(void)details_ask_holders(
				r->details, process, cause->limit,
				alert.limit.value_known ? alert.limit.value : 0);
	}
	if (recovered) {
		process_refusals_close(process);
		trouble->incident[0] = 0;
		trouble->spin.told = false;
		trouble->withheld = false;
		trouble->leak_told = false;
	}
	return told;
}

void report_system(struct reporter *r, struct report_system *system,
		   const struct policy_decision *what, const struct report_cause *cause,
		   struct identity *who)
{
	struct alert alert = {
		.time_ns = cause->time_ns,
		.what = *what,
		.who = who,
		.system = system->now,
		.request = cause->request,
	};

	if (what->opens) {
		alert_new_id(system->incident);
		system->opened_ns = cause->time_ns;
	}
	if (who)
		identity_reader_read(r->identities, who);
	memcpy(alert.incident, system->incident, sizeof(alert.incident));
	if (cause->time_ns > system->opened_ns)
		alert.duration_ns = cause->time_ns - system->opened_ns;
	alert.system.refused_enfile = system->refused_enfile;
	send(r, &alert);
	if (what->action == POLICY_SYSTEM_RECOVERED) {
		system->incident[0] = 0;
		system->refused_enfile = 0;
	}
}

/* ---- summaries ---- */

void report_look(void *context, const struct grouping_member *member,
		 struct tally_figures *out)
{
	static struct tally_call calls[REFUSED_MAX];
	const struct process_trouble *trouble =
		(const void *)((const char *)member -
			       offsetof(struct process_trouble, group));
	const struct process *process = trouble->process;

	(void)context;
	*out = (struct tally_figures){
		.pid = process->who.pid,
		.command_line = process->who.command_line,
		.table_known = process->has_table,
		.used = process->table.used,
		.soft_limit = process->table.soft_limit,
		.calls = calls,
	};
	for (size_t i = 0; i < process->trouble->refusals_len; i++) {
		const struct process_refusal *refusal = &process->trouble->refusals[i];
		struct tally_call *to = &calls[out->calls_len];

		if (!process_refusal_count(refusal))
			continue;
		/* The last one takes what is more, so that the sum stays right. */
		if (out->calls_len == REFUSED_MAX)
			to[-1].count += process_refusal_count(refusal);
		else {
			*to = (struct tally_call){
				.call = refusal->call,
				.error = refusal->error,
				.count = process_refusal_count(refusal),
			};
			out->calls_len++;
		}
	}
}

bool report_admit(void *context, uint32_t charged_uid, uint64_t now_ns)
{
	return budget_admit(context, charged_uid, now_ns);
}

/* The sums of a summary's refusals. */
static void add_sums(const struct tally *tally, struct alert_fd *fd,
		     struct alert_refusal calls[TALLY_CALLS])
{
	fd->refused_known = true;
	fd->refused = calls;
	for (size_t i = 0; i < tally->calls_len; i++) {
		const struct tally_call *call = &tally->calls[i];

		report_count_refused(fd, call->error, call->count);
		calls[fd->refused_len++] = (struct alert_refusal){
			.call = syscalls_name(call->call),
			.error = call->error,
			.count = call->count,
		};
	}
}

static void add_members(const struct tally *tally, struct alert_group *group,
			struct alert_member members[TALLY_MEMBERS])
{
	group->members = members;
	group->members_len = tally->members_len;
	group->alone = tally->alone;
	for (size_t i = 0; i < tally->members_len; i++) {
		const struct tally_member *member = &tally->members[i];

		members[i] = (struct alert_member){
			.pid = member->pid,
			.command_line = member->command_line,
			.table_known = member->table_known,
			.used = member->used,
			.soft_limit = member->soft_limit,
			.refused = member->refused,
			.alone = member->alone,
		};
	}
}

static void send_summary(struct reporter *r, const struct grouping_summary *summary)
{
	struct alert_refusal calls[TALLY_CALLS];
	struct alert_member members[TALLY_MEMBERS];
	struct identity who;
	struct alert alert = {
		.time_ns = summary->until_ns,
		.what = {.action = summary->action, .reason = summary->reason},
		.who = &who,
		.group = {.name = summary->title, .processes = summary->processes},
	};
	const struct limits_verdict *limit = limits_of(summary->limit);

	subject_identity(summary->texts, &who);
	memcpy(alert.incident, summary->incident,
	       strnlen(summary->incident, sizeof(alert.incident) - 1));
	if (summary->until_ns > summary->opened_ns)
		alert.duration_ns = summary->until_ns - summary->opened_ns;
	if (summary->tally) {
		add_sums(summary->tally, &alert.fd, calls);
		add_members(summary->tally, &alert.group, members);
	}
	if (summary->action == POLICY_OTHER_LIMIT && limit)
		add_limit(&alert, limit, alert.group.members_len ? members[0].pid : 0);
	send(r, &alert);
}

void report_summaries(struct reporter *r, uint64_t now_ns, bool flush)
{
	struct grouping_summary summary;
	struct budget_withheld withheld;

	while (grouping_due(r->groups, now_ns, flush, &summary)) {
		if (!summary.withheld)
			send_summary(r, &summary);
		else if (summary.action == POLICY_FD_RECOVERED)
			budget_withhold(r->budget, summary.charged_uid, now_ns);
	}
	while (budget_due(r->budget, now_ns, flush, &withheld)) {
		struct alert alert = {
			.time_ns = now_ns,
			.what = {.action = POLICY_ALERTS_LOST},
			.loss = {.alerts = withheld.alerts,
				 .incidents = withheld.incidents,
				 .uid = withheld.uid},
		};

		send(r, &alert);
	}
}
