// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/send_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Texts in one call: an alert has some 2 KB. */
#define PIECES_MAX 64

struct send_queue_item {
	struct send_queue_item *next;
	bool is_alert;
	struct shared_text *text;
};

/* Takes the caller's hold. */
static int append(struct send_queue *queue, struct shared_text *text, bool is_alert)
{
	struct send_queue_item *item = text ? malloc(sizeof(*item)) : NULL;

	if (!item) {
		shared_text_release(text);
		return -ENOMEM;
	}
	*item = (struct send_queue_item){.is_alert = is_alert, .text = text};
	if (queue->head)
		queue->last->next = item;
	else
		queue->head = item;
	queue->last = item;
	queue->replies += !is_alert;
	queue->reply_bytes += is_alert ? 0 : text->len;
	queue->alerts += is_alert;
	queue->alert_bytes += is_alert ? text->len : 0;
	return 0;
}

int send_queue_reply(struct send_queue *queue, struct shared_text *text)
{
	return append(queue, text, false);
}

/* Half empty: it reads again. At once would be a line an alert when the reader is merely
 * slow. */
static void state_loss(struct send_queue *queue)
{
	struct shared_text *text;

	if (!queue->lost || queue->alerts > SEND_QUEUE_ALERTS / 2 ||
	    queue->alert_bytes > SEND_QUEUE_BYTES / 2)
		return;
	text = shared_text_format("{\"lost\":%" PRIu64 "}\n", queue->lost);
	if (!append(queue, text, true))
		queue->lost = 0;
}

void send_queue_alert(struct send_queue *queue, struct shared_text *alert)
{
	state_loss(queue);
	if (queue->lost || queue->alerts >= SEND_QUEUE_ALERTS ||
	    queue->alert_bytes + alert->len > SEND_QUEUE_BYTES ||
	    append(queue, shared_text_hold(alert), true))
		queue->lost++;
}

void send_queue_lose(struct send_queue *queue, uint64_t alerts)
{
	queue->lost += alerts;
	state_loss(queue);
}

bool send_queue_is_empty(const struct send_queue *queue)
{
	return !queue->head;
}

static void drop_first(struct send_queue *queue)
{
	struct send_queue_item *item = queue->head;

	queue->head = item->next;
	queue->offset = 0;
	queue->replies -= !item->is_alert;
	queue->reply_bytes -= item->is_alert ? 0 : item->text->len;
	queue->alerts -= item->is_alert;
	queue->alert_bytes -= item->is_alert ? item->text->len : 0;
	shared_text_release(item->text);
	free(item);
}

/* Drops what has gone. */
static void account(struct send_queue *queue, size_t sent)
{
	while (sent && queue->head) {
		size_t rest = queue->head->text->len - queue->offset;

		if (sent < rest) {
			queue->offset += sent;
			return;
		}
		sent -= rest;
		drop_first(queue);
	}
}

static int send_some(struct send_queue *queue, int fd, size_t budget, size_t *sent)
{
	struct iovec pieces[PIECES_MAX];
	struct msghdr message = {.msg_iov = pieces};
	size_t offset = queue->offset, total = 0;
	ssize_t n;

	for (struct send_queue_item *item = queue->head;
	     item && total < budget && message.msg_iovlen < PIECES_MAX;
	     item = item->next) {
		struct iovec *piece = &pieces[message.msg_iovlen++];

		piece->iov_base = item->text->bytes + offset;
		piece->iov_len = item->text->len - offset;
		if (piece->iov_len > budget - total)
			piece->iov_len = budget - total;
		total += piece->iov_len;
		offset = 0;
	}
	n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	account(queue, (size_t)n);
	*sent += (size_t)n;
	return 0;
}

int send_queue_send(struct send_queue *queue, int fd, size_t budget, size_t *sent)
{
	int err = 0;

	*sent = 0;
	while (!err && *sent < budget) {
		state_loss(queue);
		if (!queue->head)
			break;
		err = send_some(queue, fd, budget - *sent, sent);
		if (err == -EINTR)
			err = 0;
	}
	return err;
}

void send_queue_clear(struct send_queue *queue)
{
	while (queue->head)
		drop_first(queue);
	memset(queue, 0, sizeof(*queue));
}
