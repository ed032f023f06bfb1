/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration while it is read. Inside src/config/ only. */
#ifndef FDWARDEN_CONFIG_LOADING_H
#define FDWARDEN_CONFIG_LOADING_H

#include "config/keys.h"

/* Where a value comes from. Neither: it is the default. */
struct origin {
	int line;
	size_t file; /* in loading.files */
	const char *override;
	bool bad; /* what was written there was refused: what is meant is not known */
};

struct rule_origins {
	struct origin rule;
	struct origin keys[CONFIG_KEYS_MAX];
};

#define NO_RULE           SIZE_MAX
/* Mistakes that are put in order; as many as an error has room for. */
#define CONFIG_FAULTS_MAX 1024

struct loading {
	struct config *config;
	const struct config_text *files; /* in the order in which they are read */
	size_t files_len;
	const char *text, *end; /* what is left of the present one */
	bool check_paths;       /* CONFIG_CHECK_PATHS */
	bool forgive;           /* CONFIG_FORGIVE */
	bool all;               /* CONFIG_ALL_MISTAKES */
	bool apart;             /* CONFIG_LEVELS_APART */
	bool skip;              /* until the next section: this one is not known */
	/* Until then, where all mistakes are to be told: the keys of a section that was refused
	 * are looked at, as those of `section`, and put in here, which nobody reads. */
	bool refused;
	struct config *scratch;
	struct origin here;  /* what is looked at now */
	const char *section; /* one of the table's; "" at first */
	const char *meant;   /* of one that is refused, perhaps; NULL: not known */
	size_t rule;         /* index of the rule of this section; NO_RULE */
	struct origin keys[CONFIG_KEYS_MAX];
	struct rule_origins rules[CONFIG_RULES_MAX];
	char *error;
	size_t error_size;
	struct origin faulted[CONFIG_FAULTS_MAX]; /* where each line of `error` is */
	size_t faults;
	struct origin warned[CONFIG_WARNINGS_MAX]; /* where each warning is */
	int err;     /* of the first failure, which ends the loading */
	int mistake; /* … that does not, as all are to be told */
	/* Something was refused of which it is not known which key it is for. */
	bool unclear;
};

/* Notes the failure, of which only the first is told, or each. Returns the first's
 * -errno. */
int config_fail(struct loading *l, const struct origin *at, int err, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* config_fail() with -EINVAL, or, where that is forgiven, a doubt, and 0. */
int config_doubt(struct loading *l, const struct origin *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Of what is no mistake, and not what was meant, perhaps: among the configuration's warnings. */
void config_warn(struct loading *l, const struct origin *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Of rules that match nothing, or come to nothing. `in_part`: as config_check() has it. */
void config_warn_of_rules(struct loading *l, bool in_part);

/* Where a key's origin is in `keys`. */
size_t config_key_index(const char *section, const char *name);

/* Refuses, or doubts, what lies at a path and can never be what the key needs, as a directory where a
 * file is to be. What is not there, or can't be looked at, is left to whoever opens it. 0 or
 * -errno. */
int config_check_paths(struct loading *l);

/* What only the whole can be checked for. `in_part`: some of it could not be taken, so that
 * only what does not rest on the rest is looked at. 0 or -errno. */
int config_check(struct loading *l, bool in_part);

#endif
