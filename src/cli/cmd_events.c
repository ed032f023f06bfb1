// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden events: the running daemon's alerts. */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/remote.h"
#include "client/member.h"
#include "log.h"
#include "output/text.h"
#include "state/json_read.h"

struct options {
	bool follow, json;
	struct remote_options remote;
};

static const struct cli_option option_table[] = {
	CLI_FLAG('f', "follow", struct options, follow, "go on with those that come"),
	CLI_FLAG(0, "json", struct options, json,
		 "print the alerts themselves, one JSON object a line"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "[--follow] [--json] [-c FILE] [--socket PATH]",
	CLI_OPTIONS(option_table),
	.notes = "Needs a daemon that runs, and no privilege but to be in its group "
		 "(fdwarden).\nIt keeps the last 256 alerts.",
};

/* As many as the daemon keeps. */
#define RECENT_MAX  1000000
#define MESSAGE_MAX 4096

struct printing {
	const struct options *set;
	bool colour, utf8;
};

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

static const char *colour_of(const cJSON *alert)
{
	const char *level =
		text_of(cJSON_GetObjectItemCaseSensitive(alert, "log"), "level");

	if (!strcmp(level, "warning"))
		return "\033[33m";
	return !strcmp(level, "critical") || !strcmp(level, "error") ? "\033[31m" : "";
}

/* Of the alert's time, which is UTC, the local one. */
static void format_time(const char *timestamp, char *out, size_t size)
{
	struct tm tm = {0};
	time_t seconds;

	snprintf(out, size, "?");
	if (!strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	seconds = timegm(&tm);
	if (localtime_r(&seconds, &tm))
		strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

/* "2026-01-02 03:04:05  critical   nginx[1234] has …" */
static void print_text(const struct printing *p, const cJSON *alert)
{
	const cJSON *event = cJSON_GetObjectItemCaseSensitive(alert, "event");
	const char *action = text_of(event, "action"), *colour = colour_of(alert);
	char when[32], what[64], message[4 * MESSAGE_MAX];

	if (!strncmp(action, "fd-", 3))
		action += 3;
	format_time(text_of(alert, "@timestamp"), when, sizeof(when));
	text_terminal(what, sizeof(what), action, 15, 1, 0);
	text_terminal(message, sizeof(message), text_of(alert, "message"), MESSAGE_MAX,
		      0, p->utf8);
	if (!p->colour)
		colour = "";
	printf("%s  %s%s%s  %s\n", when, colour, what, *colour ? "\033[0m" : "",
	       message);
}

/* Valid JSON, checked; as it came. */
static void print_json(const char *line, size_t len)
{
	size_t alert_len = 0;
	const char *alert = member_find(line, len, "alert", &alert_len);

	if (alert)
		printf("%.*s\n", (int)alert_len, alert);
}

/* true: the last of the recent ones has been printed. */
static bool print_line(const struct printing *p, const char *line, size_t len)
{
	cJSON *json = json_read(line, len, JSON_READ_DEEP, NULL);
	const cJSON *alert = cJSON_GetObjectItemCaseSensitive(json, "alert");
	const cJSON *lost = cJSON_GetObjectItemCaseSensitive(json, "lost");
	bool last = !strcmp(text_of(json, "reply"), "self");

	if (alert && p->set->json)
		print_json(line, len);
	else if (alert)
		print_text(p, alert);
	else if (cJSON_IsNumber(lost))
		log_warning("events: %.0f alerts are missing here: they came faster "
			    "than they were read",
			    lost->valuedouble);
	cJSON_Delete(json);
	return last;
}

static int ask(struct client *client)
{
	cJSON *request = client_request("subscribe"), *mark = client_request("self");
	int err = -ENOMEM;

	/* What is answered after the recent ones marks their end. */
	if (request && mark && cJSON_AddNumberToObject(request, "recent", RECENT_MAX)) {
		err = client_send(client, request);
		if (!err)
			err = client_send(client, mark);
	}
	cJSON_Delete(request);
	cJSON_Delete(mark);
	return err;
}

/* 0: all is printed that was asked for. */
static int print_all(const struct printing *p, struct client *client)
{
	bool recent = true;

	for (;;) {
		int wait_ms = recent ? CLIENT_TIMEOUT_MS : -1, err;
		const char *line;
		size_t len;

		err = client_read_line(client, 0, &line, &len);
		if (err == -EAGAIN) {
			if (fflush(stdout))
				return 0; /* main() says it */
			err = client_read_line(client, wait_ms, &line, &len);
		}
		if (err)
			return err;
		if (print_line(p, line, len)) {
			recent = false;
			if (!p->set->follow)
				return 0;
		}
		if (ferror(stdout))
			return 0;
	}
}

static bool wants_colour(const struct options *set)
{
	const char *no_color = getenv("NO_COLOR");

	return !set->json && isatty(STDOUT_FILENO) && (!no_color || !*no_color);
}

int cmd_events(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	struct printing printing = {.set = &set};
	struct client *client;
	char why[REMOTE_WHY_MAX];

	if (code != CLI_RUN)
		return code;
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("events: %s", why);
		return CLI_USAGE;
	}
	printing.colour = wants_colour(&set);
	printing.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	err = remote_open(&set.remote, &client, why, sizeof(why));
	if (err) {
		log_error("events: %s", why);
		return CLI_FAILED;
	}
	err = ask(client);
	if (!err)
		err = print_all(&printing, client);
	client_close(client);
	fflush(stdout);
	if (!err)
		return CLI_DONE;
	if (err == -ECONNRESET || err == -EPIPE)
		log_error("events: the daemon has ended, or closed the connection");
	else
		log_error("events: the daemon can't be read: %s",
			  err == -EAGAIN ? "no answer in time" : strerror(-err));
	return CLI_FAILED;
}
