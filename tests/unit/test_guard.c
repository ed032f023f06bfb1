// SPDX-License-Identifier: GPL-2.0-or-later
/* What is opened on behalf of a process: nothing leads out of its root, nothing is opened
 * that it could not have opened itself, nor anything but a file. */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "guard/open.h"
#include "imitated_root.h"

#define USER  4242
#define OTHER 4343
#define GROUP 4244

static struct guard_root at;

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
	at.dir = open(root, O_PATH | O_DIRECTORY);
	at.rights = guard_rights_all();
	return at.dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	guard_root_close(&at);
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
	int before = count_open(), fd = guard_find(&at, path, NULL), file;

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

	assert_int_equal(guard_find(&at, path, NULL), err);
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

/* ---- what is opened at all ---- */

static void expect_open(const char *path, const struct guard_wish *wish, int err)
{
	int before = count_open(), fd = guard_open(&at, path, wish, NULL);

	if (err ? fd != err : fd < 0)
		print_error("%s: %d, not %d\n", path, fd, err);
	assert_true(err ? fd == err : fd >= 0);
	if (fd >= 0) {
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	assert_int_equal(count_open(), before);
}

static void path_of(const char *path, char whole[512])
{
	place(path, whole);
}

/* A FIFO would hold up whoever opens it, a socket and a device may do something. */
static void test_files_alone(void **state)
{
	char whole[512];
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	path_of("/a/fifo", whole);
	assert_int_equal(mkfifo(whole, 0666), 0);
	path_of("/a/socket", whole);
	assert_true(strlen(whole) < sizeof(name.sun_path));
	memcpy(name.sun_path, whole, strlen(whole));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	put_link("/a/to_fifo", "fifo");
	expect_open("/a/b/file", NULL, 0);
	expect_open("/a/fifo", NULL, -EINVAL);
	expect_open("/a/to_fifo", NULL, -EINVAL);
	expect_open("/a/socket", NULL, -EINVAL);
	expect_open("/a/b", NULL, -EISDIR);
	expect_open("/a/none", NULL, -ENOENT);
	close(fd);
	guard_root_close(&at);
	at.dir = open("/", O_PATH | O_DIRECTORY);
	expect_open("/dev/null", NULL, -EINVAL);
	expect_open("/dev/tty", NULL, -EINVAL);
}

/* They are windows to the kernel: to read one may take what another reader waits for. */
static void test_real_file_systems_alone(void **state)
{
	(void)state;
	guard_root_close(&at);
	at.dir = open("/", O_PATH | O_DIRECTORY);
	expect_open("/proc/self/maps", NULL, -ENOTSUP);
	expect_open("/proc/1/root/etc/passwd", NULL, -ENOTSUP);
	expect_open("/sys/kernel/mm/transparent_hugepage/enabled", NULL, -ENOTSUP);
	expect_open("/etc/passwd", NULL, 0);
	guard_root_close(&at);
	at.dir = open("/proc/self", O_PATH | O_DIRECTORY);
	expect_open("/maps", NULL, -ENOTSUP);
}

static void test_size(void **state)
{
	struct guard_wish wish = {.max = 5};

	(void)state;
	expect_open("/a/b/file", &wish, -EFBIG);
	wish.max = 6;
	expect_open("/a/b/file", &wish, 0);
}

/* A write lease would hold up a plain open() for fs.lease-break-time, 45 seconds. */
static void test_lease(void **state)
{
	char whole[512];
	int fd;

	(void)state;
	path_of("/a/b/file", whole);
	fd = open(whole, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
		print_message("reason: no leases on this file system\n");
		close(fd);
		skip();
	}
	signal(SIGIO, SIG_IGN); /* by which its holder is told */
	expect_open("/a/b/file", NULL, -EAGAIN);
	signal(SIGIO, SIG_DFL);
	close(fd);
}

/* ---- with whose rights ---- */

static void set(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	char whole[512];

	path_of(path, whole);
	if (chown(whole, uid, gid) < 0 && errno == EPERM) {
		print_message("reason: only root can give files to others\n");
		skip();
	}
	assert_int_equal(chmod(whole, mode), 0);
}

static void test_owner_group_others(void **state)
{
	(void)state;
	at.rights = guard_rights_of_user(USER, GROUP);
	set("/a/b/file", OTHER, OTHER, 0600);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b/file", OTHER, OTHER, 0604);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b/file", USER, OTHER, 0400);
	expect_open("/a/b/file", NULL, 0);
	/* the first class that it is in decides */
	set("/a/b/file", USER, OTHER, 0044);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b/file", OTHER, GROUP, 0040);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b/file", OTHER, GROUP, 0604);
	expect_open("/a/b/file", NULL, -EPERM);
	at.rights.gid = OTHER;
	at.rights.groups[at.rights.groups_len++] = GROUP;
	set("/a/b/file", OTHER, GROUP, 0040);
	expect_open("/a/b/file", NULL, 0);
}

