// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/recent.h"

#include <stdlib.h>
#include <string.h>

#include "state/json_read.h"

struct kept {
	pid_t pid;
	char *json; /* NULL: none yet */
};

struct recent {
	struct kept kept[RECENT_MAX];
	size_t next; /* to be written: the oldest, once all are in use */
};

struct recent *recent_new(void)
{
	return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *recent)
{
	if (!recent)
		return;
	for (size_t i = 0; i < RECENT_MAX; i++)
		free(recent->kept[i].json);
	free(recent);
}

void recent_add(struct recent *recent, pid_t pid, const char *json, size_t len)
{
	struct kept *kept = &recent->kept[recent->next];
	char *copy = strndup(json, len);

	if (!copy)
		return;
	free(kept->json);
	kept->json = copy;
	kept->pid = pid;
	recent->next = (recent->next + 1) % RECENT_MAX;
}

cJSON *recent_of(const struct recent *recent, pid_t pid)
{
	cJSON *alerts = cJSON_CreateArray();

	for (size_t i = 0; alerts && i < RECENT_MAX; i++) {
		const struct kept *kept =
			&recent->kept[(recent->next + i) % RECENT_MAX];
		cJSON *alert = kept->json && kept->pid == pid
				       ? json_read(kept->json, strlen(kept->json),
						   JSON_READ_DEEP, NULL)
				       : NULL;

		if (alert)
			cJSON_AddItemToArray(alerts, alert);
	}
	return alerts;
}
