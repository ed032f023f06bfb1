// SPDX-License-Identifier: GPL-2.0-or-later
/* What is wrong with the values together: levels, and rules. */
#include <errno.h>
#include <inttypes.h>
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
	if (a->file != b->file)
		return b->file > a->file ? b : a;
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

bool config_levels_contradict(const struct policy_settings *set, char *why, size_t size)
{
	char warn[16], critical[16], hysteresis[16];

	settings_texts(set, warn, critical, hysteresis);
	if (set->warn_bp >= set->critical_bp) {
		snprintf(why, size,
			 "warn (%s) is not below critical (%s); lower the one or raise "
			 "the other",
			 warn, critical);
		return true;
	}
	if (set->hysteresis_bp >= set->warn_bp) {
		snprintf(why, size, "hysteresis (%s) is not below warn (%s); lower it",
			 hysteresis, warn);
		return true;
	}
	return false;
}

/* Whether it is known what was meant there: not, where that was refused; and where something
 * was of which nobody knows what it was for, only if it was set. */
static bool is_clear(const struct loading *l, const struct origin *at)
{
	return !at->bad && (!l->unclear || at->line || at->override);
}

/* `where` is "" or "in rule 'web': ". */
static int check_settings(struct loading *l, const struct policy_settings *set,
			  const struct origin *warn_at,
			  const struct origin *critical_at,
			  const struct origin *hysteresis_at, const char *where)
{
	bool critical = set->warn_bp >= set->critical_bp;
	char why[CONFIG_LEVELS_WHY_MAX];

	if (!config_levels_contradict(set, why, sizeof(why)) || !is_clear(l, warn_at) ||
	    !is_clear(l, critical ? critical_at : hysteresis_at))
		return 0;
	return config_fail(l, later(warn_at, critical ? critical_at : hysteresis_at),
			   -EINVAL, "%s%s", where, why);
}

/* The kernel keeps 15 bytes of a process's name: a longer one would match nothing, ever. */
#define NAME_MAX_BYTES 15

static bool name_is_too_long(const char *pattern)
{
	return strlen(pattern) > NAME_MAX_BYTES && !pattern_has_wildcard(pattern);
}

/* A user is compared by name and by the plain decimal number: what only looks like another
 * way to write a number would match nobody. */
