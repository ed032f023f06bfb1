/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "output/incident.h"
#include "output/lock_file.h"
#include "output/sink.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fdwarden-incidents-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static const char *id_of(unsigned int number)
{
	static char id[ALERT_ID_LEN];

	snprintf(id, sizeof(id), "%08x-0000-4000-8000-000000000000", number);
	return id;
}

static const char *path_of(unsigned int number)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s.jsonl", dir, id_of(number));
	return path;
}

static struct sink *opened(uint64_t records, uint64_t bytes, uint64_t age_ns)
{
	struct sink_keep keep = {.records = records, .bytes = bytes, .age_ns = age_ns};
	struct sink_taken taken;
	struct sink *sink;

	assert_int_equal(sink_open_incidents(dir, &keep, &taken, &sink), 0);
	return sink;
}

/* Waits where the queue is full: what is tested is the writer. */
static void put(struct sink *sink, unsigned int number, const char *line,
		const char *text, enum policy_action action)
{
	struct sink_message message = {.line = line,
				       .len = strlen(line),
				       .text = text,
				       .action = action,
				       .incident = id_of(number)};
	struct sink_stats stats;

	do {
		sink_stats(sink, &stats);
		if (stats.queued < SINK_QUEUE_BYTES / 40000)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	} while (true);
	assert_int_equal(sink_put(sink, &message), 0);
}

struct found {
	unsigned int files;
	uint64_t bytes;
};

static struct found found(void)
{
	struct found sum = {0};
	DIR *list = opendir(dir);
	const struct dirent *entry;
	char id[ALERT_ID_LEN];
	struct stat st;

	assert_non_null(list);
	while ((entry = readdir(list)))
		if (incident_of_file(entry->d_name, id)) {
			/* the writer may have removed it by now */
			if (fstatat(dirfd(list), entry->d_name, &st, 0))
				continue;
			sum.files++;
			sum.bytes += (uint64_t)st.st_size;
		}
	closedir(list);
	return sum;
}

