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
#include "cli/printing.h"
#include "cli/remote.h"
#include "cli/subject.h"
#include "cli/values.h"
#include "client/member.h"
#include "log.h"
#include "output/roster.h"
#include "output/text.h"
#include "state/identity_match.h"
#include "state/json_read.h"

struct options {
	bool follow, json;
	const char *since, *service, *level;
	struct remote_options remote;
};

static const struct cli_option option_table[] = {
	CLI_FLAG('f', "follow", struct options, follow, "go on with those that come"),
	CLI_FLAG(0, "json", struct options, json,
		 "print the alerts themselves, one JSON object a line"),
	CLI_STRING(0, "since", "TIME", struct options, since,
		   "none before: 10m (ago), 08:30, '2026-01-02 08:30'"),
	CLI_STRING(0, "service", "NAME", struct options, service,
		   "those of this service alone; NAME may be a pattern"),
	CLI_STRING(0, "level", "LEVEL", struct options, level,
		   "of this level or worse: info, warning, critical, exhausted"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "[PID|NAME] [--follow] [--json] [--since TIME] [--service NAME] "
		    "[--level LEVEL] [-c FILE] [--socket PATH]",
	CLI_OPTIONS(option_table),
	.operands = true,
	.notes = "NAME is that of a program, a service, a container or a pod, or a "
		 "pattern as of a shell.\n"
		 "Needs a daemon that runs, and no privilege but to be in its group "
		 "(fdwarden).\nIt keeps the last 256 alerts, or 1 MiB. Times are in "
		 "your "
		 "time zone ($TZ).",
};

/* As many as the daemon keeps. */
#define RECENT_MAX  1000000
#define MESSAGE_MAX 4096
/* From so many, or so many bytes, on the daemon may have dropped earlier ones: an alert is
 * shorter than what is left to 1 MiB. */
#define KEPT_MAX    256
#define KEPT_BYTES  (960u << 10)

/* Of the second and further lines of one alert on a terminal. */
#define MORE_INDENT 4

struct printing {
	const struct options *set;
	bool colour, utf8;
	int width;           /* of the terminal; 0: it is none, and each has one line */
	time_t since;        /* 0: from the beginning */
	int severity;        /* this and higher ones */
	const char *subject; /* a name, or that of `pid`; NULL: all processes */
	int pid;             /* 0: it is a name */
	/* Of the recent ones: how many, their bytes, and the time of the first; 0: none */
	uint64_t seen, shown, bytes;
	time_t first;
	bool recent; /* they are still coming */
};

/* As event.severity has them. */
static const struct {
	const char *name;
	int severity;
} levels[] = {{"info", 0}, {"warning", 3}, {"critical", 4}, {"exhausted", 5}};

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

/* Of the alert's time, which is UTC. false: it is none. */
static bool read_time(const char *timestamp, time_t *out)
{
	struct tm tm = {0};

	if (!strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

/* The local one, with its zone: who reads it may be in another than the host. */
static void format_time(const char *timestamp, char *out, size_t size)
{
	struct tm tm;
	time_t seconds;

	snprintf(out, size, "?");
	if (read_time(timestamp, &seconds) && localtime_r(&seconds, &tm))
		strftime(out, size, "%Y-%m-%d %H:%M:%S %z", &tm);
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool has_pid(const cJSON *process, int pid)
{
	const cJSON *number = member(process, "pid");

	return cJSON_IsNumber(number) && number->valuedouble == pid;
}

/* A summary is about many: those that it lists, and what is the same for all of them. */
static bool is_summary_of(const struct printing *p, const cJSON *group)
{
	const cJSON *process = member(group, "process"), *one;
	struct identity who = {
		.executable = (char *)text_of(process, "executable"),
		.service = (char *)text_of(group, "name"),
	};

	if (!p->pid) {
		snprintf(who.comm, sizeof(who.comm), "%s", text_of(process, "name"));
		return identity_matches(&who, p->subject);
	}
	cJSON_ArrayForEach (one, member(group, "members"))
		if (has_pid(one, p->pid))
			return true;
	return has_pid(process, p->pid);
}

static bool is_about(const struct printing *p, const cJSON *alert)
{
	const cJSON *group = member(member(alert, "fd"), "group");
	struct identity who = {0};
	bool is;

	if (group)
		return is_summary_of(p, group);
	if (p->pid)
		return has_pid(member(alert, "process"), p->pid);
	is = !roster_read_identity(alert, &who) && identity_matches(&who, p->subject);
	identity_clear(&who);
	return is;
}

static bool is_wanted(const struct printing *p, const cJSON *alert)
{
	const cJSON *event = cJSON_GetObjectItemCaseSensitive(alert, "event");
	const cJSON *severity = cJSON_GetObjectItemCaseSensitive(event, "severity");
	const cJSON *service = cJSON_GetObjectItemCaseSensitive(alert, "service");
	time_t when;

	if (p->since && read_time(text_of(alert, "@timestamp"), &when) &&
	    when < p->since)
		return false;
	if (p->severity && !(severity && severity->valuedouble >= p->severity))
		return false;
	if (p->subject && !is_about(p, alert))
		return false;
	return !p->set->service ||
	       identity_is_service(text_of(service, "name"), p->set->service);
}

/* "2026-01-02 03:04:05 +0100  critical   nginx[1234] has …" */
static void print_text(const struct printing *p, const cJSON *alert)
{
	const cJSON *event = cJSON_GetObjectItemCaseSensitive(alert, "event");
	const char *action = text_of(event, "action"), *colour = colour_of(alert);
	char when[48], what[64], message[4 * MESSAGE_MAX];

	if (!strncmp(action, "fd-", 3))
		action += 3;
	format_time(text_of(alert, "@timestamp"), when, sizeof(when));
	text_terminal(what, sizeof(what), action, 15, 1, 0);
	text_terminal(message, sizeof(message), text_of(alert, "message"), MESSAGE_MAX,
		      0, p->utf8);
	if (!p->colour)
		colour = "";
	printf("%s  %s%s%s  ", when, colour, what, *colour ? "\033[0m" : "");
	if (p->width) {
		const struct page page = {
			.out = stdout, .utf8 = p->utf8, .width = p->width};

		page_go_on(&page, (int)(strlen(when) + strlen(what)) + 4, MORE_INDENT,
			   message);
	} else {
		puts(message);
	}
}

/* Valid JSON, checked; as it came. */
static void print_json(const char *line, size_t len)
{
	size_t alert_len = 0;
	const char *alert = member_find(line, len, "alert", &alert_len);

	if (alert)
		printf("%.*s\n", (int)alert_len, alert);
}

/* Of those that the daemon keeps. */
static void count(struct printing *p, const cJSON *alert, size_t len)
{
	if (!p->seen++ && !read_time(text_of(alert, "@timestamp"), &p->first))
		p->first = 0;
	p->bytes += len;
}

/* Where it is asked for more than the daemon can have: since when it has all. `self` are its
 * figures. */
static void say_reach(const struct printing *p, const cJSON *self)
{
	bool full = p->seen >= KEPT_MAX || p->bytes >= KEPT_BYTES;
	time_t began = 0, from;
	char when[48] = "";
	struct tm tm;

	if (!read_time(text_of(self, "started_at"), &began))
		began = 0;
	from = full ? p->first : began;
	if (!p->since || !from || p->since >= from)
		return;
	if (localtime_r(&from, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
	log_info("events: only since %s, %s; earlier ones are in the journal or in "
		 "output.file, where the daemon has one",
		 when,
		 full ? "as the daemon keeps no more" : "when the daemon started");
}

/* true: the last of the recent ones has been printed. */
static bool print_line(struct printing *p, const char *line, size_t len)
{
	cJSON *json = json_read(line, len, JSON_READ_DEEP, NULL);
	const cJSON *alert = cJSON_GetObjectItemCaseSensitive(json, "alert");
	const cJSON *lost = cJSON_GetObjectItemCaseSensitive(json, "lost");
	bool last = !strcmp(text_of(json, "reply"), "self");

	bool wanted = alert && is_wanted(p, alert);

	if (alert)
		count(p, alert, len);
	else if (last && p->recent)
		say_reach(p, member(json, "self"));
	p->shown += wanted;
	if (alert && !wanted)
		; /* not asked for */
	else if (alert && p->set->json)
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
static int print_all(struct printing *p, struct client *client)
{
	p->recent = true;
	for (;;) {
		int wait_ms = p->recent ? CLIENT_TIMEOUT_MS : -1, err;
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
			p->recent = false;
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

/* What was asked for, behind "none of them". */
static const char *asked_for(const struct printing *p)
{
	const bool asked[] = {p->subject != NULL, p->set->service != NULL,
			      p->set->level != NULL, p->since != 0};
	static const char *const words[] = {"is about such a process",
					    "is of such a service", "has such a level",
					    "is so recent"};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		if (asked[i] && found)
			return "is all that was asked for";
		if (asked[i])
			found = words[i];
	}
	return found ? found : "can be read";
}

/* Nothing is an answer, too: of what, and how many others there are. Not where a program
 * reads. */
static void say_nothing(const struct printing *p)
{
	if (p->shown || p->set->json || p->set->follow)
		return;
	if (p->seen)
		log_info("events: none of the last %" PRIu64 " alert%s %s", p->seen,
			 p->seen == 1 ? "" : "s", asked_for(p));
	else
		log_info("events: the daemon has alerted nothing yet");
}

/* CLI_RUN, or the exit code. */
static int read_filters(const struct options *set, struct printing *p)
{
	if (set->since && values_parse_since(set->since, time(NULL), &p->since))
		return cli_wrong_usage("--since %s: " VALUES_SINCE ", is needed",
				       set->since);
	for (size_t i = 0; set->level; i++) {
		if (i == sizeof(levels) / sizeof(levels[0]))
			return cli_wrong_usage("--level %s: allowed are info, warning, "
					       "critical, exhausted",
					       set->level);
		p->severity = levels[i].severity;
		if (!strcmp(set->level, levels[i].name))
			break;
	}
	return CLI_RUN;
}

int cmd_events(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	struct printing printing = {.set = &set};
	struct client *client;
	char why[REMOTE_WHY_MAX];

	if (code == CLI_RUN)
		code = read_filters(&set, &printing);
	if (code != CLI_RUN)
		return code;
	if (argc > 1)
		return cli_wrong_usage("one process at a time");
	if (argc && !subject_is_valid(argv[0]))
		return cli_wrong_usage(SUBJECT_INVALID, argv[0]);
	printing.subject = argc ? argv[0] : NULL;
	if (argc && cli_parse_pid(argv[0], &printing.pid))
		printing.pid = 0;
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("events: %s", why);
		return CLI_USAGE;
	}
	printing.colour = wants_colour(&set);
	printing.width = isatty(STDOUT_FILENO) ? printing_page().width : 0;
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
	if (!err) {
		say_nothing(&printing);
		return CLI_DONE;
	}
	if (err == -ECONNRESET || err == -EPIPE)
		log_error("events: the daemon has ended, or closed the connection");
	else
		log_error("events: the daemon can't be read: %s",
			  err == -EAGAIN ? "no answer in time" : strerror(-err));
	return CLI_FAILED;
}
