// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a configuration's text, and applies the overrides to it.
 *
 * inih splits a line into key and value. What it accepts beyond that depends on
 * how a distribution built it, and some of it would be taken wrongly in silence:
 * sections cut to 49 bytes, text behind a "]", sections without keys, lines cut
 * to 199 bytes, lines that go on because they are indented. So each line is
 * looked at here first, and section lines do not reach it at all.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/loading.h"
#include "config/nearest.h"

/* Printable ASCII, the rest as \xNN: errors go to terminals and logs. */
static const char *printable(char out[100], const char *text)
{
	size_t len = 0;

	for (; *text && len < 90; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f)
			out[len++] = (char)c;
		else
			len += (size_t)snprintf(out + len, 5, "\\x%02x", c);
	}
	snprintf(out + len, 4, "%s", *text ? "..." : "");
	return out;
}

/* "FILE:LINE: what is wrong" */
__attribute__((format(printf, 5, 0))) static void
say_fault(const struct loading *l, const struct origin *at, char *out, size_t size,
	  const char *format, va_list args)
{
	char what[100];
	int len;

	if (at->override)
		len = snprintf(out, size, "-o %s: ", printable(what, at->override));
	else if (at->line)
		len = snprintf(out, size, "%s:%d: ", printable(what, l->name),
			       at->line);
	else
		len = snprintf(out, size, "%s: ", printable(what, l->name));
	if (len >= 0 && (size_t)len < size)
		vsnprintf(out + len, size - (size_t)len, format, args);
}

int config_fail(struct loading *l, const struct origin *at, int err, const char *format,
		...)
{
	va_list args;

	if (l->err)
		return l->err;
	l->err = err;
	va_start(args, format);
	say_fault(l, at, l->error, l->error_size, format, args);
	va_end(args);
	return err;
}

static int fail_memory(struct loading *l)
{
	return config_fail(l, &l->here, -ENOMEM, "out of memory");
}

int config_doubt(struct loading *l, const struct origin *at, const char *format, ...)
{
	struct config *config = l->config;
	char line[512];
	va_list args;

	if (l->err)
		return l->err;
	va_start(args, format);
	say_fault(l, at, l->forgive ? line : l->error,
		  l->forgive ? sizeof(line) : l->error_size, format, args);
	va_end(args);
	if (!l->forgive)
		return l->err = -EINVAL;
	if (config->doubts_len < CONFIG_DOUBTS_MAX) {
		config->doubts[config->doubts_len] = strdup(line);
		if (!config->doubts[config->doubts_len])
			return fail_memory(l);
	}
	config->doubts_len++;
	return 0;
}

/* "warn, critical, …": what a section takes. */
static void list_keys(const char *section, char *text, size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (size_t i = 0; i < config_keys_len && len < size; i++)
		if (!strcmp(config_keys[i].section, section))
			len += (size_t)snprintf(text + len, size - len, "%s%s",
						len ? ", " : "", config_keys[i].name);
}

/* The table's own string of a section's name; NULL: there is none. */
static const char *find_section(const char *name)
{
	for (size_t i = 0; i < config_keys_len; i++)
		if (!strcmp(config_keys[i].section, name))
			return config_keys[i].section;
	return NULL;
}

/* "[thresholds], …, [rule NAME]" */
static void list_sections(char *text, size_t size)
{
	const char *last = "";
	size_t len = 0;

	text[0] = 0;
	for (size_t i = 0; i < config_keys_len && len < size; i++) {
		const char *section = config_keys[i].section;

		if (!strcmp(section, last))
			continue;
		last = section;
		len += (size_t)snprintf(
			text + len, size - len, "%s[%s%s]", len ? ", " : "", section,
			strcmp(section, CONFIG_RULE_SECTION) ? "" : " NAME");
	}
}

/* "; did you mean …?", or nothing. A key that another section has is more likely meant there
 * than another one of this section. */
static const char *meant_key(const char *section, const char *name, char out[128])
{
	struct nearest nearest = {0};

	out[0] = 0;
	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (!strcmp(key->name, name)) {
			snprintf(out, 128, "; did you mean %s.%s?",
				 strcmp(key->section, CONFIG_RULE_SECTION)
					 ? key->section
					 : "rule NAME",
				 key->name);
			return out;
		}
		if (!strcmp(key->section, section))
			nearest_try(&nearest, name, key->name);
	}
	if (nearest.word)
		snprintf(out, 128, "; did you mean '%s'?", nearest.word);
	return out;
}

