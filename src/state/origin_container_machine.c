/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that are machines: of LXC (also LXD, Incus, Proxmox), of systemd-nspawn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"
#include "state/origin_impl.h"

/* What systemd-nspawn passes on where nothing is set: what the kernel gives the first
 * process. */
#define NSPAWN_SOFT 1024
#define NSPAWN_HARD 4096

/* ---- LXC: "lxc.prlimit.nofile = SOFT[:HARD]", the last one counts ---- */

struct found {
	bool is_set;
	uint64_t soft, hard;
	uint32_t line;
};

static bool lxc_line(char *line, struct found *out)
{
	static const char key[] = "lxc.prlimit.nofile";
	char *value, *colon;

	line += strspn(line, " \t");
	if (strncmp(line, key, sizeof(key) - 1) != 0)
		return false;
	value = line + sizeof(key) - 1;
	value += strspn(value, " \t");
	if (*value != '=' && *value != ':') /* ':' in Proxmox's own */
		return false;
	value += 1 + strspn(value + 1, " \t");
	value[strcspn(value, " \t\r")] = '\0';
	colon = strchr(value, ':');
	if (strncmp(value, "unlimited", 9) == 0)
		out->soft = UINT64_MAX;
	else
		out->soft = strtoull(value, NULL, 10);
	out->hard = out->soft;
	if (colon)
		out->hard = strcmp(colon + 1, "unlimited") == 0
				    ? UINT64_MAX
				    : strtoull(colon + 1, NULL, 10);
	return true;
}

static void lxc_file(struct origin_search *search, const struct origin_scope *scope,
		     const char *path, struct origin_candidates *list)
{
	struct origin_candidate *out;
	struct origin_file file;
	struct found found = {0};
	uint32_t number = 0;
	char *rest, *line;

	if (origin_read(search, scope->root, path, &file) < 0)
		return;
	rest = file.text;
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (!lxc_line(line, &found))
			continue;
		found.is_set = true;
		found.line = number;
	}
	if (found.is_set &&
	    (out = origin_container_add(search, scope, list, path, file.changed_ns,
					found.soft, found.hard))) {
		out->as.line = found.line;
		out->as.setting = origin_format(search, "lxc.prlimit.nofile");
		out->as.evidence =
			origin_format(search, "lxc.prlimit.nofile in line %u of %s",
				      found.line, path);
	}
	origin_file_clear(&file);
}

static void lxc(struct origin_search *search, const struct origin_scope *scope,
		struct origin_candidates *list)
{
	/* LXD and Incus write one for each start, from `limits.kernel.nofile` */
	static const char *const forms[] = {
		"/var/lib/lxc/%s/config",
		"/etc/pve/lxc/%s.conf",
		"/var/snap/lxd/common/lxd/logs/%s/lxc.conf",
		"/var/log/lxd/%s/lxc.conf",
		"/run/incus/%s/lxc.conf",
		"/var/log/incus/%s/lxc.conf",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *hole = strstr(forms[i], "%s");
		char path[512];

		snprintf(path, sizeof(path), "%.*s%s%s", (int)(hole - forms[i]),
			 forms[i], scope->place->container_id, hole + 2);
		lxc_file(search, scope, path, list);
	}
}

/* ---- systemd-nspawn: LimitNOFILE= in [Exec] of NAME.nspawn ---- */

static void nspawn_setting(void *context, const char *section, const char *key,
			   const char *value, uint32_t line)
{
	struct found *found = context;

	if (strcmp(section, "Exec") != 0 || strcmp(key, "LimitNOFILE") != 0 ||
	    !origin_parse_rlimit(value, &found->soft, &found->hard))
		return;
	found->is_set = true;
	found->line = line;
}

static void nspawn(struct origin_search *search, const struct origin_scope *scope,
		   struct origin_candidates *list)
{
	static const char *const dirs[] = {"/etc/systemd/nspawn", "/run/systemd/nspawn",
					   "/var/lib/machines"};
	struct origin_candidate *out;
	bool read = false;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !read; i++) {
		struct found found = {0};
		struct origin_file file;
		char path[512];

		snprintf(path, sizeof(path), "%s/%s.nspawn", dirs[i],
			 scope->place->container_id);
		if (origin_read(search, scope->root, path, &file) < 0)
			continue;
		read = true; /* the first one there is */
		origin_ini(file.text, nspawn_setting, &found);
		if (found.is_set && (out = origin_container_add(
					     search, scope, list, path, file.changed_ns,
					     found.soft, found.hard))) {
			out->as.line = found.line;
			out->as.setting = origin_format(search, "LimitNOFILE=");
			out->as.evidence =
				origin_format(search, "LimitNOFILE= in line %u of %s",
					      found.line, path);
		}
		origin_file_clear(&file);
	}
	out = origin_container_add(search, scope, list, NULL, 0, NSPAWN_SOFT,
				   NSPAWN_HARD);
	if (out)
		out->as.evidence =
			origin_format(search, "systemd-nspawn's own default is %d:%d",
				      NSPAWN_SOFT, NSPAWN_HARD);
}

void origin_container_machine(struct origin_search *search,
			      const struct origin_scope *scope,
			      struct origin_candidates *list)
{
	const char *runtime = scope->place->runtime;

	if (runtime && strcmp(runtime, "lxc") == 0)
		lxc(search, scope, list);
	else if (runtime && strcmp(runtime, CGROUP_PATH_NSPAWN) == 0)
		nspawn(search, scope, list);
}
