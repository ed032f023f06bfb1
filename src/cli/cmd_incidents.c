// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden incidents: those of which there is a record, the newest first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/printing.h"
#include "cli/values.h"
#include "daemon/archive.h"
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

/* One of the list, as it is printed. */
struct row {
	uint64_t began_ns; /* CLOCK_REALTIME */
	char id[ALERT_ID_LEN];
	char *text;  /* NULL: a document is wanted */
	cJSON *json; /* NULL: text is */
};

struct list {
	const struct options *set;
	const struct archive *archive;
	time_t since;
	int width;
	struct row *rows;
	size_t len;
};

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
	fprintf(page->out, "%.8s  %s  %-11s %-11.11s %8" PRIu64 "  %s\n", p->id, when,
		span, p->worst, p->refused, safe);
	if (p->cause)
		page_line(page, "          ", p->cause);
	if (p->line[0])
		page_line(page, "          ", p->line);
}

static char *row_text(const struct list *list, const struct postmortem *p)
{
	struct page page = printing_page();
	char *text = NULL;
	size_t len;

	page.width = list->width;
	page.out = open_memstream(&text, &len);
	if (!page.out)
		return NULL;
	print_row(p, &page);
	if (!fclose(page.out))
		return text;
	free(text);
	return NULL;
}

static int add_row(struct list *list, const struct postmortem *p)
{
	struct row row = {.began_ns = p->began_ns};

	snprintf(row.id, sizeof(row.id), "%s", p->id);
	if (list->set->json)
		row.json = postmortem_brief(p);
	else
		row.text = row_text(list, p);
	if (!row.json && !row.text)
		return -ENOMEM;
	list->rows[list->len++] = row;
	return 0;
}

/* One of them, if it is wanted. Damage is said, and the others are shown. */
static int take_one(struct list *list, const char *id)
{
	struct incident incident;
	struct postmortem p;
	char why[ARCHIVE_WHY_MAX];
	int err = archive_read(list->archive, id, &incident, why, sizeof(why));

	if (err) {
		/* it may have been removed just now */
		if (err != -ENOENT)
			log_warning("incidents: %s", why);
		return err == -ENOMEM ? err : 0;
	}
	err = postmortem_make(&incident, id, &p);
	if (!err && is_wanted(list->set, list->since, &p))
		err = add_row(list, &p);
	postmortem_clear(&p);
	incident_clear(&incident);
	return err;
}

static int by_begin(const void *a, const void *b)
{
	const struct row *first = a, *second = b;

	return archive_is_before(first->began_ns, first->id, second->began_ns,
				 second->id)
		       ? -1
		       : 1;
}

/* Reads each record once: all together may be large. */
static int take_all(struct list *list)
{
	const struct archive *archive = list->archive;
	int err = 0;

	list->rows = calloc(archive->len + 1, sizeof(*list->rows));
	if (!list->rows)
		return -ENOMEM;
	for (size_t i = 0; i < archive->len && !err; i++)
		err = take_one(list, archive->entries[i].id);
	if (list->len)
		qsort(list->rows, list->len, sizeof(*list->rows), by_begin);
	return err;
}

static int print_json(struct list *list)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *array = root ? cJSON_AddArrayToObject(root, "incidents") : NULL;

	for (size_t i = 0; array && i < list->len; i++) {
		cJSON_AddItemToArray(array, list->rows[i].json);
		list->rows[i].json = NULL;
	}
	if (array)
		return printing_json(root);
	cJSON_Delete(root);
	return -ENOMEM;
}

static int print_list(const struct list *list)
{
	if (!list->len)
		log_info("incidents: %s", list->archive->len
						  ? "none is what was asked for"
						  : "there was none");
	else
		printf("%-8s  %-16s  %-11s %-11s %8s  %s\n", "ID", "WHEN", "LASTED",
		       "WORST", "REFUSED", "WHO");
	for (size_t i = 0; i < list->len; i++)
		fputs(list->rows[i].text, stdout);
	return 0;
}

static void clear_list(struct list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->rows[i].text);
		cJSON_Delete(list->rows[i].json);
	}
	free(list->rows);
}

int cmd_incidents(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	char why[ARCHIVE_WHY_MAX];
	struct archive archive;
	struct list list = {
		.set = &set, .archive = &archive, .width = printing_page().width};

	if (code != CLI_RUN)
		return code;
	if (set.since && values_parse_since(set.since, time(NULL), &list.since))
		return cli_wrong_usage("--since %s: " VALUES_SINCE ", is needed",
				       set.since);
	if (archive_open(set.directory, set.config, &archive, why, sizeof(why))) {
		log_error("incidents: %s", why);
		return CLI_FAILED;
	}
	if (list.width < 80)
		list.width = 80;
	err = take_all(&list);
	if (!err)
		err = set.json ? print_json(&list) : print_list(&list);
	clear_list(&list);
	archive_close(&archive);
	if (err)
		log_error("incidents: %s", strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}
