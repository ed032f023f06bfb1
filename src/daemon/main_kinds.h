/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What most descriptors of a process are, for many processes, remembered for a few
 * seconds. For one thread.
 */
#ifndef FDWARDEN_MAIN_KINDS_H
#define FDWARDEN_MAIN_KINDS_H

#include "collect/census.h"
#include "server/server_job.h"

struct main_kinds;

/* `census` is borrowed. NULL: no memory. free accepts NULL. */
struct main_kinds *main_kinds_new(struct census *census);
void main_kinds_free(struct main_kinds *kinds);

/* Answers a REQUEST_MAIN_KINDS. */
void main_kinds_answer(struct main_kinds *kinds, struct server_job *job);

#endif
