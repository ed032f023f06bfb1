// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/view_inspect.h"

#include <errno.h>
#include <fcntl.h>

#include "output/json.h"

static int add_flag(cJSON *parent, const char *name, bool value)
{
	if (!value)
		return 0;
	return cJSON_AddTrueToObject(parent, name) ? 0 : -ENOMEM;
}

static int add_nonzero(cJSON *parent, const char *name, uint64_t value)
{
	return value ? json_add_uint(parent, name, value) : 0;
}

static int add_end(cJSON *parent, const char *name, const struct descriptor_end *end)
{
	char text[64];

	if (!end->family)
		return 0;
	descriptor_end_text(end, text);
	return *text ? json_add_text(parent, name, text) : 0;
}

static int add_socket(cJSON *item, const struct descriptor *d)
{
	int err = json_add_text(item, "state", descriptor_state_name(d));

	if (!err)
		err = json_add_uint(item, "family", d->family);
	if (!err)
		err = add_end(item, "local", &d->local);
	if (!err)
		err = add_end(item, "peer", &d->peer);
	return err ? err : add_nonzero(item, "peer_inode", d->peer_inode);
}

static const char *mode_of(uint32_t flags)
{
	static const char *const modes[] = {"r", "w", "rw", NULL};

	return flags & O_PATH ? "path" : modes[flags & O_ACCMODE];
}

/* One descriptor: what lsof would show, and a little more. */
static int add_descriptor(cJSON *list, const struct descriptor *d)
{
	cJSON *item = cJSON_CreateObject();
	int err;

	if (!item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return -ENOMEM;
	}
	err = json_add_uint(item, "fd", d->fd);
	if (!err)
		err = json_add_text(item, "kind", descriptor_kind_name(d->kind));
	if (!err)
		err = json_add_text(item, "type", descriptor_type_name(d));
	if (!err)
		err = json_add_text(item, "path", d->path);
	if (!err)
		err = add_flag(item, "path_cut", d->path_cut);
	if (!err)
		err = add_flag(item, "deleted", d->deleted);
	if (!err)
		err = json_add_text(item, "mode", mode_of(d->flags));
	if (!err)
		err = add_nonzero(item, "inode", d->inode);
	if (!err)
		err = add_nonzero(item, "device", d->device);
	if (!err)
		err = add_nonzero(item, "rdevice", d->rdevice);
	if (!err)
		err = add_nonzero(item, "position", d->position);
	if (!err && d->kind == DESCRIPTOR_SOCKET)
		err = add_socket(item, d);
	return err;
}

static int add_descriptors(cJSON *fd, const struct view_inspect *view)
{
	cJSON *list = cJSON_AddArrayToObject(fd, "descriptors");
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < view->descriptors_len && !err; i++)
		err = add_descriptor(list, &view->descriptors[i]);
	return err;
}

static int add_unseen(cJSON *root, const struct view_inspect *view)
{
	cJSON *list;

	if (!view->unseen_len)
		return 0;
	list = cJSON_AddArrayToObject(root, "unseen");
	for (size_t i = 0; list && i < view->unseen_len; i++) {
		cJSON *item = json_text(view->unseen[i]);

		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return -ENOMEM;
		}
	}
	return list ? 0 : -ENOMEM;
}

static int fill(cJSON *root, const struct view_inspect *view)
{
	cJSON *host, *fd;
	char text[32];
	int err;

	alert_timestamp(view->realtime_ns, text);
	err = json_add_text(root, "@timestamp", text);
	host = err ? NULL : json_add_object(root, "host");
	err = host ? json_add_text(host, "name", view->host->name) : -ENOMEM;
	if (!err)
		err = alert_add_identity(root, view->who, view->host);
	if (!err)
		err = alert_add_fd(root, view->fd);
	fd = cJSON_GetObjectItemCaseSensitive(root, "fd");
	if (!err)
		err = explanation_add_fd(fd, view->why, &explanation_in_full);
	if (!err && view->descriptors)
		err = add_descriptors(fd, view);
	if (!err)
		err = explanation_add(root, view->why, &explanation_in_full);
	return err ? err : add_unseen(root, view);
}

cJSON *view_inspect_json(const struct view_inspect *view)
{
	cJSON *root = cJSON_CreateObject();

	if (root && fill(root, view)) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}
