// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/batch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "state/user_names.h"

#define SECOND_NS 1000000000ull

struct batch {
	struct batch_options options;
	struct model *model;
	uint64_t written, last_number;
	int err;
	char trouble[512];
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- what comes from the source ---- */

static void on_roster(void *context, const struct roster *roster)
{
	struct batch *b = context;

	b->err = model_update(b->model, roster);
	if (!b->err)
		b->err = b->options.json
				 ? batch_json(b->model, stdout)
				 : batch_text(b->model, &b->options.style, stdout);
	b->written++;
}

static void on_kind(void *context, pid_t pid, const char *kind, uint64_t count,
		    uint64_t of)
{
	(void)context, (void)pid, (void)kind, (void)count, (void)of;
}

static void on_page(void *context, const struct source_page *page)
{
	(void)context, (void)page;
}

static void on_incidents(void *context, const struct source_incidents *incidents)
{
	(void)context, (void)incidents;
}

static void on_report(void *context, const struct source_report *report)
{
	(void)context, (void)report;
}

static void on_trouble(void *context, const char *why)
{
	struct batch *b = context;

	snprintf(b->trouble, sizeof(b->trouble), "%s", why ? why : "");
	if (why)
		b->err = -EIO;
}

struct source_handlers batch_handlers(struct batch *batch)
{
	return (struct source_handlers){
		.context = batch,
		.roster = on_roster,
		.kind = on_kind,
		.page = on_page,
		.incidents = on_incidents,
		.report = on_report,
		.trouble = on_trouble,
	};
}

/* ---- the loop ---- */

static bool is_over(const struct batch *b)
{
	return ending || b->err ||
	       (b->options.refreshes && b->written >= b->options.refreshes);
}

static void sleep_until(struct source *source, uint64_t deadline_ns,
			const sigset_t *open)
{
	/* a reader that is gone is seen by POLLERR, also while there is nothing to write */
	struct pollfd fds[SOURCE_FDS_MAX + 1] = {{.fd = 1}};
	size_t len = 1 + source_fds(source, fds + 1);
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec timeout = {(time_t)(left / SECOND_NS),
				   (long)(left % SECOND_NS)};

	if (ppoll(fds, len, &timeout, open) <= 0)
		return;
	if (fds[0].revents & (POLLERR | POLLNVAL))
		ending = 1;
	source_handle(source);
}

static void take_signals(sigset_t *open)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	ending = 0;
	sigemptyset(&set);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, open);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigdelset(open, signals[i]);
}

/* The reader, `head`, has had enough: an end like another. */
static void forget_output(struct batch *b)
{
	__fpurge(stdout);
	clearerr(stdout);
	b->err = 0;
}

int batch_run(struct batch *b, struct source *source, char *why, size_t why_size)
{
	uint64_t due = now_ns();
	sigset_t open;

	take_signals(&open);
	while (!is_over(b)) {
		if (now_ns() >= due) {
			source_refresh(source);
			due += b->options.interval_ns;
			/* what was missed stays missed */
			if (due < now_ns())
				due = now_ns() + b->options.interval_ns;
		}
		if (!is_over(b))
			sleep_until(source, due, &open);
	}
	if (b->err == -EPIPE)
		forget_output(b);
	if (b->err)
		snprintf(why, why_size, "%s",
			 *b->trouble ? b->trouble : strerror(-b->err));
	return b->err;
}

/* ---- life ---- */

struct batch *batch_new(const struct batch_options *options)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->options = *options;
	b->model = model_new(user_names_find);
	if (b->model)
		model_set_viewer(b->model, getpid());
	if (!b->model || model_filter(b->model, options->filter)) {
		batch_free(b);
		return NULL;
	}
	model_sort(b->model, options->sort, options->descending);
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	model_free(b->model);
	free(b);
}
