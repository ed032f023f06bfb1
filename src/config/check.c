// SPDX-License-Identifier: GPL-2.0-or-later
/* What is wrong with the values together: levels, and rules. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "config/loading.h"
#include "config/pattern_syntax.h"

size_t config_key_index(const char *section, const char *name)
{
	return (size_t)(config_find_key(section, name) - config_keys);
}

/* The one that was set last; `other` where a rule inherits the rest. */
static const struct origin *later(const struct origin *a, const struct origin *b)
{
	if (a->override || b->override)
		return b->override ? b : a;
	return b->line > a->line ? b : a;
}

static void settings_texts(const struct policy_settings *set, char warn[16],
			   char critical[16], char hysteresis[16])
{
	struct config shown = {.thresholds = *set};

	config_format_value(config_find_key("thresholds", "warn"), &shown, warn, 16);
	config_format_value(config_find_key("thresholds", "critical"), &shown, critical,
			    16);
	config_format_value(config_find_key("thresholds", "hysteresis"), &shown,
			    hysteresis, 16);
}

/* `where` is "" or "in rule 'web': ". */
static int check_settings(struct loading *l, const struct policy_settings *set,
			  const struct origin *warn_at,
			  const struct origin *critical_at,
			  const struct origin *hysteresis_at, const char *where)
{
	char warn[16], critical[16], hysteresis[16];

	settings_texts(set, warn, critical, hysteresis);
	if (set->warn_bp >= set->critical_bp)
		return config_fail(
			l, later(warn_at, critical_at), -EINVAL,
			"%swarn (%s) is not below critical (%s); lower the one or "
			"raise "
			"the other",
			where, warn, critical);
	if (set->hysteresis_bp >= set->warn_bp)
		return config_fail(l, later(warn_at, hysteresis_at), -EINVAL,
				   "%shysteresis (%s) is not below warn (%s); lower it",
				   where, hysteresis, warn);
	return 0;
}

/* The kernel keeps 15 bytes of a process's name: a longer one would match nothing, ever. */
#define NAME_MAX_BYTES 15

static bool name_is_too_long(const char *pattern)
{
	return pattern && strlen(pattern) > NAME_MAX_BYTES &&
	       !strpbrk(pattern, "*?[\\");
}

/* A user is compared by name and by the plain decimal number: what only looks like another
 * way to write a number would match nobody. */
static bool is_no_uid(const char *pattern)
{
	size_t sign, len, digits;
	unsigned long long number;

	if (!pattern)
		return false;
	sign = pattern[0] == '-' || pattern[0] == '+';
	len = strlen(pattern + sign);
	digits = strspn(pattern + sign, "0123456789");
	if (len > 2 && pattern[sign] == '0' && (pattern[sign + 1] | 0x20) == 'x')
		return strspn(pattern + sign + 2, "0123456789abcdefABCDEF") == len - 2;
	if (!digits || digits != len)
		return false;
	errno = 0;
	number = strtoull(pattern + sign, NULL, 10);
	return sign || errno || number >= UINT32_MAX || (len > 1 && pattern[0] == '0');
}

/* Units of systemd are told with their suffix: without one a plain name matches none. */
static bool is_no_unit(const char *pattern)
{
	size_t len = pattern ? strlen(pattern) : 0;

	if (!len || strpbrk(pattern, "*?[\\"))
		return false;
	return (len < 8 || strcmp(pattern + len - 8, ".service") != 0) &&
	       (len < 6 || strcmp(pattern + len - 6, ".scope") != 0);
}

/* A comma that is not in brackets, of a matcher whose texts have none. */
static bool is_list(const struct config_key *key, const char *pattern)
{
	static const char *const names[] = {"name",      "service", "user",
					    "container", "runtime", "pod"};
	bool among = false, inside = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		among = among || !strcmp(key->name, names[i]);
	for (; among && *pattern; pattern++) {
		if (*pattern == ',' && !inside)
			return true;
		inside = *pattern == '[' || (inside && *pattern != ']');
	}
	return false;
}

