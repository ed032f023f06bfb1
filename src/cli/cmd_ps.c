// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden ps: one exact snapshot of all processes, fullest first. */
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/printing.h"
#include "cli/running.h"
#include "cli/subject.h"
#include "collect/kernel.h"
#include "log.h"
#include "output/view_ps.h"
#include "state/user_names.h"

struct options {
	bool json;
	bool watch, own_look;
	const char *sort;
	struct remote_options remote;
};

static const struct cli_option options[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('s', "sort", "KEY", struct options, sort,
		   "sort by KEY (default usage)"),
	CLI_FLAG(0, "own-look", struct options, own_look,
		 "count at this moment, even where a daemon can be asked"),
	CLI_FLAG(0, "watch", struct options, watch,
		 "says how to see it live: fdwarden top"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket and figures"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "[--json] [--sort KEY] [--own-look] [-c FILE] [--socket PATH] "
		    "[PID|NAME…]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes = "Keys to sort by: " VIEW_PS_NUMBER_KEYS ",\n" VIEW_PS_TEXT_KEYS ".\n\n"
		 "NAME is that of a program, a service, a container or a pod, or a "
		 "pattern as of a shell.\n"
		 "It shows what the daemon that runs last saw, with its verdict of "
		 "each. "
		 "Without one, or\nwith --own-look, it counts itself: CAP_BPF and "
		 "CAP_PERFMON are needed, CAP_SYS_PTRACE\nand CAP_DAC_READ_SEARCH for "
		 "the executables of other users' processes.",
};

static int print_table(const struct view_ps *view)
{
	struct view_ps_style style = {.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8")};

	style.width = printing_width();
	if (isatty(STDOUT_FILENO)) {
		const char *no_color = getenv("NO_COLOR");

		style.colour = !no_color || !*no_color;
	}
	return view_ps_table(view, &style, stdout);
}

static void name_users(struct view_ps_row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!user_names_find(rows[i].who->uid, rows[i].user,
				     sizeof(rows[i].user)))
			rows[i].user[0] = 0;
}

static int print(const struct options *set, const struct look *look,
		 enum view_ps_key key)
{
	const struct roster *roster = &look->roster;
	struct view_ps_row *rows = calloc(roster->len + 1, sizeof(*rows));
	struct self_figures self = roster->self;
	struct alert_host host;
	char why[512];
	struct view_ps view = {
		.realtime_ns = roster->realtime_ns,
		.host = &host,
		.system = &roster->system,
		.rows = rows,
		.len = roster->len,
		.lost = look->lost,
		.self = &self,
	};
	int err;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++)
		rows[i] = (struct view_ps_row){
			.who = &roster->rows[i].who,
			.fd = &roster->rows[i].fd,
			.refused = roster->rows[i].refused,
		};
	if (key == VIEW_PS_USER)
		name_users(rows, roster->len);
	roster_host(roster, &host);
	if (!look->from_daemon && set->json &&
	    running_self(set->remote.config, &self, why, sizeof(why)))
		self = roster->self;
	view_ps_sort(rows, roster->len, key);
	err = set->json ? printing_json(view_ps_json(&view)) : print_table(&view);
	if (!err && fflush(stdout))
		err = -errno;
	free(rows);
	return err;
}

/* Says which of the asked-for processes are not there. */
static int report_missing(const struct look *look, const int *pids, size_t pids_len)
{
	int code = CLI_DONE;
	char why[SUBJECT_WHY_MAX];

	for (size_t i = 0; i < pids_len; i++) {
		if (roster_find(&look->roster, pids[i], 0))
			continue;
		if (!subject_check(pids[i], why, sizeof(why)))
			snprintf(why, sizeof(why),
				 look->from_daemon
					 ? "process %d is not in the daemon's last "
					   "look: it has just begun, or has no "
					   "descriptor table; ask again in a second"
					 : "no process %d with a descriptor table",
				 pids[i]);
		log_error("ps: %s", why);
		code = CLI_FAILED;
	}
	return code;
}

static int run(const struct options *set, const int *pids, size_t pids_len,
	       enum view_ps_key key)
{
	char why[REMOTE_WHY_MAX], age[64];
	int code = CLI_FAILED, err;
	struct look look;

	if (set->own_look ? look_ourselves(pids, pids_len, &look, why, sizeof(why))
			  : look_take_daemons(&set->remote, pids, pids_len, &look, why,
					      sizeof(why))) {
		log_error("ps: %s", why);
	} else {
		if (look.from_daemon && (!pids_len || look.roster.len)) {
			look_say_age(&look, age, sizeof(age));
			log_info("ps: %s", age);
		}
		/* Of nothing but what is not there a table would be empty. */
		err = pids_len && !look.roster.len && !set->json
			      ? 0
			      : print(set, &look, key);
		if (err)
			log_error("ps: standard output: %s", strerror(-err));
		else
			code = report_missing(&look, pids, pids_len);
	}
	look_clear(&look);
	return code;
}

int cmd_ps(int argc, char **argv)
{
	struct options set = {.sort = "usage"};
	int code = cli_parse(&usage, &argc, &argv, &set);
	char why[SUBJECT_WHY_MAX];
	enum view_ps_key key;
	size_t pids_len;
	int *pids;

	if (code != CLI_RUN)
		return code;
	if (set.watch)
		return cli_wrong_usage("--watch: 'fdwarden top' is the live view, and "
				       "'fdwarden top -b' writes it as text");
	if (set.own_look && set.remote.socket)
		return cli_wrong_usage("--own-look and --socket exclude each other");
	if (view_ps_key_parse(set.sort, &key))
		return cli_wrong_usage("--sort %s: allowed are " VIEW_PS_KEY_NAMES,
				       set.sort);
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("ps: %s", why);
		return CLI_USAGE;
	}
	for (int i = 0; i < argc; i++)
		if (!subject_is_valid(argv[i]))
			return cli_wrong_usage(SUBJECT_INVALID, argv[i]);
	kernel_quiet_libbpf();
	if (subject_find_all(&set.remote, argv, argc, &pids, &pids_len, why,
			     sizeof(why))) {
		log_error("ps: %s", why);
		return CLI_FAILED;
	}
	code = run(&set, pids, pids_len, key);
	free(pids);
	return code;
}
