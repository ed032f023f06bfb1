// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/subject.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/choice.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "log.h"
#include "output/text.h"
#include "state/identity_match.h"

#define PF_KTHREAD 0x00200000ul /* linux/sched.h */

static int read_text(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = 0;
	if (len < 0)
		len = -errno;
	if (fd >= 0)
		close(fd);
	return len < 0 ? (int)len : 0;
}

/* "Name:\tvalue" of /proc/PID/status; -1: there is none. */
static long number_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* Field 9 of stat, of which the name before may hold anything. */
static unsigned long flags_of(const char *stat)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < 9; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoul(at, NULL, 10) : 0;
}

int subject_check(int pid, char *why, size_t size)
{
	char status[4096], stat[1024];
	int err = read_text(pid, "status", status, sizeof(status));
	long tgid;

	if (err == -ENOENT || err == -ESRCH) {
		snprintf(why, size, "no process %d", pid);
		return -ESRCH;
	}
	/* What hides it from /proc does not hide it from the kernel's own view. */
	if (err || read_text(pid, "stat", stat, sizeof(stat)))
		return 0;
	tgid = number_of(status, "\nTgid:\t");
	if (tgid > 0 && tgid != pid) {
		snprintf(why, size, "%d is a thread of process %ld; ask for that one",
			 pid, tgid);
		return -EINVAL;
	}
	if (flags_of(stat) & PF_KTHREAD) {
		snprintf(why, size,
			 "%d is a thread of the kernel's own, which has no descriptors",
			 pid);
		return -EINVAL;
	}
	/* Its main thread may have ended before others. */
	if (strstr(status, "\nState:\tZ") && number_of(status, "\nThreads:\t") <= 1) {
		snprintf(why, size,
			 "process %d has ended (a zombie, until its parent %ld waits "
			 "for it): it has no descriptors",
			 pid, number_of(status, "\nPPid:\t"));
		return -ESRCH;
	}
	return 0;
}

/* ---- by name ---- */

/* As many of the others are named on stderr. */
#define OTHERS_MAX 8

static bool is_name(const char *text)
{
	for (; *text; text++)
		if (isalpha((unsigned char)*text) || strchr("*?[_", *text) ||
		    (unsigned char)*text >= 0x80)
			return true;
	return false;
}

bool subject_is_valid(const char *text)
{
	int pid;

	return is_name(text) || !cli_parse_pid(text, &pid);
}

static double usage_of(const struct roster_row *row)
{
	if (!row->fd.known || !row->fd.soft_limit)
		return -1;
	return (double)row->fd.used / (double)row->fd.soft_limit;
}

/* The fullest first. One that lowered its limit on purpose is full, and in no trouble. */
static int compare(const void *a, const void *b)
{
	const struct roster_row *x = *(const struct roster_row *const *)a;
	const struct roster_row *y = *(const struct roster_row *const *)b;
	double of_x = usage_of(x), of_y = usage_of(y);

	if (x->fd.sealed != y->fd.sealed)
		return x->fd.sealed ? 1 : -1;
	if (of_x != of_y)
		return of_x > of_y ? -1 : 1;
	return x->who.pid < y->who.pid ? -1 : x->who.pid > y->who.pid;
}

/* Of all processes those that `name` means, the fullest first. This command itself is none of
 * them. Returns how many; `rows` has room for all. */
static size_t find_rows(const struct look *look, const char *name,
			const struct roster_row **rows)
{
	size_t len = 0;

	for (size_t i = 0; i < look->roster.len; i++) {
		const struct roster_row *row = &look->roster.rows[i];

		if (row->who.pid != getpid() && identity_matches(&row->who, name))
			rows[len++] = row;
	}
	qsort(rows, len, sizeof(const struct roster_row *), compare);
	return len;
}

/* "1234, 1235 and 7 more" */
static void list_pids(const struct roster_row *const *rows, size_t len, char *text,
		      size_t size)
{
	size_t shown = len > OTHERS_MAX ? OTHERS_MAX - 1 : len, at = 0;

	*text = 0;
	for (size_t i = 0; i < shown && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%d", i ? ", " : "",
				       (int)rows[i]->who.pid);
	if (len > shown && at < size)
		snprintf(text + at, size - at, " and %zu more", len - shown);
}

static void say_no_match(const char *name, char *why, size_t size)
{
	char safe[128];

	text_terminal(safe, sizeof(safe), name, 60, 0, false);
	snprintf(why, size,
		 "no process, service, container or pod is called '%s'; 'fdwarden ps' "
		 "lists them, and '*%s*' also matches parts of names",
		 safe, identity_is_pattern(name) ? "" : safe);
}

