/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the state file: takes up what stood when the daemon starts, and writes down
 * what stands while it runs.
 */
#ifndef FDWARDEN_KEEPER_H
#define FDWARDEN_KEEPER_H

#include <stdint.h>

#include "daemon/monitor.h"
#include "output/self.h"

struct keeper;

/*
 * Reads what the last daemon left and gives it to the monitor, before its first tick.
 * `path` NULL: nothing is kept. What can't be kept or used is said in the log, and is
 * no error: `out` is then NULL, which all others accept. Returns 0, or -EWOULDBLOCK
 * with one line in `why`: another daemon runs with this file.
 */
int keeper_open(const char *path, struct monitor *monitor, struct keeper **out,
		char *why, size_t why_size);

/*
 * Has a thread write if there is something new, at most once a second. To be called after each
 * event. Returns in how many ns it wants to be called again; 0: at the next event.
 */
uint64_t keeper_update(struct keeper *keeper, struct monitor *monitor);

/* The monitor's figures of itself, as they are written; also without a keeper. */
void keeper_self(const struct keeper *keeper, const struct monitor *monitor,
		 struct self_figures *out);

/* Has it written a last time. */
void keeper_finish(struct keeper *keeper, struct monitor *monitor);

/* Waits at most a second for the disk. */
void keeper_close(struct keeper *keeper);

#endif
