// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden check-config: checks the configuration, prints the effective one. */
#include <stdio.h>

#include "cli/cli.h"
#include "config/config.h"
#include "log.h"

struct check_options {
	const char *path;
	struct cli_list overrides;
};

static const struct cli_option options[] = {
	CLI_STRING('c', "config", "FILE", struct check_options, path,
		   "configuration to check, not " CONFIG_PATH),
	CLI_LIST('o', "option", "KEY=VALUE", struct check_options, overrides,
		 "override one key, as thresholds.warn=70%"),
};

static const struct cli_usage usage = {
	.synopsis = "[-c FILE] [-o KEY=VALUE]…",
	CLI_OPTIONS(options),
	.notes = "Without -c, defaults hold where there is no " CONFIG_PATH ".",
};

int cmd_check_config(int argc, char **argv)
{
	struct check_options set = {0};
	struct config *config = NULL;
	char error[512];
	int code = cli_parse(&usage, &argc, &argv, &set);

	if (code != CLI_RUN)
		return code;
	if (config_load(set.path ? set.path : CONFIG_PATH, set.path != NULL,
			set.overrides.items, set.overrides.len, &config, error,
			sizeof(error)) < 0) {
		log_error("%s", error);
		return CLI_USAGE;
	}
	config_print(config, stdout);
	config_free(config);
	return CLI_DONE;
}
