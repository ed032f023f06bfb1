/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/alert.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "output/alert_impl.h"
#include "output/call_sites.h"
#include "output/json.h"
#include "state/container_names.h"
#include "state/pod_names.h"
#include "state/user_names.h"

#define ECS_VERSION "8.11.0"
#define UNLIMITED   UINT64_MAX

void alert_timestamp(uint64_t realtime_ns, char text[32])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000u);
	unsigned micros = (unsigned)(realtime_ns % 1000000000u / 1000u);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, 32 - len, ".%06uZ", micros % 1000000u);
}

void alert_new_id(char id[ALERT_ID_LEN])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[16];
	ssize_t got;
	size_t i, at = 0;

	/* An id need not be secret, and an alert must not wait for entropy. */
	got = getrandom(bytes, sizeof(bytes), GRND_INSECURE);
	if (got != (ssize_t)sizeof(bytes))
		got = getrandom(bytes, sizeof(bytes), 0);
	if (got != (ssize_t)sizeof(bytes)) {
		/* forbidden: unique is what matters */
		static uint64_t serial;
		struct timespec now;
		uint64_t parts[2];

		clock_gettime(CLOCK_REALTIME, &now);
		parts[0] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		parts[1] = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
		memcpy(bytes, parts, sizeof(bytes));
	}
	bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
	bytes[8] = (bytes[8] & 0x3f) | 0x80; /* variant of RFC 4122 */
	for (i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			id[at++] = '-';
		id[at++] = hex[bytes[i] >> 4];
		id[at++] = hex[bytes[i] & 15];
	}
	id[at] = '\0';
}

/* The users of a container are others than the host's. */
static int add_user(cJSON *process, const struct identity *who)
{
	char id[16], name[64];
	cJSON *user;
	int err;

	if (who->uid == (uid_t)-1)
		return 0;
	user = json_add_object(process, "user");
	if (!user)
		return -ENOMEM;
	snprintf(id, sizeof(id), "%" PRIu32, (uint32_t)who->uid);
	err = json_add_text(user, "id", id);
	if (!err && !who->container_id && user_names_find(who->uid, name, sizeof(name)))
		err = json_add_text(user, "name", name);
	return err;
}

int alert_add_process(cJSON *parent, const struct identity *who,
		      const struct alert_host *host)
{
	cJSON *process = json_add_object(parent, "process"), *inner;
	char text[32];
	int err = process ? 0 : -ENOMEM;

	if (!err && who->pid) /* what many have in common has none */
		err = json_add_uint(process, "pid", (uint64_t)who->pid);
	if (!err && who->comm[0])
		err = json_add_text(process, "name", who->comm);
	if (!err && who->start_ns && host) {
		alert_timestamp(who->start_ns + host->boot_realtime_ns, text);
		err = json_add_text(process, "start", text);
	}
	if (!err)
		err = json_add_text(process, "executable", who->executable);
	if (!err)
		err = json_add_text(process, "command_line", who->command_line);
	if (!err && who->ppid > 0) {
		inner = json_add_object(process, "parent");
		err = inner ? json_add_uint(inner, "pid", (uint64_t)who->ppid)
			    : -ENOMEM;
	}
	return err ? err : add_user(process, who);
}

/* "parent":{"outer":{"inner":"text"}}, or nothing for text NULL */
static int add_nested(cJSON *parent, const char *outer, const char *inner,
		      const char *text)
{
	cJSON *object;

	if (!text)
		return 0;
	object = json_add_object(parent, outer);
	return object ? json_add_text(object, inner, text) : -ENOMEM;
}

/* `names` NULL: not known. */
static int add_container(cJSON *parent, const struct identity *who,
			 const struct pod_names *names)
{
	struct container_names own = {0};
	const char *name = NULL;
	cJSON *container;
	int err;

	if (!who->container_id)
		return 0;
	if (names && *names->container)
		name = names->container;
	else if (container_names_find(who, &own))
		name = own.name;
	container = json_add_object(parent, "container");
	if (!container)
		return -ENOMEM;
	err = json_add_text(container, "id", who->container_id);
	if (!err)
		err = json_add_text(container, "name", name);
	if (!err && *own.image)
		err = add_nested(container, "image", "name", own.image);
	if (!err)
		err = json_add_text(container, "runtime", who->container_runtime);
	return err ? err : json_add_text(container, "claimed_by", who->claimed_by);
}

