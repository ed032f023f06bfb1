// SPDX-License-Identifier: GPL-2.0-or-later
/* What is read of others is bounded before it is parsed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/request.h"
#include "state/json_read.h"

static bool reads(const char *text, int depth)
{
	cJSON *json = json_read(text, strlen(text), depth, NULL);
	bool read = json != NULL;

	cJSON_Delete(json);
	return read;
}

static void test_depth(void **state)
{
	char nested[2 * JSON_READ_DEEP + 3];

	(void)state;
	for (int depth = 1; depth <= JSON_READ_DEEP + 1; depth++) {
		memset(nested, '[', (size_t)depth);
		memset(nested + depth, ']', (size_t)depth);
		nested[2 * depth] = '\0';
		assert_int_equal(reads(nested, JSON_READ_SHALLOW),
				 depth <= JSON_READ_SHALLOW);
		assert_int_equal(reads(nested, JSON_READ_DEEP),
				 depth <= JSON_READ_DEEP);
	}
	/* brackets within texts are none */
	assert_true(reads("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 1));
	assert_true(reads("[\"\\\"[[[[[[[[[[[[[[[[\", \"\\\\\"]", 1));
	assert_false(reads("[\"\\\\\", [1]]", 1));
}

/* cJSON would take 64 MB for these 2. */
static void test_values(void **state)
{
	size_t len = 2 * (size_t)JSON_READ_VALUES + 3;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	text[0] = '[';
	for (size_t i = 1; i + 2 < len; i += 2)
		memcpy(text + i, "1,", 2);
	text[len - 2] = '1';
	text[len - 1] = ']';
	assert_null(json_read(text, len, JSON_READ_DEEP, NULL));
	free(text);
}

static void test_texts(void **state)
{
	static const char two[] = "{} {}";
	const char *end = NULL;
	cJSON *json;

	(void)state;
	assert_false(reads("", 1));
	assert_false(reads("{", 1));
	assert_false(reads("x", 1));
	assert_true(reads(" {\"a\":1} \r\n", 1));
	assert_false(reads(two, 1));
	json = json_read(two, strlen(two), 1, &end);
	assert_non_null(json);
	assert_ptr_equal(end, two + 2);
	cJSON_Delete(json);
}

/* The request itself is good: without the bound it would be served. */
static void test_request(void **state)
{
	static const char
		good[] = "{\"request\":\"self\",\"x\":[[[[[[[[[[[[[[[1]]]]]]]]]]"
			 "]]]]]}",
		deep[] = "{\"request\":\"self\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]"
			 "]]]]]]}";
	struct request request;
	char why[128];

	(void)state;
	assert_int_equal(request_parse(good, strlen(good), &request, why, sizeof(why)),
			 REQUEST_OK);
	request_clear(&request);
	assert_int_equal(request_parse(deep, strlen(deep), &request, why, sizeof(why)),
			 REQUEST_BAD);
	assert_false(request.is_object);
	request_clear(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
