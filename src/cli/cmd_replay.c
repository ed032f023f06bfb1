// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden replay: what other levels would have told of an incident. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/printing.h"
#include "config/config.h"
#include "daemon/archive.h"
#include "log.h"
#include "output/incident_replay.h"
#include "output/json.h"
#include "output/postmortem.h"

struct options {
	bool json;
	struct cli_list overrides;
	const char *directory, *config;
};

static const struct cli_option option_table[] = {
	CLI_LIST('o', "option", "KEY=VALUE", struct options, overrides,
		 "another level, as thresholds.warn=70%"),
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "the daemon's configuration, for its [incidents] path"),
	CLI_STRING(0, "directory", "PATH", struct options, directory,
		   "the records in this directory"),
};

static const struct cli_usage usage = {
	.synopsis = "ID|NAME|FILE|last [-o thresholds.KEY=VALUE]… [--json] [-c FILE] "
		    "[--directory PATH]",
	CLI_OPTIONS(option_table),
	.operands = true,
	.notes = "Without -o it is what the daemon did, which is checked. With other "
		 "levels what was\nbefore the record counts as far as it is known: of "
		 "more than some seconds\nbefore only the least.",
};

/* The keys that are said, over what was in force. */
struct change {
	const struct options *set;
	const struct config *fresh; /* the defaults with what is said */
};

static bool is_said(const struct options *set, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < set->overrides.len; i++)
		if (!strncmp(set->overrides.items[i], key, len) &&
		    set->overrides.items[i][len] == '=')
			return true;
	return false;
}

static void change(void *context, struct policy_settings *settings)
{
	const struct change *c = context;
	const struct policy_settings *fresh = &c->fresh->thresholds;

	if (is_said(c->set, "thresholds.warn"))
		settings->warn_bp = fresh->warn_bp;
	if (is_said(c->set, "thresholds.critical"))
		settings->critical_bp = fresh->critical_bp;
	if (is_said(c->set, "thresholds.hysteresis"))
		settings->hysteresis_bp = fresh->hysteresis_bp;
	if (is_said(c->set, "thresholds.dwell"))
		settings->dwell_ns = fresh->dwell_ns;
	if (is_said(c->set, "thresholds.repeat"))
		settings->repeat_ns = fresh->repeat_ns;
	if (is_said(c->set, "thresholds.min_limit"))
		settings->min_limit = fresh->min_limit;
}

/* What is said has to fit what it is put over, at each line of the record. CLI_RUN, or the exit
 * code. */
static int check_levels(const struct options *set, const struct incident *incident,
			const struct config *fresh)
{
	struct change context = {.set = set, .fresh = fresh};
	char why[CONFIG_LEVELS_WHY_MAX];

	for (size_t i = 0; i < incident->seen_len && set->overrides.len; i++) {
		struct policy_settings levels = incident->seen[i].settings;

		if (!incident->seen[i].settings_known)
			continue;
		change(&context, &levels);
		if (config_levels_contradict(&levels, why, sizeof(why)))
			return cli_wrong_usage(
				"with the levels that were in force then: %s", why);
	}
	return CLI_RUN;
}

/* Only levels can be replayed. CLI_RUN, or the exit code. */
static int check_keys(const struct options *set)
{
	static const char *const keys[] = {
		"thresholds.warn=",  "thresholds.critical=", "thresholds.hysteresis=",
		"thresholds.dwell=", "thresholds.repeat=",   "thresholds.min_limit="};

	for (size_t i = 0; i < set->overrides.len; i++) {
		size_t k = 0;

		while (k < sizeof(keys) / sizeof(keys[0]) &&
		       strncmp(set->overrides.items[i], keys[k], strlen(keys[k])) != 0)
			k++;
		if (k == sizeof(keys) / sizeof(keys[0]))
			return cli_wrong_usage(
				"-o %s: only thresholds.warn, critical, "
				"hysteresis, dwell, repeat and min_limit "
				"can be replayed",
				set->overrides.items[i]);
	}
	return CLI_RUN;
}

static const char *name_of(const struct policy_decision *what)
{
	return policy_action_name(what->action);
}

static void print_list(const struct incident *incident,
		       const struct replay_decision *list, size_t len,
		       const char *title)
{
	uint64_t epoch_ns = incident->begin.boot_realtime_ns;

	printf("%s\n", title);
	if (!len)
		printf("  nothing\n");
	for (size_t i = 0; i < len; i++) {
		const char *reason = policy_reason_name(list[i].what.reason);
		char clock[16];

		postmortem_clock(list[i].at_ns + epoch_ns, clock, sizeof(clock));
		printf("  %s  %s%s%s%s\n", clock, name_of(&list[i].what),
		       reason ? ", " : "", reason ? reason : "",
		       list[i].what.repeats ? " (again)" : "");
	}
}

