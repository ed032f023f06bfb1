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
 * seen, for it may be what keeps us out. */
static void find_group(const char *path, char *name, size_t size)
{
	char at[4096], buffer[16384];
	struct stat st;
	struct group entry, *group = NULL;

	snprintf(name, size, "%s", CLIENT_SOCKET_GROUP);
	snprintf(at, sizeof(at), "%s", path);
	while (stat(at, &st)) {
		char *slash = strrchr(at, '/');

		if (!slash || slash == at)
			return;
		*slash = 0;
	}
	if (!st.st_gid) /* of root: not one to be added to */
		return;
	if (!getgrgid_r(st.st_gid, &entry, buffer, sizeof(buffer), &group) && group)
		snprintf(name, size, "%s", group->gr_name);
	else
		snprintf(name, size, "%u", (unsigned)st.st_gid);
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
			 "('systemctl start fdwarden'), or name its socket with "
			 "--socket",
			 path);
		break;
	case EACCES:
	case EPERM:
		find_group(path, group, sizeof(group));
		if (!user_names_find(geteuid(), user, sizeof(user)))
			snprintf(user, sizeof(user), "USER");
		snprintf(why, why_size,
			 "%s: permission denied; add yourself to group %s "
			 "('usermod -aG %s %s' as root), then log in anew",
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
