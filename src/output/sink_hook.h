/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FDWARDEN_SINK_HOOK_H
#define FDWARDEN_SINK_HOOK_H

#include <stdint.h>

#include "output/sink.h"

/* The soft RLIMIT_NOFILE that the programs get, where ours is higher: that with which
 * we were started. Before the first one is opened. 0, as at first: what is ours. */
void sink_hook_set_soft_limit(uint64_t soft);

/* As sink_open_hook(), with another time for the program. */
int sink_open_hook_with(const char *program, int timeout_ms, struct sink **out);

#endif