static char *text_of(unsigned int number)
{
	static char text[2 * INCIDENT_MAX];
	int fd = open(path_of(number), O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return NULL;
	text[len] = 0;
	return text;
}

static void test_lines_of_an_incident(void **state)
{
	struct sink *sink = opened(10, 1 << 20, 0);
	struct stat st;

	(void)state;
	put(sink, 1, "{\"a\":1}\n", "text", POLICY_FD_WARNING);
	put(sink, 2, "{\"b\":1}\n", NULL, 0);
	put(sink, 1, "{\"a\":2}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_string_equal(text_of(1), "{\"a\":1}\n{\"a\":2}\n");
	assert_string_equal(text_of(2), "{\"b\":1}\n");
	assert_int_equal(stat(path_of(1), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* the next daemon goes on */
	sink = opened(10, 1 << 20, 0);
	put(sink, 1, "{\"a\":3}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_string_equal(text_of(1), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

/* What was killed in the middle of a line loses that line alone. */
static void test_torn_line(void **state)
{
	struct sink *sink = opened(10, 1 << 20, 0);
	int fd;

	(void)state;
	put(sink, 1, "{\"a\":1}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	fd = open(path_of(1), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"a", 3), 3);
	close(fd);
	sink = opened(10, 1 << 20, 0);
	put(sink, 1, "{\"a\":3}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_string_equal(text_of(1), "{\"a\":1}\n{\"a\n{\"a\":3}\n");
}

/* Also while they are written: never more than may be kept, and the newest are. */
static void test_ten_thousand_stay_within(void **state)
{
	struct sink *sink = opened(200, 64 << 10, 0);
	static char line[1024];
	struct found sum;

	(void)state;
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	for (unsigned int i = 0; i < 10000; i++) {
		put(sink, i, line, NULL, 0);
		if (i % 100)
			continue;
		sum = found();
		assert_true(sum.files <= 200);
		assert_true(sum.bytes <= 64 << 10);
	}
	assert_int_equal(sink_close(sink, 20000), 0);
	sum = found();
	assert_int_equal(sum.files, (64 << 10) / (sizeof(line) - 1));
	assert_non_null(text_of(9999));
	assert_null(text_of(9000));
	/* by their number, and of those that are there already */
	sink = opened(5, 1 << 20, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_int_equal(found().files, 5);
}

/* The last written stays, however old its beginning is. */
static void test_what_goes_on_stays(void **state)
{
	struct sink *sink = opened(3, 1 << 20, 0);

	(void)state;
	for (unsigned int i = 1; i < 50; i++) {
		put(sink, 0, "{}\n", NULL, 0);
		put(sink, i, "{}\n", NULL, 0);
	}
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_int_equal(found().files, 3);
	assert_int_equal(strlen(text_of(0)), 3 * 49);
}

static void test_age(void **state)
{
	struct timespec old[2] = {{.tv_sec = time(NULL) - 100}, {0}};
	struct sink_message nothing = {.line = ""};
	struct sink *sink = opened(10, 1 << 20, 0);

	(void)state;
	old[1] = old[0];
	put(sink, 1, "{}\n", NULL, 0);
	put(sink, 2, "{}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_int_equal(utimensat(AT_FDCWD, path_of(1), old, 0), 0);
	sink = opened(10, 1 << 20, 50 * 1000000000ull);
	assert_int_equal(sink_put(sink, &nothing), 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_null(text_of(1));
	assert_non_null(text_of(2));
}

/* What goes on for ever: alerts in short, then none, and at last how it ended. */
static void test_one_record_is_bounded(void **state)
{
	struct sink *sink = opened(10, 64 << 20, 0);
	static char alert[20000];
	struct incident incident;
	size_t len;

	(void)state;
	snprintf(alert, sizeof(alert),
		 "{\"@timestamp\":\"2026-11-26T07:13:09Z\",\"event\":{\"action\":"
		 "\"fd-warning\"},\"message\":\"");
	len = strlen(alert);
	memset(alert + len, 'x', sizeof(alert) - len - 4);
	memcpy(alert + sizeof(alert) - 4, "\"}\n", 4);
	for (int i = 0; i < 20000; i++)
		put(sink, 1, alert, "it is full", POLICY_FD_WARNING);
	put(sink, 1, alert, "it is over", POLICY_FD_RECOVERED);
	assert_int_equal(sink_close(sink, 20000), 0);
	len = strlen(text_of(1));
	assert_true(len <= INCIDENT_MAX && len > INCIDENT_MAX / 2);
	assert_int_equal(incident_read(text_of(1), len, &incident), 0);
	assert_int_equal(incident.damaged, 0);
	assert_true(incident.shortened);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(
			incident.alerts[incident.alerts_len - 1], "message")),
		"it is over");
	incident_clear(&incident);
}

/* No name of a file comes from what is put. */
static void test_ids(void **state)
{
	static const char *const ids[] = {"../../etc/x", "", "new", "/tmp/x"};
	struct sink *sink = opened(10, 1 << 20, 0);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sink_message message = {
			.line = "x\n", .len = 2, .incident = ids[i]};

		assert_int_equal(sink_put(sink, &message), 0);
	}
	assert_int_equal(sink_close(sink, 5000), 4);
	assert_int_equal(found().files, 0);
}

/* With no file left to open, what goes on is written, and one more can begin. */
static void test_no_file_left(void **state)
{
	struct sink *sink = opened(10, 1 << 20, 0);
	struct rlimit was, none = {0};
	struct sink_stats stats;
	int i;

	(void)state;
	put(sink, 1, "{\"a\":1}\n", NULL, 0);
	do
		sink_stats(sink, &stats);
	while (stats.written + stats.dropped < 1);
	getrlimit(RLIMIT_NOFILE, &was);
	none.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	put(sink, 1, "{\"a\":2}\n", NULL, 0);
	put(sink, 2, "{\"b\":1}\n", NULL, 0);
	put(sink, 3, "{\"c\":1}\n", NULL, 0);
	for (i = 0; i < 10000; i++) {
		sink_stats(sink, &stats);
		if (stats.written + stats.dropped >= 4)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	setrlimit(RLIMIT_NOFILE, &was);
	put(sink, 3, "{\"c\":2}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 1);
	assert_string_equal(text_of(1), "{\"a\":1}\n{\"a\":2}\n");
	assert_string_equal(text_of(2), "{\"b\":1}\n");
	assert_string_equal(text_of(3), "{\"lost\":1}\n{\"c\":2}\n");
}

/* Links, directories and FIFOs of such a name are nothing to write into. */
static void test_what_lies_there(void **state)
{
	struct sink *sink;
	char other[128];
	struct stat st;

	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);
	close(open(other, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink(other, path_of(1)), 0);
	assert_int_equal(mkfifo(path_of(2), 0600), 0);
	sink = opened(10, 1 << 20, 0);
	put(sink, 1, "{}\n", NULL, 0);
	put(sink, 2, "{}\n", NULL, 0);
	(void)sink_close(sink, 5000);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_string_equal(text_of(1), "{}\n"); /* in its place */
}

/* A second one would write into the first one's files; it is told who has them. */
static void test_two_in_one_directory(void **state)
{
	struct sink_keep keep = {.records = 10, .bytes = 1 << 20};
	struct sink *sink = opened(10, 1 << 20, 0), *second = NULL;
	struct sink_taken taken;

	(void)state;
	assert_int_equal(sink_open_incidents(dir, &keep, &taken, &second),
			 -EWOULDBLOCK);
	assert_int_equal(taken.owner, getpid());
	assert_string_equal(taken.lock, ".lock");
	put(sink, 1, "{}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_string_equal(text_of(1), "{}\n");
	/* it is free again, and nothing of it is left there */
	sink = opened(10, 1 << 20, 0);
	put(sink, 1, "{}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_int_equal(unlink(path_of(1)), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

/* What lies where the lock is to be, but is none, is no reason to go on without one. */
static void test_lock_that_cannot_be(void **state)
{
	struct sink_keep keep = {.records = 10, .bytes = 1 << 20};
	struct sink_taken taken;
	struct sink *sink = NULL;
	char lock[128], other[128];

	(void)state;
	snprintf(lock, sizeof(lock), "%s/.lock", dir);
	snprintf(other, sizeof(other), "%s/new", dir);
	assert_int_equal(mkdir(lock, 0700), 0);
	assert_int_equal(sink_open_incidents(dir, &keep, &taken, &sink), -EISDIR);
	assert_null(sink);
	assert_string_equal(taken.lock, ".lock");
	assert_int_equal(taken.owner, 0);
	assert_int_equal(rmdir(lock), 0);
	assert_int_equal(symlink(other, lock), 0);
	assert_int_equal(sink_open_incidents(dir, &keep, &taken, &sink), -ELOOP);
	assert_string_equal(taken.lock, ".lock");
	assert_int_equal(access(other, F_OK), -1); /* nothing was made there */
	assert_int_equal(unlink(lock), 0);
	/* and of a directory that is none it is not the lock */
	snprintf(other, sizeof(other), "%s/none/at/all", dir);
	assert_int_equal(sink_open_incidents(other, &keep, &taken, &sink), -ENOENT);
	assert_null(taken.lock);
}

/* There may be room for records later: that is no reason to keep none. */
static void test_no_room_for_the_lock(void **state)
{
	struct rlimit was, none = {0};
	pid_t owner;
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	(void)state;
	assert_true(at >= 0);
	getrlimit(RLIMIT_NOFILE, &was);
	none.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	err = lock_file_take(at, ".lock", &owner);
	setrlimit(RLIMIT_NOFILE, &was);
	close(at);
	assert_int_equal(err, -EMFILE);
	assert_true(lock_file_lacks_room(err));
	assert_true(lock_file_lacks_room(-ENOSPC));
	assert_true(lock_file_lacks_room(-EDQUOT));
	assert_true(lock_file_lacks_room(-ENFILE));
	assert_false(lock_file_lacks_room(-EWOULDBLOCK));
	assert_false(lock_file_lacks_room(-EACCES));
	assert_false(lock_file_lacks_room(-ELOOP));
	assert_false(lock_file_lacks_room(-EROFS));
}

static void wait_for(struct sink *sink, uint64_t lines)
{
	struct sink_stats stats;

	do {
		sink_stats(sink, &stats);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	} while (stats.written + stats.dropped < lines);
}

/* While it is open, and after a restart: the new one says that something was there. */
static void test_removed_meanwhile(void **state)
{
	struct sink *sink = opened(10, 1 << 20, 0);

	(void)state;
	put(sink, 1, "{\"a\":1}\n", NULL, 0);
	put(sink, 1, "{\"a\":2}\n", NULL, 0);
	wait_for(sink, 2);
	assert_int_equal(unlink(path_of(1)), 0);
	put(sink, 1, "{\"a\":3}\n", NULL, 0);
	put(sink, 1, "{\"a\":4}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_string_equal(text_of(1), "{\"lost\":2}\n{\"a\":3}\n{\"a\":4}\n");
	sink = opened(10, 1 << 20, 0);
	put(sink, 2, "{}\n", NULL, 0); /* its records are listed by now */
	wait_for(sink, 1);
	assert_int_equal(unlink(path_of(1)), 0);
	put(sink, 1, "{\"a\":5}\n", NULL, 0);
	wait_for(sink, 2);
	put(sink, 1, "{\"a\":6}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 1);
	assert_string_equal(text_of(1), "{\"lost\":2}\n{\"a\":6}\n");
}

/* It is named, as it is nothing that an incident has made. */
static void test_directory_in_the_way(void **state)
{
	struct sink *sink;
	char name[128], line[256] = "", wanted[256];

	(void)state;
	snprintf(name, sizeof(name), "%s/new", dir);
	assert_int_equal(mkdir(name, 0700), 0);
	sink = opened(10, 1 << 20, 0);
	put(sink, 1, "{}\n", NULL, 0);
	wait_for(sink, 1);
	assert_true(sink_report(sink, line, sizeof(line)));
	snprintf(wanted, sizeof(wanted), "%s is in the way: remove it", name);
	assert_non_null(strstr(line, wanted));
	assert_int_equal(rmdir(name), 0);
	put(sink, 1, "{}\n", NULL, 0);
	assert_int_equal(sink_close(sink, 5000), 1);
	assert_string_equal(text_of(1), "{\"lost\":1}\n{}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines_of_an_incident, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_torn_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ten_thousand_stay_within, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_goes_on_stays, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_age, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_record_is_bounded, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_file_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_lies_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_two_in_one_directory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_lock_that_cannot_be, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_room_for_the_lock, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_removed_meanwhile, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_directory_in_the_way, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
