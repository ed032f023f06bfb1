/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FDWARDEN_SINK_HOOK_H
#define FDWARDEN_SINK_HOOK_H

#include "output/sink.h"

/* As sink_open_hook(), with another time for the program. */
int sink_open_hook_with(const char *program, int timeout_ms, struct sink **out);

#endif
