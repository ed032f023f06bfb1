// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden features: what this kernel offers, and what is used. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/remote.h"
#include "cli/running.h"
#include "collect/census.h"
#include "collect/collectors.h"
#include "collect/kernel.h"
#include "config/config.h"
#include "fdwarden/arch.h"
#include "log.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

#define ROW "%-14s "

struct options {
	struct remote_options remote;
};

static const struct cli_option option_table[] = {
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration (default " CONFIG_PATH ")"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket for its figures"),
};

static const struct cli_usage usage = {
	.synopsis = "[-c FILE] [--socket PATH]",
	CLI_OPTIONS(option_table),
};

static void ignore_near(void *context, const struct fdw_near *record)
{
	(void)context, (void)record;
}

static void ignore_refused(void *context, const struct fdw_refused *record)
{
	(void)context, (void)record;
}

/* On some architectures it is built and no more. */
static void print_untested(const char *machine)
{
	if (!FDW_ARCH_TESTED)
		printf(ROW "fdwarden was never tested on %s: compare its counts with "
			   "/proc/PID/fd before you rely on it\n",
		       "", machine);
}

static void print_capabilities(void)
{
	static const struct {
		int cap;
		const char *name, *without;
	} caps[] = {
		{CAP_BPF, "CAP_BPF", "nothing works"},
		{CAP_PERFMON, "CAP_PERFMON", "nothing works"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
		 "no executable of other users' processes"},
		{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		 "no executable of other users' processes"},
	};
	bool admin = kernel_has_cap(CAP_SYS_ADMIN);

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		bool has = kernel_has_cap(caps[i].cap) ||
			   (admin && caps[i].cap >= CAP_PERFMON);

		printf(ROW "%s: %s%s\n", i ? "" : "capabilities", caps[i].name,
		       has ? "yes" : "no: ", has ? "" : caps[i].without);
	}
}

/* What inspects one process's descriptors; the monitoring does not depend on it. */
static void try_census(void)
{
	struct census *census;
	char why[512];

	if (census_open(&census, why, sizeof(why))) {
		printf(ROW "none: %s\n", "census", why);
		return;
	}
	printf(ROW "iter/task_file, one process told by: %s; paths by: %s\n", "census",
	       census_method(census), census_paths(census));
	census_close(census);
}

/* The end of what the verifier wrote of the program that it has refused last. */
static void print_log(void)
{
	const char *line = kernel_bpf_log();

	if (*line)
		printf(ROW "its last lines:\n", "verifier's log");
	while (*line) {
		size_t len = strcspn(line, "\n");

		printf("  %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

/* Loads, attaches and proves everything, as the daemon would. */
static int try_all(char *why, size_t why_size)
{
	struct sensor_handlers handlers = {NULL, ignore_near, ignore_refused};
	uint32_t step = 10000;
	struct collectors_options options = {
		.steps = &step, .steps_len = 1, .files_in_reach = true};
	struct collectors c;
	int err = collectors_open(&options, &handlers, &c, why, why_size);

	if (err) {
		printf(ROW "none: %s\n", "sensor", why);
		print_log();
		return err;
	}
	printf(ROW "%s: attached, and saw the calls made to prove it\n", "sensor",
	       sensor_name(c.sensor));
	if (*c.refused)
		printf(ROW "fexit is not used: %s\n", "", c.refused);
	printf(ROW "%s\n", "counters", sensor_counters(c.sensor));
	printf(ROW "%s\n", "snapshot", snapshot_name(c.snapshot));
	if (*snapshot_reason(c.snapshot))
		printf(ROW "%s\n", "", snapshot_reason(c.snapshot));
	collectors_close(&c);
	try_census();
	return 0;
}

/* Over the socket. 0, or -errno with one line in `why`. */
static int ask_self(const struct remote_options *set, struct self_figures *out,
		    char *why, size_t why_size)
{
	struct client *client;
	cJSON *request = NULL, *reply = NULL;
	int err = remote_open(set, &client, why, why_size);

	if (err)
		return err;
	request = client_request("self");
	err = request ? client_ask(client, request, CLIENT_TIMEOUT_MS, &reply, why,
				   why_size)
		      : -ENOMEM;
	if (!request)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!err) {
		err = self_read(cJSON_GetObjectItemCaseSensitive(reply, "self"), out);
		if (err)
			snprintf(why, why_size, "what the daemon sent is no answer");
	}
	cJSON_Delete(request);
	cJSON_Delete(reply);
	client_close(client);
	return err;
}

/* The figures of the daemon that runs: from its state file, or over its socket. Returns
 * whether they are known. */
static bool print_daemon(const struct remote_options *set)
{
	struct self_loss losses[SELF_LOSSES];
	struct self_figures self;
	char why[512], socket_why[REMOTE_WHY_MAX];

	if ((set->socket || running_self(set->config, &self, why, sizeof(why))) &&
	    ask_self(set, &self, socket_why, sizeof(socket_why))) {
		/* that none is running need not be said twice */
		bool same = set->socket || !strncmp(socket_why, why, strlen(why));

		printf(ROW "%s\n", "daemon", same ? socket_why : why);
		if (!same)
			printf(ROW "%s\n", "", socket_why);
		return false;
	}
	printf(ROW "pid %d: sensor %s, counters in %s, snapshot %s\n", "daemon",
	       self.pid, self.sensor, self.counters, self.snapshot);
	printf(ROW "last snapshot %s: %" PRIu64 " processes, %" PRIu64
		   " descriptors, %.1f ms\n",
	       "", *self.snapshot_at ? self.snapshot_at : "never", self.processes,
	       self.descriptors, (double)self.snapshot_ns / 1e6);
	self_losses(&self, losses);
	printf(ROW "since its start", "");
	for (size_t i = 0; i < SELF_LOSSES; i++)
		printf("%s %s %" PRIu64, i ? "," : "", losses[i].name, losses[i].value);
	putchar('\n');
	return true;
}

int cmd_features(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	struct utsname name;
	bool has_daemon;
	char why[512];

	if (code != CLI_RUN)
		return code;
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("features: %s", why);
		return CLI_USAGE;
	}
	uname(&name);
	printf(ROW "%s %s %s\n", "kernel", name.sysname, name.release, name.machine);
	print_untested(name.machine);
	printf(ROW "%s\n", "BTF",
	       access("/sys/kernel/btf/vmlinux", R_OK) ? "no"
						       : "/sys/kernel/btf/vmlinux");
	print_capabilities();
	has_daemon = print_daemon(&set.remote);
	err = kernel_check(why, sizeof(why));
	if (err == -EPERM && has_daemon) {
		printf(ROW "not tried here: %s\n", "sensor", why);
		return CLI_DONE;
	}
	if (err) {
		fflush(stdout);
		log_error("%s", why);
		return CLI_FAILED;
	}
	kernel_raise_own_limit();
	kernel_quiet_libbpf();
	if (!try_all(why, sizeof(why)))
		return CLI_DONE;
	fflush(stdout);
	log_error("%s", why);
	return CLI_FAILED;
}