/* A pod, as the Elastic Common Schema has it. */
static int add_pod(cJSON *parent, const struct identity *who,
		   const struct pod_names *names)
{
	cJSON *orchestrator, *resource;
	int err;

	if (!who->pod_uid)
		return 0;
	orchestrator = json_add_object(parent, "orchestrator");
	if (!orchestrator)
		return -ENOMEM;
	err = json_add_text(orchestrator, "type", "kubernetes");
	if (!err && names && *names->name_space)
		err = json_add_text(orchestrator, "namespace", names->name_space);
	if (err)
		return err;
	resource = json_add_object(orchestrator, "resource");
	if (!resource)
		return -ENOMEM;
	err = json_add_text(resource, "type", "pod");
	if (!err && names)
		err = json_add_text(resource, "name", names->pod);
	return err ? err : json_add_text(resource, "id", who->pod_uid);
}

int alert_add_identity(cJSON *parent, const struct identity *who,
		       const struct alert_host *host)
{
	struct pod_names found = {0},
			 *names = pod_names_find(who, &found) ? &found : NULL;
	/* Those of a summary are in its group. */
	int err = who->pid ? alert_add_process(parent, who, host) : 0;

	if (!err)
		err = add_nested(parent, "service", "name", who->service);
	if (!err)
		err = add_container(parent, who, names);
	return err ? err : add_pod(parent, who, names);
}

/* A share in 0..1. What is not full must not round to full. */
static int add_usage(cJSON *parent, uint64_t used, uint64_t limit)
{
	double usage;

	if (limit == 0)
		return 0;
	usage = (double)used / (double)limit;
	if (used < limit && usage > 0.9999)
		usage = 0.9999;
	return json_add_share(parent, "usage", usage);
}

static int add_reason(cJSON *out, const struct alert_fd *fd)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s", fd->program, fd->reason);
	return json_add_text(out, "program", text);
}

static int add_table(cJSON *out, const struct alert_fd *fd)
{
	bool limited = fd->soft_limit != UNLIMITED;
	uint64_t free = fd->soft_limit > fd->used ? fd->soft_limit - fd->used : 0;
	int err;

	if (!fd->known)
		return 0;
	err = json_add_uint(out, "count", fd->count);
	if (!err)
		err = json_add_uint(out, "used", fd->used);
	if (!err && limited)
		err = json_add_uint(out, "free", free);
	if (!err && limited)
		err = add_usage(out, fd->used, fd->soft_limit);
	if (!err && limited)
		err = json_add_uint(out, "soft_limit", fd->soft_limit);
	if (!err && fd->hard_limit != UNLIMITED)
		err = json_add_uint(out, "hard_limit", fd->hard_limit);
	if (!err && fd->effective_limit && fd->effective_limit < fd->soft_limit)
		err = json_add_uint(out, "effective_limit", fd->effective_limit);
	if (!err && fd->managed)
		err = cJSON_AddTrueToObject(out, "managed") ? 0 : -ENOMEM;
	if (!err && fd->reason)
		err = add_reason(out, fd);
	if (!err && fd->seal_unsure)
		err = cJSON_AddTrueToObject(out, "seal_unsure") ? 0 : -ENOMEM;
	if (!err && fd->sealed)
		err = cJSON_AddTrueToObject(out, "sealed") ? 0 : -ENOMEM;
	if (!err && fd->leak_suspected)
		err = cJSON_AddTrueToObject(out, "leak_suspected") ? 0 : -ENOMEM;
	if (!err && fd->ignored)
		err = cJSON_AddTrueToObject(out, "ignored") ? 0 : -ENOMEM;
	if (!err && fd->torn)
		err = cJSON_AddTrueToObject(out, "torn") ? 0 : -ENOMEM;
	if (!err && fd->thread)
		err = json_add_uint(out, "thread", fd->thread);
	if (!err && fd->tables > 1)
		err = json_add_uint(out, "tables", fd->tables);
	if (!err && fd->shared_with)
		err = json_add_uint(out, "shared_with", fd->shared_with);
	return err;
}