static const char *meant_section(const char *name, char out[128])
{
	struct nearest nearest = {0};

	out[0] = 0;
	for (size_t i = 0; i < config_keys_len; i++)
		nearest_try(&nearest, name, config_keys[i].section);
	if (nearest.word)
		snprintf(out, 128, "; did you mean [%s%s]?", nearest.word,
			 strcmp(nearest.word, CONFIG_RULE_SECTION) ? "" : " NAME");
	return out;
}

/* ---- sections ---- */

static size_t find_rule(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->rules_len; i++)
		if (!strcmp(config->rules[i].name, name))
			return i;
	return NO_RULE;
}

static int add_rule(struct loading *l, const char *name)
{
	struct config *config = l->config;
	struct config_rule *rules;
	char shown[100];

	/* Nothing else: -o needs the dot and '=', the file "]". */
	if (!*name || strlen(name) > CONFIG_RULE_NAME_MAX ||
	    strspn(name,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		   "._@-") != strlen(name))
		return config_fail(
			l, &l->here, -EINVAL,
			"'%s' cannot be a rule's name; allowed: 1 to %d letters, "
			"digits and ._@-",
			printable(shown, name), CONFIG_RULE_NAME_MAX);
	if (config->rules_len == CONFIG_RULES_MAX)
		return config_fail(l, &l->here, -EINVAL, "too many rules; allowed: %d",
				   CONFIG_RULES_MAX);
	rules = realloc(config->rules, (config->rules_len + 1) * sizeof(*rules));
	if (!rules)
		return fail_memory(l);
	config->rules = rules;
	rules[config->rules_len] = (struct config_rule){.name = strdup(name)};
	if (!rules[config->rules_len].name)
		return fail_memory(l);
	l->rules[config->rules_len].rule = l->here;
	l->rule = config->rules_len++;
	return 0;
}

/* Goes into the section "name" or "rule NAME". */
static int enter_section(struct loading *l, const char *name)
{
	size_t word = sizeof(CONFIG_RULE_SECTION) - 1;
	char shown[100], allowed[256], meant[128];

	l->rule = NO_RULE;
	if (!strncmp(name, CONFIG_RULE_SECTION, word) &&
	    isblank((unsigned char)name[word])) {
		size_t known;

		l->section = CONFIG_RULE_SECTION;
		name += word;
		name += strspn(name, " \t");
		known = find_rule(l->config, name);
		if (known == NO_RULE)
			return add_rule(l, name);
		if (!l->here.override)
			return config_fail(
				l, &l->here, -EINVAL,
				"there is a rule '%s' already, in line %d; rename or "
				"remove one",
				name, l->rules[known].rule.line);
		l->rule = known;
		return 0;
	}
	l->section = find_section(name);
	if (l->section && *name && strcmp(name, CONFIG_RULE_SECTION) != 0)
		return 0;
	list_sections(allowed, sizeof(allowed));
	return config_fail(l, &l->here, -EINVAL, "unknown section [%s]; allowed: %s%s",
			   printable(shown, name), allowed, meant_section(name, meant));
}

/* ---- values ---- */

static int unknown_key(struct loading *l, const char *name)
{
	char shown[100], allowed[256], meant[128];

	meant_key(l->section, name, meant);
	list_keys(l->section, allowed, sizeof(allowed));
	if (*l->section)
		return config_fail(l, &l->here, -EINVAL,
				   "unknown key '%s' in [%s]; allowed: %s%s",
				   printable(shown, name), l->section, allowed, meant);
	if (*allowed)
		return config_fail(
			l, &l->here, -EINVAL,
			"unknown key '%s' outside of any section; allowed: %s%s",
			printable(shown, name), allowed, meant);
	list_sections(allowed, sizeof(allowed));
	return config_fail(l, &l->here, -EINVAL,
			   "key '%s' outside of any section; write it into one of %s",
			   printable(shown, name), allowed);
}

/* A control character but tab, also one of C1 in UTF-8, or -1. */
static int find_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return c;
		if (c == 0xc2 && i + 1 < len && (text[i + 1] & 0xe0) == 0x80)
			return (unsigned char)text[i + 1];
	}
	return -1;
}

