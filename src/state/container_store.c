// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/container_store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/capabilities.h"
#include "guard/open.h"
#include "state/json_read.h"

#define DOCKER_MAX   (1u << 20)   /* of one container; ordinary ones have 4 KiB */
#define PODMAN_MAX   (8u << 20)   /* of all of root's, 1 KiB each */
#define OF_USER_MAX  (256u << 10) /* of all of a user's: 10 ms to parse at worst */
#define SETTINGS_MAX (64u << 10)
#define PASSWD_MAX   (4u << 20)
#define PLACE_LEN    512

static const char *const podman_files[] = {
	"overlay-containers/containers.json",
	"vfs-containers/containers.json",
};

/* Whose files are read. */
struct store {
	struct guard_root host; /* the host's own settings, with all rights */
	struct guard_root
		root; /* the same directory, with the rights of who has the files */
	uid_t user;
	char name[64]; /* of the user */
	char home[PLACE_LEN];
};

/* ---- files ---- */

/* The text of a file, with a zero behind it; NULL: there is none that may be read. Only here it
 * takes capabilities: what was read is parsed without any. */
static char *read_text(const struct guard_root *root, const char *path, uint64_t max,
		       bool own, size_t *len)
{
	const struct guard_wish wish = {.max = max, .own = own};
	struct guard_file file = {0};
	bool rested = capabilities_see_others();
	int fd = guard_open(root, path, &wish, &file);
	char *text = fd >= 0 ? malloc(file.size + 1) : NULL;
	ssize_t n;

	*len = 0;
	while (text && *len < file.size &&
	       (n = read(fd, text + *len, file.size - *len)) > 0)
		*len += (size_t)n;
	if (text)
		text[*len] = '\0';
	if (fd >= 0)
		close(fd);
	capabilities_rest_again(rested);
	return text;
}

