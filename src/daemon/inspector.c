// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/inspector.h"

#include <errno.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/census.h"
#include "collect/kernel.h"
#include "collect/snapshot.h"
#include "daemon/explainer.h"
#include "daemon/remedy.h"
#include "daemon/report.h"
#include "daemon/main_kinds.h"
#include "guard/capabilities.h"
#include "output/json.h"
#include "output/view_inspect.h"
#include "state/identity_reader.h"
#include "state/user_names.h"

/* What may be waited for: what the descriptors are comes in milliseconds, what is read from
 * files may not come at all. */
#define WAIT_NS         6000000000ull
#define SLICE_NS        100000000ull
#define DESCRIPTORS_MAX 65536
#define FORECAST_S      30.0

struct inspector {
	struct snapshot *snapshot;
	struct census *census; /* of this thread; the explainer has its own */
	struct explainer *explainer;
	struct main_kinds *kinds;
	/* Who it is: the explainer reads that with the limit's origin, and not where it has
	 * kept that one. */
	struct identity_reader *identities;
	struct kernel_files files;
	locale_t locale;
	char host_name[256], boot_id[37];
	char why_none[224];
	atomic_bool leaving;
};

/* ---- one look at it ---- */

struct look {
	struct process_table *table;
	pid_t pid;
	struct process *process;
};

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct look *look = context;

	process_table_see_in_snapshot(look->table, record);
}

static void find(void *context, struct process *process)
{
	struct look *look = context;

	if (process->who.pid == look->pid)
		look->process = process;
}

/* All processes: its children, and who shares its table, are among them. */
static int look_at(struct inspector *s, struct look *look)
{
	struct snapshot_stats stats;
	int err;

	look->table = process_table_new();
	if (!look->table)
		return -ENOMEM;
	process_table_begin(look->table, kernel_now_ns());
	err = snapshot_take(s->snapshot, on_table, look, &stats);
	if (err)
		return err;
	process_table_each(look->table, find, look);
	if (!look->process)
		return -ESRCH;
	process_table_find_sharers(look->table, look->process);
	return 0;
}

/* Whether the daemon knows it for more than one look. */
static bool is_of(const struct server_job *job, const struct process *process)
{
	return job->history.pid == process->who.pid &&
	       job->history.start_ns == process->who.start_ns;
}

/* Of what has no history no call was refused. The list is the job's. */
static void add_refused(const struct server_job *job, const struct process *process,
			struct alert_fd *out)
{
	const struct feed_refusals *refused = &job->history.refused;
	uint64_t boot_ns = kernel_boot_realtime_ns();

	out->refused_known = true;
	if (!is_of(job, process))
		return;
	out->refused = refused->calls;
	out->refused_len = refused->len;
	out->refused_inexact = refused->inexact;
	out->refused_per_s = refused->per_s;
	out->refused_first_ns = refused->first_ns ? refused->first_ns + boot_ns : 0;
	out->refused_last_ns = refused->last_ns ? refused->last_ns + boot_ns : 0;
	for (size_t i = 0; i < refused->len; i++)
		report_count_refused(out, refused->calls[i].error,
				     refused->calls[i].count);
}

/* The table as it is now, and what only the monitor knows of it: how it got there. */
static void fill_fd(const struct server_job *job, struct process *process,
		    struct alert_fd *out)
{
	const struct alert_fd *watched = &job->watched;

	report_seal(process, kernel_now_ns());
	report_fd(process, NULL, out);
	if (job->watched_ns != process->who.start_ns)
		return;
	out->counters_known = watched->counters_known;
	out->opened = watched->opened;
	out->closed = watched->closed;
	out->growth_known = watched->growth_known;
	out->growth_per_s = watched->growth_per_s;
	/* It may have become full since the monitor looked. */
	out->exhaustion_known =
		watched->exhaustion_known && out->used < out->soft_limit;
	out->exhausted_in_s = watched->exhausted_in_s;
	out->sealed = watched->sealed;
	out->seal_unsure = watched->seal_unsure;
	out->leak_suspected = watched->leak_suspected;
	out->leak_told = watched->leak_told;
	add_refused(job, process, out);
}

static void fill_history(const struct alert_fd *fd, struct explain_question *question)
{
	question->history.counters_known = fd->counters_known;
	question->history.opened = fd->opened;
	question->history.closed = fd->closed;
	question->history.growth_known = fd->growth_known;
	question->history.growth_per_s = fd->growth_per_s;
	/* As the monitor's forecast has it: from half a minute, or since the start. */
	question->history.growth_over_s = question->history.age_s < FORECAST_S
						  ? question->history.age_s
						  : FORECAST_S;
	question->history.growth_sound = fd->exhaustion_known && fd->growth_per_s > 0;
	question->history.leak_suspected = fd->leak_suspected;
	question->history.leak_told = fd->leak_told;
}

