// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/recall.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without memory for one it is read each time. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "collect/kernel.h"
#include "daemon/archive.h"
#include "output/json.h"
#include "output/page.h"
#include "output/postmortem.h"
#include "state/json_read.h"

/* Records that are looked at: of more, those that were written last. */
#define RECORDS_MAX 4096

/* What is kept of one record. */
struct brief {
	char id[ALERT_ID_LEN];
	uint64_t changed_ns, size; /* of the file that was read */
	bool listed;               /* it is in the directory still */
	int failed; /* why it can't be read, -errno; 0: it could, and the rest is known */
	char boot_id[ALERT_ID_LEN];
	uint64_t began_ns; /* CLOCK_REALTIME */
	uint64_t boot_ns;  /* the same, CLOCK_BOOTTIME of that boot; 0: not known */
	pid_t *pids;       /* whose it is, of a summary its members */
	size_t pids_len;
	char *service; /* NULL: none */
	char *text;    /* JSON, as `incidents --json` has it */
	UT_hash_handle hh;
};

struct recall {
	char *path;    /* NULL: none are kept */
	char *boot_id; /* this one's */
	locale_t locale;
	struct brief *briefs;
};

/* ---- what is kept ---- */

static void free_brief(struct brief *b)
{
	if (!b)
		return;
	free(b->pids);
	free(b->service);
	cJSON_free(b->text);
	free(b);
}

