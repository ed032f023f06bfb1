// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/container_names.h"

#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "guard/capabilities.h"
#include "guard/open.h"
#include "state/json_read.h"
#include "thread.h"

#define ID_LEN     64
#define DOCKER_MAX (1u << 20) /* of one container; ordinary ones have 4 KiB */
#define PODMAN_MAX (8u << 20) /* of all of them, 1 KiB each */

static const char *const podman_files[] = {
	"/var/lib/containers/storage/overlay-containers/containers.json",
	"/var/lib/containers/storage/vfs-containers/containers.json",
};

struct entry {
	char id[ID_LEN + 1];
	bool docker, podman; /* where it may be */
	bool wanted, known;
	uint64_t read_ns; /* 0: never */
	struct container_names names;
	UT_hash_handle hh;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. */
static struct {
	bool started; /* there is a thread, and the conditions are made */
	bool overdue; /* somebody has waited in vain */
	char root[PATH_MAX];
	struct entry *all; /* the oldest first */
	pthread_cond_t to_do, done;
} state;

static uint64_t names_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- files ---- */

static cJSON *read_json(const struct guard_root *root, const char *path, uint64_t max)
{
	const struct guard_wish wish = {.max = max};
	struct guard_file file = {0};
	int fd = guard_open(root, path, &wish, &file);
	char *text = fd >= 0 ? malloc(file.size + 1) : NULL;
	cJSON *json = NULL;
	size_t len = 0;
	ssize_t n;

	while (text && len < file.size &&
	       (n = read(fd, text + len, file.size - len)) > 0)
		len += (size_t)n;
	if (text)
		json = json_read(text, len, JSON_READ_DEEP, NULL);
	free(text);
	if (fd >= 0)
		close(fd);
	return json;
}

/* Takes what is printable and no blank: all that names and images are made of. */
static bool take_word(const char *from, char *to, size_t size)
{
	size_t len = from ? strlen(from) : 0;

	if (!len || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (from[i] <= ' ' || from[i] >= 0x7f || from[i] == '"' ||
		    from[i] == '\\')
			return false;
	memcpy(to, from, len + 1);
	return true;
}

static const char *names_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool ask_docker(const struct guard_root *root, const char *id,
		       struct container_names *out)
{
	char path[128];
	const char *name;
	cJSON *json;
	bool found;

	snprintf(path, sizeof(path), "/var/lib/docker/containers/%s/config.v2.json",
		 id);
	json = read_json(root, path, DOCKER_MAX);
	name = names_text(json, "Name");
	if (name && *name == '/')
		name++;
	found = take_word(name, out->name, sizeof(out->name));
	if (found)
		(void)take_word(
			names_text(cJSON_GetObjectItemCaseSensitive(json, "Config"),
				   "Image"),
			out->image, sizeof(out->image));
	cJSON_Delete(json);
	return found;
}

/* The image is in a document of libpod's own, within the storage's. */
static void take_podman_image(const char *metadata, struct container_names *out)
{
	cJSON *json = metadata ? json_read(metadata, strlen(metadata),
					   JSON_READ_SHALLOW, NULL)
			       : NULL;

	(void)take_word(names_text(json, "image-name"), out->image, sizeof(out->image));
	cJSON_Delete(json);
}

static bool ask_podman_file(const struct guard_root *root, const char *path,
			    const char *id, struct container_names *out)
{
	cJSON *json = read_json(root, path, PODMAN_MAX);
	const cJSON *item;
	bool found = false;

	for (item = cJSON_IsArray(json) ? json->child : NULL; item && !found;
	     item = item->next) {
		const char *its = names_text(item, "id");
		const cJSON *names = cJSON_GetObjectItemCaseSensitive(item, "names");

		if (!its || strcmp(its, id) != 0)
			continue;
		found = take_word(cJSON_GetStringValue(cJSON_GetArrayItem(names, 0)),
				  out->name, sizeof(out->name));
		if (found)
			take_podman_image(names_text(item, "metadata"), out);
		break;
	}
	cJSON_Delete(json);
	return found;
}

static bool read_names(const char *path, const struct entry *entry,
		       struct container_names *out)
{
	bool rested = capabilities_see_others(), found = false;
	struct guard_root root = {
		.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.rights = guard_rights_all(),
	};

	memset(out, 0, sizeof(*out));
	if (root.dir >= 0) {
		if (entry->docker)
			found = ask_docker(&root, entry->id, out);
		for (size_t i = 0; i < 2 && entry->podman && !found; i++)
			found = ask_podman_file(&root, podman_files[i], entry->id, out);
		guard_root_close(&root);
	}
	capabilities_rest_again(rested);
	return found;
}

/* ---- the thread ---- */

static struct entry *next_wanted(void)
{
	struct entry *entry;

	for (entry = state.all; entry; entry = entry->hh.next)
		if (entry->wanted)
			return entry;
	return NULL;
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct entry *entry = next_wanted(), asked;
		struct container_names names;
		char root[PATH_MAX];
		bool found;

		if (!entry) {
			pthread_cond_wait(&state.to_do, &lock);
			continue;
		}
		asked = *entry;
		memcpy(root, state.root, sizeof(root));
		pthread_mutex_unlock(&lock);
		found = read_names(*root ? root : "/", &asked, &names);
		pthread_mutex_lock(&lock);
		state.overdue = false;
		/* It may have given way meanwhile. */
		HASH_FIND_STR(state.all, asked.id, entry);
		if (entry) {
			entry->wanted = false;
			entry->known = found;
			entry->names = names;
			entry->read_ns = names_now_ns();
		}
		pthread_cond_broadcast(&state.done);
	}
	return NULL;
}

static bool start(void)
{
	pthread_t thread;

	if (state.started)
		return true;
	thread_cond_init(&state.to_do);
	thread_cond_init(&state.done);
	if (thread_start(&thread, "containers", run, NULL))
		return false;
	pthread_detach(thread);
	state.started = true;
	return true;
}

/* ---- what is asked for ---- */

static struct entry *remember(const struct identity *who)
{
	const char *runtime = who->container_runtime;
	struct entry *entry;

