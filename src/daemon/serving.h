/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's side of its socket and of its metrics: opens them, and gives them what the
 * monitor has.
 */
#ifndef FDWARDEN_SERVING_H
#define FDWARDEN_SERVING_H

#include "config/config.h"
#include "daemon/keeper.h"
#include "daemon/monitor.h"
#include "output/outlet.h"

struct serving;

/* /run/fdwarden, where the configuration has the state or the socket there, and this is root: by
 * hand, and without systemd, no service manager has made it. Before either of them is opened. */
void serving_make_directory(const struct config *config);

/* As the configuration says; all are borrowed. What is wrong is said in the log, and is no
 * error: monitoring goes on without. NULL: nothing is served; all others accept it. */
struct serving *serving_open(const struct config *config, struct outlet *outlet,
			     struct monitor *monitor, const struct keeper *keeper);

/* Those that are readable when serving_update() is wanted before the next tick. Returns
 * their number. */
#define SERVING_FDS 2
size_t serving_fds(const struct serving *serving, int fds[SERVING_FDS]);

/* After each tick, and when the descriptor is readable. Returns whether somebody has asked
 * lately, so that figures are wanted each interval. */
bool serving_update(struct serving *serving);

void serving_close(struct serving *serving);

#endif
