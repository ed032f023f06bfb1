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

/* ---- reports; under the lock ---- */

__attribute__((format(printf, 2, 3))) static void report(struct sink *sink,
							 const char *format, ...)
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

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void account_drop_full(struct sink *sink)
{
	sink->dropped++;
	sink->lost_full++;
	if (sink->full)
		return;
	sink->full = true;
	report(sink, "the queue is full, alerts are being lost");
}

static void account_written(struct sink *sink)
{
	sink->written++;
	if (sink->last_error) {
		sink->last_error = 0;
		report(sink, "works again; %" PRIu64 " alert%s lost",
		       sink->lost_failing, plural(sink->lost_failing));
		sink->lost_untold += sink->lost_failing;
		sink->lost_failing = 0;
	}
	/* Half empty: it reads again. At once would be a report a line when the
	 * reader is merely slow. */
	if (sink->full && sink->lines <= SINK_QUEUE_LINES / 2 &&
	    sink->bytes <= SINK_QUEUE_BYTES / 2) {
		report(sink, "%" PRIu64 " alert%s lost while %s", sink->lost_full,
		       plural(sink->lost_full), sink->type->slow);
		sink->lost_untold += sink->lost_full;
		sink->full = false;
		sink->lost_full = 0;
	}
}

static void account_failure(struct sink *sink, int err)
{
	sink->dropped++;
	if (err == -ECANCELED)
		return;
	sink->lost_failing++;
	if (sink->last_error == 0)
		report(sink, "%s; alerts are being lost",
		       sink->why[0] ? sink->why : strerrordesc_np(-err));
	sink->last_error = -err;
}

/* ---- the thread ---- */

/* How often what is open is looked at. */
#define LOOK_NS 1000000000u

/* Under the lock, with nothing to do: looks once in a while. */
static void idle(struct sink *sink)
{
	struct timespec until = thread_deadline(LOOK_NS);

	if (!sink->type->look) {
		pthread_cond_wait(&sink->filled, &sink->lock);
		return;
	}
	if (!pthread_cond_timedwait(&sink->filled, &sink->lock, &until))
		return;
	pthread_mutex_unlock(&sink->lock);
	sink->type->look(sink);
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
			report(sink, "could not be opened anew: %s",
			       strerrordesc_np(-err));
	} else {
		sink->lines--;
		sink->bytes -= item->bytes;
		if (err)
			account_failure(sink, err);
		else
			account_written(sink);
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
	report(sink, "could not be opened anew: %s", strerrordesc_np(-err));
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
	close(sink->wake_fd);
	close(sink->event_fd);
	pthread_cond_destroy(&sink->filled);
	pthread_cond_destroy(&sink->ended);
	pthread_mutex_destroy(&sink->lock);
	sink->type->destroy(sink);
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
				   : sink->type->write(sink, &item->message);
		settle(sink, item, err);
	}
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
	report(sink, "%s", text);
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
	lost = sink->dropped + sink->lines;
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
	item->message.merged = old->message.merged + 1;
	free(old);
}

int sink_put(struct sink *sink, const struct sink_message *message)
{
	struct sink_item *item = new_item(message);
	int err = 0;

	pthread_mutex_lock(&sink->lock);
	if (item)
		merge(sink, item);
	if (item && sink->lines < SINK_QUEUE_LINES &&
	    sink->bytes + item->bytes <= SINK_QUEUE_BYTES) {
		sink->lines++;
		sink->bytes += item->bytes;
		append(sink, item);
		item = NULL;
	} else {
		account_drop_full(sink);
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

uint64_t sink_lost(struct sink *sink)
{
	uint64_t lost;

	pthread_mutex_lock(&sink->lock);
	lost = sink->dropped;
	pthread_mutex_unlock(&sink->lock);
	return lost;
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

uint64_t sink_take_loss(struct sink *sink)
{
	uint64_t lost;

	pthread_mutex_lock(&sink->lock);
	lost = sink->lost_untold;
	sink->lost_untold = 0;
	pthread_mutex_unlock(&sink->lock);
	return lost;
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
