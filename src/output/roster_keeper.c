// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/roster_keeper.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "state/identity_reader.h"

/* Processes that have left, as many as are kept for deltas. */
#define GONE_MAX      16384
/* How often it is tried to read who one is that does not answer in time. */
#define TRIES_MAX     5
/* The clock is slewed by microseconds a second, which is no change of anything; from
 * here on it was set. */
#define CLOCK_STEP_NS 100000000ull

/* What is kept beside a row. */
struct aside {
	uint64_t exec_id;
	bool read; /* who it is was read */
	uint8_t tries;
	char *text; /* its JSON; NULL: not made yet */
	size_t text_len;
};

struct left {
	struct roster_key key;
	uint64_t number; /* of the first roster that it was not in */
};

struct roster_keeper {
	struct roster roster;
	struct aside *asides; /* one a row */
	struct identity_reader *reader;
	/* Those that have left, in a ring; it is known from roster `oldest` on. */
	struct left gone[GONE_MAX];
	size_t gone_first, gone_len;
	uint64_t oldest;
};

/* ---- the feed ---- */

static int compare_rows(const void *a, const void *b)
{
	const struct feed_row *other = b;
	struct roster_key key = {other->row.who.pid, other->row.who.start_ns};

	return roster_compare(&((const struct feed_row *)a)->row, &key);
}

static int compare_files(const void *a, const void *b)
{
	const struct feed_row *x = *(struct feed_row *const *)a;
	const struct feed_row *y = *(struct feed_row *const *)b;

	return (x->files > y->files) - (x->files < y->files);
}

/* Others that share a table: those with an equal one. 0 or -ENOMEM. */
static int count_sharers(struct feed *feed)
{
	struct feed_row **by_files =
		malloc((feed->len + 1) * sizeof(struct feed_row *));

	if (!by_files)
		return -ENOMEM;
	for (size_t i = 0; i < feed->len; i++)
		by_files[i] = &feed->rows[i];
	if (feed->len > 1)
		qsort(by_files, feed->len, sizeof(struct feed_row *), compare_files);
	for (size_t i = 0, end; i < feed->len; i = end) {
		end = i + 1;
		while (end < feed->len && by_files[end]->files == by_files[i]->files)
			end++;
		for (size_t at = i; at < end && by_files[i]->files; at++)
			by_files[at]->row.fd.shared_with = (uint32_t)(end - i - 1);
	}
	free(by_files);
	return 0;
}

/* ---- one row ---- */

/* Member by member: what is between them is anything. */
static bool is_same_fd(const struct alert_fd *a, const struct alert_fd *b)
{
	return a->known == b->known && a->count == b->count && a->used == b->used &&
	       a->soft_limit == b->soft_limit && a->hard_limit == b->hard_limit &&
	       a->sealed == b->sealed && a->seal_unsure == b->seal_unsure &&
	       a->ignored == b->ignored && a->effective_limit == b->effective_limit &&
	       a->managed == b->managed && a->torn == b->torn &&
	       a->thread == b->thread && a->tables == b->tables &&
	       a->shared_with == b->shared_with &&
	       a->counters_known == b->counters_known && a->opened == b->opened &&
	       a->closed == b->closed && a->growth_known == b->growth_known &&
	       a->growth_per_s == b->growth_per_s &&
	       a->exhaustion_known == b->exhaustion_known &&
	       a->exhausted_in_s == b->exhausted_in_s;
}

static bool is_same(const struct roster_row *a, const struct roster_row *b)
{
	return a->who.ppid == b->who.ppid && a->who.uid == b->who.uid &&
	       !memcmp(a->who.comm, b->who.comm, sizeof(a->who.comm)) &&
	       is_same_fd(&a->fd, &b->fd) && a->level == b->level &&
	       !strcmp(a->incident, b->incident) && a->refused == b->refused;
}

/* Its strings stay, what the kernel says comes from the feed. */
static void update_row(struct roster_row *row, const struct roster_row *fresh)
{
	struct identity who = row->who;
	uint64_t changed = row->changed;

	who.ppid = fresh->who.ppid;
	who.uid = fresh->who.uid;
	who.charged_uid = fresh->who.charged_uid;
	memcpy(who.comm, fresh->who.comm, sizeof(who.comm));
	*row = *fresh;
	row->who = who;
	row->changed = changed;
}

/* Whether to read again who it is: for want of what may come back, and a few times if it
 * took too long, which it does on a busy machine. */
static bool is_done(struct aside *aside, int err)
{
	switch (err) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EAGAIN:
		return false;
	case -ETIMEDOUT:
	case -EBUSY:
		return ++aside->tries == TRIES_MAX;
	default:
		return true;
	}
}

static void forget(struct roster_row *row, struct aside *aside)
{
	roster_row_clear(row);
	free(aside->text);
	memset(aside, 0, sizeof(*aside));
}

/* A process of the feed in place of what was known of it, which is in `row` (zeroed:
 * nothing). */
static void merge_row(struct roster_keeper *k, struct roster_row *row,
		      struct aside *aside, const struct feed_row *fresh, bool changed)
{
	if (row->who.pid && aside->exec_id == fresh->exec_id) {
		changed = changed || !is_same(row, &fresh->row);
		update_row(row, &fresh->row);
	} else {
		forget(row, aside);
		*row = fresh->row;
		aside->exec_id = fresh->exec_id;
		changed = true;
	}
	if (!changed && aside->read)
		return;
	row->changed = k->roster.number;
	free(aside->text);
	aside->text = NULL;
}

