// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output/text.h"
#include "top/gauge.h"
#include "top/terminal.h"

/* Text of a line: each column may carry a few marks. */
#define TEXT_MAX 4096

static struct {
	SCREEN *terminal;
	bool utf8, colour, cursor;
	attr_t attributes[PAINTS][GROUNDS];
} screen;

/* ---- colours ---- */

struct palette {
	int colours;          /* it needs */
	short paints[PAINTS]; /* -1: the terminal's own */
	short grounds[GROUNDS];
};

static const struct palette palettes[] = {
	{256,
	 {[PAINT_PLAIN] = -1,
	  [PAINT_DIM] = 244,
	  [PAINT_TRACK] = 238,
	  [PAINT_STRONG] = 255,
	  [PAINT_ACCENT] = 110,
	  [PAINT_OK] = 77,
	  [PAINT_WARNING] = 220,
	  [PAINT_CRITICAL] = 208,
	  [PAINT_EXHAUSTED] = 203},
	 {[GROUND_PLAIN] = -1,
	  [GROUND_SELECTED] = 238,
	  [GROUND_TRACK] = 236,
	  [GROUND_BAND] = 24}},
	{16,
	 {[PAINT_PLAIN] = -1,
	  [PAINT_DIM] = 8,
	  [PAINT_TRACK] = 8,
	  [PAINT_STRONG] = 15,
	  [PAINT_ACCENT] = 6,
	  [PAINT_OK] = 2,
	  [PAINT_WARNING] = 3,
	  [PAINT_CRITICAL] = 9,
	  [PAINT_EXHAUSTED] = 9},
	 {[GROUND_PLAIN] = -1,
	  [GROUND_SELECTED] = -2,
	  [GROUND_TRACK] = -1,
	  [GROUND_BAND] = 4}},
	{8,
	 {[PAINT_PLAIN] = -1,
	  [PAINT_DIM] = -1,
	  [PAINT_TRACK] = -1,
	  [PAINT_STRONG] = -1,
	  [PAINT_ACCENT] = 6,
	  [PAINT_OK] = 2,
	  [PAINT_WARNING] = 3,
	  [PAINT_CRITICAL] = 1,
	  [PAINT_EXHAUSTED] = 1},
	 {[GROUND_PLAIN] = -1,
	  [GROUND_SELECTED] = -2,
	  [GROUND_TRACK] = -1,
	  [GROUND_BAND] = 4}},
};

static attr_t weight_of(enum paint paint, bool colour)
{
	switch (paint) {
	case PAINT_STRONG:
	case PAINT_EXHAUSTED:
		return A_BOLD;
	case PAINT_CRITICAL:
		return colour ? A_NORMAL : A_BOLD;
	default:
		return A_NORMAL;
	}
}

/* Without colours: bold, and the other way round. */
static void make_plain(void)
{
	for (int p = 0; p < PAINTS; p++) {
		for (int g = 0; g < GROUNDS; g++) {
			attr_t attr = weight_of(p, false);

			if (g == GROUND_SELECTED || g == GROUND_BAND)
				attr |= A_REVERSE;
			screen.attributes[p][g] = attr;
		}
	}
}

/* On some grounds another colour is needed to be seen. */
static short colour_on(const struct palette *palette, enum paint paint,
		       enum ground ground)
{
	if (ground == GROUND_BAND && palette->paints[paint] < 0)
		return palette->colours > 8 ? 15 : 7;
	if (ground == GROUND_SELECTED && palette->colours >= 256)
		return paint == PAINT_DIM     ? 250
		       : paint == PAINT_TRACK ? 244
		       : paint == PAINT_PLAIN ? 255
					      : palette->paints[paint];
	return palette->paints[paint];
}

static void make_colours(const struct palette *palette)
{
	short pair = 1;

	for (int p = 0; p < PAINTS; p++) {
		for (int g = 0; g < GROUNDS; g++) {
			short ground = palette->grounds[g];
			attr_t attr = weight_of(p, true);

			if (palette->colours == 8 &&
			    (p == PAINT_DIM || p == PAINT_TRACK))
				attr |= A_DIM;
			/* Without a colour of its own, what is selected is turned
			 * round as a whole. */
			if (ground == -2) {
				screen.attributes[p][g] =
					A_REVERSE | weight_of(p, false);
				continue;
			}
			init_pair(pair, colour_on(palette, p, g), ground);
			screen.attributes[p][g] = attr | (attr_t)COLOR_PAIR(pair++);
		}
	}
}

static void choose_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	make_plain();
	screen.colour = false;
	if ((no_color && *no_color) || !has_colors() || start_color() == ERR ||
	    use_default_colors() == ERR)
		return;
	for (size_t i = 0; i < sizeof(palettes) / sizeof(palettes[0]); i++) {
		if (COLORS < palettes[i].colours || COLOR_PAIRS <= PAINTS * GROUNDS)
			continue;
		make_colours(&palettes[i]);
		screen.colour = true;
		return;
	}
}

/* ---- life ---- */

static void set_up(void)
{
	/* Not raw: the keys that stop it are signals. */
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	/* A press is told at once, not when it has become a click. */
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	curs_set(0);
}

