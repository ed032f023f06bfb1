/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order and JSON; the table is in view_ps_table.c. */
#include "output/view_ps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"

typedef int (*row_order)(const struct view_ps_row *a, const struct view_ps_row *b);

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

#define NUMBER_ORDER(name, known, value)                                               \
	static int name(const struct view_ps_row *a, const struct view_ps_row *b)      \
	{                                                                              \
		return more_first(a->known, a->value, b->known, b->value);             \
	}

NUMBER_ORDER(by_used, fd->known, fd->used)
NUMBER_ORDER(by_count, fd->known, fd->count)
NUMBER_ORDER(by_soft, fd->known, fd->soft_limit)
NUMBER_ORDER(by_hard, fd->known, fd->hard_limit)
NUMBER_ORDER(by_opened, fd->counters_known, fd->opened)
NUMBER_ORDER(by_closed, fd->counters_known, fd->closed)
NUMBER_ORDER(by_refused, fd->known, refused)

static int by_growth(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return higher_first(a->fd->growth_known, a->fd->growth_per_s,
			    b->fd->growth_known, b->fd->growth_per_s);
}

/* What is full, and did not choose to be, has no time left. */
static int by_full(const struct view_ps_row *a, const struct view_ps_row *b)
{
	const struct alert_fd *fds[] = {a->fd, b->fd};
	double left[2];
	bool known[2];

	for (int i = 0; i < 2; i++) {
		bool full = fds[i]->known && !fds[i]->sealed &&
			    fds[i]->used >= fds[i]->soft_limit;

		known[i] = full || (fds[i]->exhaustion_known && !fds[i]->sealed);
		left[i] = full ? -1 : fds[i]->exhausted_in_s;
	}
	return higher_first(known[0], -left[0], known[1], -left[1]);
}

static int texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

static int by_name(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return texts(a->who->comm, b->who->comm);
}

static int by_user(const struct view_ps_row *a, const struct view_ps_row *b)
{
	int order = texts(*a->user ? a->user : NULL, *b->user ? b->user : NULL);

	return order ? order
		     : (a->who->uid > b->who->uid) - (a->who->uid < b->who->uid);
}

/* As the column shows it. */
static const char *service_of(const struct view_ps_row *row)
{
	return row->who->service ? row->who->service : row->who->container_id;
}

static int by_service(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return texts(service_of(a), service_of(b));
}

static const char *command_of(const struct view_ps_row *row)
{
	return row->who->command_line ? row->who->command_line : row->who->executable;
}

static int by_command(const struct view_ps_row *a, const struct view_ps_row *b)
{
	return texts(command_of(a), command_of(b));
}

static const struct {
	const char *name;
	row_order order;
} keys[VIEW_PS_KEYS] = {
	[VIEW_PS_USAGE] = {"usage", by_usage},
	[VIEW_PS_USED] = {"used", by_used},
	[VIEW_PS_COUNT] = {"count", by_count},
	[VIEW_PS_SOFT] = {"soft", by_soft},
	[VIEW_PS_HARD] = {"hard", by_hard},
	[VIEW_PS_GROWTH] = {"growth", by_growth},
	[VIEW_PS_FULL] = {"full", by_full},
	[VIEW_PS_OPENED] = {"opened", by_opened},
	[VIEW_PS_CLOSED] = {"closed", by_closed},
	[VIEW_PS_REFUSED] = {"refused", by_refused},
	[VIEW_PS_PID] = {"pid", by_pid},
	[VIEW_PS_USER] = {"user", by_user},
	[VIEW_PS_NAME] = {"name", by_name},
	[VIEW_PS_SERVICE] = {"service", by_service},
	[VIEW_PS_COMMAND] = {"command", by_command},
};

int view_ps_key_parse(const char *name, enum view_ps_key *out)
{
	if (!strcmp(name, "limit"))
		name = "soft";
	for (int key = 0; key < VIEW_PS_KEYS; key++) {
		if (!strcmp(name, keys[key].name)) {
			*out = (enum view_ps_key)key;
			return 0;
		}
	}
	return -EINVAL;
}

static int compare(const void *a, const void *b, void *order)
{
	int result = (*(const row_order *)order)(a, b);

	return result ? result : by_pid(a, b);
}

void view_ps_sort(struct view_ps_row *rows, size_t len, enum view_ps_key key)
{
	row_order order = keys[key].order;

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