/* What could not be printed as a line of a file that reads the same. */
static int check_text(struct loading *l, const char *value)
{
	size_t len = strlen(value);

	if (len > CONFIG_VALUE_MAX)
		return config_fail(l, &l->here, -EINVAL,
				   "a value of %zu bytes is too long; allowed: %d", len,
				   CONFIG_VALUE_MAX);
	if (find_control(value, len) >= 0)
		return config_fail(
			l, &l->here, -EINVAL,
			"a control character (0x%02x) in the value; remove it",
			(unsigned int)find_control(value, len));
	for (size_t i = 0; i < len; i++)
		if (value[i] == ';' && (i == 0 || isspace((unsigned char)value[i - 1])))
			return config_fail(
				l, &l->here, -EINVAL,
				"a value cannot have a word that begins with "
				"';', which begins a comment");
	return 0;
}

/* Of a value that is refused: a hint at the slip that made it; "": none is known. */
static const char *what_was_meant(const struct config_key *key, const char *value)
{
	char share[32];
	uint32_t bp;

	if (strstr(value, " #") || strstr(value, "\t#"))
		return "; a comment has a line of its own";
	snprintf(share, sizeof(share), "%.20s%%", value);
	if (key->type == CONFIG_PERCENT && !config_parse_percent(share, &bp))
		return "; the % is missing";
	if (key->type == CONFIG_DURATION && value[0] &&
	    !value[strspn(value, "0123456789")])
		return "; the unit is missing";
	return "";
}

static int set_key(struct loading *l, const char *name, const char *value)
{
	const struct config_key *key = config_find_key(l->section, name);
	char shown[100], allowed[256];
	struct origin *origin;
	void *base = l->config;
	int err;

	if (!key)
		return unknown_key(l, name);
	origin = &l->keys[key - config_keys];
	if (l->rule != NO_RULE) {
		base = &l->config->rules[l->rule];
		origin = &l->rules[l->rule].keys[key - config_keys];
	}
	if (origin->line && !l->here.override)
		return config_fail(l, &l->here, -EINVAL,
				   "'%s' is set in line %d already; remove one of them",
				   name, origin->line);
	if (check_text(l, value) < 0)
		return l->err;
	err = config_set_value(key, base, value);
	if (err == -ENOMEM)
		return fail_memory(l);
	if (err) {
		config_describe_value(key, allowed, sizeof(allowed));
		return config_fail(l, &l->here, err,
				   "bad value '%s' of %s; allowed: %s%s",
				   printable(shown, value), name, allowed,
				   what_was_meant(key, value));
	}
	*origin = l->here;
	return 0;
}

/* ---- the file ---- */

static int take_pair(void *user, const char *section, const char *name,
		     const char *value)
{
	struct loading *l = user;

	(void)section; /* section lines are taken by take_section() */
	return set_key(l, name, value ? value : "") == 0;
}

/* "[name]", and nothing but a comment behind it. */
static int take_section(struct loading *l, const char *line, size_t len)
{
	const char *close = memchr(line, ']', len), *p;
	char name[64], shown[100];

	if (!close)
		return config_fail(l, &l->here, -EINVAL,
				   "a section without ']'; write [name]");
	for (p = close + 1; p < line + len && isblank((unsigned char)*p); p++)
		;
	if (p < line + len && *p != ';' && *p != '#')
		return config_fail(
			l, &l->here, -EINVAL,
			"text behind a section's ']'; write it into a line of its own");
	for (line++; line < close && isblank((unsigned char)*line); line++)
		;
	while (close > line && isblank((unsigned char)close[-1]))
		close--;
	if ((size_t)(close - line) >= sizeof(name)) {
		char start[sizeof(name)];

		snprintf(start, sizeof(start), "%.40s", line);
		return config_fail(
			l, &l->here, -EINVAL,
			"the section name '%s...' is too long; allowed: %d letters "
			"in a "
			"rule's name",
			printable(shown, start), CONFIG_RULE_NAME_MAX);
	}
	snprintf(name, sizeof(name), "%.*s", (int)(close - line), line);
	return enter_section(l, name);
}

/* fgets() over the text for inih: one call a line, so that its count of lines and
 * ours agree. NULL ends it, also after a failure. */
