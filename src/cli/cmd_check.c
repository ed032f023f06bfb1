// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden check: one line and an exit code, by the guidelines for plugins of Nagios. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/subject.h"
#include "cli/values.h"
#include "collect/kernel.h"
#include "config/config.h"
#include "output/text.h"
#include "output/verdict.h"

struct options {
	const char *warn, *critical, *service, *timeout;
	const char *
		letter_c; /* -c: of plugins the critical level, here the configuration */
	struct remote_options remote;
};

/* The levels that are asked for, as ranges where they are given as such. */
struct levels {
	struct verdict_range warn, critical;
};

static const struct cli_option option_table[] = {
	CLI_STRING('w', "warn", "PERCENT", struct options, warn,
		   "WARNING from this share of the soft limit on (default 80)"),
	CLI_STRING(0, "critical", "PERCENT", struct options, critical,
		   "CRITICAL from this share on (default 95)"),
	CLI_STRING('c', NULL, "PERCENT|FILE", struct options, letter_c,
		   "--critical, as plugins have it; a name with a / is --config"),
	CLI_STRING('t', "timeout", "TIME", struct options, timeout,
		   "UNKNOWN if it takes longer: 10s; a bare number is seconds"),
	CLI_STRING(0, "service", "NAME", struct options, service,
		   "the fullest process of this service"),
	CLI_STRING(0, "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

/* A monitor shows what is on standard output. */
static void complain(const char *line)
{
	char text[VERDICT_LINE_MAX];

	verdict_line(VERDICT_UNKNOWN, line, "", text, sizeof(text));
	puts(text);
}

static const struct cli_usage usage = {
	.synopsis = "[-w PERCENT] [-c PERCENT] [-t TIME] [--socket PATH] "
		    "[PID|NAME|--service NAME]",
	CLI_OPTIONS(option_table),
	.operands = true,
	.complain = complain,
	.notes = "Without PID, NAME and --service: the fullest process of the host; "
		 "NAME is that "
		 "of a program,\na service, a container or a pod, or a pattern as of a "
		 "shell.\n"
		 "PERCENT may be a range, which is well: 10:80, ~:80, or with @ in "
		 "front, "
		 "which is not.\n"
		 "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, wrong usage "
		 "included.\n"
		 "Asks the daemon, if one runs that may be asked; else looks by "
		 "itself.",
};

/* "80", "82.5" and the same with "%". */
static int parse_share(const char *text, uint32_t *bp)
{
	char value[32];
	size_t len = strlen(text);

	if (len >= sizeof(value) - 1)
		return -EINVAL;
	snprintf(value, sizeof(value), "%s%s", text,
		 len && text[len - 1] == '%' ? "" : "%");
	return config_parse_percent(value, bp);
}

static int wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int wrong(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)cli_wrong_usage("%s", text);
	return VERDICT_UNKNOWN;
}

/* A share, or a range. */
static int parse_level(const char *text, uint32_t *bp, struct verdict_range *room,
		       const struct verdict_range **range)
{
	*range = NULL;
	if (!parse_share(text, bp))
		return 0;
	if (verdict_range_parse(text, room))
		return -EINVAL;
	*range = room;
	return 0;
}

/* What -c means. 0, or the exit code. */
static int read_letter_c(struct options *set)
{
	struct verdict_range range;
	uint32_t bp;

	if (!set->letter_c)
		return 0;
	if (!parse_share(set->letter_c, &bp) ||
	    !verdict_range_parse(set->letter_c, &range))
		set->critical = set->letter_c;
	else if (strchr(set->letter_c, '/'))
		set->remote.config = set->letter_c;
	else
		return wrong(
			"-c %s: neither a share above 0 up to 100, nor a range, nor "
			"a configuration (with a / in its name)",
			set->letter_c);
	return 0;
}

/* 0, or the exit code. */
static int read_question(const struct options *set, int argc, char **argv,
			 struct levels *levels, struct verdict_question *out)
{
	int pid = 0;

	*out = (struct verdict_question){.warn_bp = 8000, .critical_bp = 9500};
	if (set->warn &&
	    parse_level(set->warn, &out->warn_bp, &levels->warn, &out->warn_range))
		return wrong(
			"--warn %s: a share above 0 up to 100 is wanted, or a range "
			"as 10:80",
			set->warn);
	if (set->critical && parse_level(set->critical, &out->critical_bp,
					 &levels->critical, &out->critical_range))
		return wrong("--critical %s: a share above 0 up to 100 is wanted, or a "
			     "range as 10:80",
			     set->critical);
	if (!out->warn_range && !out->critical_range && out->warn_bp > out->critical_bp)
		return wrong("--warn must not be above --critical");
	if (argc > 1)
		return wrong("one process at a time");
	if (argc && set->service)
		return wrong("either a pid, a name or --service");
	if (argc && !subject_is_valid(argv[0]))
		return wrong(SUBJECT_INVALID, argv[0]);
	if (argc && cli_parse_pid(argv[0], &pid))
		out->name = argv[0];
	out->pid = pid;
	out->service = set->service;
	return 0;
}

/* The daemon first: it sees what was refused, and costs nothing. */
static int look(const struct options *set, int pid, struct look *out, char *why,
		size_t why_size)
{
	char socket_why[REMOTE_WHY_MAX], own_why[REMOTE_WHY_MAX];
	const int *pids = pid ? &pid : NULL;
	struct client *client;
	int err = remote_open(&set->remote, &client, socket_why, sizeof(socket_why)),
	    socket_err;

	memset(out, 0, sizeof(*out));
	if (!err) {
		err = remote_roster(client, pids, pids != NULL, &out->roster,
				    socket_why, sizeof(socket_why));
		client_close(client);
		out->from_daemon = !err;
	}
	if (!err)
		return 0;
	socket_err = err;
	if (!set->remote.socket)
		err = look_ourselves(pids, pids != NULL, out, own_why, sizeof(own_why));
	else
		*own_why = 0;
	if (err) {
		snprintf(why, why_size, "%s", own_why);
		remote_explain(why, why_size, socket_err, socket_why);
	}
	return err;
}

static void on_alarm(int number)
{
	static const char line[] = "FDWARDEN UNKNOWN - no answer within the time of "
				   "--timeout\n";
	ssize_t written = write(STDOUT_FILENO, line, sizeof(line) - 1);

	(void)number, (void)written;
	_exit(VERDICT_UNKNOWN);
}

/* 0, or the exit code. */
static int set_timeout(const char *text)
{
	struct itimerval timer = {0};
	uint64_t ns;

	if (!text)
		return 0;
	if (values_parse_duration(text, &ns) || ns < 1000)
		return wrong("--timeout %s: " VALUES_DURATION ", is wanted", text);
	timer.it_value.tv_sec = (time_t)(ns / 1000000000u);
	timer.it_value.tv_usec = (suseconds_t)(ns % 1000000000u / 1000u);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
	return 0;
}

int cmd_check(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set);
	struct verdict_question question;
	struct levels levels;
	char line[VERDICT_LINE_MAX], why[2 * REMOTE_WHY_MAX];
	struct look taken;

	if (code == CLI_DONE)
		return CLI_DONE;
	if (code != CLI_RUN)
		return VERDICT_UNKNOWN;
	code = read_letter_c(&set);
	if (!code)
		code = read_question(&set, argc, argv, &levels, &question);
	if (!code)
		code = set_timeout(set.timeout);
	if (code)
		return code;
	kernel_quiet_libbpf();
	memset(&taken, 0, sizeof(taken));
	if (remote_check_config(&set.remote, why, sizeof(why)) ||
	    look(&set, (int)question.pid, &taken, why, sizeof(why))) {
		code = VERDICT_UNKNOWN;
		verdict_line(code, why, "", line, sizeof(line));
	} else {
		code = verdict_make(&taken.roster, &question, line, sizeof(line));
	}
	puts(line);
	look_clear(&taken);
	return code;
}
