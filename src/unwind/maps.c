// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *maps_read(int fd, size_t max, size_t *len)
{
	size_t room = 64 * 1024;
	char *text = malloc(room + 1), *larger;
	ssize_t n;

	*len = 0;
	while (text && (n = read(fd, text + *len, room - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(text);
			return NULL;
		}
		*len += (size_t)n;
		if (*len < room)
			continue;
		if (room >= max)
			break;
		room *= 2;
		larger = realloc(text, room + 1);
		if (!larger)
			free(text);
		text = larger;
	}
	if (text)
		text[*len] = 0;
	return text;
}

static bool maps_parse_line(char *line, struct mapping *out)
{
	char permissions[5];
	int path = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx32 ":%" SCNx32
		   " %" SCNu64 " %n",
		   &out->start, &out->end, permissions, &out->offset, &out->major,
		   &out->minor, &out->inode, &path) < 7 ||
	    !path)
		return false;
	out->executable = permissions[2] == 'x';
	out->path = line + path;
	return true;
}

int maps_take(struct maps *maps, char *text, size_t len)
{
	size_t room = 1;
	char *line, *end;

	for (size_t i = 0; i < len; i++)
		room += text[i] == '\n';
	maps_clear(maps);
	maps->text = text;
	maps->at = calloc(room, sizeof(*maps->at));
	if (!maps->at) {
		maps_clear(maps);
		return -ENOMEM;
	}
	for (line = text; line < text + len; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = 0;
		maps->len += maps_parse_line(line, &maps->at[maps->len]);
	}
	return 0;
}

void maps_clear(struct maps *maps)
{
	free(maps->text);
	free(maps->at);
	*maps = (struct maps){0};
}

const struct mapping *maps_find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->at[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < maps->len && maps->at[low].start <= address ? &maps->at[low]
								 : NULL;
}
