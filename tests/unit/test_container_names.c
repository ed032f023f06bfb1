/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Imitated files of Docker and Podman. */
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

#include "state/container_names.h"

#define DIGITS(first)                                                                  \
	first "f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define WEB     DIGITS("1") /* of Docker */
#define EVIL    DIGITS("2") /* whose name is no name */
#define LINKED  DIGITS("3") /* whose file leads out */
#define PIPE    DIGITS("4") /* whose file is none */
#define BROKEN  DIGITS("5")
#define PODMAN  DIGITS("6")
#define MISSING DIGITS("7")

static char top[] = "/tmp/container_names-XXXXXX";

static const char *at(const char *path)
{
	static char whole[1024];

	snprintf(whole, sizeof(whole), "%s%s", top, path);
	return whole;
}

static void write_file(const char *path, const char *text)
{
	FILE *out;
	char whole[1024], *slash;

	snprintf(whole, sizeof(whole), "%s", at(path));
	for (slash = whole + strlen(top) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		(void)mkdir(whole, 0755);
		*slash = '/';
	}
	out = fopen(whole, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

#define CONFIG(id) "/var/lib/docker/containers/" id "/config.v2.json"

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	write_file(CONFIG(WEB), "{\"ID\":\"" WEB "\",\"Name\":\"/shop_web_1\","
				"\"Config\":{\"Image\":\"nginx:1.25\"}}");
	write_file(CONFIG(EVIL),
		   "{\"Name\":\"/a\\u001b[2J\",\"Config\":{\"Image\":\"x\"}}");
	write_file("/var/lib/docker/containers/" LINKED "/x", "");
	assert_int_equal(symlink("/../../../../../etc/hostname", at(CONFIG(LINKED))),
			 0);
	write_file("/var/lib/docker/containers/" PIPE "/x", "");
	assert_int_equal(mkfifo(at(CONFIG(PIPE)), 0600), 0);
	write_file(CONFIG(BROKEN), "{\"Name\":\"/half");
	write_file(
		"/var/lib/containers/storage/overlay-containers/containers.json",
		"[{\"id\":\"" MISSING "0\",\"names\":[\"other\"]},"
		"{\"id\":\"" PODMAN "\",\"names\":[\"cart\"],\"image\":\"0123\","
		"\"metadata\":\"{\\\"image-name\\\":\\\"docker.io/library/redis:7\\\","
		"\\\"name\\\":\\\"cart\\\"}\"}]");
	container_names_set_root(top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	container_names_set_root(NULL);
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

/* It may take longer than one caller waits. */
static bool find(const char *id, const char *runtime, struct container_names *out)
{
	struct identity who = {.container_id = (char *)id,
			       .container_runtime = runtime};

	for (int i = 0; i < 500; i++) {
		if (container_names_find(&who, out))
			return true;
		usleep(1000);
	}
	return false;
}

static void docker(void **state)
{
	struct container_names names;

	(void)state;
	assert_true(find(WEB, "docker", &names));
	assert_string_equal(names.name, "shop_web_1");
	assert_string_equal(names.image, "nginx:1.25");
	/* with a driver of cgroups that does not say whose it is */
	container_names_set_root(top);
	assert_true(find(WEB, NULL, &names));
	assert_string_equal(names.name, "shop_web_1");
}

static void podman(void **state)
{
	struct container_names names;

	(void)state;
	assert_true(find(PODMAN, "podman", &names));
	assert_string_equal(names.name, "cart");
	assert_string_equal(names.image, "docker.io/library/redis:7");
}

static void what_has_no_name(void **state)
{
	static const char *const ids[] = {EVIL, LINKED, PIPE, BROKEN, MISSING};
	struct container_names names;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_false(find(ids[i], NULL, &names));
}

static void what_is_not_asked(void **state)
{
	struct identity who = {.container_id = (char *)WEB,
			       .container_runtime = "docker",
			       .claimed_by = (char *)"user@1000.service"};
	struct container_names names;

	(void)state;
	assert_true(find(WEB, "docker", &names));
	assert_false(container_names_find(&who, &names));
	who.claimed_by = NULL;
	who.container_runtime = "containerd";
	assert_false(container_names_find(&who, &names));
	who.container_runtime = "docker";
	who.container_id = (char *)"../../etc";
	assert_false(container_names_find(&who, &names));
	who.container_id = NULL;
	assert_false(container_names_find(&who, &names));
}

static void as_a_daemon_has_told(void **state)
{
	struct identity who = {.container_id = (char *)"x",
			       .container_name = (char *)"web",
			       .container_image = (char *)"nginx"};
	struct container_names names;

	(void)state;
	assert_true(container_names_find(&who, &names));
	assert_string_equal(names.name, "web");
	assert_string_equal(names.image, "nginx");
}

/* More than are remembered: the oldest give way, and are read again. */
static void very_many(void **state)
{
	struct container_names names;
	char id[65];

	(void)state;
	for (unsigned i = 0; i < 2 * CONTAINER_NAMES_MAX; i++) {
		struct identity who = {.container_id = id,
				       .container_runtime = "docker"};

		snprintf(id, sizeof(id), "%064x", i);
		assert_false(container_names_find(&who, &names));
	}
	assert_true(find(WEB, "docker", &names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker),
		cmocka_unit_test(podman),
		cmocka_unit_test(what_has_no_name),
		cmocka_unit_test(what_is_not_asked),
		cmocka_unit_test(as_a_daemon_has_told),
		cmocka_unit_test(very_many),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
