// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/view.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output/text.h"
#include "state/user_names.h"
#include "top/messages.h"
#include "top/screen.h"
#include "top/view_impl.h"

#define SECOND_NS     1000000000ull
#define NOTE_NS       (6 * SECOND_NS)
/* What most of the descriptors are is asked again after so long. */
#define KINDS_NS      (10 * SECOND_NS)
/* A daemon has looked so long before it is asked: its tick, and the reading of it. */
#define AGE_WANTED_NS 60000000ull

uint64_t view_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- signals: noted here, handled in the loop, which alone lets them in ---- */

static volatile sig_atomic_t ending, resized, stopping, continued;

static void on_signal(int number)
{
	switch (number) {
	case SIGWINCH:
		resized = 1;
		break;
	case SIGTSTP:
		stopping = 1;
		break;
	case SIGCONT:
		continued = 1;
		break;
	default:
		ending = 1;
	}
}

static const int signals[] = {SIGINT,   SIGTERM, SIGHUP, SIGQUIT,
			      SIGWINCH, SIGTSTP, SIGCONT};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Blocked but within ppoll(), so that none comes between a look and a sleep. */
static void take_signals(sigset_t *open)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	ending = resized = stopping = continued = 0;
	sigemptyset(&set);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, open);
	for (size_t i = 0; i < SIGNALS; i++)
		sigdelset(open, signals[i]);
}

/* Ctrl-Z: the terminal is the shell's until we go on. */
static void stop(struct view *view)
{
	struct sigaction plain = {.sa_handler = SIG_DFL}, ours;
	sigset_t set, before;

	stopping = 0;
	screen_suspend();
	sigaction(SIGTSTP, &plain, &ours);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, &before);
	raise(SIGTSTP); /* stops here */
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	continued = 0;
	screen_resume();
	view->dirty = view->anew = true;
}

static void handle_signals(struct view *view)
{
	if (ending)
		view->quit = true;
	if (stopping)
		stop(view);
	if (continued) {
		continued = 0;
		screen_suspend();
		screen_resume();
		view->dirty = view->anew = true;
	}
	if (resized) {
		resized = 0;
		screen_resize();
		view->dirty = true;
		view->process.answered = false;
		view->process.asked_ns = 0; /* it is made for a width */
		incidents_resize(view);
	}
}

/* ---- what comes from the source ---- */

static void on_roster(void *context, const struct roster *roster)
{
	struct view *view = context;

	if (model_update(view->model, roster))
		view_note(view, "not all processes are shown: %s", strerror(ENOMEM));
	view->refreshed++;
	view->dirty = true;
	if (view->options.refreshes && view->refreshed >= view->options.refreshes)
		view->quit = true;
}

static void on_kind(void *context, pid_t pid, const char *kind, uint64_t count,
		    uint64_t of)
{
	struct view *view = context;

	model_kind_set(view->model, pid, kind, count, of);
	view->dirty = true;
}

static void on_page(void *context, const struct source_page *page)
{
	process_take(context, page);
}

static void on_incidents(void *context, const struct source_incidents *incidents)
{
	incidents_take(context, incidents);
}

static void on_report(void *context, const struct source_report *report)
{
	incidents_take_report(context, report);
}

static void on_trouble(void *context, const char *why)
{
	struct view *view = context;

	snprintf(view->trouble, sizeof(view->trouble), "%s", why ? why : "");
	view->dirty = true;
}

struct source_handlers view_handlers(struct view *view)
{
	return (struct source_handlers){
		.context = view,
		.roster = on_roster,
		.kind = on_kind,
		.page = on_page,
		.incidents = on_incidents,
		.report = on_report,
		.trouble = on_trouble,
	};
}

/* ---- the picture ---- */

enum key_place view_place(const struct view *view)
{
	if (view->page == PAGE_LIST)
		return KEY_IN_LIST;
	if (view->page == PAGE_INCIDENTS)
		return KEY_IN_INCIDENTS;
	if (view->page == PAGE_REPORT)
		return KEY_IN_REPORT;
	return view->page == PAGE_PROCESS ? KEY_IN_PROCESS : KEY_IN_MENU;
}

