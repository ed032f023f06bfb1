// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden top: the live view. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/values.h"
#include "log.h"
#include "top/top.h"
#include "top/view.h"

struct options {
	const char *delay, *number, *sort, *socket, *config;
	bool batch, json;
};

static const struct cli_option options[] = {
	CLI_STRING('d', "delay", "TIME", struct options, delay,
		   "look so often: 500ms, 5s; a bare number is seconds (default 1)"),
	CLI_STRING('n', "number", "N", struct options, number, "end after N refreshes"),
	CLI_FLAG('b', "batch", struct options, batch, "write text, for logs"),
	CLI_FLAG(0, "json", struct options, json,
		 "write a JSON document, one line, for each refresh"),
	CLI_STRING('s', "sort", "KEY", struct options, sort,
		   "sort by KEY (default usage)"),
	CLI_STRING(0, "socket", "PATH", struct options, socket,
		   "socket of the daemon to be asked"),
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "configuration: the socket, and the levels where no daemon runs"),
};

static const struct cli_usage usage = {
	.synopsis =
		"[-d TIME] [-n N] [-b] [--json] [--sort KEY] [--socket PATH] [-c FILE] "
		"[WORD…]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes = "WORDs filter, as key / does: each must be found in the pid, name, "
		 "user, service, "
		 "container,\npod or command line.\n\nKeys to sort "
		 "by: " COLUMN_KEYS_OF_NAMES ",\n" COLUMN_KEYS_OF_NUMBERS
		 ".\n\nShows what the daemon that runs sees, which takes no privilege "
		 "but "
		 "the group of its\nsocket. Without one it looks itself: CAP_BPF and "
		 "CAP_PERFMON are needed. Key ? helps.",
};

static int parse_delay(const char *text, uint64_t *ns)
{
	if (values_parse_duration(text, ns) || *ns < VIEW_INTERVAL_MIN_NS ||
	    *ns > VIEW_INTERVAL_MAX_NS)
		return -EINVAL;
	return 0;
}

static int parse_number(const char *text, uint64_t *number)
{
	return values_parse_number(text, number) || !*number ? -EINVAL : 0;
}

/* Words with a space between; what is too long is cut. */
static void join(int argc, char **argv, char *text, size_t size)
{
	size_t len = 0;

	*text = 0;
	for (int i = 0; i < argc && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "",
					argv[i]);
}

int cmd_top(int argc, char **argv)
{
	struct options set = {0};
	struct top_options top = {.interval_ns = 1000000000};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	char why[1024], filter[1024];

	if (code != CLI_RUN)
		return code;
	if (set.delay && parse_delay(set.delay, &top.interval_ns))
		return cli_wrong_usage(
			"-d %s: from 100ms to 1h are allowed: " VALUES_DURATION,
			set.delay);
	if (set.number && parse_number(set.number, &top.refreshes))
		return cli_wrong_usage("-n %s: a number above 0 is needed", set.number);
	top.sort_given = set.sort;
	if (column_parse(set.sort ? set.sort : "usage", &top.sort))
		return cli_wrong_usage("--sort %s: allowed are " COLUMN_KEYS, set.sort);
	join(argc, argv, filter, sizeof(filter));
	top.filter = *filter ? filter : NULL;
	top.batch = set.batch;
	top.json = set.json;
	top.socket = set.socket;
	top.config = set.config;
	err = top_run(&top, why, sizeof(why));
	if (err)
		log_error("top: %s", why);
	return err == -EINVAL ? CLI_USAGE : err ? CLI_FAILED : CLI_DONE;
}
