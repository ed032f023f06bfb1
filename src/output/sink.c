/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue, the thread and the accounts that all sinks share. */
#include "output/sink_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "thread.h"

/* How long a cancelled thread has to notice, before it is left to itself. */
#define NOTICE_MS 200

/* ---- the thread ---- */

/* How often what is open is looked at. */
#define LOOK_NS   1000000000u

/* Under the lock, with nothing to do: looks once in a while, and tells what is lost as soon
 * as that can be. */
static void idle(struct sink *sink)
{
	int due_ms = sink_loss_due_ms(sink);
	uint64_t wait_ns = due_ms < 0 ? UINT64_MAX : (uint64_t)due_ms * 1000000u;
	struct timespec until;

	if (sink->type->look && wait_ns > LOOK_NS)
		wait_ns = LOOK_NS;
	if (wait_ns == UINT64_MAX) {
		pthread_cond_wait(&sink->filled, &sink->lock);
		return;
	}
	until = thread_deadline(wait_ns);
	if (due_ms && !pthread_cond_timedwait(&sink->filled, &sink->lock, &until))
		return;
	due_ms = sink_loss_due_ms(sink);
	pthread_mutex_unlock(&sink->lock);
	if (sink->type->look)
		sink->type->look(sink);
	if (!due_ms)
		(void)sink_tell_loss(sink);
	pthread_mutex_lock(&sink->lock);
}

/* The next thing to do; NULL: it is all over. */
static struct sink_item *take(struct sink *sink)
{
	struct sink_item *item;

	pthread_mutex_lock(&sink->lock);
	while (!sink->head && !sink->closing)
		idle(sink);
	item = atomic_load(&sink->cancelled) ? NULL : sink->head;
	if (item) {
		sink->head = item->next;
		if (!sink->head)
			sink->tail = &sink->head;
	}
	pthread_mutex_unlock(&sink->lock);
	return item;
}

static void settle(struct sink *sink, struct sink_item *item, int err)
{
	pthread_mutex_lock(&sink->lock);
	if (item->reopen) {
		if (err)
			sink_report_locked(sink, "could not be opened anew: %s",
					   strerrordesc_np(-err));
	} else {
		sink->lines--;
		sink->bytes -= item->bytes;
		sink->merged -= item->message.merged;
		sink->lost_before += item->lost_after;
		if (err)
			sink_lose_failing(sink, 1 + item->message.merged, err);
		else
			sink_account_written(sink);
		sink_look_for_room(sink);
	}
	pthread_mutex_unlock(&sink->lock);
	free(item);
}

/* The word to reopen that could not be queued is late, but not lost. */
static void reopen_late(struct sink *sink)
{
	bool wanted;
	int err;

	pthread_mutex_lock(&sink->lock);
	wanted = sink->reopen_wanted;
	sink->reopen_wanted = false;
	pthread_mutex_unlock(&sink->lock);
	if (!wanted)
		return;
	err = sink->type->reopen(sink);
	if (!err)
		return;
	pthread_mutex_lock(&sink->lock);
	sink_report_locked(sink, "could not be opened anew: %s", strerrordesc_np(-err));
	pthread_mutex_unlock(&sink->lock);
}

static void release(struct sink *sink)
{
	struct sink_item *item, *next;

	if (atomic_fetch_sub(&sink->holders, 1) > 1)
		return;
	for (item = sink->head; item; item = next) {
		next = item->next;
		free(item);
	}
	if (sink->loss.free_context)
		sink->loss.free_context(sink->loss.context);
	close(sink->wake_fd);
	close(sink->event_fd);
	pthread_cond_destroy(&sink->filled);
	pthread_cond_destroy(&sink->ended);
	pthread_mutex_destroy(&sink->lock);
	sink->type->destroy(sink);
}

/* The word of what was lost comes first where it is a stream. */
static int write_alert(struct sink *sink, const struct sink_message *message)
{
	int err = sink->type->stream ? sink_tell_loss(sink) : 0;

	return err ? err : sink->type->write(sink, message);
}