/* A mode can take from a group what it gives to all others. */
static void test_groups_that_are_not_known(void **state)
{
	(void)state;
	at.rights = guard_rights_of_user(USER, OTHER);
	at.rights.groups_unknown = true;
	set("/a/b/file", OTHER, GROUP, 0604);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b/file", OTHER, GROUP, 0644);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b/file", OTHER, OTHER, 0640);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b/file", USER, GROUP, 0400);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b", OTHER, GROUP, 0705);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b", OTHER, GROUP, 0755);
	at.rights = guard_rights_of_user(USER, (gid_t)-1);
	set("/a/b/file", OTHER, GROUP, 0604);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b/file", OTHER, GROUP, 0644);
	expect_open("/a/b/file", NULL, 0);
}

static void test_directories_on_the_way(void **state)
{
	struct guard_wish wish = {.mapped = true};
	struct guard_file file = {0};
	int fd;

	(void)state;
	at.rights = guard_rights_of_user(USER, GROUP);
	set("/a/b", OTHER, OTHER, 0700);
	expect_open("/a/b/file", NULL, -EPERM);
	expect_open("/a/relative", NULL, -EPERM);
	assert_int_equal(guard_open_directory(&at, "/a/b"), -EPERM);
	/* what it has mapped it has already; another file is not that */
	expect_open("/a/b/file", &wish, -EPERM);
	at.rights = guard_rights_all();
	fd = guard_find(&at, "/a/b/file", &file);
	assert_true(fd >= 0);
	close(fd);
	at.rights = guard_rights_of_user(USER, GROUP);
	wish.major = major(file.dev);
	wish.minor = minor(file.dev);
	wish.inode = file.ino;
	expect_open("/a/b/file", &wish, 0);
	set("/a/b/file", OTHER, OTHER, 0600);
	expect_open("/a/b/file", &wish, -EPERM);
	wish.must_match = true;
	expect_open("/etc/target", &wish, -ESTALE);
	/* to be listed it takes another right than to be passed */
	set("/a/b", OTHER, OTHER, 0711);
	assert_int_equal(guard_open_directory(&at, "/a/b"), -EPERM);
}

/* Capabilities count over the users of the process's own namespace. */
/* What the maps call a file that this process has mapped. */
static bool wish_as_mapped(const char *path, struct guard_wish *wish)
{
	int fd = open(path, O_RDONLY);
	void *mapped = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	uint64_t start;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line,
			   "%" SCNx64 "-%*x %*s %*x %" SCNx32 ":%" SCNx32 " %" SCNu64,
			   &start, &wish->major, &wish->minor, &wish->inode) == 4 &&
		    start == (uintptr_t)mapped) {
			fclose(maps);
			return true;
		}
	return false;
}

