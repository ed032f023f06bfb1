/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * origin_find() in a process of its own, which lives as long as its question: what it reads
 * is whatever the process, its user or its container made of it, and may never come.
 */
#ifndef FDWARDEN_ORIGIN_HELPER_H
#define FDWARDEN_ORIGIN_HELPER_H

#include "state/origin.h"

/* argv[1] of it. */
#define ORIGIN_HELPER_COMMAND "origin"

/* For one question, its start included. */
#define ORIGIN_HELPER_CPU_MS  2000
#define ORIGIN_HELPER_TIME_MS 4000

/* As origin_find(), and reads what is missing of `who`, which is the question's. 0 or
 * -errno: -ETIMEDOUT it took too long and was ended, -EPIPE it crashed, -EBUSY too many
 * are stuck. */
int origin_helper_find(const struct origin_question *question, struct identity *who,
		       struct origin *out);

/* The helper: answers one question on HELPER_SOCKET. Returns the exit status. */
int origin_helper_run(void);

#endif