static char *next_line(char *out, int size, void *stream)
{
	struct loading *l = stream;
	const char *line = l->text, *newline;
	size_t len;

	if (l->err || l->text == l->end)
		return NULL;
	l->here.line++;
	newline = memchr(line, '\n', (size_t)(l->end - line));
	l->text = newline ? newline + 1 : l->end;
	len = (size_t)((newline ? newline : l->end) - line);
	if (l->here.line == 1 && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3; /* byte-order mark */
		len -= 3;
	}
	if (len && line[len - 1] == '\r')
		len--;
	if (find_control(line, len) >= 0) {
		config_fail(l, &l->here, -EINVAL,
			    "a control character (0x%02x); a configuration is text",
			    (unsigned int)find_control(line, len));
		return NULL;
	}
	for (; len && isblank((unsigned char)*line); line++)
		len--;
	if (len && *line == '[') {
		if (take_section(l, line, len) < 0)
			return NULL;
		len = 0;
	}
	if (len && (*line == '#' || *line == ';'))
		len = 0;
	if (len + 2 > (size_t)size) {
		config_fail(l, &l->here, -EINVAL,
			    "a line of %zu bytes is too long; allowed: %d", len,
			    size - 2);
		return NULL;
	}
	memcpy(out, line, len);
	out[len] = '\n';
	out[len + 1] = 0;
	return out;
}

static int parse_text(struct loading *l)
{
	int line;

	/* It goes on behind a line that it does not understand, so that a failure
	 * of ours may be one of a later line. */
	line = ini_parse_stream(next_line, l, take_pair, l);
	if (line < 0)
		return fail_memory(l);
	if (line > 0 && (!l->err || line < l->here.line)) {
		struct origin at = {.line = line};

		l->err = 0;
		return config_fail(
			l, &at, -EINVAL,
			"neither a section nor a key; write [section] or key = value");
	}
	return l->err;
}

/* ---- overrides ---- */

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = 0;
	return text;
}

static int apply_override(struct loading *l, const char *override)
{
	char *copy, *value, *dot, *name;
	int err;

	l->here = (struct origin){.override = override};
	l->section = "";
	l->rule = NO_RULE;
	copy = strdup(override);
	if (!copy)
		return fail_memory(l);
	value = strchr(copy, '=');
	if (!value) {
		err = config_fail(l, &l->here, -EINVAL,
				  "no '='; write section.key=value");
		goto out;
	}
	*value++ = 0;
	name = trim(copy);
	dot = strrchr(name, '.'); /* a rule's name may have dots, a key has none */
	if (dot) {
		*dot = 0;
		err = enter_section(l, trim(name));
		if (err)
			goto out;
		name = trim(dot + 1);
	}
	err = set_key(l, name, trim(value));
out:
	free(copy);
	return err;
}

/* ---- the whole ---- */

static int set_defaults(struct loading *l)
{
	for (size_t i = 0; i < config_keys_len; i++)
		if (config_keys[i].def && config_set_value(&config_keys[i], l->config,
							   config_keys[i].def) < 0)
			return config_fail(l, &l->here, -EINVAL, "bad default of %s",
					   config_keys[i].name);
	return 0;
}

int config_load_text(const char *name, const char *text, size_t len, unsigned int flags,
		     const char *const *overrides, size_t overrides_len,
		     struct config **out, char *error, size_t error_size)
{
	struct loading *l = calloc(1, sizeof(*l)); /* 130 KiB: not for the stack */
	int err = -ENOMEM;

	*out = NULL;
	snprintf(error, error_size, "out of memory");
	if (!l)
		return err;
	l->name = name;
	l->text = text;
	l->end = text + len;
	l->check_paths = flags & CONFIG_CHECK_PATHS;
	l->forgive = flags & CONFIG_FORGIVE;
	l->section = "";
	l->rule = NO_RULE;
	l->error = error;
	l->error_size = error_size;
	l->config = calloc(1, sizeof(*l->config));
	if (!l->config)
		goto out;
	err = set_defaults(l);
	if (!err)
		err = parse_text(l);
	for (size_t i = 0; !err && i < overrides_len; i++)
		err = apply_override(l, overrides[i]);
	if (!err)
		err = config_check(l);
	if (!err) {
		*out = l->config;
		l->config = NULL;
		if (error_size)
			error[0] = 0;
	}
out:
	config_free(l->config);
	free(l);
	return err;
}
