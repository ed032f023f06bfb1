// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden trace: which code opened what one process opens and does not close. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/inspection.h"
#include "cli/printing.h"
#include "cli/remote.h"
#include "cli/subject.h"
#include "cli/values.h"
#include "collect/kernel.h"
#include "daemon/report.h"
#include "daemon/trace.h"
#include "log.h"
#include "output/call_sites.h"
#include "output/text.h"
#include "policy/program.h"

struct options {
	bool json, folded;
	const char *duration, *stack;
	struct remote_options remote;
};

static const struct cli_option options[] = {
	CLI_STRING('d', "duration", "TIME", struct options, duration,
		   "trace for so long: 30s, 2m; a bare number is seconds (default 10)"),
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_FLAG(0, "folded", struct options, folded,
		 "print one line a stack, for flame graphs"),
	CLI_STRING(0, "stack", "BYTES", struct options, stack,
		   "keep so much of each stack (default 8k)"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "the daemon that counts what is refused meanwhile"),
};

static const struct cli_usage usage = {
	.synopsis = "PID|NAME [--duration TIME] [--json|--folded] [-c FILE] [--socket "
		    "PATH]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes =
		"Ends early at Ctrl-C or with the process, and then prints what is "
		"still open, by the\nplace that opened it. Needs CAP_BPF and "
		"CAP_PERFMON; CAP_SYS_PTRACE and\nCAP_DAC_READ_SEARCH for other users' "
		"processes. While it runs, the process's own\nopening and closing "
		"takes less than twice the time.",
};

#define DURATION_MAX_NS 86400000000000ull
#define HOST_NAME_LEN   256
#define LOOK_NS         100000000ull
#define PROGRESS_NS     1000000000ull

static int parse_duration(const char *text, uint64_t *ns)
{
	if (values_parse_duration(text, ns) || !*ns || *ns > DURATION_MAX_NS)
		return -EINVAL;
	return 0;
}

static int parse_stack(const char *text, uint32_t *bytes)
{
	uint64_t value;

	if (values_parse_number(text, &value) || value < FDW_STACK_MIN ||
	    value > FDW_STACK_MAX || value % 8)
		return -EINVAL;
	*bytes = (uint32_t)value;
	return 0;
}

/* ---- while it runs ---- */

static void progress(const struct trace *trace, const struct process *process,
		     uint64_t passed_ns, uint64_t duration_ns)
{
	struct trace_figures figures;
	char name[64];

	trace_figures(trace, &figures);
	text_terminal(name, sizeof(name), process->who.comm, 16, 0, 0);
	fprintf(stderr,
		"\rtracing %s[%d]: %" PRIu64 " of %" PRIu64 " s, %" PRIu64
		" openings that lasted, %" PRIu64 " stacks; Ctrl-C ends it ",
		name, process->who.pid, passed_ns / 1000000000u,
		duration_ns / 1000000000u, figures.visited, figures.chains);
}

static bool has_ended(const struct process *process, uint64_t start_ticks)
{
	uint64_t ticks;

	return identity_start_ticks(process->who.pid, &ticks) == -ESRCH ||
	       (start_ticks && ticks != start_ticks);
}

/* Until the time is over, the process has ended or somebody wants it to end. */
static void follow(struct trace *trace, const struct process *process,
		   uint64_t duration_ns, const sigset_t *signals)
{
	uint64_t begin_ns = kernel_now_ns(), now_ns = begin_ns, looked_ns = 0,
		 told_ns = 0, ticks = 0;
	bool tell = isatty(STDERR_FILENO);

	if (identity_start_ticks(process->who.pid, &ticks))
		return;
	while (now_ns - begin_ns < duration_ns) {
		uint64_t wait_ns;
		struct timespec wait;

		trace_step(trace);
		wait_ns = trace_wait_ns(trace);
		if (duration_ns - (now_ns - begin_ns) < wait_ns)
			wait_ns = duration_ns - (now_ns - begin_ns);
		wait = (struct timespec){.tv_nsec = (long)wait_ns};
		if (sigtimedwait(signals, NULL, &wait) > 0)
			break;
		now_ns = kernel_now_ns();
		if (now_ns - looked_ns > LOOK_NS) {
			looked_ns = now_ns;
			if (has_ended(process, ticks))
				break;
		}
		if (tell && now_ns - told_ns > PROGRESS_NS) {
			told_ns = now_ns;
			progress(trace, process, now_ns - begin_ns, duration_ns);
		}
	}
	if (tell)
		fputs("\r\033[K", stderr);
}

