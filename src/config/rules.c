// SPDX-License-Identifier: GPL-2.0-or-later
/* Which settings a process gets: the first rule that matches, over the thresholds. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/pattern_syntax.h"

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

/* What a pattern is compared with; of `user` the number too. */
struct subject {
	const char *text; /* NULL: it is not known, and no pattern matches it */
	const char *number;
};

/* No FNM_PATHNAME: "/system.slice/?*" is to match at any depth. */
static bool is_like(const char *pattern, const struct subject *s)
{
	return s->text && fnmatch(pattern, s->text, 0) == 0;
}

static bool is_user_like(const char *pattern, const struct subject *s)
{
	return fnmatch(pattern, s->number, 0) == 0 || is_like(pattern, s);
}

/* A name that has a place in it is not the host's own: anyone may have chosen it. So a
 * pattern without a slash is not about it, whatever its wildcards; one with a slash in it
 * may be. */
static bool is_placed_like(const char *pattern, const struct subject *s)
{
	if (s->text && !strchr(pattern, '/') && strchr(s->text, '/'))
		return false;
	return is_like(pattern, s);
}

/* "nginx" is nginx.service, as systemctl(1) takes it. */
static bool is_unit_like(const char *pattern, const struct subject *s)
{
	char unit[CONFIG_VALUE_MAX + sizeof(CONFIG_UNIT_SUFFIX)];

	if (!config_lacks_suffix(pattern))
		return is_placed_like(pattern, s);
	snprintf(unit, sizeof(unit), "%s" CONFIG_UNIT_SUFFIX, pattern);
	return is_placed_like(unit, s);
}

/* Whether one of a list's patterns is like it; without a list anything is. */
static bool matches(const char *list, const struct subject *s,
		    bool (*like)(const char *pattern, const struct subject *s))
{
	char pattern[CONFIG_VALUE_MAX + 1];
	const char *start;
	size_t len;

	if (!list)
		return true;
	while (pattern_list_next(&list, &start, &len)) {
		snprintf(pattern, sizeof(pattern), "%.*s", (int)len, start);
		if (len && like(pattern, s))
			return true;
	}
	return false;
}

static bool matches_text(const char *list, const char *text)
{
	return matches(list, &(struct subject){.text = text}, is_like);
}

static bool matches_user(const char *list, uid_t uid, const char *user)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	return matches(list, &(struct subject){.text = user, .number = number},
		       is_user_like);
}

/* Arguments are full of commas: they are no list's. */
static bool matches_command_line(const char *pattern, const char *command_line)
{
	return !pattern || is_like(pattern, &(struct subject){.text = command_line});
}

static bool matches_process(const struct config_rule *rule, const struct identity *who)
{
	return matches_text(rule->match_name, who->comm) &&
	       matches_text(rule->match_executable, who->executable) &&
	       matches_command_line(rule->match_command_line, who->command_line);
}

/* Containers and pods, of which a user's own are "user@1000.service/NAME". */
static bool matches_container(const char *list, const char *value,
			      const char *claimed_by)
{
	char placed[512];

	if (!list || !value || !claimed_by)
		return matches_text(list, value);
	snprintf(placed, sizeof(placed), "%s/%s", claimed_by, value);
	return matches(list, &(struct subject){.text = placed}, is_placed_like);
}

static bool matches_place(const struct config_rule *rule, const struct identity *who)
{
	const char *by = who->claimed_by;

	return matches(rule->match_service, &(struct subject){.text = who->service},
		       is_unit_like) &&
	       matches_text(rule->match_cgroup, who->cgroup) &&
	       matches_container(rule->match_container, who->container_id, by) &&
	       matches_container(rule->match_runtime, who->container_runtime, by) &&
	       matches_container(rule->match_pod, who->pod_uid, by);
}

/* As systemctl(1) has it: all that does not end as a kind of unit. */
bool config_lacks_suffix(const char *pattern)
{
	static const char *const kinds[] = {
		"service", "scope", "slice", "socket",    "target", "timer",
		"path",    "mount", "swap",  "automount", "device",
	};
	const char *dot = strrchr(pattern, '.');

	if (strpbrk(pattern, "*?[\\/"))
		return false;
	for (size_t i = 0; dot && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(dot + 1, kinds[i]))
			return false;
	return true;
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
