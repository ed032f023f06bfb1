// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/remedy.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "guard/capabilities.h"
#include "log.h"
#include "output/text.h"
#include "policy/policy.h"
#include "policy/program.h"
#include "policy/remedy.h"
#include "state/raises.h"

#define SECOND_NS 1000000000ull

static uint64_t ticks_of(uint64_t start_ns)
{
	return start_ns / (SECOND_NS / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* A pid may be another process's by now. */
static int check_same(pid_t pid, uint64_t start_ns)
{
	uint64_t ticks, expected;
	bool rested;
	int err;

	if (!start_ns)
		return 0;
	rested = capabilities_see_others();
	err = identity_start_ticks(pid, &ticks);
	capabilities_rest_again(rested);
	expected = ticks_of(start_ns);
	/* one tick for roundings */
	return err ? err : ticks + 1 >= expected && ticks <= expected + 1 ? 0 : -ESRCH;
}

int remedy_set_soft_limit(pid_t pid, uint64_t start_ns, uint64_t soft_limit,
			  uint64_t *before, uint64_t *hard)
{
	struct rlimit limit;
	int err = check_same(pid, start_ns);

	*before = *hard = 0;
	if (err)
		return err;
	if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit))
		return -errno;
	*before = limit.rlim_cur;
	*hard = limit.rlim_max;
	if (soft_limit > limit.rlim_max)
		return -ERANGE;
	if (soft_limit <= limit.rlim_cur)
		return -EALREADY;
	limit.rlim_cur = soft_limit;
	return prlimit(pid, RLIMIT_NOFILE, &limit, NULL) ? -errno : 0;
}

int remedy_note_raised(pid_t pid, uint64_t from, uint64_t to)
{
	uint64_t ticks, soft = 0, hard;
	int err = kernel_rlimits(pid, RLIMIT_NOFILE, &soft, &hard);

	if (!err && soft != to)
		err = -ESTALE;
	if (!err)
		err = identity_start_ticks(pid, &ticks);
	if (!err)
		raises_note(pid, ticks, from, to, true);
	return err;
}

/* What an EPERM of that means and what to do, one line. */
static void explain_denial(const char *what, char *text, size_t size)
{
	snprintf(text, size,
		 "%s: not permitted: for another user's process CAP_SYS_RESOURCE is "
		 "needed%s",
		 what,
		 kernel_has_cap(CAP_SYS_RESOURCE)
			 ? ", and what confines this program must allow it"
			 : "; under systemd add it with 'systemctl edit fdwarden': "
			   "[Service] AmbientCapabilities=CAP_SYS_RESOURCE "
			   "CapabilityBoundingSet=CAP_SYS_RESOURCE");
}

static void name_of(const struct process *process, char text[64])
{
	char safe[4 * FDW_COMM_LEN];

	text_line(safe, sizeof(safe), process->who.comm,
		  strnlen(process->who.comm, FDW_COMM_LEN));
	snprintf(text, 64, "%.47s[%d]", safe, (int)process->who.pid);
}

/* Once in a while: it is asked again with each interval. */
static void log_left(const struct process *process, enum remedy_verdict verdict,
		     const struct explanation *why)
{
	static struct log_limit limits[REMEDY_NO_USE + 1];
	struct log_limit *limit = &limits[verdict];
	char name[64];

	limit->interval_ns = 60 * SECOND_NS;
	name_of(process, name);
	if (verdict == REMEDY_LEAK)
		log_limited(limit, LOG_LEVEL_INFO,
			    "the soft limit of %s is not raised: it leaks (%s); "
			    "raise_leaks = yes would",
			    name,
			    explanation_leak(why)
				    ? diagnosis_rule_name(explanation_leak(why)->rule)
				    : "its floor rises");
	else if (verdict == REMEDY_NO_USE)
		log_limited(limit, LOG_LEVEL_INFO,
			    "the soft limit of %s is not raised: it computes what it "
			    "takes of it at its start; 'fdwarden inspect %d' says "
			    "what gives it more",
			    name, (int)process->who.pid);
	else if (verdict == REMEDY_AT_HARD)
		log_limited(limit, LOG_LEVEL_WARNING,
			    "the soft limit of %s can't be raised: it is at the hard "
			    "limit, %" PRIu64,
			    name, (uint64_t)process->table.hard_limit);
	else if (verdict == REMEDY_UNEXPLAINED)
		log_limited(limit, LOG_LEVEL_WARNING,
			    "the soft limit of %s is not raised, for it may be a leak: "
			    "%s",
			    name, why->unexplained);
}

static void log_failure(const struct process *process, int err)
{
	static struct log_limit denied = {.interval_ns = 3600 * SECOND_NS};
	static struct log_limit other = {.interval_ns = 60 * SECOND_NS};
	char name[64], what[128], text[512];

	if (err == -ESRCH || err == -EALREADY)
		return;
	name_of(process, name);
	snprintf(what, sizeof(what), "the soft limit of %s can't be raised", name);
	if (err == -EPERM) {
		explain_denial(what, text, sizeof(text));
		log_limited(&denied, LOG_LEVEL_ERROR, "%s", text);
	} else {
		log_limited(&other, LOG_LEVEL_ERROR, "%s: %s", what, strerror(-err));
	}
}

uint64_t remedy_apply(struct process *process, const struct explanation *why,
		      uint64_t now_ns, uint64_t nr_open)
{
	struct remedy_question question = {
		.now_ns = now_ns,
		.critical = process->trouble->policy.level >= POLICY_LEVEL_CRITICAL,
		.explained = why->inventory != NULL,
		.leak = explanation_leak(why) != NULL || process->trouble->policy.leak,
		.soft_limit = process->table.soft_limit,
		.hard_limit = process->table.hard_limit,
		.nr_open = nr_open,
	};
	uint64_t soft_limit = 0, before, hard;
	const struct program *program =
		program_find(process->who.executable, process->who.comm);
	enum remedy_verdict verdict;
	int err;

	question.no_use = program && program->no_prlimit;
	verdict = remedy_decide(&process->trouble->remedy,
				&process->trouble->settings.remedy, &question,
				&soft_limit);
	if (verdict != REMEDY_RAISE) {
		log_left(process, verdict, why);
		return 0;
	}
	err = remedy_set_soft_limit(process->who.pid, process->who.start_ns, soft_limit,
				    &before, &hard);
	if (err) {
		log_failure(process, err);
		return 0;
	}
	raises_note(process->who.pid, ticks_of(process->who.start_ns), before,
		    soft_limit, false);
	process_trouble(process)->remedy.raised_ns = now_ns;
	process->table.soft_limit = soft_limit;
	return before;
}
