// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/denial.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "state/user_names.h"

/* The group that may ask: of the socket, or of the first directory above it that can be
 * seen, for it may be what keeps us out. false: it is root's, and there is no group of the
 * usual name. */
static bool find_group(const char *path, char *name, size_t size)
{
	char at[4096], buffer[16384];
	struct stat st;
	struct group entry, *group = NULL;
	bool found;

	snprintf(name, size, "%s", CLIENT_SOCKET_GROUP);
	snprintf(at, sizeof(at), "%s", path);
	while (!(found = !stat(at, &st))) {
		char *slash = strrchr(at, '/');

		if (!slash || slash == at)
			break;
		*slash = 0;
	}
	if (!found || !st.st_gid) /* root's is not one to be added to */
		return !getgrnam_r(name, &entry, buffer, sizeof(buffer), &group) &&
		       group;
	if (!getgrgid_r(st.st_gid, &entry, buffer, sizeof(buffer), &group) && group)
		snprintf(name, size, "%s", group->gr_name);
	else
		snprintf(name, size, "%u", (unsigned)st.st_gid);
	return true;
}

/* A socket that is its user's alone: no group helps. `owner` is empty for root. */
static bool is_private(const char *path, char *owner, size_t size)
{
	struct stat st;

	if (stat(path, &st) || !S_ISSOCK(st.st_mode) || st.st_mode & S_IWGRP)
		return false;
	*owner = 0;
	if (st.st_uid && !user_names_find(st.st_uid, owner, size))
		snprintf(owner, size, "%u", (unsigned)st.st_uid);
	return true;
}

void denial_explain(const char *path, int err, char *why, size_t why_size)
{
	char group[64], user[64];

	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		snprintf(why, why_size,
			 "no daemon is running: nothing listens at %s; start it "
			 "('sudo systemctl start fdwarden', or without systemd 'sudo "
			 "fdwarden daemon'), or name its socket with --socket",
			 path);
		break;
	case EACCES:
	case EPERM:
		if (is_private(path, user, sizeof(user))) {
			snprintf(why, why_size,
				 "%s: permission denied: only root%s%s may ask: run it "
				 "with sudo, or give [socket] group in the daemon's "
				 "configuration a group "
				 "that exists, then restart it",
				 path, *user ? " and " : "", user);
			break;
		}
		if (!find_group(path, group, sizeof(group))) {
			snprintf(why, why_size,
				 "%s: permission denied: run it with sudo", path);
			break;
		}
		if (!user_names_find(geteuid(), user, sizeof(user)))
			snprintf(user, sizeof(user), "USER");
		snprintf(why, why_size,
			 "%s: permission denied: run it with sudo, or add yourself to "
			 "group %s ('sudo usermod -aG %s %s') and log in anew",
			 path, group, group, user);
		break;
	case EAGAIN:
		snprintf(why, why_size,
			 "the daemon at %s does not take connections fast enough; try "
			 "again",
			 path);
		break;
	default:
		snprintf(why, why_size, "%s: %s", path, strerror(-err));
	}
}
