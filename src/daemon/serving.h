/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's side of its socket: opens it, and gives it what the monitor has.
 */
#ifndef FDWARDEN_SERVING_H
#define FDWARDEN_SERVING_H

#include "config/config.h"
#include "daemon/keeper.h"
#include "daemon/monitor.h"
#include "output/outlet.h"

struct serving;

/* As the configuration says; all are borrowed. What is wrong is said in the log, and is no
 * error: monitoring goes on without. NULL: no socket is served; all others accept it. */
struct serving *serving_open(const struct config *config, struct outlet *outlet,
			     struct monitor *monitor, const struct keeper *keeper);

/* Readable when serving_update() is wanted before the next tick; -1: never. */
int serving_fd(const struct serving *serving);

/* After each tick, and when the descriptor is readable. */
void serving_update(struct serving *serving);

void serving_close(struct serving *serving);

#endif
