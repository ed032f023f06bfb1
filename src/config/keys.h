/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of configuration keys: the parser, the check, -o and the printed
 * configuration are made from it. Inside src/config/ only.
 */
#ifndef FDWARDEN_CONFIG_KEYS_H
#define FDWARDEN_CONFIG_KEYS_H

#include "config/config.h"

#define CONFIG_VALUE_MAX     4096
#define CONFIG_RULE_NAME_MAX 44
#define CONFIG_RULES_MAX     1024
/* Files of one configuration: the one that is named, and those of conf.d beside it. */
#define CONFIG_FILES_MAX     128
#define CONFIG_FILE_MAX      (1u << 20)

/* Section of the keys of every [rule NAME]. */
#define CONFIG_RULE_SECTION  "rule"

enum config_type {
	CONFIG_PERCENT,  /* uint32_t, basis points */
	CONFIG_DURATION, /* uint64_t, ns; min and max in ms */
	CONFIG_NUMBER,   /* uint64_t */
	CONFIG_CHOICE,   /* an enum: index into choices[] */
	CONFIG_BOOL,     /* bool: yes or no */
	CONFIG_FILE,     /* char *: absolute path; NULL: none */
	CONFIG_PATTERN,  /* char *: for fnmatch(); NULL: none */
	CONFIG_PATTERNS, /* char *: a list of them, with commas; NULL: none */
	CONFIG_LISTEN,   /* char *: ADDRESS:PORT; NULL: none */
	CONFIG_GROUP,    /* char *: name or number; NULL: none */
	CONFIG_HOST,     /* char *: name of a host; NULL: none */
};

struct config_key {
	const char *section; /* "": keys before any section */
	const char *name;
	enum config_type type;
	size_t offset;   /* in struct config; of a rule's key in struct config_rule */
	size_t has;      /* offset of the bool "it is set" of a rule's override; or 0 */
	const char *def; /* default, as it is written in a file; NULL: not set */
	uint64_t min, max;
	const char *const *choices; /* NULL-ended */
	bool start_only; /* what it was when the daemon started holds till its end */
};

extern const struct config_key config_keys[];
extern const size_t config_keys_len;
#define CONFIG_KEYS_MAX 64

/* NULL: there is none. */
const struct config_key *config_find_key(const char *section, const char *name);

/* Checks `text` and stores it at `base` + offset (a string is freed before; empty
 * clears it). 0, -EINVAL, or -ENOMEM. */
int config_set_value(const struct config_key *key, void *base, const char *text);

/* What a value may be: "a share above 0% up to 100%, such as 80% or 82.5%". */
void config_describe_value(const struct config_key *key, char *text, size_t size);

/* The value as it is written in a file. */
void config_format_value(const struct config_key *key, const void *base, char *text,
			 size_t size);

/* Whether the value is set at all: an optional one may not be. */
bool config_is_set(const struct config_key *key, const void *base);

void config_rule_clear(struct config_rule *rule);

/* A rule without one would match every process. */
bool config_rule_has_matcher(const struct config_rule *rule);

/* Whether a single pattern of `service` is a plain name that ".service" is added to. */
bool config_lacks_suffix(const char *pattern);
#define CONFIG_UNIT_SUFFIX ".service"

/* The settings with one rule's overrides. */
void config_rule_settings(const struct config *config, const struct config_rule *rule,
			  struct policy_settings *out);

/* As config_steps(), but more than FDW_MAX_STEPS where there are more levels. */
size_t config_count_steps(const struct config *config, uint32_t steps[FDW_MAX_STEPS]);

/* A file's text, and what it is called in errors. */
struct config_text {
	const char *name, *text;
	size_t len;
};

/* config_load() of texts in memory: a later one overrides those before it. */
int config_load_texts(const struct config_text *texts, size_t texts_len,
		      unsigned int flags, const char *const *overrides,
		      size_t overrides_len, struct config **out, char *error,
		      size_t error_size);
int config_load_text(const char *name, const char *text, size_t len, unsigned int flags,
		     const char *const *overrides, size_t overrides_len,
		     struct config **out, char *error, size_t error_size);

#endif