/* ---- a full table ---- */

/* What a process that is full needs first, as it is to be typed; or, where no command gives it
 * that, what to do. */
struct room {
	bool full, is_command;
	char text[256];
};

/* One look. What is sealed chose it, and opens nothing; nobody is to give it room. */
static void find_room(int pid, uint64_t start_ns, struct room *out)
{
	struct inspection now = {0};
	const struct program *program;
	struct kernel_files files;
	struct alert_fd fd;
	uint64_t soft, hard, nr_open = 0;
	const char *sudo = geteuid() ? "sudo " : "";
	char why[SUBJECT_WHY_MAX];

	memset(out, 0, sizeof(*out));
	if (inspection_find(pid, &now, why, sizeof(why)) ||
	    (start_ns && now.process->who.start_ns != start_ns)) {
		inspection_clear(&now);
		return;
	}
	report_seal(now.process, kernel_now_ns());
	report_fd(now.process, NULL, &fd);
	soft = fd.soft_limit;
	hard = fd.hard_limit;
	out->full = fd.known && !fd.sealed && soft && fd.used >= soft;
	program = program_find(now.process->who.executable, now.process->who.comm);
	if (!kernel_files_open(&files)) {
		nr_open = kernel_nr_open(&files);
		kernel_files_close(&files);
	}
	out->is_command = true;
	if (program && program->no_prlimit) {
		out->is_command = false;
		snprintf(out->text, sizeof(out->text),
			 "%s takes a new limit only when it starts: 'fdwarden inspect "
			 "%d' says which line to change",
			 program->title, pid);
	} else if (hard > soft) {
		snprintf(out->text, sizeof(out->text),
			 "%sfdwarden raise %d --soft %" PRIu64, sudo, pid,
			 hard / 2 > soft ? 2 * soft : hard);
	} else if (!geteuid() && !kernel_has_cap(CAP_SYS_RESOURCE)) {
		out->is_command = false;
		snprintf(out->text, sizeof(out->text),
			 "its hard limit is in the way, and raising that needs "
			 "CAP_SYS_RESOURCE, which root lacks here");
	} else if (nr_open > soft) {
		soft = nr_open / 2 > soft ? 2 * soft : nr_open;
		snprintf(out->text, sizeof(out->text),
			 "%sprlimit --pid %d --nofile=%" PRIu64 ":%" PRIu64, sudo, pid,
			 soft, soft);
	} else {
		out->is_command = false;
		snprintf(out->text, sizeof(out->text),
			 "'fdwarden inspect %d' says which limits are in the way", pid);
	}
	inspection_clear(&now);
}

/* How many calls of it a daemon has counted that were refused. false: no daemon can be asked, or
 * it does not know it. */
static bool count_refused(const struct remote_options *remote, int pid,
			  uint64_t *refused)
{
	const struct roster_row *row;
	struct roster roster = {0};
	struct client *client;
	char why[REMOTE_WHY_MAX];
	bool known;

	if (remote_open(remote, &client, why, sizeof(why)))
		return false;
	known = !remote_roster(client, &pid, 1, &roster, why, sizeof(why));
	row = known ? roster_find(&roster, pid, 0) : NULL;
	known = row != NULL;
	if (known)
		*refused = row->refused;
	roster_clear(&roster);
	client_close(client);
	return known;
}

/* When the trace began. */
struct refused_then {
	bool known;
	uint64_t count;
	bool room_told; /* as in struct call_sites_view */
};

/* Before it waits: nothing will come of it. Whether it has told that no command helps. */
static bool warn_of_full(int pid, uint64_t start_ns)
{
	struct room room;

	find_room(pid, start_ns, &room);
	if (room.full)
		log_warning("trace: its table is full: what it opens is refused, and a "
			    "trace sees nothing of that; %s%s",
			    room.is_command
				    ? "make room while it runs, in another shell: "
				    : "",
			    room.text);
	return room.full && !room.is_command;
}

/* ---- what came of it ---- */

static int print_page(const struct call_sites_view *view)
{
	struct page page = printing_page();

	return call_sites_page(view, &page);
}

