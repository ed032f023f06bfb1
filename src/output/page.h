/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people, printed in lines of a given width. Whatever comes in may be
 * hostile: nothing of it reaches the terminal raw.
 */
#ifndef FDWARDEN_PAGE_H
#define FDWARDEN_PAGE_H

#include <stdbool.h>
#include <stdio.h>

struct page {
	FILE *out;
	bool colour;
	bool utf8; /* the caller has set LC_CTYPE, and it is UTF-8; else our own arrows
		      and dashes are ASCII, too */
	int width; /* of a line in columns, at least 40 */
};

/* Colours, where there are any. */
enum page_colour { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_YELLOW, PAGE_RED };
void page_colour(const struct page *page, enum page_colour colour);

/* An empty line and a heading. */
void page_heading(const struct page *page, const char *text);

/* Words wrapped into lines, the first of which begins with `lead`, the others with
 * as many spaces. A word that is wider than a line is cut at its end, and goes on. */
void page_text(const struct page *page, const char *lead, const char *text);

/* The same behind what is in the line already, `used` columns; the others begin with `indent`
 * spaces. */
void page_go_on(const struct page *page, int used, int indent, const char *text);

/* One line, however wide the text is: to be copied. And one cut to the width. */
void page_verbatim(const struct page *page, const char *lead, const char *text);
void page_line(const struct page *page, const char *lead, const char *text);

#endif
