/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sink loses: the accounts, what the log is told, and its own stream. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "output/sink_impl.h"

static int64_t loss_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "3 alerts" */
#define LOSS_COUNT_MAX 64
static const char *loss_count(const struct sink *sink, uint64_t count,
			      char text[LOSS_COUNT_MAX])
{
	const char *noun = sink->type->noun ? sink->type->noun : "alert";

	snprintf(text, LOSS_COUNT_MAX, "%" PRIu64 " %s%s", count, noun,
		 count == 1 ? "" : "s");
	return text;
}

void sink_report_locked(struct sink *sink, const char *format, ...)
{
	unsigned slot;
	va_list args;
	int len;

	/* when nobody takes them, the newest is worth more than the one before */
	if (sink->reports_len == SINK_REPORTS)
		sink->reports_len--;
	slot = (sink->first_report + sink->reports_len++) % SINK_REPORTS;
	len = snprintf(sink->reports[slot], SINK_REPORT_MAX, "%s: ", sink->type->name);
	va_start(args, format);
	vsnprintf(sink->reports[slot] + len, SINK_REPORT_MAX - (size_t)len, format,
		  args);
	va_end(args);
	eventfd_write(sink->event_fd, 1);
}

/* ---- accounts ---- */

void sink_lose_full(struct sink *sink, uint64_t alerts)
{
	sink->dropped += alerts;
	sink->lost_full += alerts;
	if (!sink->full)
		sink_report_locked(sink, "the queue is full, %ss are being lost",
				   sink->type->noun ? sink->type->noun : "alert");
	sink->full = true;
	sink_look_for_room(sink); /* none was lacking where it was memory */
}

/* Half empty: it reads again. At once would be a word of loss for each alert when the reader is
 * merely slow. */
void sink_look_for_room(struct sink *sink)
{
	uint64_t lost = sink->lost_full;
	char count[LOSS_COUNT_MAX];

	if (!sink->full || sink->lines > SINK_QUEUE_LINES / 2 ||
	    sink->bytes > SINK_QUEUE_BYTES / 2)
		return;
	sink_report_locked(sink, "%s lost while %s", loss_count(sink, lost, count),
			   sink->type->slow);
	sink->full = false;
	sink->lost_full = 0;
	/* behind all that waits: the tail is the last one's first member */
	if (sink->head)
		((struct sink_item *)(void *)sink->tail)->lost_after += lost;
	else
		sink->lost_before += lost;
	pthread_cond_signal(&sink->filled);
}

/* The next try, later each time. */
static void put_off(struct sink *sink)
{
	const struct sink_type *type = sink->type;

	sink->retry_ms = sink->retry_ms ? 2 * sink->retry_ms : type->retry_ms;
	if (sink->retry_ms > type->retry_max_ms)
		sink->retry_ms = type->retry_max_ms;
	sink->retry_at_ms = loss_now_ms() + sink->retry_ms;
}

void sink_lose_failing(struct sink *sink, uint64_t alerts, int err)
{
	sink->dropped += alerts;
	if (err == -ECANCELED)
		return;
	sink->lost_failing += alerts;
	sink->lost_before += alerts;
	if (sink->last_error == 0) {
		sink_report_locked(sink, "%s; %ss are being lost",
				   sink->why[0] ? sink->why : strerrordesc_np(-err),
				   sink->type->noun ? sink->type->noun : "alert");
		put_off(sink);
	}
	sink->last_error = -err;
}

static void loss_works_again(struct sink *sink)
{
	char count[LOSS_COUNT_MAX];

	if (!sink->last_error)
		return;
	sink->last_error = 0;
	sink_report_locked(sink, "works again; %s lost",
			   loss_count(sink, sink->lost_failing, count));
	sink->lost_failing = 0;
	sink->retry_ms = 0;
	sink->retry_at_ms = 0;
}

void sink_account_written(struct sink *sink)
{
	sink->written++;
	loss_works_again(sink);
	if (sink->loss.line)
		return;
	/* there is no stream to tell it */
	sink->lost_told += sink->lost_before;
	sink->lost_before = 0;
}

/* ---- its own stream ---- */

int sink_loss_due_ms(const struct sink *sink)
{
	int64_t left = sink->retry_at_ms - loss_now_ms();

	if (!sink->lost_before || !sink->loss.line)
		return -1;
	return left > 0 ? (int)left : 0;
}

static int loss_write(struct sink *sink, const struct sink_loss *loss, uint64_t lost)
{
	char text[SINK_REPORT_MAX];
	char *line = loss->line(loss->context, lost, text, sizeof(text));
	struct sink_message message = {
		.line = line, .text = text, .action = POLICY_ALERTS_LOST};
	int err;

	if (!line)
		return -ENOMEM;
	message.len = strlen(line);
	err = sink->type->write(sink, &message);
	free(line);
	return err;
}

int sink_tell_loss(struct sink *sink)
{
	struct sink_loss loss;
	uint64_t lost;
	int err;

	pthread_mutex_lock(&sink->lock);
	lost = sink->lost_before;
	loss = sink->loss;
	pthread_mutex_unlock(&sink->lock);
	if (!lost || !loss.line)
		return 0;
	err = loss_write(sink, &loss, lost);
	pthread_mutex_lock(&sink->lock);
	if (err) {
		put_off(sink);
	} else {
		sink->lost_before -= lost;
		sink->lost_told += lost;
		sink->written++;
		loss_works_again(sink);
		eventfd_write(sink->event_fd, 1);
	}
	pthread_mutex_unlock(&sink->lock);
	return err;
}

/* ---- the owner's side ---- */

void sink_set_loss(struct sink *sink, struct sink_loss loss)
{
	pthread_mutex_lock(&sink->lock);
	sink->loss = loss;
	pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
}

void sink_missed(struct sink *sink, uint64_t alerts)
{
	pthread_mutex_lock(&sink->lock);
	sink->lost_before += alerts;
	pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
}

uint64_t sink_lost(struct sink *sink)
{
	uint64_t lost;

	pthread_mutex_lock(&sink->lock);
	lost = sink->dropped;
	pthread_mutex_unlock(&sink->lock);
	return lost;
}

uint64_t sink_take_loss(struct sink *sink)
{
	uint64_t lost;

	pthread_mutex_lock(&sink->lock);
	lost = sink->lost_told;
	sink->lost_told = 0;
	pthread_mutex_unlock(&sink->lock);
	return lost;
}
