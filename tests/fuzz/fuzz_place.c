// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a cgroup's path and the files of units say: any bytes, as names of cgroups and
 * files in containers are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"
#include "state/identity.h"
#include "state/origin_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void assignment(void *context, const char *section, const char *key,
		       const char *value, uint32_t line)
{
	const size_t *size = context;
	uint64_t soft, hard;

	check(section[0] && strlen(key) <= *size && strlen(value) <= *size);
	check(line >= 1 && line <= *size + 1);
	if (origin_parse_rlimit(value, &soft, &hard))
		check(soft <= hard);
}

static void one_path(const char *path)
{
	struct cgroup_part container = cgroup_path_container(path);
	struct identity who = {0};
	struct origin_place place;
	char pod[CGROUP_POD_UID_LEN];

	check(!container.at || (container.at >= path && container.len > 0 &&
				container.at + container.len <= path + strlen(path)));
	check(!cgroup_path_runtime(path) || container.at);
	check(!cgroup_path_pod_uid(path, pod) || strlen(pod) >= 32);
	check(identity_set_cgroup(&who, path) == 0);
	check(!who.container_id == !container.at);
	check(!who.service || who.service[0]);
	check(!who.claimed_by || who.container_id || who.pod_uid);
	identity_clear(&who);
	check(origin_place_read(path, &place) == 0);
	check((place.kind == PLACE_NONE) == !place.unit[0]);
	check(!strchr(place.unit, '/'));
	origin_place_clear(&place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	one_path(text);
	(void)cgroup_path_choose(text);
	memcpy(text, data, size);
	text[size] = '\0';
	origin_ini(text, assignment, &size);
	free(text);
	return 0;
}
