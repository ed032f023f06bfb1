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
#define MOVED   DIGITS("8") /* of Docker, or Podman, with its data elsewhere */
#define JANES   DIGITS("9") /* of a user */
#define SOCKED  DIGITS("a") /* of a user's Docker */
#define OTHERS  DIGITS("b") /* in a file that is not the user's */

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
	assert_int_equal(chmod(top, 0755), 0);
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
static bool find_within(int tries, const char *claimed_by, const char *id,
			const char *runtime, struct container_names *out)
{
	struct identity who = {.container_id = (char *)id,
			       .container_runtime = runtime,
			       .claimed_by = (char *)claimed_by};

	for (int i = 0; i < tries; i++) {
		if (container_names_find(&who, out))
			return true;
		usleep(1000);
	}
	return false;
}

static bool find(const char *id, const char *runtime, struct container_names *out)
{
	return find_within(5000, NULL, id, runtime, out);
}

static bool find_of(const char *claimed_by, const char *id, const char *runtime,
		    struct container_names *out)
{
	return find_within(5000, claimed_by, id, runtime, out);
}

static bool has_none(const char *claimed_by, const char *id, const char *runtime)
{
	struct container_names names;

	return !find_within(50, claimed_by, id, runtime, &names);
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

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_true(has_none(NULL, ids[i], NULL));
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

static void remove_file(const char *path)
{
	assert_int_equal(unlink(at(path)), 0);
}

static void docker_elsewhere(void **state)
{
	struct container_names names;

	(void)state;
	write_file("/etc/docker/daemon.json",
		   "{\"log-driver\":\"local\",\"data-root\":\"/srv/docker\"}");
	write_file("/srv/docker/containers/" MOVED "/config.v2.json",
		   "{\"Name\":\"/moved\",\"Config\":{\"Image\":\"x:1\"}}");
	container_names_set_root(top);
	assert_true(find(MOVED, "docker", &names));
	assert_string_equal(names.name, "moved");
	assert_true(has_none(NULL, WEB, "docker"));
	/* None that leads anywhere, and what is no path. */
	write_file("/etc/docker/daemon.json", "{\"data-root\":\"srv/docker\"}");
	container_names_set_root(top);
	assert_true(has_none(NULL, MOVED, "docker"));
	remove_file("/etc/docker/daemon.json");
}

static void podman_elsewhere(void **state)
{
	static const char *const files[] = {
		"[storage]\ngraphroot = \"/srv/podman\"\n",
		"# graphroot = \"/none\"\n[storage]\n  driver=\"overlay\"\n"
		"\tgraphroot='/srv/podman' # "
		"here\n[storage.options]\ngraphroot=\"/x\"\n",
	};
	static const char *const not_this_one[] = {
		"graphroot = \"/srv/podman\"\n",
		"[storage.options]\ngraphroot = \"/srv/podman\"\n",
		"[storage]\ngraphroot = \"/srv/podman\n",
		"[storage]\ngraphroot = \"\n/srv/podman\"\n",
		"[storage]\ngraphroots = \"/srv/podman\"\n",
		"[storage]\ngraphroot = ",
		"[storage]\ngraphroot",
	};
	struct container_names names;

	(void)state;
	write_file("/srv/podman/vfs-containers/containers.json",
		   "[{\"id\":\"" MOVED "\",\"names\":[\"moved\"]}]");
	for (size_t i = 0; i < 2; i++) {
		write_file("/usr/share/containers/storage.conf", files[i]);
		container_names_set_root(top);
		assert_true(find(MOVED, "podman", &names));
		assert_string_equal(names.name, "moved");
		assert_string_equal(names.image, "");
	}
	/* The administrator's is read in place of it. */
	for (size_t i = 0; i < sizeof(not_this_one) / sizeof(not_this_one[0]); i++) {
		write_file("/etc/containers/storage.conf", not_this_one[i]);
		container_names_set_root(top);
		assert_true(has_none(NULL, MOVED, "podman"));
	}
	assert_true(find(PODMAN, "podman", &names));
	remove_file("/etc/containers/storage.conf");
	remove_file("/usr/share/containers/storage.conf");
}

static void give_to(uid_t uid, const char *path)
{
	/* Without root all is one's own. */
	assert_true(geteuid() || lchown(at(path), uid, uid) == 0);
	assert_int_equal(chmod(at(path), 0600), 0);
}

#define JANES_PODMAN                                                                   \
	"/.local/share/containers/storage/overlay-containers/containers.json"

static void of_a_user(void **state)
{
	uid_t uid = geteuid() ? geteuid() : 61234;
	char manager[64], slice[64], passwd[256];
	struct container_names names;

	(void)state;
	snprintf(manager, sizeof(manager), "user@%u.service", (unsigned)uid);
	snprintf(slice, sizeof(slice), "user-%u.slice", (unsigned)uid);
	snprintf(passwd, sizeof(passwd),
		 "root:x:0:0:root:/root:/bin/sh\nbad\njane:x:%u:%u:Jane:/home/jane:/"
		 "bin/sh\n",
		 (unsigned)uid, (unsigned)uid);
	write_file("/etc/passwd", passwd);
	write_file("/home/jane" JANES_PODMAN,
		   "[{\"id\":\"" JANES "\",\"names\":[\"cart\"]}]");
	give_to(uid, "/home/jane" JANES_PODMAN);
	write_file("/home/jane/.local/share/docker/containers/" SOCKED
		   "/config.v2.json",
		   "{\"Name\":\"/hers\"}");
	give_to(uid,
		"/home/jane/.local/share/docker/containers/" SOCKED "/config.v2.json");
	container_names_set_root(top);
	assert_true(find_of(manager, JANES, "podman", &names));
	assert_string_equal(names.name, "cart");
	assert_true(find_of(slice, JANES, NULL, &names));
	assert_true(find_of(manager, SOCKED, "docker", &names));
	assert_string_equal(names.name, "hers");
	/* Neither root's of the same id, nor another user's. */
	assert_true(has_none(NULL, JANES, "podman"));
	assert_true(has_none("user@60001.service", JANES, "podman"));
	assert_true(has_none("user@0.service", JANES, "podman"));
	assert_true(has_none("x.service", JANES, "podman"));
	/* A place of the user's choice: what may be read with that user's rights, and is the
	 * user's. */
	write_file("/home/jane/.config/containers/storage.conf",
		   "[storage]\ngraphroot = \"$HOME/pods\"\n");
	give_to(uid, "/home/jane/.config/containers/storage.conf");
	write_file("/home/jane/pods/overlay-containers/containers.json",
		   "[{\"id\":\"" OTHERS "\",\"names\":[\"secret\"]}]");
	container_names_set_root(top);
	if (!geteuid())
		assert_true(has_none(manager, OTHERS, "podman"));
	give_to(uid, "/home/jane/pods/overlay-containers/containers.json");
	container_names_set_root(top);
	assert_true(find_of(manager, OTHERS, "podman", &names));
	assert_true(has_none(manager, JANES, "podman"));
	/* For all users, by the administrator. */
	remove_file("/home/jane/.config/containers/storage.conf");
	write_file("/etc/containers/storage.conf",
		   "[storage]\nrootless_storage_path = \"/home/$USER/pods\"\n");
	container_names_set_root(top);
	assert_true(find_of(manager, OTHERS, "podman", &names));
	write_file("/etc/containers/storage.conf",
		   "[storage]\nrootless_storage_path = \"/home/$WHO/pods\"\n");
	container_names_set_root(top);
	assert_true(has_none(manager, OTHERS, "podman"));
	remove_file("/etc/containers/storage.conf");
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
		cmocka_unit_test(docker_elsewhere),
		cmocka_unit_test(podman_elsewhere),
		cmocka_unit_test(of_a_user),
		cmocka_unit_test(very_many),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
