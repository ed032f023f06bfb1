/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns for fnmatch(): a list's single ones, and what it takes without complaint and then
 * never matches. */
#ifndef FDWARDEN_CONFIG_PATTERN_SYNTAX_H
#define FDWARDEN_CONFIG_PATTERN_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* The next of patterns that are separated by commas: *start and *len, in the list's own text
 * and without the blanks around it; 0 long where there is nothing between two commas. A comma
 * in brackets or behind a '\\' is the pattern's own. *list is at first the whole, then what
 * follows, NULL at the end. False: there is none any more. */
bool pattern_list_next(const char **list, const char **start, size_t *len);

/* Whether fnmatch() takes some of it for more than the byte that it is. */
bool pattern_has_wildcard(const char *pattern);

/* What is wrong with a shell pattern, and what to write instead, as "'[' without its ']';
 * …": static text. NULL: nothing is. */
const char *pattern_syntax_fault(const char *pattern);

#endif