/* In mounts of its own: 0, or the number of what is wrong; 77: they can't be made. */
static int look_at_overlay(void)
{
	struct guard_wish wish = {.mapped = true};
	struct guard_root below = {.rights = guard_rights_of_user(USER, GROUP)};

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    chdir(root) || mount("t", "a", "tmpfs", 0, NULL) || mkdir("a/low", 0755) ||
	    mkdir("a/up", 0755) || mkdir("a/work", 0755) || mkdir("a/all", 0755) ||
	    mkdir("a/low/private", 0700))
		return 77;
	put("/a/low/private/file", "x");
	set("/a/low/private/file", OTHER, OTHER, 0644);
	if (mount("o", "a/all", "overlay", 0,
		  "lowerdir=a/low,upperdir=a/up,workdir=a/work"))
		return 77;
	below.dir = open("a/all", O_PATH | O_DIRECTORY);
	if (below.dir < 0 || !wish_as_mapped("a/all/private/file", &wish))
		return 1;
	if (guard_open(&below, "/private/file", &wish, NULL) < 0)
		return 2;
	/* another file's, that was made until its number was the same */
	wish.minor++;
	if (guard_open(&below, "/private/file", &wish, NULL) != -EPERM)
		return 3;
	wish.must_match = true;
	if (guard_open(&below, "/private/file", &wish, NULL) != -ESTALE)
		return 4;
	return 0;
}

