// SPDX-License-Identifier: GPL-2.0-or-later
/* The incidents of a process and of its service, and the report of one of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/screen.h"
#include "top/view_impl.h"

#define SECOND_NS 1000000000ull
/* Records are read for it, from a disk: not each time. */
#define LIST_NS   (5 * SECOND_NS)
/* Below the list: a line between, the cause of the selected one and its line of code. */
#define BELOW     3
/* Above it: the title and the columns' names. */
#define ABOVE     2
#define WIDTH_MIN 40

/* ---- what it is made of ---- */

static void clear_report(struct incidents_page *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->lines[i]);
	free(p->lines);
	free(p->report_error);
	p->lines = NULL;
	p->report_error = NULL;
	p->len = p->top = 0;
}

void incidents_clear(struct incidents_page *p)
{
	clear_report(p);
	incident_rows_clear(&p->rows);
	free(p->service);
	free(p->error);
	memset(p, 0, sizeof(*p));
}

void incidents_open(struct view *view, const struct item *item)
{
	struct incidents_page *p = &view->incidents;

	incidents_clear(p);
	p->pid = item->who->pid;
	p->start_ns = item->who->start_ns;
	p->service = item->who->service ? strdup(item->who->service) : NULL;
	process_name(item, p->name);
	p->below = view->page;
	view->page = PAGE_INCIDENTS;
	incidents_tick(view);
}

uint64_t incidents_due_ns(const struct view *view)
{
	const struct incidents_page *p = &view->incidents;
	uint64_t every = view->interval_ns > LIST_NS ? view->interval_ns : LIST_NS;

	if (p->asked_ns && !p->answered && view_now_ns() < p->asked_ns + 2 * LIST_NS)
		return p->asked_ns + 2 * LIST_NS;
	return p->asked_ns ? p->asked_ns + every : 1;
}

void incidents_tick(struct view *view)
{
	struct incidents_page *p = &view->incidents;
	uint64_t now = view_now_ns();

	if (now < incidents_due_ns(view))
		return;
	p->asked_ns = now;
	p->answered = false;
	source_ask_incidents(view->source, p->pid, p->start_ns, p->service);
}

/* The one that is selected stays it, wherever it is now. */
void incidents_take(struct view *view, const struct source_incidents *incidents)
{
	struct incidents_page *p = &view->incidents;
	char id[sizeof(p->rows.rows->id)] = "";

	if (incidents->pid != p->pid || incidents->start_ns != p->start_ns)
		return;
	p->answered = p->known = true;
	view->dirty = true;
	free(p->error);
	p->error = incidents->error ? strdup(incidents->error) : NULL;
	if (incidents->error)
		return;
	if (p->selected < p->rows.len)
		memcpy(id, p->rows.rows[p->selected].id, sizeof(id));
	incident_rows_take(&p->rows, incidents);
	p->selected = incident_rows_find(&p->rows, id, p->selected);
}

static void ask_report(struct view *view)
{
	int width = screen_width() - 2;

	source_ask_report(view->source, view->incidents.id,
			  width > WIDTH_MIN ? width : WIDTH_MIN, screen_utf8());
}

static void open_report(struct view *view)
{
	struct incidents_page *p = &view->incidents;

	if (p->selected >= p->rows.len)
		return;
	clear_report(p);
	memcpy(p->id, p->rows.rows[p->selected].id, sizeof(p->id));
	view->page = PAGE_REPORT;
	ask_report(view);
}

/* It is made for a width. */
void incidents_resize(struct view *view)
{
	if (view->page == PAGE_REPORT)
		ask_report(view);
}

void incidents_take_report(struct view *view, const struct source_report *report)
{
	struct incidents_page *p = &view->incidents;
	size_t top = p->top;

	if (strcmp(report->id, p->id) != 0)
		return;
	clear_report(p);
	view->dirty = true;
	if (report->error) {
		p->report_error = strdup(report->error);
		return;
	}
	p->lines = calloc(report->len + 1, sizeof(*p->lines));
	for (size_t i = 0; p->lines && i < report->len; i++) {
		char *line = strdup(report->lines[i]);

		if (line)
			p->lines[p->len++] = line;
	}
	p->top = top;
}

/* ---- the picture ---- */

static enum paint paint_of(const char *worst)
{
	if (!strcmp(worst, "exhausted"))
		return PAINT_EXHAUSTED;
	return strcmp(worst, "critical") != 0 ? PAINT_WARNING : PAINT_CRITICAL;
}

static int list_height(void)
{
	int height = screen_height() - ABOVE - BELOW - 1;

	return height > 1 ? height : 1;
}

