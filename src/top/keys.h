/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys: one table of what they do where, which the help page shows and the manual
 * is tested against. Pure, but for the numbers that ncurses gives keys.
 */
#ifndef FDWARDEN_TOP_KEYS_H
#define FDWARDEN_TOP_KEYS_H

#include <stddef.h>

enum key_action {
	KEY_DOES_NOTHING,
	KEY_DOES_UP,
	KEY_DOES_DOWN,
	KEY_DOES_PAGE_UP,
	KEY_DOES_PAGE_DOWN,
	KEY_DOES_FIRST,
	KEY_DOES_LAST,
	KEY_DOES_OPEN,
	KEY_DOES_FILTER,
	KEY_DOES_SEARCH,
	KEY_DOES_USER,
	KEY_DOES_BACK,
	KEY_DOES_SORT_LEFT,
	KEY_DOES_SORT_RIGHT,
	KEY_DOES_SORT,
	KEY_DOES_REVERSE,
	KEY_DOES_TREE,
	KEY_DOES_PARENTS,
	KEY_DOES_FOLLOW,
	KEY_DOES_SETTING_1,
	KEY_DOES_SETTING_2,
	KEY_DOES_SAVE,
	KEY_DOES_COLUMNS,
	KEY_DOES_PAUSE,
	KEY_DOES_SLOWER,
	KEY_DOES_FASTER,
	KEY_DOES_REDRAW,
	KEY_DOES_HELP,
	KEY_DOES_QUIT,
	KEY_DOES_COPY,
	KEY_DOES_RAISE,
	KEY_DOES_INCIDENTS,
	KEY_ACTIONS
};

/* Where the view is: a key may do different things there. */
enum key_place {
	KEY_IN_LIST = 1,
	KEY_IN_PROCESS = 2,
	KEY_IN_MENU = 4,
	KEY_IN_INCIDENTS = 8,
	KEY_IN_REPORT = 16,
};

#define KEY_CODES_MAX 5

struct key_info {
	enum key_action action;
	unsigned places;
	int codes[KEY_CODES_MAX]; /* 0: no more */
	const char *shown;        /* "F5 t"; NULL: the one before tells it, too */
	const char *help;
};

const struct key_info *key_table(size_t *len);

enum key_action key_find(int code, enum key_place place);

#endif
