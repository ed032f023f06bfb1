// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden raise: a process's soft limit, by hand. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/subject.h"
#include "cli/values.h"
#include "collect/kernel.h"
#include "daemon/remedy.h"
#include "log.h"
#include "output/json.h"
#include "policy/program.h"

struct options {
	const char *soft;
	bool json;
	struct remote_options remote;
};

static const struct cli_option options[] = {
	CLI_STRING(0, "soft", "N", struct options, soft,
		   "the new soft limit: 4096, or 4k for the same"),
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket about names"),
};

static const struct cli_usage usage = {
	.synopsis = "PID|NAME --soft N [--json] [-c FILE] [--socket PATH]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes = "NAME is that of a program, a service, a container or a pod, and must "
		 "mean "
		 "one process alone.\nOnly within the hard limit, which stays as it "
		 "is. It holds until the "
		 "process ends or sets\nits own. For another user's process "
		 "CAP_SYS_RESOURCE is needed.",
};

static int parse_limit(const char *text, uint64_t *limit)
{
	if (values_parse_number(text, limit) || !*limit || *limit == UINT64_MAX)
		return -EINVAL;
	return 0;
}

static void complain(int pid, uint64_t soft, uint64_t before, uint64_t hard, int err)
{
	switch (err) {
	case -ESRCH:
		log_error("raise: no process %d", pid);
		break;
	case -EPERM:
		if (kernel_has_cap(CAP_SYS_RESOURCE))
			log_error("raise: process %d: not permitted, by what confines "
				  "this program (a security module, a filter)",
				  pid);
		else
			log_error("raise: process %d is another user's: run it with "
				  "sudo",
				  pid);
		break;
	case -ERANGE:
		log_error("raise: process %d has the hard limit %" PRIu64 ": a soft "
			  "limit of %" PRIu64 " is above it; see 'fdwarden inspect "
			  "%d' for where it is set",
			  pid, hard, soft, pid);
		break;
	case -EALREADY:
		log_error("raise: process %d has the soft limit %" PRIu64
			  " already; nothing was changed",
			  pid, before);
		break;
	default:
		log_error("raise: process %d: %s", pid, strerror(-err));
	}
}

static int print_json(int pid, uint64_t soft, uint64_t before, uint64_t hard)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *process = root ? json_add_object(root, "process") : NULL;
	cJSON *fd = process ? json_add_object(root, "fd") : NULL;
	int err = fd ? json_add_uint(process, "pid", (uint64_t)pid) : -ENOMEM;
	char *text = NULL;

	if (!err)
		err = json_add_uint(fd, "soft_limit", soft);
	if (!err && before != UINT64_MAX)
		err = json_add_uint(fd, "soft_limit_before", before);
	if (!err && hard != UINT64_MAX)
		err = json_add_uint(fd, "hard_limit", hard);
	if (!err)
		text = cJSON_PrintUnformatted(root);
	if (text)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(root);
	return text ? 0 : -ENOMEM;
}

/* Before it is done: it is allowed, for whoever knows better. */
static void warn_of_no_use(int pid)
{
	struct identity who = {.pid = pid};
	const struct program *program;
	char path[32], comm[FDW_COMM_LEN] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
	(void)identity_read_parts(&who, IDENTITY_PLACE);
	program = program_find(who.executable, comm);
	if (program && program->no_prlimit)
		log_warning("raise: %s computes what it takes of its limit when it "
			    "starts: this gives it no more; see 'fdwarden inspect %d'",
			    program->title, pid);
	identity_clear(&who);
}

/* A pid is taken as it is: of another user's process we may know nothing. */
static int find(const struct remote_options *remote, const char *text, int *pid,
		char *why, size_t size)
{
	if (!cli_parse_pid(text, pid))
		return 0;
	return subject_find(remote, text, true, pid, why, size);
}

int cmd_raise(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), pid, err;
	uint64_t soft, before, hard;
	char why[SUBJECT_WHY_MAX];

	if (code != CLI_RUN)
		return code;
	if (argc != 1)
		return cli_wrong_usage(argc ? "one process at a time"
					    : "no pid or name given");
	if (!subject_is_valid(argv[0]))
		return cli_wrong_usage(SUBJECT_INVALID, argv[0]);
	if (!set.soft)
		return cli_wrong_usage("no --soft N given");
	if (parse_limit(set.soft, &soft))
		return cli_wrong_usage(
			"--soft %s: a number above 0 is needed, as 4096 or 4k",
			set.soft);
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("raise: %s", why);
		return CLI_USAGE;
	}
	kernel_quiet_libbpf();
	err = find(&set.remote, argv[0], &pid, why, sizeof(why));
	if (err) {
		log_error("raise: %s", why);
		return CLI_FAILED;
	}
	err = remedy_set_soft_limit(pid, 0, soft, &before, &hard);
	if (err) {
		complain(pid, soft, before, hard, err);
		return CLI_FAILED;
	}
	remote_tell_raised(&set.remote, pid, before, soft);
	warn_of_no_use(pid);
	if (set.json)
		return print_json(pid, soft, before, hard) ? CLI_FAILED : CLI_DONE;
	printf("process %d: soft limit %" PRIu64 " -> %" PRIu64, pid, before, soft);
	if (hard != UINT64_MAX)
		printf(" (hard limit %" PRIu64 ")", hard);
	putchar('\n');
	return CLI_DONE;
}
