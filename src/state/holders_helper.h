/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders_find() in a process of its own, which lives as long as its question. */
#ifndef FDWARDEN_HOLDERS_HELPER_H
#define FDWARDEN_HOLDERS_HELPER_H

#include "state/holders.h"

/* argv[1] of it. */
#define HOLDERS_HELPER_COMMAND "holders"

/* For a process on `uid`'s account. Of `question` cpu_ms is set here. 0 or -errno: -ETIMEDOUT
 * it took too long and was ended, -EPIPE it broke off, -EBUSY too many are stuck. */
int holders_helper_find(struct holders_question *question, uid_t uid,
			struct holders *out);

/* The helper: answers one question on HELPER_SOCKET. Returns the exit status. */
int holders_helper_run(void);

#endif
