// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "top/recent.h"

static void add(struct recent *recent, pid_t pid, int number)
{
	char json[64];
	int len = snprintf(json, sizeof(json), "{\"number\":%d}\n", number);

	recent_add(recent, pid, json, (size_t)len);
}

static int number_of(const cJSON *alerts, int at)
{
	return cJSON_GetObjectItem(cJSON_GetArrayItem(alerts, at), "number")->valueint;
}

static void test_of_one_process_in_order(void **state)
{
	struct recent *recent = recent_new();
	cJSON *alerts;

	(void)state;
	add(recent, 7, 1);
	add(recent, 8, 2);
	add(recent, 7, 3);
	recent_add(recent, 7, "no JSON", 7);
	alerts = recent_of(recent, 7);
	assert_int_equal(cJSON_GetArraySize(alerts), 2);
	assert_int_equal(number_of(alerts, 0), 1);
	assert_int_equal(number_of(alerts, 1), 3);
	cJSON_Delete(alerts);
	alerts = recent_of(recent, 9);
	assert_int_equal(cJSON_GetArraySize(alerts), 0);
	cJSON_Delete(alerts);
	recent_free(recent);
}

static void test_the_oldest_makes_room(void **state)
{
	struct recent *recent = recent_new();
	cJSON *alerts;

	(void)state;
	for (int i = 0; i < RECENT_MAX + 3; i++)
		add(recent, 7, i);
	alerts = recent_of(recent, 7);
	assert_int_equal(cJSON_GetArraySize(alerts), RECENT_MAX);
	assert_int_equal(number_of(alerts, 0), 3);
	assert_int_equal(number_of(alerts, RECENT_MAX - 1), RECENT_MAX + 2);
	cJSON_Delete(alerts);
	recent_free(recent);
	recent_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_one_process_in_order),
		cmocka_unit_test(test_the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
