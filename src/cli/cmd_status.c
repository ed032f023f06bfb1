// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden status: whether a daemon monitors, since when, with what, what stands, and whether
 * anything is lost. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/printing.h"
#include "cli/remote.h"
#include "cli/stands.h"
#include "log.h"
#include "output/json.h"

#define ROW        "  %-10s "
#define SHOWN_MAX  10
/* Behind its time by so many looks, and at least so long, it is said not to look any more. A
 * daemon whose machine is busy is late by less. */
#define LATE_LOOKS 10
#define LATE_MIN_S 30.0

struct options {
	bool json;
	struct remote_options remote;
};

static const struct cli_option option_table[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "[--json] [-c FILE] [--socket PATH]",
	CLI_OPTIONS(option_table),
	.notes = "Exit codes: 0 a daemon monitors, whatever stands; 1 none does, or it "
		 "can't be asked.",
};

struct status {
	struct client_greeting daemon;
	struct roster roster;
	double age_s; /* of its last look */
	bool late;
};

static int ask(const struct remote_options *set, struct status *out, char *why,
	       size_t size)
{
	struct client *client;
	struct timespec now;
	double interval_s;
	int err = remote_open(set, &client, why, size);

	if (err)
		return err;
	out->daemon = *client_greeting(client);
	err = remote_roster(client, NULL, 0, &out->roster, why, size);
	client_close(client);
	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	out->age_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
		     (double)out->roster.realtime_ns / 1e9;
	interval_s = (double)out->roster.interval_ns / 1e9;
	out->late = out->age_s > LATE_MIN_S && out->age_s > LATE_LOOKS * interval_s;
	return 0;
}

/* ---- for people ---- */

/* "3 h 12 min" */
static void format_span(double seconds, char *text, size_t size)
{
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

	if (s < 120)
		snprintf(text, size, "%lu s", s);
	else if (s < 7200)
		snprintf(text, size, "%lu min", s / 60);
	else if (s < 172800)
		snprintf(text, size, "%lu h %lu min", s / 3600, s / 60 % 60);
	else
		snprintf(text, size, "%lu days %lu h", s / 86400, s / 3600 % 24);
}

/* "since 2026-01-02 03:04:05 +0100, for 3 h 12 min"; empty: an older daemon does not say it. */
static void format_since(const char *started_at, char *text, size_t size)
{
	struct tm tm = {0};
	char when[64], span[64];
	time_t then;

	*text = 0;
	if (!strptime(started_at, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	then = timegm(&tm);
	format_span(difftime(time(NULL), then), span, sizeof(span));
	if (localtime_r(&then, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm))
		snprintf(text, size, " since %s, for %s", when, span);
}

/* Not lost, but seen late or not exactly. */
static bool is_note(const char *name)
{
	return !strcmp(name, "drift") || !strcmp(name, "torn");
}

static size_t list_losses(const struct self_figures *self, bool notes, char *text,
			  size_t size)
{
	struct self_loss losses[SELF_LOSSES];
	size_t len = 0;

	*text = 0;
	self_losses(self, losses);
	for (size_t i = 0; i < SELF_LOSSES && len < size; i++)
		if (losses[i].value && is_note(losses[i].name) == notes)
			len += (size_t)snprintf(text + len, size - len, "%s%s %" PRIu64,
						len ? ", " : "", losses[i].name,
						losses[i].value);
	return len;
}

static void print_losses(const struct self_figures *self)
{
	char text[512];

	if (list_losses(self, false, text, sizeof(text)))
		printf(ROW "%s: see 'Figures of its own' in fdwarden(8)\n", "lost",
		       text);
	else
		printf(ROW "nothing\n", "lost");
	if (list_losses(self, true, text, sizeof(text)))
		printf(ROW "%s: seen late or not exactly, and looked at again\n",
		       "imprecise", text);
}

static int print_page(const struct status *s)
{
	const struct roster *roster = &s->roster;
	const struct self_figures *self = &roster->self;
	struct page page = printing_page();
	const struct roster_row **open = NULL;
	char since[256], count[256], span[64], how[512];
	size_t len;
	int err = stands_find(roster, &open, &len);

	if (err)
		return err;
	format_since(self->started_at, since, sizeof(since));
	printf("Monitoring%s\n", since);
	printf(ROW "fdwarden %s, pid %d\n", "daemon", s->daemon.version,
	       (int)s->daemon.pid);
	snprintf(how, sizeof(how), "sensor %s, counters in %s, snapshot %s, every %g s",
		 self->sensor, self->counters, self->snapshot,
		 (double)roster->interval_ns / 1e9);
	page_text(&page, "  sees by    ", how);
	format_span(s->age_s, span, sizeof(span));
	printf(ROW "%" PRIu64 " processes, %" PRIu64
		   " descriptors; the last look was %s ago\n",
	       "sees", self->processes, self->descriptors, span);
	stands_count(open, len, count, sizeof(count));
	printf(ROW "%s\n", "incidents", len ? count : "none");
	stands_print(open, len, SHOWN_MAX, &page);
	print_losses(self);
	free(open);
	return ferror(stdout) ? -EIO : 0;
}

/* ---- for programs: the members of a snapshot, of the processes in an incident ---- */

static int add_standing(cJSON *root, const struct roster *roster)
{
	cJSON *list = cJSON_AddArrayToObject(root, "processes");
	const struct roster_row **open = NULL;
	struct alert_host host;
	size_t len;
	int err = stands_find(roster, &open, &len);

	if (!list)
		err = -ENOMEM;
	roster_host(roster, &host);
	for (size_t i = 0; i < len && !err; i++) {
		cJSON *row = roster_row_json(open[i], &host);

		if (!row || !cJSON_AddItemToArray(list, row)) {
			cJSON_Delete(row);
			err = -ENOMEM;
		}
	}
	free(open);
	return err;
}

static int print_json(const struct status *s)
{
	cJSON *root = roster_head_json(&s->roster, 0, NULL, 0);
	cJSON *daemon = root ? json_add_object(root, "fdwarden") : NULL;
	int err =
		daemon ? json_add_text(daemon, "version", s->daemon.version) : -ENOMEM;

	if (!err && !cJSON_AddBoolToObject(root, "monitoring", !s->late))
		err = -ENOMEM;
	if (!err)
		err = add_standing(root, &s->roster);
	if (err) {
		cJSON_Delete(root);
		return err;
	}
	return printing_json(root);
}

/* Where none can be asked, a program reads that too. */
static int print_absence(const char *why)
{
	cJSON *root = cJSON_CreateObject();

	if (!root || !cJSON_AddBoolToObject(root, "monitoring", false) ||
	    json_add_text(root, "reason", why)) {
		cJSON_Delete(root);
		return -ENOMEM;
	}
	return printing_json(root);
}

int cmd_status(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	struct status status = {0};
	char why[REMOTE_WHY_MAX];

	if (code != CLI_RUN)
		return code;
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("status: %s", why);
		return CLI_USAGE;
	}
	if (ask(&set.remote, &status, why, sizeof(why))) {
		if (set.json && print_absence(why))
			log_error("status: %s", strerror(ENOMEM));
		log_error("status: %s", why);
		return CLI_FAILED;
	}
	err = set.json ? print_json(&status) : print_page(&status);
	if (err)
		log_error("status: standard output: %s", strerror(-err));
	if (!err && status.late) {
		fflush(stdout);
		log_error("status: the daemon runs, but its last look at the processes "
			  "was %.0f s ago; its log says why",
			  status.age_s);
	}
	roster_clear(&status.roster);
	return err || status.late ? CLI_FAILED : CLI_DONE;
}
