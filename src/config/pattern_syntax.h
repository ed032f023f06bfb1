/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fnmatch() takes without complaint, and then never matches. */
#ifndef FDWARDEN_CONFIG_PATTERN_SYNTAX_H
#define FDWARDEN_CONFIG_PATTERN_SYNTAX_H

/* What is wrong with a shell pattern, and what to write instead, as "'[' without its ']';
 * …": static text. NULL: nothing is. */
const char *pattern_syntax_fault(const char *pattern);

#endif
