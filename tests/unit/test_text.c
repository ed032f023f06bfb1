/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "output/text.h"

#define R "\xef\xbf\xbd"

struct sample {
	const char *in, *json, *line;
};

/* Expected: what Python's bytes.decode("utf-8", "replace") makes of them, and
 * the controls replaced. */
static const struct sample samples[] = {
	{"", "", ""},
	{"plain", "plain", "plain"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9a",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9a",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9a"},
	{"a\tb\nc", "a\tb\nc", "a" R "b" R "c"},
	{"a\rb\x1b[31m\x7f", "a" R "b" R "[31m" R, "a" R "b" R "[31m" R},
	{"\xc2\x80\xc2\x9b\xc2\xa0", R R "\xc2\xa0", R R "\xc2\xa0"},
	/* overlong, in all lengths */
	{"\xc0\xaf", R R, R R},
	{"\xc1\xbf", R R, R R},
	{"\xe0\x80\xaf", R R R, R R R},
	{"\xe0\x9f\xbf", R R R, R R R},
	{"\xf0\x80\x80\xaf", R R R R, R R R R},
	{"\xf0\x8f\xbf\xbf", R R R R, R R R R},
	/* the edges of what is valid */
	{"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	 "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	 "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	/* surrogates, beyond U+10FFFF, bytes that begin nothing */
	{"\xed\xa0\x80\xed\xbf\xbf", R R R R R R, R R R R R R},
	{"\xf4\x90\x80\x80", R R R R, R R R R},
	{"\xf5\x80\x80\x80\xff\xfe", R R R R R R, R R R R R R},
	{"\x80\xbf", R R, R R},
	/* cut short: one for each piece, and what follows is kept */
	{"\xe2\x82", R, R},
	{"\xf0\x9f\x90x", R "x", R "x"},
	{"\xc3(\xe2\x82(", R "(" R "(", R "(" R "("},
	{"\xf0\x9f\xe2\x82\xac", R "\xe2\x82\xac", R "\xe2\x82\xac"},
	/* what turns or breaks a line */
	{"a\xe2\x80\xae"
	 "b\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8",
	 "a\xe2\x80\xae"
	 "b\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8",
	 "a" R "b" R R R},
};

static void test_samples(void **state)
{
	char out[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];

		assert_int_equal(text_utf8(out, sizeof(out), s->in, strlen(s->in)),
				 strlen(s->json));
		assert_string_equal(out, s->json);
		assert_int_equal(text_line(out, sizeof(out), s->in, strlen(s->in)),
				 strlen(s->line));
		assert_string_equal(out, s->line);
	}
}

static void test_embedded_nul(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(text_utf8(out, sizeof(out), "a\0b", 3), 5);
	assert_string_equal(out, "a" R "b");
}

static void test_never_cuts_a_character(void **state)
{
	const char *in = "a\xe2\x82\xac\xf0\x9f\x90\x9a\xff";
	/* by room for bytes */
	const size_t len[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8, 8, 11, 11};
	char out[16];
	size_t room;

	(void)state;
	for (room = 0; room < sizeof(len) / sizeof(len[0]); room++) {
		memset(out, 'X', sizeof(out));
		assert_int_equal(text_utf8(out, room + 1, in, strlen(in)), len[room]);
		assert_int_equal(out[len[room]], '\0');
		assert_int_equal(out[room + 1], 'X');
	}
	out[0] = 'X';
	assert_int_equal(text_utf8(out, 0, in, strlen(in)), 0);
	assert_int_equal(out[0], 'X');
}

/* A second, plain decoder to check against. */
static bool valid_utf8(const unsigned char *s)
{
	while (*s) {
		uint32_t code, least;
		int more;

		if (*s < 0x80) {
			s++;
			continue;
		}
		if ((*s & 0xe0) == 0xc0)
			more = 1, code = *s & 0x1f, least = 0x80;
		else if ((*s & 0xf0) == 0xe0)
			more = 2, code = *s & 0x0f, least = 0x800;
		else if ((*s & 0xf8) == 0xf0)
			more = 3, code = *s & 0x07, least = 0x10000;
		else
			return false;
		for (s++; more > 0; more--, s++) {
			if ((*s & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*s & 0x3f);
		}
		if (code < least || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return false;
		if (code < 0xa0)
			return false; /* C1 */
	}
	return true;
}

static void test_random_bytes(void **state)
{
	static const char likely[] =
		"\xc2\xe0\xe2\xed\xf0\xf4\x80\x82\x8f\x90\x9f\xa0\xbf\x1b";
	char in[64], out[256];
	int round;

	(void)state;
	srandom(1);
	for (round = 0; round < 200000; round++) {
		size_t len = (size_t)random() % sizeof(in), i;
		size_t size = (size_t)random() % sizeof(out) + 1, written;

		for (i = 0; i < len; i++)
			in[i] = random() % 2 ? likely[random() % 14] : (char)random();
		written = text_utf8(out, size, in, len);
		assert_int_equal(written, strlen(out));
		assert_true(valid_utf8((unsigned char *)out));
		written = text_line(out, size, in, len);
		assert_int_equal(written, strlen(out));
		assert_true(valid_utf8((unsigned char *)out));
		assert_null(strpbrk(out, "\t\n\r\x1b\x7f"));
	}
}

static void assert_terminal(const char *in, int columns, int pad, int utf8,
			    const char *expected)
{
	char out[128];

	assert_int_equal(text_terminal(out, sizeof(out), in, columns, pad, utf8),
			 strlen(expected));
	assert_string_equal(out, expected);
}

static void test_terminal(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_terminal("nginx", 20, 0, 1, "nginx");
	assert_terminal("nginx", 3, 0, 1, "ngi");
	assert_terminal("nginx", 8, 1, 1, "nginx   ");
	assert_terminal("nginx", 0, 1, 1, "");
	assert_terminal("a\tb\nc\x1b[2J", 20, 0, 0, "a?b?c?[2J");
	assert_terminal("a\tb\nc\x1b[2J", 20, 0, 1, "a" R "b" R "c" R "[2J");
	/* not ASCII: one '?' for each character */
	assert_terminal("caf\xc3\xa9\xe2\x82\xac\xff", 20, 0, 0, "caf???");
	assert_terminal("caf\xc3\xa9", 20, 0, 1, "caf\xc3\xa9");
	/* two columns wide, and no room for half of it */
	assert_terminal("\xe6\xbc\xa2\xe5\xad\x97", 4, 1, 1,
			"\xe6\xbc\xa2\xe5\xad\x97");
	assert_terminal("\xe6\xbc\xa2\xe5\xad\x97", 3, 1, 1, "\xe6\xbc\xa2 ");
	assert_terminal("a\xe2\x80\xae"
			"b",
			4, 1, 1, "a" R "b ");
	/* U+0378 is not assigned: it has no width */
	assert_terminal("a\xcd\xb8"
			"b",
			4, 1, 1, "a" R "b ");
}

static void test_terminal_marks(void **state)
{
#define MARK "\xcc\x81"
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_terminal("e" MARK "x", 4, 1, 1, "e" MARK "x  ");
	/* with nothing before it, it would sit on another column's text */
	assert_terminal(MARK "x", 4, 1, 1, R "x  ");
	assert_terminal("e" MARK MARK MARK MARK MARK, 4, 1, 1,
			"e" MARK MARK MARK MARK R "  ");
}

static void test_terminal_size(void **state)
{
	char out[8];

	(void)state;
	memset(out, 'X', sizeof(out));
	assert_int_equal(text_terminal(out, 4, "abcdefgh", 20, 1, 0), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(out[4], 'X');
	assert_int_equal(text_terminal(out, 6, "ab", 20, 1, 0), 5);
	assert_string_equal(out, "ab   ");
}

/* With no locale set, what wcwidth() does not know is replaced, not shown. */
static void test_terminal_c_locale(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C");
	assert_terminal("caf\xc3\xa9!", 20, 0, 1, "caf" R "!");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_embedded_nul),
		cmocka_unit_test(test_never_cuts_a_character),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_terminal_marks),
		cmocka_unit_test(test_terminal_size),
		cmocka_unit_test(test_terminal_c_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