static int print(const struct options *set, const struct process *process,
		 const struct trace *trace, const struct call_sites *sites, bool ended,
		 const struct refused_then *then)
{
	char host_name[HOST_NAME_LEN] = "", boot_id[37];
	struct alert_host host = {.name = host_name,
				  .boot_id = boot_id,
				  .boot_realtime_ns = kernel_boot_realtime_ns()};
	struct trace_figures figures;
	struct call_sites_view view = {
		.realtime_ns = kernel_now_ns() + host.boot_realtime_ns,
		.host = &host,
		.who = &process->who,
		.sites = sites,
		.ended = ended,
	};
	struct room room = {0};
	uint64_t refused = 0;
	int err;

	if (!ended)
		find_room(process->who.pid, process->who.start_ns, &room);
	if (room.full) {
		view.full = true;
		view.room = room.text;
		view.room_is_command = room.is_command;
		view.room_told = then->room_told;
		if (then->known &&
		    count_refused(&set->remote, process->who.pid, &refused) &&
		    refused > then->count)
			view.refused = refused - then->count;
	}
	kernel_host_name(host_name, sizeof(host_name));
	kernel_boot_id(boot_id);
	trace_figures(trace, &figures);
	view.watched = figures.watched;
	view.python = figures.python;
	view.python_known = figures.python_known;
	view.no_stack = figures.no_stack;
	view.too_high = figures.too_high;
	view.missed = figures.missed;
	view.not_unwound = figures.failed;
	if (set->json)
		err = printing_json(call_sites_document(&view));
	else if (set->folded)
		err = call_sites_folded(&view, stdout);
	else
		err = print_page(&view);
	if (!err && fflush(stdout))
		err = -errno;
	return err;
}

static int trace_process(const struct options *set, const struct process *process,
			 uint64_t duration_ns, uint32_t stack_bytes)
{
	struct trace_options trace_options = {
		.pid = process->who.pid,
		.start_ns = process->who.start_ns,
		.stack_bytes = stack_bytes,
		.memory = TRACE_MEMORY_DEFAULT,
	};
	struct call_sites *sites = NULL;
	struct trace *trace = NULL;
	struct refused_then then = {0};
	sigset_t signals;
	char why[512], name[64];
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	text_terminal(name, sizeof(name), process->who.comm, 16, 0, 0);
	err = trace_open(&trace_options, &trace, why, sizeof(why));
	if (err) {
		log_error("trace: %s", why);
		return err;
	}
	then.room_told = warn_of_full(process->who.pid, process->who.start_ns);
	then.known = count_refused(&set->remote, process->who.pid, &then.count);
	log_info("tracing %s[%d] for %g s; Ctrl-C ends it early", name,
		 process->who.pid, (double)duration_ns / 1e9);
	follow(trace, process, duration_ns, &signals);
	err = trace_sites(trace, &sites);
	if (sites) {
		err = print(set, process, trace, sites, err == -ESRCH, &then);
		if (err)
			log_error("trace: standard output: %s", strerror(-err));
	} else {
		log_error("trace: what is open can't be read: %s", strerror(-err));
	}
	call_sites_free(sites);
	trace_close(trace);
	return err;
}

int cmd_trace(int argc, char **argv)
{
	struct options set = {.duration = "10", .stack = "8192"};
	int code = cli_parse(&usage, &argc, &argv, &set), pid, err;
	struct inspection inspection = {0};
	uint64_t duration_ns;
	uint32_t stack_bytes;
	char why[SUBJECT_WHY_MAX];

	if (code != CLI_RUN)
		return code;
	if (argc != 1)
		return cli_wrong_usage(argc ? "one process at a time"
					    : "no pid or name given");
	if (!subject_is_valid(argv[0]))
		return cli_wrong_usage(SUBJECT_INVALID, argv[0]);
	if (parse_duration(set.duration, &duration_ns))
		return cli_wrong_usage("--duration %s: " VALUES_DURATION
				       ", up to a day, "
				       "is needed",
				       set.duration);
	if (parse_stack(set.stack, &stack_bytes))
		return cli_wrong_usage(
			"--stack %s: a multiple of 8 from %d to %d is needed, in "
			"bytes or as 8k",
			set.stack, FDW_STACK_MIN, FDW_STACK_MAX);
	if (set.json && set.folded)
		return cli_wrong_usage("--json and --folded exclude each other");
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("trace: %s", why);
		return CLI_USAGE;
	}
	kernel_quiet_libbpf();
	err = kernel_check(why, sizeof(why));
	if (!err)
		err = subject_find(NULL, argv[0], false, &pid, why, sizeof(why));
	if (!err)
		err = inspection_find(pid, &inspection, why, sizeof(why));
	if (err)
		log_error("trace: %s", why);
	else
		err = trace_process(&set, inspection.process, duration_ns, stack_bytes);
	inspection_clear(&inspection);
	return err ? CLI_FAILED : CLI_DONE;
}
