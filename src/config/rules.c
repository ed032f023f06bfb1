// SPDX-License-Identifier: GPL-2.0-or-later
/* Which settings a process gets: the first rule that matches, over the thresholds. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

void config_rule_clear(struct config_rule *rule)
{
	free(rule->name);
	free(rule->match_name);
	free(rule->match_executable);
	free(rule->match_service);
	free(rule->match_user);
	free(rule->match_cgroup);
	free(rule->match_command_line);
	free(rule->match_container);
	free(rule->match_runtime);
	free(rule->match_pod);
	*rule = (struct config_rule){0};
}

/* No FNM_PATHNAME: "/system.slice/?*" is to match at any depth. What is not known
 * of a process is matched by no pattern. */
static bool matches(const char *pattern, const char *value)
{
	return !pattern || (value && fnmatch(pattern, value, 0) == 0);
}

static bool matches_user(const char *pattern, uid_t uid, const char *user)
{
	char number[16];

	if (!pattern)
		return true;
	snprintf(number, sizeof(number), "%u", uid);
	return fnmatch(pattern, number, 0) == 0 || (user && matches(pattern, user));
}

static bool matches_process(const struct config_rule *rule, const struct identity *who)
{
	return matches(rule->match_name, who->comm) &&
	       matches(rule->match_executable, who->executable) &&
	       matches(rule->match_command_line, who->command_line);
}

/* A name that has a place in it is not the host's own: anyone may have chosen it. So a
 * pattern without a slash is not about it, whatever its wildcards; one with a slash in it
 * may be. */
static bool matches_placed(const char *pattern, const char *value)
{
	if (pattern && value && !strchr(pattern, '/') && strchr(value, '/'))
		return false;
	return matches(pattern, value);
}

/* Containers and pods, of which a user's own are "user@1000.service/NAME". */
static bool matches_container(const char *pattern, const char *value,
			      const char *claimed_by)
{
	char placed[512];

	if (!pattern || !value || !claimed_by)
		return matches(pattern, value);
	snprintf(placed, sizeof(placed), "%s/%s", claimed_by, value);
	return matches_placed(pattern, placed);
}

static bool matches_place(const struct config_rule *rule, const struct identity *who)
{
	const char *by = who->claimed_by;

	return matches_placed(rule->match_service, who->service) &&
	       matches(rule->match_cgroup, who->cgroup) &&
	       matches_container(rule->match_container, who->container_id, by) &&
	       matches_container(rule->match_runtime, who->container_runtime, by) &&
	       matches_container(rule->match_pod, who->pod_uid, by);
}

bool config_rule_has_matcher(const struct config_rule *rule)
{
	return rule->match_name || rule->match_executable || rule->match_command_line ||
	       rule->match_service || rule->match_user || rule->match_cgroup ||
	       rule->match_container || rule->match_runtime || rule->match_pod;
}

void config_rule_settings(const struct config *config, const struct config_rule *rule,
			  struct policy_settings *out)
{
	*out = config->thresholds;
	if (rule->has_warn)
		out->warn_bp = rule->warn_bp;
	if (rule->has_critical)
		out->critical_bp = rule->critical_bp;
	out->ignore = rule->ignore;
	if (rule->has_leak)
		out->leak = rule->leak == CONFIG_YES;
	out->remedy = (struct remedy_settings){
		.raise_soft = rule->on_critical == CONFIG_REMEDY_RAISE_SOFT,
		.step_bp = rule->has_raise_step ? rule->raise_step_bp
						: CONFIG_RAISE_STEP_BP,
		.interval_ns = rule->has_raise_interval ? rule->raise_interval_ns
							: CONFIG_RAISE_INTERVAL_NS,
		.leaks = rule->raise_leaks,
	};
}

void config_settings_for(const struct config *config, const struct identity *who,
			 const char *user, struct policy_settings *out)
{
	*out = config->thresholds;
	for (size_t i = 0; i < config->rules_len; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (matches_process(rule, who) && matches_place(rule, who) &&
		    matches_user(rule->match_user, who->uid, user)) {
			config_rule_settings(config, rule, out);
			return;
		}
	}
}

/* Inserts in order. `len` counts also those that find no room. */
static size_t add_step(uint32_t steps[FDW_MAX_STEPS], size_t len, uint32_t step)
{
	size_t at = 0, held = len < FDW_MAX_STEPS ? len : FDW_MAX_STEPS;

	while (at < held && steps[at] < step)
		at++;
	if (at < held && steps[at] == step)
		return len;
	if (at == FDW_MAX_STEPS)
		return len + 1;
	if (held == FDW_MAX_STEPS)
		held--;
	memmove(&steps[at + 1], &steps[at], (held - at) * sizeof(steps[0]));
	steps[at] = step;
	return len + 1;
}

size_t config_count_steps(const struct config *config, uint32_t steps[FDW_MAX_STEPS])
{
	struct policy_settings set;
	size_t len = 0;

	len = add_step(steps, len, config->thresholds.warn_bp);
	len = add_step(steps, len, config->thresholds.critical_bp);
	for (size_t i = 0; i < config->rules_len; i++) {
		if (config->rules[i].ignore) /* its levels are never looked at */
			continue;
		config_rule_settings(config, &config->rules[i], &set);
		len = add_step(steps, len, set.warn_bp);
		len = add_step(steps, len, set.critical_bp);
	}
	return len;
}

size_t config_steps(const struct config *config, uint32_t steps[FDW_MAX_STEPS])
{
	size_t len = config_count_steps(config, steps);

	return len < FDW_MAX_STEPS ? len : FDW_MAX_STEPS;
}
