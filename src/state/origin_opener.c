/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions that are begun behind systemd's back: cron, at, su and their like ask PAM, and
 * what they start has what pam_limits made of the limits that they have themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_opener.h"

/* A service of PAM's that includes one that includes one. */
#define INCLUDES_MAX 4

struct opener {
	const char *comm;
	const char *pam[2]; /* its services, as files of pam.d */
};

static const struct opener openers[] = {
	{"cron", {"cron"}},       {"crond", {"crond"}},
	{"atd", {"atd"}},         {"su", {"su", "su-l"}},
	{"sudo", {"sudo", NULL}}, {"runuser", {"runuser", "runuser-l"}},
	{"doas", {"doas", NULL}}, {"login", {"login", NULL}},
	{"sshd", {"sshd", NULL}}, {"sshd-session", {"sshd", NULL}},
};

static const struct opener *opener_find(const char *comm)
{
	for (size_t i = 0; i < sizeof(openers) / sizeof(openers[0]); i++)
		if (strcmp(openers[i].comm, comm) == 0)
			return &openers[i];
	return NULL;
}

static bool opener_has_limits(struct origin_search *search, const char *service,
			      int depth, bool *known);

/* "session required pam_limits.so", "@include common-session", "session include X". */
static bool opener_line(struct origin_search *search, char *line, int depth)
{
	char *rest, *words[3] = {NULL};
	bool ignored;

	line[strcspn(line, "#")] = '\0';
	for (size_t i = 0; i < 3; i++)
		words[i] = strtok_r(i ? NULL : line, " \t\r", &rest);
	if (!words[1])
		return false;
	if (strcmp(words[0], "@include") == 0)
		return opener_has_limits(search, words[1], depth + 1, &ignored);
	if (strcmp(words[0] + (words[0][0] == '-'), "session") != 0 || !words[2])
		return false;
	if (strcmp(words[1], "include") == 0 || strcmp(words[1], "substack") == 0)
		return opener_has_limits(search, words[2], depth + 1, &ignored);
	/* what is in brackets may have blanks */
	return strstr(words[2], "pam_limits.so") ||
	       (rest && strstr(rest, "pam_limits.so"));
}

static bool opener_has_limits(struct origin_search *search, const char *service,
			      int depth, bool *known)
{
	static const char *const dirs[] = {"/etc/pam.d", "/usr/lib/pam.d"};
	struct origin_file file;
	char path[256], *rest, *line;
	bool found = false;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (depth > INCLUDES_MAX || strchr(service, '/') ||
		    (size_t)snprintf(path, sizeof(path), "%s/%s", dirs[i], service) >=
			    sizeof(path) ||
		    origin_read(search, &search->host, path, &file) < 0)
			continue;
		*known = true;
		rest = file.text;
		while (!found && (line = strsep(&rest, "\n")))
			found = opener_line(search, line, depth);
		origin_file_clear(&file);
		break;
	}
	return found;
}

/* Whether PAM limits its sessions: also where nothing says how they are configured. */
static bool opener_limits(struct origin_search *search, const struct opener *opener)
{
	bool known = false, found = false;

	for (size_t i = 0; i < 2 && opener->pam[i] && !found; i++)
		found = opener_has_limits(search, opener->pam[i], 0, &known);
	return found || !known;
}

/* Whom a process runs as, where the caller does not know. */
static uid_t opener_uid(struct origin_search *search, pid_t pid)
{
	struct origin_file file;
	char path[64];
	const char *at;
	uid_t uid = (uid_t)-1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (origin_read(search, &search->host, path, &file) < 0)
		return uid;
	at = strstr(file.text, "\nUid:");
	if (at)
		uid = (uid_t)strtoul(at + strlen("\nUid:"), NULL, 10);
	origin_file_clear(&file);
	return uid;
}

/* The nearest one, which may have taken the limits of its session itself. */
static const struct origin_task *opener_above(const struct origin_chain *chain,
					      const struct opener **opener)
{
	const struct origin_task *task;

	for (size_t i = 0; i <= chain->len; i++) {
		if (i == chain->len && !chain->above_known)
			break;
		task = i < chain->len ? &chain->task[i] : &chain->above;
		*opener = opener_find(task->comm);
		if (*opener)
			return task;
	}
	return NULL;
}

void origin_opener(struct origin_search *search, const struct origin_chain *chain,
		   uid_t uid, struct origin_candidates *list)
{
	const struct origin_task *above = chain->above_known ? &chain->above : NULL;
	const struct opener *opener = NULL;
	const struct origin_task *by = opener_above(chain, &opener);
	bool has_base = above && above->limits_known && !chain->above_is_manager;
	struct origin_user user;
	size_t first = list->len;

	if (!by || !opener_limits(search, opener))
		return;
	if (uid == (uid_t)-1)
		uid = opener_uid(search, chain->task[0].pid);
	if (uid == (uid_t)-1 || !origin_user_by_uid(search, &search->host, uid, &user))
		return;
	origin_pam(search, &search->host, &user, has_base ? above->soft : 0,
		   has_base ? above->hard : 0, list);
	for (size_t i = first; i < list->len; i++) {
		struct origin *as = &list->at[i].as;
		char *evidence = origin_format(
			search, "%s; it is a session that %s[%d] began",
			as->evidence ? as->evidence : "", by->comm, (int)by->pid);

		free(as->evidence);
		as->evidence = evidence;
		as->opener = origin_format(search, "%s", by->comm);
	}
}