/* Its files have other devices for stat(2) than in the maps; the inode alone says nothing. */
static void test_mapped_on_overlayfs(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(look_at_overlay());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_capabilities(void **state)
{
	(void)state;
	at.rights = guard_rights_of_user(USER, GROUP);
	at.rights.overrides = true;
	at.rights.uids[0] = (struct guard_range){USER, 1};
	at.rights.gids[0] = (struct guard_range){GROUP, 1};
	at.rights.uids_len = at.rights.gids_len = 1;
	set("/a/b/file", OTHER, GROUP, 0600);
	expect_open("/a/b/file", NULL, -EPERM);
	set("/a/b/file", USER, GROUP, 0000);
	expect_open("/a/b/file", NULL, 0);
	at.rights.uids[1] = (struct guard_range){OTHER, 10};
	at.rights.uids_len = 2;
	set("/a/b/file", OTHER + 9, GROUP, 0000);
	expect_open("/a/b/file", NULL, 0);
	set("/a/b/file", OTHER + 10, GROUP, 0000);
	expect_open("/a/b/file", NULL, -EPERM);
}

/* The host's own settings are read with all rights, but not through a link of a user's. */
static void test_link_of_another(void **state)
{
	char whole[512];

	(void)state;
	put("/secret", "secret");
	put_link("/a/mine", "/secret");
	set("/secret", 0, 0, 0600);
	expect_open("/a/mine", NULL, 0);
	path_of("/a/mine", whole);
	assert_int_equal(lchown(whole, USER, GROUP), 0);
	expect_open("/a/mine", NULL, -EPERM);
	expect_open("/secret", NULL, 0);
}

/* As the kernel has it of who follows the link himself: fs.protected_symlinks. */
static void test_link_in_a_common_directory(void **state)
{
	char whole[512];

	(void)state;
	put("/tmp/x", "x");
	put_link("/tmp/link", "/a/b/file");
	set("/tmp", 0, 0, 01777);
	at.rights = guard_rights_of_user(USER, GROUP);
	path_of("/tmp/link", whole);
	assert_int_equal(lchown(whole, OTHER, OTHER), 0);
	expect_open("/tmp/link", NULL, -EPERM);
	assert_int_equal(lchown(whole, USER, GROUP), 0);
	expect_open("/tmp/link", NULL, 0);
}

/* A perf map has a name that anybody can take. */
static void test_own(void **state)
{
	struct guard_wish wish = {.own = true};
	char whole[512], other[512];

	(void)state;
	put("/tmp/perf-1.map", "1000 10 name\n");
	put_link("/tmp/perf-2.map", "perf-1.map");
	at.rights = guard_rights_of_user(USER, GROUP);
	expect_open("/tmp/perf-1.map", &wish, -EPERM); /* root's, for all to read */
	set("/tmp/perf-1.map", USER, GROUP, 0600);
	expect_open("/tmp/perf-1.map", &wish, 0);
	expect_open("/tmp/perf-2.map", &wish, -EPERM);
	path_of("/tmp/perf-1.map", whole);
	path_of("/tmp/perf-3.map", other);
	assert_int_equal(link(whole, other), 0);
	expect_open("/tmp/perf-3.map", &wish, -EPERM);
	expect_open("/tmp/perf-1.map", &wish, -EPERM);
}

/* ---- of a process ---- */

static void test_rights_of_a_process(void **state)
{
	struct guard_rights rights;
	int self = open("/proc/self", O_PATH | O_DIRECTORY), none;

	(void)state;
	guard_rights_of_process(self, &rights);
	close(self);
	assert_false(rights.all);
	assert_int_equal(rights.uid, geteuid());
	assert_int_equal(rights.gid, getegid());
	put("/proc/7/status", "Name:\tUid:\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
			      "Groups:\t10 11 \nCapEff:\t0000000000000004\n");
	put("/proc/7/uid_map", "         0       1000          1\n"
			       "         1     100000      65536\n");
	none = guard_find(&at, "/proc/7", NULL);
	guard_rights_of_process(none, &rights);
	close(none);
	assert_int_equal(rights.uid, 4);
	assert_int_equal(rights.gid, 8);
	assert_int_equal(rights.groups_len, 2);
	assert_int_equal(rights.groups[1], 11);
	assert_true(rights.overrides);
	assert_int_equal(rights.uids_len, 2);
	assert_int_equal(rights.uids[1].first, 100000);
	assert_int_equal(rights.uids[1].len, 65536);
	assert_int_equal(rights.gids_len, 0);
	/* what is not known is no right */
	put("/proc/8/status", "Name:\tx\n");
	none = guard_find(&at, "/proc/8", NULL);
	guard_rights_of_process(none, &rights);
	close(none);
	assert_int_equal(rights.uid, (uid_t)-1);
	assert_false(rights.overrides);
	assert_false(rights.all);
}

/* NFS and directory services give users more groups than are kept. */
static void test_more_groups_than_are_kept(void **state)
{
	char text[2048] = "Name:\tx\nUid:\t1\t1\t1\t1\nGid:\t2\t2\t2\t2\nGroups:\t";
	struct guard_rights rights;
	int none;

	(void)state;
	for (int i = 0; i <= GUARD_GROUPS_MAX; i++) {
		size_t len = strlen(text);

		if (i == GUARD_GROUPS_MAX) {
			put("/proc/8/status", text);
			none = guard_find(&at, "/proc/8", NULL);
			guard_rights_of_process(none, &rights);
			close(none);
			assert_int_equal(rights.groups_len, GUARD_GROUPS_MAX);
			assert_false(rights.groups_unknown);
		}
		snprintf(text + len, sizeof(text) - len, "%d ", 5000 + i);
	}
	put("/proc/9/status", text);
	none = guard_find(&at, "/proc/9", NULL);
	guard_rights_of_process(none, &rights);
	close(none);
	assert_int_equal(rights.groups_len, GUARD_GROUPS_MAX);
	assert_true(rights.groups_unknown);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_paths),
		TEST(test_errors),
		TEST(test_deep),
		TEST(test_files_alone),
		TEST(test_real_file_systems_alone),
		TEST(test_size),
		TEST(test_lease),
		TEST(test_owner_group_others),
		TEST(test_directories_on_the_way),
		TEST(test_mapped_on_overlayfs),
		TEST(test_capabilities),
		TEST(test_link_of_another),
		TEST(test_link_in_a_common_directory),
		TEST(test_own),
		TEST(test_groups_that_are_not_known),
		TEST(test_more_groups_than_are_kept),
		TEST(test_rights_of_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
