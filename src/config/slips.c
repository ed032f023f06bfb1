// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that are well formed, and match no process that there can be: what was meant? */
#include <stdio.h>
#include <string.h>

#include "config/loading.h"
#include "config/nearest.h"
#include "config/pattern_syntax.h"
#include "state/cgroup_path.h"

#define CONTAINER_ID_LEN 64
#define SHORT_ID_LEN     12 /* as docker, podman and crictl print them */
#define POD_UID_LEN      36
#define STATIC_POD_LEN   32

struct slip {
	struct loading *l;
	const struct config_key *key;
	const struct origin *at;
	const char *rule;
};

static bool is_hex(const char *text, const char *more)
{
	for (; *text; text++)
		if (!strchr("0123456789abcdefABCDEF", *text) && !strchr(more, *text))
			return false;
	return true;
}

static bool ends_as(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

/* In quotes, as other formats have their texts. */
static bool doubt_quotes(const struct slip *s, const char *pattern)
{
	size_t len = strlen(pattern);

	if (len < 2 || !strchr("\"'", pattern[0]) || pattern[len - 1] != pattern[0])
		return false;
	config_warn(s->l, s->at,
		    "in rule '%s': the quotes are a part of the pattern of %s; write "
		    "it without: %.*s",
		    s->rule, s->key->name, (int)len - 2, pattern + 1);
	return true;
}

static void doubt_path(const struct slip *s, const char *pattern)
{
	if (strchr("/*?[\\", pattern[0]))
		return;
	if (!strcmp(s->key->name, "cgroup"))
		config_warn(s->l, s->at,
			    "in rule '%s': a cgroup's path begins with a slash; write "
			    "/%s",
			    s->rule, pattern);
	else
		config_warn(
			s->l, s->at,
			"in rule '%s': %s is no path, which is asked for here; write "
			"*/%s, or name = %s",
			s->rule, pattern, pattern, pattern);
}

/* What follows the last wildcard is the end of the name, and units end in two ways. */
static void doubt_end_of_unit(const struct slip *s, const char *pattern)
{
	const char *end = pattern + strlen(pattern);

	while (end > pattern && !strchr("*?]\\", end[-1]))
		end--;
	if (end == pattern || end[-1] == '\\' || ends_as(end, ".service") ||
	    ends_as(end, ".scope") || ends_as(".service", end) ||
	    ends_as(".scope", end))
		return;
	config_warn(
		s->l, s->at,
		"in rule '%s': a pattern is about a unit's whole name, and none ends "
		"in %s; write %s.service",
		s->rule, end, pattern);
}

static void doubt_unit(const struct slip *s, const char *pattern)
{
	const char *dot = strrchr(pattern, '.');
	struct nearest nearest = {0};

	if (pattern_has_wildcard(pattern)) {
		doubt_end_of_unit(s, pattern);
		return;
	}
	if (!dot || !config_lacks_suffix(pattern))
		return;
	nearest_try(&nearest, dot + 1, "service");
	nearest_try(&nearest, dot + 1, "scope");
	if (nearest.word)
		config_warn(s->l, s->at,
			    "in rule '%s': .%s is no kind of unit; did you mean "
			    "%.*s.%s?",
			    s->rule, dot + 1, (int)(dot - pattern), pattern,
			    nearest.word);
}

static void doubt_container(const struct slip *s, const char *pattern)
{
	size_t len = strlen(pattern);

	if (len >= SHORT_ID_LEN && len < CONTAINER_ID_LEN && is_hex(pattern, ""))
		config_warn(s->l, s->at,
			    "in rule '%s': a container's id has %d digits; write %s*",
			    s->rule, CONTAINER_ID_LEN, pattern);
}

static void doubt_runtime(const struct slip *s, const char *pattern)
{
	static const char *const names[] = {"docker", "containerd", "cri-o",
					    "podman", "lxc",        "systemd-nspawn"};
	struct nearest nearest = {0};

	if (pattern_has_wildcard(pattern) || cgroup_path_runtime_name(pattern))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nearest_try(&nearest, pattern, names[i]);
	config_warn(
		s->l, s->at,
		"in rule '%s': no runtime is called %s; there are docker, containerd, "
		"cri-o, podman, lxc, systemd-nspawn%s%s%s",
		s->rule, pattern, nearest.word ? "; did you mean " : "",
		nearest.word ? nearest.word : "", nearest.word ? "?" : "");
}

static void doubt_pod(const struct slip *s, const char *pattern)
{
	size_t len = strlen(pattern);

	if (pattern_has_wildcard(pattern) ||
	    (len == POD_UID_LEN && is_hex(pattern, "-")) ||
	    (len == STATIC_POD_LEN && is_hex(pattern, "")))
		return;
	config_warn(
		s->l, s->at,
		"in rule '%s': %s is no pod's uid, which is asked for here, not its "
		"name: 'kubectl get pod NAME -o jsonpath={.metadata.uid}'",
		s->rule, pattern);
}

/* With a slash in it what others have chosen is meant, which may be anything. */
static void doubt_pattern(const struct slip *s, const char *pattern)
{
	static const struct {
		const char *key;
		bool placed; /* a slash in it names whose it is */
		void (*doubt)(const struct slip *s, const char *pattern);
	} doubts[] = {
		{"executable", false, doubt_path}, {"cgroup", false, doubt_path},
		{"service", false, doubt_unit},    {"container", true, doubt_container},
		{"runtime", true, doubt_runtime},  {"pod", true, doubt_pod},
	};

	if (doubt_quotes(s, pattern))
		return;
	for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++)
		if (!strcmp(s->key->name, doubts[i].key) &&
		    !(doubts[i].placed && strchr(pattern, '/')))
			doubts[i].doubt(s, pattern);
}

