// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "collect/snapshot.h"
#include "daemon/report.h"
#include "state/identity_reader.h"
#include "state/process_table.h"

struct taking {
	struct process_table *processes;
	struct identity_reader *identities; /* none of them holds up the look */
	const int *pids;
	size_t pids_len, size;
	struct process **wanted;
	size_t wanted_len;
	uint64_t now_ns;
	struct look *look;
};

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct taking *taking = context;

	if (!process_table_see_in_snapshot(taking->processes, record))
		taking->look->lost++;
}

static bool is_wanted(const struct taking *taking, pid_t pid)
{
	for (size_t i = 0; i < taking->pids_len; i++)
		if (taking->pids[i] == pid)
			return true;
	return !taking->pids_len;
}

static void collect_wanted(void *context, struct process *process)
{
	struct taking *taking = context;

	if (is_wanted(taking, process->who.pid) && taking->wanted_len < taking->size)
		taking->wanted[taking->wanted_len++] = process;
}

static int read_identities(struct taking *taking)
{
	size_t len = taking->wanted_len;
	struct identity **who = calloc(len + 1, sizeof(struct identity *));
	int *errs = calloc(len + 1, sizeof(*errs));
	bool all = who && errs;

	for (size_t i = 0; all && i < len; i++)
		who[i] = &taking->wanted[i]->who;
	if (all)
		identity_reader_read_all(taking->identities, who, errs, len);
	free(who);
	free(errs);
	return all ? 0 : -ENOMEM;
}

/* Its identity is moved. */
static void add_row(struct taking *taking, struct process *process)
{
	struct roster *roster = &taking->look->roster;
	struct roster_row *row = &roster->rows[roster->len++];

	report_seal(process, taking->now_ns);
	report_fd(process, NULL, &row->fd);
	row->who = process->who;
	memset(&process->who, 0, sizeof(process->who));
}

static int add_rows(struct taking *taking)
{
	int err;

	taking->wanted = calloc(taking->size + 1, sizeof(struct process *));
	if (!taking->wanted)
		return -ENOMEM;
	process_table_each(taking->processes, collect_wanted, taking);
	err = read_identities(taking);
	for (size_t i = 0; !err && i < taking->wanted_len; i++)
		add_row(taking, taking->wanted[i]);
	free(taking->wanted);
	taking->wanted = NULL;
	return err;
}

static void fill_head(struct roster *out, uint64_t now_ns)
{
	struct kernel_files files;

	out->number = 1;
	out->boot_realtime_ns = kernel_boot_realtime_ns();
	out->realtime_ns = now_ns + out->boot_realtime_ns;
	kernel_host_name(out->host_name, sizeof(out->host_name));
	kernel_boot_id(out->boot_id);
	if (kernel_files_open(&files))
		return;
	out->system.known =
		!kernel_files_read(&files, &out->system.allocated, &out->system.max);
	out->system.nr_open = kernel_nr_open(&files);
	kernel_files_close(&files);
}

static int count_all(struct taking *taking, char *why, size_t why_size)
{
	struct roster *out = &taking->look->roster;
	struct snapshot_stats stats;
	struct snapshot *snapshot;
	int err = snapshot_open(SNAPSHOT_AUTO, NULL, &snapshot, why, why_size);

	if (err)
		return err;
	taking->now_ns = kernel_now_ns();
	process_table_begin(taking->processes, taking->now_ns);
	err = snapshot_take(snapshot, on_table, taking, &stats);
	snprintf(out->self.snapshot, sizeof(out->self.snapshot), "%s",
		 snapshot_name(snapshot));
	out->self.snapshot_ns = stats.took_ns;
	out->self.torn = stats.torn;
	snapshot_close(snapshot);
	if (err) {
		snprintf(why, why_size, "the snapshot can't be taken: %s",
			 strerror(-err));
		return err;
	}
	taking->size = process_table_count(taking->processes);
	out->rows = calloc(taking->size + 1, sizeof(*out->rows));
	err = out->rows ? process_table_find_all_sharers(taking->processes) : -ENOMEM;
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}

int look_ourselves(const int *pids, size_t pids_len, struct look *out, char *why,
		   size_t why_size)
{
	struct taking taking = {
		.processes = process_table_new(),
		.identities = identity_reader_new(IDENTITY_READER_DEADLINE_MS),
		.pids = pids,
		.pids_len = pids_len,
		.look = out,
	};
	int err;

	memset(out, 0, sizeof(*out));
	err = taking.processes && taking.identities ? kernel_check(why, why_size)
						    : -ENOMEM;
	if (err == -ENOMEM)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!err)
		err = count_all(&taking, why, why_size);
	if (!err) {
		err = add_rows(&taking);
		if (err)
			snprintf(why, why_size, "%s", strerror(-err));
	}
	if (!err) {
		fill_head(&out->roster, taking.now_ns);
		roster_sort(&out->roster);
	}
	identity_reader_free(taking.identities);
	process_table_free(taking.processes);
	return err;
}

static int look_remotely(const struct remote_options *set, const int *pids,
			 size_t pids_len, struct look *out, char *why, size_t why_size)
{
	struct client *client;
	int err = remote_open(set, &client, why, why_size);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	err = remote_roster(client, pids, pids_len, &out->roster, why, why_size);
	client_close(client);
	out->from_daemon = !err;
	return err;
}

int look_take(const struct remote_options *set, const int *pids, size_t pids_len,
	      struct look *out, char *why, size_t why_size)
{
	char socket_why[REMOTE_WHY_MAX];
	int err;

	if (!remote_is_wanted(set, why, why_size))
		return look_ourselves(pids, pids_len, out, why, why_size);
	err = look_remotely(set, pids, pids_len, out, socket_why, sizeof(socket_why));
	if (err)
		remote_explain(why, why_size, err, socket_why);
	return err;
}

void look_clear(struct look *look)
{
	roster_clear(&look->roster);
}

static double age_s(const struct look *look)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       (double)look->roster.realtime_ns / 1e9;
}

static bool has_all(const struct look *look, const int *pids, size_t pids_len)
{
	for (size_t i = 0; i < pids_len; i++)
		if (!roster_find(&look->roster, pids[i], 0))
			return false;
	return true;
}

int look_take_daemons(const struct remote_options *set, const int *pids,
		      size_t pids_len, struct look *out, char *why, size_t why_size)
{
	if (remote_is_wanted(set, why, why_size))
		return look_take(set, pids, pids_len, out, why, why_size);
	if (!look_remotely(set, pids, pids_len, out, why, why_size) &&
	    age_s(out) < LOOK_FRESH_S && has_all(out, pids, pids_len))
		return 0;
	look_clear(out);
	return look_ourselves(pids, pids_len, out, why, why_size);
}

void look_say_age(const struct look *look, char *text, size_t size)
{
	double age = age_s(look);

	snprintf(text, size, "from the daemon's last look, %.1f s ago",
		 age > 0 ? age : 0);
}
