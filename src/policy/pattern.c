// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/pattern.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define HEX_RUN 6 /* shorter ones are words: "cafe", "bad" */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the variable part that begins at path[at]; 0: none does. Within a word
 * only a digit begins one. */
static size_t variable(const char *path, size_t at)
{
	bool in_word = at && isalpha((unsigned char)path[at - 1]);
	size_t len = 0, digits = 0;

	if (in_word && !is_digit(path[at]))
		return 0;
	for (; is_hex(path[at + len]); len++)
		digits += is_digit(path[at + len]);
	if (len >= HEX_RUN && digits)
		return len;
	for (len = 0; is_digit(path[at + len]); len++)
		;
	return len;
}

size_t pattern_of(const char *path, char *out)
{
	size_t at = 0, len = 0;

	while (path[at]) {
		size_t skip = variable(path, at);

		if (!skip) {
			out[len++] = path[at++];
			continue;
		}
		if (!len || out[len - 1] != '*')
			out[len++] = '*';
		at += skip;
	}
	out[len] = 0;
	return len;
}

size_t pattern_name_at(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}