static int take_look(const struct remote_options *remote, struct look *look, char *why,
		     size_t size)
{
	memset(look, 0, sizeof(*look));
	return remote ? look_take(remote, NULL, 0, look, why, size)
		      : look_ourselves(NULL, 0, look, why, size);
}

/* One of several: that which is chosen on a terminal; else the fullest, or none. */
static int choose(const char *name, const struct roster_row *const *rows, size_t len,
		  bool only, int *pid, char *why, size_t size)
{
	char others[256], safe[128];

	*pid = (int)rows[0]->who.pid;
	if (len == 1)
		return 0;
	if (choice_is_possible()) {
		size_t at = 0;
		int err = choice_ask(name, rows, len, !only, &at);

		*pid = (int)rows[at < len ? at : 0]->who.pid;
		if (err)
			snprintf(why, size, "none of them was chosen");
		return err;
	}
	text_terminal(safe, sizeof(safe), name, 60, 0, false);
	list_pids(rows + !only, len - !only, others, sizeof(others));
	if (only) {
		snprintf(why, size, "'%s' are %zu processes: %s; name one by its pid",
			 safe, len, others);
		return -EEXIST;
	}
	log_info("'%s' are %zu processes; this is the fullest, %d; the others: %s",
		 safe, len, *pid, others);
	return 0;
}

static int find_by_name(const struct remote_options *remote, const char *name,
			bool only, int *pid, char *why, size_t size)
{
	const struct roster_row **rows = NULL;
	struct look look;
	int err = take_look(remote, &look, why, size);

	if (!err) {
		rows = calloc(look.roster.len + 1, sizeof(const struct roster_row *));
		err = rows ? 0 : -ENOMEM;
		if (err)
			snprintf(why, size, "%s", strerror(ENOMEM));
	}
	if (!err) {
		size_t len = find_rows(&look, name, rows);

		if (len) {
			err = choose(name, rows, len, only, pid, why, size);
		} else {
			say_no_match(name, why, size);
			err = -ESRCH;
		}
	}
	free(rows);
	look_clear(&look);
	return err;
}

int subject_find(const struct remote_options *remote, const char *text, bool only,
		 int *pid, char *why, size_t size)
{
	if (is_name(text))
		return find_by_name(remote, text, only, pid, why, size);
	if (cli_parse_pid(text, pid)) {
		snprintf(why, size, "%s", strerror(EINVAL));
		return -EINVAL;
	}
	return subject_check(*pid, why, size);
}

/* ---- several ---- */

struct finding {
	int *pids;
	size_t len, room;
};

static int add_pid(struct finding *found, int pid)
{
	for (size_t i = 0; i < found->len; i++)
		if (found->pids[i] == pid)
			return 0;
	if (found->len == found->room) {
		size_t room = found->room ? 2 * found->room : 64;
		int *pids = realloc(found->pids, room * sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		found->pids = pids;
		found->room = room;
	}
	found->pids[found->len++] = pid;
	return 0;
}

static int add_named(const struct look *look, const char *name, struct finding *found,
		     char *why, size_t size)
{
	const struct roster_row **rows =
		calloc(look->roster.len + 1, sizeof(const struct roster_row *));
	size_t len = rows ? find_rows(look, name, rows) : 0;
	int err = rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < len && !err; i++)
		err = add_pid(found, (int)rows[i]->who.pid);
	free(rows);
	if (err) {
		snprintf(why, size, "%s", strerror(-err));
	} else if (!len) {
		say_no_match(name, why, size);
		err = -ESRCH;
	}
	return err;
}

int subject_find_all(const struct remote_options *remote, char **texts, size_t len,
		     int **pids, size_t *pids_len, char *why, size_t size)
{
	struct finding found = {0};
	struct look look = {0};
	bool looked = false;
	int err = 0, pid;

	for (size_t i = 0; i < len && !err; i++) {
		if (!is_name(texts[i])) {
			err = cli_parse_pid(texts[i], &pid) ? -EINVAL
							    : add_pid(&found, pid);
			if (err)
				snprintf(why, size, "%s", strerror(-err));
			continue;
		}
		if (!looked)
			err = take_look(remote, &look, why, size);
		looked = true;
		if (!err)
			err = add_named(&look, texts[i], &found, why, size);
	}
	look_clear(&look);
	if (err) {
		free(found.pids);
		return err;
	}
	*pids = found.pids;
	*pids_len = found.len;
	return 0;
}