/* NULL: it can't be explained, and `job` says why. */
static struct explainer_job *explain(struct inspector *s, struct server_job *job,
				     struct look *look, const struct alert_fd *fd)
{
	static const char incident[37] = "";
	struct explain_question question;
	struct explainer_job *answer = NULL;
	uint64_t waited_ns = 0;

	if (!explain_ask(look->table, look->process, 0, &question)) {
		if (is_of(job, look->process))
			explain_take_history(&question, &job->history);
		else
			fill_history(fd, &question);
		question.sites_wanted = true;
		question.nr_open = kernel_nr_open(&s->files);
		if (kernel_files_read(&s->files, &question.files, &question.files_max))
			question.files = question.files_max = 0;
		explainer_tick(s->explainer);
		answer = explainer_ask(s->explainer, EXPLAINER_ALERT, incident,
				       &question);
	}
	if (!answer) {
		server_job_fail(job, REQUEST_BUSY,
				"the threads that look are held up by files of other "
				"processes; ask again");
		return NULL;
	}
	while (explainer_wait(s->explainer, answer, EXPLAINER_HAS_ALL, SLICE_NS) !=
		       EXPLAINER_HAS_ALL &&
	       waited_ns < WAIT_NS && !atomic_load(&s->leaving)) {
		explainer_tick(s->explainer);
		waited_ns += SLICE_NS;
	}
	return answer;
}

/* ---- the reply ---- */

static char *print_page(const struct view_inspect *view, const struct request *request,
			size_t *len)
{
	struct page page = {.utf8 = !request->ascii, .width = request->width};
	char *text = NULL;

	page.out = open_memstream(&text, len);
	if (!page.out)
		return NULL;
	(void)view_inspect_page(view, &page);
	if (fclose(page.out)) {
		free(text);
		return NULL;
	}
	return text;
}

static cJSON *page_lines(const struct view_inspect *view, const struct request *request)
{
	size_t len = 0;
	char *text = print_page(view, request, &len);
	cJSON *list = text ? json_lines(text) : NULL;

	free(text);
	return list;
}

static struct shared_text *make_body(const struct view_inspect *view,
				     const struct request *request)
{
	char head[32];

	snprintf(head, sizeof(head), "\"pid\":%d", (int)request->pid);
	return shared_text_page(head, view_inspect_json(view),
				page_lines(view, request));
}

static void add_notes(struct view_inspect *view)
{
	if (view->who->denied)
		view->unseen[view->unseen_len++] =
			"who it is (executable, command line or cgroup): the daemon "
			"lacks CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";
	if (view->why->origin_known && view->why->origin.denied)
		view->unseen[view->unseen_len++] = view->why->origin.denied;
	if (view->fd->torn)
		view->unseen[view->unseen_len++] =
			"an exact count: the table changed each time that it was read";
}

static void write_reply(struct inspector *s, struct server_job *job, struct look *look,
			const struct alert_fd *fd, struct explainer_job *answer)
{
	struct alert_host host = {.name = s->host_name,
				  .boot_id = s->boot_id,
				  .boot_realtime_ns = kernel_boot_realtime_ns()};
	const struct identity *who = &explainer_question(answer)->who;
	struct census_result descriptors = {0};
	struct identity copy = {0};
	char user[64];
	struct view_inspect view = {
		.realtime_ns = look->process->table_ns + host.boot_realtime_ns,
		.host = &host,
		.who = &copy,
		.fd = fd,
		.why = explainer_why(answer),
	};

	/* While a thread is over its files, the question is that thread's. */
	if (explainer_wait(s->explainer, answer, EXPLAINER_HAS_ALL, 0) !=
	    EXPLAINER_HAS_ALL)
		who = &look->process->who;
	if (identity_copy(&copy, who))
		return;
	if (job->request.descriptors && s->census &&
	    !census_read(s->census, job->request.pid, 0, DESCRIPTORS_MAX,
			 &descriptors)) {
		view.descriptors = descriptors.descriptors;
		view.descriptors_len = descriptors.len;
	}
	/* The users of a container are others than the host's. */
	if (!copy.container_id && user_names_find(copy.uid, user, sizeof(user)))
		view.user = user;
	add_notes(&view);
	job->body = make_body(&view, &job->request);
	identity_clear(&copy);
	census_clear(&descriptors);
}

