/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#define INVALID     ((uint32_t)-1)
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
/* Marks that one character may carry: enough for every script in use, too few
 * to paint over the lines above. */
#define MAX_MARKS   4

/* What the second byte may be: it alone shuts out overlong forms, surrogates
 * and what lies beyond U+10FFFF. */
static void second_byte_range(unsigned char lead, unsigned char *low,
			      unsigned char *high)
{
	*low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
}

/* Decodes what begins at `s`; returns how many bytes it took, at least 1. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *code)
{
	unsigned char low, high;
	uint32_t value;
	size_t need, i;

	*code = INVALID;
	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 1;
	need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	value = s[0] & (0x7fu >> need);
	second_byte_range(s[0], &low, &high);
	for (i = 1; i < need; i++) {
		if (i == len || s[i] < low || s[i] > high)
			return i;
		value = value << 6 | (s[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*code = value;
	return need;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* What breaks a line or turns its direction. */
static bool is_line_control(uint32_t code)
{
	return is_control(code) || code == 0x61c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

struct output {
	char *at;
	size_t size, len;
};

/* false: no room for all of it. */
static bool put(struct output *out, const void *bytes, size_t len)
{
	if (out->size == 0 || len > out->size - 1 - out->len)
		return false;
	memcpy(out->at + out->len, bytes, len);
	out->len += len;
	return true;
}

static size_t end(struct output *out)
{
	if (out->size > 0)
		out->at[out->len] = '\0';
	return out->len;
}

static bool safe_for_json(uint32_t code)
{
	return code == '\t' || code == '\n' || !is_control(code);
}

static size_t copy(char *to, size_t size, const char *bytes, size_t len, bool line)
{
	const unsigned char *s = (const unsigned char *)bytes;
	struct output out = {.at = to, .size = size};
	size_t used;

	for (; len > 0; s += used, len -= used) {
		uint32_t code;
		bool safe, room;

		used = decode(s, len, &code);
		safe = code != INVALID &&
		       (line ? !is_line_control(code) : safe_for_json(code));
		room = safe ? put(&out, s, used)
			    : put(&out, REPLACEMENT, sizeof(REPLACEMENT) - 1);
		if (!room)
			break;
	}
	return end(&out);
}

size_t text_utf8(char *out, size_t size, const char *bytes, size_t len)
{
	return copy(out, size, bytes, len, false);
}

size_t text_line(char *out, size_t size, const char *bytes, size_t len)
{
	return copy(out, size, bytes, len, true);
}

/* Columns that a character takes; -1: it must not be shown. */
static int width_of(uint32_t code, int marks, bool utf8)
{
	int width;

	if (code == INVALID || is_line_control(code))
		return -1;
	if (code < 0x80)
		return 1;
	if (!utf8)
		return -1;
	width = wcwidth((wchar_t)code);
	/* marks < 0: there is no character yet that a mark could sit on */
	if (width == 0 && (marks < 0 || marks >= MAX_MARKS))
		return -1;
	return width;
}

size_t text_terminal(char *to, size_t size, const char *bytes, int columns, int pad,
		     int utf8)
{
	const unsigned char *s = (const unsigned char *)bytes;
	const char *replacement = utf8 ? REPLACEMENT : "?";
	struct output out = {.at = to, .size = size};
	size_t used, len = strlen(bytes);
	int column = 0, marks = -1;

	for (; len > 0; s += used, len -= used) {
		uint32_t code;
		int width;
		bool room;

		used = decode(s, len, &code);
		width = width_of(code, marks, utf8);
		if (column + (width < 0 ? 1 : width) > columns)
			break;
		room = width < 0 ? put(&out, replacement, strlen(replacement))
				 : put(&out, s, used);
		if (!room)
			break;
		column += width < 0 ? 1 : width;
		marks = width == 0 ? marks + 1 : 0;
	}
	while (pad && column < columns && put(&out, " ", 1))
		column++;
	return end(&out);
}
