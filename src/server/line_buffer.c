// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/line_buffer.h"

#include <stdlib.h>
#include <string.h>

/* Requests are short: most clients never need more. */
#define SIZE_FIRST 1024

char *line_buffer_room(struct line_buffer *buffer, size_t *size)
{
	size_t len = buffer->end - buffer->start, wanted;
	char *bytes;

	if (buffer->start) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, len);
		buffer->searched -= buffer->start;
		buffer->start = 0;
		buffer->end = len;
	}
	if (len == buffer->size) {
		wanted = buffer->size ? 2 * buffer->size : SIZE_FIRST;
		if (wanted > buffer->max)
			wanted = buffer->max;
		bytes = wanted > len ? realloc(buffer->bytes, wanted) : NULL;
		if (!bytes)
			return NULL;
		buffer->bytes = bytes;
		buffer->size = wanted;
	}
	*size = buffer->size - len;
	return buffer->bytes + len;
}

void line_buffer_add(struct line_buffer *buffer, size_t len)
{
	buffer->end += len;
}

const char *line_buffer_next(struct line_buffer *buffer, size_t *len)
{
	const char *line, *newline = NULL;

	if (!buffer->bytes)
		return NULL;
	line = buffer->bytes + buffer->start;
	if (buffer->searched < buffer->end)
		newline = memchr(buffer->bytes + buffer->searched, '\n',
				 buffer->end - buffer->searched);
	buffer->searched = buffer->end;
	if (!newline)
		return NULL;
	*len = (size_t)(newline - line);
	buffer->start += *len + 1;
	buffer->searched = buffer->start;
	return line;
}

bool line_buffer_has_line(const struct line_buffer *buffer)
{
	return buffer->searched < buffer->end &&
	       memchr(buffer->bytes + buffer->searched, '\n',
		      buffer->end - buffer->searched);
}

void line_buffer_clear(struct line_buffer *buffer)
{
	free(buffer->bytes);
	memset(buffer, 0, sizeof(*buffer));
}