static int add_rates(cJSON *out, const struct alert_fd *fd)
{
	int err = 0;

	if (fd->counters_known)
		err = json_add_uint(out, "opened", fd->opened);
	if (!err && fd->counters_known)
		err = json_add_uint(out, "closed", fd->closed);
	if (!err && fd->growth_known)
		err = json_add_real(out, "growth_per_s", fd->growth_per_s, 2);
	if (!err && fd->exhaustion_known && fd->exhausted_in_s >= 0)
		err = json_add_real(out, "exhausted_in_s", fd->exhausted_in_s, 0);
	/* An infinite bound is none. */
	if (!err && fd->exhaustion_known && fd->exhausted_high_s > 0)
		err = json_add_real(out, "exhausted_in_s_low", fd->exhausted_low_s, 0);
	if (!err && fd->exhaustion_known && fd->exhausted_high_s > 0)
		err = json_add_real(out, "exhausted_in_s_high", fd->exhausted_high_s,
				    0);
	return err;
}

/* A call's refusals are one entry, whatever their errors; `at` is its first. */
static int add_call(cJSON *calls, const struct alert_fd *fd, size_t at)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < fd->refused_len; i++) {
		if (strcmp(fd->refused[i].call, fd->refused[at].call) != 0)
			continue;
		if (i < at)
			return 0; /* counted already */
		count += fd->refused[i].count;
	}
	return count ? json_add_uint(calls, fd->refused[at].call, count) : 0;
}

static int add_time(cJSON *out, const char *name, uint64_t realtime_ns)
{
	char text[32];

	if (!realtime_ns)
		return 0;
	alert_timestamp(realtime_ns, text);
	return json_add_text(out, name, text);
}

static int add_refused(cJSON *out, const struct alert_fd *fd)
{
	cJSON *refused, *calls;
	size_t i;
	int err;

	if (!fd->refused_known)
		return 0;
	refused = json_add_object(out, "refused");
	if (!refused)
		return -ENOMEM;
	err = json_add_uint(refused, "emfile", fd->refused_emfile);
	if (!err)
		err = json_add_uint(refused, "enfile", fd->refused_enfile);
	if (!err && fd->refused_other)
		err = json_add_uint(refused, "other", fd->refused_other);
	if (!err && fd->refused_inexact)
		err = cJSON_AddTrueToObject(refused, "inexact") ? 0 : -ENOMEM;
	if (!err && fd->refused_per_s > 0)
		err = json_add_real(refused, "per_s", fd->refused_per_s, 0);
	if (!err && fd->refused_per_s > 0 && fd->core_share > 0)
		err = json_add_real(refused, "core_share", fd->core_share, 2);
	if (!err)
		err = add_time(refused, "first", fd->refused_first_ns);
	if (!err)
		err = add_time(refused, "last", fd->refused_last_ns);
	if (err)
		return err;
	calls = json_add_object(refused, "by_syscall");
	if (!calls)
		return -ENOMEM;
	for (i = 0; i < fd->refused_len && !err; i++)
		err = add_call(calls, fd, i);
	return err;
}

static int fill_fd(cJSON *out, const struct alert_fd *fd)
{
	int err = add_table(out, fd);

	if (!err)
		err = add_rates(out, fd);
	if (!err)
		err = add_refused(out, fd);
	if (!err && fd->record_lost)
		err = cJSON_AddTrueToObject(out, "record_lost") ? 0 : -ENOMEM;
	return err;
}

