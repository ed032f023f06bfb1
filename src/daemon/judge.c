// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemon/monitor_impl.h"
#include "log.h"
#include "output/text.h"
#include "policy/silence.h"

/* So long after its start a program may still change its limit. */
#define BEGIN_NS      10000000000ull

/* ---- one process ---- */

/* Ancestors that are looked at. */
#define ANCESTORS_MAX 16

/* What the hook runs is of our making: to alert on it would run the hook again. */
static bool is_of_hook(const struct monitor *m, const struct process *p)
{
	pid_t us = getpid(), pid = p->who.ppid;
	static bool said;

	for (int i = 0; m->config->hook && i < ANCESTORS_MAX && pid > 1 && pid != us;
	     i++)
		pid = kernel_parent(pid);
	if (!m->config->hook || pid != us || p->who.pid == us)
		return false;
	if (!said)
		log_warning("%s[%d], which output.hook has started, came near a limit: "
			    "of what the hook runs no alert is made",
			    p->who.comm, (int)p->who.pid);
	said = true;
	return true;
}

/* The levels that apply to a process. Rules need to know who it is, which costs
 * some reads of /proc: asked only for a process that may be in trouble. */
static void find_settings(struct monitor *m, struct process *p)
{
	char name[NAME_SERVICE_LEN] = "";
	int err;

	struct process_trouble *trouble = process_trouble(p);

	if (trouble->settings_version == m->config_version)
		return;
	trouble->settings_version = m->config_version;
	if (is_of_hook(m, p)) {
		trouble->settings = m->config->thresholds;
		trouble->settings.ignore = true;
		return;
	}
	if (!m->config->rules_len) {
		trouble->settings = m->config->thresholds;
		return;
	}
	err = identity_reader_read(m->reporter.identities, &p->who);
	/* In a storm nothing can be opened: ask again, what is in a record may do
	 * for now. */
	if (err && err != -ESRCH)
		trouble->settings_version = 0;
	/* Nor must a name service that does not answer hold anything up: until it does,
	 * no rule by user applies. */
	if (m->rules_by_user && p->who.uid != (uid_t)-1 &&
	    name_service_find(m->names, p->who.uid, kernel_now_ns(), name) ==
		    NAME_SERVICE_WAITS)
		trouble->settings_version = 0;
	config_settings_for(m->config, &p->who, *name ? name : NULL,
			    &trouble->settings);
}

static bool may_be_in_trouble(const struct monitor *m, const struct process *p,
			      const struct policy_observation *seen)
{
	if (p->trouble->policy.incident || seen->refusal != POLICY_REFUSAL_NONE ||
	    seen->leak == POLICY_LEAK_SUSPECTED)
		return true;
	if (!seen->has_table)
		return false;
	return (__uint128_t)seen->used * 10000 >=
	       (__uint128_t)(seen->wall ? seen->wall : seen->soft_limit) *
		       m->lowest_step;
}

void judge_table(const struct monitor *m, const struct process *p,
		 const struct fdw_table *table, struct policy_observation *seen)
{
	seen->has_table = true;
	seen->count = table->count;
	seen->used = table->used;
	seen->soft_limit = table->soft_limit;
	seen->own_limit = table->flags & FDW_TABLE_OWN_LIMIT;
	seen->own_limit_known = p->who.start_ns >= m->collect.since_ns;
}

/* At its present pace there is no time to wait for long whether a level lasts. */
static bool is_met_soon(const struct process *p, const struct policy_observation *seen,
			uint64_t dwell_ns)
{
	struct forecast forecast;

	if (!dwell_ns || !seen->has_table || p->trouble->policy.incident ||
	    !p->trouble->settings_version)
		return false;
	forecast_estimate(&p->history, seen->soft_limit, &forecast);
	if (seen->used >= seen->soft_limit)
		return forecast.growth_sound;
	return forecast.exhaustion_known &&
	       forecast.exhausted_in_s * 1e9 <= (double)dwell_ns;
}

/* Levels are silenced only for what runs the program's file: a name anyone can take. */
static const struct program *find_program(struct monitor *m, struct process *p)
{
	const struct program *program = program_find(NULL, p->who.comm);

	if (!program || (!program->managed && program->wall.kind != PROGRAM_WALL_FDS))
		return NULL;
	if (!p->who.executable)
		(void)identity_reader_read(m->reporter.identities, &p->who);
	return program_find(p->who.executable, NULL) == program ? program : NULL;
}

static void ask_program(struct monitor *m, struct process *p,
			struct policy_observation *seen)
{
	bool begins = seen->now_ns < p->who.start_ns + BEGIN_NS;

	if (!seen->has_table)
		return;
	if (p->program_exec != p->exec_id || !p->program_exec) {
		p->program_exec = p->exec_id;
		p->program_soft = 0;
		p->program = find_program(m, p);
	}
	if (!p->program)
		return;
	if (!p->program_soft || begins)
		p->program_soft = seen->soft_limit;
	seen->managed = p->program->managed;
	seen->wall = program_wall(p->program, p->program_soft);
}

