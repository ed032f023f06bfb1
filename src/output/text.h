/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile bytes made harmless: for JSON and for the terminal.
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

/*
 * For a terminal or a log line: as text_utf8(), but every control character,
 * tab and newline included, and bidirectional overrides become '?' (or U+FFFD
 * with `utf8`), and without `utf8` all that is not ASCII becomes '?'. At most
 * `columns` columns wide (wcwidth), padded to it with spaces when `pad`.
 * Returns the length written in bytes.
 */
size_t text_terminal(char *out, size_t size, const char *bytes, int columns,
		     int pad, int utf8);

#endif
