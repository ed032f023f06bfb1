/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers what is asked of all processes: a thread that takes the monitor's figures,
 * finds out who the processes are, and makes text of them, of each row only when it has
 * changed and of each reply once for all clients.
 */
#ifndef FDWARDEN_SERVER_ROSTER_H
#define FDWARDEN_SERVER_ROSTER_H

#include <stdbool.h>

#include "output/feed.h"
#include "server/server_job.h"

struct server_roster;

/* Answers go to `replies`; a process that was found goes on to `processes` with its row. Both
 * are borrowed. 0 or -errno. */
int server_roster_open(struct server_queue *processes, struct server_queue *replies,
		       struct server_roster **out);

/* Takes the job; false: as server_queue_put() says. */
bool server_roster_ask(struct server_roster *roster, struct server_job *job);

/* ---- the monitor's thread ---- */

/* Readable when figures are wanted now. */
int server_roster_fd(const struct server_roster *roster);

/* After each tick, and when the descriptor is readable. `tick` is the monitor's present
 * one. NULL: nobody wants figures. Else it is to be filled, and given back with
 * server_roster_feed(). Neither waits. */
struct feed *server_roster_want(struct server_roster *roster, uint64_t tick);
void server_roster_feed(struct server_roster *roster);

/* Ends the thread. Accepts NULL. */
void server_roster_close(struct server_roster *roster);

#endif
