// SPDX-License-Identifier: GPL-2.0-or-later
/* A roster's life, and its JSON. The way back is in roster_read.c. */
#include "output/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"

void roster_row_clear(struct roster_row *row)
{
	identity_clear(&row->who);
	memset(row, 0, sizeof(*row));
}

void roster_clear(struct roster *roster)
{
	for (size_t i = 0; i < roster->len; i++)
		identity_clear(&roster->rows[i].who);
	free(roster->rows);
	memset(roster, 0, sizeof(*roster));
}

int roster_copy(struct roster *to, const struct roster *from)
{
	*to = *from;
	to->len = 0;
	to->rows = calloc(from->len + 1, sizeof(*to->rows));
	if (!to->rows) {
		memset(to, 0, sizeof(*to));
		return -ENOMEM;
	}
	for (; to->len < from->len; to->len++) {
		struct roster_row *row = &to->rows[to->len];

		*row = from->rows[to->len];
		if (identity_copy(&row->who, &from->rows[to->len].who)) {
			roster_clear(to);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- order ---- */

int roster_compare(const struct roster_row *row, const struct roster_key *key)
{
	if (row->who.pid != key->pid)
		return row->who.pid < key->pid ? -1 : 1;
	return (row->who.start_ns > key->start_ns) -
	       (row->who.start_ns < key->start_ns);
}

static int compare_rows(const void *a, const void *b)
{
	const struct roster_row *other = b;
	struct roster_key key = {other->who.pid, other->who.start_ns};

	return roster_compare(a, &key);
}

void roster_sort(struct roster *roster)
{
	if (roster->len > 1)
		qsort(roster->rows, roster->len, sizeof(*roster->rows), compare_rows);
}

struct roster_row *roster_find(const struct roster *roster, pid_t pid,
			       uint64_t start_ns)
{
	struct roster_key key = {pid, start_ns ? start_ns : UINT64_MAX};
	size_t low = 0, high = roster->len;
	struct roster_row *row;

	/* the last one that is not after the key: of one pid, the newest */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (roster_compare(&roster->rows[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	row = &roster->rows[low - 1];
	if (row->who.pid != pid || (start_ns && row->who.start_ns != start_ns))
		return NULL;
	return row;
}

void roster_host(const struct roster *roster, struct alert_host *out)
{
	*out = (struct alert_host){
		.name = roster->host_name,
		.boot_id = *roster->boot_id ? roster->boot_id : NULL,
		.boot_realtime_ns = roster->boot_realtime_ns,
	};
}

/* ---- JSON ---- */

static const char *const level_names[POLICY_LEVELS] = {
	[POLICY_LEVEL_WARNING] = "warning",
	[POLICY_LEVEL_CRITICAL] = "critical",
	[POLICY_LEVEL_EXHAUSTED] = "exhausted",
};

/* Nanoseconds go as text: a double holds them exactly for 104 days alone, and the time
 * of day that "start" has moves with the clock. */
static int add_start(cJSON *parent, uint64_t start_ns)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, start_ns);
	return json_add_text(parent, "start_ns", text);
}

static int add_watch(cJSON *root, const struct roster_row *row)
{
	cJSON *watch = json_add_object(root, "watch");
	int err = watch ? add_start(watch, row->who.start_ns) : -ENOMEM;

	if (!err)
		err = json_add_text(watch, "level", level_names[row->level]);
	if (!err && *row->incident)
		err = json_add_text(watch, "incident", row->incident);
	if (!err && row->refused)
		err = json_add_uint(watch, "refused", row->refused);
	if (!err && row->who.denied)
		err = cJSON_AddTrueToObject(watch, "denied") ? 0 : -ENOMEM;
	return err;
}

cJSON *roster_row_json(const struct roster_row *row, const struct alert_host *host)
{
	cJSON *out = cJSON_CreateObject();
	int err = out ? alert_add_identity(out, &row->who, host) : -ENOMEM;

	if (!err)
		err = alert_add_fd(out, &row->fd);
	if (!err)
		err = add_watch(out, row);
	if (err) {
		cJSON_Delete(out);
		out = NULL;
	}
	return out;
}

static int add_time(cJSON *parent, const char *name, uint64_t realtime_ns)
{
	char text[32];

	alert_timestamp(realtime_ns, text);
	return json_add_text(parent, name, text);
}

static int add_host(cJSON *root, const struct roster *roster)
{
	cJSON *host = json_add_object(root, "host"), *boot;
	int err = host ? json_add_text(host, "name", roster->host_name) : -ENOMEM;

	if (err)
		return err;
	boot = json_add_object(host, "boot");
	if (!boot)
		return -ENOMEM;
	if (*roster->boot_id)
		err = json_add_text(boot, "id", roster->boot_id);
	return err ? err : add_time(boot, "time", roster->boot_realtime_ns);
}

static int add_system(cJSON *root, const struct alert_system *now)
{
	cJSON *system = json_add_object(root, "system");
	int err = system ? 0 : -ENOMEM;

	if (!err && now->known)
		err = json_add_uint(system, "allocated", now->allocated);
	if (!err && now->known)
		err = json_add_uint(system, "max", now->max);
	if (!err && now->nr_open)
		err = json_add_uint(system, "nr_open", now->nr_open);
	return err;
}

unsigned int roster_trouble(enum policy_level level, bool leak_suspected)
{
	if (level != POLICY_LEVEL_OK)
		return level;
	return leak_suspected ? ROSTER_LEAK : ROSTER_OTHER_LIMIT;
}

static int add_alerts(cJSON *root, const struct roster *roster)
{
	cJSON *alerts = json_add_object(root, "alerts");
	int err = alerts ? 0 : -ENOMEM;

	for (int level = POLICY_LEVEL_WARNING; level < POLICY_LEVELS && !err; level++)
		err = json_add_uint(alerts, level_names[level], roster->alerts[level]);
	if (!err)
		err = json_add_uint(alerts, "leak_suspected",
				    roster->alerts[ROSTER_LEAK]);
	if (!err)
		err = json_add_uint(alerts, "other_limit",
				    roster->alerts[ROSTER_OTHER_LIMIT]);
	return err ? err : json_add_uint(alerts, "refused", roster->refused);
}

static int add_gone(cJSON *root, const struct roster_key *gone, size_t len)
{
	cJSON *list = cJSON_AddArrayToObject(root, "gone");
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < len && !err; i++) {
		cJSON *key = cJSON_CreateObject();

		if (!key || !cJSON_AddItemToArray(list, key)) {
			cJSON_Delete(key);
			return -ENOMEM;
		}
		err = json_add_uint(key, "pid", (uint64_t)gone[i].pid);
		if (!err)
			err = add_start(key, gone[i].start_ns);
	}
	return err;
}

static int add_head(cJSON *root, const struct roster *roster, uint64_t since)
{
	int err = json_add_uint(root, "number", roster->number);

	if (!err && since)
		err = json_add_uint(root, "since", since);
	if (!err)
		err = cJSON_AddBoolToObject(root, "full", !since) ? 0 : -ENOMEM;
	if (!err && roster->interval_ns)
		err = json_add_uint(root, "interval_ms", roster->interval_ns / 1000000);
	if (!err)
		err = add_time(root, "@timestamp", roster->realtime_ns);
	if (!err)
		err = add_host(root, roster);
	if (!err)
		err = add_system(root, &roster->system);
	if (!err)
		err = self_add(root, &roster->self);
	return err ? err : add_alerts(root, roster);
}

cJSON *roster_head_json(const struct roster *roster, uint64_t since,
			const struct roster_key *gone, size_t gone_len)
{
	cJSON *root = cJSON_CreateObject();
	int err = root ? add_head(root, roster, since) : -ENOMEM;

	if (!err && since)
		err = add_gone(root, gone, gone_len);
	if (err) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}

static int add_rows(cJSON *root, const struct roster *roster, uint64_t since)
{
	cJSON *list = cJSON_AddArrayToObject(root, "processes");
	struct alert_host host;

	roster_host(roster, &host);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++) {
		cJSON *row;

		if (since && roster->rows[i].changed <= since)
			continue;
		row = roster_row_json(&roster->rows[i], &host);
		if (!row || !cJSON_AddItemToArray(list, row)) {
			cJSON_Delete(row);
			return -ENOMEM;
		}
	}
	return 0;
}

cJSON *roster_to_json(const struct roster *roster, uint64_t since,
		      const struct roster_key *gone, size_t gone_len)
{
	cJSON *root = roster_head_json(roster, since, gone, gone_len);

	if (root && add_rows(root, roster, since)) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}
