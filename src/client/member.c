// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/member.h"

#include <stdbool.h>
#include <string.h>

/* Behind the string that begins at `at`. */
static size_t skip_string(const char *line, size_t len, size_t at)
{
	for (at++; at < len && line[at] != '"'; at++)
		if (line[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

/* The end of a value: a comma or brace of the object that it is in. */
static size_t skip_value(const char *line, size_t len, size_t at)
{
	int depth = 0;

	while (at < len) {
		char c = line[at];

		if (depth == 0 && (c == ',' || c == '}'))
			break;
		if (c == '"') {
			at = skip_string(line, len, at);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		at++;
	}
	return at < len ? at : len;
}

static size_t skip_space(const char *line, size_t len, size_t at)
{
	while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
		at++;
	return at;
}

const char *member_find(const char *line, size_t len, const char *name,
			size_t *value_len)
{
	size_t at = skip_space(line, len, 0), name_len = strlen(name);

	if (at == len || line[at] != '{')
		return NULL;
	while (at < len && line[at] != '}') {
		size_t key = skip_space(line, len, at + 1), value, end;
		bool found;

		if (key >= len || line[key] != '"')
			return NULL;
		at = skip_string(line, len, key);
		found = at - key == name_len + 2 &&
			!memcmp(line + key + 1, name, name_len);
		at = skip_space(line, len, at);
		if (at >= len || line[at] != ':')
			return NULL;
		value = skip_space(line, len, at + 1);
		end = skip_value(line, len, value);
		if (end == len)
			return NULL;
		if (found) {
			*value_len = end - value;
			return line + value;
		}
		at = end;
	}
	return NULL;
}
