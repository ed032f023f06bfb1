/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd gives to units that say nothing: systemd-system.conf(5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

/* Since 240 (December 2018) it raises the hard limit for its units, and leaves the soft
 * one as the kernel gave it, for programs that use select(). */
#define BUILT_IN_SOFT 1024
#define BUILT_IN_HARD 524288
#define KERNEL_HARD   4096

struct manager {
	struct origin_search *search;
	const char *path;
	uint64_t changed_ns;
	struct origin_unit_setting set;
};

static void take(void *context, const char *section, const char *key, const char *value,
		 uint32_t line)
{
	struct manager *manager = context;
	struct origin_unit_setting *out = &manager->set;
	uint64_t soft, hard;

	if (strcmp(section, "Manager") != 0 || strcmp(key, "DefaultLimitNOFILE") != 0 ||
	    !origin_parse_rlimit(value, &soft, &hard))
		return;
	free(out->file);
	free(out->text);
	out->is_set = true;
	out->soft = soft;
	out->hard = hard;
	out->line = line;
	out->changed_ns = manager->changed_ns;
	out->file = origin_format(manager->search, "%s", manager->path);
	out->text = origin_format(manager->search, "DefaultLimitNOFILE=%s", value);
}

static bool read_one(struct manager *manager, const struct origin_root *root,
		     const char *path)
{
	struct origin_file file;

	if (origin_read(manager->search, root, path, &file) < 0)
		return false;
	manager->path = path;
	manager->changed_ns = file.changed_ns;
	origin_ini(file.text, take, manager);
	origin_file_clear(&file);
	return true;
}

/* The first of system.conf (user.conf) that there is, and the drop-ins of all. */
static void read_all(struct manager *manager, const struct origin_root *root,
		     const struct origin_user *user)
{
	static const char *const places[] = {"/etc/systemd", "/run/systemd",
					     "/usr/local/lib/systemd",
					     "/usr/lib/systemd", "/lib/systemd"};
	const char *name = user ? "user" : "system";
	struct origin_dirs files = {0}, dropins = {0};
	struct origin_names paths = {0};
	bool found = false;

	if (user) {
		origin_dirs_add(manager->search, &files, "%s/.config/systemd/%s.conf",
				user->home, name);
		origin_dirs_add(manager->search, &dropins,
				"%s/.config/systemd/%s.conf.d", user->home, name);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		origin_dirs_add(manager->search, &files, "%s/%s.conf", places[i], name);
		origin_dirs_add(manager->search, &dropins, "%s/%s.conf.d", places[i],
				name);
	}
	for (size_t i = 0; i < files.len && !found; i++)
		found = read_one(manager, root, files.at[i]);
	origin_dropins(manager->search, root, &dropins, &paths);
	for (size_t i = 0; i < paths.len; i++)
		(void)read_one(manager, root, paths.at[i]);
	origin_names_clear(&paths);
	origin_dirs_clear(&files);
	origin_dirs_clear(&dropins);
}

static void add(struct origin_search *search, const struct origin_scope *scope,
		uint64_t soft, uint64_t hard, struct origin_candidates *list,
		const char *evidence)
{
	struct origin_candidate *out = origin_candidate_add(list);
	char text[48];

	if (!out)
		return;
	out->as.kind = ORIGIN_MANAGER_DEFAULT;
	out->as.soft = soft;
	out->as.hard = hard;
	out->as.unit = origin_format(search, "%s", scope->place->unit);
	out->as.evidence = origin_format(
		search,
		"no file of %s sets LimitNOFILE=, nor is there a "
		"DefaultLimitNOFILE=: %s %s",
		scope->place->unit, evidence, origin_limits_text(soft, hard, text));
}

static void add_setting(struct origin_search *search, const struct origin_scope *scope,
			struct origin_unit_setting *set, struct origin_candidates *list)
{
	struct origin_candidate *out = origin_candidate_add(list);

	if (!out)
		return;
	out->as.kind = ORIGIN_MANAGER_DEFAULT;
	out->as.soft = set->soft;
	out->as.hard = set->hard;
	out->as.line = set->line;
	out->changed_ns = set->changed_ns;
	out->as.unit = origin_format(search, "%s", scope->place->unit);
	out->as.evidence =
		origin_format(search,
			      "no file of %s sets LimitNOFILE=: line %u of "
			      "%s does for all units, \"%s\"",
			      scope->place->unit, set->line, set->file, set->text);
	out->as.file = set->file;
	out->as.setting = set->text;
	set->file = set->text = NULL;
}

void origin_manager(struct origin_search *search, const struct origin_scope *scope,
		    const struct origin_user *user, struct origin_candidates *list)
{
	struct manager manager = {.search = search};
	uint64_t hard = search->nr_open && search->nr_open < BUILT_IN_HARD
				? search->nr_open
				: BUILT_IN_HARD;

	read_all(&manager, scope->root, user);
	if (manager.set.is_set) {
		add_setting(search, scope, &manager.set, list);
	} else if (!user) {
		add(search, scope, BUILT_IN_SOFT, hard, list,
		    "systemd's own default is");
		/* in a container it passes on more, if it began with more */
		if (scope->root->foreign && scope->ceiling > hard)
			add(search, scope, BUILT_IN_SOFT, scope->ceiling, list,
			    "systemd passes on the hard limit of its container,");
		add(search, scope, BUILT_IN_SOFT, KERNEL_HARD, list,
		    "before version 240 systemd passes on what the kernel gave it,");
	}
	origin_unit_setting_clear(&manager.set);
}
