// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/state_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "thread.h"

struct slot {
	struct state_file *file;
	char *text; /* waits; NULL: nothing */
	size_t len, max;
	bool writing;
	bool ended; /* and was not asked for yet; the next two are known */
	int err;
	uint64_t took_ns;
};

struct state_writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows; never held while writing */
	pthread_cond_t changed;
	struct slot slots[STATE_WRITER_KINDS];
	bool leave; /* when nothing waits */
	bool gone;  /* the thread has ended */
	bool alone; /* nobody waits for it: it frees all */
};

static void free_all(struct state_writer *writer)
{
	for (int i = 0; i < STATE_WRITER_KINDS; i++) {
		state_file_close(writer->slots[i].file);
		free(writer->slots[i].text);
	}
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

/* With the lock, which it gives up meanwhile. */
static void write_slot(struct state_writer *writer, struct slot *slot)
{
	char *text = slot->text;
	size_t len = slot->len, max = slot->max;
	uint64_t begin_ns;
	int err;

	slot->text = NULL;
	slot->writing = true;
	pthread_mutex_unlock(&writer->lock);
	begin_ns = kernel_now_ns();
	err = slot->file ? state_file_write(slot->file, text, len, max) : -EBADF;
	free(text);
	pthread_mutex_lock(&writer->lock);
	slot->writing = false;
	slot->ended = true;
	slot->err = err;
	slot->took_ns = kernel_now_ns() - begin_ns;
	pthread_cond_broadcast(&writer->changed);
}

static struct slot *slot_waiting(struct state_writer *writer)
{
	for (int i = 0; i < STATE_WRITER_KINDS; i++)
		if (writer->slots[i].text)
			return &writer->slots[i];
	return NULL;
}

static void *state_writer_run(void *arg)
{
	struct state_writer *writer = arg;
	struct slot *slot;
	bool alone;

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (!(slot = slot_waiting(writer)) && !writer->leave)
			pthread_cond_wait(&writer->changed, &writer->lock);
		if (!slot)
			break;
		write_slot(writer, slot);
	}
	writer->gone = true;
	alone = writer->alone;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (alone)
		free_all(writer);
	return NULL;
}

int state_writer_new(struct state_file *files[STATE_WRITER_KINDS],
		     struct state_writer **out)
{
	struct state_writer *writer = calloc(1, sizeof(*writer));
	int err;

	if (!writer)
		return -ENOMEM;
	pthread_mutex_init(&writer->lock, NULL);
	thread_cond_init(&writer->changed);
	for (int i = 0; i < STATE_WRITER_KINDS; i++)
		writer->slots[i].file = files[i];
	err = thread_start_plain(&writer->thread, "state", state_writer_run, writer);
	if (err) {
		memset(writer->slots, 0, sizeof(writer->slots));
		free_all(writer);
		return err;
	}
	*out = writer;
	return 0;
}

void state_writer_put(struct state_writer *writer, enum state_writer_kind kind,
		      char *text, size_t len, size_t max)
{
	struct slot *slot = &writer->slots[kind];
	char *old;

	pthread_mutex_lock(&writer->lock);
	old = slot->text;
	slot->text = text;
	slot->len = len;
	slot->max = max;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	free(old);
}

bool state_writer_idle(struct state_writer *writer, enum state_writer_kind kind)
{
	bool idle;

	pthread_mutex_lock(&writer->lock);
	idle = !writer->slots[kind].text && !writer->slots[kind].writing;
	pthread_mutex_unlock(&writer->lock);
	return idle;
}

bool state_writer_result(struct state_writer *writer, enum state_writer_kind kind,
			 int *err, uint64_t *took_ns)
{
	struct slot *slot = &writer->slots[kind];
	bool ended;

	pthread_mutex_lock(&writer->lock);
	ended = slot->ended;
	*err = slot->err;
	*took_ns = slot->took_ns;
	slot->ended = false;
	pthread_mutex_unlock(&writer->lock);
	return ended;
}

bool state_writer_close(struct state_writer *writer, uint64_t wait_ns)
{
	struct timespec until = thread_deadline(wait_ns);
	bool late = false;

	pthread_mutex_lock(&writer->lock);
	writer->leave = true;
	pthread_cond_broadcast(&writer->changed);
	while (!writer->gone && !late)
		late = pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
	late = !writer->gone;
	writer->alone = late;
	pthread_mutex_unlock(&writer->lock);
	if (late) {
		pthread_detach(writer->thread);
		return false;
	}
	pthread_join(writer->thread, NULL);
	free_all(writer);
	return true;
}
