/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon's replies say, handed on to whoever shows it: fdwarden-protocol(7).
 */
#ifndef FDWARDEN_TOP_REPLY_H
#define FDWARDEN_TOP_REPLY_H

#include <cjson/cJSON.h>

#include "top/source.h"

/* Of a "kinds", a "process", an "incidents" and a "report". What it may hold is checked, not
 * trusted. */
void reply_kinds(const cJSON *reply, const struct source_handlers *to);
void reply_page(const cJSON *reply, const struct source_handlers *to);
/* Of which question they are the answer whoever asked it knows. */
void reply_incidents(const cJSON *reply, pid_t pid, uint64_t start_ns,
		     const struct source_handlers *to);
void reply_report(const cJSON *reply, const char *id, const struct source_handlers *to);
/* The last heading of such a page, below which each alert is a line, however long. */
#define REPLY_ALERTS "Alerts, in your time zone"

/* The message of an "error"; NULL: there is none. */
const char *reply_error(const cJSON *reply);

#endif
