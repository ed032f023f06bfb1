/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that are proposed, as text for a shell and as lists of arguments. */
#ifndef FDWARDEN_COMMAND_JSON_H
#define FDWARDEN_COMMAND_JSON_H

#include <cjson/cJSON.h>

#include "state/command.h"

/* Adds "commands" and "steps" to `parent`, one item for each of `len` commands; nothing if
 * there are none. Returns 0 or -ENOMEM. */
int command_json_add(cJSON *parent, const struct command *commands, size_t len);

#endif
