/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading who a process is, by a thread that may get stuck: in an imitated /proc
 * where a command line is a FIFO, which holds up whoever opens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "between.h"
#include "state/identity_reader.h"

#define FIRST       424200
#define PROCESSES   6
#define DEADLINE_MS 500
#define START_NS    7770000000ull

static char root[64];

static const char *path_of(int pid, const char *name)
{
	static char paths[2][128];
	static unsigned next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%d/%s", root, pid, name);
	return path;
}

static void write_file(int pid, const char *name, const char *text, size_t len)
{
	FILE *file = fopen(path_of(pid, name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_process(int pid)
{
	static const char stat[] = "1 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
				   "17 18 777 20\n";

	assert_int_equal(mkdir(path_of(pid, ""), 0755), 0);
	write_file(pid, "stat", stat, sizeof(stat) - 1);
	write_file(pid, "cmdline", "worker\0-n\0", 10);
	write_file(pid, "cgroup", "0::/system.slice/w.service\n", 27);
	assert_int_equal(symlink("/opt/worker", path_of(pid, "exe")), 0);
}

/* The reader's own; a sanitizer has others. */
static unsigned count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[300], name[32] = "";
	unsigned count = 0;

	assert_non_null(tasks);
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file && fgets(name, sizeof(name), file))
			count += strcmp(name, "identity\n") == 0;
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return count;
}

static void await_threads(unsigned count)
{
	for (int i = 0; count_threads() != count; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
}

/* Set once and left so: no thread must see it change. In memory, where that can be:
 * a disk may take longer than the deadline when it is busy. */
static int set_up_all(void **state)
{
	(void)state;
	strcpy(root, "/dev/shm/fdwarden-reader-XXXXXX");
	if (!mkdtemp(root)) {
		strcpy(root, "/tmp/fdwarden-reader-XXXXXX");
		if (!mkdtemp(root))
			return -1;
	}
	identity_set_proc_root(root);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	return rmdir(root);
}

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		write_process(FIRST + i);
	return 0;
}

/* Each test leaves no thread behind. */
static int tear_down(void **state)
{
	char command[128];

	(void)state;
	await_threads(0);
	snprintf(command, sizeof(command), "rm -r '%s'/*", root);
	return system(command);
}

static void block(int pid)
{
	assert_int_equal(unlink(path_of(pid, "cmdline")), 0);
	assert_int_equal(mkfifo(path_of(pid, "cmdline"), 0600), 0);
}

/* The one that is stuck gets an empty command line. */
static void unblock(int pid)
{
	int fd = -1;

	/* until it has come as far as that */
	for (int i = 0; fd < 0; i++) {
		assert_true(i < 5000);
		fd = open(path_of(pid, "cmdline"), O_WRONLY | O_NONBLOCK);
		if (fd < 0)
			usleep(1000);
	}
	close(fd);
	assert_int_equal(unlink(path_of(pid, "cmdline")), 0);
	write_file(pid, "cmdline", "free\0", 5);
}

static struct identity process(int i)
{
	return (struct identity){.pid = FIRST + i, .start_ns = START_NS};
}

static struct identity_reader_stats stats_of(struct identity_reader *reader)
{
	struct identity_reader_stats stats;

	identity_reader_stats(reader, &stats);
	return stats;
}

static void await_stuck(struct identity_reader *reader, unsigned stuck)
{
	for (int i = 0; stats_of(reader).stuck != stuck; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_read(void **state)
{
	struct identity_reader *reader = identity_reader_new(5000);
	struct identity who = process(0), gone = process(PROCESSES);
	char line[256];

	(void)state;
	assert_non_null(reader);
	who.ppid = 7;
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.executable, "/opt/worker");
	assert_string_equal(who.command_line, "worker -n");
	assert_string_equal(who.cgroup, "/system.slice/w.service");
	assert_string_equal(who.service, "w.service");
	assert_null(who.container_id);
	assert_int_equal(who.ppid, 7);
	assert_int_equal(who.start_ns, START_NS);
	/* only what is missing */
	write_file(FIRST, "cmdline", "other\0", 6);
	free(who.cgroup);
	who.cgroup = NULL;
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.command_line, "worker -n");
	assert_string_equal(who.cgroup, "/system.slice/w.service");
	identity_clear(&who);
	/* gone; another process has its pid */
	assert_int_equal(identity_reader_read(reader, &gone), -ESRCH);
	who = process(0);
	who.start_ns *= 2;
	assert_int_equal(identity_reader_read(reader, &who), -ESRCH);
	assert_null(who.executable);
	assert_int_equal(stats_of(reader).late, 0);
	assert_false(identity_reader_report(reader, line, sizeof(line)));
	identity_reader_free(reader);
	identity_reader_free(NULL);
}

/* A command line that can't be read costs itself and the deadline, once. */
/* On whose word it is in a container is a part of what is read. */
static void test_claimed(void **state)
{
#define SCOPE                                                                          \
	"docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef."     \
	"scope"
	static const char cgroup[] =
		"0::/user.slice/user-1000.slice/user@1000.service/" SCOPE "\n";
	struct identity_reader *reader = identity_reader_new(5000);
	struct identity who = process(0);

	(void)state;
	write_file(FIRST, "cgroup", cgroup, sizeof(cgroup) - 1);
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.claimed_by, "user@1000.service");
	identity_clear(&who);
	identity_reader_free(reader);
}

