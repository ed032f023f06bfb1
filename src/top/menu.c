// SPDX-License-Identifier: GPL-2.0-or-later
/* The help, and the lists of columns to be shown or sorted by. */
#include <stdio.h>
#include <string.h>

#include "top/screen.h"
#include "top/view_impl.h"

/* ---- columns ---- */

/* What can be chosen: all of them, or those to sort by. */
static size_t choices(const struct view *view, enum column out[COLUMNS_LEN])
{
	size_t len = 0;

	for (int c = 0; c < COLUMNS_LEN; c++)
		if (view->page == PAGE_COLUMNS || column_info(c)->value)
			out[len++] = (enum column)c;
	return len;
}

static void draw_choice(const struct view *view, int y, enum column column,
			bool selected)
{
	const struct column_info *info = column_info(column);
	enum ground ground = selected ? GROUND_SELECTED : GROUND_PLAIN;
	bool descending, marked;

	marked = view->page == PAGE_COLUMNS
			 ? view->wanted[column]
			 : model_sorted_by(view->model, &descending) == column;
	screen_put(y, 0, screen_width(), "", PAINT_PLAIN, ground);
	if (view->page == PAGE_COLUMNS)
		screen_text(y, 2, 3, marked ? "[x]" : "[ ]",
			    marked ? PAINT_OK : PAINT_DIM, ground);
	else
		screen_text(y, 3, 1, marked ? "*" : " ", PAINT_OK, ground);
	screen_text(y, 7, 10, info->title, marked ? PAINT_STRONG : PAINT_PLAIN, ground);
	screen_text(y, 18, screen_width() - 19, info->help, PAINT_PLAIN, ground);
}

static void draw_choices(struct view *view, int y, int height)
{
	enum column columns[COLUMNS_LEN];
	size_t len = choices(view, columns), first = view->menu_first;

	if (view->menu_selected < first)
		first = view->menu_selected;
	if (view->menu_selected >= first + (size_t)height)
		first = view->menu_selected - (size_t)height + 1;
	view->menu_first = first;
	for (size_t i = first; i < len && i < first + (size_t)height; i++)
		draw_choice(view, y++, columns[i], i == view->menu_selected);
}

static void choose(struct view *view)
{
	enum column columns[COLUMNS_LEN], column, sorted;
	bool descending;

	if (view->menu_selected >= choices(view, columns))
		return;
	column = columns[view->menu_selected];
	if (view->page == PAGE_COLUMNS) {
		/* something must be left to be seen */
		if (column == COLUMN_NAME || column == COLUMN_PID)
			view_note(view, "%s is always shown",
				  column_info(column)->title);
		else
			view->wanted[column] = !view->wanted[column];
		return;
	}
	sorted = model_sorted_by(view->model, &descending);
	if (sorted != column)
		descending = !column_info(column)->ascending;
	model_sort(view->model, column, descending);
	view->wanted[column] = true;
	view->page = view->below;
}

/* ---- help ---- */

#define HELP_KEYS 13

struct legend {
	const char *word;
	enum paint paint;
};

static const struct legend legends[] = {
	{"! warning", PAINT_WARNING},   {"# critical", PAINT_CRITICAL},
	{"X refused", PAINT_EXHAUSTED}, {"? leak suspected", PAINT_WARNING},
	{"= sealed", PAINT_DIM},
};

/* What the keys' lines are: indices of those with words. */
static size_t help_lines(size_t out[KEY_ACTIONS])
{
	size_t len, n = 0;
	const struct key_info *keys = key_table(&len);

	for (size_t i = 0; i < len; i++)
		if (keys[i].shown)
			out[n++] = i;
	return n;
}

/* And that of the signs. */
static size_t help_len(void)
{
	size_t lines[KEY_ACTIONS];

	return help_lines(lines) + 1;
}

