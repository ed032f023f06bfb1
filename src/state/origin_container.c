/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container's runtime gives it: what it was started with, the runtime's default
 * for all containers, or the limits of the runtime's own service, which they inherit.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/json_read.h"
#include "state/origin_impl.h"

/* Podman's own, where nothing is configured (define.RLimitDefaultValue). */
#define PODMAN_DEFAULT 1048576

struct origin_candidate *origin_container_add(struct origin_search *search,
					      const struct origin_scope *scope,
					      struct origin_candidates *list,
					      const char *file, uint64_t changed_ns,
					      uint64_t soft, uint64_t hard)
{
	struct origin_candidate *out = origin_candidate_add(list);
	const char *runtime = scope->place->runtime;

	if (!out)
		return NULL;
	out->as.kind = ORIGIN_CONTAINER;
	out->as.soft = soft;
	out->as.hard = hard;
	out->as.runtime = runtime ? origin_format(search, "%s", runtime) : NULL;
	out->as.file = file ? origin_format(search, "%s", file) : NULL;
	out->changed_ns = changed_ns;
	return out;
}

/* ---- JSON ---- */

/* Numbers beyond what a double holds are "unlimited"; Docker also says -1. */
static bool number_of(const cJSON *item, uint64_t *value)
{
	if (!cJSON_IsNumber(item) || isnan(item->valuedouble))
		return false;
	if (item->valuedouble < 0 || item->valuedouble >= 9007199254740992.0)
		*value = UINT64_MAX;
	else
		*value = (uint64_t)item->valuedouble;
	return true;
}

/* {"type":"RLIMIT_NOFILE","soft":S,"hard":H} of OCI, {"Name":"nofile","Soft":…} of
 * Docker: cJSON_GetObjectItem() does not tell case apart. */
static bool limits_of(const cJSON *item, uint64_t *soft, uint64_t *hard)
{
	return number_of(cJSON_GetObjectItem(item, "soft"), soft) &&
	       number_of(cJSON_GetObjectItem(item, "hard"), hard);
}

static bool find_limits(const cJSON *list, const char *key, const char *name,
			uint64_t *soft, uint64_t *hard)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		const char *is = cJSON_GetStringValue(cJSON_GetObjectItem(item, key));

		if (is && strcmp(is, name) == 0)
			return limits_of(item, soft, hard);
	}
	return false;
}

struct document {
	cJSON *json; /* NULL: not read */
	uint64_t changed_ns;
};

static struct document read_json(struct origin_search *search,
				 const struct origin_root *root, const char *path)
{
	struct document out = {NULL, 0};
	struct origin_file file;

	if (origin_read(search, root, path, &file) < 0)
		return out;
	out.json = json_read(file.text, strlen(file.text), JSON_READ_DEEP, NULL);
	out.changed_ns = file.changed_ns;
	if (!out.json)
		origin_deny(search, path, EBADMSG);
	origin_file_clear(&file);
	return out;
}

/* ---- Docker ---- */

static void docker_container(struct origin_search *search,
			     const struct origin_scope *scope, const char *data,
			     struct origin_candidates *list)
{
	char path[640];
	struct origin_candidate *out;
	struct document document;
	uint64_t soft, hard;

	snprintf(path, sizeof(path), "%s/containers/%s/hostconfig.json", data,
		 scope->place->container_id);
	document = read_json(search, scope->root, path);
	if (find_limits(cJSON_GetObjectItem(document.json, "Ulimits"), "Name", "nofile",
			&soft, &hard) &&
	    (out = origin_container_add(search, scope, list, path, document.changed_ns,
					soft, hard))) {
		out->as.setting = origin_format(search, "--ulimit nofile=%lld:%lld",
						(long long)soft, (long long)hard);
		out->as.evidence =
			origin_format(search, "the container was made with %s (%s)",
				      out->as.setting, path);
	}
	cJSON_Delete(document.json);
}

static void docker_default(struct origin_search *search,
			   const struct origin_scope *scope, const char *path,
			   struct origin_candidates *list)
{
	struct document document = read_json(search, scope->root, path);
	const cJSON *all = cJSON_GetObjectItem(document.json, "default-ulimits");
	struct origin_candidate *out;
	uint64_t soft, hard;