static void inspect(struct inspector *s, struct server_job *job)
{
	struct look look = {.pid = job->request.pid};
	struct explainer_job *answer;
	struct alert_fd fd;
	int err = look_at(s, &look);

	if (err == -ESRCH) {
		server_job_fail(job, REQUEST_NO_SUCH_PROCESS,
				"no process %d with a descriptor table", (int)look.pid);
	} else if (err) {
		server_job_fail(job, REQUEST_FAILED, "it can't be counted: %s",
				strerror(-err));
	} else {
		job->start_ns = look.process->who.start_ns;
		(void)identity_reader_read(s->identities, &look.process->who);
		fill_fd(job, look.process, &fd);
		answer = explain(s, job, &look, &fd);
		if (answer) {
			write_reply(s, job, &look, &fd, answer);
			explainer_done(s->explainer, answer);
			if (!job->body)
				server_job_fail(job, REQUEST_FAILED, "no memory");
		}
	}
	process_table_free(look.table);
}

/* Who could have done it: root, or whose process it is. */
static bool may_have_raised(const struct server_job *job)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)job->request.pid);
	return job->privileged || (!stat(path, &st) && st.st_uid == job->uid);
}

/* Told, not asked: and believed only as far as the limit shows it. */
static void take_raised(struct server_job *job)
{
	const struct request *request = &job->request;
	bool rested = capabilities_see_others();
	bool may = may_have_raised(job);
	int err = may ? remedy_note_raised(request->pid, request->raised_from,
					   request->raised_to)
		      : -EPERM;

	capabilities_rest_again(rested);
	if (!may)
		server_job_fail(job, REQUEST_DENIED,
				"only root, or whose process it is, can have raised "
				"its limit");
	else if (err == -ESTALE)
		server_job_fail(job, REQUEST_FAILED, "its soft limit is another one");
	else if (err == -ESRCH || err == -ENOENT)
		server_job_fail(job, REQUEST_NO_SUCH_PROCESS, "no process %d",
				(int)request->pid);
	else if (err)
		server_job_fail(job, REQUEST_FAILED, "its limit can't be read: %s",
				strerror(-err));
	else
		job->body = shared_text_format("\"pid\":%d", (int)request->pid);
	if (!err && !job->body)
		server_job_fail(job, REQUEST_FAILED, "no memory");
}

void inspector_answer(void *context, struct server_job *job)
{
	struct inspector *s = context;
	locale_t before = uselocale((locale_t)0);

	/* Widths of characters are those of UTF-8, wherever the daemon was started. */
	if (s->locale)
		uselocale(s->locale);
	if (job->request.kind == REQUEST_RAISED)
		take_raised(job);
	else if (*s->why_none)
		server_job_fail(job, REQUEST_FAILED, "%s", s->why_none);
	else if (job->request.kind == REQUEST_MAIN_KINDS)
		main_kinds_answer(s->kinds, job);
	else
		inspect(s, job);
	uselocale(before);
}

/* ---- life ---- */

/* Without them, all else of the server works. */
static void open_readers(struct inspector *s)
{
	struct census *census = NULL;
	char why[160] = "";
	int err = snapshot_open(SNAPSHOT_AUTO, NULL, &s->snapshot, why, sizeof(why));

	if (!err)
		err = census_open(&s->census, why, sizeof(why));
	if (!err)
		err = census_open(&census, why, sizeof(why));
	if (err)
		snprintf(s->why_none, sizeof(s->why_none),
			 "what descriptors are can't be told: %s", why);
	s->explainer = explainer_new(census, why, EXPLAINER_PATIENCE_NS);
	s->kinds = main_kinds_new(s->census);
	s->identities = identity_reader_new(IDENTITY_READER_DEADLINE_MS);
}

struct inspector *inspector_new(void)
{
	struct inspector *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->files = (struct kernel_files){-1, -1};
	kernel_host_name(s->host_name, sizeof(s->host_name));
	kernel_boot_id(s->boot_id);
	s->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!kernel_files_open(&s->files)) {
		open_readers(s);
		if (s->explainer && s->kinds && s->identities)
			return s;
	}
	inspector_free(s);
	return NULL;
}

void inspector_leave(struct inspector *s)
{
	atomic_store(&s->leaving, true);
}

const char *inspector_why_none(const struct inspector *s)
{
	return s->why_none;
}

void inspector_free(struct inspector *s)
{
	if (!s)
		return;
	explainer_free(s->explainer);
	main_kinds_free(s->kinds);
	identity_reader_free(s->identities);
	census_close(s->census);
	snapshot_close(s->snapshot);
	kernel_files_close(&s->files);
	if (s->locale)
		freelocale(s->locale);
	free(s);
}
