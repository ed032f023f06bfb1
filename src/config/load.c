// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a configuration's texts, and applies the overrides to it. A line is a section, or a
 * key and its value with '=' or ':' between them; a comment is a line that begins with '#' or
 * ';', or what follows a blank and ';'.
 */
#include <ctype.h>
#include <errno.h>
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
		len = snprintf(out, size,
			       "%s:%d: ", printable(what, l->files[at->file].name),
			       at->line);
	else
		len = snprintf(out, size, "%s: ", printable(what, l->files[0].name));
	if (len >= 0 && (size_t)len < size)
		vsnprintf(out + len, size - (size_t)len, format, args);
}

/* Behind those before it, if all are to be told, else instead of them. */
__attribute__((format(printf, 3, 0))) static void
add_fault(struct loading *l, const struct origin *at, const char *format, va_list args)
{
	size_t len = l->mistake ? strlen(l->error) : 0;

	if (len + 1 >= l->error_size)
		return;
	if (len)
		l->error[len++] = '\n';
	say_fault(l, at, l->error + len, l->error_size - len, format, args);
	if (!l->mistake)
		l->faults = 0;
	if (l->faults < CONFIG_FAULTS_MAX)
		l->faulted[l->faults++] = *at;
}

int config_fail(struct loading *l, const struct origin *at, int err, const char *format,
		...)
{
	va_list args;

	if (l->err)
		return l->err;
	va_start(args, format);
	add_fault(l, at, format, args);
	va_end(args);
	if (!l->all || err == -ENOMEM)
		l->err = err;
	else if (!l->mistake)
		l->mistake = err;
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
	if (l->forgive)
		say_fault(l, at, line, sizeof(line), format, args);
	else
		add_fault(l, at, format, args);
	va_end(args);
	if (!l->forgive) {
		*(l->all ? &l->mistake : &l->err) = -EINVAL;
		return -EINVAL;
	}
	if (config->doubts_len < CONFIG_DOUBTS_MAX) {
		config->doubts[config->doubts_len] = strdup(line);
		if (!config->doubts[config->doubts_len])
			return fail_memory(l);
	}
	config->doubts_len++;
	return 0;
}

/* In the order in which they are read: the files, then the overrides. */
static bool is_before(const struct origin *a, const struct origin *b)
{
	if (a->override || b->override)
		return !a->override && b->override;
	return a->file != b->file ? a->file < b->file : a->line < b->line;
}

void config_warn(struct loading *l, const struct origin *at, const char *format, ...)
{
	struct config *config = l->config;
	size_t i = config->warnings_len;
	char line[512], *copy;
	va_list args;

	va_start(args, format);
	say_fault(l, at, line, sizeof(line), format, args);
	va_end(args);
	copy = i < CONFIG_WARNINGS_MAX ? strdup(line) : NULL;
	if (!copy) {
		config->warnings_left++;
		return;
	}
	for (; i && is_before(at, &l->warned[i - 1]); i--) {
		config->warnings[i] = config->warnings[i - 1];
		l->warned[i] = l->warned[i - 1];
	}
	config->warnings[i] = copy;
	l->warned[i] = *at;
	config->warnings_len++;
}

/* What only the whole was checked for is told behind what each line was: by file and line
 * it is found more easily. */