	if (limits_of(cJSON_GetObjectItem(all, "nofile"), &soft, &hard) &&
	    (out = origin_container_add(search, scope, list, path, document.changed_ns,
					soft, hard))) {
		out->as.setting = origin_format(search, "default-ulimits");
		out->as.evidence = origin_format(
			search,
			"the container was made without --ulimit nofile, and the "
			"default-ulimits of %s are for all such",
			path);
	}
	cJSON_Delete(document.json);
}

/* Where its containers are: "data-root" of its file, "graph" before version 17.05. */
static void docker_data(struct origin_search *search, const struct origin_scope *scope,
			const char *file, const char *standard, char *data, size_t size)
{
	struct document document = read_json(search, scope->root, file);
	const cJSON *root = cJSON_GetObjectItem(document.json, "data-root");
	const char *path;

	if (!root)
		root = cJSON_GetObjectItem(document.json, "graph");
	path = cJSON_GetStringValue(root);
	if (!path || path[0] != '/' || (size_t)snprintf(data, size, "%s", path) >= size)
		snprintf(data, size, "%s", standard);
	cJSON_Delete(document.json);
}

/* `user`: of a rootless one; NULL. */
static void docker(struct origin_search *search, const struct origin_scope *scope,
		   const struct origin_user *user, struct origin_candidates *list)
{
	char file[512] = "/etc/docker/daemon.json", data[512];
	char standard[512] = "/var/lib/docker";

	if (user) {
		snprintf(file, sizeof(file), "%s/.config/docker/daemon.json",
			 user->home);
		snprintf(standard, sizeof(standard), "%s/.local/share/docker",
			 user->home);
	}
	docker_data(search, scope, file, standard, data, sizeof(data));
	docker_container(search, scope, data, list);
	docker_default(search, scope, file, list);
}

/* ---- what runc was told: the bundle's config.json ---- */

static void bundle(struct origin_search *search, const struct origin_scope *scope,
		   const char *path, struct origin_candidates *list)
{
	struct document document = read_json(search, scope->root, path);
	const cJSON *process = cJSON_GetObjectItem(document.json, "process");
	struct origin_candidate *out;
	uint64_t soft, hard;

	if (find_limits(cJSON_GetObjectItem(process, "rlimits"), "type",
			"RLIMIT_NOFILE", &soft, &hard) &&
	    (out = origin_container_add(search, scope, list, path, document.changed_ns,
					soft, hard))) {
		out->as.setting = origin_format(search, "RLIMIT_NOFILE");
		out->as.evidence =
			origin_format(search,
				      "the container's RLIMIT_NOFILE is in %s, as it "
				      "was made",
				      path);
	}
	cJSON_Delete(document.json);
}

/* containerd has a directory for each of its namespaces: k8s.io, moby, default. */
static void containerd_bundles(struct origin_search *search,
			       const struct origin_scope *scope,
			       struct origin_candidates *list)
{
	static const char *const roots[] = {
		"/run/containerd/io.containerd.runtime.v2.task",
		"/run/k3s/containerd/io.containerd.runtime.v2.task",
		"/run/docker/containerd/daemon/io.containerd.runtime.v2.task",
	};
	char path[512];

	for (size_t r = 0; r < sizeof(roots) / sizeof(roots[0]); r++) {
		struct origin_names spaces;

		origin_list(search, &search->host, roots[r], "", &spaces);
		for (size_t i = 0; i < spaces.len; i++) {
			snprintf(path, sizeof(path), "%s/%s/%s/config.json", roots[r],
				 spaces.at[i], scope->place->container_id);
			bundle(search, scope, path, list);
		}
		origin_names_clear(&spaces);
	}
}

/* Podman and cri-o keep theirs in containers/storage. */
static void storage_bundles(struct origin_search *search,
			    const struct origin_scope *scope,
			    const struct origin_user *user,
			    struct origin_candidates *list)
{
	static const char *const roots[] = {"/run/containers/storage",
					    "/var/lib/containers/storage"};
	static const char form[] = "%s/overlay-containers/%s/userdata/config.json";
	const char *id = scope->place->container_id;
	char path[512], home[320];

	if (user) {
		snprintf(home, sizeof(home), "%s/.local/share/containers/storage",
			 user->home);
		snprintf(path, sizeof(path), form, home, id);
		bundle(search, scope, path, list);
		return;
	}
	for (size_t r = 0; r < sizeof(roots) / sizeof(roots[0]); r++) {
		snprintf(path, sizeof(path), form, roots[r], id);
		bundle(search, scope, path, list);
	}
}

