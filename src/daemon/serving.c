// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/serving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "daemon/inspector.h"
#include "daemon/recall.h"
#include "log.h"
#include "output/json.h"
#include "server/exporter.h"
#include "server/server.h"
#include "server/server_socket.h"

#define WHY_SIZE           512
/* Of /run/fdwarden, as the unit has it made. */
#define RUN_DIRECTORY_MODE 0750

struct serving {
	struct server *server;     /* NULL: no socket */
	struct exporter *exporter; /* NULL: no metrics */
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

	kernel_host_name(name, sizeof(name));
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

static bool is_path(const char *path, const char *other)
{
	return path && !strcmp(path, other);
}

void serving_make_directory(const struct config *config)
{
	if (!geteuid() && (is_path(config->socket_path, CONFIG_SOCKET_PATH) ||
			   is_path(config->state_file, CONFIG_STATE_FILE)))
		server_socket_make_directory(CONFIG_SOCKET_PATH, RUN_DIRECTORY_MODE,
					     config->socket_group);
}

static int open_server(struct serving *s, const struct config *config, char *why)
{
	struct server_settings settings = {
		.path = config->socket_path,
		.group = config->socket_group,
		.version = FDWARDEN_VERSION,
		.host_json = s->host_json,
		.inspect = inspector_answer,
		.inspect_context = s->inspector,
		.recall = recall_answer,
		.recall_free = recall_free,
		.recall_context = recall_new(config->incidents_path),
	};

	if (!settings.recall_context)
		return -ENOMEM;
	return server_open(&settings, &s->server, why, WHY_SIZE);
}

static void serve_socket(struct serving *s, const struct config *config)
{
	char why[WHY_SIZE] = "no memory, or no descriptor";

	s->host_json = make_host();
	s->inspector = inspector_new();
	if (!s->host_json || !s->inspector || open_server(s, config, why)) {
		log_warning("no socket is served: %s; monitoring goes on without", why);
		return;
	}
	if (*why)
		log_info("%s", why);
	if (*inspector_why_none(s->inspector))
		log_warning("over the socket, %s", inspector_why_none(s->inspector));
	outlet_set_tap(s->outlet, OUTLET_TAP_CLIENTS, on_alert, s);
}

static void serve_metrics(struct serving *s, const struct config *config)
{
	char why[WHY_SIZE];

	if (exporter_open(config->metrics_listen, config->metrics_group,
			  config->metrics_processes == CONFIG_PROCESSES_FULLEST,
			  &s->exporter, why, sizeof(why)))
		log_warning("no metrics are served: %s; monitoring goes on without",
			    why);
	else if (*why)
		log_warning("metrics: %s", why);
}

struct serving *serving_open(const struct config *config, struct outlet *outlet,
			     struct monitor *monitor, const struct keeper *keeper)
{
	struct serving *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->outlet = outlet;
	s->monitor = monitor;
	s->keeper = keeper;
	if (config->socket_path)
		serve_socket(s, config);
	if (config->metrics_listen)
		serve_metrics(s, config);
	if (!s->server && !s->exporter) {
		serving_close(s);
		return NULL;
	}
	return s;
}

size_t serving_fds(const struct serving *s, int fds[SERVING_FDS])
{
	size_t n = 0;

	if (s && s->server)
		fds[n++] = server_fd(s->server);
	if (s && s->exporter)
		fds[n++] = exporter_fd(s->exporter);
	return n;
}

/* false: not this time. */
static bool fill(struct serving *s, struct feed *feed)
{
	if (!feed || monitor_feed(s->monitor, feed))
		return false;
	keeper_self(s->keeper, s->monitor, &feed->head.self);
	return true;
}

bool serving_update(struct serving *s)
{
	struct feed *servers = NULL, *exporters = NULL;
	struct monitor_self self;

	if (!s)
		return false;
	monitor_self(s->monitor, &self);
	if (s->server)
		servers = server_want(s->server, self.ticks);
	if (s->exporter)
		exporters = exporter_want(s->exporter, self.ticks);
	if (fill(s, servers))
		server_feed(s->server);
	if (fill(s, exporters))
		exporter_feed(s->exporter);
	return servers || exporters;
}

void serving_close(struct serving *s)
{
	if (!s)
		return;
	outlet_set_tap(s->outlet, OUTLET_TAP_CLIENTS, NULL, NULL);
	if (s->inspector)
		inspector_leave(s->inspector);
	server_close(s->server);
	exporter_close(s->exporter);
	inspector_free(s->inspector);
	free(s->host_json);
	free(s);
}