int screen_open(char *why, size_t why_size)
{
	int err = terminal_check(why, why_size);

	if (err)
		return err;
	screen.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen.terminal = newterm(NULL, stdout, stdin);
	if (!screen.terminal) {
		snprintf(why, why_size,
			 "the terminal can't be used; use 'fdwarden top "
			 "-b'");
		return -EINVAL;
	}
	set_up();
	choose_colours();
	return 0;
}

void screen_close(void)
{
	if (!screen.terminal)
		return;
	if (!isendwin()) {
		/* a terminal with one screen alone goes on in its last line */
		move(LINES - 1, 0);
		clrtoeol();
		refresh();
		curs_set(1);
		endwin();
	}
	delscreen(screen.terminal);
	screen.terminal = NULL;
}

void screen_suspend(void)
{
	curs_set(1);
	endwin();
}

void screen_resume(void)
{
	refresh();
	curs_set(0);
	screen_resize();
	clearok(curscr, TRUE);
}

void screen_resize(void)
{
	struct winsize window;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_row &&
	    window.ws_col)
		resizeterm(window.ws_row, window.ws_col);
}

int screen_width(void)
{
	return COLS;
}

int screen_height(void)
{
	return LINES;
}

bool screen_utf8(void)
{
	return screen.utf8;
}

int screen_key(void)
{
	int key = getch();

	return key == ERR ? -1 : key;
}

enum screen_mouse screen_mouse(int *y, int *x)
{
	MEVENT event;

	if (getmouse(&event) != OK)
		return MOUSE_NONE;
	*y = event.y;
	*x = event.x;
	return event.bstate & BUTTON1_PRESSED   ? MOUSE_PRESSED
	       : event.bstate & BUTTON4_PRESSED ? MOUSE_WHEEL_UP
	       : event.bstate & BUTTON5_PRESSED ? MOUSE_WHEEL_DOWN
						: MOUSE_NONE;
}

/* ---- pictures ---- */

void screen_begin(void)
{
	erase();
	screen.cursor = false;
	curs_set(0);
}

void screen_show(bool anew)
{
	if (anew)
		clearok(curscr, TRUE);
	refresh();
}

static attr_t attribute(enum paint paint, enum ground ground)
{
	return screen.attributes[paint][ground];
}

/* Bytes that take no part in the terminal's own signs. Returns the columns. */
static int put_safe(int y, int x, const char *safe, attr_t attr)
{
	int before, after, line;

	if (move(y, x) == ERR)
		return 0;
	attrset(attr);
	getyx(stdscr, line, before);
	addstr(safe);
	getyx(stdscr, y, after);
	attrset(A_NORMAL);
	/* the last cell of the screen takes the text, but the cursor stays */
	return y == line ? after - before : COLS - before;
}

static int room_at(int x, int width)
{
	int room = COLS - x;

	return width < room ? width : room;
}

static void put(int y, int x, int width, const char *text, bool pad, attr_t attr,
		int *columns)
{
	char safe[TEXT_MAX];
	int room = room_at(x, width);

	*columns = 0;
	if (room <= 0 || y < 0 || y >= LINES || x < 0)
		return;
	text_terminal(safe, sizeof(safe), text, room, pad, screen.utf8);
	*columns = put_safe(y, x, safe, attr);
}

void screen_put(int y, int x, int width, const char *text, enum paint paint,
		enum ground ground)
{
	int columns;

	put(y, x, width, text, true, attribute(paint, ground), &columns);
}

int screen_text(int y, int x, int width, const char *text, enum paint paint,
		enum ground ground)
{
	int columns;

	put(y, x, width, text, false, attribute(paint, ground), &columns);
	return columns;
}

/* What is put to the right is ours, and ASCII. */
void screen_put_right(int y, int x, int width, const char *text, enum paint paint,
		      enum ground ground)
{
	int len = (int)strlen(text);

	if (len < width)
		screen_put(y, x, width - len, "", paint, ground);
	else
		len = width;
	screen_put(y, x + width - len, len, text, paint, ground);
}

/* What is empty of a bar: thinner, or of another colour. */
static const char *empty_sign(void)
{
	if (!screen.utf8)
		return ".";
	return screen.colour && COLORS >= 256 ? "━" : "─";
}

void screen_bar(int y, int x, int width, double share, enum paint paint,
		enum ground ground)
{
	char text[GAUGE_SIZE(GAUGE_WIDTH_MAX)];
	int filled, room = room_at(x, width);

	if (room > GAUGE_WIDTH_MAX)
		room = GAUGE_WIDTH_MAX;
	if (room <= 0 || y < 0 || y >= LINES)
		return;
	filled = gauge_bar(text, sizeof(text), room, share, screen.utf8);
	put_safe(y, x, text, attribute(paint, ground));
	for (int i = filled; i < room; i++)
		put_safe(y, x + i, empty_sign(), attribute(PAINT_TRACK, ground));
}

void screen_cursor(int y, int x)
{
	if (x >= COLS)
		x = COLS - 1;
	move(y, x);
	curs_set(1);
	screen.cursor = true;
}
