// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/identity_match.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* As docker, podman and crictl print them. */
#define SHORT_ID 12

/* The kernel appends it to the path of a program that was replaced or removed. */
static const char deleted[] = " (deleted)";

bool identity_is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* The program's file name, without what the kernel appends. "": not known. */
static void file_name(const struct identity *who, char *out, size_t size)
{
	const char *path = who->executable ? who->executable : "";
	const char *slash = strrchr(path, '/');
	size_t len;

	snprintf(out, size, "%s", slash ? slash + 1 : path);
	len = strlen(out);
	if (len > sizeof(deleted) - 1 &&
	    !strcmp(out + len - (sizeof(deleted) - 1), deleted))
		out[len - (sizeof(deleted) - 1)] = 0;
}

static bool matches_pattern(const struct identity *who, const char *file,
			    const char *pattern)
{
	const char *const fields[] = {who->comm, file, who->service, who->container_id,
				      who->pod_uid};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i] && *fields[i] && !fnmatch(pattern, fields[i], 0))
			return true;
	return false;
}

/* "nginx" is "nginx.service". */
static bool is_service(const char *service, const char *name)
{
	size_t len = strlen(name);

	return service && !strncmp(service, name, len) &&
	       (!service[len] || !strcmp(service + len, ".service"));
}

static bool is_id(const char *id, const char *name)
{
	size_t len = strlen(name);

	return id &&
	       (!strcmp(id, name) || (len >= SHORT_ID && !strncmp(id, name, len)));
}

/* The kernel keeps 15 bytes of a name: a longer one is told by the file, if that is known. */
static bool is_name(const struct identity *who, const char *file, const char *name)
{
	if (!strcmp(who->comm, name) || !strcmp(file, name))
		return true;
	return !*file && strlen(who->comm) == sizeof(who->comm) - 1 &&
	       !strncmp(who->comm, name, sizeof(who->comm) - 1);
}

bool identity_is_service(const char *service, const char *name)
{
	if (!service || !*service || !name || !*name)
		return false;
	if (identity_is_pattern(name))
		return !fnmatch(name, service, 0);
	return is_service(service, name);
}

bool identity_matches(const struct identity *who, const char *name)
{
	char file[256];

	if (!*name)
		return false;
	file_name(who, file, sizeof(file));
	if (identity_is_pattern(name))
		return matches_pattern(who, file, name);
	return is_name(who, file, name) || is_service(who->service, name) ||
	       is_id(who->container_id, name) || is_id(who->pod_uid, name);
}
