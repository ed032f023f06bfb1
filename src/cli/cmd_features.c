// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden features: what this kernel offers, and what is used. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.h"
#include "collect/collectors.h"
#include "collect/kernel.h"
#include "log.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

#define ROW "%-14s "

static const struct cli_usage usage = {0};

static void ignore_near(void *context, const struct fdw_near *record)
{
	(void)context, (void)record;
}

static void ignore_refused(void *context, const struct fdw_refused *record)
{
	(void)context, (void)record;
}

static void print_capabilities(void)
{
	static const struct {
		int cap;
		const char *name, *without;
	} caps[] = {
		{CAP_BPF, "CAP_BPF", "nothing works"},
		{CAP_PERFMON, "CAP_PERFMON", "nothing works"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "no executable of other users' processes"},
		{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		 "no executable of other users' processes"},
	};
	bool admin = kernel_has_cap(CAP_SYS_ADMIN);

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		bool has = kernel_has_cap(caps[i].cap) || (admin && caps[i].cap >= CAP_PERFMON);

		printf(ROW "%s: %s%s\n", i ? "" : "capabilities", caps[i].name,
		       has ? "yes" : "no: ", has ? "" : caps[i].without);
	}
}

/* Loads, attaches and proves everything, as the daemon would. */
static int try_all(char *why, size_t why_size)
{
	struct sensor_handlers handlers = {NULL, ignore_near, ignore_refused};
	uint32_t step = 10000;
	struct collectors_options options = {.steps = &step, .steps_len = 1};
	struct collectors c;
	int err = collectors_open(&options, &handlers, &c, why, why_size);

	if (err) {
		printf(ROW "none: %s\n", "sensor", why);
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
	return 0;
}

int cmd_features(int argc, char **argv)
{
	int code = cli_parse(&usage, &argc, &argv, NULL), err;
	struct utsname name;
	char why[512];

	if (code != CLI_RUN)
		return code;
	uname(&name);
	printf(ROW "%s %s %s\n", "kernel", name.sysname, name.release, name.machine);
	printf(ROW "%s\n", "BTF",
	       access("/sys/kernel/btf/vmlinux", R_OK) ? "no" : "/sys/kernel/btf/vmlinux");
	print_capabilities();
	err = kernel_check(why, sizeof(why));
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