/* What there is still to be told, if it can be. */
static void part(struct sink *sink)
{
	if (sink->type->stream && !atomic_load(&sink->cancelled))
		(void)sink_tell_loss(sink);
}

static void *run(void *arg)
{
	struct sink *sink = arg;
	struct sink_item *item;

	if (sink->type->start)
		sink->type->start(sink);
	while ((item = take(sink))) {
		int err;

		sink->why[0] = '\0';
		reopen_late(sink);
		if (sink->type->look && !item->reopen)
			sink->type->look(sink);
		err = item->reopen ? sink->type->reopen(sink)
				   : write_alert(sink, &item->message);
		settle(sink, item, err);
	}
	part(sink);
	pthread_mutex_lock(&sink->lock);
	sink->done = true;
	pthread_cond_signal(&sink->ended);
	pthread_mutex_unlock(&sink->lock);
	release(sink);
	return NULL;
}

int sink_wait(struct sink *sink, int fd, short events, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = sink->wake_fd, .events = POLLIN},
			       {.fd = fd, .events = events}};

	while (poll(fds, 2, timeout_ms) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (fds[0].revents)
		return -ECANCELED;
	return fds[1].revents ? 1 : 0;
}

void sink_say(struct sink *sink, const char *format, ...)
{
	char text[SINK_REPORT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&sink->lock);
	sink_report_locked(sink, "%s", text);
	pthread_mutex_unlock(&sink->lock);
}

void sink_explain(struct sink *sink, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sink->why, sizeof(sink->why), format, args);
	va_end(args);
}

/* ---- start and end ---- */

static int start_thread(struct sink *sink)
{
	char name[16];

	snprintf(name, sizeof(name), "sink-%s", sink->type->name);
	return thread_start_plain(&sink->thread, name, run, sink);
}

int sink_start(struct sink *sink, const struct sink_type *type)
{
	int err;

	sink->type = type;
	sink->tail = &sink->head;
	atomic_init(&sink->holders, 2);
	atomic_init(&sink->cancelled, false);
	sink->event_fd = -1;
	sink->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sink->wake_fd < 0)
		return -errno;
	sink->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sink->event_fd < 0) {
		err = -errno;
		goto close_wake;
	}
	pthread_mutex_init(&sink->lock, NULL);
	thread_cond_init(&sink->filled);
	thread_cond_init(&sink->ended);
	err = start_thread(sink);
	if (!err)
		return 0;
	pthread_cond_destroy(&sink->ended);
	pthread_cond_destroy(&sink->filled);
	pthread_mutex_destroy(&sink->lock);
	close(sink->event_fd);
close_wake:
	close(sink->wake_fd);
	return err;
}

/* Under the lock: waits for the thread's end, for at most ms. */
static bool await_end(struct sink *sink, int ms)
{
	struct timespec until = thread_deadline((uint64_t)ms * 1000000u);

	while (!sink->done) {
		if (pthread_cond_timedwait(&sink->ended, &sink->lock, &until))
			break;
	}
	return sink->done;
}

void sink_finish(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sink->closing = true;
	pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
}

bool sink_has_ended(struct sink *sink)
{
	bool ended;

	pthread_mutex_lock(&sink->lock);
	ended = await_end(sink, 0);
	pthread_mutex_unlock(&sink->lock);
	return ended;
}

uint64_t sink_close(struct sink *sink, int timeout_ms)
{
	uint64_t lost;
	bool done;

	if (!sink)
		return 0;
	pthread_mutex_lock(&sink->lock);
	sink->closing = true;
	pthread_cond_signal(&sink->filled);
	done = await_end(sink, timeout_ms > 0 ? timeout_ms : 0);
	if (!done) {
		atomic_store(&sink->cancelled, true);
		eventfd_write(sink->wake_fd, 1);
		done = await_end(sink, NOTICE_MS);
	}
	lost = sink->dropped + sink->lines + sink->merged;
	pthread_mutex_unlock(&sink->lock);
	if (done)
		pthread_join(sink->thread, NULL);
	else /* in the kernel, for who knows how long */
		pthread_detach(sink->thread);
	release(sink);
	return lost;
}

/* ---- the owner's side ---- */

