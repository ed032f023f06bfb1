// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden daemon: monitors. */
#include "cli/cli.h"
#include "config/config.h"
#include "daemon/daemon.h"

struct options {
	const char *config;
	struct cli_list overrides;
	bool verbose;
};

static const struct cli_option options[] = {
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "configuration (default " CONFIG_PATH ")"),
	CLI_LIST('o', "option", "KEY=VALUE", struct options, overrides,
		 "override one key, e.g. -o thresholds.warn=70%"),
	CLI_FLAG('v', "verbose", struct options, verbose,
		 "log why a process at a level is not alerted, as log.level = debug "
		 "does"),
};

static const struct cli_usage usage = {
	.synopsis = "[-v] [-c FILE] [-o KEY=VALUE]…",
	CLI_OPTIONS(options),
	.notes = "Alerts are JSON lines on standard output (see fdwarden.conf(5) for "
		 "others), the log is\non standard error. SIGHUP reloads the "
		 "configuration and reopens files; SIGTERM ends it.",
};

int cmd_daemon(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set);

	if (code != CLI_RUN)
		return code;
	return daemon_run(&(struct daemon_options){
		.config_path = set.config ? set.config : CONFIG_PATH,
		.config_must_exist = set.config != NULL,
		.verbose = set.verbose,
		.overrides = set.overrides.items,
		.overrides_len = set.overrides.len,
	});
}
