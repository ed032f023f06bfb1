/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies about all processes, each made once for all clients. For one thread.
 */
#ifndef FDWARDEN_SERVER_REPLIES_H
#define FDWARDEN_SERVER_REPLIES_H

#include "output/roster_keeper.h"
#include "server/server_job.h"

struct server_replies;

/* The keeper is borrowed. NULL: no memory. free accepts NULL. */
struct server_replies *server_replies_new(struct roster_keeper *keeper);
void server_replies_free(struct server_replies *replies);

/* The keeper has a new roster: replies made so far are not to be given any more. */
void server_replies_renew(struct server_replies *replies);

/* Answers a REQUEST_SNAPSHOT, and a REQUEST_SELF. */
void server_replies_snapshot(struct server_replies *replies, struct server_job *job);
void server_replies_self(struct server_replies *replies, struct server_job *job);

#endif
