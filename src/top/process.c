// SPDX-License-Identifier: GPL-2.0-or-later
/* One process's page: its figures and its history from the model, and below them what
 * `fdwarden inspect` says of it. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/page.h"
#include "output/text.h"
#include "top/gauge.h"
#include "top/reply.h"
#include "top/screen.h"
#include "top/view_impl.h"

#define SECOND_NS    1000000000ull
/* It takes a look at every descriptor, and at files: not each time. */
#define PAGE_NS      (2 * SECOND_NS)
#define ADVICE       "What to change"
#define WIDTH_MIN    40
#define GRAPH_LABEL  8
#define GRAPH_HEIGHT 6

/* ---- what it is made of ---- */

static void clear_lines(struct process_page *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->lines[i]);
	free(p->lines);
	free(p->error);
	p->lines = NULL;
	p->error = NULL;
	p->len = 0;
}

void process_clear(struct process_page *page)
{
	clear_lines(page);
	memset(page, 0, sizeof(*page));
}

static int page_width(void)
{
	int width = screen_width() - 2;

	return width > WIDTH_MIN ? width : WIDTH_MIN;
}

void process_name(const struct item *item, char out[64])
{
	char name[4 * FDW_COMM_LEN];

	text_line(name, sizeof(name), item->who->comm,
		  strnlen(item->who->comm, sizeof(item->who->comm)));
	snprintf(out, 64, "%.47s[%d]", name, (int)item->who->pid);
}

void process_open(struct view *view, const struct item *item)
{
	struct process_page *p = &view->process;

	process_clear(p);
	p->pid = item->who->pid;
	p->start_ns = item->who->start_ns;
	process_name(item, p->name);
	view->page = PAGE_PROCESS;
	process_tick(view);
}

uint64_t process_due_ns(const struct view *view)
{
	const struct process_page *p = &view->process;
	uint64_t every = view->interval_ns > PAGE_NS ? view->interval_ns : PAGE_NS;

	if (p->gone || (p->asked_ns && !p->answered))
		return 0;
	return p->asked_ns ? p->asked_ns + every : 1;
}

void process_tick(struct view *view)
{
	struct process_page *p = &view->process;
	uint64_t due = process_due_ns(view), now = view_now_ns();

	if (!p->gone && model_roster(view->model) &&
	    !model_find(view->model, p->pid, p->start_ns)) {
		p->gone = true;
		view->dirty = true;
	}
	if (!due || now < due || p->gone)
		return;
	p->asked_ns = now;
	p->answered = false;
	source_ask_page(view->source, p->pid, page_width(), screen_utf8());
}

static void add_line(struct process_page *p, const char *text, size_t len)
{
	char **more = realloc(p->lines, (p->len + 1) * sizeof(*more));
	char *line = more ? strndup(text, len) : NULL;

	if (more)
		p->lines = more;
	if (line)
		p->lines[p->len++] = line;
}

/* The rest of a page is folded as it was made, or is to be copied as it is. */
static void add_folded(struct process_page *p, const char *line)
{
	struct page page = {.utf8 = screen_utf8(), .width = page_width()};
	char lead[16], *text = NULL;
	size_t size, in = strspn(line, " ");

	snprintf(lead, sizeof(lead), "%*s", in < 8 ? (int)in : 8, "");
	page.out = open_memstream(&text, &size);
	if (!page.out)
		return;
	page_text(&page, lead, line + in);
	if (!fclose(page.out) && text)
		for (const char *at = text; *at;
		     at += strcspn(at, "\n"), at += *at != 0)
			add_line(p, at, strcspn(at, "\n"));
	free(text);
}

void process_take(struct view *view, const struct source_page *page)
{
	struct process_page *p = &view->process;
	bool alerts = false;

	if (view->process.pid != page->pid && !page->error)
		return;
	p->answered = true;
	view->dirty = true;
	/* what was known of one that is gone is worth more than that it is gone */
	if (page->error && p->len)
		return;
	clear_lines(p);
	if (page->error) {
		p->error = strdup(page->error);
		return;
	}
	for (size_t i = 0; i < page->len; i++) {
		alerts |= !strcmp(page->lines[i], REPLY_ALERTS);
		if (alerts)
			add_folded(p, page->lines[i]);
		else
			add_line(p, page->lines[i], strlen(page->lines[i]));
	}
}

