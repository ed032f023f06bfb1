/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd's journal, with fields that it can be searched for. */
#include "output/sink_journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
/* where in our source an entry was sent from says nothing to its reader */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "output/sink_impl.h"

#define SOCKET_PATH "/run/systemd/journal/socket"

struct sink_journal {
	struct sink sink; /* first */
	int (*send)(const struct iovec *fields, int len);
};

/* MESSAGE_ID, one for each action; they never change. */
static const char *const message_ids[POLICY_ACTIONS] = {
	[POLICY_FD_WARNING] = "cd2238307293449d9ed38d9e6f30144a",
	[POLICY_FD_CRITICAL] = "67bb3556d03643a1b103fa2c7a7277d8",
	[POLICY_FD_EXHAUSTED] = "ebe2e9fe6a874e3f998c1dc6dffc6511",
	[POLICY_FD_RECOVERED] = "64077d18617b4748bf957c3eeab4037f",
	[POLICY_FD_LEAK_SUSPECTED] = "8d822beb6e7348afbb299298c2682eae",
	[POLICY_OTHER_LIMIT] = "6638875e919c47f0bf0fa0a09d521aa7",
	[POLICY_SYSTEM_WARNING] = "6d9e117c48874409815e2d3d7a45c3bf",
	[POLICY_SYSTEM_CRITICAL] = "ea1dc7b9193f482bb4a39a438af0002e",
	[POLICY_SYSTEM_EXHAUSTED] = "da0c98edcf91411085231b319b897f04",
	[POLICY_SYSTEM_RECOVERED] = "9ac0f6b53a0d4cec890b4c660f940570",
	[POLICY_FD_DETAILS] = "b557868aac64468b8f3401f5c4c2dce2",
	[POLICY_FD_LIMIT_RAISED] = "cf017c116ba24a8da12e91365c64ea1e",
	[POLICY_ALERTS_LOST] = "7d3c2f0a5b8e4c1d9a6f0e2b4c8d1a37",
};

static int priority_of(enum policy_action action)
{
	int severity = policy_severity(action);

	if (severity >= 4)
		return LOG_CRIT;
	return severity == 3 ? LOG_WARNING : LOG_NOTICE;
}

struct field_list {
	struct iovec *fields;
	int len, err;
};

__attribute__((format(printf, 2, 3))) static void add(struct field_list *list,
						      const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	if (list->err)
		return;
	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		list->err = -ENOMEM;
		return;
	}
	list->fields[list->len].iov_base = text;
	list->fields[list->len++].iov_len = (size_t)len;
}

void sink_journal_free(struct iovec *fields, int len)
{
	int i;

	for (i = 0; i < len; i++)
		free(fields[i].iov_base);
}

int sink_journal_fields(const struct sink_message *message,
			struct iovec fields[SINK_JOURNAL_FIELDS], int *len)
{
	struct field_list list = {.fields = fields};
	const char *id = (unsigned)message->action < POLICY_ACTIONS
				 ? message_ids[message->action]
				 : NULL;
	int line_len = (int)message->len;

	if (line_len > 0 && message->line[line_len - 1] == '\n')
		line_len--;
	add(&list, "MESSAGE=%s", message->text ? message->text : "");
	add(&list, "PRIORITY=%d", priority_of(message->action));
	if (id)
		add(&list, "MESSAGE_ID=%s", id);
	add(&list, "SYSLOG_IDENTIFIER=fdwarden");
	add(&list, "FDWARDEN_ACTION=%s", policy_action_name(message->action));
	if (message->pid)
		add(&list, "FDWARDEN_PID=%d", message->pid);
	if (message->name)
		add(&list, "FDWARDEN_PROCESS=%s", message->name);
	if (message->service)
		add(&list, "FDWARDEN_SERVICE=%s", message->service);
	if (message->incident)
		add(&list, "FDWARDEN_INCIDENT=%s", message->incident);
	add(&list, "FDWARDEN_JSON=%.*s", line_len, message->line);
	if (list.err) {
		sink_journal_free(fields, list.len);
		list.len = 0;
	}
	*len = list.len;
	return list.err;
}

static int journal_write(struct sink *sink, const struct sink_message *message)
{
	struct sink_journal *self = (struct sink_journal *)sink;
	struct iovec fields[SINK_JOURNAL_FIELDS];
	int len, err = sink_journal_fields(message, fields, &len);

	if (err)
		return err;
	err = self->send(fields, len);
	sink_journal_free(fields, len);
	if (err == -ENOENT)
		sink_explain(sink, "no journal at " SOCKET_PATH);
	return err;
}

static void journal_destroy(struct sink *sink)
{
	free(sink);
}

static const struct sink_type journal_type = {
	.name = "journal",
	.slow = "the journal was not reading",
	.stream = true,
	.retry_ms = 1000,
	.retry_max_ms = 1000,
	.write = journal_write,
	.destroy = journal_destroy,
};

/* libsystemd takes a missing journal for success: an alert would be lost unseen. */
static int send_to_journal(const struct iovec *fields, int len)
{
	if (access(SOCKET_PATH, F_OK) < 0)
		return -errno;
	return sd_journal_sendv(fields, len);
}

int sink_open_journal_with(int (*send)(const struct iovec *fields, int len),
			   struct sink **out)
{
	/* The first entry makes libsystemd open its socket, which it keeps: later
	 * there may be no descriptor to be had. */
	static char text[] = "MESSAGE=alerts go to the journal";
	static char priority[] = "PRIORITY=7";
	static char identifier[] = "SYSLOG_IDENTIFIER=fdwarden";
	const struct iovec first[] = {{text, sizeof(text) - 1},
				      {priority, sizeof(priority) - 1},
				      {identifier, sizeof(identifier) - 1}};
	struct sink_journal *self;
	int err = send(first, 3);

	if (err < 0)
		return err;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->send = send;
	err = sink_start(&self->sink, &journal_type);
	if (err) {
		free(self);
		return err;
	}
	*out = &self->sink;
	return 0;
}

int sink_open_journal(struct sink **out)
{
	return sink_open_journal_with(send_to_journal, out);
}
