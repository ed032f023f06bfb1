// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/page.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "output/text.h"

/* Signs of ours, and what they are where the terminal has only ASCII. */
static const struct {
	const char *sign, *ascii;
} signs[] = {{"\xe2\x86\x92", "->"},  /* → */
	     {"\xe2\x80\xa6", "..."}, /* … */
	     {"\xe2\x80\x93", "-"}};  /* – */

/* The text with these replaced. NULL: no memory. The caller frees it. */
static char *in_ascii(const char *text)
{
	/* none gets longer */
	char *out = malloc(strlen(text) + 1), *at = out;

	while (out && *text) {
		size_t i;

		for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
			if (!strncmp(text, signs[i].sign, 3))
				break;
		if (i == sizeof(signs) / sizeof(signs[0])) {
			*at++ = *text++;
			continue;
		}
		at = stpcpy(at, signs[i].ascii);
		text += 3;
	}
	if (out)
		*at = '\0';
	return out;
}

/* Harmless, at most `columns` wide. NULL: no memory. The caller frees it. */
static char *harmless(const struct page *page, const char *text, int columns)
{
	size_t size = strlen(text) * 3 + 1;
	char *safe = malloc(size), *ascii = NULL;

	if (!safe)
		return NULL;
	if (!page->utf8) {
		ascii = in_ascii(text);
		if (!ascii) {
			free(safe);
			return NULL;
		}
	}
	text_terminal(safe, size, ascii ? ascii : text, columns, 0, page->utf8);
	free(ascii);
	return safe;
}

/* Bytes of the next character of harmless text, and its columns. */
static size_t next_character(const struct page *page, const char *text, int *columns)
{
	size_t len;
	wchar_t c;

	*columns = 1;
	if (!page->utf8 || (unsigned char)*text < 0x80)
		return 1;
	len = mbrtowc(&c, text, strlen(text), &(mbstate_t){0});
	if (len == 0 || len > strlen(text))
		return 1;
	*columns = wcwidth(c) < 0 ? 1 : wcwidth(c);
	return len;
}

/* How much of harmless text fits into `room` columns: up to the last space before
 * that, or as much as fits if it has none. */
static size_t fitting(const struct page *page, const char *text, int room)
{
	size_t at = 0, space = 0;
	int used = 0, columns;

	while (text[at]) {
		size_t len = next_character(page, text + at, &columns);

		if (used + columns > room)
			return space ? space : at ? at : len;
		used += columns;
		if (text[at] == ' ')
			space = at;
		at += len;
	}
	return at;
}

void page_colour(const struct page *page, enum page_colour colour)
{
	static const char *const codes[] = {
		[PAGE_PLAIN] = "\033[0m",  [PAGE_BOLD] = "\033[1m",
		[PAGE_DIM] = "\033[2m",    [PAGE_YELLOW] = "\033[33m",
		[PAGE_RED] = "\033[1;31m",
	};

	if (page->colour)
		fputs(codes[colour], page->out);
}

void page_heading(const struct page *page, const char *text)
{
	fputc('\n', page->out);
	page_colour(page, PAGE_BOLD);
	page_line(page, "", text);
	page_colour(page, PAGE_PLAIN);
}

void page_go_on(const struct page *page, int used, int indent, const char *text)
{
	char *safe = harmless(page, text, INT_MAX), *at = safe;

	if (!safe)
		return;
	do {
		int before = at == safe ? used : indent;
		size_t len = fitting(page, at, page->width - before);

		fprintf(page->out, "%*s%.*s\n", at == safe ? 0 : indent, "", (int)len,
			at);
		at += len;
		at += strspn(at, " ");
	} while (*at);
	free(safe);
}

void page_text(const struct page *page, const char *lead, const char *text)
{
	int indent = (int)strlen(lead);

	fputs(lead, page->out);
	page_go_on(page, indent, indent, text);
}

void page_verbatim(const struct page *page, const char *lead, const char *text)
{
	char *safe = harmless(page, text, INT_MAX);

	if (safe)
		fprintf(page->out, "%s%s\n", lead, safe);
	free(safe);
}

void page_line(const struct page *page, const char *lead, const char *text)
{
	char *safe = harmless(page, text, page->width - (int)strlen(lead));

	if (safe)
		fprintf(page->out, "%s%s\n", lead, safe);
	free(safe);
}
