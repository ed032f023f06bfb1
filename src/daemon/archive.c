// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "daemon/state_file.h"
#include "output/postmortem.h"

/* A record that has its bound, and a file that was put together from some. */
#define FILE_MAX (8u << 20)

static int find_directory(const char *config_path, char **out, char *why, size_t size)
{
	struct config *config;
	int err = config_load(config_path ? config_path : CONFIG_PATH,
			      config_path ? CONFIG_FORGIVE | CONFIG_MUST_EXIST
					  : CONFIG_FORGIVE,
			      NULL, 0, &config, why, size);

	/* What only root may read is that of the daemon; where its records are by default is
	 * known. */
	if (err == -EACCES && !config_path) {
		*out = strdup(CONFIG_INCIDENTS_PATH);
		return *out ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	if (config->incidents_path) {
		*out = strdup(config->incidents_path);
		err = *out ? 0 : -ENOMEM;
	} else {
		snprintf(why, size, "no records are kept: [incidents] path is empty");
		err = -ENOENT;
	}
	config_free(config);
	return err;
}

static uint64_t changed_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec < 0 ? 0
				      : (uint64_t)st->st_mtim.tv_sec * 1000000000u +
						(uint64_t)st->st_mtim.tv_nsec;
}

static int list_entries(DIR *dir, struct archive *out)
{
	const struct dirent *entry;
	size_t max = 0;

	while ((entry = readdir(dir))) {
		struct archive_entry *one;
		char id[ALERT_ID_LEN];
		struct stat st;

		if (!incident_of_file(entry->d_name, id) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		if (out->len == max) {
			max = max ? 2 * max : 256;
			one = realloc(out->entries, max * sizeof(*one));
			if (!one)
				return -ENOMEM;
			out->entries = one;
		}
		one = &out->entries[out->len++];
		memcpy(one->id, id, sizeof(one->id));
		one->changed_ns = changed_ns(&st);
		one->size = (uint64_t)st.st_size;
	}
	return 0;
}

int archive_open(const char *directory, const char *config, struct archive *out,
		 char *why, size_t why_size)
{
	DIR *dir = NULL;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (directory)
		out->path = strdup(directory);
	else
		err = find_directory(config, &out->path, why, why_size);
	if (!err && !out->path)
		err = -ENOMEM;
	if (err) {
		if (err == -ENOMEM)
			snprintf(why, why_size, "%s", strerror(ENOMEM));
		return err;
	}
	dir = opendir(out->path);
	if (!dir && errno == ENOENT) {
		err = -ENOENT;
		snprintf(why, why_size,
			 "%s: no such directory: the daemon makes it when it runs",
			 out->path);
	} else if (!dir) {
		err = -errno;
		snprintf(why, why_size, "%s: %s%s", out->path, strerror(errno),
			 errno == EACCES ? "; root may read it, and who is in the "
					   "daemon's group"
					 : "");
	} else {
		err = list_entries(dir, out);
		closedir(dir);
		if (err)
			snprintf(why, why_size, "%s", strerror(-err));
	}
	if (err)
		archive_close(out);
	return err;
}

void archive_close(struct archive *archive)
{
	free(archive->path);
	free(archive->entries);
	memset(archive, 0, sizeof(*archive));
}

static int read_file(const char *path, struct incident *out, char *why, size_t why_size)
{
	char *text = NULL;
	size_t len;
	int err = state_file_read(path, FILE_MAX, &text, &len);

	memset(out, 0, sizeof(*out));
	if (err) {
		snprintf(why, why_size, "%s: %s", path, strerror(-err));
	} else {
		err = incident_read(text, len, out);
		if (err)
			snprintf(why, why_size, "%s: %s", path,
				 err == -EINVAL ? "this is no record of an incident"
						: strerror(-err));
	}
	free(text);
	return err;
}

int archive_read(const struct archive *archive, const char *id, struct incident *out,
		 char *why, size_t why_size)
{
	char name[INCIDENT_FILE_LEN], *path = NULL;
	int err;

	incident_file(id, name);
	if (asprintf(&path, "%s/%s", archive->path, name) < 0) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = read_file(path, out, why, why_size);
	free(path);
	return err;
}

/* "api" or "api[197]", as a list names it. */
static bool is_of(const struct postmortem *p, const char *who)
{
	size_t len = p->name ? strlen(p->name) : 0;
	char pid[32];

	if (!len || strncmp(who, p->name, len) != 0)
		return false;
	snprintf(pid, sizeof(pid), "[%" PRId64 "]", p->pid);
	return !who[len] || (!p->processes && !strcmp(who + len, pid));
}

/* `who`: whose it has to be, else it is -ENOENT; NULL: anybody's. */
static int find_begin(const struct archive *archive, const struct archive_entry *entry,
		      const char *who, uint64_t *began_ns)
{
	struct incident incident;
	struct postmortem p;
	char why[ARCHIVE_WHY_MAX];
	int err = archive_read(archive, entry->id, &incident, why, sizeof(why));

	*began_ns = entry->changed_ns;
	if (err)
		return err == -ENOMEM ? err : who ? -ENOENT : 0;
	err = postmortem_make(&incident, entry->id, &p);
	if (!err && p.began_ns)
		*began_ns = p.began_ns;
	if (!err && who && !is_of(&p, who))
		err = -ENOENT;
	postmortem_clear(&p);
	incident_clear(&incident);
	return err;
}

bool archive_is_before(uint64_t began_ns, const char *id, uint64_t other_ns,
		       const char *other_id)
{
	return began_ns != other_ns ? began_ns > other_ns : strcmp(id, other_id) < 0;
}

/* The one that stands first in a list of those of `who`; NULL: of all. 0, -ENOENT or
 * -ENOMEM. */
static int find_last(const struct archive *archive, const char *who,
		     char id[ALERT_ID_LEN])
{
	uint64_t began_ns, last_ns = 0;
	int err = -ENOENT, this_err;

	for (size_t i = 0; i < archive->len; i++) {
		const struct archive_entry *entry = &archive->entries[i];

		this_err = find_begin(archive, entry, who, &began_ns);
		if (this_err == -ENOENT)
			continue;
		if (this_err)
			return this_err;
		if (!err && !archive_is_before(began_ns, entry->id, last_ns, id))
			continue;
		memcpy(id, entry->id, ALERT_ID_LEN);
		last_ns = began_ns;
		err = 0;
	}
	return err;
}

/* Of the entries the last one, the one whose id begins so, or with `names` the last of the
 * process of that name. */
static int choose(const struct archive *archive, const char *what, bool names,
		  char id[ALERT_ID_LEN], char *why, size_t why_size)
{
	size_t found = 0, len = strlen(what);

	if (!strcmp(what, "last") && archive->len) {
		int err = find_last(archive, NULL, id);

		if (err)
			snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	for (size_t i = 0; i < archive->len; i++)
		if (!strncmp(archive->entries[i].id, what, len) && !found++)
			memcpy(id, archive->entries[i].id, ALERT_ID_LEN);
	if (found == 1 || (!found && names && !find_last(archive, what, id)))
		return 0;
	if (found)
		snprintf(why, why_size, "%zu incidents begin with %.40s", found, what);
	else if (!archive->len)
		snprintf(why, why_size, "there is no record of any incident in %s",
			 archive->path);
	else
		snprintf(why, why_size,
			 "there is no record with the id %.40s%s; 'fdwarden incidents' "
			 "lists them",
			 what, names ? ", nor of a process of this name" : "");
	return -ENOENT;
}

static int read_chosen(struct archive *archive, const char *what, bool names,
		       struct incident *out, char id[ALERT_ID_LEN], char *why,
		       size_t why_size)
{
	int err = choose(archive, what, names, id, why, why_size);

	if (!err)
		err = archive_read(archive, id, out, why, why_size);
	archive_close(archive);
	return err;
}

int archive_find_id(const char *what, const char *directory, struct incident *out,
		    char id[ALERT_ID_LEN], char *why, size_t why_size)
{
	struct archive archive;
	int err = archive_open(directory, NULL, &archive, why, why_size);

	memset(out, 0, sizeof(*out));
	return err ? err : read_chosen(&archive, what, false, out, id, why, why_size);
}

int archive_find(const char *what, const char *directory, const char *config,
		 struct incident *out, char id[ALERT_ID_LEN], char *why,
		 size_t why_size)
{
	struct archive archive;
	int err;

	memset(out, 0, sizeof(*out));
	if (!*what) {
		snprintf(why, why_size,
			 "an id is needed; 'fdwarden incidents' lists them");
		return -EINVAL;
	}
	if (strchr(what, '/')) {
		err = read_file(what, out, why, why_size);
		if (!err && out->begun)
			snprintf(id, ALERT_ID_LEN, "%s", out->begin.id);
		else if (!incident_of_file(strrchr(what, '/') + 1, id))
			snprintf(id, ALERT_ID_LEN, "?");
		return err;
	}
	err = archive_open(directory, config, &archive, why, why_size);
	return err ? err : read_chosen(&archive, what, true, out, id, why, why_size);
}