void view_note(struct view *view, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(view->note, sizeof(view->note), format, args);
	va_end(args);
	view->note_until_ns = view_now_ns() + NOTE_NS;
	view->dirty = true;
}

void view_status(const struct view *view, struct draw_status *out)
{
	*out = (struct draw_status){
		.source = source_name(view->source),
		.trouble = *view->trouble ? view->trouble : NULL,
		.interval_ns = view->interval_ns,
		.paused = view->paused,
		.note = *view->note ? view->note : NULL,
		.prompt = view->prompt != PROMPT_NONE ? view->question : NULL,
		.typed = view->prompt == PROMPT_FILTER || view->prompt == PROMPT_SEARCH
				 ? view->typed
				 : NULL,
	};
}

static void list_place(const struct view *view, char text[64])
{
	size_t len, first = model_window(view->model, (size_t)draw_list_height());
	size_t last, height = (size_t)draw_list_height();
	static const char *const trees[TREES] = {"", "by service, ", "by container, ",
						 "by parents, "};

	model_lines(view->model, &len);
	last = first + height < len ? first + height : len;
	snprintf(text, 64, "%s%s%zu-%zu of %zu",
		 model_follows(view->model) ? "following, " : "",
		 trees[model_grouped_by(view->model)], len ? first + 1 : 0, last, len);
}

static void draw_list_page(struct view *view)
{
	const char *filter = model_filter_text(view->model);
	struct draw_status status;
	char place[64], badge[96];

	view_status(view, &status);
	if (*filter) {
		snprintf(badge, sizeof(badge), "%.40s: %zu of %" PRIu64, filter,
			 model_matching(view->model),
			 model_totals(view->model)->processes);
		status.badge = badge;
	}
	draw_header(view->model, &status);
	view->kinds_shown = draw_list(view->model, view->wanted);
	list_place(view, place);
	draw_footer(KEY_IN_LIST, &status, model_roster(view->model) ? place : NULL);
}

static void draw_too_small(void)
{
	char text[64];

	snprintf(text, sizeof(text), "too small: %dx%d needed", SCREEN_WIDTH_MIN,
		 SCREEN_HEIGHT_MIN);
	screen_text(0, 0, screen_width(), text, PAINT_PLAIN, GROUND_PLAIN);
}

static void draw(struct view *view)
{
	screen_begin();
	if (screen_width() < SCREEN_WIDTH_MIN || screen_height() < SCREEN_HEIGHT_MIN)
		draw_too_small();
	else if (view->page == PAGE_LIST)
		draw_list_page(view);
	else if (view->page == PAGE_PROCESS)
		process_draw(view);
	else if (view->page == PAGE_INCIDENTS || view->page == PAGE_REPORT)
		incidents_draw(view);
	else
		menu_draw(view);
	screen_show(view->anew);
	view->dirty = view->anew = false;
}

/* ---- the loop ---- */

/* Soon after the next look of a daemon that looks as often as we ask: so what is shown
 * is as fresh as can be. */
static void set_due(struct view *view)
{
	const struct roster *roster = model_roster(view->model);
	uint64_t now = view_now_ns(), age;
	struct timespec real;

	view->due_ns = now + view->interval_ns;
	clock_gettime(CLOCK_REALTIME, &real);
	age = (uint64_t)real.tv_sec * SECOND_NS + (uint64_t)real.tv_nsec;
	if (!roster || !roster->interval_ns || age < roster->realtime_ns ||
	    view->interval_ns < roster->interval_ns)
		return;
	age -= roster->realtime_ns;
	if (age > AGE_WANTED_NS && age < roster->interval_ns)
		view->due_ns -= age - AGE_WANTED_NS;
}

static void ask_kinds(struct view *view)
{
	uint64_t now = view_now_ns(), since = now > KINDS_NS ? now - KINDS_NS : 1;
	size_t height = (size_t)draw_list_height(), len;
	pid_t pids[SOURCE_KINDS_MAX];

	if (!view->kinds_shown || view->page != PAGE_LIST)
		return;
	len = model_kinds_wanted(view->model, model_window(view->model, height), height,
				 now, since, pids, SOURCE_KINDS_MAX);
	source_ask_kinds(view->source, pids, len);
}

