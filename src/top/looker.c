// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/looker.h"

#include <errno.h>
#include <langinfo.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collect/census.h"
#include "policy/inventory.h"
#include "thread.h"
#include "top/inspection_page.h"

/* What one process's main kind is told from, at most. */
#define KIND_DESCRIPTORS 65536

struct looker_kind {
	pid_t pid;
	char name[48];
	uint64_t count, of;
};

struct looker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	int event_fd;
	struct census *census; /* the thread's; NULL: not open yet */
	bool closing;
	/* questions */
	pid_t pids[SOURCE_KINDS_MAX];
	size_t pids_len;
	pid_t page_pid; /* 0: none */
	int page_width;
	/* answers */
	struct looker_kind kinds[SOURCE_KINDS_MAX];
	size_t kinds_len;
	pid_t text_pid; /* 0: none */
	char *text, *error;
};

/* ---- the thread ---- */

static void find_kind(struct looker *l, pid_t pid, struct looker_kind *out)
{
	struct census_result result = {0};
	const struct inventory_count *counts;
	struct inventory *inventory = NULL;
	char why[256];
	size_t len = 0;

	*out = (struct looker_kind){.pid = pid};
	if (!l->census && census_open(&l->census, why, sizeof(why)))
		return;
	if (!census_read(l->census, pid, 0, KIND_DESCRIPTORS, &result))
		inventory = inventory_new(result.descriptors, result.len, 1);
	counts = inventory ? inventory_counts(inventory, &len) : NULL;
	if (len) {
		snprintf(out->name, sizeof(out->name), "%s", counts[0].type);
		out->count = counts[0].count;
		out->of = inventory_total(inventory);
	}
	inventory_free(inventory);
	census_clear(&result);
}

static void wake(struct looker *l)
{
	if (eventfd_write(l->event_fd, 1))
		return; /* it is readable already */
}

static void look_at_kinds(struct looker *l)
{
	pid_t pids[SOURCE_KINDS_MAX];
	size_t len = l->pids_len;

	memcpy(pids, l->pids, len * sizeof(*pids));
	l->pids_len = 0;
	/* One who waits for a page does not wait for the rest. */
	for (size_t i = 0; i < len && !l->closing && !l->page_pid; i++) {
		struct looker_kind kind;

		pthread_mutex_unlock(&l->lock);
		find_kind(l, pids[i], &kind);
		pthread_mutex_lock(&l->lock);
		if (*kind.name && l->kinds_len < SOURCE_KINDS_MAX)
			l->kinds[l->kinds_len++] = kind;
	}
	wake(l);
}

static void look_at_page(struct looker *l)
{
	char *text = NULL, why[512] = "";
	pid_t pid = l->page_pid;
	int width = l->page_width, err;

	l->page_pid = 0;
	pthread_mutex_unlock(&l->lock);
	err = inspection_page(pid, width, &text, why, sizeof(why));
	pthread_mutex_lock(&l->lock);
	free(l->text);
	free(l->error);
	l->text_pid = pid;
	l->text = err ? NULL : text;
	l->error = err ? strdup(why) : NULL;
	wake(l);
}

static void *run(void *context)
{
	struct looker *l = context;

	pthread_mutex_lock(&l->lock);
	while (!l->closing) {
		if (l->page_pid)
			look_at_page(l);
		else if (l->pids_len)
			look_at_kinds(l);
		else
			pthread_cond_wait(&l->asked, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- questions and answers ---- */

void looker_ask_kinds(struct looker *l, const pid_t *pids, size_t len)
{
	pthread_mutex_lock(&l->lock);
	l->pids_len = len < SOURCE_KINDS_MAX ? len : SOURCE_KINDS_MAX;
	memcpy(l->pids, pids, l->pids_len * sizeof(*pids));
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
}

void looker_ask_page(struct looker *l, pid_t pid, int width)
{
	pthread_mutex_lock(&l->lock);
	l->page_pid = pid;
	l->page_width = width;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
}

int looker_fd(const struct looker *l)
{
	return l->event_fd;
}

/* Lines of a text, cut in place. NULL: no memory. */
static const char **cut(char *text, size_t *len)
{
	const char **lines;
	char *place = text;
	size_t size = 1;

	for (const char *c = text; *c; c++)
		size += *c == '\n';
	lines = calloc(size, sizeof(*lines));
	for (*len = 0; lines && *place; (*len)++)
		lines[*len] = strsep(&place, "\n");
	return lines;
}

static void hand_on_page(const struct source_handlers *to, pid_t pid, char *text,
			 const char *error)
{
	struct source_page page = {.pid = pid, .error = error};
	const char **lines = text ? cut(text, &page.len) : NULL;

	if (!lines && !error)
		page.error = strerror(ENOMEM);
	page.lines = lines;
	to->page(to->context, &page);
	free(lines);
}

void looker_take(struct looker *l, const struct source_handlers *to)
{
	struct looker_kind kinds[SOURCE_KINDS_MAX];
	char *text, *error;
	eventfd_t ignored;
	size_t len;
	pid_t pid;

	if (eventfd_read(l->event_fd, &ignored))
		return;
	pthread_mutex_lock(&l->lock);
	len = l->kinds_len;
	memcpy(kinds, l->kinds, len * sizeof(*kinds));
	l->kinds_len = 0;
	pid = l->text_pid;
	text = l->text;
	error = l->error;
	l->text_pid = 0;
	l->text = l->error = NULL;
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < len; i++)
		to->kind(to->context, kinds[i].pid, kinds[i].name, kinds[i].count,
			 kinds[i].of);
	if (pid)
		hand_on_page(to, pid, text, error);
	free(text);
	free(error);
}

/* ---- life ---- */

int looker_open(struct looker **out)
{
	struct looker *l = calloc(1, sizeof(*l));
	int err;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->asked, NULL);
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = l->event_fd < 0 ? -errno : thread_start(&l->thread, "looker", run, l);
	if (err) {
		if (l->event_fd >= 0)
			close(l->event_fd);
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

void looker_close(struct looker *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	census_close(l->census);
	close(l->event_fd);
	free(l->text);
	free(l->error);
	free(l);
}