int alert_add_fd(cJSON *parent, const struct alert_fd *fd)
{
	cJSON *out = json_add_object(parent, "fd");

	return out ? fill_fd(out, fd) : -ENOMEM;
}

static bool is_system(const struct alert *alert)
{
	return alert->what.action >= POLICY_SYSTEM_WARNING &&
	       alert->what.action <= POLICY_SYSTEM_RECOVERED;
}

/* "name":["value"] */
static int add_list_of_one(cJSON *parent, const char *name, const char *value)
{
	cJSON *list = cJSON_AddArrayToObject(parent, name);
	cJSON *item = list ? cJSON_CreateString(value) : NULL;

	if (item && cJSON_AddItemToArray(list, item))
		return 0;
	cJSON_Delete(item);
	return -ENOMEM;
}

/* What the Elastic Common Schema calls it that a state of a process, or of the host, is told:
 * both of its fields are lists. */
static int add_category(cJSON *event, const struct alert *alert)
{
	int err = add_list_of_one(event, "category", alert->who ? "process" : "host");

	return err ? err : add_list_of_one(event, "type", "info");
}

static int add_event(cJSON *root, const struct alert *alert)
{
	cJSON *event = json_add_object(root, "event");
	int err = event ? 0 : -ENOMEM;

	if (!err)
		err = json_add_text(event, "kind", "alert");
	if (!err)
		err = add_category(event, alert);
	if (!err)
		err = json_add_text(event, "dataset", "fdwarden.alert");
	if (!err)
		err = json_add_text(event, "action",
				    policy_action_name(alert->what.action));
	if (!err)
		err = json_add_uint(event, "severity",
				    (uint64_t)policy_severity(alert->what.action));
	if (!err)
		err = json_add_text(event, "id", alert->id);
	if (!err && alert->incident[0])
		err = json_add_uint(event, "duration", alert->duration_ns);
	/* Its name until a release ago. */
	if (!err && alert->incident[0])
		err = json_add_uint(event, "duration_ns", alert->duration_ns);
	return err;
}

static int add_host(cJSON *root, const struct alert_host *host)
{
	cJSON *out;
	int err;

	if (!host || (!host->name && !host->boot_id))
		return 0;
	out = json_add_object(root, "host");
	if (!out)
		return -ENOMEM;
	err = json_add_text(out, "name", host->name);
	if (!err && host->id && *host->id)
		err = json_add_text(out, "id", host->id);
	if (!err)
		err = add_nested(out, "boot", "id", host->boot_id);
	return err;
}

static int add_request(cJSON *fd, const struct alert_request *request)
{
	const char *error = request->error ? strerrorname_np(request->error) : NULL;
	cJSON *out;
	int err;

	if (!request->call && !request->path && !error)
		return 0;
	out = json_add_object(fd, "request");
	if (!out)
		return -ENOMEM;
	err = json_add_text(out, "syscall", request->call);
	if (!err)
		err = json_add_text(out, "path", request->path);
	if (!err)
		err = json_add_text(out, "error", error);
	return err;
}

static int add_limit(cJSON *fd, const struct alert_limit *limit)
{
	int err;

	if (!limit->name)
		return 0;
	err = json_add_text(fd, "limit", limit->name);
	if (!err && limit->value_known)
		err = json_add_uint(fd, "limit_value", limit->value);
	if (!err)
		err = json_add_text(fd, "limit_sysctl", limit->sysctl);
	return err;
}

