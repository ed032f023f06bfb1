/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups of the state file, and what waits for their summaries. */
#ifndef FDWARDEN_STATE_GROUPS_H
#define FDWARDEN_STATE_GROUPS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "state/standing.h"

/* Adds one group's members to `out`; `brief`: without the names of the processes that
 * are gone. 0 or -ENOMEM. */
int state_groups_put(cJSON *out, const struct standing_group *group, bool brief);

/* Reads one into a zeroed group, which may be anything. false: it is damaged. */
bool state_groups_get(const cJSON *from, struct standing_group *group);

#endif