static bool is_no_uid(const char *pattern)
{
	size_t sign, len, digits;
	unsigned long long number;

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

/* Processes are in services and scopes; a name without a suffix is a service's. */
static bool is_no_unit(const char *pattern)
{
	size_t len = strlen(pattern);

	if (pattern_has_wildcard(pattern) || config_lacks_suffix(pattern))
		return false;
	return (len < 8 || strcmp(pattern + len - 8, ".service") != 0) &&
	       (len < 6 || strcmp(pattern + len - 6, ".scope") != 0);
}

/* One pattern, not empty, of a rule's matcher. */
static int check_pattern(struct loading *l, const struct config_key *key,
			 const struct origin *at, const char *rule, const char *pattern)
{
	const char *fault = pattern_syntax_fault(pattern);

	if (fault)
		return config_doubt(l, at, "in rule '%s': the pattern of %s has %s",
				    rule, key->name, fault);
	if (!strcmp(key->name, "name") && name_is_too_long(pattern))
		return config_doubt(
			l, at,
			"in rule '%s': no process has so long a name; write its first "
			"%d bytes: %.*s",
			rule, NAME_MAX_BYTES, NAME_MAX_BYTES, pattern);
	if (!strcmp(key->name, "service") && is_no_unit(pattern))
		return config_doubt(
			l, at,
			"in rule '%s': no process is in a unit %s; name a .service or "
			"a .scope",
			rule, pattern);
	if (!strcmp(key->name, "user") && is_no_uid(pattern))
		return config_doubt(
			l, at,
			"in rule '%s': %s is no user's number; allowed: 0 to %u, "
			"without a sign or zeros before it",
			rule, pattern, UINT32_MAX - 1);
	return 0;
}

/* Paths with commas in them were whole patterns before there were lists. */
static bool is_no_path(const struct config_key *key, const char *pattern)
{
	return (!strcmp(key->name, "executable") || !strcmp(key->name, "cgroup")) &&
	       !strchr("/*?[\\", pattern[0]);
}

static int check_list(struct loading *l, const struct config_key *key,
		      const struct origin *at, const char *rule, const char *list)
{
	char pattern[CONFIG_VALUE_MAX + 1];
	bool first = true;
	const char *start;
	size_t len;
	int err = 0;

	for (; pattern_list_next(&list, &start, &len) && !l->err; first = false) {
		int bad = 0;

		snprintf(pattern, sizeof(pattern), "%.*s", (int)len, start);
		if (!len)
			bad = config_doubt(l, at,
					   "in rule '%s': nothing before or behind a "
					   "comma of %s; remove it, or write \\, for "
					   "the character itself",
					   rule, key->name);
		else if (!first && is_no_path(key, pattern))
			bad = config_doubt(
				l, at,
				"in rule '%s': %s of %s does not begin as a path; "
				"where the comma before it is a path's own write \\,",
				rule, pattern, key->name);
		if (len && !bad)
			bad = check_pattern(l, key, at, rule, pattern);
		if (bad < 0)
			err = bad;
	}
	return err;
}

static int check_patterns(struct loading *l, size_t index)
{
	const struct config_rule *rule = &l->config->rules[index];
	const struct origin *keys = l->rules[index].keys;
	int err = 0;

	for (size_t i = 0; i < config_keys_len && !l->err; i++) {
		const struct config_key *key = &config_keys[i];
		const char *pattern;

		if (key->type != CONFIG_PATTERN && key->type != CONFIG_PATTERNS)
			continue;
		pattern = *(char *const *)((const char *)rule + key->offset);
		if (!pattern)
			continue;
		if ((key->type == CONFIG_PATTERN
			     ? check_pattern(l, key, &keys[i], rule->name, pattern)
			     : check_list(l, key, &keys[i], rule->name, pattern)) < 0)
			err = -EINVAL;
	}
	return err;
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
	bool clear = !l->unclear;

	for (size_t i = 0; i < config_keys_len; i++)
		clear = clear && !at->keys[i].bad;
	if (clear && !config_rule_has_matcher(rule))
		return config_fail(
			l, &at->rule, -EINVAL,
			"rule '%s' has no matcher; give it one of name, executable, "
			"command_line, service, user, cgroup, container, runtime, pod",
			rule->name);
	if (check_patterns(l, index) < 0)
		return l->err;
	/* What [thresholds] says has been checked, and is told once. */
	if (!l->apart && !rule->has_warn && !rule->has_critical)
		return 0;
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

static int check_socket(struct loading *l, const char *section, const char *name,
			const char *path)
{
	struct sockaddr_un address;

	if (!path || path[0] != '/' || strlen(path) < sizeof(address.sun_path))
		return 0;
	return config_fail(l, &l->keys[config_key_index(section, name)], -EINVAL,
			   "%s.%s is %zu bytes long; a socket's name has at most %zu",
			   section, name, strlen(path), sizeof(address.sun_path) - 1);
}

/* The last number is nobody's, and a sign is no part of one. Where that is forgiven it is as
 * if none were named: the socket is for fewer then, never for more. */
static int check_group(struct loading *l, const char *section, char **group)
{
	bool digits = *group && !(*group)[strspn(*group, "0123456789")];

	if (!*group || (!digits && **group != '+'))
		return 0;
	errno = 0;
	if (digits && strtoull(*group, NULL, 10) < UINT32_MAX && !errno)
		return 0;
	if (config_doubt(l, &l->keys[config_key_index(section, "group")],
			 "bad value '%s' of group; allowed: the name or number of a "
			 "group, or nothing",
			 *group) < 0)
		return l->err;
	free(*group);
	*group = NULL;
	return 0;
}

static int check_max_line(struct loading *l)
{
	uint64_t max = l->config->max_line;

	if (!max || max >= CONFIG_LINE_MIN)
		return 0;
	return config_fail(l, &l->keys[config_key_index("output", "max_line")], -EINVAL,
			   "max_line is %" PRIu64 "; the shortest line that an alert "
			   "fits into has %d bytes; 0 is for no bound",
			   max, CONFIG_LINE_MIN);
}

int config_check(struct loading *l, bool in_part)
{
	const struct origin nowhere = {0};
	uint32_t steps[FDW_MAX_STEPS];

	if (!l->apart)
		(void)check_settings(
			l, &l->config->thresholds,
			&l->keys[config_key_index("thresholds", "warn")],
			&l->keys[config_key_index("thresholds", "critical")],
			&l->keys[config_key_index("thresholds", "hysteresis")], "");
	(void)check_socket(l, "socket", "path", l->config->socket_path);
	(void)check_socket(l, "metrics", "listen", l->config->metrics_listen);
	(void)check_group(l, "socket", &l->config->socket_group);
	(void)check_group(l, "metrics", &l->config->metrics_group);
	(void)check_max_line(l);
	if (l->check_paths)
		(void)config_check_paths(l);
	for (size_t i = 0; i < l->config->rules_len && !l->err; i++)
		(void)check_rule(l, i);
	if (!in_part && config_count_steps(l->config, steps) > FDW_MAX_STEPS)
		(void)config_fail(
			l, &nowhere, -EINVAL,
			"more than %d different levels of warn and critical over all "
			"rules; use fewer",
			FDW_MAX_STEPS);
	return l->err ? l->err : l->mistake;
}
