/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines out of what comes in pieces from someone who may send anything. Bounded.
 */
#ifndef FDWARDEN_LINE_BUFFER_H
#define FDWARDEN_LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. */
struct line_buffer {
	char *bytes; /* allocated as it is needed */
	size_t start, searched, end, size;
	size_t max; /* of a line with its newline */
};

/* Room for at least one byte more, with its size; NULL: there is none, because a line
 * is too long (or there is no memory). What was read is told by line_buffer_add(). */
char *line_buffer_room(struct line_buffer *buffer, size_t *size);
void line_buffer_add(struct line_buffer *buffer, size_t len);

/* The next whole line without its newline, valid until the next line_buffer_room();
 * NULL: none yet. */
const char *line_buffer_next(struct line_buffer *buffer, size_t *len);

/* Whether line_buffer_next() has one. */
bool line_buffer_has_line(const struct line_buffer *buffer);

void line_buffer_clear(struct line_buffer *buffer);

#endif
