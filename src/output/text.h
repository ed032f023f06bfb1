/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile bytes made harmless: for JSON and for the terminal. Invalid UTF-8 is
 * overlong forms, surrogates, beyond U+10FFFF and sequences cut short; each
 * longest piece that could have begun a character becomes one U+FFFD.
 */
#ifndef FDWARDEN_TEXT_H
#define FDWARDEN_TEXT_H

#include <stddef.h>

/*
 * Copies `len` bytes as valid UTF-8 without control characters but tab and
 * newline (which JSON escapes): invalid bytes, C0, DEL and C1 become U+FFFD.
 * Never cuts a character in two. Always ends with NUL when size > 0.
 * Returns the length written.
 */
size_t text_utf8(char *out, size_t size, const char *bytes, size_t len);

/* As text_utf8(), for one line of a log or a message: tab, newline, the other
 * line separators and bidirectional controls become U+FFFD as well. */
size_t text_line(char *out, size_t size, const char *bytes, size_t len);

/*
 * For a terminal: as text_line(), but what is replaced becomes '?' (or U+FFFD
 * with `utf8`), and without `utf8` all that is not ASCII becomes '?'. At most
 * `columns` columns wide (wcwidth), padded to it with spaces when `pad`.
 * Characters that the locale has no width for are replaced; so are marks with
 * nothing to sit on, and more than a few on one character.
 * Returns the length written in bytes.
 */
size_t text_terminal(char *out, size_t size, const char *bytes, int columns, int pad,
		     int utf8);

#endif
