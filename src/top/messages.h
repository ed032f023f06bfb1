/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written to standard error while the screen is ours: kept, shown in a line of
 * its own, and written when the screen is given back.
 */
#ifndef FDWARDEN_TOP_MESSAGES_H
#define FDWARDEN_TOP_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

void messages_take_over(void);

/* Readable when there is something. -1: it was not taken over. */
int messages_fd(void);

/* The last line that has come since the last call. */
bool messages_read(char *line, size_t size);

/* Writes all of them to where they were for. */
void messages_give_back(void);

#endif
