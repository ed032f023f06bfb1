// SPDX-License-Identifier: GPL-2.0-or-later
/* What keys do: in the list, and in what is typed. */
#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "top/screen.h"
#include "top/view_impl.h"

#define ESCAPE 27

/* ---- typing ---- */

static bool is_backspace(int key)
{
	return key == KEY_BACKSPACE || key == 127 || key == 8;
}

/* A character may have come as several bytes. */
static void erase_last(char *typed)
{
	size_t len = strlen(typed);

	while (len && ((unsigned char)typed[len - 1] & 0xc0) == 0x80)
		len--;
	typed[len ? len - 1 : 0] = '\0';
}

static void end_prompt(struct view *view)
{
	view->prompt = PROMPT_NONE;
}

/* What is typed, of keys that are text. */
static void type(struct view *view, int key)
{
	size_t len = strlen(view->typed);

	if (is_backspace(key)) {
		erase_last(view->typed);
	} else if (key == ('u' & 0x1f)) {
		view->typed[0] = '\0';
	} else if (key >= 32 && key < 256 && len < TYPED_MAX) {
		view->typed[len] = (char)key;
		view->typed[len + 1] = '\0';
	}
}

static void filter_key(struct view *view, int key)
{
	if (key == '\r' || key == '\n' || key == KEY_ENTER) {
		end_prompt(view);
	} else if (key == ESCAPE) {
		snprintf(view->typed, sizeof(view->typed), "%s", view->before);
		end_prompt(view);
	} else if (key == KEY_UP || key == KEY_DOWN) {
		model_move(view->model, key == KEY_UP ? -1 : 1);
		return;
	} else {
		type(view, key);
	}
	model_filter(view->model, view->typed);
}

/* The filter's words stay as they are; what is sought is kept for the next time. */
static void search_key(struct view *view, int key)
{
	bool next = key == KEY_F(3) || key == KEY_DOWN;

	if (key == '\r' || key == '\n' || key == KEY_ENTER || key == ESCAPE) {
		end_prompt(view);
		snprintf(view->sought, sizeof(view->sought), "%s", view->typed);
		snprintf(view->typed, sizeof(view->typed), "%s", view->before);
		return;
	}
	if (!next)
		type(view, key);
	if (*view->typed && !model_search(view->model, view->typed, next))
		beep();
}

static void ask_search(struct view *view)
{
	view->prompt = PROMPT_SEARCH;
	snprintf(view->question, sizeof(view->question), "Search (F3: next):");
	snprintf(view->before, sizeof(view->before), "%s", view->typed);
	snprintf(view->typed, sizeof(view->typed), "%s", view->sought);
	if (*view->typed)
		model_search(view->model, view->typed, true);
}

/* The selected line's user alone; and all again. */
static void toggle_user(struct view *view)
{
	size_t len, at = model_selected(view->model);
	const struct line *lines = model_lines(view->model, &len);
	char filter[TYPED_MAX + 1] = "";

	if (strncmp(model_filter_text(view->model), "user:", 5) != 0) {
		if (at >= len || !lines[at].item->user)
			return;
		snprintf(filter, sizeof(filter), "user:%s", lines[at].item->user);
	}
	model_filter(view->model, filter);
	snprintf(view->typed, sizeof(view->typed), "%s", filter);
}

static void raise_key(struct view *view, int key)
{
	if (key == 'y' || key == 'Y') {
		end_prompt(view);
		raise_do(view);
	} else if (key == 'n' || key == 'N' || key == ESCAPE || key == 'q' ||
		   key == '\r' || key == '\n') {
		end_prompt(view);
	}
}

/* Enter is the one that the view begins with; either says where it is. */
static void save_key(struct view *view, int key)
{
	if (key == '\r' || key == '\n')
		key = '1';
	if (key >= '1' && key < '1' + SETTINGS_LEN) {
		end_prompt(view);
		chosen_save(view, (size_t)(key - '1'));
	} else if (key == ESCAPE || key == 'q' || key == 'n') {
		end_prompt(view);
	}
}

static void ask_filter(struct view *view)
{
	view->prompt = PROMPT_FILTER;
	snprintf(view->question, sizeof(view->question), "Filter:");
	snprintf(view->typed, sizeof(view->typed), "%s",
		 model_filter_text(view->model));
	snprintf(view->before, sizeof(view->before), "%s", view->typed);
}

/* ---- the list ---- */

