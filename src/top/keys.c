// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/keys.h"

#include <curses.h>

#define CTRL(letter) ((letter)&0x1f)
#define ESCAPE       27

#define EVERYWHERE                                                                     \
	(KEY_IN_LIST | KEY_IN_PROCESS | KEY_IN_MENU | KEY_IN_INCIDENTS | KEY_IN_REPORT)

/* One without words is told by the one before it. */
static const struct key_info table[] = {
	{KEY_DOES_UP, EVERYWHERE, {KEY_UP, 'k'}, "Up Down k j", "a line up, down"},
	{KEY_DOES_DOWN, EVERYWHERE, {KEY_DOWN, 'j'}, NULL, NULL},
	{KEY_DOES_PAGE_UP,
	 EVERYWHERE,
	 {KEY_PPAGE, CTRL('b')},
	 "PgUp PgDn",
	 "a screen up, down"},
	{KEY_DOES_PAGE_DOWN, EVERYWHERE, {KEY_NPAGE, CTRL('f')}, NULL, NULL},
	{KEY_DOES_FIRST,
	 EVERYWHERE,
	 {KEY_HOME, 'g'},
	 "Home End g G",
	 "the first line, the last"},
	{KEY_DOES_LAST, EVERYWHERE, {KEY_END, 'G'}, NULL, NULL},
	{KEY_DOES_OPEN,
	 KEY_IN_LIST | KEY_IN_MENU | KEY_IN_INCIDENTS,
	 {KEY_ENTER, '\r', '\n'},
	 "Enter",
	 "all about the process; of a group, fold or unfold it"},
	{KEY_DOES_FILTER,
	 KEY_IN_LIST,
	 {'/', KEY_F(4)},
	 "/ F4",
	 "only those with these words in name, user, service, command"},
	{KEY_DOES_SEARCH,
	 KEY_IN_LIST,
	 {'n', KEY_F(3)},
	 "n F3",
	 "go to the next with these words, while they are typed"},
	{KEY_DOES_USER,
	 KEY_IN_LIST,
	 {'u'},
	 "u",
	 "only the selected one's user; all again"},
	{KEY_DOES_BACK,
	 EVERYWHERE,
	 {ESCAPE, KEY_BACKSPACE, 127, KEY_LEFT},
	 "Esc",
	 "back to the list; in the list, all of them again"},
	{KEY_DOES_SORT,
	 KEY_IN_LIST,
	 {'s', KEY_F(6)},
	 "s F6",
	 "sort by a column of choice"},
	{KEY_DOES_SORT_LEFT,
	 KEY_IN_LIST,
	 {'<', ','},
	 "< > R",
	 "sort by the column beside; the other way round"},
	{KEY_DOES_SORT_RIGHT, KEY_IN_LIST, {'>', '.'}, NULL, NULL},
	{KEY_DOES_REVERSE, KEY_IN_LIST, {'R', 'I'}, NULL, NULL},
	{KEY_DOES_TREE,
	 KEY_IN_LIST,
	 {'t'},
	 "t F5",
	 "group by service, container, parents, or not; F5: by parents"},
	{KEY_DOES_PARENTS, KEY_IN_LIST, {KEY_F(5)}, NULL, NULL},
	{KEY_DOES_COLUMNS,
	 KEY_IN_LIST | KEY_IN_PROCESS,
	 {'c', KEY_F(2)},
	 "c F2",
	 "in the list: show or hide columns"},
	{KEY_DOES_FOLLOW,
	 KEY_IN_LIST,
	 {'F'},
	 "F",
	 "follow the selected one, also where it is the first"},
	{KEY_DOES_SETTING_1,
	 KEY_IN_LIST,
	 {'1'},
	 "1 2 w",
	 "columns, order, grouping as saved; w saves, 1 is the start's"},
	{KEY_DOES_SETTING_2, KEY_IN_LIST, {'2'}, NULL, NULL},
	{KEY_DOES_SAVE, KEY_IN_LIST, {'w', 'W'}, NULL, NULL},
	{KEY_DOES_PAUSE,
	 KEY_IN_LIST | KEY_IN_PROCESS,
	 {'p', ' '},
	 "p Space + -",
	 "pause, go on; a longer, a shorter interval"},
	{KEY_DOES_SLOWER, KEY_IN_LIST | KEY_IN_PROCESS, {'+', '='}, NULL, NULL},
	{KEY_DOES_FASTER, KEY_IN_LIST | KEY_IN_PROCESS, {'-'}, NULL, NULL},
	{KEY_DOES_COPY,
	 KEY_IN_PROCESS,
	 {'a'},
	 "a",
	 "in a process: print what to change when the view ends"},
	{KEY_DOES_RAISE,
	 KEY_IN_LIST | KEY_IN_PROCESS,
	 {'r'},
	 "r",
	 "raise its soft limit, after a question"},
	{KEY_DOES_INCIDENTS,
	 KEY_IN_LIST | KEY_IN_PROCESS,
	 {'i'},
	 "i",
	 "its past incidents and its service's; Enter: the report"},
	{KEY_DOES_REDRAW, EVERYWHERE, {CTRL('l')}, "Ctrl-L", "draw the screen anew"},
	{KEY_DOES_HELP, EVERYWHERE, {'?', 'h', KEY_F(1)}, "? h F1", "this help"},
	{KEY_DOES_QUIT,
	 EVERYWHERE,
	 {'q', KEY_F(10)},
	 "q F10",
	 "back to the list; in the list, end"},
};

const struct key_info *key_table(size_t *len)
{
	*len = sizeof(table) / sizeof(table[0]);
	return table;
}

enum key_action key_find(int code, enum key_place place)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!(table[i].places & place))
			continue;
		for (int k = 0; k < KEY_CODES_MAX && table[i].codes[k]; k++)
			if (table[i].codes[k] == code)
				return table[i].action;
	}
	return KEY_DOES_NOTHING;
}