static size_t size_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *store(char **at, const char *text, size_t size)
{
	char *copy = *at;

	if (!text)
		return NULL;
	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static struct sink_item *new_item(const struct sink_message *message)
{
	size_t size = sizeof(struct sink_item) + message->len + 1 +
		      size_of(message->text) + size_of(message->name) +
		      size_of(message->service) + size_of(message->incident);
	struct sink_item *item = malloc(size);
	char *at;

	if (!item)
		return NULL;
	memset(item, 0, sizeof(*item));
	item->bytes = size;
	item->message = *message;
	at = item->strings;
	item->message.line = store(&at, message->line, message->len);
	*at++ = '\0';
	item->message.text = store(&at, message->text, size_of(message->text));
	item->message.name = store(&at, message->name, size_of(message->name));
	item->message.service = store(&at, message->service, size_of(message->service));
	item->message.incident =
		store(&at, message->incident, size_of(message->incident));
	return item;
}

/* Under the lock. */
static void append(struct sink *sink, struct sink_item *item)
{
	*sink->tail = item;
	sink->tail = &item->next;
	pthread_cond_signal(&sink->filled);
}

/* Takes out one that waits and is of the same incident, which `item` then stands for.
 * Under the lock. */
static void merge(struct sink *sink, struct sink_item *item)
{
	struct sink_item **at = &sink->head, *old;

	if (!sink->type->merge_above || sink->lines <= sink->type->merge_above ||
	    !item->message.incident)
		return;
	for (; (old = *at); at = &old->next)
		if (old->message.incident &&
		    !strcmp(old->message.incident, item->message.incident))
			break;
	if (!old)
		return;
	*at = old->next;
	if (!old->next)
		sink->tail = at;
	sink->lines--;
	sink->bytes -= old->bytes;
	sink->merged -= old->message.merged;
	sink->lost_before += old->lost_after;
	item->message.merged = old->message.merged + 1;
	free(old);
}

int sink_put(struct sink *sink, const struct sink_message *message)
{
	struct sink_item *item = new_item(message);
	int err = 0;

	pthread_mutex_lock(&sink->lock);
	/* what was lost is told in its place: nothing goes in until that has one */
	if (item && !sink->full)
		merge(sink, item);
	if (item && !sink->full && sink->lines < SINK_QUEUE_LINES &&
	    sink->bytes + item->bytes <= SINK_QUEUE_BYTES) {
		sink->lines++;
		sink->bytes += item->bytes;
		sink->merged += item->message.merged;
		append(sink, item);
		item = NULL;
	} else {
		sink_lose_full(sink, item ? 1 + item->message.merged : 1);
		err = -ENOBUFS;
	}
	pthread_mutex_unlock(&sink->lock);
	free(item);
	return err;
}

void sink_reopen(struct sink *sink)
{
	struct sink_item *item;

	if (!sink->type->reopen)
		return;
	item = calloc(1, sizeof(*item));
	pthread_mutex_lock(&sink->lock);
	if (item) {
		item->reopen = true;
		append(sink, item);
	} else {
		sink->reopen_wanted = true;
	}
	pthread_mutex_unlock(&sink->lock);
}

void sink_stats(struct sink *sink, struct sink_stats *out)
{
	pthread_mutex_lock(&sink->lock);
	out->name = sink->type->name;
	out->written = sink->written;
	out->dropped = sink->dropped;
	out->queued = sink->lines;
	out->last_error = sink->last_error;
	pthread_mutex_unlock(&sink->lock);
}

int sink_event_fd(const struct sink *sink)
{
	return sink->event_fd;
}

bool sink_report(struct sink *sink, char *line, size_t size)
{
	eventfd_t ignored;
	bool any;

	pthread_mutex_lock(&sink->lock);
	any = sink->reports_len > 0;
	if (any) {
		snprintf(line, size, "%s", sink->reports[sink->first_report]);
		sink->first_report = (sink->first_report + 1) % SINK_REPORTS;
		sink->reports_len--;
	}
	if (sink->reports_len == 0)
		eventfd_read(sink->event_fd, &ignored);
	pthread_mutex_unlock(&sink->lock);
	return any;
}