static void sort_beside(struct view *view, int step)
{
	bool descending;
	int column = (int)model_sorted_by(view->model, &descending);

	do
		column = (column + step + COLUMNS_LEN) % COLUMNS_LEN;
	while (!column_info(column)->value || !view->wanted[column]);
	model_sort(view->model, column, !column_info(column)->ascending);
	view_note(view, "sorted by %s: %s", column_info(column)->title,
		  column_info(column)->help);
}

static void reverse(struct view *view)
{
	bool descending;
	enum column column = model_sorted_by(view->model, &descending);

	model_sort(view->model, column, !descending);
}

static void group_by(struct view *view, enum tree tree)
{
	static const char *const said[TREES] = {"no groups", "grouped by service",
						"grouped by container",
						"under their parents"};

	model_group(view->model, tree);
	view_note(view, "%s", said[tree]);
}

/* The selected process is followed wherever it goes; or no more. */
static void toggle_follow(struct view *view)
{
	size_t len, at = model_selected(view->model);
	const struct line *lines = model_lines(view->model, &len);
	char name[64];

	if (model_follows(view->model) || at >= len) {
		model_follow(view->model, false);
		return;
	}
	if (lines[at].item->group)
		snprintf(name, sizeof(name), "%.60s", lines[at].item->name);
	else
		process_name(lines[at].item, name);
	model_follow(view->model, true);
	view_note(view, "following %s, until another line is selected", name);
}

static void raise_selected(struct view *view)
{
	size_t len, at = model_selected(view->model);
	const struct line *lines = model_lines(view->model, &len);

	if (at < len && lines[at].item->group)
		view_note(view, "a group has no limit; select a process of it");
	else if (at < len)
		raise_ask(view, lines[at].item);
}

static void incidents_of_selected(struct view *view)
{
	size_t len, at = model_selected(view->model);
	const struct line *lines = model_lines(view->model, &len);

	if (at < len && lines[at].item->group)
		view_note(view, "a group has none of its own; select a process of it");
	else if (at < len)
		incidents_open(view, lines[at].item);
}

static void set_interval(struct view *view, bool longer)
{
	static const unsigned steps_ms[] = {100,  200,   500,   1000,  2000,
					    5000, 10000, 30000, 60000, 300000};
	size_t len = sizeof(steps_ms) / sizeof(steps_ms[0]), at = 0;
	uint64_t now_ms = view->interval_ns / 1000000;
	char text[32];

	if (longer) {
		while (at < len - 1 && steps_ms[at] <= now_ms)
			at++;
	} else {
		at = len - 1;
		while (at > 0 && steps_ms[at] >= now_ms)
			at--;
	}
	view->interval_ns = steps_ms[at] * 1000000ull;
	view->due_ns = view_now_ns() + view->interval_ns;
	draw_interval(view->interval_ns, text);
	view_note(view, "every %s", text);
}

static void open_selected(struct view *view)
{
	size_t len;
	const struct line *lines = model_lines(view->model, &len);
	size_t at = model_selected(view->model);

	if (at >= len)
		return;
	if (lines[at].item->group)
		model_fold(view->model);
	else
		process_open(view, lines[at].item);
}

static void list_back(struct view *view)
{
	model_filter(view->model, NULL);
	view->typed[0] = '\0';
}

static void list_key(struct view *view, enum key_action action)
{
	long height = draw_list_height();

	switch (action) {
	case KEY_DOES_UP:
		model_move(view->model, -1);
		break;
	case KEY_DOES_DOWN:
		model_move(view->model, 1);
		break;
	case KEY_DOES_PAGE_UP:
		model_move(view->model, -height);
		break;
	case KEY_DOES_PAGE_DOWN:
		model_move(view->model, height);
		break;
	case KEY_DOES_FIRST:
		model_select(view->model, 0);
		break;
	case KEY_DOES_LAST:
		model_select(view->model, SIZE_MAX);
		break;
	case KEY_DOES_OPEN:
		open_selected(view);
		break;
	case KEY_DOES_FILTER:
		ask_filter(view);
		break;
	case KEY_DOES_SEARCH:
		ask_search(view);
		break;
	case KEY_DOES_USER:
		toggle_user(view);
		break;
	case KEY_DOES_BACK:
		list_back(view);
		break;
	case KEY_DOES_SORT:
		menu_open(view, PAGE_SORT);
		break;
	case KEY_DOES_SORT_LEFT:
		sort_beside(view, -1);
		break;
	case KEY_DOES_SORT_RIGHT:
		sort_beside(view, 1);
		break;
	case KEY_DOES_REVERSE:
		reverse(view);
		break;
	case KEY_DOES_TREE:
		group_by(view, (model_grouped_by(view->model) + 1) % TREES);
		break;
	case KEY_DOES_PARENTS:
		group_by(view, model_grouped_by(view->model) == TREE_PARENTS
				       ? TREE_NONE
				       : TREE_PARENTS);
		break;
	case KEY_DOES_FOLLOW:
		toggle_follow(view);
		break;
	case KEY_DOES_RAISE:
		raise_selected(view);
		break;
	case KEY_DOES_INCIDENTS:
		incidents_of_selected(view);
		break;
	case KEY_DOES_SETTING_1:
	case KEY_DOES_SETTING_2:
		chosen_take(view, action == KEY_DOES_SETTING_2);
		break;
	case KEY_DOES_SAVE:
		chosen_ask(view);
		break;
	case KEY_DOES_COLUMNS:
		menu_open(view, PAGE_COLUMNS);
		break;
	case KEY_DOES_QUIT:
		view->quit = true;
		break;
	default:
		break;
	}
}

