/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/page.h"

#define ARROW "\xe2\x86\x92"

static char *printed;
static size_t printed_len;

static struct page open_page(bool utf8, int width)
{
	struct page page = {.utf8 = utf8, .width = width};

	page.out = open_memstream(&printed, &printed_len);
	assert_non_null(page.out);
	return page;
}

static void expect(struct page *page, const char *wanted)
{
	fclose(page->out);
	assert_string_equal(printed, wanted);
	free(printed);
}

static void wraps_words(void **state)
{
	struct page page = open_page(true, 20);

	(void)state;
	page_text(&page, "  1. ", "one two three four five six");
	page_text(&page, "", "exactly twenty signs");
	page_text(&page, "- ", "");
	page_text(&page, "  ", "a  b   c");
	expect(&page, "  1. one two three\n     four five six\n"
		      "exactly twenty signs\n- \n  a  b   c\n");
}

static void goes_on_behind_what_is_there(void **state)
{
	struct page page = open_page(true, 20);

	(void)state;
	fputs("0123456789  ", page.out);
	page_go_on(&page, 12, 4, "one two three four five six");
	expect(&page, "0123456789  one two\n    three four five\n    six\n");
}

static void cuts_long_words(void **state)
{
	struct page page = open_page(true, 10);

	(void)state;
	page_text(&page, "> ", "abcdefghijklmnopqrstuvwxyz");
	page_text(&page, "> ", "ab abcdefghijkl");
	expect(&page, "> abcdefgh\n  ijklmnop\n  qrstuvwx\n  yz\n"
		      "> ab\n  abcdefgh\n  ijkl\n");
}

/* By columns, not bytes; a character is never cut in two. */
static void counts_columns(void **state)
{
	struct page page = open_page(true, 10);

	(void)state;
	page_text(&page, "",
		  "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6 "
		  "\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6");
	page_text(&page, "",
		  "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa"
		  "\x9e");
	expect(&page, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\n\xc3\xbc\xc3"
		      "\x9f\xc3\xa4\xc3\xb6\n"
		      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\n"
		      "\xe8\xaa\x9e\n");
}

static void ascii_where_there_is_no_more(void **state)
{
	struct page page = open_page(false, 40);

	(void)state;
	page_text(&page, "", "412 tcp " ARROW " 10.0.0.7:443 \xe2\x80\xa6 \xc3\xa4");
	page_line(&page, "", "a " ARROW " b");
	page_verbatim(&page, "  ", "x" ARROW);
	expect(&page, "412 tcp -> 10.0.0.7:443 ... ?\na -> b\n  x->\n");
}

static void harmless(void **state)
{
	struct page page = open_page(true, 40);

	(void)state;
	page_text(&page, "", "a\033[31m\nb\x7f\xff");
	page_verbatim(&page, "", "c\rd\te");
	page_line(&page, "",
		  "\xe2\x80\xae"
		  "f\x9b");
	expect(&page, "a\xef\xbf\xbd[31m\xef\xbf\xbd"
		      "b\xef\xbf\xbd\xef\xbf\xbd\n"
		      "c\xef\xbf\xbd"
		      "d\xef\xbf\xbd"
		      "e\n"
		      "\xef\xbf\xbd"
		      "f\xef\xbf\xbd\n");
}

static void lines(void **state)
{
	struct page page = open_page(true, 10);

	(void)state;
	page_line(&page, "  ", "0123456789");
	page_verbatim(&page, "  ", "0123456789");
	page_heading(&page, "Heading");
	expect(&page, "  01234567\n  0123456789\n\nHeading\n");
}

static void colours(void **state)
{
	struct page page = open_page(true, 40);

	(void)state;
	page_colour(&page, PAGE_RED);
	page.colour = true;
	page_heading(&page, "H");
	expect(&page, "\n\033[1mH\n\033[0m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wraps_words),
		cmocka_unit_test(goes_on_behind_what_is_there),
		cmocka_unit_test(cuts_long_words),
		cmocka_unit_test(counts_columns),
		cmocka_unit_test(ascii_where_there_is_no_more),
		cmocka_unit_test(harmless),
		cmocka_unit_test(lines),
		cmocka_unit_test(colours),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