static int add_alert_fd(cJSON *root, const struct alert *alert)
{
	cJSON *fd = json_add_object(root, "fd");
	int err = fd ? 0 : -ENOMEM;

	if (!err && alert->incident[0])
		err = json_add_text(fd, "incident", alert->incident);
	if (!err && alert->what.reason != POLICY_REASON_NONE)
		err = json_add_text(fd, "reason",
				    policy_reason_name(alert->what.reason));
	if (!err && alert->found_at_start)
		err = cJSON_AddTrueToObject(fd, "found_at_start") ? 0 : -ENOMEM;
	if (!err)
		err = add_limit(fd, &alert->limit);
	if (!err)
		err = fill_fd(fd, &alert->fd);
	if (!err)
		err = alert_add_leak(fd, &alert->leak);
	if (!err && alert->what.action == POLICY_FD_LIMIT_RAISED)
		err = json_add_uint(fd, "soft_limit_before", alert->soft_limit_before);
	if (!err && alert->why)
		err = explanation_add_fd(fd, alert->why, &explanation_in_alert);
	if (!err && alert->calls)
		err = call_sites_add(fd, alert->calls, &call_sites_in_alert);
	if (!err)
		err = add_request(fd, &alert->request);
	if (!err)
		err = alert_add_group(fd, alert);
	return err;
}

static int add_alert_system(cJSON *root, const struct alert *alert)
{
	cJSON *system = json_add_object(root, "system");
	const struct alert_system *now = &alert->system;
	int err = system ? 0 : -ENOMEM;

	if (!err && alert->incident[0])
		err = json_add_text(system, "incident", alert->incident);
	if (!err && now->known)
		err = json_add_uint(system, "allocated", now->allocated);
	if (!err && now->known)
		err = json_add_uint(system, "max", now->max);
	if (!err && now->known)
		err = add_usage(system, now->allocated, now->max);
	if (!err) {
		cJSON *refused = json_add_object(system, "refused");

		err = refused ? json_add_uint(refused, "enfile", now->refused_enfile)
			      : -ENOMEM;
	}
	return err;
}

/* Who else it says would be said of a process, or of the system. */
static int add_loss(cJSON *root, const struct alert_loss *loss)
{
	cJSON *object = json_add_object(root, "loss"), *user;
	char id[16], name[64];
	int err = object ? json_add_uint(object, "alerts", loss->alerts) : -ENOMEM;

	if (err)
		return err;
	if (loss->output)
		return json_add_text(object, "output", loss->output);
	err = json_add_uint(object, "incidents", loss->incidents);
	if (err || loss->uid == (uid_t)-1)
		return err;
	user = json_add_object(object, "user");
	snprintf(id, sizeof(id), "%" PRIu32, (uint32_t)loss->uid);
	err = user ? json_add_text(user, "id", id) : -ENOMEM;
	if (!err && user_names_find(loss->uid, name, sizeof(name)))
		err = json_add_text(user, "name", name);
	return err;
}

static int add_subject(cJSON *root, const struct alert *alert)
{
	if (alert->what.action == POLICY_ALERTS_LOST)
		return add_loss(root, &alert->loss);
	return is_system(alert) ? add_alert_system(root, alert)
				: add_alert_fd(root, alert);
}

static int fill_alert(cJSON *root, const struct alert *alert)
{
	uint64_t epoch = alert->host ? alert->host->boot_realtime_ns : 0;
	char text[1024];
	int err;

	alert_timestamp(alert->time_ns + epoch, text);
	err = json_add_text(root, "@timestamp", text);
	if (!err)
		err = add_nested(root, "ecs", "version", ECS_VERSION);
	if (!err)
		err = add_event(root, alert);
	if (!err)
		err = add_nested(root, "log", "level",
				 policy_log_level(alert->what.action));
	if (!err) {
		alert_message(alert, text, sizeof(text));
		err = json_add_text(root, "message", text);
	}
	if (!err)
		err = add_host(root, alert->host);
	if (!err && alert->who)
		err = alert_add_identity(root, alert->who, alert->host);
	if (!err)
		err = add_subject(root, alert);
	if (!err && alert->why)
		err = explanation_add(root, alert->why, &explanation_in_alert);
	return err;
}

cJSON *alert_to_json(const struct alert *alert)
{
	cJSON *root = cJSON_CreateObject();

	if (root && fill_alert(root, alert) < 0) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}

char *alert_json_line(const struct alert *alert)
{
	cJSON *json = alert_to_json(alert);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	char *line = NULL;

	cJSON_Delete(json);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	cJSON_free(text);
	return line;
}
