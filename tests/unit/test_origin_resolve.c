// SPDX-License-Identifier: GPL-2.0-or-later
/* Paths below a root that is not ours: nothing leads out of it. */
#include <fcntl.h>

#include "imitated_root.h"
#include "state/origin_impl.h"

static int root_fd;

static int set_up(void **state)
{
	if (set_up_host(state))
		return -1;
	put("/a/b/file", "inside");
	put("/etc/target", "target");
	put_link("/a/relative", "b/file");
	put_link("/a/absolute", "/etc/target");
	put_link("/a/up", "../../../../../etc/target");
	put_link("/a/out", "../../../../../../../../../../../etc/hostname");
	put_link("/a/dir", "/a/b");
	put_link("/a/chain", "dir/../relative");
	put_link("/a/loop", "loop");
	put_link("/a/ping", "pong");
	put_link("/a/pong", "ping");
	put_link("/a/broken", "nothing");
	put_link("/a/dots", "./././b/./file");
	root_fd = open(root, O_PATH | O_DIRECTORY);
	return root_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	close(root_fd);
	return tear_down_host(state);
}

/* Descriptors that are open: none may stay. */
static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void expect(const char *path, const char *content)
{
	char name[64], text[64] = "";
	int before = count_open(), fd = origin_resolve(root_fd, path), file;

	assert_true(fd >= 0);
	assert_int_equal(count_open(), before + 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	file = open(name, O_RDONLY);
	assert_true(file >= 0);
	if (content) {
		assert_true(read(file, text, sizeof(text) - 1) >= 0);
		assert_string_equal(text, content);
	}
	close(file);
	close(fd);
}

static void expect_error(const char *path, int err)
{
	int before = count_open();

	assert_int_equal(origin_resolve(root_fd, path), err);
	assert_int_equal(count_open(), before);
}

static void test_paths(void **state)
{
	(void)state;
	expect("/a/b/file", "inside");
	expect("a//b/./file", "inside");
	expect("/a/b/../b/file", "inside");
	expect("/a/relative", "inside");
	expect("/a/dir/file", "inside");
	expect("/a/chain", "inside");
	expect("/a/dots", "inside");
	expect("/a/absolute", "target");
	expect("/a/up", "target");
	expect("/../../../etc/target", "target");
	expect("/", NULL);
	expect("", NULL);
	expect("/a/..", NULL);
}

static void test_errors(void **state)
{
	char path[6000];

	(void)state;
	/* there is one outside of the root */
	expect_error("/a/out", -ENOENT);
	expect_error("/a/broken", -ENOENT);
	expect_error("/a/b/file/x", -ENOTDIR);
	expect_error("/a/loop", -ELOOP);
	expect_error("/a/ping", -ELOOP);
	expect_error("/a/dir/missing", -ENOENT);
	memset(path, 'x', 300);
	path[300] = '\0';
	expect_error(path, -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	expect_error(path, -ENAMETOOLONG);
}

static void test_deep(void **state)
{
	char path[512] = "";

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(path, "/d");
	strcat(path, "/file");
	put(path, "deep");
	expect_error(path, -ENAMETOOLONG);
	/* as deep as it goes */
	path[2 * 47] = '\0';
	expect(path, NULL);
	for (int i = 0; i < 100; i++)
		strcat(path, "/..");
	expect(path, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_paths),
		TEST(test_errors),
		TEST(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
