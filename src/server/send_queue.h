/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What waits to be sent to one client. Replies are few, for the next request is read when
 * they are gone; alerts come by themselves, so their number is bounded: what finds no
 * room is lost to this client, and stated to it.
 */
#ifndef FDWARDEN_SEND_QUEUE_H
#define FDWARDEN_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/shared_text.h"

#define SEND_QUEUE_ALERTS 1024
#define SEND_QUEUE_BYTES  (2u << 20)

struct send_queue_item;

/* Zeroed is empty. */
struct send_queue {
	struct send_queue_item *head, *last;
	size_t offset; /* of the first, sent already */
	size_t replies, reply_bytes, alerts, alert_bytes;
	uint64_t lost; /* alerts, not stated yet */
};

/* Takes the caller's hold, also on failure; NULL is no memory. 0 or -ENOMEM. */
int send_queue_reply(struct send_queue *queue, struct shared_text *text);

/* Holds it, or counts it as lost. */
void send_queue_alert(struct send_queue *queue, struct shared_text *alert);

/* Alerts that were lost before they came here. */
void send_queue_lose(struct send_queue *queue, uint64_t alerts);

bool send_queue_is_empty(const struct send_queue *queue);

/*
 * Sends what the client takes, at most some `budget` bytes, and never waits. *sent: how
 * much went. 0: all is gone, or the budget is; -EAGAIN: it takes no more now; -errno: it
 * is gone.
 */
int send_queue_send(struct send_queue *queue, int fd, size_t budget, size_t *sent);

void send_queue_clear(struct send_queue *queue);

#endif