/* The first of a kind; NULL: there is none. */
static const struct replay_decision *first_of(const struct replay_decision *list,
					      size_t len, enum policy_action action)
{
	for (size_t i = 0; i < len; i++)
		if (list[i].what.action == action)
			return &list[i];
	return NULL;
}

static void say_difference(const struct replay *r)
{
	for (int action = 0; action < POLICY_ACTIONS; action++) {
		const struct replay_decision *then, *now;
		char span[48];

		then = first_of(r->then, r->then_len, action);
		now = first_of(r->now, r->now_len, action);
		if (!then && !now)
			continue;
		if (!then || !now) {
			printf("%s: %s\n", policy_action_name(action),
			       now ? "would have come" : "would not have come");
			continue;
		}
		if (then->at_ns == now->at_ns)
			continue;
		postmortem_span(then->at_ns > now->at_ns ? then->at_ns - now->at_ns
							 : now->at_ns - then->at_ns,
				span, sizeof(span));
		printf("%s: %s %s\n", policy_action_name(action), span,
		       now->at_ns < then->at_ns ? "earlier" : "later");
	}
	if (r->open)
		printf("It would still stand where the record ends.\n");
}

static int add_list(cJSON *root, const char *name, const struct incident *incident,
		    const struct replay_decision *list, size_t len)
{
	cJSON *out = cJSON_AddArrayToObject(root, name);
	int err = out ? 0 : -ENOMEM;

	for (size_t i = 0; i < len && !err; i++) {
		cJSON *one = cJSON_CreateObject();
		char when[32];

		if (!one || !cJSON_AddItemToArray(out, one)) {
			cJSON_Delete(one);
			return -ENOMEM;
		}
		alert_timestamp(list[i].at_ns + incident->begin.boot_realtime_ns, when);
		err = json_add_text(one, "@timestamp", when);
		if (!err)
			err = json_add_text(one, "action", name_of(&list[i].what));
		if (!err)
			err = json_add_text(one, "reason",
					    policy_reason_name(list[i].what.reason));
	}
	return err;
}

static int print_json(const struct incident *incident, const struct replay *r)
{
	cJSON *root = cJSON_CreateObject();
	int err =
		root ? add_list(root, "then", incident, r->then, r->then_len) : -ENOMEM;

	if (!err)
		err = add_list(root, "now", incident, r->now, r->now_len);
	if (!err && (!cJSON_AddBoolToObject(root, "agrees", replay_agrees(r)) ||
		     !cJSON_AddBoolToObject(root, "changed", r->changed) ||
		     !cJSON_AddBoolToObject(root, "open", r->open)))
		err = -ENOMEM;
	if (!err)
		return printing_json(root);
	cJSON_Delete(root);
	return err;
}

static int print(const struct options *set, const struct incident *incident,
		 const struct replay *r)
{
	if (set->json)
		return print_json(incident, r);
	print_list(incident, r->then, r->then_len, "The daemon decided");
	if (!r->changed) {
		printf("With the same levels: %s\n",
		       replay_agrees(r)
			       ? "the same, to the alert"
			       : "otherwise, for lines of the record are missing");
		return 0;
	}
	print_list(incident, r->now, r->now_len, "With these levels it had been");
	say_difference(r);
	return 0;
}

static int replay(const struct options *set, const struct incident *incident,
		  const struct config *fresh)
{
	struct change context = {.set = set, .fresh = fresh};
	struct replay replay;
	int err = incident_replay(incident, change, &context, &replay);

	if (err == -EINVAL)
		log_error("replay: the record does not have what the daemon saw: it is "
			  "a summary's, or its beginning is lost");
	else if (err)
		log_error("replay: %s", strerror(-err));
	if (err)
		return CLI_FAILED;
	err = print(set, incident, &replay);
	replay_clear(&replay);
	if (err)
		log_error("replay: standard output: %s", strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}

int cmd_replay(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set);
	char why[ARCHIVE_WHY_MAX] = "", id[ALERT_ID_LEN];
	struct incident incident;
	struct config *fresh;

	if (code != CLI_RUN)
		return code;
	if (argc != 1)
		return cli_wrong_usage("one incident is needed: an ID of 'fdwarden "
				       "incidents', a NAME, a file, or last");
	code = check_keys(&set);
	if (code != CLI_RUN)
		return code;
	if (config_load("/dev/null", CONFIG_LEVELS_APART, set.overrides.items,
			set.overrides.len, &fresh, why, sizeof(why))) {
		log_error("replay: %s", why);
		return CLI_USAGE;
	}
	if (archive_find(argv[0], set.directory, set.config, &incident, id, why,
			 sizeof(why))) {
		log_error("replay: %s", why);
		code = CLI_FAILED;
	} else {
		code = check_levels(&set, &incident, fresh);
		if (code == CLI_RUN)
			code = replay(&set, &incident, fresh);
	}
	incident_clear(&incident);
	config_free(fresh);
	return code;
}
