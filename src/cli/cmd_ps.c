// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden ps: one exact snapshot of all processes, fullest first. */
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/running.h"
#include "collect/kernel.h"
#include "collect/snapshot.h"
#include "daemon/report.h"
#include "log.h"
#include "output/view_ps.h"
#include "state/process_table.h"

struct options {
	bool json;
	const char *sort;
	const char *config;
};

static const struct cli_option options[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_STRING('s', "sort", "KEY", struct options, sort,
		   "sort by KEY: " VIEW_PS_KEY_NAMES " (default usage)"),
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "the daemon's configuration, for its figures in --json"),
};

static const struct cli_usage usage = {
	.synopsis = "[--json] [--sort KEY] [-c FILE] [PID…]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes = "Needs CAP_BPF and CAP_PERFMON; CAP_SYS_PTRACE and "
		 "CAP_DAC_READ_SEARCH for "
		 "the executables\nof other users' processes.\n",
};

#define HOST_NAME_LEN 256

/* One listing. */
struct listing {
	struct process_table *processes;
	const int *pids; /* only these; NULL: all */
	size_t pids_len;
	struct view_ps_row *rows;
	struct alert_fd *fds;
	size_t len;
	uint64_t now_ns;
	uint64_t lost;
	struct self_figures self;
};

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct listing *l = context;

	if (!process_table_see_in_snapshot(l->processes, record))
		l->lost++;
}

static bool is_wanted(const struct listing *l, pid_t pid)
{
	for (size_t i = 0; i < l->pids_len; i++)
		if (l->pids[i] == pid)
			return true;
	return !l->pids_len;
}

static void add_row(void *context, struct process *process)
{
	struct listing *l = context;

	if (!is_wanted(l, process->who.pid))
		return;
	report_seal(process, l->now_ns);
	identity_read_proc(&process->who);
	report_fd(process, &l->fds[l->len]);
	l->rows[l->len].who = &process->who;
	l->rows[l->len].fd = &l->fds[l->len];
	l->len++;
}

static int collect(struct listing *l, char *why, size_t why_size)
{
	struct snapshot_stats stats;
	struct snapshot *snapshot;
	size_t n;
	int err;

	err = snapshot_open(SNAPSHOT_AUTO, NULL, &snapshot, why, why_size);
	if (err)
		return err;
	l->now_ns = kernel_now_ns();
	process_table_begin(l->processes, l->now_ns);
	err = snapshot_take(snapshot, on_table, l, &stats);
	snprintf(l->self.snapshot, sizeof(l->self.snapshot), "%s",
		 snapshot_name(snapshot));
	l->self.snapshot_ns = stats.took_ns;
	l->self.torn = stats.torn;
	snapshot_close(snapshot);
	if (err) {
		snprintf(why, why_size, "the snapshot can't be taken: %s",
			 strerror(-err));
		return err;
	}
	n = process_table_count(l->processes) + 1;
	l->rows = calloc(n, sizeof(*l->rows));
	l->fds = calloc(n, sizeof(*l->fds));
	if (!l->rows || !l->fds || process_table_find_all_sharers(l->processes)) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	process_table_each(l->processes, add_row, l);
	return 0;
}

static void system_figures(struct alert_system *out)
{
	struct kernel_files files;

	memset(out, 0, sizeof(*out));
	if (kernel_files_open(&files))
		return;
	out->known = !kernel_files_read(&files, &out->allocated, &out->max);
	out->nr_open = kernel_nr_open(&files);
	kernel_files_close(&files);
}

static int print_json(const struct view_ps *view)
{
	cJSON *json = view_ps_json(view);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	int err = text ? 0 : -ENOMEM;

	if (text && puts(text) < 0)
		err = -errno;
	cJSON_free(text);
	cJSON_Delete(json);
	return err;
}

static int print_table(const struct view_ps *view)
{
	struct view_ps_style style = {.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8")};
	struct winsize window;

	if (isatty(STDOUT_FILENO)) {
		const char *no_color = getenv("NO_COLOR");

		style.colour = !no_color || !*no_color;
		if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window))
			style.width = window.ws_col;
	}
	return view_ps_table(view, &style, stdout);
}

static int print(const struct options *set, const struct listing *l,
		 enum view_ps_key key)
{
	char host_name[HOST_NAME_LEN] = "", boot_id[37];
	struct self_figures self;
	struct alert_system system;
	char why[512];
	struct alert_host host = {host_name, boot_id, kernel_boot_realtime_ns()};
	struct view_ps view = {
		.realtime_ns = l->now_ns + host.boot_realtime_ns,
		.host = &host,
		.system = &system,
		.rows = l->rows,
		.len = l->len,
		.lost = l->lost,
		.self = &self,
	};
	int err;

	if (!set->json || running_self(set->config, &self, why, sizeof(why)))
		self = l->self;
	gethostname(host_name, sizeof(host_name) - 1);
	kernel_boot_id(boot_id);
	system_figures(&system);
	view_ps_sort(l->rows, l->len, key);
	err = set->json ? print_json(&view) : print_table(&view);
	if (!err && fflush(stdout))
		err = -errno;
	return err;
}

/* Says which of the asked-for processes are not there. */
static int report_missing(const struct listing *l)
{
	int code = CLI_DONE;

	for (size_t i = 0; i < l->pids_len; i++) {
		bool found = false;

		for (size_t j = 0; j < l->len && !found; j++)
			found = l->rows[j].who->pid == l->pids[i];
		if (found)
			continue;
		log_error("ps: no process %d with a descriptor table", l->pids[i]);
		code = CLI_FAILED;
	}
	return code;
}

static int run(const struct options *set, const int *pids, size_t pids_len,
	       enum view_ps_key key)
{
	struct listing l = {
		.processes = process_table_new(),
		.pids = pids,
		.pids_len = pids_len,
	};
	char why[512];
	int code = CLI_FAILED, err;

	kernel_quiet_libbpf();
	if (!l.processes) {
		log_error("ps: %s", strerror(ENOMEM));
	} else if (kernel_check(why, sizeof(why)) || collect(&l, why, sizeof(why))) {
		log_error("ps: %s", why);
	} else {
		err = print(set, &l, key);
		if (err)
			log_error("ps: standard output: %s", strerror(-err));
		else
			code = report_missing(&l);
	}
	free(l.rows);
	free(l.fds);
	process_table_free(l.processes);
	return code;
}

int cmd_ps(int argc, char **argv)
{
	struct options set = {.sort = "usage"};
	int code = cli_parse(&usage, &argc, &argv, &set);
	enum view_ps_key key;
	int *pids;

	if (code != CLI_RUN)
		return code;
	if (view_ps_key_parse(set.sort, &key))
		return cli_wrong_usage("--sort %s: allowed are " VIEW_PS_KEY_NAMES,
				       set.sort);
	pids = calloc(argc + 1, sizeof(*pids));
	if (!pids)
		return CLI_FAILED;
	for (int i = 0; i < argc && code == CLI_RUN; i++)
		if (cli_parse_pid(argv[i], &pids[i]))
			code = cli_wrong_usage("'%s' is not a pid", argv[i]);
	if (code == CLI_RUN)
		code = run(&set, pids, argc, key);
	free(pids);
	return code;
}