static void draw_legends(int y)
{
	int x = 3 + HELP_KEYS;

	screen_text(y, 2, HELP_KEYS, "Signs", PAINT_STRONG, GROUND_PLAIN);
	for (size_t i = 0; i < sizeof(legends) / sizeof(legends[0]); i++)
		x += 2 + screen_text(y, x, screen_width() - x, legends[i].word,
				     legends[i].paint, GROUND_PLAIN);
}

static void draw_help_line(int y, size_t at)
{
	size_t lines[KEY_ACTIONS], len = help_lines(lines), ignored;
	const struct key_info *keys = key_table(&ignored);
	int width = screen_width();

	if (at == len)
		draw_legends(y);
	if (at >= len)
		return;
	screen_text(y, 2, HELP_KEYS, keys[lines[at]].shown, PAINT_ACCENT, GROUND_PLAIN);
	screen_text(y, 3 + HELP_KEYS, width - 4 - HELP_KEYS, keys[lines[at]].help,
		    PAINT_PLAIN, GROUND_PLAIN);
}

static void draw_help(struct view *view, int y, int height)
{
	size_t len = help_len(), room = (size_t)height;

	if (view->menu_first + room > len)
		view->menu_first = len > room ? len - room : 0;
	for (size_t i = view->menu_first; i < len && i < view->menu_first + room; i++)
		draw_help_line(y++, i);
}

/* ---- both ---- */

void menu_open(struct view *view, enum view_page page)
{
	enum column columns[COLUMNS_LEN], sorted;
	bool descending;
	size_t len;

	view->below = view->page;
	view->page = page;
	view->menu_first = view->menu_selected = 0;
	if (page != PAGE_SORT)
		return;
	sorted = model_sorted_by(view->model, &descending);
	len = choices(view, columns);
	for (size_t i = 0; i < len; i++)
		if (columns[i] == sorted)
			view->menu_selected = i;
}

void menu_draw(struct view *view)
{
	static const char *const titles[] = {
		[PAGE_HELP] = "fdwarden top  keys",
		[PAGE_COLUMNS] = "fdwarden top  columns",
		[PAGE_SORT] = "fdwarden top  sort by",
	};
	struct draw_status status;
	int height = screen_height() - 3;

	view_status(view, &status);
	draw_title(titles[view->page], &status, model_roster(view->model));
	if (view->page == PAGE_HELP)
		draw_help(view, 1, height + 1);
	else
		draw_choices(view, 2, height);
	draw_footer(KEY_IN_MENU, &status,
		    view->page == PAGE_HELP ? "fdwarden(8)" : NULL);
}

static void move(struct view *view, long by)
{
	enum column columns[COLUMNS_LEN];
	size_t len = view->page == PAGE_HELP ? help_len() : choices(view, columns);
	size_t *at = view->page == PAGE_HELP ? &view->menu_first : &view->menu_selected;
	long to = (long)*at + by;

	*at = to < 0 ? 0 : (size_t)to < len ? (size_t)to : len - 1;
}

void menu_key(struct view *view, int key, enum key_action action)
{
	long height = screen_height() - 3;

	switch (action) {
	case KEY_DOES_UP:
		move(view, -1);
		break;
	case KEY_DOES_DOWN:
		move(view, 1);
		break;
	case KEY_DOES_PAGE_UP:
		move(view, -height);
		break;
	case KEY_DOES_PAGE_DOWN:
		move(view, height);
		break;
	case KEY_DOES_FIRST:
		move(view, -1000);
		break;
	case KEY_DOES_LAST:
		move(view, 1000);
		break;
	case KEY_DOES_OPEN:
		if (view->page == PAGE_HELP)
			view->page = view->below;
		else
			choose(view);
		break;
	case KEY_DOES_HELP:
	case KEY_DOES_BACK:
	case KEY_DOES_QUIT:
		view->page = view->below;
		break;
	default:
		if (key == ' ' && view->page != PAGE_HELP)
			choose(view);
		/* the key that opened it closes it, too */
		else if (view->page == PAGE_COLUMNS && key == 'c')
			view->page = view->below;
		break;
	}
}