static void forget(struct recall *r, struct brief *b)
{
	HASH_DEL(r->briefs, b);
	free_brief(b);
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int take_pids(struct brief *b, const struct postmortem *p)
{
	const cJSON *one;

	b->pids = calloc((size_t)cJSON_GetArraySize(p->members) + 1, sizeof(*b->pids));
	if (!b->pids)
		return -ENOMEM;
	if (p->pid && !p->processes)
		b->pids[b->pids_len++] = (pid_t)p->pid;
	cJSON_ArrayForEach (one, p->members) {
		b->pids[b->pids_len++] = (pid_t)json_uint_at(one, "pid");
	}
	return 0;
}

/* When and in which boot: a record that has no beginning has alerts at least. */
static void take_time(struct brief *b, const struct incident *incident,
		      const struct postmortem *p)
{
	const cJSON *first = incident->alerts_len ? incident->alerts[0] : NULL;
	const char *boot_id = json_text_at(member(member(first, "host"), "boot"), "id");
	uint64_t offset_ns = kernel_boot_realtime_ns();

	b->began_ns = p->began_ns;
	if (incident->begun) {
		memcpy(b->boot_id, incident->begin.boot_id, sizeof(b->boot_id));
		b->boot_ns = incident->begin.at_ns;
	} else if (boot_id && p->began_ns > offset_ns) {
		snprintf(b->boot_id, sizeof(b->boot_id), "%s", boot_id);
		b->boot_ns = p->began_ns - offset_ns;
	}
}

static int fill(struct brief *b, const struct incident *incident,
		const struct postmortem *p)
{
	cJSON *json = postmortem_brief(p);

	take_time(b, incident, p);
	b->text = json ? cJSON_PrintUnformatted(json) : NULL;
	b->service = p->service ? strdup(p->service) : NULL;
	cJSON_Delete(json);
	return !b->text || (p->service && !b->service) ? -ENOMEM : take_pids(b, p);
}

/* NULL: no memory, or it has just been removed. */
static struct brief *read_brief(const struct archive *archive,
				const struct archive_entry *entry)
{
	struct brief *b = calloc(1, sizeof(*b));
	char why[ARCHIVE_WHY_MAX];
	struct incident incident;
	struct postmortem p;
	int err;

	if (!b)
		return NULL;
	memcpy(b->id, entry->id, sizeof(b->id));
	b->changed_ns = entry->changed_ns;
	b->size = entry->size;
	err = archive_read(archive, entry->id, &incident, why, sizeof(why));
	if (!err) {
		err = postmortem_make(&incident, entry->id, &p);
		if (!err)
			err = fill(b, &incident, &p);
		postmortem_clear(&p);
		incident_clear(&incident);
	}
	b->failed = err;
	if (err != -ENOMEM && err != -ENOENT)
		return b;
	free_brief(b);
	return NULL;
}

/* What is no record stays none until the file changes. Of rights and of the disk's errors the
 * file's time tells nothing. */
static bool is_known(const struct brief *b, const struct archive_entry *entry)
{
	return b->changed_ns == entry->changed_ns && b->size == entry->size &&
	       (!b->failed || b->failed == -EINVAL || b->failed == -E2BIG);
}

/* One of the directory: as it is known, or read anew. */
static void look_at(struct recall *r, const struct archive *archive,
		    const struct archive_entry *entry)
{
	struct brief *b;

	HASH_FIND_STR(r->briefs, entry->id, b);
	if (b && !is_known(b, entry)) {
		forget(r, b);
		b = NULL;
	}
	if (!b) {
		b = read_brief(archive, entry);
		if (!b)
			return;
		HASH_ADD_STR(r->briefs, id, b);
		if (!b->hh.tbl) {
			free_brief(b);
			return;
		}
	}
	b->listed = true;
}

static int by_change(const void *a, const void *b)
{
	const struct archive_entry *first = a, *second = b;

	return first->changed_ns > second->changed_ns   ? -1
	       : first->changed_ns < second->changed_ns ? 1
							: 0;
}

/* What the directory has now. 0, or -errno with one line in `why`. */
static int refresh(struct recall *r, char *why, size_t why_size)
{
	struct archive archive;
	struct brief *b, *next;
	int err = archive_open(r->path, NULL, &archive, why, why_size);

	/* The daemon makes the directory; without one there is no record. */
	if (err && err != -ENOENT)
		return err;
	HASH_ITER (hh, r->briefs, b, next)
		b->listed = false;
	if (archive.len > RECORDS_MAX)
		qsort(archive.entries, archive.len, sizeof(*archive.entries),
		      by_change);
	for (size_t i = 0; i < archive.len && i < RECORDS_MAX; i++)
		look_at(r, &archive, &archive.entries[i]);
	if (!err)
		archive_close(&archive);
	HASH_ITER (hh, r->briefs, b, next)
		if (!b->listed)
			forget(r, b);
	return 0;
}

/* ---- which are asked for ---- */

/* An incident is of a process that has its pid if it began after that process did: then no
 * other one can have had it. */
static bool is_of_process(const struct recall *r, const struct brief *b,
			  const struct request *request)
{
	size_t i = 0;

	while (i < b->pids_len && b->pids[i] != request->pid)
		i++;
	if (!request->pid || i == b->pids_len)
		return false;
	return !request->start_ns ||
	       (!strcmp(b->boot_id, r->boot_id) && b->boot_ns >= request->start_ns);
}

static bool is_wanted(const struct recall *r, const struct brief *b,
		      const struct request *request)
{
	if (b->failed)
		return false;
	if (!request->pid && !request->service)
		return true;
	return is_of_process(r, b, request) || (request->service && b->service &&
						!strcmp(b->service, request->service));
}

static int by_begin(const void *a, const void *b)
{
	const struct brief *const *first = a, *const *second = b;

	return archive_is_before((*first)->began_ns, (*first)->id, (*second)->began_ns,
				 (*second)->id)
		       ? -1
		       : 1;
}

static struct shared_text *write_list(struct brief *const *list, size_t len, size_t max,
				      size_t unreadable)
{
	size_t shown = len < max ? len : max, size = 0;
	struct shared_text *body;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("\"incidents\":[", out);
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%s%s", i ? "," : "", list[i]->text);
	fprintf(out, "],\"left_off\":%zu,\"unreadable\":%zu", len - shown, unreadable);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	body = shared_text_new(size);
	if (body)
		memcpy(body->bytes, text, size);
	free(text);
	return body;
}

static void answer_incidents(struct recall *r, struct server_job *job)
{
	char why[ARCHIVE_WHY_MAX];
	struct brief **list, *b, *next;
	size_t len = 0, unreadable = 0;

	if (refresh(r, why, sizeof(why))) {
		server_job_fail(job, REQUEST_FAILED, "%s", why);
		return;
	}
	list = calloc(HASH_COUNT(r->briefs) + 1, sizeof(struct brief *));
	if (list) {
		HASH_ITER (hh, r->briefs, b, next) {
			unreadable += b->failed != 0;
			if (is_wanted(r, b, &job->request))
				list[len++] = b;
		}
		if (len > 1)
			qsort(list, len, sizeof(struct brief *), by_begin);
		job->body = write_list(list, len, job->request.max, unreadable);
	}
	free(list);
	if (!job->body)
		server_job_fail(job, REQUEST_FAILED, "no memory");
}

/* ---- one of them ---- */

static cJSON *page_lines(const struct postmortem *p, const struct request *request)
{
	struct page page = {.utf8 = !request->ascii, .width = request->width};
	char *text = NULL;
	size_t len = 0;
	cJSON *lines = NULL;

	page.out = open_memstream(&text, &len);
	if (!page.out)
		return NULL;
	postmortem_text(p, &page);
	if (!fclose(page.out))
		lines = json_lines(text);
	free(text);
	return lines;
}

static struct shared_text *write_report(const struct postmortem *p,
					const struct request *request)
{
	char head[ALERT_ID_LEN + 16];

	snprintf(head, sizeof(head), "\"incident\":\"%s\"", p->id);
	return shared_text_page(head, postmortem_json(p), page_lines(p, request));
}

static void answer_report(const struct recall *r, struct server_job *job)
{
	char why[ARCHIVE_WHY_MAX], id[ALERT_ID_LEN];
	struct incident incident;
	struct postmortem p;
	int err = archive_find_id(job->request.incident, r->path, &incident, id, why,
				  sizeof(why));

	if (err) {
		server_job_fail(
			job, err == -ENOENT ? REQUEST_NO_SUCH_INCIDENT : REQUEST_FAILED,
			"%s", why);
		return;
	}
	if (!postmortem_make(&incident, id, &p))
		job->body = write_report(&p, &job->request);
	postmortem_clear(&p);
	incident_clear(&incident);
	if (!job->body)
		server_job_fail(job, REQUEST_FAILED, "no memory");
}

void recall_answer(void *context, struct server_job *job)
{
	struct recall *r = context;
	locale_t before = uselocale((locale_t)0);

	/* Widths of characters are those of UTF-8, wherever the daemon was started. */
	if (r->locale)
		uselocale(r->locale);
	if (!r->path)
		server_job_fail(job, REQUEST_FAILED,
				"no records are kept: [incidents] path is empty");
	else if (job->request.kind == REQUEST_REPORT)
		answer_report(r, job);
	else
		answer_incidents(r, job);
	uselocale(before);
}

/* ---- life ---- */

struct recall *recall_new(const char *path)
{
	struct recall *r = calloc(1, sizeof(*r));
	char boot_id[ALERT_ID_LEN] = "";

	if (!r)
		return NULL;
	kernel_boot_id(boot_id);
	r->path = path ? strdup(path) : NULL;
	r->boot_id = strdup(boot_id);
	r->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if ((!path || r->path) && r->boot_id)
		return r;
	recall_free(r);
	return NULL;
}

void recall_free(void *recall)
{
	struct recall *r = recall;
	struct brief *b, *next;

	if (!r)
		return;
	HASH_ITER (hh, r->briefs, b, next)
		forget(r, b);
	if (r->locale)
		freelocale(r->locale);
	free(r->path);
	free(r->boot_id);
	free(r);
}