static void doubt_list(const struct slip *s, const char *list)
{
	char pattern[CONFIG_VALUE_MAX + 1];
	const char *start;
	size_t len;

	while (pattern_list_next(&list, &start, &len)) {
		snprintf(pattern, sizeof(pattern), "%.*s", (int)len, start);
		if (len)
			doubt_pattern(s, pattern);
	}
}

/* Every process has a name and a user; what else a pattern asks for may be unknown. */
static bool takes_all(const struct config_rule *rule)
{
	bool name = !rule->match_name || !strcmp(rule->match_name, "*");
	bool user = !rule->match_user || !strcmp(rule->match_user, "*");

	return name && user && !rule->match_executable && !rule->match_command_line &&
	       !rule->match_service && !rule->match_cgroup && !rule->match_container &&
	       !rule->match_runtime && !rule->match_pod;
}

/* The first rule that matches is the one. */
static void doubt_order(struct loading *l)
{
	const struct config *config = l->config;

	for (size_t i = 0; i + 1 < config->rules_len; i++) {
		size_t later = config->rules_len - i - 1;

		if (!takes_all(&config->rules[i]))
			continue;
		config_warn(l, &l->rules[i].rule,
			    "rule '%s' matches every process, and the first rule that "
			    "matches is the one: '%s'%s behind it never appl%s; move "
			    "'%s' behind all others",
			    config->rules[i].name, config->rules[i + 1].name,
			    later > 1 ? " and those" : "", later > 1 ? "y" : "ies",
			    config->rules[i].name);
		return;
	}
}

void config_warn_of_rules(struct loading *l, bool in_part)
{
	if (!in_part)
		doubt_order(l);
	for (size_t rule = 0; rule < l->config->rules_len; rule++)
		for (size_t i = 0; i < config_keys_len; i++) {
			const struct config_key *key = &config_keys[i];
			const char *text;
			struct slip slip = {l, key, &l->rules[rule].keys[i],
					    l->config->rules[rule].name};

			if (key->type != CONFIG_PATTERN && key->type != CONFIG_PATTERNS)
				continue;
			text = *(char *const *)((const char *)&l->config->rules[rule] +
						key->offset);
			if (text && key->type == CONFIG_PATTERNS)
				doubt_list(&slip, text);
			else if (text)
				doubt_pattern(&slip, text);
		}
}