static void sort_faults(struct loading *l)
{
	char *lines[CONFIG_FAULTS_MAX], *copy, *rest, *line;
	struct origin *at = l->faulted;
	size_t n = 0, len = 0;

	copy = rest = strdup(l->error);
	if (!copy)
		return;
	while (n < l->faults && (line = strsep(&rest, "\n"))) {
		struct origin here = at[n];
		size_t i = n++;

		for (; i && is_before(&here, &at[i - 1]); i--) {
			at[i] = at[i - 1];
			lines[i] = lines[i - 1];
		}
		at[i] = here;
		lines[i] = line;
	}
	for (size_t i = 0; i < n && len < l->error_size; i++)
		len += (size_t)snprintf(l->error + len, l->error_size - len, "%s%s",
					i ? "\n" : "", lines[i]);
	free(copy);
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

/* What `section` has for a path, where `other` is a key for one: [state] has file, [socket] has
 * path. NULL: it has none. */
static const char *path_of(const char *section, const struct config_key *other)
{
	for (size_t i = 0; other->type == CONFIG_FILE && i < config_keys_len; i++)
		if (config_keys[i].type == CONFIG_FILE &&
		    !strcmp(config_keys[i].section, section))
			return config_keys[i].name;
	return NULL;
}

/* "; did you mean …?", or nothing. A key that another section has is more likely meant there
 * than another one of this section, but for the names of a path. */
static const char *meant_key(const char *section, const char *name, char out[128])
{
	struct nearest nearest = {0};

	out[0] = 0;
	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (!strcmp(key->name, name)) {
			const char *path = path_of(section, key);

			if (path) {
				snprintf(out, 128, "; did you mean '%s'?", path);
				return out;
			}
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

static const char *nearest_section(const char *name)
{
	struct nearest nearest = {0};

	for (size_t i = 0; i < config_keys_len; i++)
		nearest_try(&nearest, name, config_keys[i].section);
	return nearest.word;
}

static const char *meant_section(const char *name, char out[128])
{
	const char *nearest = nearest_section(name);

	out[0] = 0;
	if (nearest)
		snprintf(out, 128, "; did you mean [%s%s]?", nearest,
			 strcmp(nearest, CONFIG_RULE_SECTION) ? "" : " NAME");
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
	l->skip = false;
	if (!strncmp(name, CONFIG_RULE_SECTION, word) &&
	    isblank((unsigned char)name[word])) {
		size_t known;

		l->section = l->meant = CONFIG_RULE_SECTION;
		name += word;
		name += strspn(name, " \t");
		known = find_rule(l->config, name);
		if (known == NO_RULE)
			return add_rule(l, name);
		/* Another file's is gone on with. */
		if (!l->here.override && l->rules[known].rule.file == l->here.file) {
			int err = config_fail(
				l, &l->here, -EINVAL,
				"there is a rule '%s' already, in line %d; rename or "
				"remove one",
				name, l->rules[known].rule.line);

			/* By another name it would be a rule: what it says is checked. */
			return l->err ? err : add_rule(l, name);
		}
		if (!l->here.override)
			l->rules[known].rule = l->here;
		l->rule = known;
		return 0;
	}
	l->section = find_section(name);
	if (l->section && *name && strcmp(name, CONFIG_RULE_SECTION) != 0)
		return 0;
	list_sections(allowed, sizeof(allowed));
	l->meant = nearest_section(name);
	return config_fail(l, &l->here, -EINVAL, "unknown section [%s]; allowed: %s%s",
			   printable(shown, name), allowed, meant_section(name, meant));
}

/* ---- values ---- */

/* What is refused under another name may have been meant for this one. */
static void note_meant(struct loading *l, const char *name)
{
	struct nearest nearest = {0};
	const struct config_key *key;
	struct origin *origin;

	for (size_t i = 0; i < config_keys_len; i++)
		if (!strcmp(config_keys[i].section, l->section))
			nearest_try(&nearest, name, config_keys[i].name);
	key = nearest.word ? config_find_key(l->section, nearest.word) : NULL;
	if (!key) {
		l->unclear = true;
		return;
	}
	origin = l->rule != NO_RULE ? &l->rules[l->rule].keys[key - config_keys]
				    : &l->keys[key - config_keys];
	if (!origin->line && !origin->override)
		origin->bad = true;
}

static int unknown_key(struct loading *l, const char *name)
{
	char shown[100], allowed[256], meant[128];

	note_meant(l, name);
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
	const char *colon = strrchr(value, ':');
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
	if (key->type != CONFIG_LISTEN)
		return "";
	if (value[0] && !value[strspn(value, "0123456789")])
		return "; the address is missing";
	if (!colon || (value[0] == '[' && value[strlen(value) - 1] == ']'))
		return "; the port is missing";
	if (colon[1] && !colon[1 + strspn(colon + 1, "0123456789")])
		return strtoul(colon + 1, NULL, 10) - 1 > 65534
			       ? "; ports are from 1 to 65535"
			       : "; a number is needed as the address, IPv6 in "
				 "brackets";
	return "";
}

static int set_value(struct loading *l, const struct config_key *key, void *base,
		     const char *value)
{
	char shown[100], allowed[256];
	int err = config_set_value(key, base, value);

	if (err == -ENOMEM)
		return fail_memory(l);
	if (!err)
		return 0;
	config_describe_value(key, allowed, sizeof(allowed));
	return config_fail(l, &l->here, err, "bad value '%s' of %s; allowed: %s%s",
			   printable(shown, value), key->name, allowed,
			   what_was_meant(key, value));
}

/* Takes a refused value as it was meant where that is plain, for what it comes to. */
static bool take_meant(const struct config_key *key, void *base, const char *value)
{
	char share[32];

	if (key->type != CONFIG_PERCENT)
		return false;
	snprintf(share, sizeof(share), "%.20s%%", value);
	return !config_set_value(key, base, share);
}

/* Of a section that was refused: its value alone, for what it would come to is not known. */
static int check_key(struct loading *l, const struct config_key *key, const char *value)
{
	bool of_rule = !strcmp(key->section, CONFIG_RULE_SECTION);

	if (check_text(l, value) < 0)
		return l->err;
	if (!l->scratch) {
		l->scratch = calloc(1, sizeof(*l->scratch));
		if (l->scratch)
			l->scratch->rules = calloc(1, sizeof(*l->scratch->rules));
		if (!l->scratch || !l->scratch->rules)
			return fail_memory(l);
		l->scratch->rules_len = 1;
	}
	return set_value(l, key, of_rule ? (void *)l->scratch->rules : l->scratch,
			 value);
}

static int set_key(struct loading *l, const char *name, const char *value)
{
	const struct config_key *key;
	struct origin *origin;
	void *base = l->config;
	int err;

	if (l->skip)
		return 0;
	key = config_find_key(l->section, name);
	if (!key)
		return unknown_key(l, name);
	origin = &l->keys[key - config_keys];
	if (l->rule != NO_RULE) {
		base = &l->config->rules[l->rule];
		origin = &l->rules[l->rule].keys[key - config_keys];
	}
	if (l->refused) {
		if (l->rule == NO_RULE && !origin->line)
			origin->bad = true; /* it may be meant for this one */
		return check_key(l, key, value);
	}
	if (origin->line && !l->here.override && origin->file == l->here.file)
		return config_fail(l, &l->here, -EINVAL,
				   "'%s' is set in line %d already; remove one of them",
				   name, origin->line);
	if (check_text(l, value) < 0)
		return l->err;
	err = set_value(l, key, base, value);
	if (!err || l->all) {
		*origin = l->here;
		origin->bad = err < 0 && !take_meant(key, base, value);
	}
	return err;
}

/* ---- the file ---- */

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

/* The next line without blanks around it and without its end; NULL: there is none. */
static const char *next_line(struct loading *l, size_t *len)
{
	const char *line = l->text, *newline;

	if (l->text == l->end)
		return NULL;
	l->here.line++;
	newline = memchr(line, '\n', (size_t)(l->end - line));
	l->text = newline ? newline + 1 : l->end;
	*len = (size_t)((newline ? newline : l->end) - line);
	if (l->here.line == 1 && *len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3; /* byte-order mark */
		*len -= 3;
	}
	if (*len && line[*len - 1] == '\r')
		--*len;
	for (; *len && isblank((unsigned char)*line); line++)
		--*len;
	return line;
}

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

/* Cuts off what follows a blank and ';'. */
static void cut_comment(char *text)
{
	for (char *at = text; *at; at++)
		if (*at == ';' && at > text && isspace((unsigned char)at[-1])) {
			*at = 0;
			return;
		}
}

/* "name = value" */
static int take_pair(struct loading *l, const char *line, size_t len)
{
	char *copy = strndup(line, len), *value;
	int err;

	if (!copy)
		return fail_memory(l);
	cut_comment(copy);
	value = copy + strcspn(copy, "=:");
	if (*value) {
		*value++ = 0;
		err = set_key(l, trim(copy), trim(value));
	} else {
		err = config_fail(
			l, &l->here, -EINVAL,
			"neither a section nor a key; write [section] or key = value");
	}
	free(copy);
	return err;
}

static int take_line(struct loading *l, const char *line, size_t len)
{
	int err;

	if (find_control(line, len) >= 0)
		return config_fail(
			l, &l->here, -EINVAL,
			"a control character (0x%02x); a configuration is text",
			(unsigned int)find_control(line, len));
	if (!len || *line == '#' || *line == ';')
		return 0;
	if (*line != '[')
		return take_pair(l, line, len);
	l->meant = NULL;
	err = take_section(l, line, len);
	l->refused = err < 0 && l->all && l->meant;
	if (l->refused)
		l->section = l->meant;
	l->skip = err < 0 && !l->refused; /* what its keys would mean is not known */
	l->unclear |= l->skip;
	return err;
}

static int parse_texts(struct loading *l)
{
	const char *line;
	size_t len;

	for (size_t i = 0; i < l->files_len; i++) {
		l->here = (struct origin){.file = i};
		l->text = l->files[i].text;
		l->end = l->text + l->files[i].len;
		l->section = "";
		l->rule = NO_RULE;
		l->skip = l->refused = false;
		while (!l->err && (line = next_line(l, &len)))
			(void)take_line(l, line, len);
	}
	return l->err;
}

/* ---- overrides ---- */

static int apply_override(struct loading *l, const char *override)
{
	char *copy, *value, *dot, *name;
	int err;

	l->here = (struct origin){.override = override};
	l->section = "";
	l->rule = NO_RULE;
	l->skip = l->refused = false;
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
		if (err) {
			l->unclear = true;
			goto out;
		}
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

/* Takes all that was said, then looks at the whole. 0 or -errno. */
static int load(struct loading *l, const char *const *overrides, size_t overrides_len)
{
	int err = set_defaults(l);

	if (!err)
		err = parse_texts(l);
	for (size_t i = 0; !l->err && i < overrides_len; i++)
		err = apply_override(l, overrides[i]);
	/* What is not as it was meant would only be followed by more mistakes. */
	if (!l->err)
		err = config_check(l, l->mistake);
	if (l->err)
		return l->err;
	if (l->all)
		config_warn_of_rules(l, l->mistake != 0);
	return l->mistake ? l->mistake : err;
}

int config_load_texts(const struct config_text *texts, size_t texts_len,
		      unsigned int flags, const char *const *overrides,
		      size_t overrides_len, struct config **out, char *error,
		      size_t error_size)
{
	struct loading *l = calloc(1, sizeof(*l)); /* not for the stack */
	int err = -ENOMEM;

	*out = NULL;
	snprintf(error, error_size, "out of memory");
	if (!l)
		return err;
	l->files = texts;
	l->files_len = texts_len;
	l->check_paths = flags & CONFIG_CHECK_PATHS;
	l->forgive = flags & CONFIG_FORGIVE;
	l->all = flags & CONFIG_ALL_MISTAKES;
	l->apart = flags & CONFIG_LEVELS_APART;
	l->section = "";
	l->rule = NO_RULE;
	l->error = error;
	l->error_size = error_size;
	l->config = calloc(1, sizeof(*l->config));
	if (l->config)
		err = load(l, overrides, overrides_len);
	if (!err) {
		*out = l->config;
		l->config = NULL;
		if (error_size)
			error[0] = 0;
	}
	if (err && l->mistake && !l->err) {
		sort_faults(l);
		if (flags & CONFIG_KEEP_PART) {
			*out = l->config;
			l->config = NULL;
		}
	}
	config_free(l->config);
	config_free(l->scratch);
	free(l);
	return err;
}

int config_load_text(const char *name, const char *text, size_t len, unsigned int flags,
		     const char *const *overrides, size_t overrides_len,
		     struct config **out, char *error, size_t error_size)
{
	struct config_text one = {name, text, len};

	return config_load_texts(&one, 1, flags, overrides, overrides_len, out, error,
				 error_size);
}
