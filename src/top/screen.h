/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal: taken over and given back, its colours, and text put on it that can't
 * break it. One at a time.
 */
#ifndef FDWARDEN_TOP_SCREEN_H
#define FDWARDEN_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "top/columns.h"

/* What a text stands on. */
enum ground { GROUND_PLAIN, GROUND_SELECTED, GROUND_TRACK, GROUND_BAND, GROUNDS };

/* Below this nothing useful can be shown. */
#define SCREEN_WIDTH_MIN  40
#define SCREEN_HEIGHT_MIN 8

/* Takes the terminal of standard input and output over. Returns 0, or -errno with one
 * line in `why` that says what to do. */
int screen_open(char *why, size_t why_size);

/* Gives it back as it was. May be called when it is not open. */
void screen_close(void);

/* For a while, and takes it over again. */
void screen_suspend(void);
void screen_resume(void);

/* The terminal's size may have changed. */
void screen_resize(void);

int screen_width(void);
int screen_height(void);
bool screen_utf8(void);

/* A key, as ncurses numbers it, or a character; -1: none is there. */
int screen_key(void);

/* Of a KEY_MOUSE: where. */
enum screen_mouse { MOUSE_NONE, MOUSE_PRESSED, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };
enum screen_mouse screen_mouse(int *y, int *x);

/* A new picture: begin, put, show. `anew`: what is on the screen is not known. */
void screen_begin(void);
void screen_show(bool anew);

/*
 * Puts text at a place, cut and padded to `width` columns; what goes over the edge is
 * left out. Whatever the text holds, it stays within. screen_text() puts no padding and
 * returns the columns.
 */
void screen_put(int y, int x, int width, const char *text, enum paint paint,
		enum ground ground);
void screen_put_right(int y, int x, int width, const char *text, enum paint paint,
		      enum ground ground);
int screen_text(int y, int x, int width, const char *text, enum paint paint,
		enum ground ground);

/* A bar of so many columns, and a sparkline of values at its right end. */
void screen_bar(int y, int x, int width, double share, enum paint paint,
		enum ground ground);

/* The cursor is shown there until the next picture. */
void screen_cursor(int y, int x);

#endif
