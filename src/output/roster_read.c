// SPDX-License-Identifier: GPL-2.0-or-later
/* A roster from a daemon's reply. What it says is checked, not trusted: a text that is
 * too long is cut, a number that is none makes the reply invalid. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "output/roster.h"
#include "output/text.h"
#include "policy/program.h"
#include "state/cgroup_path.h"

#define NS_PER_S  1000000000ull
/* Whole numbers that a double holds exactly. */
#define WHOLE_MAX 9007199254740992.0

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(member(object, name));
}

/* false: there is none. What is no count, or is beyond 2^64, makes *err -EINVAL. */
static bool take_uint(const cJSON *object, const char *name, uint64_t *out, int *err)
{
	const cJSON *item = member(object, name);

	if (!item)
		return false;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0)) {
		*err = -EINVAL;
		return false;
	}
	*out = item->valuedouble >= 18446744073709551615.0
		       ? UINT64_MAX
		       : (uint64_t)item->valuedouble;
	return true;
}

static bool take_u32(const cJSON *object, const char *name, uint32_t *out, int *err)
{
	uint64_t value;

	if (!take_uint(object, name, &value, err))
		return false;
	if (value > UINT32_MAX)
		*err = -EINVAL;
	*out = (uint32_t)value;
	return true;
}

static bool take_real(const cJSON *object, const char *name, double *out, int *err)
{
	const cJSON *item = member(object, name);

	if (!item)
		return false;
	if (!cJSON_IsNumber(item))
		*err = -EINVAL;
	*out = item->valuedouble;
	return !*err;
}

/* The whole text must be digits. */
static int read_decimal(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (!text || !*text)
		return -EINVAL;
	for (; *text; text++)
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -EINVAL;
	*out = value;
	return 0;
}

/* "2026-01-02T03:04:05.678901Z" */
static int read_time(const char *text, uint64_t *out)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	uint64_t part = 0;
	time_t seconds;
	char micros[7];

	if (!rest || *rest != '.' || strlen(rest) != 8 || rest[7] != 'Z')
		return -EINVAL;
	memcpy(micros, rest + 1, 6);
	micros[6] = 0;
	seconds = timegm(&tm);
	if (read_decimal(micros, &part) || seconds < 0 ||
	    (uint64_t)seconds > UINT64_MAX / NS_PER_S - 1)
		return -EINVAL;
	*out = (uint64_t)seconds * NS_PER_S + part * 1000;
	return 0;
}

/* Never cuts a character in two. */
static void copy_text(char *out, size_t size, const char *text)
{
	text_utf8(out, size, text ? text : "", text ? strlen(text) : 0);
}

static int take_text(const cJSON *object, const char *name, char **out)
{
	const char *text = text_of(object, name);

	*out = text ? strdup(text) : NULL;
	return *out || !text ? 0 : -ENOMEM;
}

/* ---- one process ---- */

static int read_process(const cJSON *process, struct identity *who)
{
	const char *uid = text_of(member(process, "user"), "id");
	uint64_t pid = 0, ppid = 0, value;
	int err = 0;

	take_uint(process, "pid", &pid, &err);
	take_uint(member(process, "parent"), "pid", &ppid, &err);
	if (err || !pid || pid > INT_MAX || ppid > INT_MAX)
		return -EINVAL;
	who->pid = (pid_t)pid;
	who->ppid = (pid_t)ppid;
	who->uid = (uid_t)-1;
	if (uid) {
		if (read_decimal(uid, &value) || value > UINT32_MAX)
			return -EINVAL;
		who->uid = (uid_t)value;
	}
	copy_text(who->comm, sizeof(who->comm), text_of(process, "name"));
	err = take_text(process, "executable", &who->executable);
	return err ? err : take_text(process, "command_line", &who->command_line);
}

int roster_read_identity(const cJSON *row, struct identity *who)
{
	const cJSON *container = member(row, "container");
	const cJSON *orchestrator = member(row, "orchestrator"),
		    *pod = member(orchestrator, "resource");
	const char *runtime = text_of(container, "runtime");
	int err = read_process(member(row, "process"), who);

	if (!err)
		err = take_text(member(row, "service"), "name", &who->service);
	if (!err)
		err = take_text(container, "id", &who->container_id);
	if (!err)
		err = take_text(container, "claimed_by", &who->claimed_by);
	if (!err)
		err = take_text(container, "name", &who->container_name);
	if (!err)
		err = take_text(member(container, "image"), "name",
				&who->container_image);
	if (!err)
		err = take_text(pod, "id", &who->pod_uid);
	if (!err)
		err = take_text(pod, "name", &who->pod_name);
	if (!err)
		err = take_text(orchestrator, "namespace", &who->pod_namespace);
	who->container_runtime = runtime ? cgroup_path_runtime_name(runtime) : NULL;
	return err;
}

