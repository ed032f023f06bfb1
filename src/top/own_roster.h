/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A roster of a monitor of our own: its figures at its last tick, and who the processes
 * are, which is read once for each of them. What there is no time for is read next time.
 */
#ifndef FDWARDEN_TOP_OWN_ROSTER_H
#define FDWARDEN_TOP_OWN_ROSTER_H

#include <stdint.h>

#include "daemon/monitor.h"
#include "output/roster.h"

struct own_roster;

/* NULL: no memory. free accepts NULL. */
struct own_roster *own_roster_new(void);
void own_roster_free(struct own_roster *own);

/* After a tick; reads for at most `patience_ns`. 0 or -ENOMEM, with the roster as it
 * was. */
int own_roster_update(struct own_roster *own, struct monitor *monitor,
		      uint64_t patience_ns);

const struct roster *own_roster(const struct own_roster *own);

#endif
