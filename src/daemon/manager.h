/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the service manager is told (sd_notify(3)), by a socket that is open from the start:
 * the library opens one for each message, which fails when the system is out of files, and
 * then the manager's watchdog ends the monitor in the hour that it is there for.
 */
#ifndef FDWARDEN_MANAGER_H
#define FDWARDEN_MANAGER_H

#include <stdint.h>

struct manager;

/* By $NOTIFY_SOCKET and $WATCHDOG_USEC. NULL: there is no manager that wants to be told, or no
 * socket is to be had. free accepts NULL. */
struct manager *manager_open(void);
void manager_free(struct manager *manager);

/* "READY=1". NULL is told nothing. 0 or -errno. Waits up to 5 s for a manager that is busy:
 * what is not told now is never told, and it would take the start to have failed. */
int manager_say(struct manager *manager, const char *text);

/* "WATCHDOG=1", which is told again soon: never waits, -EAGAIN if there is no room. */
int manager_feed(struct manager *manager);

/* How often it wants to be told "WATCHDOG=1", at least twice in its time, in µs; 0: never. */
uint64_t manager_watchdog_us(const struct manager *manager);

#endif