/* ---- what a container inherits ---- */

/* The candidates of a unit outside, as those of the container. */
static void inherited_from(struct origin_search *search,
			   const struct origin_scope *scope, const char *unit,
			   const struct origin_task *parent,
			   struct origin_candidates *list)
{
	struct origin_place place = {.kind = PLACE_UNIT, .owner = (uid_t)-1};
	struct origin_scope outer = {&search->host, parent, &place, 0};
	const char *runtime = scope->place->runtime;
	size_t first = list->len;

	snprintf(place.unit, sizeof(place.unit), "%s", unit);
	(void)origin_manager_limits(search, parent, &outer.ceiling);
	origin_unit(search, &outer, list);
	for (size_t i = first; i < list->len; i++) {
		struct origin *as = &list->at[i].as;
		char *evidence;

		as->kind = ORIGIN_CONTAINER;
		as->runtime = runtime ? origin_format(search, "%s", runtime) : NULL;
		evidence = origin_format(search,
					 "nothing sets it for the container, so that "
					 "it has what its runtime's service has: %s",
					 as->evidence ? as->evidence : unit);
		free(as->evidence);
		as->evidence = evidence;
	}
}

static void inherited(struct origin_search *search, const struct origin_scope *scope,
		      const struct origin_task *parent, struct origin_candidates *list)
{
	static const struct {
		const char *runtime, *unit;
	} known[] = {
		{"docker", "containerd.service"},     {"docker", "docker.service"},
		{"containerd", "containerd.service"}, {"cri-o", "crio.service"},
		{NULL, "containerd.service"},
	};
	const char *runtime = scope->place->runtime;
	struct origin_place place;

	if (!parent || origin_place_read(parent->cgroup, &place) < 0)
		return;
	/* what watches over a container may have a scope of its own */
	if (place.kind == PLACE_UNIT && !place.in_container) {
		inherited_from(search, scope, place.unit, parent, list);
	} else {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (runtime ? known[i].runtime &&
					      strcmp(runtime, known[i].runtime) == 0
				    : !known[i].runtime)
				inherited_from(search, scope, known[i].unit, parent,
					       list);
	}
	origin_place_clear(&place);
}

static bool runs(const struct origin_scope *scope, const char *runtime)
{
	/* where it is not known, any may */
	return !scope->place->runtime || strcmp(scope->place->runtime, runtime) == 0;
}

static void podman_default(struct origin_search *search,
			   const struct origin_scope *scope,
			   struct origin_candidates *list)
{
	struct origin_candidate *out = origin_container_add(
		search, scope, list, NULL, 0, PODMAN_DEFAULT, PODMAN_DEFAULT);

	if (out)
		out->as.evidence =
			origin_format(search,
				      "podman's own default is %d, and nothing "
				      "else is configured",
				      PODMAN_DEFAULT);
}

void origin_container(struct origin_search *search, const struct origin_scope *scope,
		      const struct origin_task *parent, struct origin_candidates *list)
{
	const char *id = scope->place->container_id;
	struct origin_user user, *of = NULL;
	struct origin_scope outer = *scope;
	struct origin_root home;
	uid_t owner;

	/* it becomes part of paths */
	if (!id[0] || id[0] == '.' || strchr(id, '/'))
		return;
	if (origin_cgroup_owner(scope->task->cgroup, &owner) &&
	    origin_user_by_uid(search, &search->host, owner, &user))
		of = &user;
	origin_container_machine(search, scope, list);
	/* what runs it is outside of it, and sees the user's home */
	if (of) {
		origin_root_open_home(search, parent ? parent->pid : 0, of, &home);
		outer.root = &home;
	}
	if (runs(scope, "docker"))
		docker(search, &outer, of, list);
	if (runs(scope, "podman") || runs(scope, "cri-o"))
		origin_container_conf(search, &outer, of, list);
	if (runs(scope, "docker") || runs(scope, "containerd"))
		containerd_bundles(search, scope, list);
	if (runs(scope, "podman") || runs(scope, "cri-o"))
		storage_bundles(search, &outer, of, list);
	if (outer.root == &home)
		origin_root_close(&home);
	if (scope->place->runtime && runs(scope, "podman"))
		podman_default(search, scope, list);
	inherited(search, scope, parent, list);
}
