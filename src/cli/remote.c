// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "client/tell.h"
#include "config/config.h"

/* For the first one to ask, the daemon reads who all the processes are: some 0.1 ms each, on
 * a machine that is not busy. */
#define PATIENCE_MS 60000

int remote_check_config(const struct remote_options *set, char *why, size_t why_size)
{
	struct config *config = NULL;
	int err = 0;

	if (set->config)
		err = config_load(set->config, CONFIG_FORGIVE | CONFIG_MUST_EXIST, NULL,
				  0, &config, why, why_size);
	config_free(config);
	return err;
}

bool remote_is_wanted(const struct remote_options *set, char *why, size_t why_size)
{
	*why = 0;
	return set->socket || kernel_check(why, why_size) == -EPERM;
}

/* A configuration that one may not read is no reason not to ask where it usually is. */
static int find_path(const struct remote_options *set, char *path, size_t size,
		     char *why, size_t why_size)
{
	struct config *config;
	int err;

	snprintf(path, size, "%s", set->socket ? set->socket : CONFIG_SOCKET_PATH);
	if (set->socket)
		return 0;
	err = config_load(set->config ? set->config : CONFIG_PATH,
			  set->config ? CONFIG_FORGIVE | CONFIG_MUST_EXIST
				      : CONFIG_FORGIVE,
			  NULL, 0, &config, why, why_size);
	if (err == -EACCES && !set->config)
		return 0;
	if (err)
		return err;
	if (config->socket_path)
		snprintf(path, size, "%s", config->socket_path);
	else
		err = -ESRCH;
	config_free(config);
	if (err)
		snprintf(why, why_size,
			 "the daemon's configuration has no [socket] path");
	return err;
}

int remote_open(const struct remote_options *set, struct client **out, char *why,
		size_t why_size)
{
	char path[4096];
	int err = find_path(set, path, sizeof(path), why, why_size);

	*out = NULL;
	return err ? err : client_open(path, CLIENT_TIMEOUT_MS, out, why, why_size);
}

void remote_tell_raised(const struct remote_options *set, int pid, uint64_t from,
			uint64_t to)
{
	char path[4096], why[512];

	if (!find_path(set, path, sizeof(path), why, sizeof(why)))
		(void)client_tell_raised(path, pid, from, to);
}

void remote_explain(char *why, size_t why_size, int err, const char *socket_why)
{
	bool nobody = err == -ENOENT || err == -ECONNREFUSED;
	size_t len = strlen(why);

	/* Who lacks the privilege to look is not helped by how daemons are started. */
	if (len && nobody)
		snprintf(why + len, why_size - len,
			 "; and no daemon is running that could be asked");
	else if (len && (err == -EACCES || err == -EPERM) &&
		 !strstr(socket_why, "usermod"))
		snprintf(why + len, why_size - len,
			 "; and this user may not ask the daemon's socket");
	else
		snprintf(why + len, why_size - len, "%s%s",
			 len ? "; or ask the daemon: " : "", socket_why);
}

static cJSON *make_request(const int *pids, size_t pids_len)
{
	cJSON *request = client_request("snapshot");
	cJSON *list =
		request && pids_len ? cJSON_CreateIntArray(pids, (int)pids_len) : NULL;

	if (list && cJSON_AddItemToObject(request, "pids", list))
		return request;
	cJSON_Delete(list);
	if (!pids_len)
		return request;
	cJSON_Delete(request);
	return NULL;
}

int remote_roster(struct client *client, const int *pids, size_t pids_len,
		  struct roster *out, char *why, size_t why_size)
{
	cJSON *request = make_request(pids, pids_len), *reply = NULL;
	int err = request ? client_ask(client, request, PATIENCE_MS, &reply, why,
				       why_size)
			  : -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!request)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!err) {
		err = roster_apply_json(out, reply);
		if (err)
			snprintf(why, why_size,
				 "what the daemon sent is no snapshot: %s",
				 strerror(-err));
	}
	cJSON_Delete(request);
	cJSON_Delete(reply);
	return err;
}
