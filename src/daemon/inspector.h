/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers what clients of the socket ask of one process, or of a few: what their
 * descriptors are. With snapshot and census of its own, so that it costs the monitor
 * nothing. For one thread.
 */
#ifndef FDWARDEN_INSPECTOR_H
#define FDWARDEN_INSPECTOR_H

#include <stddef.h>

#include "server/server_job.h"

struct inspector;

/* Opens all that it needs. Where the kernel gives no census, every answer says so. NULL: no
 * memory, or no descriptor. free accepts NULL. */
struct inspector *inspector_new(void);
void inspector_free(struct inspector *inspector);

/* Why there is no census; "" if there is. */
const char *inspector_why_none(const struct inspector *inspector);

/* From another thread: an answer that is being worked out ends soon, and so do later ones. */
void inspector_leave(struct inspector *inspector);

/* Answers a REQUEST_PROCESS or REQUEST_MAIN_KINDS: fills in the job. `context` is the
 * inspector. */
void inspector_answer(void *context, struct server_job *job);

#endif
