/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form of systemd's files, and of limits in them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

static char *strip(char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A backslash at its end that no other one escapes: the next line belongs to it. */
static bool goes_on(const char *line, size_t len)
{
	bool escaped = false;

	for (size_t i = 0; i < len; i++)
		escaped = !escaped && line[i] == '\\';
	return escaped;
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return *line == '#' || *line == ';';
}

struct ini {
	const char *section; /* in the text itself; "": none yet */
	origin_assignment assignment;
	void *context;
};

static void one_line(struct ini *ini, char *line, uint32_t number)
{
	char *value;
	size_t len;

	line = strip(line);
	len = strlen(line);
	if (line[0] == '[') {
		ini->section = "";
		if (line[len - 1] == ']') {
			line[len - 1] = '\0';
			ini->section = line + 1;
		}
		return;
	}
	value = strchr(line, '=');
	if (!value || !ini->section[0])
		return;
	*value++ = '\0';
	ini->assignment(ini->context, ini->section, strip(line), strip(value), number);
}

void origin_ini(char *text, origin_assignment assignment, void *context)
{
	struct ini ini = {"", assignment, context};
	char *whole = text, *end = text, *line,
	     *next; /* the line put together so far */
	uint32_t number = 0, first = 0;
	size_t len;

	for (line = text; *line; line = next) {
		len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		number++;
		/* also in the midst of a line that goes on */
		if (is_comment(line))
			continue;
		if (end == whole)
			first = number;
		/* it never grows: what was there has been read */
		memmove(end, line, len);
		end += len;
		if (goes_on(whole, (size_t)(end - whole))) {
			end[-1] = ' ';
			continue;
		}
		*end = '\0';
		one_line(&ini, whole, first);
		whole = end = next;
	}
	if (end > whole) {
		*end = '\0';
		one_line(&ini, whole, first);
	}
}

/* As strtoull() with base 0, but all of it digits. */
static bool parse_one(const char *text, size_t len, uint64_t *out)
{
	char copy[32], *end;

	if (len == strlen("infinity") && memcmp(text, "infinity", len) == 0) {
		*out = UINT64_MAX;
		return true;
	}
	if (len == 0 || len >= sizeof(copy) || !isdigit((unsigned char)text[0]))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	errno = 0;
	*out = strtoull(copy, &end, 0);
	return !errno && !*end && *out < UINT64_MAX;
}

bool origin_parse_rlimit(const char *text, uint64_t *soft, uint64_t *hard)
{
	size_t len = strcspn(text, ":");
	uint64_t first, second;

	if (!parse_one(text, len, &first))
		return false;
	second = first;
	if (text[len] && !parse_one(text + len + 1, strlen(text + len + 1), &second))
		return false;
	if (first > second)
		return false;
	*soft = first;
	*hard = second;
	return true;
}

const char *origin_limits_text(uint64_t soft, uint64_t hard, char text[48])
{
	char parts[2][24];
	uint64_t values[2] = {soft, hard};

	for (int i = 0; i < 2; i++) {
		if (values[i] == UINT64_MAX)
			snprintf(parts[i], sizeof(parts[i]), "infinity");
		else
			snprintf(parts[i], sizeof(parts[i]), "%llu",
				 (unsigned long long)values[i]);
	}
	snprintf(text, 48, "%s:%s", parts[0], parts[1]);
	return text;
}
