// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/handoff.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "thread.h"

/* After the last question, figures are kept at hand for so long. */
#define WANTED_NS   5000000000ull
/* So much later than an interval the next figures may come without being asked for. */
#define LATE_NS     250000000ull
/* How long a question waits for figures, when none are there. */
#define PATIENCE_NS 5000000000ull

struct handoff {
	int want_fd;
	atomic_uint_fast64_t tick;      /* the monitor's last */
	atomic_uint_fast64_t wanted_ns; /* when it was last asked for; 0: never */
	uint64_t taken_tick;            /* the other thread's */

	pthread_mutex_t lock; /* of the feeds' places, never held for long */
	pthread_cond_t given;
	struct feed feeds[3];
	struct feed *spare; /* the monitor's, to be filled */
	struct feed *ready; /* filled, and not taken yet if `fresh` */
	struct feed *mine;  /* the other thread's */
	uint64_t gives;     /* how many feeds were given */
	uint64_t
		stale_ns; /* when the newest of them is due to be followed; 0: none was */
	bool fresh, ended;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int handoff_fd(const struct handoff *h)
{
	return h->want_fd;
}

struct feed *handoff_want(struct handoff *h, uint64_t tick)
{
	uint64_t wanted_ns = atomic_load(&h->wanted_ns);
	eventfd_t ignored;

	(void)eventfd_read(h->want_fd, &ignored);
	atomic_store(&h->tick, tick);
	if (!wanted_ns || now_ns() > wanted_ns + WANTED_NS)
		return NULL;
	return h->spare;
}

void handoff_give(struct handoff *h)
{
	struct feed *filled = h->spare;

	pthread_mutex_lock(&h->lock);
	h->spare = h->ready;
	h->ready = filled;
	h->fresh = true;
	h->gives++;
	h->stale_ns = now_ns() + filled->head.interval_ns + LATE_NS;
	pthread_cond_signal(&h->given);
	pthread_mutex_unlock(&h->lock);
}

/* Under the lock: of which tick the newest figures are. */
static uint64_t newest(const struct handoff *h)
{
	return h->fresh ? h->ready->tick : h->taken_tick;
}

struct feed *handoff_take(struct handoff *h)
{
	struct timespec until = thread_deadline(PATIENCE_NS);
	uint64_t have, gives, asked_ns = now_ns();
	bool fresh;

	atomic_store(&h->wanted_ns, asked_ns);
	pthread_mutex_lock(&h->lock);
	have = newest(h);
	gives = h->gives;
	/* Before the first tick there is none either: the first figures are waited for. And
	 * while nobody asked, the monitor may have looked less often than each interval. */
	if (!have || have != atomic_load(&h->tick) || asked_ns > h->stale_ns) {
		eventfd_write(h->want_fd, 1);
		while (h->gives == gives && !h->ended &&
		       !pthread_cond_timedwait(&h->given, &h->lock, &until))
			;
	}
	fresh = h->fresh;
	if (fresh) {
		struct feed *taken = h->ready;

		h->ready = h->mine;
		h->mine = taken;
		h->fresh = false;
		h->taken_tick = taken->tick;
	}
	pthread_mutex_unlock(&h->lock);
	return fresh ? h->mine : NULL;
}

void handoff_end(struct handoff *h)
{
	pthread_mutex_lock(&h->lock);
	h->ended = true;
	pthread_cond_broadcast(&h->given);
	pthread_mutex_unlock(&h->lock);
}

int handoff_open(struct handoff **out)
{
	struct handoff *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->spare = &h->feeds[0];
	h->ready = &h->feeds[1];
	h->mine = &h->feeds[2];
	h->want_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->want_fd < 0) {
		err = -errno;
		free(h);
		return err;
	}
	pthread_mutex_init(&h->lock, NULL);
	thread_cond_init(&h->given);
	*out = h;
	return 0;
}

void handoff_close(struct handoff *h)
{
	if (!h)
		return;
	for (int i = 0; i < 3; i++)
		feed_clear(&h->feeds[i]);
	close(h->want_fd);
	pthread_cond_destroy(&h->given);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