static int check_patterns(struct loading *l, size_t index)
{
	const struct config_rule *rule = &l->config->rules[index];

	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];
		const char *pattern, *fault;

		if (key->type != CONFIG_PATTERN ||
		    strcmp(key->section, CONFIG_RULE_SECTION) != 0)
			continue;
		pattern = *(char *const *)((const char *)rule + key->offset);
		fault = pattern ? pattern_syntax_fault(pattern) : NULL;
		if (pattern && is_list(key, pattern))
			return config_fail(
				l, &l->rules[index].keys[i], -EINVAL,
				"in rule '%s': %s takes one pattern, not a list; write "
				"a "
				"rule for each of '%s' (a comma that is meant is [,])",
				rule->name, key->name, pattern);
		if (fault)
			return config_fail(l, &l->rules[index].keys[i], -EINVAL,
					   "in rule '%s': the pattern of %s has %s",
					   rule->name, key->name, fault);
	}
	if (is_no_unit(rule->match_service))
		return config_fail(l,
				   &l->rules[index].keys[config_key_index(
					   CONFIG_RULE_SECTION, "service")],
				   -EINVAL,
				   "in rule '%s': no unit is called %s; write service "
				   "= %s.service",
				   rule->name, rule->match_service,
				   rule->match_service);
	if (is_no_uid(rule->match_user))
		return config_fail(
			l,
			&l->rules[index]
				 .keys[config_key_index(CONFIG_RULE_SECTION, "user")],
			-EINVAL,
			"in rule '%s': %s is no user's number; allowed: 0 to %u, "
			"without a sign or zeros before it",
			rule->name, rule->match_user, UINT32_MAX - 1);
	return 0;
}

static int check_rule(struct loading *l, size_t index)
{
	const struct config_rule *rule = &l->config->rules[index];
	const struct rule_origins *at = &l->rules[index];
	const struct origin *base = l->keys, *warn, *critical;
	size_t t_warn = config_key_index("thresholds", "warn");
	size_t t_critical = config_key_index("thresholds", "critical");
	struct policy_settings set;
	char where[80];

	if (!config_rule_has_matcher(rule))
		return config_fail(
			l, &at->rule, -EINVAL,
			"rule '%s' has no matcher; give it one of name, executable, "
			"command_line, service, user, cgroup, container, runtime, pod",
			rule->name);
	if (name_is_too_long(rule->match_name))
		return config_fail(
			l, &at->keys[config_key_index(CONFIG_RULE_SECTION, "name")],
			-EINVAL,
			"in rule '%s': no process has so long a name; write its first "
			"%d bytes: %.*s",
			rule->name, NAME_MAX_BYTES, NAME_MAX_BYTES, rule->match_name);
	if (check_patterns(l, index) < 0)
		return l->err;
	warn = rule->has_warn ? &at->keys[config_key_index(CONFIG_RULE_SECTION, "warn")]
			      : &base[t_warn];
	critical =
		rule->has_critical
			? &at->keys[config_key_index(CONFIG_RULE_SECTION, "critical")]
			: &base[t_critical];
	snprintf(where, sizeof(where), "in rule '%s': ", rule->name);
	config_rule_settings(l->config, rule, &set);
	return check_settings(l, &set, warn, critical,
			      &base[config_key_index("thresholds", "hysteresis")],
			      where);
}

static int check_socket(struct loading *l)
{
	struct sockaddr_un address;
	const char *path = l->config->socket_path;

	if (!path || strlen(path) < sizeof(address.sun_path))
		return 0;
	return config_fail(l, &l->keys[config_key_index("socket", "path")], -EINVAL,
			   "socket.path is %zu bytes long; a socket's name has at most "
			   "%zu",
			   strlen(path), sizeof(address.sun_path) - 1);
}

int config_check(struct loading *l)
{
	const struct origin nowhere = {0};
	uint32_t steps[FDW_MAX_STEPS];
	size_t len;

	if (check_settings(l, &l->config->thresholds,
			   &l->keys[config_key_index("thresholds", "warn")],
			   &l->keys[config_key_index("thresholds", "critical")],
			   &l->keys[config_key_index("thresholds", "hysteresis")],
			   "") < 0)
		return l->err;
	if (check_socket(l) < 0 || (l->check_paths && config_check_paths(l) < 0))
		return l->err;
	for (size_t i = 0; i < l->config->rules_len; i++)
		if (check_rule(l, i) < 0)
			return l->err;
	len = config_count_steps(l->config, steps);
	if (len > FDW_MAX_STEPS)
		return config_fail(
			l, &nowhere, -EINVAL,
			"more than %d different levels of warn and critical over all "
			"rules; use fewer",
			FDW_MAX_STEPS);
	return 0;
}
