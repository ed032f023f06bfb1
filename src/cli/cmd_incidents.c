// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden incidents: those of which there is a record, the newest first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/printing.h"
#include "cli/values.h"
#include "log.h"
#include "output/postmortem.h"
#include "output/text.h"
#include "state/identity_match.h"

/* Where WHO begins, the last column. */
#define WHO_COLUMN 62

struct options {
	bool json;
	const char *since, *service, *directory, *config;
};

static const struct cli_option option_table[] = {
	CLI_STRING(0, "since", "TIME", struct options, since,
		   "none that was over before: 2d (ago), 08:30, 2026-01-02"),
	CLI_STRING(0, "service", "NAME", struct options, service,
		   "those of this service alone; NAME may be a pattern"),
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "the daemon's configuration, for its [incidents] path"),
	CLI_STRING(0, "directory", "PATH", struct options, directory,
		   "the records in this directory"),
};

static const struct cli_usage usage = {
	.synopsis = "[--since TIME] [--service NAME] [--json] [-c FILE] "
		    "[--directory PATH]",
	CLI_OPTIONS(option_table),
	.notes =
		"Needs no daemon that runs, and no privilege but to be in its group "
		"(fdwarden).\n'fdwarden report ID' tells one of them, by the beginning "
		"of its id; 'report last' the last.",
};

static bool is_wanted(const struct options *set, time_t since,
		      const struct postmortem *p)
{
	/* One that goes on was not over before. */
	if (since > 0 && !p->open && p->ended_ns / 1000000000u < (uint64_t)since)
		return false;
	return !set->service ||
	       (p->service && identity_is_service(p->service, set->service));
}

static void print_row(const struct postmortem *p, const struct page *page)
{
	char when[48], span[48], who[256], safe[1024];

	postmortem_time(p->began_ns, when, sizeof(when));
	when[16] = 0; /* to the minute */
	postmortem_span(p->ended_ns - p->began_ns, span, sizeof(span));
	if (p->open)
		snprintf(span, sizeof(span), "-");
	postmortem_who(p, who, sizeof(who));
	text_terminal(safe, sizeof(safe), who, page->width - WHO_COLUMN, 0, page->utf8);
	printf("%.8s  %s  %-11s %-11.11s %8" PRIu64 "  %s\n", p->id, when, span,
	       p->worst, p->refused, safe);
	if (p->cause)
		page_line(page, "          ", p->cause);
	if (p->line[0])
		page_line(page, "          ", p->line);
}

/* One of them, if it is wanted. Damage is said, and the others are shown. */
static int take_one(const struct options *set, time_t since, const struct archive *a,
		    const char *id, const struct page *page, cJSON *list, size_t *shown)
{
	struct incident incident;
	struct postmortem p;
	char why[ARCHIVE_WHY_MAX];
	int err = archive_read(a, id, &incident, why, sizeof(why));

	if (err) {
		/* it may have been removed just now */
		if (err != -ENOENT)
			log_warning("incidents: %s", why);
		return err == -ENOMEM ? err : 0;
	}
	err = postmortem_make(&incident, id, &p);
	if (!err && is_wanted(set, since, &p)) {
		cJSON *one = list ? postmortem_brief(&p) : NULL;

		if (list && (!one || !cJSON_AddItemToArray(list, one))) {
			cJSON_Delete(one);
			err = -ENOMEM;
		}
		if (!list && !(*shown)++)
			printf("%-8s  %-16s  %-11s %-11s %8s  %s\n", "ID", "WHEN",
			       "LASTED", "WORST", "REFUSED", "WHO");
		if (!list)
			print_row(&p, page);
	}
	postmortem_clear(&p);
	incident_clear(&incident);
	return err;
}

int cmd_incidents(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err = 0;
	cJSON *root = NULL, *list = NULL;
	struct page page = printing_page();
	char why[ARCHIVE_WHY_MAX];
	struct archive archive;
	size_t shown = 0;
	time_t since = 0;

	if (code != CLI_RUN)
		return code;
	if (set.since && values_parse_since(set.since, time(NULL), &since))
		return cli_wrong_usage("--since %s: " VALUES_SINCE ", is needed",
				       set.since);
	if (archive_open(set.directory, set.config, &archive, why, sizeof(why))) {
		log_error("incidents: %s", why);
		return CLI_FAILED;
	}
	if (page.width < 80)
		page.width = 80;
	if (set.json) {
		root = cJSON_CreateObject();
		list = root ? cJSON_AddArrayToObject(root, "incidents") : NULL;
		err = list ? 0 : -ENOMEM;
	}
	if (!err)
		err = archive_sort(&archive);
	for (size_t i = 0; i < archive.len && !err; i++)
		err = take_one(&set, since, &archive, archive.entries[i].id, &page,
			       list, &shown);
	if (!err && root) {
		err = printing_json(root);
		root = NULL;
	}
	if (!err && !set.json && !shown)
		log_info("incidents: %s",
			 archive.len ? "none is what was asked for" : "there was none");
	cJSON_Delete(root);
	archive_close(&archive);
	if (err)
		log_error("incidents: %s", strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}
