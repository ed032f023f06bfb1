/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands a monitor's figures to a thread that wants them now and then: the monitor fills a
 * feed only while somebody asks, and never waits; the thread waits for one that is of the
 * present tick, but not for ever.
 */
#ifndef FDWARDEN_HANDOFF_H
#define FDWARDEN_HANDOFF_H

#include <stdint.h>

#include "output/feed.h"

struct handoff;

/* 0 or -errno. */
int handoff_open(struct handoff **out);
void handoff_close(struct handoff *handoff); /* accepts NULL; both threads are done */

/* ---- the monitor's thread ---- */

/* Readable when figures are wanted before the next tick. */
int handoff_fd(const struct handoff *handoff);

/* After each tick, and when the descriptor is readable. `tick` is the monitor's present
 * one. NULL: nobody wants figures. Else it is to be filled, and given with
 * handoff_give(). */
struct feed *handoff_want(struct handoff *handoff, uint64_t tick);
void handoff_give(struct handoff *handoff);

/* ---- the other one ---- */

/* What is newest, if that is newer than what was taken before: valid until the next call.
 * NULL: it is not; a monitor that is slow to give makes the older figures do. */
struct feed *handoff_take(struct handoff *handoff);

/* From any thread: nobody waits any more. */
void handoff_end(struct handoff *handoff);

#endif
