/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/cgroup_path.h"

#include <stdbool.h>
#include <string.h>

#define ID_LEN 64

/* The next component after `at`; false: there is none. */
static bool next_component(const char **at, struct cgroup_part *out)
{
	*at += strspn(*at, "/");
	out->at = *at;
	out->len = strcspn(*at, "/");
	*at += out->len;
	return out->len > 0;
}

static bool ends_with(struct cgroup_part part, const char *suffix)
{
	size_t len = strlen(suffix);

	return part.len > len && memcmp(part.at + part.len - len, suffix, len) == 0;
}

static bool starts_with(struct cgroup_part part, const char *prefix)
{
	size_t len = strlen(prefix);

	return part.len > len && memcmp(part.at, prefix, len) == 0;
}

/* The 64 hex digits that a container's name ends with. */
static struct cgroup_part id_of(struct cgroup_part part)
{
	static const struct cgroup_part none;
	struct cgroup_part id, prefix = part;
	char before;

	if (ends_with(part, ".scope"))
		part.len -= strlen(".scope");
	if (part.len < ID_LEN)
		return none;
	id.at = part.at + part.len - ID_LEN;
	id.len = ID_LEN;
	if (strspn(id.at, "0123456789abcdef") < ID_LEN)
		return none;
	if (part.len == ID_LEN)
		return id;
	before = id.at[-1];
	prefix.len = part.len - ID_LEN - 1;
	if ((before != '-' && before != ':') || ends_with(prefix, "conmon"))
		return none;
	return id;
}

struct cgroup_part cgroup_path_container(const char *path)
{
	struct cgroup_part part, id, found = {0};
	bool in_lxc = false;

	while (next_component(&path, &part)) {
		id = id_of(part);
		if (id.at) {
			found = id;
		} else if (starts_with(part, "lxc.payload.")) {
			found.at = part.at + strlen("lxc.payload.");
			found.len = part.len - strlen("lxc.payload.");
		} else if (in_lxc) {
			found = part;
		}
		in_lxc = part.len == 3 && memcmp(part.at, "lxc", 3) == 0;
	}
	return found;
}

struct cgroup_part cgroup_path_service(const char *path)
{
	struct cgroup_part part, service = {0}, scope = {0};

	while (next_component(&path, &part)) {
		if (ends_with(part, ".service"))
			service = part;
		else if (ends_with(part, ".scope") && !id_of(part).at)
			scope = part;
	}
	return service.at ? service : scope;
}

static bool lists(const char *controllers, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t part = strcspn(controllers, ",:");

		if (part == len && memcmp(controllers, name, len) == 0)
			return true;
		if (controllers[part] != ',')
			return false;
		controllers += part + 1;
	}
}

static int rank_of(const char *controllers, const char *path)
{
	int rank = 1;

	if (strcmp(path, "/") == 0)
		return 0;
	if (controllers[0] == ':')
		rank = 5; /* v2 */
	else if (lists(controllers, "name=systemd"))
		rank = 4;
	else if (lists(controllers, "memory"))
		rank = 3;
	else if (lists(controllers, "pids"))
		rank = 2;
	return cgroup_path_container(path).at ? rank + 10 : rank;
}

const char *cgroup_path_choose(char *text)
{
	static const char deleted[] = " (deleted)";
	const char *best = NULL;
	int best_rank = -1;
	char *line, *next;

	for (line = text; *line; line = next) {
		size_t len = strcspn(line, "\n");
		char *controllers, *path;
		int rank;

		next = line + len + (line[len] == '\n');
		line[len] = '\0';
		/* a cgroup that was removed under its last, dying process */
		if (len >= sizeof(deleted) &&
		    strcmp(line + len - (sizeof(deleted) - 1), deleted) == 0)
			line[len - (sizeof(deleted) - 1)] = '\0';
		controllers = strchr(line, ':');
		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path || path[1] != '/')
			continue;
		rank = rank_of(controllers + 1, path + 1);
		if (rank > best_rank) {
			best_rank = rank;
			best = path + 1;
		}
	}
	return best;
}
