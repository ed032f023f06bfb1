/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at what processes' descriptors are, where no daemon does: in a thread of its
 * own, as it takes from milliseconds to half a second. For one calling thread.
 */
#ifndef FDWARDEN_TOP_LOOKER_H
#define FDWARDEN_TOP_LOOKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "top/source.h"

struct looker;

/* 0 or -errno. close accepts NULL, and waits for what is being looked at. */
int looker_open(struct looker **out);
void looker_close(struct looker *looker);

/* Asks; what was asked before and not begun yet is dropped. */
void looker_ask_kinds(struct looker *looker, const pid_t *pids, size_t len);
void looker_ask_page(struct looker *looker, pid_t pid, int width);

/* Readable when there are answers, which looker_take() hands on. */
int looker_fd(const struct looker *looker);
void looker_take(struct looker *looker, const struct source_handlers *to);

#endif