static void test_stuck(void **state)
{
	struct identity_reader *reader = identity_reader_new(DEADLINE_MS);
	struct identity who = process(0), other = process(1);
	char line[256], expected[256];
	int64_t begin;

	(void)state;
	block(FIRST);
	begin = now_ms();
	assert_int_equal(identity_reader_read(reader, &who), -ETIMEDOUT);
	assert_between(now_ms() - begin, DEADLINE_MS - 1, 3000);
	assert_null(who.command_line);
	assert_string_equal(who.executable, "/opt/worker");
	assert_string_equal(who.service, "w.service");
	assert_int_equal(stats_of(reader).late, 1);
	assert_int_equal(stats_of(reader).stuck, 1);
	assert_true(identity_reader_report(reader, line, sizeof(line)));
	snprintf(expected, sizeof(expected),
		 "/proc/%d could not be read within %d ms: alerts go out without what "
		 "it would have said",
		 FIRST, DEADLINE_MS);
	assert_string_equal(line, expected);
	assert_false(identity_reader_report(reader, line, sizeof(line)));
	/* at once, and no further thread for it */
	for (int i = 0; i < 10; i++)
		assert_int_equal(identity_reader_read(reader, &who), -ETIMEDOUT);
	assert_int_equal(stats_of(reader).late, 1);
	assert_int_equal(stats_of(reader).left_out, 10);
	/* the others can be read */
	assert_int_equal(identity_reader_read(reader, &other), 0);
	assert_string_equal(other.command_line, "worker -n");
	/* and it, once that came back */
	unblock(FIRST);
	await_stuck(reader, 0);
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.command_line, "free");
	identity_clear(&who);
	identity_clear(&other);
	identity_reader_free(reader);
}

static void test_known_command_line(void **state)
{
	struct identity_reader *reader = identity_reader_new(5000);
	struct identity who = process(0);

	(void)state;
	block(FIRST);
	who.command_line = strdup("from the kernel");
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.command_line, "from the kernel");
	assert_string_equal(who.executable, "/opt/worker");
	assert_string_equal(who.cgroup, "/system.slice/w.service");
	identity_clear(&who);
	identity_reader_free(reader);
}

/* So many threads stuck: no command line is read, and nothing waits, until one comes back. */
static void test_bounded(void **state)
{
	struct identity_reader *reader = identity_reader_new(DEADLINE_MS);
	struct identity who;
	char line[256];
	int64_t begin;

	(void)state;
	for (int i = 0; i < IDENTITY_READER_STUCK_MAX; i++) {
		who = process(i);
		block(FIRST + i);
		assert_int_equal(identity_reader_read(reader, &who), -ETIMEDOUT);
		identity_clear(&who);
	}
	assert_int_equal(stats_of(reader).stuck, IDENTITY_READER_STUCK_MAX);
	who = process(PROCESSES - 1);
	begin = now_ms();
	for (int i = 0; i < 100; i++)
		assert_int_equal(identity_reader_read(reader, &who), -EBUSY);
	assert_true(now_ms() - begin < 100 * DEADLINE_MS);
	assert_null(who.command_line);
	assert_string_equal(who.executable, "/opt/worker");
	assert_int_equal(stats_of(reader).left_out, 100);
	assert_int_equal(count_threads(), IDENTITY_READER_STUCK_MAX + 1);
	assert_true(identity_reader_report(reader, line, sizeof(line)));
	assert_true(identity_reader_report(reader, line, sizeof(line)));
	assert_string_equal(line,
			    "4 reads of /proc are stuck: until one comes back, "
			    "alerts go without command lines that are not known yet");
	assert_false(identity_reader_report(reader, line, sizeof(line)));
	unblock(FIRST + 2);
	await_stuck(reader, IDENTITY_READER_STUCK_MAX - 1);
	assert_int_equal(identity_reader_read(reader, &who), 0);
	assert_string_equal(who.command_line, "worker -n");
	identity_clear(&who);
	for (int i = 0; i < IDENTITY_READER_STUCK_MAX; i++)
		if (i != 2)
			unblock(FIRST + i);
	await_stuck(reader, 0);
	assert_int_equal(stats_of(reader).late, IDENTITY_READER_STUCK_MAX);
	identity_reader_free(reader);
}

