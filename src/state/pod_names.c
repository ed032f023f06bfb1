// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/pod_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/open.h"
#include "thread.h"

#define PODS_DIRECTORY       "/var/log/pods"
#define CONTAINERS_DIRECTORY "/var/log/containers"
/* A node has 110 pods by default, and some thousand files of containers that have ended. */
#define PODS_MAX             2048
#define CONTAINERS_MAX       8192
#define ID_LEN               65
#define SUFFIX               ".log"

/* One pod by its uid, or one container by its id. */
struct named {
	char id[ID_LEN];
	struct pod_names names;
};

struct list {
	struct named *all; /* sorted by id */
	size_t len, size;
};

struct listing {
	struct list pods, containers;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. */
static struct {
	bool started; /* there is a thread, and the conditions are made */
	bool asked;   /* it is to list, or does */
	uint64_t listed_ns;
	char root[PATH_MAX];
	struct listing now;
	pthread_cond_t to_do, done;
} state;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- names of files ---- */

/* Takes a part of a name that is as Kubernetes' names are: no byte of another kind gets
 * further than here. */
static bool take(const char *from, size_t len, char *to, size_t size)
{
	if (!len || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.", from[i]) ||
		    !from[i])
			return false;
	memcpy(to, from, len);
	to[len] = 0;
	return true;
}

/* NAMESPACE_POD_UID */
static bool parse_pod(const char *name, struct named *out)
{
	const char *pod = strchr(name, '_'), *uid = pod ? strchr(pod + 1, '_') : NULL;

	return uid &&
	       take(name, (size_t)(pod - name), out->names.name_space,
		    sizeof(out->names.name_space)) &&
	       take(pod + 1, (size_t)(uid - pod - 1), out->names.pod,
		    sizeof(out->names.pod)) &&
	       take(uid + 1, strlen(uid + 1), out->id, sizeof(out->id));
}

/* POD_NAMESPACE_CONTAINER-ID.log */
static bool parse_container(const char *name, struct named *out)
{
	const char *space = strchr(name, '_'),
		   *container = space ? strchr(space + 1, '_') : NULL,
		   *id = container ? strrchr(container, '-') : NULL;
	size_t len = id ? strlen(id + 1) : 0;

	if (len <= strlen(SUFFIX) || strcmp(id + 1 + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	return take(name, (size_t)(space - name), out->names.pod,
		    sizeof(out->names.pod)) &&
	       take(space + 1, (size_t)(container - space - 1), out->names.name_space,
		    sizeof(out->names.name_space)) &&
	       take(container + 1, (size_t)(id - container - 1), out->names.container,
		    sizeof(out->names.container)) &&
	       take(id + 1, len - strlen(SUFFIX), out->id, sizeof(out->id));
}

/* ---- listing ---- */

static int compare(const void *left, const void *right)
{
	return strcmp(((const struct named *)left)->id,
		      ((const struct named *)right)->id);
}

/* Room for one more, zeroed. NULL: no memory, or there are `most`. */
static struct named *add(struct list *list, size_t most)
{
	if (list->len == most)
		return NULL;
	if (list->len == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		struct named *grown = reallocarray(list->all, size, sizeof(*grown));

		if (!grown)
			return NULL;
		list->all = grown;
		list->size = size;
	}
	memset(&list->all[list->len], 0, sizeof(*list->all));
	return &list->all[list->len];
}

/* What can't be listed has no names; the directory is not there on most hosts. */
static void list_directory(const struct guard_root *root, const char *path,
			   bool (*parse)(const char *name, struct named *out),
			   size_t most, struct list *out)
{
	int fd = guard_open_directory(root, path);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		struct named *to = add(out, most);

		if (!to)
			break;
		out->len += parse(entry->d_name, to);
	}
	closedir(directory);
	if (out->len > 1)
		qsort(out->all, out->len, sizeof(*out->all), compare);
}

static void list_all(const char *path, struct listing *out)
{
	struct guard_root root = {
		.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.rights = guard_rights_all(),
	};

	memset(out, 0, sizeof(*out));
	if (root.dir < 0)
		return;
	list_directory(&root, PODS_DIRECTORY, parse_pod, PODS_MAX, &out->pods);
	list_directory(&root, CONTAINERS_DIRECTORY, parse_container, CONTAINERS_MAX,
		       &out->containers);
	guard_root_close(&root);
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct listing fresh;
		char root[PATH_MAX];

		while (!state.asked)
			pthread_cond_wait(&state.to_do, &lock);
		memcpy(root, state.root, sizeof(root));
		pthread_mutex_unlock(&lock);
		list_all(*root ? root : "/", &fresh);
		pthread_mutex_lock(&lock);
		free(state.now.pods.all);
		free(state.now.containers.all);
		state.now = fresh;
		state.asked = false;
		state.listed_ns = now_ns();
		pthread_cond_broadcast(&state.done);
	}
	return NULL;
}

/* ---- what is asked for ---- */

static const struct named *find_in(const struct list *list, const char *id)
{
	struct named key = {0};

	snprintf(key.id, sizeof(key.id), "%s", id);
	return list->len ? bsearch(&key, list->all, list->len, sizeof(key), compare)
			 : NULL;
}

static bool find(const struct identity *who, struct pod_names *out)
{
	const struct named *pod = find_in(&state.now.pods, who->pod_uid),
			   *container = who->container_id
						? find_in(&state.now.containers,
							  who->container_id)
						: NULL;

	if (!pod)
		return false;
	*out = pod->names;
	/* Of another pod: whose names they are is not known then. */
	if (container && !strcmp(container->names.pod, out->pod) &&
	    !strcmp(container->names.name_space, out->name_space))
		memcpy(out->container, container->names.container,
		       sizeof(out->container));
	return true;
}

/* Whether there is a new listing. */
static bool list_again(void)
{
	struct timespec until = thread_deadline(POD_NAMES_WAIT_NS);
	pthread_t thread;

	if (state.asked ||
	    (state.listed_ns && now_ns() < state.listed_ns + POD_NAMES_AGAIN_NS))
		return false;
	if (!state.started) {
		thread_cond_init(&state.to_do);
		thread_cond_init(&state.done);
		if (thread_start_plain(&thread, "pod-names", run, NULL))
			return false;
		pthread_detach(thread);
		state.started = true;
	}
	state.asked = true;
	pthread_cond_signal(&state.to_do);
	while (state.asked)
		if (pthread_cond_timedwait(&state.done, &lock, &until))
			return false;
	return true;
}

/* What a daemon has told. */
static void copy_told(const struct identity *who, struct pod_names *out)
{
	snprintf(out->pod, sizeof(out->pod), "%s", who->pod_name);
	snprintf(out->name_space, sizeof(out->name_space), "%s",
		 who->pod_namespace ? who->pod_namespace : "");
	snprintf(out->container, sizeof(out->container), "%s",
		 who->container_name ? who->container_name : "");
}

bool pod_names_find(const struct identity *who, struct pod_names *out)
{
	bool found;

	if (who->pod_name) {
		copy_told(who, out);
		return true;
	}
	if (!who->pod_uid || who->claimed_by)
		return false;
	pthread_mutex_lock(&lock);
	found = find(who, out);
	/* A new container of a pod that is known may have its name by now. */
	if ((!found || (who->container_id && !*out->container)) && list_again())
		found = find(who, out);
	pthread_mutex_unlock(&lock);
	return found;
}

void pod_names_set_root(const char *root)
{
	pthread_mutex_lock(&lock);
	snprintf(state.root, sizeof(state.root), "%s", root ? root : "");
	state.listed_ns = 0;
	pthread_mutex_unlock(&lock);
}
