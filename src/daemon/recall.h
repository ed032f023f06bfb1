/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers what clients ask of incidents that are over, or go on: out of their records. What
 * it has read of a record it keeps in short until that changes. For one thread, which waits
 * for the disk.
 */
#ifndef FDWARDEN_RECALL_H
#define FDWARDEN_RECALL_H

#include "server/server_job.h"

struct recall;

/* `path`: the directory of the records; NULL: none are kept, which each answer then says.
 * NULL: no memory. free accepts NULL. */
struct recall *recall_new(const char *path);
void recall_free(void *recall);

/* Answers a REQUEST_INCIDENTS or REQUEST_REPORT: fills in the job. `context` is the recall. */
void recall_answer(void *context, struct server_job *job);

#endif
