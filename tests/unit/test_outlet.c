/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All outputs together: what is missing, comes back, and changes with a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/outlet.h"

#define S 1000000000ull

static const struct alert_host host = {.name = "web-3", .boot_id = "b007"};
static char directory[] = "/tmp/fdwarden-outlet-XXXXXX";
static char below[64], file[96], other[96];
static char said[1024];
static struct outlet *outlet;

static void say(const char *line)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(below, sizeof(below), "%s/below", directory);
	snprintf(file, sizeof(file), "%s/alerts.json", below);
	snprintf(other, sizeof(other), "%s/other.json", directory);
	said[0] = 0;
	outlet = outlet_new();
	return outlet ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	outlet_close(outlet, 1000);
	unlink(file);
	unlink(other);
	rmdir(below);
	return 0;
}

static void send_alert(const char *incident)
{
	struct identity who = {.pid = 1234, .comm = "nginx"};
	struct alert alert = {
		.what.action = POLICY_FD_WARNING,
		.host = &host,
		.who = &who,
		.fd = {.known = true, .count = 70, .used = 70, .soft_limit = 100},
	};

	snprintf(alert.incident, sizeof(alert.incident), "%s", incident);
	assert_int_equal(outlet_send(outlet, &alert), 0);
}

/* Ends the outlet, so that all is written. Returns what was lost. */
static uint64_t end(void)
{
	uint64_t lost = outlet_close(outlet, 60000);

	outlet = NULL;
	return lost;
}

static size_t lines_of(const char *path, const char *with)
{
	FILE *in = fopen(path, "re");
	char line[4096];
	size_t n = 0;

	while (in && fgets(line, sizeof(line), in))
		n += strstr(line, with) != NULL;
	if (in)
		fclose(in);
	return n;
}

static struct outlet_settings to(const char *path)
{
	return (struct outlet_settings){.file = path};
}

static void everything_is_written(void **state)
{
	struct outlet_settings settings = to(other);

	(void)state;
	assert_true(outlet_start(outlet, &settings, say));
	assert_string_equal(said, "");
	assert_non_null(outlet_sink(outlet, OUTLET_FILE));
	assert_null(outlet_sink(outlet, OUTLET_HOOK));
	send_alert("one");
	send_alert("two");
	assert_int_equal(outlet_lost(outlet), 0);
	assert_int_equal(end(), 0);
	assert_int_equal(lines_of(other, "\"fd-warning\""), 2);
}

/* What can't be opened costs its own alerts; it is tried again now and then, and says in its
 * own stream what it did not get. */
static void missing_comes_back(void **state)
{
	struct outlet_settings settings = to(file);

	(void)state;
	outlet_set_host(outlet, &host);
	assert_false(outlet_start(outlet, &settings, say));
	assert_non_null(strstr(said, file));
	assert_non_null(strstr(said, "No such file or directory"));
	send_alert("one");
	send_alert("two");
	assert_int_equal(outlet_lost(outlet), 2);
	said[0] = 0;
	assert_false(outlet_retry(outlet, 100 * S, say));
	assert_string_equal(said, ""); /* it is known */
	assert_int_equal(mkdir(below, 0755), 0);
	assert_false(outlet_retry(outlet, 101 * S, say)); /* it is not time yet */
	assert_true(outlet_retry(outlet, 105 * S, say));
	assert_non_null(strstr(said, "is open now; alerts that it did not get: 2"));
	assert_false(outlet_retry(outlet, 200 * S, say));
	send_alert("three");
	assert_int_equal(end(), 2);
	assert_int_equal(lines_of(file, "\"alerts-lost\""), 1);
	assert_int_equal(lines_of(file, "\"fd-warning\""), 1);
}

/* Another reason is told, the same one is not told again. */
static void another_reason(void **state)
{
	struct outlet_settings settings = to(file);

	(void)state;
	assert_false(outlet_start(outlet, &settings, say));
	said[0] = 0;
	assert_int_equal(mkdir(below, 0755), 0);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_false(outlet_retry(outlet, 10 * S, say));
	assert_non_null(strstr(said, "Is a directory"));
	said[0] = 0;
	assert_false(outlet_retry(outlet, 20 * S, say));
	assert_string_equal(said, "");
	assert_int_equal(rmdir(file), 0);
}

