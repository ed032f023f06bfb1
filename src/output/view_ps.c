/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order and JSON; the table is in view_ps_table.c. */
#include "output/view_ps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"

static const char *const key_names[VIEW_PS_KEYS] = {
	[VIEW_PS_USAGE] = "usage", [VIEW_PS_COUNT] = "count",
	[VIEW_PS_LIMIT] = "limit", [VIEW_PS_GROWTH] = "growth",
	[VIEW_PS_PID] = "pid",     [VIEW_PS_NAME] = "name",
};

int view_ps_key_parse(const char *name, enum view_ps_key *out)
{
	int key;

	for (key = 0; key < VIEW_PS_KEYS; key++) {
		if (strcmp(name, key_names[key]) == 0) {
			*out = (enum view_ps_key)key;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- order: each comparison is negative when `a` comes first ---- */

static int by_pid(const struct view_ps_row *a, const struct view_ps_row *b)
{
	if (a->who->pid != b->who->pid)
		return a->who->pid < b->who->pid ? -1 : 1;
	/* rows of threads with tables of their own come after the process's */
	return (a->fd->thread > b->fd->thread) - (a->fd->thread < b->fd->thread);
}

static int higher_first(bool a_known, double a, bool b_known, double b)
{
	if (a_known != b_known)
		return a_known ? -1 : 1;
	return a_known ? (a < b) - (a > b) : 0;
}

static int more_first(bool a_known, uint64_t a, bool b_known, uint64_t b)
{
	if (a_known != b_known)
		return a_known ? -1 : 1;
	return a_known ? (a < b) - (a > b) : 0;
}

static double share(const struct alert_fd *fd)
{
	/* with no slot at all, it is full */
	return fd->soft_limit ? (double)fd->used / (double)fd->soft_limit : 1;
}

/* A sealed process chose to be full: it would only hide those that are not to be. */
static int by_usage(const struct view_ps_row *a, const struct view_ps_row *b)
{
	if (a->fd->known && b->fd->known && a->fd->sealed != b->fd->sealed)
		return a->fd->sealed ? 1 : -1;
	return higher_first(a->fd->known, share(a->fd), b->fd->known, share(b->fd));
}

static int by_count(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return more_first(a->fd->known, a->fd->count, b->fd->known, b->fd->count);
}

static int by_limit(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return more_first(a->fd->known, a->fd->soft_limit, b->fd->known,
			  b->fd->soft_limit);
}

static int by_growth(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return higher_first(a->fd->growth_known, a->fd->growth_per_s,
			    b->fd->growth_known, b->fd->growth_per_s);
}

static int by_name(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return strcmp(a->who->comm, b->who->comm);
}

typedef int (*row_order)(const struct view_ps_row *a, const struct view_ps_row *b);

static int compare(const void *a, const void *b, void *order)
{
	int result = (*(const row_order *)order)(a, b);

	return result ? result : by_pid(a, b);
}

void view_ps_sort(struct view_ps_row *rows, size_t len, enum view_ps_key key)
{
	static const row_order orders[VIEW_PS_KEYS] = {
		[VIEW_PS_USAGE] = by_usage, [VIEW_PS_COUNT] = by_count,
		[VIEW_PS_LIMIT] = by_limit, [VIEW_PS_GROWTH] = by_growth,
		[VIEW_PS_PID] = by_pid,     [VIEW_PS_NAME] = by_name,
	};
	row_order order = orders[key];

	if (len > 1)
		qsort_r(rows, len, sizeof(*rows), compare, &order);
}

/* ---- JSON ---- */

static int add_head(cJSON *root, const struct view_ps *view)
{
	char text[32];
	cJSON *host, *system;
	int err;

	alert_timestamp(view->realtime_ns, text);
	err = json_add_text(root, "@timestamp", text);
	host = err ? NULL : json_add_object(root, "host");
	system = host ? json_add_object(root, "system") : NULL;
	if (!system)
		return -ENOMEM;
	err = json_add_text(host, "name", view->host->name);
	if (!err && view->system->known)
		err = json_add_uint(system, "allocated", view->system->allocated);
	if (!err && view->system->known)
		err = json_add_uint(system, "max", view->system->max);
	if (!err && view->system->nr_open)
		err = json_add_uint(system, "nr_open", view->system->nr_open);
	if (!err && view->self)
		err = self_add(root, view->self);
	return err;
}

static int add_rows(cJSON *root, const struct view_ps *view)
{
	cJSON *list = cJSON_AddArrayToObject(root, "processes");
	size_t i;
	int err = list ? 0 : -ENOMEM;

	for (i = 0; i < view->len && !err; i++) {
		cJSON *row = cJSON_CreateObject();

		if (!row || !cJSON_AddItemToArray(list, row)) {
			cJSON_Delete(row);
			return -ENOMEM;
		}
		err = alert_add_identity(row, view->rows[i].who, view->host);
		if (!err)
			err = alert_add_fd(row, view->rows[i].fd);
	}
	return err;
}

cJSON *view_ps_json(const struct view_ps *view)
{
	cJSON *root = cJSON_CreateObject();
	int err = root ? add_head(root, view) : -ENOMEM;

	if (!err)
		err = add_rows(root, view);
	if (err) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}
