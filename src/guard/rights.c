// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Up to some 600 groups; the capabilities stand behind them. */
#define STATUS_MAX 8192

struct guard_rights guard_rights_all(void)
{
	return (struct guard_rights){.all = true, .uid = 0, .gid = 0};
}

struct guard_rights guard_rights_of_user(uid_t uid, gid_t gid)
{
	return (struct guard_rights){
		.uid = uid, .gid = gid, .groups_unknown = gid == (gid_t)-1};
}

/* ---- of a process ---- */

static bool rights_read(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = 0;
	ssize_t got = 0;

	while (fd >= 0 && len < size - 1) {
		got = read(fd, text + len, size - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	text[len] = 0;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && len > 0;
}

/* Behind "\nKEY:"; NULL: there is no such line. */
static const char *rights_line(const char *text, const char *key)
{
	char wanted[24];
	const char *at;

	snprintf(wanted, sizeof(wanted), "\n%s:", key);
	at = strstr(text, wanted);
	return at ? at + strlen(wanted) : NULL;
}

/* The fourth number, which is the one of the file system. */
static bool rights_take_id(const char *text, const char *key, uint32_t *id)
{
	const char *at = rights_line(text, key);
	unsigned int ids[4];

	if (!at || sscanf(at, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
		return false;
	*id = ids[3];
	return true;
}

static void rights_take_groups(const char *text, struct guard_rights *out)
{
	const char *at = rights_line(text, "Groups");
	char *end;

	out->groups_unknown = !at;
	while (at) {
		unsigned long group;

		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			return;
		if (out->groups_len == GUARD_GROUPS_MAX) {
			out->groups_unknown = true;
			return;
		}
		group = strtoul(at, &end, 10);
		out->groups[out->groups_len++] = (gid_t)group;
		at = end;
	}
}

/* Lines "INSIDE OUTSIDE LENGTH"; outside is as we number them, who read it. */
static size_t rights_take_ranges(int dir, const char *name, struct guard_range *out)
{
	char text[4096], *rest = text, *line;
	size_t len = 0;

	if (!rights_read(dir, name, text, sizeof(text)))
		return 0;
	while (len < GUARD_RANGES_MAX && (line = strsep(&rest, "\n"))) {
		unsigned int inside, outside, count;

		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3)
			out[len++] = (struct guard_range){outside, count};
	}
	return len;
}

void guard_rights_of_process(int process_dir, struct guard_rights *out)
{
	static const unsigned long long overriding =
		1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH;
	char text[STATUS_MAX];
	const char *at;

	*out = guard_rights_of_user((uid_t)-1, (gid_t)-1);
	if (!rights_read(process_dir, "status", text, sizeof(text)) ||
	    !rights_take_id(text, "Uid", &out->uid) ||
	    !rights_take_id(text, "Gid", &out->gid)) {
		out->uid = (uid_t)-1;
		out->gid = (gid_t)-1;
		return;
	}
	rights_take_groups(text, out);
	at = rights_line(text, "CapEff");
	out->overrides = at && strtoull(at, NULL, 16) & overriding;
	if (out->overrides) {
		out->uids_len = rights_take_ranges(process_dir, "uid_map", out->uids);
		out->gids_len = rights_take_ranges(process_dir, "gid_map", out->gids);
	}
}

/* ---- what they allow ---- */

static bool rights_in_ranges(const struct guard_range *ranges, size_t len, uint32_t id)
{
	for (size_t i = 0; i < len; i++)
		if (id - ranges[i].first < ranges[i].len)
			return true;
	return false;
}

static bool rights_in_group(const struct guard_rights *rights, gid_t gid)
{
	if (rights->gid == gid)
		return true;
	for (size_t i = 0; i < rights->groups_len; i++)
		if (rights->groups[i] == gid)
			return true;
	return false;
}

static bool rights_has_list(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* `bit` is that of others: S_IROTH, S_IXOTH. */
static bool rights_allow(const struct guard_rights *rights,
			 const struct guard_file *file, int fd, mode_t bit)
{
	if (rights->all)
		return true;
	if (rights->overrides &&
	    rights_in_ranges(rights->uids, rights->uids_len, file->uid) &&
	    rights_in_ranges(rights->gids, rights->gids_len, file->gid))
		return true;
	if (rights->uid != (uid_t)-1 && rights->uid == file->uid)
		return file->mode & (bit << 6);
	if (rights->gid != (gid_t)-1 && rights_in_group(rights, file->gid))
		bit <<= 3;
	else if (rights->groups_unknown)
		bit |= bit << 3;
	return (file->mode & bit) == bit && !rights_has_list(fd);
}

bool guard_may_read(const struct guard_rights *rights, const struct guard_file *file,
		    int fd)
{
	return rights_allow(rights, file, fd, S_IROTH);
}

bool guard_may_search(const struct guard_rights *rights, const struct guard_file *dir,
		      int fd)
{
	return rights_allow(rights, dir, fd, S_IXOTH);
}