/* ---- everywhere ---- */

static void pause_or_go_on(struct view *view)
{
	view->paused = !view->paused;
	if (!view->paused)
		view->due_ns = view_now_ns();
}

/* What does the same in every place. */
static bool common_key(struct view *view, enum key_action action)
{
	switch (action) {
	case KEY_DOES_PAUSE:
		pause_or_go_on(view);
		return true;
	case KEY_DOES_SLOWER:
	case KEY_DOES_FASTER:
		set_interval(view, action == KEY_DOES_SLOWER);
		return true;
	case KEY_DOES_REDRAW:
		view->anew = true;
		return true;
	case KEY_DOES_HELP:
		if (view_place(view) == KEY_IN_MENU)
			return false;
		menu_open(view, PAGE_HELP);
		return true;
	default:
		return false;
	}
}

/* ---- the mouse ---- */

#define WHEEL_LINES 3

static void click_title(struct view *view, int x)
{
	enum column column = draw_column_at(view->model, view->wanted, x);
	bool descending;

	if (column == COLUMNS_LEN || !column_info(column)->value)
		return;
	if (model_sorted_by(view->model, &descending) == column)
		reverse(view);
	else
		model_sort(view->model, column, !column_info(column)->ascending);
}

/* What is clicked is selected, and what is selected is opened. */
static void click_line(struct view *view, size_t row)
{
	size_t len, at = model_window(view->model, (size_t)draw_list_height()) + row;

	model_lines(view->model, &len);
	if (at >= len)
		return;
	if (at == model_selected(view->model))
		open_selected(view);
	else
		model_select(view->model, at);
}

static void wheel(struct view *view, bool up)
{
	for (int i = 0; i < WHEEL_LINES; i++) {
		enum key_action action = up ? KEY_DOES_UP : KEY_DOES_DOWN;

		if (view->page == PAGE_LIST)
			list_key(view, action);
		else if (view->page == PAGE_PROCESS)
			process_key(view, action);
		else if (view->page == PAGE_INCIDENTS || view->page == PAGE_REPORT)
			incidents_key(view, action);
		else
			menu_key(view, 0, action);
	}
}

static void mouse(struct view *view)
{
	int y, x, titles = draw_header_height();
	enum screen_mouse did = screen_mouse(&y, &x);

	if (did == MOUSE_NONE || view->prompt != PROMPT_NONE)
		return;
	if (did != MOUSE_PRESSED)
		wheel(view, did == MOUSE_WHEEL_UP);
	else if (view->page == PAGE_LIST && y == titles)
		click_title(view, x);
	else if (view->page == PAGE_LIST && y > titles &&
		 y <= titles + draw_list_height())
		click_line(view, (size_t)(y - titles - 1));
}

void input_key(struct view *view, int key)
{
	enum key_action action = key_find(key, view_place(view));

	if (key == KEY_RESIZE)
		return; /* its signal has been seen to */
	view->dirty = true;
	/* a note has been read when the next key comes */
	view->note[0] = '\0';
	if (key == KEY_MOUSE)
		mouse(view);
	else if (view->prompt == PROMPT_FILTER)
		filter_key(view, key);
	else if (view->prompt == PROMPT_SEARCH)
		search_key(view, key);
	else if (view->prompt == PROMPT_RAISE)
		raise_key(view, key);
	else if (view->prompt == PROMPT_SAVE)
		save_key(view, key);
	else if (common_key(view, action))
		return;
	else if (view->page == PAGE_LIST)
		list_key(view, action);
	else if (view->page == PAGE_PROCESS)
		process_key(view, action);
	else if (view->page == PAGE_INCIDENTS || view->page == PAGE_REPORT)
		incidents_key(view, action);
	else
		menu_key(view, key, action);
}