/* A reload: to another file, with what was put before still written to the first. */
static void other_file(void **state)
{
	struct outlet_settings first, second = to(other);
	char why[256] = "";

	(void)state;
	assert_int_equal(mkdir(below, 0755), 0);
	first = to(file);
	assert_true(outlet_start(outlet, &first, say));
	send_alert("one");
	assert_int_equal(outlet_configure(outlet, &second, why, sizeof(why)), 0);
	send_alert("two");
	assert_int_equal(end(), 0);
	assert_int_equal(lines_of(file, "\"fd-warning\""), 1);
	assert_int_equal(lines_of(other, "\"fd-warning\""), 1);
}

/* A reload that can't be done changes nothing. */
static void refused_reload(void **state)
{
	struct outlet_settings first = to(other), second = to(file);
	struct sink *before;
	char why[256] = "";

	(void)state;
	assert_true(outlet_start(outlet, &first, say));
	before = outlet_sink(outlet, OUTLET_FILE);
	assert_true(outlet_configure(outlet, &second, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, file));
	assert_ptr_equal(outlet_sink(outlet, OUTLET_FILE), before);
	/* The same again leaves it alone, too. */
	assert_int_equal(outlet_configure(outlet, &first, why, sizeof(why)), 0);
	assert_ptr_equal(outlet_sink(outlet, OUTLET_FILE), before);
	/* And none: it is closed. */
	second = (struct outlet_settings){0};
	assert_int_equal(outlet_configure(outlet, &second, why, sizeof(why)), 0);
	assert_null(outlet_sink(outlet, OUTLET_FILE));
	send_alert("nobody's");
	assert_int_equal(end(), 0);
	assert_int_equal(lines_of(other, "fd-warning"), 0);
}

/* What is missing since before is no reason to refuse a reload. */
static void reload_with_one_missing(void **state)
{
	struct outlet_settings settings = to(file);
	char why[256] = "";

	(void)state;
	assert_false(outlet_start(outlet, &settings, say));
	send_alert("one");
	assert_int_equal(outlet_configure(outlet, &settings, why, sizeof(why)), 0);
	assert_int_equal(outlet_lost(outlet), 1);
	/* Not wanted any more, it is not tried again. */
	settings.file = NULL;
	assert_int_equal(outlet_configure(outlet, &settings, why, sizeof(why)), 0);
	assert_int_equal(mkdir(below, 0755), 0);
	assert_false(outlet_retry(outlet, 100 * S, say));
	assert_int_equal(access(file, F_OK), -1);
	send_alert("nobody's");
	assert_int_equal(outlet_lost(outlet), 1);
}

static unsigned int tapped;

static void tap(void *context, const struct sink_message *message)
{
	assert_ptr_equal(context, &tapped);
	assert_int_equal(message->pid, 1234);
	assert_string_equal(message->name, "nginx");
	assert_string_equal(message->incident, "one");
	assert_int_equal(message->line[message->len - 1], '\n');
	tapped++;
}

/* The socket's clients get what no output takes. */
static void tap_without_outputs(void **state)
{
	struct outlet_settings settings = {0};

	(void)state;
	assert_false(outlet_start(outlet, &settings, say));
	outlet_set_tap(outlet, OUTLET_TAP_CLIENTS, tap, &tapped);
	send_alert("one");
	assert_int_equal(tapped, 1);
	outlet_set_tap(outlet, OUTLET_TAP_CLIENTS, NULL, NULL);
	send_alert("one");
	assert_int_equal(tapped, 1);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

#define WITH_OUTLET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_OUTLET(everything_is_written),
		WITH_OUTLET(missing_comes_back),
		WITH_OUTLET(another_reason),
		WITH_OUTLET(other_file),
		WITH_OUTLET(refused_reload),
		WITH_OUTLET(reload_with_one_missing),
		WITH_OUTLET(tap_without_outputs),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
