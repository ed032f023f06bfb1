// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/leaks.h"

#include <stdlib.h>

#define SECOND_NS    1000000000ull
/* So long a suspicion waits for what it is that grows. */
#define ANSWER_NS    (3 * SECOND_NS)
/* … which is then believed for so long. */
#define FRESH_NS     (300 * SECOND_NS)
/* Snapshots in a window at the least. */
#define WINDOW_LOOKS 5
/* A count that never rose by so much has no history. */
#define RISE_MIN     4

void leaks_settings(const struct config *config, struct leak_settings *out)
{
	uint64_t least_ns = WINDOW_LOOKS * config->interval_ns;

	bool enabled = config->thresholds.leak;

	/* Each process's rule has the last word. */
	for (size_t i = 0; i < config->rules_len; i++)
		enabled |= config->rules[i].has_leak &&
			   config->rules[i].leak == CONFIG_YES;
	*out = (struct leak_settings){
		.enabled = enabled,
		.windows = (uint32_t)config->leak_windows,
		.window_ns = config->leak_window_ns > least_ns ? config->leak_window_ns
							       : least_ns,
		.horizon_ns = config->leak_horizon_ns,
	};
}

static enum leak_growth growth_of(const struct leak_watch *watch, uint64_t now_ns)
{
	if (!watch)
		return LEAK_GROWTH_NOT_ASKED;
	if (watch->now_ns && now_ns < watch->now_ns + FRESH_NS)
		return watch->growth;
	if (watch->ripe_ns && now_ns >= watch->ripe_ns + ANSWER_NS)
		return LEAK_GROWTH_UNKNOWN;
	return LEAK_GROWTH_NOT_ASKED;
}

static void ask(struct process *process, struct details *details, enum leak_stage stage,
		uint64_t now_ns)
{
	struct leak_watch *watch = process->watch;

	if (!watch)
		watch = process->watch = calloc(1, sizeof(*watch));
	if (!watch)
		return;
	if (!watch->then.known &&
	    (!watch->asked_ns || now_ns >= watch->asked_ns + ANSWER_NS) &&
	    details_ask_kinds(details, process))
		watch->asked_ns = now_ns;
	/* Where there is no room in the queue it is not known in time either. */
	if (stage == LEAK_RIPE && !watch->ripe_ns) {
		(void)details_ask_kinds(details, process);
		watch->ripe_ns = now_ns;
	}
}

/* Most processes never come to need one: 600 bytes each. */
static bool has_history(struct process *process)
{
	uint64_t used = process->table.used;

	if (process->leak)
		return true;
	if (used < process->leak_least)
		process->leak_least = used;
	if (used < process->leak_least + RISE_MIN && !process->trouble->policy.leak)
		return false;
	process->leak = calloc(1, sizeof(*process->leak));
	return process->leak != NULL;
}

enum policy_leak leaks_look(struct process *process, const struct leak_settings *set,
			    struct details *details, uint64_t now_ns)
{
	const struct fdw_table *table = &process->table;
	struct leak_sample sample = {
		.now_ns = process->table_ns,
		.used = table->used,
		.soft_limit = table->soft_limit,
		.opened_known = table->flags & FDW_TABLE_COUNTERS,
		.opened = table->opened,
		.growth = growth_of(process->watch, now_ns),
	};
	enum leak_stage stage;

	if (!has_history(process))
		return POLICY_LEAK_NONE;
	/* Its history did not outlive the daemon, as its incident did. */
	if (process->trouble->policy.leak && !process->leak->window_ns)
		leak_resume(process->leak, set, process->table_ns, table->used);
	stage = leak_see(process->leak, set, &sample);
	if (stage == LEAK_WATCHED || stage == LEAK_RIPE)
		ask(process, details, stage, now_ns);
	if (stage == LEAK_NONE && process->watch) {
		free(process->watch);
		process->watch = NULL;
	}
	return stage == LEAK_SUSPECTED ? POLICY_LEAK_SUSPECTED : POLICY_LEAK_NONE;
}

void leaks_learn(struct process *process, const struct explanation *why,
		 uint64_t now_ns)
{
	struct leak_watch *watch = process->watch;
	struct growth_look look = {0};

	if (!watch)
		return;
	if (why->inventory)
		growth_look(why->inventory, &look);
	if (!watch->then.known) {
		watch->then = look;
		watch->asked_ns = 0;
	}
	if (!watch->ripe_ns)
		return;
	watch->ripe_ns = 0;
	watch->now = look;
	watch->now_ns = now_ns;
	watch->growth = growth_judge(&watch->then, &watch->now);
}
