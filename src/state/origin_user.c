/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users and groups, below any root; on the host also those that are in no file. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/group_names.h"
#include "state/origin_impl.h"

#define FIELDS     7
/* Groups of one user that are asked for. */
#define GROUPS_MAX 256

/* Cuts a line at its colons. Returns how many fields there are, FIELDS at most. */
static int split(char *line, char *fields[FIELDS])
{
	int len = 0;

	while (line && len < FIELDS)
		fields[len++] = strsep(&line, ":");
	return len;
}

static bool is_number(const char *text, unsigned long *value)
{
	char *end;

	*value = strtoul(text, &end, 10);
	return *text && !*end;
}

/* NAME:x:UID:GID:GECOS:HOME:SHELL */
static bool take_user(char *line, struct origin_user *out)
{
	char *fields[FIELDS];
	unsigned long uid, gid;

	if (split(line, fields) < 6 || !is_number(fields[2], &uid) ||
	    !is_number(fields[3], &gid))
		return false;
	out->uid = (uid_t)uid;
	out->gid = (gid_t)gid;
	return (size_t)snprintf(out->name, sizeof(out->name), "%s", fields[0]) <
		       sizeof(out->name) &&
	       (size_t)snprintf(out->home, sizeof(out->home), "%s", fields[5]) <
		       sizeof(out->home);
}

/* NULL: only the uid counts. */
static bool find_user(struct origin_search *search, const struct origin_root *root,
		      const char *name, uid_t uid, struct origin_user *out)
{
	struct origin_file file;
	char *rest, *line;
	bool found = false;

	if (origin_read(search, root, "/etc/passwd", &file) < 0)
		return false;
	rest = file.text;
	while (!found && (line = strsep(&rest, "\n")))
		found = take_user(line, out) &&
			(name ? strcmp(out->name, name) == 0 : out->uid == uid);
	origin_file_clear(&file);
	return found;
}

/* A directory service knows more users than the file, but only the host's. */
static bool may_ask(const struct origin_search *search, const struct origin_root *root)
{
	return !search->is_test && !root->foreign;
}

static bool copy_passwd(const struct passwd *entry, struct origin_user *out)
{
	if (!entry || !entry->pw_dir)
		return false;
	out->uid = entry->pw_uid;
	out->gid = entry->pw_gid;
	return (size_t)snprintf(out->name, sizeof(out->name), "%s", entry->pw_name) <
		       sizeof(out->name) &&
	       (size_t)snprintf(out->home, sizeof(out->home), "%s", entry->pw_dir) <
		       sizeof(out->home);
}

bool origin_user_by_uid(struct origin_search *search, const struct origin_root *root,
			uid_t uid, struct origin_user *out)
{
	struct passwd entry, *found = NULL;
	char strings[4096];

	if (find_user(search, root, NULL, uid, out))
		return true;
	if (!may_ask(search, root) ||
	    getpwuid_r(uid, &entry, strings, sizeof(strings), &found) != 0)
		return false;
	return copy_passwd(found, out);
}

bool origin_user_by_name(struct origin_search *search, const struct origin_root *root,
			 const char *name, struct origin_user *out)
{
	struct passwd entry, *found = NULL;
	char strings[4096];
	unsigned long uid;

	if (is_number(name, &uid))
		return origin_user_by_uid(search, root, (uid_t)uid, out);
	if (find_user(search, root, name, 0, out))
		return true;
	if (!may_ask(search, root) ||
	    getpwnam_r(name, &entry, strings, sizeof(strings), &found) != 0)
		return false;
	return copy_passwd(found, out);
}

/* ---- groups ---- */

/* Whether a line NAME:x:GID:MEMBER,MEMBER is the group's that is asked for, and has the
 * user in it. */
static bool has_member(char *line, const struct origin_user *user, const char *group,
		       gid_t gid)
{
	char *fields[FIELDS], *members, *member;
	unsigned long number;
	int len = split(line, fields);

	if (len < 3 || !is_number(fields[2], &number))
		return false;
	if (group ? strcmp(fields[0], group) != 0 : number != gid)
		return false;
	if (number == user->gid)
		return true;
	members = len > 3 ? fields[3] : NULL;
	while ((member = strsep(&members, ",")))
		if (strcmp(member, user->name) == 0)
			return true;
	return false;
}

static bool in_file(struct origin_search *search, const struct origin_root *root,
		    const struct origin_user *user, const char *group, gid_t gid)
{
	struct origin_file file;
	char *rest, *line;
	bool found = false;

	if (origin_read(search, root, "/etc/group", &file) < 0)
		return false;
	rest = file.text;
	while (!found && (line = strsep(&rest, "\n")))
		found = has_member(line, user, group, gid);
	origin_file_clear(&file);
	return found;
}

bool origin_user_in_gid(struct origin_search *search, const struct origin_root *root,
			const struct origin_user *user, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int len = GROUPS_MAX;

	if (user->gid == gid || in_file(search, root, user, NULL, gid))
		return true;
	if (!may_ask(search, root) ||
	    getgrouplist(user->name, user->gid, groups, &len) < 0)
		return false;
	for (int i = 0; i < len; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

bool origin_user_in_group(struct origin_search *search, const struct origin_root *root,
			  const struct origin_user *user, const char *group)
{
	gid_t gid;

	if (in_file(search, root, user, group, 0))
		return true;
	if (!may_ask(search, root) || group_names_find(group, &gid))
		return false;
	return origin_user_in_gid(search, root, user, gid);
}
