// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/serving.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "daemon/inspector.h"
#include "log.h"
#include "output/json.h"
#include "server/server.h"

#define WHY_SIZE           512
/* Of /run/fdwarden, as the unit has it made. */
#define RUN_DIRECTORY_MODE 0750

struct serving {
	struct server *server;
	struct inspector *inspector;
	struct outlet *outlet;
	struct monitor *monitor;
	const struct keeper *keeper;
	char *host_json;
};

static void on_alert(void *context, const struct sink_message *message)
{
	struct serving *s = context;

	server_alert(s->server, message);
}

/* "host":{"name","boot":{"id"}}. NULL: no memory. */
static char *make_host(void)
{
	char name[256] = "", boot_id[37];
	cJSON *json = cJSON_CreateObject(), *host, *boot;
	char *text = NULL, *members = NULL;

	gethostname(name, sizeof(name) - 1);
	kernel_boot_id(boot_id);
	host = json ? json_add_object(json, "host") : NULL;
	boot = host && !json_add_text(host, "name", name)
		       ? json_add_object(host, "boot")
		       : NULL;
	if (boot && !json_add_text(boot, "id", boot_id))
		text = cJSON_PrintUnformatted(json);
	if (text)
		members = strndup(text + 1, strlen(text) - 2);
	cJSON_free(text);
	cJSON_Delete(json);
	return members;
}

static int open_server(struct serving *s, const struct config *config, char *why)
{
	/* By hand there is no service manager that has made it. */
	bool make = !geteuid() && !strcmp(config->socket_path, CONFIG_SOCKET_PATH);
	struct server_settings settings = {
		.path = config->socket_path,
		.group = config->socket_group,
		.directory_mode = make ? RUN_DIRECTORY_MODE : 0,
		.version = FDWARDEN_VERSION,
		.host_json = s->host_json,
		.inspect = inspector_answer,
		.inspect_context = s->inspector,
	};

	return server_open(&settings, &s->server, why, WHY_SIZE);
}

struct serving *serving_open(const struct config *config, struct outlet *outlet,
			     struct monitor *monitor, const struct keeper *keeper)
{
	struct serving *s = config->socket_path ? calloc(1, sizeof(*s)) : NULL;
	char why[WHY_SIZE] = "no memory, or no descriptor";

	if (!s)
		return NULL;
	s->outlet = outlet;
	s->monitor = monitor;
	s->keeper = keeper;
	s->host_json = make_host();
	s->inspector = inspector_new();
	if (!s->host_json || !s->inspector || open_server(s, config, why)) {
		log_warning("no socket is served: %s; monitoring goes on without", why);
		serving_close(s);
		return NULL;
	}
	if (*why)
		log_info("%s", why);
	if (*inspector_why_none(s->inspector))
		log_warning("over the socket, %s", inspector_why_none(s->inspector));
	outlet_set_tap(outlet, on_alert, s);
	return s;
}

int serving_fd(const struct serving *s)
{
	return s ? server_fd(s->server) : -1;
}

void serving_update(struct serving *s)
{
	struct monitor_self self;
	struct feed *feed;

	if (!s)
		return;
	monitor_self(s->monitor, &self);
	feed = server_want(s->server, self.ticks);
	if (!feed || monitor_feed(s->monitor, feed))
		return;
	keeper_self(s->keeper, s->monitor, &feed->head.self);
	server_feed(s->server);
}

void serving_close(struct serving *s)
{
	if (!s)
		return;
	outlet_set_tap(s->outlet, NULL, NULL);
	if (s->inspector)
		inspector_leave(s->inspector);
	server_close(s->server);
	inspector_free(s->inspector);
	free(s->host_json);
	free(s);
}
