// SPDX-License-Identifier: GPL-2.0-or-later
/* CPython in a process's memory: lines by their tables, and frames in images of memory, whole
 * ones and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python_tables.h"
#include "unwind/python.h"

/* ---- lines ---- */

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(line_tables) / sizeof(*line_tables); i++) {
		const struct line_table *t = &line_tables[i];
		uint32_t at = 0;

		for (size_t j = 0; t->lines[j].end; j++)
			for (; at < t->lines[j].end; at += 2)
				assert_int_equal(python_line(t->version, t->bytes,
							     t->len, 41, at),
						 t->lines[j].line);
		assert_true(at > 100);
	}
}

/* The end of a table is its end, wherever it is cut. */
static void test_lines_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(line_tables) / sizeof(*line_tables); i++)
		for (size_t len = 0; len < line_tables[i].len; len++) {
			uint8_t *copy = malloc(len + 1);

			assert_non_null(copy);
			memcpy(copy, line_tables[i].bytes, len);
			/* its own memory, so that a sanitizer sees what is read beyond */
			copy = realloc(copy, len ? len : 1);
			assert_non_null(copy);
			for (uint64_t at = 0; at < 300; at++)
				(void)python_line(line_tables[i].version, copy, len, 41,
						  at);
			free(copy);
		}
}

static void test_lines_of_noise(void **state)
{
	uint8_t noise[512];

	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)rand();
		for (uint32_t version = 0x0308; version <= 0x030d; version++)
			(void)python_line(version, noise, sizeof(noise), UINT32_MAX,
					  (uint64_t)rand());
	}
}

/* ---- an image of memory ---- */

#define BASE        0x10000ull
#define SIZE        0x8000
#define RUNTIME     (BASE + 0x0000)
#define INTERPRETER (BASE + 0x1000)
#define STATES      (BASE + 0x4000) /* of threads, 0x200 each */
#define CFRAMES     (BASE + 0x4800) /* 0x40 each */
#define FRAMES      (BASE + 0x4a00) /* 0x80 each */
#define CODE        (BASE + 0x5000)
#define NAME        (BASE + 0x5400)
#define FILE_NAME   (BASE + 0x5600)
#define TABLE       (BASE + 0x5800)
#define CODE_TYPE   (BASE + 0x5c00)
#define VERSION     (BASE + 0x5c40)
#define POINTERS    (BASE + 0x6000) /* thread pointers, 0x800 each */
#define SPECIFIC    0x320
#define THREADS     3

struct image {
	uint8_t bytes[SIZE];
	uint64_t reads;
};

static bool read_image(void *context, uint64_t address, void *to, size_t len)
{
	struct image *image = context;

	image->reads++;
	if (address < BASE || address - BASE > SIZE || len > SIZE - (address - BASE))
		return false;
	memcpy(to, image->bytes + (address - BASE), len);
	return true;
}

static void put64(struct image *image, uint64_t address, uint64_t value)
{
	memcpy(image->bytes + (address - BASE), &value, sizeof(value));
}

static void put32(struct image *image, uint64_t address, uint32_t value)
{
	memcpy(image->bytes + (address - BASE), &value, sizeof(value));
}

/* Where one version has what, as its headers say. */
struct shape {
	uint32_t version;
	uint64_t heads, threads, thread_id, frame;
	bool through;
	uint64_t through_at, code, at, previous, first_line, file, name, lines,
		instructions, ascii;
};

static const struct shape shapes[] = {
	{0x0309, 32, 8, 176, 24, false, 0, 32, 104, 24, 40, 104, 112, 120, 0, 48},
	{0x030b, 40, 16, 152, 56, true, 8, 32, 56, 48, 72, 112, 128, 136, 184, 48},
	{0x030c, 40, 72, 136, 56, true, 0, 0, 56, 8, 68, 112, 128, 136, 192, 40},
	{0x030d, 632, 7344, 152, 72, false, 0, 0, 56, 8, 68, 112, 128, 136, 200, 40},
};

static const struct line_table *table_of(uint32_t version)
{
	for (size_t i = 0; i < sizeof(line_tables) / sizeof(*line_tables); i++)
		if (line_tables[i].version == version)
			return &line_tables[i];
	return NULL;
}

static void put_ascii(struct image *image, const struct shape *s, uint64_t at,
		      const char *text)
{
	put64(image, at + 16, strlen(text));
	put32(image, at + 32, 1u << 2 | 1u << 5 | 1u << 6);
	memcpy(image->bytes + (at + s->ascii - BASE), text, strlen(text));
}

