/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the terminal can be used at all.
 */
#ifndef FDWARDEN_TOP_TERMINAL_H
#define FDWARDEN_TOP_TERMINAL_H

#include <stddef.h>

/* That of standard input and output. 0, or -errno with one line in `why` that says what
 * to do. */
int terminal_check(char *why, size_t why_size);

#endif