/* Why no alert comes, to the log of who asked for it: once, until it is another reason. */
static void say_silence(struct process *p, const struct policy_observation *seen, int n)
{
	enum silence silence = SILENCE_NONE;
	char name[64];

	if (!n)
		silence = silence_of(&p->trouble->policy, &p->trouble->settings, seen);
	if (silence == p->silence)
		return;
	p->silence = silence;
	if (silence == SILENCE_NONE)
		return;
	text_line(name, sizeof(name), p->who.comm, strlen(p->who.comm));
	if (seen->has_table)
		log_debug("%s[%d] has %" PRIu64 " of %" PRIu64
			  " descriptors%s; no alert: %s",
			  name, (int)p->who.pid, seen->used, seen->soft_limit,
			  seen->refusal == POLICY_REFUSAL_NONE
				  ? ""
				  : " and a call was refused",
			  silence_text(silence));
	else
		log_debug("%s[%d]: a call was refused; no alert: %s", name,
			  (int)p->who.pid, silence_text(silence));
}

/* Of what was in no trouble nothing was decided, and nothing is written down. */
static void report_decided(struct monitor *m, struct process *p,
			   const struct policy_fd *before,
			   const struct policy_observation *seen,
			   const struct policy_decision *decisions, int n,
			   const struct report_cause *cause)
{
	struct chronicle_look look = {.decided = decisions, .decided_len = (size_t)n};
	char incident[ALERT_ID_LEN];

	/* It is gone once its end has been told. */
	memcpy(incident, p->trouble->incident, sizeof(incident));
	for (int i = 0; i < n; i++) {
		look.told |= report_process(&m->reporter, p, &decisions[i], cause);
		if (p->trouble->incident[0])
			memcpy(incident, p->trouble->incident, sizeof(incident));
	}
	look.incident = incident;
	chronicle_process(m->chronicle, p, before, seen, &look);
}

bool judge(struct monitor *m, struct process *p, const struct policy_observation *seen,
	   const struct report_cause *cause)
{
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	struct policy_observation now = *seen;
	const struct policy_settings *set;
	struct policy_fd before, state;
	bool in_trouble;
	uint64_t due_ns;
	int n;

	ask_program(m, p, &now);
	in_trouble = may_be_in_trouble(m, p, &now);
	/* Without memory it is the next look that judges it. */
	if (in_trouble && !process_trouble(p))
		return true;
	if (in_trouble)
		find_settings(m, p);
	else if (p->trouble->process && !p->trouble->settings_version)
		process_trouble(p)->settings = m->config->thresholds;
	set = p->trouble->process ? &p->trouble->settings : &m->config->thresholds;
	now.began = !m->started;
	now.soon = is_met_soon(p, seen, set->dwell_ns);
	process_policy(p, &state);
	before = state;
	n = policy_fd_observe(&state, set, &now, decisions);
	due_ns = policy_fd_due_ns(&state, set);
	if (process_set_policy(p, &state))
		return true;
	if (due_ns && (!m->look_ns || due_ns < m->look_ns))
		m->look_ns = due_ns;
	if (!in_trouble)
		p->silence = SILENCE_NONE;
	else if (log_debug_wanted())
		say_silence(p, &now, n);
	if (in_trouble)
		report_decided(m, p, &before, &now, decisions, n, cause);
	m->amiss |= n || p->trouble->policy.incident || due_ns;
	m->self.changes += n;
	return in_trouble;
}

/* ---- the whole system ---- */

void judge_system(struct monitor *m, bool refused, const struct report_cause *cause,
		  struct identity *who)
{
	struct policy_system_observation seen = {.now_ns = cause->time_ns,
						 .refused = refused};
	struct policy_decision decisions[POLICY_MAX_DECISIONS];
	struct policy_system before = m->system_policy;
	struct chronicle_look look = {.decided = decisions, .told = true};
	char incident[ALERT_ID_LEN];
	int n;

	seen.known = !kernel_files_read(&m->files, &seen.allocated, &seen.max);
	m->system.now.known = seen.known;
	m->system.now.allocated = seen.allocated;
	m->system.now.max = seen.max;
	n = policy_system_observe(&m->system_policy, &m->config->thresholds, &seen,
				  decisions);
	memcpy(incident, m->system.incident, sizeof(incident));
	for (int i = 0; i < n; i++) {
		report_system(&m->reporter, &m->system, &decisions[i], cause, who);
		if (m->system.incident[0])
			memcpy(incident, m->system.incident, sizeof(incident));
	}
	look.incident = incident;
	look.decided_len = (size_t)n;
	chronicle_system(m->chronicle, &before, &m->system_policy,
			 &m->config->thresholds, &seen, &look);
	m->amiss |= n || m->system_policy.incident || seen.allocated > seen.max / 2;
	m->self.changes += n;
}