static struct identity process_of(int i, uid_t uid)
{
	struct identity who = process(i);

	who.uid = uid;
	return who;
}

/* A user who has his command lines take long is waited for no longer than his share: of his
 * further processes the rest is told at once, and of others' all. */
static void test_share(void **state)
{
	struct identity_reader *reader = identity_reader_new(4 * DEADLINE_MS);
	struct identity slow = process_of(0, 1000), next = process_of(1, 1000),
			mapped = process_of(1, 100000), other = process_of(1, 1001),
			roots = process_of(1, 0);
	char line[256];

	(void)state;
	mapped.charged_uid = 1000; /* as one in a user namespace of his */
	block(FIRST);
	assert_int_equal(identity_reader_read(reader, &slow), -ETIMEDOUT);
	unblock(FIRST);
	await_stuck(reader, 0);
	assert_int_equal(identity_reader_read(reader, &next), -EBUSY);
	assert_null(next.command_line);
	assert_string_equal(next.executable, "/opt/worker");
	assert_string_equal(next.service, "w.service");
	assert_int_equal(identity_reader_read(reader, &mapped), -EBUSY);
	assert_int_equal(stats_of(reader).left_out, 2);
	assert_int_equal(identity_reader_read(reader, &other), 0);
	assert_string_equal(other.command_line, "worker -n");
	assert_int_equal(identity_reader_read(reader, &roots), 0);
	assert_true(identity_reader_report(reader, line, sizeof(line)));
	assert_true(identity_reader_report(reader, line, sizeof(line)));
	assert_non_null(strstr(line, "process 424200,"));
	assert_false(identity_reader_report(reader, line, sizeof(line)));
	identity_clear(&slow);
	identity_clear(&next);
	identity_clear(&mapped);
	identity_clear(&other);
	identity_clear(&roots);
	identity_reader_free(reader);
}

/* Root of a container is root: what it has wait is bounded for all together. */
static void test_share_of_all(void **state)
{
	struct identity_reader *reader = identity_reader_new(4 * DEADLINE_MS);
	struct identity slow = process_of(0, 0), next = process_of(1, 0);

	(void)state;
	identity_reader_set_all(reader, 300000000u);
	block(FIRST);
	assert_int_equal(identity_reader_read(reader, &slow), -ETIMEDOUT);
	unblock(FIRST);
	await_stuck(reader, 0);
	assert_int_equal(identity_reader_read(reader, &next), -EBUSY);
	assert_null(next.command_line);
	assert_string_equal(next.executable, "/opt/worker");
	identity_clear(&slow);
	identity_clear(&next);
	identity_reader_free(reader);
}

/* Of these the command line alone is asked for, so that nothing but that takes time. */
static int read_command_line(struct identity_reader *reader, int i, uid_t uid)
{
	struct identity who = process_of(i, uid);
	int err;

	who.executable = strdup("/opt/worker");
	who.cgroup = strdup("/");
	err = identity_reader_read(reader, &who);
	identity_clear(&who);
	return err;
}

static void *unblock_late(void *unused)
{
	usleep(350000); /* more than a share */
	unblock(FIRST);
	return unused;
}

/* It counts as well what answers in the end. */
static void test_share_of_those_that_answer(void **state)
{
	struct identity_reader *reader = identity_reader_new(60000);
	pthread_t late;

	(void)state;
	block(FIRST);
	assert_int_equal(pthread_create(&late, NULL, unblock_late, NULL), 0);
	assert_int_equal(read_command_line(reader, 0, 1000), 0);
	pthread_join(late, NULL);
	assert_int_equal(read_command_line(reader, 1, 1000), -EBUSY);
	assert_int_equal(read_command_line(reader, 1, 1001), 0);
	identity_reader_free(reader);
}

/* Nor has he all the threads, however short each is waited for. */
static void test_stuck_of_one_user(void **state)
{
	struct identity_reader *reader = identity_reader_new(10);
	int i;

	(void)state;
	for (i = 0; i < IDENTITY_READER_STUCK_USER; i++) {
		block(FIRST + i);
		assert_int_equal(read_command_line(reader, i, 1000), -ETIMEDOUT);
	}
	block(FIRST + i);
	assert_int_equal(read_command_line(reader, i, 1000), -EBUSY);
	assert_int_equal(stats_of(reader).stuck, IDENTITY_READER_STUCK_USER);
	assert_int_equal(read_command_line(reader, i, 1001), -ETIMEDOUT);
	for (i = 0; i < IDENTITY_READER_STUCK_USER + 1; i++)
		unblock(FIRST + i);
	await_stuck(reader, 0);
	identity_reader_free(reader);
}

/* Many at a time: one that is gone, one that holds the thread up, one that is known. All others
 * are read, and of the one that holds it up what it can't. */