/* "Redis: it refuses clients …": the texts are those of our own table; a program that it
 * has not, of another version's daemon, has none. */
static void read_program(const char *text, struct alert_fd *fd)
{
	const struct program *program;

	for (size_t i = 0; text && (program = program_at(i)); i++) {
		size_t len = strlen(program->title);

		if (strncmp(text, program->title, len) != 0 ||
		    strncmp(text + len, ": ", 2) != 0)
			continue;
		fd->program = program->title;
		fd->reason = fd->managed ? program->managed : program->full;
		return;
	}
}

static int read_fd(const cJSON *in, struct alert_fd *fd)
{
	int err = 0;

	fd->known = take_uint(in, "count", &fd->count, &err);
	if (!take_uint(in, "used", &fd->used, &err))
		fd->known = false;
	if (fd->known && !take_uint(in, "soft_limit", &fd->soft_limit, &err))
		fd->soft_limit = UINT64_MAX;
	if (fd->known && !take_uint(in, "hard_limit", &fd->hard_limit, &err))
		fd->hard_limit = UINT64_MAX;
	take_uint(in, "effective_limit", &fd->effective_limit, &err);
	fd->managed = cJSON_IsTrue(member(in, "managed"));
	read_program(text_of(in, "program"), fd);
	fd->sealed = cJSON_IsTrue(member(in, "sealed"));
	fd->seal_unsure = cJSON_IsTrue(member(in, "seal_unsure"));
	fd->leak_suspected = cJSON_IsTrue(member(in, "leak_suspected"));
	fd->ignored = cJSON_IsTrue(member(in, "ignored"));
	fd->torn = cJSON_IsTrue(member(in, "torn"));
	take_u32(in, "thread", &fd->thread, &err);
	take_u32(in, "tables", &fd->tables, &err);
	take_u32(in, "shared_with", &fd->shared_with, &err);
	fd->counters_known = take_uint(in, "opened", &fd->opened, &err);
	if (!take_uint(in, "closed", &fd->closed, &err))
		fd->counters_known = false;
	fd->growth_known = take_real(in, "growth_per_s", &fd->growth_per_s, &err);
	fd->exhaustion_known =
		take_real(in, "exhausted_in_s", &fd->exhausted_in_s, &err);
	return err;
}

static int read_level(const char *name, enum policy_level *out)
{
	static const char *const names[POLICY_LEVELS] = {
		[POLICY_LEVEL_WARNING] = "warning",
		[POLICY_LEVEL_CRITICAL] = "critical",
		[POLICY_LEVEL_EXHAUSTED] = "exhausted",
	};

	*out = POLICY_LEVEL_OK;
	if (!name)
		return 0;
	for (int level = POLICY_LEVEL_WARNING; level < POLICY_LEVELS; level++) {
		if (strcmp(name, names[level]) != 0)
			continue;
		*out = (enum policy_level)level;
		return 0;
	}
	return -EINVAL;
}

static int read_row(const cJSON *in, uint64_t number, struct roster_row *row)
{
	const cJSON *watch = member(in, "watch");
	int err = roster_read_identity(in, &row->who);

	row->changed = number;
	if (!err)
		err = read_decimal(text_of(watch, "start_ns"), &row->who.start_ns);
	if (!err)
		err = read_fd(member(in, "fd"), &row->fd);
	if (!err)
		err = read_level(text_of(watch, "level"), &row->level);
	copy_text(row->incident, sizeof(row->incident), text_of(watch, "incident"));
	take_uint(watch, "refused", &row->refused, &err);
	row->who.denied = cJSON_IsTrue(member(watch, "denied"));
	return err;
}

static int read_rows(const cJSON *list, struct roster *out)
{
	const cJSON *item;
	int err = 0;

	if (!cJSON_IsArray(list))
		return -EINVAL;
	out->rows = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*out->rows));
	if (!out->rows)
		return -ENOMEM;
	cJSON_ArrayForEach (item, list) {
		err = read_row(item, out->number, &out->rows[out->len++]);
		if (err)
			return err;
	}
	roster_sort(out);
	return 0;
}

/* ---- the rest ---- */

static int read_system(const cJSON *in, struct alert_system *out)
{
	int err = 0;

	out->known = take_uint(in, "allocated", &out->allocated, &err);
	if (!take_uint(in, "max", &out->max, &err))
		out->known = false;
	/* What the kernel takes at the most, 2^63 - 1, is 2^63 as a double. */
	if (out->max > INT64_MAX)
		out->max = INT64_MAX;
	take_uint(in, "nr_open", &out->nr_open, &err);
	return err;
}

