// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/inspection.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "collect/snapshot.h"
#include "daemon/explain.h"
#include "daemon/report.h"
#include "state/identity_reader.h"

/* Between the two counts. */
#define GROWTH_NS       250000000ull
/* The most that a table has by default; what is more is counted, not told. */
#define DESCRIPTORS_MAX 1048576
/* For who it is, which its command line can hold up. */
#define IDENTITY_MS     1000

/* ---- counting ---- */

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct inspection *i = context;

	process_table_see_in_snapshot(i->processes, record);
}

static int count(struct inspection *i, struct snapshot *snapshot)
{
	struct snapshot_stats stats;

	process_table_begin(i->processes, kernel_now_ns());
	return snapshot_take(snapshot, on_table, i, &stats);
}

struct search {
	int pid;
	struct process *found;
};

static void visit(void *context, struct process *process)
{
	struct search *search = context;

	if (process->who.pid == search->pid)
		search->found = process;
}

static int count_first(struct inspection *i, struct snapshot *snapshot, int pid,
		       char *why, size_t why_size)
{
	struct search search = {.pid = pid};
	int err = count(i, snapshot);

	if (err) {
		snprintf(why, why_size, "the process can't be counted: %s",
			 strerror(-err));
		return err;
	}
	process_table_each(i->processes, visit, &search);
	i->process = search.found;
	if (!i->process) {
		snprintf(why, why_size, "no process %d with a descriptor table", pid);
		return -ESRCH;
	}
	process_table_find_sharers(i->processes, i->process);
	return 0;
}

/* Without a second one growth is not known. */
static void count_again(struct inspection *i, struct snapshot *snapshot)
{
	struct process *process = i->process;
	uint64_t first_ns = process->table_ns, used = process->table.used;
	uint64_t passed = kernel_now_ns() - first_ns;
	struct timespec rest = {0};
	double grown;

	if (passed < GROWTH_NS)
		rest.tv_nsec = (long)(GROWTH_NS - passed);
	nanosleep(&rest, NULL);
	if (count(i, snapshot) || process->table_ns <= first_ns)
		return;
	i->growth_over_ns = process->table_ns - first_ns;
	grown = (double)process->table.used - (double)used;
	i->fd.growth_known = true;
	i->fd.growth_per_s = grown * 1e9 / (double)i->growth_over_ns;
}

static void fill_fd(struct inspection *i)
{
	bool growth_known = i->fd.growth_known;
	double growth_per_s = i->fd.growth_per_s;

	report_seal(i->process, kernel_now_ns());
	report_fd(i->process, NULL, &i->fd);
	i->fd.growth_known = growth_known;
	i->fd.growth_per_s = growth_per_s;
	if (!growth_known || growth_per_s <= 0 || i->fd.soft_limit == UINT64_MAX ||
	    i->fd.used >= i->fd.soft_limit || i->fd.sealed)
		return;
	i->fd.exhaustion_known = true;
	i->fd.exhausted_in_s = (double)(i->fd.soft_limit - i->fd.used) / growth_per_s;
	report_drop_start(i->process, &i->fd);
}

/* ---- explaining ---- */

static void ask_system(struct explain_question *question)
{
	struct kernel_files files;

	if (kernel_files_open(&files))
		return;
	question->nr_open = kernel_nr_open(&files);
	if (kernel_files_read(&files, &question->files, &question->files_max))
		question->files = question->files_max = 0;
	kernel_files_close(&files);
}

static int explain(struct inspection *i, struct snapshot *snapshot,
		   struct census *census, char *why, size_t why_size)
{
	struct explain_question question;
	struct explanation limit = {0};
	int err;

	count_again(i, snapshot);
	fill_fd(i);
	err = explain_ask(i->processes, i->process, 0, &question);
	if (err) {
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	ask_system(&question);
	question.sites_wanted = true;
	question.root_lacks_resource = !geteuid() && !kernel_has_cap(CAP_SYS_RESOURCE);
	question.history.growth_known = i->fd.growth_known;
	question.history.growth_per_s = i->fd.growth_per_s;
	question.history.growth_over_s = (double)i->growth_over_ns / 1e9;
	err = explain_descriptors(census, &question, DESCRIPTORS_MAX, &i->why,
				  &i->descriptors);
	if (err)
		snprintf(why, why_size,
			 "the descriptors of process %d can't be read: "
			 "%s",
			 (int)i->process->who.pid, i->why.unexplained);
	/* Where it can't be found out, the page says nothing of it. */
	if (!err && !explain_limit(&question, i->why.diagnoses, i->why.diagnoses_len,
				   NULL, &limit))
		explanation_take_limit(&i->why, &limit);
	explanation_clear(&limit);
	explain_question_clear(&question);
	return err;
}

/* Who it is, as far as that can be read in time. */
static void read_identity(struct identity *who)
{
	struct identity_reader *reader = identity_reader_new(IDENTITY_MS);

	if (reader)
		(void)identity_reader_read(reader, who);
	identity_reader_free(reader);
}

int inspection_find(int pid, struct inspection *out, char *why, size_t why_size)
{
	struct snapshot *snapshot = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	out->processes = process_table_new();
	if (!out->processes) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = snapshot_open(SNAPSHOT_AUTO, NULL, &snapshot, why, why_size);
	if (!err)
		err = count_first(out, snapshot, pid, why, why_size);
	if (!err)
		read_identity(&out->process->who);
	snapshot_close(snapshot);
	return err;
}

int inspection_take(int pid, struct inspection *out, char *why, size_t why_size)
{
	struct snapshot *snapshot = NULL;
	struct census *census = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	out->processes = process_table_new();
	if (!out->processes) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = snapshot_open(SNAPSHOT_AUTO, NULL, &snapshot, why, why_size);
	if (!err)
		err = count_first(out, snapshot, pid, why, why_size);
	if (!err)
		err = census_open(&census, why, why_size);
	if (!err)
		read_identity(&out->process->who);
	if (!err)
		err = explain(out, snapshot, census, why, why_size);
	census_close(census);
	snapshot_close(snapshot);
	return err;
}

void inspection_clear(struct inspection *inspection)
{
	census_clear(&inspection->descriptors);
	explanation_clear(&inspection->why);
	process_table_free(inspection->processes);
	memset(inspection, 0, sizeof(*inspection));
}
