/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/cgroup_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is(struct cgroup_part part, const char *text)
{
	return part.len == strlen(text) && memcmp(part.at, text, part.len) == 0;
}

/* ---- containers ---- */

struct container {
	struct cgroup_part id; /* at NULL: none */
	const char *runtime;
};

/* What stands before the digits, without its '-' or ':'. */
static const char *runtime_of_prefix(struct cgroup_part prefix)
{
	static const struct {
		const char *ending, *runtime;
	} known[] = {
		{"cri-containerd", "containerd"},
		{"nerdctl", "containerd"},
		{"docker", "docker"},
		{"crio", "cri-o"},
		{"libpod", "podman"},
		{"libpod-payload", "podman"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is(prefix, known[i].ending) ||
		    (ends_with(prefix, known[i].ending) &&
		     prefix.at[prefix.len - strlen(known[i].ending) - 1] == ':'))
			return known[i].runtime;
	return NULL;
}

/* The directory of cgroup drivers that put the digits alone below it. The one of
 * Kubernetes is any runtime's. */
static const char *runtime_of_parent(struct cgroup_part parent)
{
	if (is(parent, "docker"))
		return "docker";
	/* containerd's own namespaces */
	if (is(parent, "default") || is(parent, "k8s.io"))
		return "containerd";
	return NULL;
}

/* The 64 hex digits that a container's name ends with. */
static struct container id_of(struct cgroup_part part, struct cgroup_part parent)
{
	struct container none = {{0}, NULL}, found = none;
	struct cgroup_part prefix = part;
	char before;

	if (ends_with(part, ".scope"))
		part.len -= strlen(".scope");
	if (part.len < ID_LEN)
		return none;
	found.id.at = part.at + part.len - ID_LEN;
	found.id.len = ID_LEN;
	if (strspn(found.id.at, "0123456789abcdef") < ID_LEN)
		return none;
	if (part.len == ID_LEN) {
		found.runtime = runtime_of_parent(parent);
		return found;
	}
	before = found.id.at[-1];
	prefix.len = part.len - ID_LEN - 1;
	if ((before != '-' && before != ':') || ends_with(prefix, "conmon"))
		return none;
	found.runtime = runtime_of_prefix(prefix);
	return found;
}

/* systemd-nspawn: what it runs is below `payload`, it itself in `supervisor`. Scopes
 * of this form are also those of virtual machines, which have no `payload`. */
static struct container nspawn_of(struct cgroup_part part, const char *rest)
{
	struct container found = {{0}, NULL};
	struct cgroup_part next;
	size_t prefix, suffix;

	if (starts_with(part, "machine-") && ends_with(part, ".scope")) {
		prefix = strlen("machine-");
		suffix = strlen(".scope");
	} else if (starts_with(part, "systemd-nspawn@") &&
		   ends_with(part, ".service")) {
		prefix = strlen("systemd-nspawn@");
		suffix = strlen(".service");
	} else {
		return found;
	}
	if (part.len <= prefix + suffix || !next_component(&rest, &next) ||
	    !is(next, "payload"))
		return found;
	found.id.at = part.at + prefix;
	found.id.len = part.len - prefix - suffix;
	found.runtime = CGROUP_PATH_NSPAWN;
	return found;
}

static struct container lxc_of(struct cgroup_part part, struct cgroup_part parent)
{
	struct container found = {{0}, NULL};

	if (starts_with(part, "lxc.payload.")) {
		found.id.at = part.at + strlen("lxc.payload.");
		found.id.len = part.len - strlen("lxc.payload.");
	} else if (is(parent, "lxc") || is(parent, "lxc.payload")) {
		found.id = part;
	}
	found.runtime = found.id.at ? "lxc" : NULL;
	return found;
}

static struct container container_of_component(struct cgroup_part part,
					       struct cgroup_part parent,
					       const char *rest)
{
	struct container found = id_of(part, parent);

	if (!found.id.at)
		found = lxc_of(part, parent);
	if (!found.id.at)
		found = nspawn_of(part, rest);
	return found;
}

/* ---- how far the path is systemd's and a runtime's of root ---- */

/* PID 1 makes slices, and in them services and scopes. What is below a service or a scope
 * is its processes' to name, as far as they may: root's runtimes make containers there.
 * Below a user's manager, and in a container, anything has the name that its processes
 * like. */
struct walk {
	const char *path;
	cgroup_is_roots is_roots;
	struct cgroup_part unit; /* of PID 1; at NULL: none */
	const char *from;        /* what is below it is not PID 1's; NULL: nothing is */
	struct container outer;  /* made by root's runtime */
	struct container inner;  /* the last one, whoever made it */
	struct cgroup_part
		manager; /* of a user; or another directory that is not root's */
	struct cgroup_part service, scope; /* the last ones below `from` */
};

/* Where libpam-cgfs puts users' own directories, and what stands for the part of a path
 * that is not known. */
static bool is_of_users(struct cgroup_part part)
{
	return is(part, "user") || is(part, CGROUP_PATH_UNKNOWN);
}

/* Services whose own directories are a runtime's for its containers, as with a cgroup driver
 * other than the one that the path is meant for. */
static bool is_of_runtime(struct cgroup_part unit)
{
	static const char *const units[] = {
		"containerd.service",
		"docker.service",
		"snap.docker.dockerd.service",
		"crio.service",
		"kubelet.service",
		"k3s.service",
		"k3s-agent.service",
		"rke2-server.service",
		"rke2-agent.service",
		"k0scontroller.service",
		"k0sworker.service",
		"snap.microk8s.daemon-containerd.service",
		"snap.microk8s.daemon-kubelite.service",
		"buildkit.service",
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (is(unit, units[i]))
			return true;
	return false;
}

/* The one place that decides whether a directory named like a container is one: PID 1's own
 * unit is, so is what lies where only root writes, and what a runtime's service has made.
 * Below any other unit its processes may make directories, if systemd has given them that:
 * there it is their word. Podman's, in a unit of its own (--cgroups=split, as a Quadlet has
 * it), is believed if the directory is root's. */
static bool is_believed(const struct walk *walk, struct cgroup_part part)
{
	static const char split[] = "libpod-payload-";
	const char *below = walk->unit.at ? walk->unit.at + walk->unit.len : NULL;

	if (walk->manager.at)
		return false;
	if (!below || is_of_runtime(walk->unit))
		return true;
	return ends_with(walk->unit, ".service") && starts_with(part, split) &&
	       below + strspn(below, "/") == part.at && walk->is_roots &&
	       walk->is_roots(walk->path, (size_t)(part.at + part.len - walk->path));
}

/* On whose word a container or a pod below here would be one; at NULL: root's. */
static struct cgroup_part word_of(const struct walk *walk)
{
	if (walk->outer.id.at)
		return walk->outer.id;
	if (walk->manager.at || is_of_runtime(walk->unit))
		return walk->manager;
	return walk->unit;
}

static void walk_trusted(struct walk *walk, struct cgroup_part part)
{
	if (walk->unit.at || ends_with(part, ".slice") || is(part, ".."))
		return;
	if (ends_with(part, ".service") || ends_with(part, ".scope"))
		walk->unit = part;
	else
		walk->from = part.at;
	if (is_of_users(part) ||
	    (starts_with(part, "user@") && ends_with(part, ".service"))) {
		walk->from = part.at;
		walk->manager = part;
	}
}

static void walk_below(struct walk *walk, struct cgroup_part part)
{
	bool own_manager =
		is(part, "init.scope") && walk->manager.at && !walk->inner.id.at;

	if (ends_with(part, ".service"))
		walk->service = part;
	else if (ends_with(part, ".scope") && !own_manager)
		walk->scope = part;
}

static void walk_path(const char *path, cgroup_is_roots is_roots, struct walk *out)
{
	struct cgroup_part part, parent = {0};
	struct container here;

	*out = (struct walk){.path = path, .is_roots = is_roots};
	while (next_component(&path, &part)) {
		here = container_of_component(part, parent, path);
		if (here.id.at)
			out->inner = here;
		if (here.id.at && !out->outer.id.at && is_believed(out, part)) {
			out->outer = here;
			out->from = part.at;
			out->service = out->scope = (struct cgroup_part){0};
			if (ends_with(part, ".service"))
				out->unit = part;
		} else if (!here.id.at && !out->from) {
			walk_trusted(out, part);
		} else if (!here.id.at) {
			walk_below(out, part);
		}
		parent = part;
	}
}

static struct container find_container(const char *path)
{
	struct walk walk;

	walk_path(path, NULL, &walk);
	return walk.inner;
}

struct cgroup_part cgroup_path_container(const char *path)
{
	return find_container(path).id;
}

const char *cgroup_path_runtime(const char *path)
{
	return find_container(path).runtime;
}

const char *cgroup_path_runtime_name(const char *name)
{
	static const char *const names[] = {
		"docker", "containerd", "cri-o", "podman", "lxc", CGROUP_PATH_NSPAWN,
	};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return names[i];
	return NULL;
}

/* ---- pods ---- */

/* "pod0e51c6f5-1111-…", or with '_' as a slice's name has it. Those of static pods are
 * 32 digits. */
static bool copy_pod_uid(struct cgroup_part name, char uid[CGROUP_POD_UID_LEN])
{
	size_t len;

	if (!starts_with(name, "pod"))
		return false;
	name.at += strlen("pod");
	name.len -= strlen("pod");
	len = strspn(name.at, "0123456789abcdef-_");
	if (len < 32 || len != name.len || len >= CGROUP_POD_UID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		uid[i] = name.at[i];
	uid[len] = '\0';
	for (char *at = uid; *at; at++)
		if (*at == '_')
			*at = '-';
	return true;
}

/* The part behind the last '-' that a "pod" follows, without ".slice" and what an old
 * containerd puts behind it. */
static struct cgroup_part slice_pod(struct cgroup_part part)
{
	struct cgroup_part found = {0};
	const char *end = memmem(part.at, part.len, ".slice", strlen(".slice"));

	if (!end || !memmem(part.at, (size_t)(end - part.at), "kubepods", 8))
		return found;
	for (const char *at = part.at; at + 4 < end; at++)
		if (memcmp(at, "-pod", 4) == 0)
			found = (struct cgroup_part){at + 1, (size_t)(end - at - 1)};
	return found;
}

bool cgroup_path_pod_uid(const char *path, char uid[CGROUP_POD_UID_LEN])
{
	struct cgroup_part part;
	bool in_pods = false, found = false;

	while (next_component(&path, &part)) {
		struct cgroup_part pod = in_pods ? part : slice_pod(part);

		if (pod.at && copy_pod_uid(pod, uid))
			found = true;
		else if (in_pods && slice_pod(part).at)
			found = copy_pod_uid(slice_pod(part), uid) || found;
		in_pods = in_pods || is(part, "kubepods");
	}
	if (!found)
		uid[0] = '\0';
	return found;
}

/* ---- units ---- */

/* As much of a container's 64 digits as its users' tools show. */
#define SHORT_ID 12

int cgroup_path_service(const char *path, cgroup_is_roots is_roots, char **out)
{
	struct cgroup_part part, named, outer;
	struct walk walk;
	const char *rest;
	size_t shown;

	walk_path(path, is_roots, &walk);
	part = walk.service.at ? walk.service : walk.scope;
	*out = NULL;
	if (!part.at && !walk.unit.at)
		return 0;
	if (!part.at) {
		*out = strndup(walk.unit.at, walk.unit.len);
		return *out ? 0 : -ENOMEM;
	}
	outer = walk.outer.id;
	named = (struct cgroup_part){walk.from,
				     (size_t)(part.at + part.len - walk.from)};
	if (!outer.at) {
		*out = strndup(named.at, named.len);
		return *out ? 0 : -ENOMEM;
	}
	rest = outer.at + outer.len;
	rest += strcspn(rest, "/");
	shown = outer.len == ID_LEN ? SHORT_ID : outer.len;
	if (asprintf(out, "%.*s%.*s", (int)shown, outer.at,
		     (int)(part.at + part.len - rest), rest) < 0)
		*out = NULL;
	return *out ? 0 : -ENOMEM;
}

int cgroup_path_claimed_by(const char *path, cgroup_is_roots is_roots, char **out)
{
	char pod[CGROUP_POD_UID_LEN];
	struct cgroup_part by;
	struct walk walk;

	walk_path(path, is_roots, &walk);
	by = word_of(&walk);
	*out = NULL;
	/* also of a pod's directory without a container in it */
	if (walk.inner.id.at == walk.outer.id.at &&
	    (walk.inner.id.at || !cgroup_path_pod_uid(path, pod)))
		by.at = NULL;
	if (!by.at)
		return 0;
	*out = strndup(by.at, by.len);
	return *out ? 0 : -ENOMEM;
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