static cJSON *read_json(const struct guard_root *root, const char *path, uint64_t max,
			bool own)
{
	size_t len;
	char *text = read_text(root, path, max, own, &len);
	cJSON *json = text ? json_read(text, len, JSON_READ_DEEP, NULL) : NULL;

	free(text);
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

static bool is_users(const struct store *store)
{
	return store->user != CONTAINER_OF_ROOT;
}

/* ---- where they are ---- */

/* Takes a path that is absolute, or begins with a variable, and is short enough to have names
 * behind it. */
static bool take_place(const char *from, size_t len, char to[PLACE_LEN])
{
	if (!len || len >= PLACE_LEN || (from[0] != '/' && from[0] != '$'))
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/*
 * The value of a key in the section [storage] of storage.conf(5), which is TOML: of that a line
 * with a key and a string in quotes is understood, as all distributions ship it.
 */
static bool storage_value(const char *text, const char *key, char to[PLACE_LEN])
{
	bool inside = false, found = false;
	const char *line, *next;

	for (line = text; *line; line = next) {
		size_t len = strcspn(line, "\n"), key_len = strlen(key);
		const char *at = line + strspn(line, " \t"), *end;

		next = line + len + (line[len] == '\n');
		if (*at == '[')
			inside = strncmp(at, "[storage]", 9) == 0;
		if (!inside || strncmp(at, key, key_len) != 0)
			continue;
		at += key_len;
		at += strspn(at, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		end = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : NULL;
		if (end && end < line + len)
			found = take_place(at + 1, (size_t)(end - at - 1), to);
	}
	return found;
}

/* Those of the host: the administrator's file is read in place of the distribution's. */
static bool host_storage_value(const struct store *store, const char *key,
			       char to[PLACE_LEN])
{
	size_t len;
	char *text = read_text(&store->host, "/etc/containers/storage.conf",
			       SETTINGS_MAX, false, &len);
	bool found;

	if (!text)
		text = read_text(&store->host, "/usr/share/containers/storage.conf",
				 SETTINGS_MAX, false, &len);
	found = text && storage_value(text, key, to);
	free(text);
	return found;
}

static bool is_of_name(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* In place of the variables that may stand in a place, their values. */
static bool expand(const struct store *store, char place[PLACE_LEN])
{
	const struct {
		const char *name, *value;
	} known[] = {{"$HOME", store->home}, {"$USER", store->name}, {"$UID", NULL}};
	char from[PLACE_LEN], uid[16];
	size_t len = 0;

	snprintf(uid, sizeof(uid), "%u", (unsigned)store->user);
	memcpy(from, place, sizeof(from));
	for (const char *at = from; *at;) {
		const char *value = NULL;
		char one[2] = {*at, '\0'};
		size_t took = 1;
		int n;

		for (size_t i = 0; i < 3 && *at == '$' && !value; i++)
			if (strncmp(at, known[i].name, strlen(known[i].name)) == 0 &&
			    !is_of_name(at[strlen(known[i].name)])) {
				value = known[i].value ? known[i].value : uid;
				took = strlen(known[i].name);
			}
		if (*at == '$' && !value)
			return false;
		n = snprintf(place + len, PLACE_LEN - len, "%s", value ? value : one);
		if (n < 0 || (size_t)n >= PLACE_LEN - len)
			return false;
		len += (size_t)n;
		at += took;
	}
	return true;
}

/* Below the home directory of the user. */
static bool at_home(const struct store *store, const char *path, char to[PLACE_LEN])
{
	int n = snprintf(to, PLACE_LEN, "%s%s", store->home, path);

	return n > 0 && n < PLACE_LEN;
}

static bool users_podman_place(const struct store *store, char to[PLACE_LEN])
{
	char path[PLACE_LEN], value[PLACE_LEN];
	bool found = false;
	size_t len;

	if (at_home(store, "/.config/containers/storage.conf", path)) {
		char *text = read_text(&store->root, path, SETTINGS_MAX, true, &len);

		found = text && storage_value(text, "graphroot", value);
		free(text);
	}
	if (!found)
		found = host_storage_value(store, "rootless_storage_path", value);
	if (!found)
		return at_home(store, "/.local/share/containers/storage", to);
	memcpy(to, value, sizeof(value));
	return expand(store, to);
}

static bool podman_place(const struct store *store, char to[PLACE_LEN])
{
	if (is_users(store))
		return users_podman_place(store, to);
	if (!host_storage_value(store, "graphroot", to))
		snprintf(to, PLACE_LEN, "/var/lib/containers/storage");
	return true;
}

static bool docker_place(const struct store *store, char to[PLACE_LEN])
{
	char path[PLACE_LEN] = "/etc/docker/daemon.json";
	const char *value;
	cJSON *json;
	bool found;

	if (is_users(store) && !at_home(store, "/.config/docker/daemon.json", path))
		return false;
	json = read_json(&store->root, path, SETTINGS_MAX, is_users(store));
	value = json_text_at(json, "data-root");
	if (!value) /* as it was called before Docker 17.05 */
		value = json_text_at(json, "graph");
	found = value && take_place(value, strlen(value), to);
	cJSON_Delete(json);
	if (found)
		return true;
	if (is_users(store))
		return at_home(store, "/.local/share/docker", to);
	snprintf(to, PLACE_LEN, "/var/lib/docker");
	return true;
}

/* ---- what they say ---- */

static bool ask_docker(const struct store *store, const char *id,
		       struct container_names *out)
{
	char place[PLACE_LEN], path[PLACE_LEN + 128];
	const char *name;
	cJSON *json;
	bool found;

	if (!docker_place(store, place))
		return false;
	snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", place, id);
	json = read_json(&store->root, path, is_users(store) ? OF_USER_MAX : DOCKER_MAX,
			 is_users(store));
	name = json_text_at(json, "Name");
	if (name && *name == '/')
		name++;
	found = take_word(name, out->name, sizeof(out->name));
	if (found)
		(void)take_word(
			json_text_at(cJSON_GetObjectItemCaseSensitive(json, "Config"),
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

	(void)take_word(json_text_at(json, "image-name"), out->image,
			sizeof(out->image));
	cJSON_Delete(json);
}

static bool ask_podman_file(const struct store *store, const char *path, const char *id,
			    struct container_names *out)
{
	uint64_t max = is_users(store) ? OF_USER_MAX : PODMAN_MAX;
	cJSON *json = read_json(&store->root, path, max, is_users(store));
	const cJSON *item;
	bool found = false;

	for (item = cJSON_IsArray(json) ? json->child : NULL; item; item = item->next) {
		const char *its = json_text_at(item, "id");
		const cJSON *names = cJSON_GetObjectItemCaseSensitive(item, "names");

		if (!its || strcmp(its, id) != 0)
			continue;
		found = take_word(cJSON_GetStringValue(cJSON_GetArrayItem(names, 0)),
				  out->name, sizeof(out->name));
		if (found)
			take_podman_image(json_text_at(item, "metadata"), out);
		break;
	}
	cJSON_Delete(json);
	return found;
}

static bool ask_podman(const struct store *store, const char *id,
		       struct container_names *out)
{
	char place[PLACE_LEN], path[PLACE_LEN + 128];
	bool found = false;

	if (!podman_place(store, place))
		return false;
	for (size_t i = 0; i < sizeof(podman_files) / sizeof(podman_files[0]) && !found;
	     i++) {
		snprintf(path, sizeof(path), "%s/%s", place, podman_files[i]);
		found = ask_podman_file(store, path, id, out);
	}
	return found;
}

/* The user's name and home directory, from the host's /etc/passwd; of a directory service none
 * are known here. */
static bool find_home(struct store *store)
{
	size_t len;
	char *text = read_text(&store->host, "/etc/passwd", PASSWD_MAX, false, &len);
	bool found = false;

	for (char *line = text, *next; line && *line && !found; line = next) {
		char *fields[6] = {line};
		size_t n = 1, line_len = strcspn(line, "\n");
		char *end;

		next = line + line_len + (line[line_len] == '\n');
		line[line_len] = '\0';
		for (char *at = line; n < 6 && (at = strchr(at, ':')); n++) {
			*at++ = '\0';
			fields[n] = at;
		}
		if (n < 6 || !*fields[2] ||
		    strtoul(fields[2], &end, 10) != store->user || *end)
			continue;
		fields[5][strcspn(fields[5], ":")] = '\0';
		found = strlen(fields[0]) < sizeof(store->name) &&
			take_place(fields[5], strlen(fields[5]), store->home);
		if (found)
			memcpy(store->name, fields[0], strlen(fields[0]) + 1);
	}
	free(text);
	return found;
}

bool container_store_ask(const char *root, const struct container_question *question,
			 struct container_names *out)
{
	bool rested = capabilities_see_others(), found = false;
	struct store store = {
		.host = {.dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
			 .rights = guard_rights_all()},
		.user = question->user,
	};

	capabilities_rest_again(rested);
	memset(out, 0, sizeof(*out));
	store.root = store.host;
	if (store.host.dir >= 0 && is_users(&store)) {
		store.root.rights = guard_rights_of_user(question->user, (gid_t)-1);
		if (!find_home(&store))
			guard_root_close(&store.host);
	}
	if (store.host.dir >= 0) {
		if (question->docker)
			found = ask_docker(&store, question->id, out);
		if (question->podman && !found)
			found = ask_podman(&store, question->id, out);
		guard_root_close(&store.host);
	}
	return found;
}
