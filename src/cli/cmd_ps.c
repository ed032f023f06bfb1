// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden ps: one exact snapshot of all processes, fullest first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "collect/kernel.h"
#include "collect/snapshot.h"
#include "daemon/report.h"
#include "log.h"
#include "state/process_table.h"

struct options {
	bool json;
	const char *sort;
};

static const struct cli_option options[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('s', "sort", "KEY", struct options, sort,
		   "usage (default), count, limit, pid or name"),
};

static const struct cli_usage usage = {
	.synopsis = "[--json] [--sort KEY] [PID…]",
	CLI_OPTIONS(options),
	.operands = true,
};

int cmd_ps(int argc, char **argv)
{
	struct options set = {.sort = "usage"};
	int code = cli_parse(&usage, &argc, &argv, &set);

	return code != CLI_RUN ? code : CLI_FAILED;
}
