// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/workload.h"

#include <stdio.h>
#include <string.h>

#include "output/text.h"

static const struct {
	const char *name;
	size_t places;
} kinds[WORKLOAD_KINDS] = {
	[WORKLOAD_SERVICE] = {"service", 256},
	[WORKLOAD_CONTAINER] = {"container", 256},
	[WORKLOAD_POD] = {"pod", 128},
	[WORKLOAD_USER] = {"user", 64},
};

const char *workload_kind_name(enum workload_kind kind)
{
	return kinds[kind].name;
}

size_t workload_places(enum workload_kind kind)
{
	return kinds[kind].places;
}

static bool claimed_key(const struct identity *who, const char *id,
			char key[LABEL_VALUE_LEN])
{
	char whole[2 * LABEL_VALUE_LEN];

	if (!id)
		return false;
	snprintf(whole, sizeof(whole), "%s%s%s", who->claimed_by ? who->claimed_by : "",
		 who->claimed_by ? "/" : "", id);
	text_line(key, LABEL_VALUE_LEN, whole, strlen(whole));
	return *key;
}

bool workload_key(enum workload_kind kind, const struct identity *who,
		  char key[LABEL_VALUE_LEN])
{
	switch (kind) {
	case WORKLOAD_SERVICE:
		if (!who->service)
			return false;
		text_line(key, LABEL_VALUE_LEN, who->service, strlen(who->service));
		return *key;
	case WORKLOAD_CONTAINER:
		return claimed_key(who, who->container_id, key);
	case WORKLOAD_POD:
		return claimed_key(who, who->pod_uid, key);
	case WORKLOAD_USER:
		snprintf(key, LABEL_VALUE_LEN, "%u", who->uid);
		return true;
	default:
		return false;
	}
}