static void put_code(struct image *image, const struct shape *s)
{
	const struct line_table *t = table_of(s->version);

	put64(image, CODE + 8, CODE_TYPE);
	put32(image, CODE + s->first_line, 41);
	put64(image, CODE + s->file, FILE_NAME);
	put64(image, CODE + s->name, NAME);
	put64(image, CODE + s->lines, TABLE);
	put_ascii(image, s, NAME, "Store.render.<locals>.attach");
	put_ascii(image, s, FILE_NAME, "/srv/app/store.py");
	put64(image, TABLE + 16, t->len);
	memcpy(image->bytes + (TABLE + 32 - BASE), t->bytes, t->len);
}

static void put_thread(struct image *image, const struct shape *s, int i)
{
	uint64_t state = STATES + (uint64_t)i * 0x200,
		 pointer = POINTERS + (uint64_t)i * 0x800,
		 frame = FRAMES + (uint64_t)i * 0x80,
		 cframe = CFRAMES + (uint64_t)i * 0x40;

	put64(image, state + 8, i + 1 < THREADS ? state + 0x200 : 0);
	put64(image, state + 16, INTERPRETER);
	put64(image, state + s->thread_id, pointer);
	put64(image, state + s->frame, s->through ? cframe : frame);
	if (s->through)
		put64(image, cframe + s->through_at, frame);
	put64(image, frame + s->code, CODE);
	put64(image, frame + s->at, s->instructions ? CODE + s->instructions + 6 : 6);
	put64(image, frame + s->previous, 0);
	put64(image, pointer, pointer);
	put64(image, pointer + SPECIFIC - 8, 1);
	put64(image, pointer + SPECIFIC, state);
	/* A word that happens to be the same, and one of another thread's. */
	if (i == 0) {
		put64(image, pointer + 0x200, state);
		put64(image, pointer + 0x400 - 8, 1);
		put64(image, pointer + 0x400, state);
	}
}

/* As 3.13 publishes them, by its header's order. */
static void put_published(struct image *image, const struct shape *s)
{
	static const uint64_t words[71] = {
		[5] = 632,                                      /* runtime */
		[8] = 7264, [9] = 7344,                         /* interpreter */
		[21] = 8,   [22] = 16,  [23] = 72,  [24] = 152, /* thread */
		[29] = 8,   [30] = 0,   [31] = 56,              /* frame */
		[35] = 112, [36] = 120, [37] = 128, [38] = 136,
		[39] = 68,  [43] = 200,            /* code */
		[45] = 8,                          /* object */
		[68] = 32,  [69] = 16,  [70] = 40, /* str */
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		put64(image, RUNTIME + i * 8, words[i]);
	memcpy(image->bytes, "xdebugpy", 8);
	put64(image, RUNTIME + 8, (uint64_t)s->version << 16 | 0x1f0);
}

static struct image *new_image(const struct shape *s)
{
	struct image *image = calloc(1, sizeof(*image));

	assert_non_null(image);
	if (s->version >= 0x030d)
		put_published(image, s);
	put32(image, VERSION, s->version << 16 | 0x2f0);
	put64(image, RUNTIME + s->heads, INTERPRETER);
	put64(image, INTERPRETER + s->threads, STATES);
	put_code(image, s);
	for (int i = 0; i < THREADS; i++)
		put_thread(image, s, i);
	return image;
}

struct proved {
	int err;
	struct python python;
	struct fdw_python_layout layout;
	char why[PYTHON_WHY_MAX];
};

static struct proved prove(struct image *image, const struct shape *s)
{
	const struct python_symbols symbols = {
		.runtime = RUNTIME,
		.code_type = CODE_TYPE,
		.version = s->version >= 0x030b ? VERSION : 0,
		.named = s->version,
	};
	struct memory memory = {read_image, image, MEMORY_READS_MAX};
	struct proved out = {.err = 1};

	out.err = python_prove(&memory, &symbols, &out.python, &out.layout, out.why,
			       sizeof(out.why));
	return out;
}

static bool describe(struct image *image, const struct python *python, uint64_t at,
		     struct python_place *place)
{
	struct memory memory = {read_image, image, MEMORY_READS_MAX};
	const struct fdw_script_frame frame = {CODE, at};

	return python_describe(&memory, python, &frame, place);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		const struct shape *s = &shapes[i];
		struct image *image = new_image(s);
		struct proved p = prove(image, s);
		struct python_place place;

		assert_string_equal(p.err ? p.why : "", "");
		assert_int_equal(p.layout.interpreters, RUNTIME + s->heads);
		assert_int_equal(p.layout.interpreter, INTERPRETER);
		assert_int_equal(p.layout.state, SPECIFIC);
		assert_int_equal(p.layout.through, s->through ? s->through_at + 1 : 0);
		assert_true(describe(image, &p.python,
				     s->instructions ? CODE + s->instructions + 6 : 6,
				     &place));
		assert_string_equal(place.function, "Store.render.<locals>.attach");
		assert_string_equal(place.file, "/srv/app/store.py");
		assert_int_equal(place.line,
				 python_line(s->version, table_of(s->version)->bytes,
					     table_of(s->version)->len, 41, 6));
		free(image);
	}
}

