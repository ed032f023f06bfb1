/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a unit in the order in which systemd reads them: systemd.unit(5). It is
 * not asked itself: that takes a connection to it, and tells values without their place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

/* ---- directories, those first that count more ---- */

void origin_dirs_add(struct origin_search *search, struct origin_dirs *dirs,
		     const char *format, ...)
{
	va_list args;
	char *text;

	if (dirs->len == ORIGIN_DIRS_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		search->no_memory = true;
	else
		dirs->at[dirs->len++] = text;
	va_end(args);
}

void origin_dirs_clear(struct origin_dirs *dirs)
{
	for (size_t i = 0; i < dirs->len; i++)
		free(dirs->at[i]);
	dirs->len = 0;
}

static void add_all(struct origin_search *search, struct origin_dirs *out,
		    const char *prefix, const char *const names[], size_t len)
{
	for (size_t i = 0; i < len; i++)
		origin_dirs_add(search, out, "%s%s", prefix, names[i]);
}

#define ADD(search, out, prefix, names)                                                \
	add_all(search, out, prefix, names, sizeof(names) / sizeof((names)[0]))

static void user_dirs(struct origin_search *search, const struct origin_user *user,
		      struct origin_dirs *out)
{
	static const char *const config[] = {"/etc/xdg/systemd/user",
					     "/etc/systemd/user"};
	static const char *const vendor[] = {
		"/usr/local/share/systemd/user", "/usr/share/systemd/user",
		"/usr/local/lib/systemd/user", "/usr/lib/systemd/user"};
	char runtime[64];

	snprintf(runtime, sizeof(runtime), "/run/user/%u/systemd", user->uid);
	origin_dirs_add(search, out, "%s/.config/systemd/user.control", user->home);
	origin_dirs_add(search, out, "%s/user.control", runtime);
	origin_dirs_add(search, out, "%s/transient", runtime);
	origin_dirs_add(search, out, "%s/generator.early", runtime);
	origin_dirs_add(search, out, "%s/.config/systemd/user", user->home);
	ADD(search, out, "", config);
	origin_dirs_add(search, out, "%s/user", runtime);
	origin_dirs_add(search, out, "/run/systemd/user");
	origin_dirs_add(search, out, "%s/generator", runtime);
	origin_dirs_add(search, out, "%s/.local/share/systemd/user", user->home);
	ADD(search, out, "", vendor);
	origin_dirs_add(search, out, "%s/generator.late", runtime);
}

void origin_unit_dirs(struct origin_search *search, const struct origin_user *user,
		      struct origin_dirs *out)
{
	static const char *const system[] = {
		"/etc/systemd/system.control", "/run/systemd/system.control",
		"/run/systemd/transient",      "/run/systemd/generator.early",
		"/etc/systemd/system",         "/etc/systemd/system.attached",
		"/run/systemd/system",         "/run/systemd/system.attached",
		"/run/systemd/generator",      "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system",     "/lib/systemd/system",
		"/run/systemd/generator.late",
	};

	memset(out, 0, sizeof(*out));
	if (user)
		user_dirs(search, user, out);
	else
		ADD(search, out, "", system);
}

/* ---- names ---- */

/* "foo@bar.service" → "foo@.service". False: it is no instance. */
static bool template_of(const char *unit, char out[ORIGIN_UNIT_NAME_MAX])
{
	const char *at = strchr(unit, '@'), *type = strrchr(unit, '.');

	if (!at || !type || type <= at + 1)
		return false;
	return snprintf(out, ORIGIN_UNIT_NAME_MAX, "%.*s%s", (int)(at + 1 - unit), unit,
			type) < ORIGIN_UNIT_NAME_MAX;
}

/* "foo-bar@x.service" → "foo-@x.service"; "foo-.service" → nothing more. */
static bool chop_prefix(const char *unit, char out[ORIGIN_UNIT_NAME_MAX])
{
	const char *type = strrchr(unit, '.'), *at = strchr(unit, '@');
	size_t len, end;

	if (!type)
		return false;
	len = (size_t)((at && at < type ? at : type) - unit);
	end = len;
	/* a dash at the end is what the last cut left */
	if (end > 0 && unit[end - 1] == '-')
		end--;
	while (end > 0 && unit[end - 1] != '-')
		end--;
	if (end <= 1)
		return false;
	return snprintf(out, ORIGIN_UNIT_NAME_MAX, "%.*s%s", (int)end, unit,
			unit + len) < ORIGIN_UNIT_NAME_MAX;
}

/* More names than any unit has; each has its directories of drop-ins. */
#define ALIASES_MAX 64

struct alias_search {
	struct origin_search *search;
	const char *unit, *instance; /* "@x.service"; NULL: it is none */
	char template[ORIGIN_UNIT_NAME_MAX];
	struct origin_names *found;
};

static void on_alias(void *context, const char *name, const char *target)
{
	struct alias_search *a = context;
	const char *at = strstr(name, "@.");
	char alias[ORIGIN_UNIT_NAME_MAX];

	if (a->found->len >= ALIASES_MAX)
		return;
	snprintf(alias, sizeof(alias), "%s", name);
	if (a->instance && at && strcmp(target, a->template) == 0)
		snprintf(alias, sizeof(alias), "%.*s%s", (int)(at - name), name,
			 a->instance);
	else if (strcmp(target, a->unit) != 0)
		return;
	origin_names_add(a->search, a->found, alias);
}

/* Links by other names in the directories: "dbus-org.x.service" → unit. */
static void add_aliases(struct origin_search *search, const struct origin_root *root,
			const struct origin_dirs *dirs, const char *unit,
			struct origin_names *names)
{
	struct origin_names found;
	struct alias_search alias = {.search = search, .unit = unit, .found = &found};
	const char *type = strrchr(unit, '.');

	if (template_of(unit, alias.template))
		alias.instance = strchr(unit, '@');
	for (size_t d = 0; type && d < dirs->len; d++) {
		memset(&found, 0, sizeof(found));
		origin_links(search, root, dirs->at[d], type, on_alias, &alias);
		origin_names_sort(&found);
		for (size_t i = 0; i < found.len && names->len < ALIASES_MAX; i++)
			if (!origin_names_have(names, found.at[i]))
				origin_names_add(search, names, found.at[i]);
		origin_names_clear(&found);
	}
}

/* ---- drop-ins ---- */

/* Of all names of a unit, in all directories: what is more is not systemd's. */
#define DROPIN_DIRS_MAX 4096

/* The directory of a name, of its template, and of its prefixes. As deep as there are
 * dashes; systemd goes the same way. */
static void add_dirs_of(struct origin_search *search, const char *dir, const char *name,
			struct origin_names *out)
{
	char next[ORIGIN_UNIT_NAME_MAX], *path;

	if (out->len >= DROPIN_DIRS_MAX)
		return;
	path = origin_format(search, "%s/%s.d", dir, name);
	if (path && !origin_names_have(out, path))
		origin_names_add(search, out, path);
	free(path);
	if (template_of(name, next))
		add_dirs_of(search, dir, next, out);
	if (chop_prefix(name, next))
		add_dirs_of(search, dir, next, out);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int compare_bases(const void *a, const void *b)
{
	return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

static bool have_base(const struct origin_names *paths, const char *name)
{
	for (size_t i = 0; i < paths->len; i++)
		if (strcmp(base_name(paths->at[i]), name) == 0)
			return true;
	return false;
}

static void add_files(struct origin_search *search, const struct origin_root *root,
		      const char *dir, struct origin_names *paths)
{
	struct origin_names found;
	char *path;

	origin_list(search, root, dir, ".conf", &found);
	for (size_t i = 0; i < found.len; i++) {
		if (have_base(paths, found.at[i]))
			continue;
		path = origin_format(search, "%s/%s", dir, found.at[i]);
		if (path)
			origin_names_add(search, paths, path);
		free(path);
	}
	origin_names_clear(&found);
}

static void sort_by_base(struct origin_names *paths)
{
	if (paths->len)
		qsort(paths->at, paths->len, sizeof(*paths->at), compare_bases);
}

void origin_dropins(struct origin_search *search, const struct origin_root *root,
		    const struct origin_dirs *dirs, struct origin_names *paths)
{
	for (size_t i = 0; i < dirs->len; i++)
		add_files(search, root, dirs->at[i], paths);
	sort_by_base(paths);
}

static void unit_dropins(struct origin_search *search, const struct origin_root *root,
			 const struct origin_dirs *dirs,
			 const struct origin_names *names, struct origin_names *paths)
{
	const char *type = strrchr(names->at[0], '.');
	struct origin_names all = {0};

	for (size_t n = 0; n < names->len; n++)
		for (size_t d = 0; d < dirs->len; d++)
			add_dirs_of(search, dirs->at[d], names->at[n], &all);
	/* those for all units of the type, "service.d", count least */
	for (size_t d = 0; type && d < dirs->len; d++) {
		char *path = origin_format(search, "%s/%s.d", dirs->at[d], type + 1);

		if (path)
			origin_names_add(search, &all, path);
		free(path);
	}
	for (size_t i = 0; i < all.len; i++)
		add_files(search, root, all.at[i], paths);
	sort_by_base(paths);
	origin_names_clear(&all);
}

/* ---- reading ---- */

struct reading {
	struct origin_search *search;
	struct origin_unit_setting *out;
	const char *path;
	uint64_t changed_ns;
};

static void copy_word(const char *value, char *out, size_t size)
{
	if ((size_t)snprintf(out, size, "%s", value) >= size)
		out[0] = '\0';
}

/* The first one counts of several, and an empty one takes back what there was. */
static void take_exec(struct reading *reading, const char *value, uint32_t line)
{
	struct origin_unit_setting *out = reading->out;

	if (out->exec && value[0])
		return;
	free(out->exec);
	free(out->exec_file);
	out->exec = out->exec_file = NULL;
	if (!value[0])
		return;
	out->exec = origin_format(reading->search, "%s", value);
	out->exec_file = origin_format(reading->search, "%s", reading->path);
	out->exec_line = line;
}

static void take(void *context, const char *section, const char *key, const char *value,
		 uint32_t line)
{
	struct reading *reading = context;
	struct origin_unit_setting *out = reading->out;
	uint64_t soft, hard;

	if (strcmp(section, "Service") != 0)
		return;
	if (strcmp(key, "PAMName") == 0)
		copy_word(value, out->pam_name, sizeof(out->pam_name));
	if (strcmp(key, "User") == 0)
		copy_word(value, out->user, sizeof(out->user));
	if (strcmp(key, "ExecStart") == 0)
		take_exec(reading, value, line);
	/* what is not valid, also nothing at all, is passed over */
	if (strcmp(key, "LimitNOFILE") != 0 ||
	    !origin_parse_rlimit(value, &soft, &hard))
		return;
	free(out->file);
	free(out->text);
	out->is_set = true;
	out->soft = soft;
	out->hard = hard;
	out->line = line;
	out->changed_ns = reading->changed_ns;
	out->file = origin_format(reading->search, "%s", reading->path);
	out->text = origin_format(reading->search, "LimitNOFILE=%s", value);
}

static bool read_one(struct origin_search *search, const struct origin_root *root,
		     const char *path, struct origin_unit_setting *out)
{
	struct reading reading = {search, out, path, 0};
	struct origin_file file;
	int err = origin_read(search, root, path, &file);

	if (err)
		return err != -ENOENT;
	reading.changed_ns = file.changed_ns;
	if (file.changed_ns > out->newest_ns)
		out->newest_ns = file.changed_ns;
	origin_ini(file.text, take, &reading);
	origin_file_clear(&file);
	return true;
}

/* The first file of the unit's name, else of its template's. */
static bool read_fragment(struct origin_search *search, const struct origin_root *root,
			  const struct origin_dirs *dirs, const char *unit,
			  struct origin_unit_setting *out)
{
	char template[ORIGIN_UNIT_NAME_MAX];
	bool found = false;

	for (size_t i = 0; i < dirs->len && !found; i++) {
		char *path = origin_format(search, "%s/%s", dirs->at[i], unit);

		found = path && read_one(search, root, path, out);
		free(path);
	}
	if (!found && template_of(unit, template))
		found = read_fragment(search, root, dirs, template, out);
	return found;
}

void origin_unit_read(struct origin_search *search, const struct origin_root *root,
		      const struct origin_user *user, const char *unit,
		      struct origin_unit_setting *out)
{
	struct origin_names names = {0}, paths = {0};
	struct origin_dirs dirs;

	memset(out, 0, sizeof(*out));
	origin_unit_dirs(search, user, &dirs);
	out->found = read_fragment(search, root, &dirs, unit, out);
	origin_names_add(search, &names, unit);
	if (names.len) {
		add_aliases(search, root, &dirs, unit, &names);
		unit_dropins(search, root, &dirs, &names, &paths);
	}
	for (size_t i = 0; i < paths.len; i++)
		(void)read_one(search, root, paths.at[i], out);
	origin_names_clear(&names);
	origin_names_clear(&paths);
	origin_dirs_clear(&dirs);
}

void origin_unit_setting_clear(struct origin_unit_setting *setting)
{
	free(setting->file);
	free(setting->text);
	free(setting->exec);
	free(setting->exec_file);
	memset(setting, 0, sizeof(*setting));
}