static void tick(struct view *view)
{
	uint64_t now = view_now_ns();

	if (*view->note && now >= view->note_until_ns) {
		view->note[0] = '\0';
		view->dirty = true;
	}
	if (now >= view->due_ns) {
		if (!view->paused)
			source_refresh(view->source);
		set_due(view);
		if (!view->paused)
			ask_kinds(view);
	}
	if (view->page == PAGE_PROCESS && !view->paused)
		process_tick(view);
	if (view->page == PAGE_INCIDENTS && !view->paused)
		incidents_tick(view);
}

static void sooner(uint64_t *deadline, uint64_t other)
{
	if (other && other < *deadline)
		*deadline = other;
}

static struct timespec until_next(const struct view *view)
{
	uint64_t now = view_now_ns(), deadline = view->due_ns, left;

	if (*view->note)
		sooner(&deadline, view->note_until_ns);
	sooner(&deadline, source_deadline_ns(view->source));
	if (view->page == PAGE_PROCESS && !view->paused)
		sooner(&deadline, process_due_ns(view));
	if (view->page == PAGE_INCIDENTS && !view->paused)
		sooner(&deadline, incidents_due_ns(view));
	left = deadline > now ? deadline - now : 0;
	return (struct timespec){(time_t)(left / SECOND_NS), (long)(left % SECOND_NS)};
}

/* Keys that have come. A terminal that is gone says it can be read, and gives none. */
static void read_keys(struct view *view, short revents)
{
	int key, keys = 0;

	if (revents & (POLLHUP | POLLERR | POLLNVAL)) {
		view->quit = true;
		return;
	}
	if (!(revents & POLLIN))
		return;
	while (!view->quit && (key = screen_key()) >= 0) {
		keys++;
		input_key(view, key);
	}
	if (!keys && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		view->quit = true;
}

static void read_messages(struct view *view)
{
	char line[NOTE_MAX];

	if (messages_read(line, sizeof(line)))
		view_note(view, "%s", line);
}

static int wait_for_events(struct view *view, const sigset_t *open)
{
	struct pollfd fds[SOURCE_FDS_MAX + 2] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = messages_fd(), .events = POLLIN}};
	size_t len = 2 + source_fds(view->source, fds + 2);
	struct timespec timeout = until_next(view);
	uint64_t deadline = source_deadline_ns(view->source);
	bool due = false;
	int n = ppoll(fds, len, &timeout, open);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n > 0) {
		read_keys(view, fds[0].revents);
		if (fds[1].revents & POLLIN)
			read_messages(view);
	}
	for (size_t i = 2; i < len; i++)
		due |= n > 0 && fds[i].revents;
	if (due || (deadline && view_now_ns() >= deadline))
		source_handle(view->source);
	return 0;
}

static int loop(struct view *view, const sigset_t *open)
{
	int err = 0;

	view->dirty = true;
	while (!err) {
		handle_signals(view);
		if (view->quit)
			break;
		tick(view);
		if (view->dirty)
			draw(view);
		err = wait_for_events(view, open);
	}
	/* the last picture of a number of them */
	if (!err && view->dirty && !ending)
		draw(view);
	return err;
}

int view_run(struct view *view, struct source *source, char *why, size_t why_size)
{
	sigset_t open;
	int err;

	view->source = source;
	take_signals(&open);
	err = screen_open(why, why_size);
	if (err)
		return err;
	messages_take_over();
	err = loop(view, &open);
	screen_close();
	messages_give_back();
	if (err)
		snprintf(why, why_size, "the view can't go on: %s", strerror(-err));
	if (view->copied)
		fputs(view->copied, stdout);
	return err;
}

/* ---- life ---- */

struct view *view_new(const struct view_options *options)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->options = *options;
	view->interval_ns = options->interval_ns;
	for (int c = 0; c < COLUMNS_LEN; c++)
		view->wanted[c] = !column_info(c)->hidden;
	view->model = model_new(user_names_find);
	if (view->model)
		model_set_viewer(view->model, getpid());
	if (!view->model || model_filter(view->model, options->filter)) {
		view_free(view);
		return NULL;
	}
	model_sort(view->model, options->sort, options->descending);
	chosen_load(view);
	return view;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	process_clear(&view->process);
	incidents_clear(&view->incidents);
	model_free(view->model);
	free(view->copied);
	free(view);
}