static void note_gone(struct roster_keeper *k, const struct roster_row *row)
{
	struct left *to;

	if (k->gone_len == GONE_MAX) {
		k->oldest = k->gone[k->gone_first].number;
		k->gone_first = (k->gone_first + 1) % GONE_MAX;
		k->gone_len--;
	}
	to = &k->gone[(k->gone_first + k->gone_len++) % GONE_MAX];
	to->key = (struct roster_key){row->who.pid, row->who.start_ns};
	to->number = k->roster.number;
}

/* ---- all of them ---- */

/* Both are in order. Moves what stays. */
static void merge(struct roster_keeper *k, const struct feed *feed,
		  struct roster_row *rows, struct aside *asides, bool all_changed)
{
	struct roster *old = &k->roster;
	size_t i = 0;

	for (size_t j = 0; j <= feed->len; j++) {
		const struct feed_row *fresh = j < feed->len ? &feed->rows[j] : NULL;
		struct roster_key key = {0};

		if (fresh)
			key = (struct roster_key){fresh->row.who.pid,
						  fresh->row.who.start_ns};
		for (; i < old->len &&
		       (!fresh || roster_compare(&old->rows[i], &key) < 0);
		     i++) {
			note_gone(k, &old->rows[i]);
			forget(&old->rows[i], &k->asides[i]);
		}
		if (!fresh)
			break;
		if (i < old->len && roster_compare(&old->rows[i], &key) == 0) {
			rows[j] = old->rows[i];
			asides[j] = k->asides[i++];
		}
		merge_row(k, &rows[j], &asides[j], fresh, all_changed);
	}
}

/* Who those are of whom it has not been read yet. Without memory it is the next time. */
static void read_identities(struct roster_keeper *k, struct roster_row *rows,
			    struct aside *asides, size_t len)
{
	struct identity **who = calloc(len + 1, sizeof(struct identity *));
	int *errs = calloc(len + 1, sizeof(*errs));

	if (who && errs) {
		size_t n = 0;

		for (size_t i = 0; i < len; i++)
			if (!asides[i].read)
				who[n++] = &rows[i].who;
		identity_reader_read_all(k->reader, who, errs, n);
		for (size_t i = 0, at = 0; i < len; i++)
			if (!asides[i].read)
				asides[i].read = is_done(&asides[i], errs[at++]);
	}
	free(who);
	free(errs);
}

/* The time of boot stays as it was first told, unless the clock was set: it changes by
 * microseconds all the time, and with it each process's start would. Returns whether it
 * was. */
static bool take_head(struct roster_keeper *k, const struct roster *fresh)
{
	struct roster *now = &k->roster;
	uint64_t number = now->number, boot_ns = now->boot_realtime_ns;
	uint64_t fresh_ns = fresh->boot_realtime_ns;
	uint64_t moved = fresh_ns > boot_ns ? fresh_ns - boot_ns : boot_ns - fresh_ns;
	bool set = moved > CLOCK_STEP_NS;
	struct roster_row *rows = now->rows;
	size_t len = now->len;

	*now = *fresh;
	now->rows = rows;
	now->len = len;
	now->number = number ? number + 1 : fresh->realtime_ns / 1000000;
	if (!number)
		k->oldest = now->number;
	if (!set)
		now->boot_realtime_ns = boot_ns;
	return set;
}

int roster_keeper_update(struct roster_keeper *k, struct feed *feed)
{
	struct roster_row *rows = calloc(feed->len + 1, sizeof(*rows));
	struct aside *asides = calloc(feed->len + 1, sizeof(*asides));
	bool set;

	if (!rows || !asides || count_sharers(feed)) {
		free(rows);
		free(asides);
		return -ENOMEM;
	}
	if (feed->len > 1)
		qsort(feed->rows, feed->len, sizeof(*feed->rows), compare_rows);
	set = take_head(k, &feed->head);
	merge(k, feed, rows, asides, set);
	read_identities(k, rows, asides, feed->len);
	free(k->roster.rows);
	free(k->asides);
	k->roster.rows = rows;
	k->roster.len = feed->len;
	k->asides = asides;
	return 0;
}

const struct roster *roster_keeper_roster(const struct roster_keeper *k)
{
	return &k->roster;
}

const char *roster_keeper_text(struct roster_keeper *k, size_t i, size_t *len)
{
	struct aside *aside = &k->asides[i];
	struct alert_host host;
	cJSON *json;

	if (!aside->text) {
		roster_host(&k->roster, &host);
		json = roster_row_json(&k->roster.rows[i], &host);
		aside->text = json ? cJSON_PrintUnformatted(json) : NULL;
		cJSON_Delete(json);
		aside->text_len = aside->text ? strlen(aside->text) : 0;
	}
	*len = aside->text_len;
	return aside->text;
}

bool roster_keeper_knows(const struct roster_keeper *k, uint64_t since)
{
	return k->roster.number && since >= k->oldest && since <= k->roster.number;
}

int roster_keeper_gone(const struct roster_keeper *k, uint64_t since,
		       struct roster_key **gone, size_t *len)
{
	*len = 0;
	*gone = calloc(k->gone_len + 1, sizeof(**gone));
	if (!*gone)
		return -ENOMEM;
	for (size_t i = 0; i < k->gone_len; i++) {
		const struct left *left = &k->gone[(k->gone_first + i) % GONE_MAX];

		if (left->number > since)
			(*gone)[(*len)++] = left->key;
	}
	return 0;
}

/* ---- life ---- */

struct roster_keeper *roster_keeper_new(void)
{
	struct roster_keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->reader = identity_reader_new(IDENTITY_READER_DEADLINE_MS);
	if (k->reader)
		return k;
	free(k);
	return NULL;
}

void roster_keeper_free(struct roster_keeper *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->roster.len; i++)
		free(k->asides[i].text);
	free(k->asides);
	roster_clear(&k->roster);
	identity_reader_free(k->reader);
	free(k);
}
