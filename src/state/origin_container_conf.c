/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * containers.conf(5) and crio.conf(5): of their TOML just `default_ulimits`, a list of
 * texts such as "nofile=1024:4096", which may go over several lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

struct conf {
	bool is_set;
	uint64_t soft, hard;
	char *file; /* Owned */
	uint32_t line;
	uint64_t changed_ns;
};

/* "nofile=SOFT[:HARD]", in quotes, somewhere in the line. -1 is what there is. */
static bool find_nofile(const char *line, uint64_t *soft, uint64_t *hard)
{
	const char *at = strstr(line, "nofile=");
	char *end;

	if (!at || at == line || (at[-1] != '"' && at[-1] != '\''))
		return false;
	at += strlen("nofile=");
	*soft = strtoull(at, &end, 10);
	if (end == at)
		return false;
	if (at[0] == '-')
		*soft = UINT64_MAX;
	*hard = *soft;
	if (*end != ':')
		return true;
	at = end + 1;
	*hard = at[0] == '-' ? UINT64_MAX : strtoull(at, &end, 10);
	return true;
}

/* Without a comment; a '#' within quotes is none. */
static void cut_comment(char *line)
{
	char quote = '\0';

	for (; *line; line++) {
		if (quote && *line == quote)
			quote = '\0';
		else if (!quote && (*line == '"' || *line == '\''))
			quote = *line;
		else if (!quote && *line == '#')
			break;
	}
	*line = '\0';
}

static void read_one(struct origin_search *search, const struct origin_root *root,
		     const char *path, struct conf *out)
{
	static const char key[] = "default_ulimits";
	struct origin_file file;
	char *rest, *line;
	bool in_list = false;
	uint32_t number = 0;
	uint64_t soft, hard;

	if (origin_read(search, root, path, &file) < 0)
		return;
	rest = file.text;
	while ((line = strsep(&rest, "\n"))) {
		number++;
		cut_comment(line);
		line += strspn(line, " \t");
		if (strncmp(line, key, sizeof(key) - 1) == 0 &&
		    line[sizeof(key) - 1 + strspn(line + sizeof(key) - 1, " \t")] ==
			    '=')
			in_list = true;
		if (!in_list)
			continue;
		if (find_nofile(line, &soft, &hard)) {
			free(out->file);
			*out = (struct conf){true, soft,   hard,
					     NULL, number, file.changed_ns};
			out->file = origin_format(search, "%s", path);
		}
		in_list = !strchr(line, ']');
	}
	origin_file_clear(&file);
}

/* One file and the drop-ins of a directory, which count more. */
static void read_all(struct origin_search *search, const struct origin_root *root,
		     const char *path, struct conf *out)
{
	struct origin_dirs dirs = {0};
	struct origin_names paths = {0};

	read_one(search, root, path, out);
	origin_dirs_add(search, &dirs, "%s.d", path);
	origin_dropins(search, root, &dirs, &paths);
	for (size_t i = 0; i < paths.len; i++)
		read_one(search, root, paths.at[i], out);
	origin_names_clear(&paths);
	origin_dirs_clear(&dirs);
}

static void add(struct origin_search *search, const struct origin_scope *scope,
		struct conf *conf, struct origin_candidates *list)
{
	struct origin_candidate *out;

	if (conf->is_set &&
	    (out = origin_container_add(search, scope, list, conf->file,
					conf->changed_ns, conf->soft, conf->hard))) {
		out->as.line = conf->line;
		out->as.setting = origin_format(search, "default_ulimits");
		out->as.evidence = origin_format(search,
						 "default_ulimits in line %u of %s is "
						 "for containers that set none",
						 conf->line, conf->file);
	}
	free(conf->file);
}

void origin_container_conf(struct origin_search *search,
			   const struct origin_scope *scope,
			   const struct origin_user *user,
			   struct origin_candidates *list)
{
	const char *runtime = scope->place->runtime;
	struct conf podman = {0}, crio = {0};
	char path[320];

	if (runtime && strcmp(runtime, "podman") == 0) {
		read_all(search, scope->root, "/usr/share/containers/containers.conf",
			 &podman);
		read_all(search, scope->root, "/etc/containers/containers.conf",
			 &podman);
		if (user) {
			snprintf(path, sizeof(path),
				 "%s/.config/containers/containers.conf", user->home);
			read_all(search, scope->root, path, &podman);
		}
		add(search, scope, &podman, list);
	} else {
		read_all(search, scope->root, "/etc/crio/crio.conf", &crio);
		add(search, scope, &crio, list);
	}
}