static void draw_rows(struct incidents_page *p)
{
	size_t height = (size_t)list_height(), i;
	int y = ABOVE, width = screen_width();

	if (p->selected < p->first)
		p->first = p->selected;
	if (p->selected >= p->first + height)
		p->first = p->selected - height + 1;
	screen_put(1, 0, width, " " INCIDENT_ROWS_TITLE, PAINT_DIM, GROUND_TRACK);
	for (i = p->first; i < p->rows.len && i < p->first + height; i++, y++) {
		enum ground ground = i == p->selected ? GROUND_SELECTED : GROUND_PLAIN;

		screen_put(y, 0, width, "", PAINT_PLAIN, ground);
		screen_text(y, 1, width - 1, p->rows.rows[i].text,
			    paint_of(p->rows.rows[i].worst), ground);
	}
	if (p->selected >= p->rows.len)
		return;
	y = screen_height() - BELOW - 1;
	screen_put(y, 0, width, " Its cause, and the code", PAINT_DIM, GROUND_TRACK);
	screen_text(y + 1, 1, width - 2, p->rows.rows[p->selected].cause, PAINT_PLAIN,
		    GROUND_PLAIN);
	screen_text(y + 2, 1, width - 2, p->rows.rows[p->selected].line, PAINT_PLAIN,
		    GROUND_PLAIN);
}

/* One that can't be read may be of anything. */
static void draw_none(const struct incidents_page *p, int y)
{
	char text[128] = "There is no record of an incident of it.";

	if (p->rows.unreadable)
		snprintf(text, sizeof(text),
			 "No record that can be read is of it; %zu can't be read.",
			 p->rows.unreadable);
	screen_text(y, 1, screen_width() - 2, text,
		    p->rows.unreadable ? PAINT_WARNING : PAINT_DIM, GROUND_PLAIN);
}

static void draw_list_of(struct incidents_page *p, char place[64])
{
	int y = 1;

	if (p->rows.len) {
		draw_rows(p);
		snprintf(place, 64, "%zu of %zu%s%s", p->selected + 1, p->rows.len,
			 p->rows.left_off ? ", older ones left off" : "",
			 p->rows.unreadable ? ", some can't be read" : "");
	} else if (p->known && !p->error) {
		draw_none(p, y);
	} else if (!p->error) {
		screen_text(y, 1, screen_width() - 2, "Reading the records...",
			    PAINT_DIM, GROUND_PLAIN);
	}
	if (p->error)
		screen_text(p->rows.len ? screen_height() - 2 : y, 1,
			    screen_width() - 2, p->error, PAINT_WARNING, GROUND_PLAIN);
}

static bool is_heading(const struct incidents_page *p, size_t at)
{
	return *p->lines[at] && *p->lines[at] != ' ' && at > 0 && !*p->lines[at - 1];
}

static void draw_report(struct incidents_page *p, char place[64])
{
	size_t height = (size_t)screen_height() - 2, i;
	int y = 1;

	if (p->report_error || !p->len)
		screen_text(y, 1, screen_width() - 2,
			    p->report_error ? p->report_error : "Reading its record...",
			    p->report_error ? PAINT_WARNING : PAINT_DIM, GROUND_PLAIN);
	if (p->top + height > p->len)
		p->top = p->len > height ? p->len - height : 0;
	for (i = p->top; i < p->len && i < p->top + height; i++)
		screen_text(y++, 1, screen_width() - 1, p->lines[i],
			    !i || is_heading(p, i) ? PAINT_STRONG : PAINT_PLAIN,
			    GROUND_PLAIN);
	if (p->len > height)
		snprintf(place, 64, "lines %zu-%zu of %zu", p->top + 1, i, p->len);
}

void incidents_draw(struct view *view)
{
	struct incidents_page *p = &view->incidents;
	bool report = view->page == PAGE_REPORT;
	struct draw_status status;
	char title[256], place[64] = "";

	view_status(view, &status);
	if (report)
		snprintf(title, sizeof(title), "fdwarden report %s", p->id);
	else
		snprintf(title, sizeof(title), "Incidents of %s%s%.100s", p->name,
			 p->service ? " and " : "", p->service ? p->service : "");
	draw_title(title, &status, model_roster(view->model));
	if (report)
		draw_report(p, place);
	else
		draw_list_of(p, place);
	draw_footer(view_place(view), &status, *place ? place : NULL);
}

/* ---- keys ---- */

static void move(struct incidents_page *p, bool report, long by)
{
	size_t *at = report ? &p->top : &p->selected;
	size_t len = report ? p->len : p->rows.len;
	long to = (long)*at + by;

	if (to < 0 || !len)
		*at = 0;
	else
		*at = (size_t)to < len ? (size_t)to : len - 1;
}

void incidents_key(struct view *view, enum key_action action)
{
	struct incidents_page *p = &view->incidents;
	bool report = view->page == PAGE_REPORT;
	long height = report ? screen_height() - 2 : list_height();
	long all = (long)(p->len + p->rows.len);

	switch (action) {
	case KEY_DOES_UP:
		move(p, report, -1);
		break;
	case KEY_DOES_DOWN:
		move(p, report, 1);
		break;
	case KEY_DOES_PAGE_UP:
		move(p, report, -height);
		break;
	case KEY_DOES_PAGE_DOWN:
		move(p, report, height);
		break;
	case KEY_DOES_FIRST:
		move(p, report, -all);
		break;
	case KEY_DOES_LAST:
		move(p, report, all);
		break;
	case KEY_DOES_OPEN:
		open_report(view);
		break;
	case KEY_DOES_BACK:
	case KEY_DOES_QUIT:
		view->page = report ? PAGE_INCIDENTS : p->below;
		break;
	default:
		break;
	}
}