/* ---- the advice ---- */

static bool is_heading(const struct process_page *p, size_t at)
{
	return at < p->len && *p->lines[at] && *p->lines[at] != ' ' && at > 0 &&
	       !*p->lines[at - 1];
}

/* A page's part about what to change. */
static size_t find_advice(const struct process_page *p, size_t *end)
{
	size_t at = 0;

	while (at < p->len && !(is_heading(p, at) && !strcmp(p->lines[at], ADVICE)))
		at++;
	*end = at + 1;
	while (*end < p->len && !is_heading(p, *end))
		(*end)++;
	return at;
}

static void add_copied(FILE *out, const struct process_page *p, size_t from, size_t to)
{
	char safe[8192];

	text_terminal(safe, sizeof(safe), p->name, 1 << 20, 0, screen_utf8());
	fprintf(out, "%s:\n", safe);
	for (size_t i = from; i < to; i++) {
		text_terminal(safe, sizeof(safe), p->lines[i], 1 << 20, 0,
			      screen_utf8());
		fprintf(out, "%s\n", safe);
	}
}

static void copy_advice(struct view *view)
{
	const struct process_page *p = &view->process;
	size_t end, from = find_advice(p, &end), size;
	char *text = NULL;
	FILE *out;

	if (from >= p->len) {
		view_note(view, "there is no advice for it");
		return;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return;
	if (view->copied)
		fputs(view->copied, out);
	add_copied(out, p, from + 1, end);
	if (fclose(out) || !text) {
		free(text);
		return;
	}
	free(view->copied);
	view->copied = text;
	view_note(view, "what to change is printed when you leave the view");
}

/* ---- the picture ---- */

static int add(int y, int x, const char *text, enum paint paint)
{
	return x + screen_text(y, x, screen_width() - x, text, paint, GROUND_PLAIN);
}

static int add_cell(int y, int x, const char *label, enum column column,
		    const struct item *item)
{
	const struct column_info *info = column_info(column);
	char cell[COLUMN_CELL_LEN];

	x = add(y, x, label, PAINT_ACCENT) + 1;
	return add(y, x, info->text(item, cell),
		   info->paint ? info->paint(item) : PAINT_PLAIN) +
	       3;
}

static void draw_usage(int y, const struct item *item)
{
	char text[192], used[COLUMN_CELL_LEN], soft[COLUMN_CELL_LEN],
		hard[COLUMN_CELL_LEN];
	enum paint paint = column_usage_paint(item);
	double share = item_usage(item);
	int bar;

	add(y, 1, "Usage", PAINT_ACCENT);
	if (!item->fd->known) {
		add(y, GRAPH_LABEL, "its table could not be read", PAINT_DIM);
		return;
	}
	column_number(item->fd->used, 20, used);
	column_number(item->fd->soft_limit, 20, soft);
	column_number(item->fd->hard_limit, 20, hard);
	snprintf(text, sizeof(text), "%.40s of %.40s   hard limit %.40s", used, soft,
		 hard);
	bar = screen_width() - GRAPH_LABEL - (int)strlen(text) - 11;
	bar = bar > 50 ? 50 : bar;
	if (!isnan(share) && bar >= 6) {
		char percent[COLUMN_CELL_LEN];

		screen_bar(y, GRAPH_LABEL, bar, share, paint, GROUND_PLAIN);
		screen_put_right(y, GRAPH_LABEL + bar, 7,
				 column_info(COLUMN_USAGE)->text(item, percent), paint,
				 GROUND_PLAIN);
		add(y, GRAPH_LABEL + bar + 9, text, PAINT_PLAIN);
	} else {
		add(y, GRAPH_LABEL, text, paint);
	}
}

/* The column's word is a time, or what the table is: "Full in 12s", "Table full". */
static const char *full_label(const struct item *item)
{
	char cell[COLUMN_CELL_LEN];

	return isalpha((unsigned char)*column_info(COLUMN_FULL)->text(item, cell))
		       ? "Table"
		       : "Full in";
}

static void draw_figures(int y, const struct item *item)
{
	int x = 1;

	x = add_cell(y, x, "Growth", COLUMN_GROWTH, item);
	x = add_cell(y, x, full_label(item), COLUMN_FULL, item);
	x = add_cell(y, x, "Opened/s", COLUMN_OPENED, item);
	x = add_cell(y, x, "Closed/s", COLUMN_CLOSED, item);
	add_cell(y, x, "Refused", COLUMN_REFUSED, item);
}

/* The history, with what its top and its bottom are. */
static void draw_graph(int y, int height, const struct item *item)
{
	char text[GAUGE_SIZE(2 * HISTORY_STEPS)], label[COLUMN_CELL_LEN];
	uint32_t values[HISTORY_STEPS], drawn[2 * HISTORY_STEPS], high = 0;
	int room = screen_width() - GRAPH_LABEL - 2;
	/* two columns a step, where there is room for all steps so */
	int each = room >= 2 * HISTORY_STEPS ? 2 : 1;
	size_t points = room < HISTORY_STEPS ? (size_t)room : HISTORY_STEPS;
	size_t len = history_read(item->history, HISTORY_STEPS, values, points), n = 0;
	uint64_t soft = item->fd->soft_limit;

	for (size_t i = 0; i < len; i++) {
		high = values[i] > high ? values[i] : high;
		for (int k = 0; k < each; k++)
			drawn[n++] = values[i];
	}
	/* The limit is the top when it is near. */
	if (item->fd->known && soft <= 2ull * high && soft >= high)
		high = (uint32_t)soft;
	column_number(high, 6, label);
	screen_put_right(y, 0, GRAPH_LABEL - 1, label, PAINT_DIM, GROUND_PLAIN);
	screen_put_right(y + height - 1, 0, GRAPH_LABEL - 1, "0", PAINT_DIM,
			 GROUND_PLAIN);
	for (int line = 0; line < height; line++) {
		int columns = gauge_graph(text, sizeof(text), drawn, n, high,
					  height - 1 - line, height, screen_utf8());
		int width = (int)points * each;

		screen_text(y + line, GRAPH_LABEL + width - columns, columns, text,
			    column_usage_paint(item), GROUND_PLAIN);
	}
}

/* The lines that are worth showing below the figures: not the name, not the bar. */
static size_t first_line(const struct process_page *p)
{
	size_t at = 0;

	while (at < p->len && *p->lines[at])
		at++;
	return at < p->len ? at + 1 : 0;
}

/* Before the first heading are figures, which are shown above, and sentences. */
static bool is_figure(const char *line)
{
	line += strspn(line, " ");
	return *line && !(*line >= 'A' && *line <= 'Z');
}

static size_t first_heading(const struct process_page *p)
{
	size_t at = 0;

	while (at < p->len && !is_heading(p, at))
		at++;
	return at;
}

/* What is shown of the lines. */
static size_t shown_lines(const struct process_page *p, const char **lines,
			  bool *headings)
{
	size_t n = 0, heading = first_heading(p);

	for (size_t i = first_line(p); i < p->len; i++) {
		if (i < heading && is_figure(p->lines[i]))
			continue;
		if (!n && !*p->lines[i])
			continue;
		headings[n] = is_heading(p, i);
		lines[n++] = p->lines[i];
	}
	return n;
}

static void draw_text(struct process_page *p, int y, int height, char place[64])
{
	const char **lines = calloc(p->len + 1, sizeof(*lines));
	bool *headings = calloc(p->len + 1, sizeof(*headings));
	size_t room = height > 0 ? (size_t)height : 0, len, i;

	if (lines && headings) {
		len = shown_lines(p, lines, headings);
		if (p->first + room > len)
			p->first = len > room ? len - room : 0;
		for (i = p->first; i < len && i < p->first + room; i++)
			screen_text(y++, 1, screen_width() - 1, lines[i],
				    headings[i] ? PAINT_STRONG : PAINT_PLAIN,
				    GROUND_PLAIN);
		if (len > room)
			snprintf(place, 64, "lines %zu-%zu of %zu", p->first + 1, i,
				 len);
	}
	free(lines);
	free(headings);
}

static int draw_item(const struct view *view, const struct item *item, int y)
{
	int height = screen_height() >= 36   ? GRAPH_HEIGHT + 2
		     : screen_height() >= 24 ? GRAPH_HEIGHT - 2
					     : 2;

	(void)view;
	screen_text(y, 1, screen_width() - 2,
		    column_info(COLUMN_COMMAND)->text(item, (char[COLUMN_CELL_LEN]){0}),
		    PAINT_DIM, GROUND_PLAIN);
	draw_usage(y + 1, item);
	draw_figures(y + 2, item);
	draw_graph(y + 3, height, item);
	return y + 3 + height;
}

static void make_title(const struct process_page *p, const struct item *item,
		       char *title, size_t size)
{
	const char *service = item && item->who->service ? item->who->service
			      : item && item->who->container_id
				      ? item->who->container_id
				      : NULL;

	snprintf(title, size, "%s%s%.60s%s%.32s%s", p->name, service ? "  " : "",
		 service ? service : "",
		 item && item->user && *item->user ? "  user " : "",
		 item && item->user ? item->user : "", item ? "" : "  has ended");
}

void process_draw(struct view *view)
{
	struct process_page *p = &view->process;
	const struct item *item = model_find(view->model, p->pid, p->start_ns);
	struct draw_status status;
	char title[256], place[64] = "";
	int y = 1, height;

	view_status(view, &status);
	make_title(p, item, title, sizeof(title));
	draw_title(title, &status, model_roster(view->model));
	if (item)
		y = draw_item(view, item, 1);
	screen_put(y++, 0, screen_width(),
		   " What it has open, what is wrong, what to change", PAINT_DIM,
		   GROUND_TRACK);
	height = screen_height() - 1 - y;
	if (p->len)
		draw_text(p, y, height, place);
	else if (p->error)
		screen_text(y, 1, screen_width() - 2, p->error, PAINT_WARNING,
			    GROUND_PLAIN);
	else
		screen_text(y, 1, screen_width() - 2, "Looking at its descriptors...",
			    PAINT_DIM, GROUND_PLAIN);
	draw_footer(KEY_IN_PROCESS, &status, *place ? place : NULL);
}

/* ---- keys ---- */

static void scroll_by(struct process_page *p, long by)
{
	long to = (long)p->first + by;

	/* too far is seen to when it is drawn */
	p->first = to < 0 ? 0 : (size_t)to < p->len ? (size_t)to : p->len;
}

static void open_incidents(struct view *view)
{
	const struct process_page *p = &view->process;
	const struct item *item = model_find(view->model, p->pid, p->start_ns);

	if (item)
		incidents_open(view, item);
	else
		view_note(view, "it has ended; 'fdwarden incidents' lists all");
}

void process_key(struct view *view, enum key_action action)
{
	struct process_page *p = &view->process;
	long height = screen_height() - 12;

	height = height > 1 ? height : 1;
	switch (action) {
	case KEY_DOES_UP:
		scroll_by(p, -1);
		break;
	case KEY_DOES_DOWN:
		scroll_by(p, 1);
		break;
	case KEY_DOES_PAGE_UP:
		scroll_by(p, -height);
		break;
	case KEY_DOES_PAGE_DOWN:
		scroll_by(p, height);
		break;
	case KEY_DOES_FIRST:
		p->first = 0;
		break;
	case KEY_DOES_LAST:
		p->first = p->len;
		break;
	case KEY_DOES_COPY:
		copy_advice(view);
		break;
	case KEY_DOES_COLUMNS:
		view_note(view, "c is for the columns of the list; a prints what to "
				"change");
		break;
	case KEY_DOES_RAISE:
		raise_ask(view, model_find(view->model, p->pid, p->start_ns));
		break;
	case KEY_DOES_INCIDENTS:
		open_incidents(view);
		break;
	case KEY_DOES_BACK:
	case KEY_DOES_QUIT:
		view->page = PAGE_LIST;
		break;
	default:
		break;
	}
}
