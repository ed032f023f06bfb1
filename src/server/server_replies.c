// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/server_replies.h"

#include <stdlib.h>
#include <string.h>

/* Deltas that are kept for other clients: views ask at the same pace. */
#define DELTAS_MAX 8
/* Of all replies that wait in the queues of clients that read slowly. */
#define BYTES_MAX  (128u << 20)
/* Besides, for root and the daemon's own user. */
#define BYTES_KEPT (32u << 20)
#define ALIVE_MAX  256

struct reply {
	uint64_t since; /* 0: the full one */
	struct shared_text *text;
};

struct server_replies {
	struct roster_keeper *keeper;
	struct reply kept[1 + DELTAS_MAX]; /* of this roster; the first is full */
	size_t next_delta;
	struct shared_text *alive[ALIVE_MAX]; /* also of rosters before */
};

/* ---- those that are kept ---- */

void server_replies_renew(struct server_replies *r)
{
	for (size_t i = 0; i < 1 + DELTAS_MAX; i++) {
		shared_text_release(r->kept[i].text);
		r->kept[i] = (struct reply){0};
	}
}

static struct shared_text *find(struct server_replies *r, uint64_t since)
{
	for (size_t i = since ? 1 : 0; i < (since ? 1 + DELTAS_MAX : 1); i++)
		if (r->kept[i].text && r->kept[i].since == since)
			return shared_text_hold(r->kept[i].text);
	return NULL;
}

static void keep(struct server_replies *r, uint64_t since, struct shared_text *text)
{
	struct reply *to =
		since ? &r->kept[1 + r->next_delta++ % DELTAS_MAX] : &r->kept[0];

	shared_text_release(to->text);
	*to = (struct reply){since, shared_text_hold(text)};
}

/* Those that wait in some client's queue, too: a client that does not read must not fill
 * the memory with what others ask for. false: there is no room. */
static bool account(struct server_replies *r, struct shared_text *text, bool privileged)
{
	size_t total = 0, slot = ALIVE_MAX,
	       most = BYTES_MAX + (privileged ? BYTES_KEPT : 0);

	for (size_t i = 0; i < ALIVE_MAX; i++) {
		if (r->alive[i] && atomic_load(&r->alive[i]->holders) == 1) {
			shared_text_release(r->alive[i]);
			r->alive[i] = NULL;
		}
		if (r->alive[i])
			total += r->alive[i]->len;
		else
			slot = i;
	}
	/* the only one is always given */
	if (slot == ALIVE_MAX || (total && total + text->len > most))
		return false;
	r->alive[slot] = shared_text_hold(text);
	return true;
}

/* ---- making one ---- */

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool is_wanted(const struct roster_row *row, const struct request *request,
		      uint64_t since)
{
	if (since && row->changed <= since)
		return false;
	return !request->pids ||
	       bsearch(&row->who.pid, request->pids, request->pids_len,
		       sizeof(*request->pids), compare_pids);
}

/* All members but "processes". NULL: no memory. The caller frees it. */
static char *make_head(struct server_replies *r, uint64_t since)
{
	const struct roster *roster = roster_keeper_roster(r->keeper);
	struct roster_key *gone = NULL;
	size_t gone_len = 0;
	cJSON *json = NULL;
	char *text = NULL;

	if (!since || !roster_keeper_gone(r->keeper, since, &gone, &gone_len))
		json = roster_head_json(roster, since, gone, gone_len);
	if (json)
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	free(gone);
	return text;
}

/* The length of all rows' texts with their commas; -1: no memory. */
static ssize_t measure(struct server_replies *r, const struct request *request,
		       uint64_t since)
{
	const struct roster *roster = roster_keeper_roster(r->keeper);
	ssize_t total = 0;
	size_t len;

	for (size_t i = 0; i < roster->len; i++) {
		if (!is_wanted(&roster->rows[i], request, since))
			continue;
		if (!roster_keeper_text(r->keeper, i, &len))
			return -1;
		total += (ssize_t)len + 1;
	}
	return total;
}

static char *put_rows(struct server_replies *r, const struct request *request,
		      uint64_t since, char *at)
{
	const struct roster *roster = roster_keeper_roster(r->keeper);
	bool first = true;
	size_t len;

	for (size_t i = 0; i < roster->len; i++) {
		const char *text;

		if (!is_wanted(&roster->rows[i], request, since))
			continue;
		text = roster_keeper_text(r->keeper, i, &len);
		if (!first)
			*at++ = ',';
		first = false;
		at = mempcpy(at, text, len);
	}
	return at;
}

/* NULL: no memory. */
static struct shared_text *make(struct server_replies *r, const struct request *request,
				uint64_t since)
{
	static const char list[] = ",\"processes\":[";
	char *head = make_head(r, since), *at;
	ssize_t rows_len = head ? measure(r, request, since) : -1;
	struct shared_text *out = NULL;
	size_t head_len;

	if (rows_len >= 0) {
		head_len = strlen(head) - 2; /* without braces */
		out = shared_text_new(head_len + sizeof(list) + (size_t)rows_len);
	}
	if (out) {
		at = mempcpy(out->bytes, head + 1, head_len);
		at = mempcpy(at, list, sizeof(list) - 1);
		at = put_rows(r, request, since, at);
		*at++ = ']';
		*at = 0;
		out->len = (size_t)(at - out->bytes);
	}
	cJSON_free(head);
	return out;
}

void server_replies_snapshot(struct server_replies *r, struct server_job *job)
{
	const struct request *request = &job->request;
	uint64_t since = request->since;
	struct shared_text *text;

	if (!roster_keeper_knows(r->keeper, since))
		since = 0;
	text = request->pids ? NULL : find(r, since);
	if (!text) {
		text = make(r, request, since);
		if (!text) {
			server_job_fail(job, REQUEST_FAILED, "no memory");
			return;
		}
		if (!account(r, text, job->privileged)) {
			shared_text_release(text);
			server_job_fail(job, REQUEST_BUSY,
					"too much waits to be read by other clients; "
					"ask again");
			return;
		}
		if (!request->pids)
			keep(r, since, text);
	}
	job->body = text;
}

void server_replies_self(struct server_replies *r, struct server_job *job)
{
	const struct roster *roster = roster_keeper_roster(r->keeper);
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (json && !self_add(json, &roster->self))
		text = cJSON_PrintUnformatted(json);
	if (text)
		job->body = shared_text_format("%.*s", (int)strlen(text) - 2, text + 1);
	if (!job->body)
		server_job_fail(job, REQUEST_FAILED, "no memory");
	cJSON_free(text);
	cJSON_Delete(json);
}

/* ---- life ---- */

struct server_replies *server_replies_new(struct roster_keeper *keeper)
{
	struct server_replies *r = calloc(1, sizeof(*r));

	if (r)
		r->keeper = keeper;
	return r;
}

void server_replies_free(struct server_replies *r)
{
	if (!r)
		return;
	server_replies_renew(r);
	for (size_t i = 0; i < ALIVE_MAX; i++)
		shared_text_release(r->alive[i]);
	free(r);
}