static void test_all(void **state)
{
	struct identity_reader *reader = identity_reader_new(DEADLINE_MS);
	struct identity all[PROCESSES + 1], *who[PROCESSES + 1];
	int errs[PROCESSES + 1];

	(void)state;
	for (int i = 0; i <= PROCESSES; i++) {
		all[i] = process(i);
		who[i] = &all[i];
	}
	all[1].command_line = strdup("from the kernel");
	block(FIRST + 2);
	identity_reader_read_all(reader, who, errs, PROCESSES + 1);
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(errs[i], i == 2 ? -ETIMEDOUT : 0);
		assert_string_equal(all[i].executable, "/opt/worker");
		assert_string_equal(all[i].service, "w.service");
		if (i == 2)
			assert_null(all[i].command_line);
		else
			assert_string_equal(all[i].command_line,
					    i == 1 ? "from the kernel" : "worker -n");
	}
	assert_int_equal(errs[PROCESSES], -ESRCH);
	assert_int_equal(stats_of(reader).late, 1);
	assert_int_equal(stats_of(reader).stuck, 1);
	/* what is whole is not asked for, and what holds a thread up not again */
	identity_reader_read_all(reader, who, errs, PROCESSES);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(errs[i], i == 2 ? -ETIMEDOUT : 0);
	assert_int_equal(stats_of(reader).late, 1);
	unblock(FIRST + 2);
	await_stuck(reader, 0);
	identity_reader_read_all(reader, who, errs, PROCESSES);
	assert_int_equal(errs[2], 0);
	assert_string_equal(all[2].command_line, "free");
	for (int i = 0; i <= PROCESSES; i++)
		identity_clear(&all[i]);
	identity_reader_free(reader);
}

/* One user's share is kept to among those that are read together, too. */
static void test_share_among_all(void **state)
{
	struct identity_reader *reader = identity_reader_new(DEADLINE_MS);
	struct identity all[PROCESSES], *who[PROCESSES];
	int errs[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		all[i] = process_of(i, i == PROCESSES - 1 ? 1001 : 1000);
		who[i] = &all[i];
		if (i < PROCESSES - 1)
			block(FIRST + i);
	}
	identity_reader_read_all(reader, who, errs, PROCESSES);
	assert_int_equal(stats_of(reader).stuck, 1);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(errs[i], i == 0              ? -ETIMEDOUT
					  : i < PROCESSES - 1 ? -EBUSY
							      : 0);
	assert_string_equal(all[PROCESSES - 1].command_line, "worker -n");
	assert_string_equal(all[1].executable, "/opt/worker");
	unblock(FIRST);
	await_stuck(reader, 0);
	for (int i = 0; i < PROCESSES; i++)
		identity_clear(&all[i]);
	identity_reader_free(reader);
}

/* The end does not wait for what is stuck, which clears up by itself. */
static void test_free_while_stuck(void **state)
{
	struct identity_reader *reader = identity_reader_new(DEADLINE_MS);
	struct identity who = process(0);

	(void)state;
	block(FIRST);
	assert_int_equal(identity_reader_read(reader, &who), -ETIMEDOUT);
	identity_clear(&who);
	identity_reader_free(reader);
	assert_int_equal(count_threads(), 1);
	unblock(FIRST);
}

static void test_signals_are_blocked(void **state)
{
	struct identity_reader *reader = identity_reader_new(5000);
	char path[300], text[4096] = "", *blocked;
	DIR *tasks = opendir("/proc/self/task");
	unsigned long long mask;
	bool found = false;

	(void)state;
	assert_non_null(tasks);
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
		FILE *file;
		size_t len;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		len = fread(text, 1, sizeof(text) - 1, file);
		text[len] = '\0';
		fclose(file);
		if (strncmp(text, "Name:\tidentity\n", 15) != 0)
			continue;
		found = true;
		blocked = strstr(text, "SigBlk:\t");
		assert_non_null(blocked);
		mask = strtoull(blocked + 8, NULL, 16);
		assert_int_equal(mask >> (SIGTERM - 1) & 1, 1);
		assert_int_equal(mask >> (SIGHUP - 1) & 1, 1);
		assert_int_equal(mask >> (SIGCHLD - 1) & 1, 1);
	}
	closedir(tasks);
	assert_true(found);
	identity_reader_free(reader);
}

#define IN_PROC(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PROC(test_read),
		IN_PROC(test_claimed),
		IN_PROC(test_stuck),
		IN_PROC(test_known_command_line),
		IN_PROC(test_bounded),
		IN_PROC(test_share),
		IN_PROC(test_share_of_all),
		IN_PROC(test_share_of_those_that_answer),
		IN_PROC(test_stuck_of_one_user),
		IN_PROC(test_all),
		IN_PROC(test_share_among_all),
		IN_PROC(test_free_while_stuck),
		IN_PROC(test_signals_are_blocked),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