/* ---- what is not as it should be ---- */

#define SHAPE_3_11 (&shapes[1])

static void expect_refused(struct image *image, int err, const char *why)
{
	struct proved p = prove(image, SHAPE_3_11);

	assert_int_equal(p.err, err);
	assert_string_equal(p.why, why);
	assert_int_equal(p.layout.interpreters, 0);
	assert_int_equal(p.python.version, 0);
	free(image);
}

static void test_refused(void **state)
{
	struct image *image = new_image(SHAPE_3_11);

	(void)state;
	put32(image, VERSION, 0x030702f0);
	expect_refused(image, -ENOTSUP, "Python 3.7 is not known");
	image = new_image(SHAPE_3_11);
	put64(image, RUNTIME + 40, 0);
	expect_refused(image, -EAGAIN, "the interpreter has not begun");
	image = new_image(SHAPE_3_11);
	put64(image, INTERPRETER, INTERPRETER);
	expect_refused(image, -EAGAIN, "it has several interpreters");
	image = new_image(SHAPE_3_11);
	put64(image, STATES + 0x200 + 16, INTERPRETER + 8);
	expect_refused(image, -EILSEQ, "its threads are not where they should be");
	image = new_image(SHAPE_3_11);
	put64(image, POINTERS + 0x800 + SPECIFIC, STATES);
	expect_refused(image, -EILSEQ, "its threads' state is not where it should be");
	image = new_image(SHAPE_3_11);
	put64(image, CODE + 8, CODE_TYPE + 8);
	expect_refused(image, -EAGAIN, "no function of it runs now");
	/* Threads without an end. */
	image = new_image(SHAPE_3_11);
	put64(image, STATES + 0x400 + 8, STATES);
	(void)prove(image, SHAPE_3_11);
	assert_true(image->reads <= MEMORY_READS_MAX);
	free(image);
}

static void test_free_threaded(void **state)
{
	struct image *image = new_image(&shapes[3]);
	struct proved p;

	(void)state;
	put64(image, RUNTIME + 16, 1);
	p = prove(image, &shapes[3]);
	assert_int_equal(p.err, -ENOTSUP);
	assert_string_equal(p.why, "Python 3.13, free-threaded, is not known");
	free(image);
}

static void test_texts(void **state)
{
	static const uint16_t wide[] = {0x72, 0xe9, 0x20ac, 0xd800};
	struct image *image = new_image(SHAPE_3_11);
	struct proved p = prove(image, SHAPE_3_11);
	uint64_t at = CODE + 184 + 6;
	struct python_place place;

	(void)state;
	put64(image, NAME + 16, 4);
	put32(image, NAME + 32, 2u << 2 | 1u << 5);
	memcpy(image->bytes + (NAME + 72 - BASE), wide, sizeof(wide));
	assert_true(describe(image, &p.python, at, &place));
	assert_string_equal(place.function, "r\xc3\xa9\xe2\x82\xac\xed\xa0\x80");
	/* longer than there is room for, and than there is memory */
	put64(image, NAME + 16, UINT64_MAX);
	assert_true(describe(image, &p.python, at, &place));
	put32(image, NAME + 32, 3u << 2 | 1u << 5);
	assert_false(describe(image, &p.python, at, &place));
	put32(image, NAME + 32, 0);
	assert_false(describe(image, &p.python, at, &place));
	put64(image, CODE + 128, 0);
	assert_false(describe(image, &p.python, at, &place));
	free(image);
}

/* Whatever is in memory, it comes to an end, with texts that have one. */
static void test_damaged(void **state)
{
	struct python_place place;

	(void)state;
	srand(2);
	for (int round = 0; round < 4000; round++) {
		const struct shape *s = &shapes[round % 4];
		struct image *image = new_image(s);
		struct proved p;

		for (int i = rand() % 40; i >= 0; i--) {
			uint64_t at = (uint64_t)rand() % (SIZE / 8) * 8;

			if (rand() % 2) /* of what matters, and not the gaps */
				at =
					(uint64_t[]){
						0x0,    0x1000, 0x4000, 0x4a00,
						0x5000, 0x5400, 0x5800, 0x6000}[rand() %
										8] +
					(uint64_t)(rand() % 64) * 8;
			put64(image, BASE + at,
			      rand() % 2 ? BASE + (uint64_t)rand() % SIZE
					 : (uint64_t)rand() << 33 ^ (uint64_t)rand());
		}
		p = prove(image, s);
		p.python.code_type = CODE_TYPE;
		for (int i = 0; i < 4; i++)
			if (describe(image, &p.python, CODE + (uint64_t)rand() % 512,
				     &place)) {
				assert_true(strlen(place.function) <
					    sizeof(place.function));
				assert_true(strlen(place.file) < sizeof(place.file));
			}
		free(image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_cut),
		cmocka_unit_test(test_lines_of_noise),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_free_threaded),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
