// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/tell.h"

#include <errno.h>

/* Whoever raised a limit waits for it, with that done already. */
#define PATIENCE_MS 2000

int client_tell_raised(const char *path, pid_t pid, uint64_t from, uint64_t to)
{
	struct client *client = NULL;
	cJSON *request = client_request("raised"), *reply = NULL;
	char why[512];
	int err = -ENOMEM;

	/* Whole numbers up to 2^53, as all of them in JSON. */
	if (request && cJSON_AddNumberToObject(request, "pid", pid) &&
	    cJSON_AddNumberToObject(request, "from", (double)from) &&
	    cJSON_AddNumberToObject(request, "to", (double)to))
		err = client_open(path, PATIENCE_MS, &client, why, sizeof(why));
	if (!err)
		err = client_ask(client, request, PATIENCE_MS, &reply, why,
				 sizeof(why));
	cJSON_Delete(reply);
	cJSON_Delete(request);
	client_close(client);
	return err;
}