	if (HASH_COUNT(state.all) >= CONTAINER_NAMES_MAX) {
		entry = state.all;
		HASH_DEL(state.all, entry);
		free(entry);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->id, who->container_id, ID_LEN);
	entry->docker = !runtime || !strcmp(runtime, "docker");
	entry->podman = !runtime || !strcmp(runtime, "podman");
	HASH_ADD_STR(state.all, id, entry);
	if (!entry->hh.tbl) { /* no memory for its place */
		free(entry);
		return NULL;
	}
	return entry;
}

static bool is_old(const struct entry *entry)
{
	uint64_t age = names_now_ns() - entry->read_ns;

	return !entry->read_ns ||
	       age > (entry->known ? CONTAINER_NAMES_OLD_NS : CONTAINER_NAMES_AGAIN_NS);
}

/* What is known is told at once, also while it is read anew. */
static bool look_up(const struct identity *who, struct container_names *out)
{
	struct timespec until = thread_deadline(CONTAINER_NAMES_WAIT_NS);
	struct entry *entry;

	HASH_FIND_STR(state.all, who->container_id, entry);
	if (!entry)
		entry = remember(who);
	if (!entry || !start())
		return false;
	if (is_old(entry) && !entry->wanted) {
		entry->wanted = true;
		pthread_cond_signal(&state.to_do);
	}
	while (entry && entry->wanted && !entry->known && !state.overdue) {
		if (pthread_cond_timedwait(&state.done, &lock, &until))
			state.overdue = true;
		HASH_FIND_STR(state.all, who->container_id, entry);
	}
	if (!entry || !entry->known)
		return false;
	*out = entry->names;
	return true;
}

static bool may_have_one(const struct identity *who)
{
	const char *runtime = who->container_runtime;

	return who->container_id && !who->claimed_by && !who->pod_uid &&
	       (!runtime || !strcmp(runtime, "docker") || !strcmp(runtime, "podman")) &&
	       strlen(who->container_id) == ID_LEN &&
	       strspn(who->container_id, "0123456789abcdef") == ID_LEN;
}

bool container_names_find(const struct identity *who, struct container_names *out)
{
	bool found;

	memset(out, 0, sizeof(*out));
	/* What a daemon has told. */
	if (who->container_name && !who->pod_name) {
		snprintf(out->name, sizeof(out->name), "%s", who->container_name);
		snprintf(out->image, sizeof(out->image), "%s",
			 who->container_image ? who->container_image : "");
		return true;
	}
	if (!may_have_one(who))
		return false;
	pthread_mutex_lock(&lock);
	found = look_up(who, out);
	pthread_mutex_unlock(&lock);
	return found;
}

void container_names_set_root(const char *root)
{
	struct entry *entry, *next;

	pthread_mutex_lock(&lock);
	snprintf(state.root, sizeof(state.root), "%s", root ? root : "");
	HASH_ITER (hh, state.all, entry, next) {
		HASH_DEL(state.all, entry);
		free(entry);
	}
	pthread_mutex_unlock(&lock);
}