static int read_alerts(const cJSON *in, struct roster *out)
{
	int err = 0;

	take_u32(in, "warning", &out->alerts[POLICY_LEVEL_WARNING], &err);
	take_u32(in, "critical", &out->alerts[POLICY_LEVEL_CRITICAL], &err);
	take_u32(in, "exhausted", &out->alerts[POLICY_LEVEL_EXHAUSTED], &err);
	take_u32(in, "leak_suspected", &out->alerts[ROSTER_LEAK], &err);
	take_u32(in, "other_limit", &out->alerts[ROSTER_OTHER_LIMIT], &err);
	take_uint(in, "refused", &out->refused, &err);
	return err;
}

static int read_head(const cJSON *in, struct roster *out)
{
	const cJSON *host = member(in, "host"), *boot = member(host, "boot");
	uint64_t interval_ms = 0;
	int err = 0;

	if (!take_uint(in, "number", &out->number, &err) || !out->number ||
	    (double)out->number > WHOLE_MAX)
		return -EINVAL;
	if (take_uint(in, "interval_ms", &interval_ms, &err) &&
	    __builtin_mul_overflow(interval_ms, (uint64_t)1000000, &out->interval_ns))
		err = -EINVAL;
	copy_text(out->host_name, sizeof(out->host_name), text_of(host, "name"));
	copy_text(out->boot_id, sizeof(out->boot_id), text_of(boot, "id"));
	if (!err)
		err = read_time(text_of(in, "@timestamp"), &out->realtime_ns);
	if (!err)
		err = read_time(text_of(boot, "time"), &out->boot_realtime_ns);
	if (!err)
		err = read_system(member(in, "system"), &out->system);
	if (!err)
		err = self_read(member(in, "self"), &out->self);
	return err ? err : read_alerts(member(in, "alerts"), out);
}

/* ---- a delta ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct roster_key *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int read_gone(const cJSON *list, struct roster_key **out, size_t *len)
{
	const cJSON *item;
	size_t n = 0;

	*out = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	cJSON_ArrayForEach (item, list) {
		uint64_t pid = 0;
		int err = 0;

		take_uint(item, "pid", &pid, &err);
		if (err || pid > INT_MAX ||
		    read_decimal(text_of(item, "start_ns"), &(*out)[n].start_ns))
			return -EINVAL;
		(*out)[n++].pid = (pid_t)pid;
	}
	if (n > 1)
		qsort(*out, n, sizeof(**out), compare_keys);
	*len = n;
	return 0;
}

/* Moves into `all` the rows of `old` that are neither in `fresh` nor gone, and all of
 * `fresh`: both are in order. Room is there. */
static void merge(struct roster_row *all, size_t *len, struct roster *old,
		  struct roster *fresh, const struct roster_key *gone, size_t gone_len)
{
	size_t i = 0, j = 0;

	while (i < old->len || j < fresh->len) {
		struct roster_key key = {0};
		int order = 1;

		if (i < old->len) {
			key.pid = old->rows[i].who.pid;
			key.start_ns = old->rows[i].who.start_ns;
			order = j < fresh->len ? roster_compare(&fresh->rows[j], &key)
					       : 1;
		} else {
			order = -1;
		}
		if (order <= 0) {
			all[(*len)++] = fresh->rows[j++];
			if (order == 0)
				identity_clear(&old->rows[i++].who);
		} else if (gone_len &&
			   bsearch(&key, gone, gone_len, sizeof(*gone), compare_keys)) {
			identity_clear(&old->rows[i++].who);
		} else {
			all[(*len)++] = old->rows[i++];
		}
	}
}

static int apply_delta(struct roster *roster, struct roster *fresh, const cJSON *reply)
{
	struct roster_key *gone = NULL;
	struct roster_row *all;
	size_t gone_len = 0, len = 0;
	uint64_t since = 0;
	int err = 0;

	if (!take_uint(reply, "since", &since, &err) || err)
		return -EINVAL;
	if (since != roster->number || !since)
		return -ESTALE;
	err = read_gone(member(reply, "gone"), &gone, &gone_len);
	all = err ? NULL : calloc(roster->len + fresh->len + 1, sizeof(*all));
	if (!all) {
		free(gone);
		return err ? err : -ENOMEM;
	}
	merge(all, &len, roster, fresh, gone, gone_len);
	free(gone);
	free(roster->rows);
	free(fresh->rows);
	*roster = *fresh;
	roster->rows = all;
	roster->len = len;
	memset(fresh, 0, sizeof(*fresh));
	return 0;
}

int roster_apply_json(struct roster *roster, const cJSON *reply)
{
	const cJSON *full = member(reply, "full");
	struct roster fresh = {0};
	int err = cJSON_IsBool(full) ? read_head(reply, &fresh) : -EINVAL;

	if (!err)
		err = read_rows(member(reply, "processes"), &fresh);
	if (!err && cJSON_IsFalse(full)) {
		err = apply_delta(roster, &fresh, reply);
	} else if (!err) {
		roster_clear(roster);
		*roster = fresh;
		memset(&fresh, 0, sizeof(fresh));
	}
	roster_clear(&fresh);
	return err;
}
