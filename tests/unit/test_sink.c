/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "between.h"
#include "output/hook_runner.h"
#include "output/sink_hook.h"
#include "output/sink_impl.h"
#include "output/sink_journal.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fdwarden-sink-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int put(struct sink *sink, const char *line)
{
	struct sink_message message = {
		.line = line, .len = strlen(line), .text = "text"};

	return sink_put(sink, &message);
}

static int put_long(struct sink *sink, size_t len)
{
	char *line = malloc(len + 1);
	int err;

	assert_non_null(line);
	memset(line, 'x', len);
	line[len - 1] = '\n';
	line[len] = '\0';
	err = put(sink, line);
	free(line);
	return err;
}

/* Until the sink has dealt with `alerts` in all. */
static void settle(struct sink *sink, uint64_t alerts)
{
	struct sink_stats stats;
	int64_t end = now_ms() + 60000; /* of a machine that has much else to do */

	do {
		sink_stats(sink, &stats);
		if (stats.written + stats.dropped >= alerts)
			return;
		usleep(1000);
	} while (now_ms() < end);
	fail_msg("%s: only %d of %d alerts", stats.name,
		 (int)(stats.written + stats.dropped), (int)alerts);
}

static void assert_stats(struct sink *sink, uint64_t written, uint64_t dropped,
			 int error)
{
	struct sink_stats stats;

	sink_stats(sink, &stats);
	assert_int_equal(stats.written, written);
	assert_int_equal(stats.dropped, dropped);
	assert_int_equal(stats.last_error, error);
}

static bool reports_wait(struct sink *sink)
{
	struct pollfd fd = {.fd = sink_event_fd(sink), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void assert_report(struct sink *sink, const char *expected)
{
	char line[256];

	assert_true(reports_wait(sink));
	assert_true(sink_report(sink, line, sizeof(line)));
	assert_string_equal(line, expected);
}

static void assert_no_report(struct sink *sink)
{
	char line[256] = "";

	assert_false(sink_report(sink, line, sizeof(line)));
	assert_string_equal(line, "");
	assert_false(reports_wait(sink));
}

/* All that comes until the writers have closed; to be freed. */
static char *read_all(int fd)
{
	size_t size = 1 << 23, len = 0;
	char *text = malloc(size);
	ssize_t got;

	assert_non_null(text);
	while ((got = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	assert_int_equal(got, 0);
	text[len] = '\0';
	return text;
}

static void assert_file(const char *path, const char *expected)
{
	int fd = open(path, O_RDONLY);
	char *text;

	assert_true(fd >= 0);
	text = read_all(fd);
	assert_string_equal(text, expected);
	free(text);
	close(fd);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* ---- standard output ---- */

static void test_stdout(void **state)
{
	struct sink *sink;
	struct stat st;
	int ends[2];
	char *text;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	assert_int_equal(put(sink, "one\n"), 0);
	assert_int_equal(put_long(sink, 30000), 0);
	assert_int_equal(put(sink, "three\n"), 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	/* not closed, and not changed for those who share it */
	assert_int_equal(fstat(ends[1], &st), 0);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[1]);
	text = read_all(ends[0]);
	assert_int_equal(strlen(text), 4 + 30000 + 6);
	assert_memory_equal(text, "one\nx", 5);
	assert_string_equal(text + 4 + 29999, "\nthree\n");
	free(text);
	close(ends[0]);
}

static void test_stdout_invalid(void **state)
{
	struct sink *sink = NULL;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(sink_open_stdout(-1, &sink), -EBADF);
	close(fd);
	assert_int_equal(sink_open_stdout(fd, &sink), -EBADF);
	assert_null(sink);
	assert_int_equal(sink_close(NULL, 0), 0);
}

/* Closed when the daemon started: what goes there is lost and counted, no more. */
static void test_stdout_unwritable(void **state)
{
	struct sink *sink = NULL;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(sink_open_stdout(fd, &sink), 0);
	put(sink, "a\n");
	put(sink, "b\n");
	assert_int_equal(sink_close(sink, 1000), 2);
	close(fd);
}

static void *drain(void *arg)
{
	return read_all(*(int *)arg);
}

#define DOTS " ....................................\n"

/* Until there is no room behind it; returns the number of lines. */
static uint64_t fill_up(int writer)
{
	int flags = fcntl(writer, F_GETFL);
	uint64_t sent = 0;
	char line[64];
	ssize_t len;

	assert_int_equal(fcntl(writer, F_SETFL, flags | O_NONBLOCK), 0);
	do {
		len = snprintf(line, sizeof(line), "%d" DOTS, (int)sent++);
	} while (write(writer, line, (size_t)len) == len);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fcntl(writer, F_SETFL, flags), 0);
	return sent - 1;
}

/* The reader stops: nothing blocks, what has no room is counted. It goes on: each
 * line is whole and in order, and the loss is said. */
static void stopped_reader(int reader, int writer)
{
	char line[64], report[256], expected[256];
	/* Else the sink's thread would take lines out of the queue, whenever it gets to run. */
	const uint64_t before = fill_up(writer);
	uint64_t sent = before, dropped = 0;
	struct sink_stats stats;
	struct sink *sink;
	pthread_t thread;
	int64_t begin;
	void *text;
	long number, last = -1;
	char *at, *end;

	assert_int_equal(sink_open_stdout(writer, &sink), 0);
	begin = now_ms();
	while (dropped < 123) {
		snprintf(line, sizeof(line), "%d" DOTS, (int)sent++);
		if (put(sink, line) < 0)
			dropped++;
	}
	assert_true(now_ms() - begin < 5000);
	assert_report(sink, "stdout: the queue is full, alerts are being lost");
	sink_stats(sink, &stats);
	assert_true(stats.queued >= SINK_QUEUE_LINES - 100);
	assert_int_equal(pthread_create(&thread, NULL, drain, &reader), 0);
	settle(sink, sent - before);
	sink_stats(sink, &stats);
	assert_int_equal(stats.dropped, dropped);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.last_error, 0);
	assert_true(sink_report(sink, report, sizeof(report)));
	snprintf(expected, sizeof(expected),
		 "stdout: %d alerts lost while the reader was not reading",
		 (int)dropped);
	assert_string_equal(report, expected);
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 5000), dropped);
	close(writer);
	assert_int_equal(pthread_join(thread, &text), 0);
	for (at = text; *at; at = end + 1) {
		number = strtol(at, &end, 10);
		assert_true(number > last);
		last = number;
		assert_memory_equal(end, DOTS, 38);
		end += 37;
		sent--;
	}
	assert_int_equal(sent, dropped);
	free(text);
	close(reader);
}

static void test_stopped_pipe(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	stopped_reader(ends[0], ends[1]);
}

static void test_stopped_fifo(void **state)
{
	const char *path = path_of("fifo");
	int reader, writer;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	writer = open(path, O_WRONLY);
	assert_true(reader >= 0 && writer >= 0);
	assert_int_equal(fcntl(reader, F_SETFL, 0), 0);
	stopped_reader(reader, writer);
}

static void test_stopped_socket(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	stopped_reader(ends[0], ends[1]);
}

/* Closing does not wait for a reader that does not read. */
static void test_close_while_stopped(void **state)
{
	struct sink *sink;
	int ends[2], i;
	int64_t begin;
	uint64_t lost, lines = 0;
	char *text, *at;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(put_long(sink, 2000), 0);
	begin = now_ms();
	lost = sink_close(sink, 100);
	assert_between(now_ms() - begin, 100, 2000);
	close(ends[1]);
	text = read_all(ends[0]);
	for (at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_true(lines > 0);
	assert_int_equal(lost, 100 - lines);
	free(text);
	close(ends[0]);
}

static void test_bytes_are_bounded(void **state)
{
	struct sink *sink;
	int ends[2], queued = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	while (put_long(sink, 100000) == 0)
		queued++;
	assert_between(queued, SINK_QUEUE_BYTES / 100000 - 1,
		       SINK_QUEUE_BYTES / 100000);
	/* a smaller one would fit, but the word of the loss has to come before it */
	assert_int_equal(put(sink, "small\n"), -ENOBUFS);
	assert_int_equal(sink_close(sink, 0), queued + 2);
	close(ends[0]);
	close(ends[1]);
}

/* What was written makes room again. */
static void test_room_comes_back(void **state)
{
	int fd = open("/dev/null", O_WRONLY), i;
	struct sink *sink;

	(void)state;
	assert_int_equal(sink_open_stdout(fd, &sink), 0);
	for (i = 1; i <= 50; i++) {
		assert_int_equal(put_long(sink, 100000), 0);
		settle(sink, (uint64_t)i);
	}
	assert_stats(sink, 50, 0, 0);
	assert_int_equal(sink_close(sink, 1000), 0);
	close(fd);
}

/* The reader is gone: counted, said once, no signal. */
static void test_dead_reader(void **state)
{
	struct sink *sink;
	int ends[2], i;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	close(ends[0]);
	for (i = 0; i < 5; i++)
		assert_int_equal(put(sink, "line\n"), 0);
	settle(sink, 5);
	assert_stats(sink, 0, 5, EPIPE);
	assert_report(sink, "stdout: nobody reads it any more; alerts are being lost");
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 1000), 5);
	close(ends[1]);
}

/* A reader leaves within a line and another one comes: its lines are whole. */
static void test_next_reader(void **state)
{
	const char *path = path_of("fifo");
	int first, second, writer;
	struct sink *sink;
	char byte, *text, *last;
	size_t len = 0;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	first = open(path, O_RDONLY | O_NONBLOCK);
	writer = open(path, O_WRONLY);
	assert_int_equal(sink_open_stdout(writer, &sink), 0);
	assert_int_equal(put_long(sink, 200000), 0);
	while (read(first, &byte, 1) != 1)
		usleep(1000);
	usleep(20000); /* the pipe is full by now, the line is not out */
	close(first);
	settle(sink, 1);
	assert_stats(sink, 0, 1, EPIPE);
	second = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(fcntl(second, F_SETFL, 0), 0);
	assert_int_equal(put(sink, "whole\n"), 0);
	assert_true(read(second, &byte, 1) == 1);
	text = malloc(1 << 20);
	assert_non_null(text);
	while (len < 6 || memcmp(text + len - 6, "whole\n", 6) != 0) {
		ssize_t got = read(second, text + len, 1000);

		assert_true(got > 0);
		len += (size_t)got;
	}
	text[len] = '\0';
	last = strrchr(text, 'x');
	assert_non_null(last);
	assert_string_equal(last + 1, "\nwhole\n");
	settle(sink, 2);
	assert_report(sink, "stdout: nobody reads it any more; alerts are being lost");
	assert_report(sink, "stdout: works again; 1 alert lost");
	assert_int_equal(sink_close(sink, 1000), 1);
	free(text);
	close(second);
	close(writer);
}

static void test_full_device(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct sink *sink;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sink_open_stdout(fd, &sink), 0);
	put(sink, "one\n");
	put(sink, "two\n");
	settle(sink, 2);
	assert_stats(sink, 0, 2, ENOSPC);
	assert_report(sink, "stdout: No space left on device; alerts are being lost");
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 1000), 2);
	close(fd);
}

/* ---- losses, in the sink's own stream ---- */

static char *loss_line(const void *context, uint64_t alerts, char *text,
		       size_t text_size)
{
	char *line = NULL;

	(void)context;
	snprintf(text, text_size, "lost");
	return asprintf(&line, "lost %d\n", (int)alerts) < 0 ? NULL : line;
}

static void loss_freed(void *context)
{
	*(bool *)context = true;
}

/* Nobody reads until it is full: then the word of it is behind what was queued before, and
 * ahead of all that is queued after. */
static void test_loss_is_in_its_place(void **state)
{
	bool freed = false;
	struct sink *sink;
	int ends[2], i, lost = 0;
	char expected[64], *text, *word, *after;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	sink_set_loss(sink, (struct sink_loss){loss_line, loss_freed, &freed});
	while (put(sink, "before\n") == 0)
		;
	for (lost = 1; lost < 5; lost++)
		assert_int_equal(put(sink, "never\n"), -ENOBUFS);
	assert_int_equal(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) > 0, 1);
	for (i = 0; put(sink, "after\n") && i < 5000; i++, lost++)
		usleep(1000);
	assert_int_equal(sink_close(sink, 1000), lost);
	assert_true(freed);
	close(ends[1]);
	text = read_all(ends[0]);
	close(ends[0]);
	snprintf(expected, sizeof(expected), "lost %d\n", lost);
	word = strstr(text, expected);
	after = strstr(text, "after\n");
	assert_non_null(word);
	assert_non_null(after);
	assert_true(word < after);
	assert_null(strstr(word, "before"));
	free(text);
}

/* A disk is full, and then has room: the word of what was lost comes by itself. */
static void test_loss_is_told_by_itself(void **state)
{
	const char *path = path_of("alerts"), *real = path_of("real");
	bool freed = false;
	struct sink *sink;
	int64_t end;

	(void)state;
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(sink_open_file(path, &sink), 0);
	sink_set_loss(sink, (struct sink_loss){loss_line, loss_freed, &freed});
	put(sink, "one\n");
	put(sink, "two\n");
	settle(sink, 2);
	assert_int_equal(sink_take_loss(sink), 0);
	write_file(real, "", 0640);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(real, path), 0);
	for (end = now_ms() + 5000; now_ms() < end && !sink_take_loss(sink);)
		usleep(1000);
	assert_file(path, "lost 2\n");
	put(sink, "three\n");
	assert_int_equal(sink_close(sink, 1000), 2);
	assert_file(path, "lost 2\nthree\n");
	assert_true(freed);
}

/* One that stands for others, and is lost, is as many as it stands for. */
static void test_loss_of_merged(void **state)
{
	struct sink_message message = {
		.line = "line\n", .len = 5, .text = "text", .incident = "in-1"};
	const char *program = path_of("hook");
	struct sink *sink;
	int i;

	(void)state;
	write_file(program, "#!/bin/sh\nsleep 0.3\nexit 3\n", 0755);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(sink_put(sink, &message), 0);
	/* some run, all of which fail, and the rest is given up */
	assert_int_equal(sink_close(sink, 700), 100);
}

/* No signal is ever delivered to a sink's thread. */
static void test_signals_are_blocked(void **state)
{
	char path[300], line[256], name[32];
	unsigned long long blocked = 0;
	struct sink *sink;
	struct dirent *entry;
	FILE *file;
	DIR *tasks;
	sigset_t now;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sink_open_stdout(ends[1], &sink), 0);
	tasks = opendir("/proc/self/task");
	while ((entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		file = fopen(path, "r");
		name[0] = '\0';
		while (file && fgets(line, sizeof(line), file)) {
			if (sscanf(line, "Name: %31s", name) == 1)
				continue;
			if (strcmp(name, "sink-stdout") == 0)
				sscanf(line, "SigBlk: %llx", &blocked);
		}
		if (file)
			fclose(file);
	}
	closedir(tasks);
	assert_int_equal(blocked >> (SIGTERM - 1) & 1, 1);
	assert_int_equal(blocked >> (SIGPIPE - 1) & 1, 1);
	assert_int_equal(blocked >> (SIGCHLD - 1) & 1, 1);
	/* the caller's own are as they were */
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
	assert_false(sigismember(&now, SIGTERM));
	sink_close(sink, 1000);
	close(ends[0]);
	close(ends[1]);
}

/* ---- a thread that is stuck ---- */

static atomic_int stuck_entered, stuck_destroyed;
static int stuck_fd;

static int stuck_write(struct sink *sink, const struct sink_message *message)
{
	char byte;

	(void)sink;
	atomic_store(&stuck_entered, 1);
	/* as in a write() to a dead network disk: no way to wake it */
	return read(stuck_fd, &byte, 1) == 1 && message->line[0] == 'o' ? 0 : -EIO;
}

static void stuck_destroy(struct sink *sink)
{
	free(sink);
	atomic_store(&stuck_destroyed, 1);
}

static void test_stuck_thread(void **state)
{
	static const struct sink_type type = {
		.name = "stuck", .write = stuck_write, .destroy = stuck_destroy};
	struct sink *sink = calloc(1, sizeof(*sink));
	int64_t begin;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	stuck_fd = ends[0];
	assert_int_equal(sink_start(sink, &type), 0);
	put(sink, "one\n");
	put(sink, "other\n");
	while (!atomic_load(&stuck_entered))
		usleep(1000);
	begin = now_ms();
	assert_int_equal(sink_close(sink, 50), 2);
	assert_between(now_ms() - begin, 50, 2000);
	/* the thread still has what it works on, and clears up when it is done */
	usleep(20000);
	assert_int_equal(atomic_load(&stuck_destroyed), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	while (!atomic_load(&stuck_destroyed)) {
		assert_true(now_ms() - begin < 5000);
		usleep(1000);
	}
	close(ends[0]);
	close(ends[1]);
}

static void *produce(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		(void)put(arg, "line\n");
	return NULL;
}

/* Several threads at once lose nothing of the account. */
static void test_producers(void **state)
{
	const char *path = path_of("log");
	pthread_t threads[3];
	struct sink_stats stats;
	struct sink *sink;
	size_t i;

	(void)state;
	assert_int_equal(sink_open_file(path, &sink), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, sink), 0);
	for (i = 0; i < 20; i++) {
		sink_reopen(sink);
		sink_stats(sink, &stats);
		usleep(500);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(sink_close(sink, 5000), 0);
	{
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 3000 * 5);
	}
}

/* ---- a file ---- */

static void test_file(void **state)
{
	const char *path = path_of("log");
	mode_t mask = umask(0);
	struct sink *sink;
	struct stat st;

	(void)state;
	assert_int_equal(sink_open_file(path, &sink), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	put(sink, "one\n");
	put(sink, "two\n");
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_file(path, "one\ntwo\n");
	assert_int_equal(sink_open_file(path, &sink), 0);
	put(sink, "three\n");
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_file(path, "one\ntwo\nthree\n");
}

static void test_file_errors(void **state)
{
	struct sink *sink = NULL;

	(void)state;
	assert_int_equal(sink_open_file(path_of("none/log"), &sink), -ENOENT);
	assert_int_equal(sink_open_file(dir, &sink), -EISDIR);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(sink_open_file(path_of("fifo"), &sink), -ENXIO);
	assert_null(sink);
}

/* What a crash left is ended before the first line. */
static void test_file_half_line_before(void **state)
{
	const char *path = path_of("log");
	struct sink *sink;

	(void)state;
	write_file(path, "whole\nhal", 0640);
	assert_int_equal(sink_open_file(path, &sink), 0);
	assert_file(path, "whole\nhal");
	put(sink, "one\n");
	put(sink, "two\n");
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_file(path, "whole\nhal\none\ntwo\n");
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A line that finds room for a part of it only is cut off again. */
static void test_file_no_room(void **state)
{
	const char *path = path_of("log");
	struct sink *sink;
	char expected[256];

	(void)state;
	assert_int_equal(sink_open_file(path, &sink), 0);
	set_file_limit(6);
	put(sink, "one\n");
	put(sink, "second\n");
	put(sink, "third\n");
	settle(sink, 3);
	assert_file(path, "one\n");
	assert_stats(sink, 1, 2, EFBIG);
	set_file_limit(RLIM_INFINITY);
	put(sink, "fourth\n");
	settle(sink, 4);
	assert_stats(sink, 2, 2, 0);
	assert_file(path, "one\nfourth\n");
	snprintf(expected, sizeof(expected),
		 "file: %s: File too large; alerts are being lost", path);
	assert_report(sink, expected);
	assert_report(sink, "file: works again; 2 alerts lost");
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 1000), 2);
}

/* Where it can't be cut off, it is ended. */
static void test_file_no_cutting(void **state)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	struct sink *sink;
	char path[64], text[64] = "";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(sink_open_file(path, &sink), 0);
	set_file_limit(6);
	put(sink, "one\n");
	put(sink, "second\n");
	put(sink, "third\n");
	settle(sink, 3);
	set_file_limit(RLIM_INFINITY);
	put(sink, "fourth\n");
	assert_int_equal(sink_close(sink, 5000), 2);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "one\nse\nfourth\n");
	close(fd);
}

static void test_file_full_device(void **state)
{
	struct sink *sink;
	int i;

	(void)state;
	assert_int_equal(sink_open_file("/dev/full", &sink), 0);
	for (i = 0; i < 3; i++)
		put(sink, "line\n");
	settle(sink, 3);
	assert_stats(sink, 0, 3, ENOSPC);
	assert_report(sink,
		      "file: /dev/full: No space left on device; alerts are being "
		      "lost");
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 1000), 3);
}

static void test_file_reopen(void **state)
{
	const char *path = path_of("log"), *old = path_of("log.1");
	struct sink *sink;
	int i;

	(void)state;
	assert_int_equal(sink_open_file(path, &sink), 0);
	put(sink, "one\n");
	settle(sink, 1);
	assert_int_equal(rename(path, old), 0);
	put(sink, "two\n"); /* still the old one's */
	sink_reopen(sink);
	for (i = 0; i < 3; i++)
		put(sink, "new\n");
	assert_int_equal(sink_close(sink, 5000), 0);
	assert_file(old, "one\ntwo\n");
	assert_file(path, "new\nnew\nnew\n");
}

/* It can't be opened anew: said, and the old one goes on. */
static void test_file_reopen_fails(void **state)
{
	const char *path = path_of("sub/log"), *kept = path_of("kept");
	struct sink *sink;

	(void)state;
	assert_int_equal(mkdir(path_of("sub"), 0755), 0);
	assert_int_equal(sink_open_file(path, &sink), 0);
	assert_int_equal(rename(path, kept), 0);
	assert_int_equal(rmdir(path_of("sub")), 0);
	sink_reopen(sink);
	put(sink, "one\n");
	settle(sink, 1);
	assert_report(sink,
		      "file: could not be opened anew: No such file or directory");
	assert_int_equal(sink_close(sink, 1000), 0);
	assert_file(kept, "one\n");
}

/* Waits until a report comes, as the file is looked at once a second. */
static void await_report(struct sink *sink, const char *expected)
{
	char line[SINK_REPORT_MAX];

	for (int i = 0; i < 1000; i++) {
		if (sink_report(sink, line, sizeof(line))) {
			assert_string_equal(line, expected);
			return;
		}
		usleep(10000);
	}
	fail_msg("no report: %s", expected);
}

/* Nobody says so by a signal: it is noticed, said, and made again. */
static void test_file_removed(void **state)
{
	const char *path = path_of("log"), *other = path_of("other");
	char expected[256];
	struct sink *sink;

	(void)state;
	assert_int_equal(sink_open_file(path, &sink), 0);
	put(sink, "one\n");
	settle(sink, 1);
	assert_int_equal(unlink(path), 0);
	put(sink, "two\n"); /* not into what has no name any more */
	settle(sink, 2);
	assert_file(path, "two\n");
	snprintf(expected, sizeof(expected),
		 "file: %s was removed: alerts go into the new one", path);
	assert_report(sink, expected);
	/* with nothing to write */
	write_file(other, "", 0644);
	assert_int_equal(rename(other, path), 0);
	snprintf(expected, sizeof(expected),
		 "file: %s was replaced: alerts go into the new one", path);
	await_report(sink, expected);
	/* a rotation that tells nobody */
	assert_int_equal(rename(path, other), 0);
	snprintf(expected, sizeof(expected),
		 "file: %s was renamed: alerts go into the new one", path);
	await_report(sink, expected);
	put(sink, "three\n");
	settle(sink, 3);
	assert_file(path, "three\n");
	assert_file(other, "");
	assert_no_report(sink);
	assert_int_equal(sink_close(sink, 5000), 0);
}

/* What can't be made again is lost, and counted as such. */
static void test_file_lost(void **state)
{
	const char *dir_path = path_of("sub"), *path = path_of("sub/log");
	char expected[256];
	struct sink *sink;

	(void)state;
	assert_int_equal(mkdir(dir_path, 0755), 0);
	assert_int_equal(sink_open_file(path, &sink), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir_path), 0);
	put(sink, "one\n");
	settle(sink, 1);
	assert_stats(sink, 0, 1, ENOENT);
	snprintf(expected, sizeof(expected),
		 "file: %s was removed, and can't be opened again: No such file or "
		 "directory",
		 path);
	assert_report(sink, expected);
	assert_int_equal(mkdir(dir_path, 0755), 0);
	put(sink, "two\n");
	settle(sink, 2);
	assert_stats(sink, 1, 1, 0);
	assert_file(path, "two\n");
	assert_int_equal(sink_close(sink, 5000), 1);
}

/* ---- the journal ---- */

static const char *const journal_expected[] = {
	"MESSAGE=nginx[1] has 9 of 10",
	"PRIORITY=2",
	"MESSAGE_ID=",
	"SYSLOG_IDENTIFIER=fdwarden",
	"FDWARDEN_ACTION=fd-critical",
	"FDWARDEN_PID=1",
	"FDWARDEN_PROCESS=nginx",
	"FDWARDEN_SERVICE=nginx.service",
	"FDWARDEN_INCIDENT=in-1",
	"FDWARDEN_JSON={\"a\":1}",
};

static const struct sink_message journal_message = {
	.line = "{\"a\":1}\n",
	.len = 8,
	.text = "nginx[1] has 9 of 10",
	.action = POLICY_FD_CRITICAL,
	.pid = 1,
	.name = "nginx",
	.service = "nginx.service",
	.incident = "in-1",
};

static void test_journal_fields(void **state)
{
	struct iovec fields[SINK_JOURNAL_FIELDS];
	int len, i;

	(void)state;
	assert_int_equal(sink_journal_fields(&journal_message, fields, &len), 0);
	assert_int_equal(len, 10);
	for (i = 0; i < len; i++) {
		size_t expected = strlen(journal_expected[i]);

		if (i == 2)
			assert_int_equal(fields[i].iov_len, expected + 32);
		else
			assert_int_equal(fields[i].iov_len, expected);
		assert_memory_equal(fields[i].iov_base, journal_expected[i], expected);
	}
	sink_journal_free(fields, len);
}

/* What is not known has no field; every action has its own id. */
static void test_journal_actions(void **state)
{
	struct iovec fields[SINK_JOURNAL_FIELDS];
	char ids[POLICY_ACTIONS][48];
	int action, other, len;

	(void)state;
	for (action = 0; action < POLICY_ACTIONS; action++) {
		struct sink_message message = {.line = "{}", .len = 2, .text = "t"};

		message.action = (enum policy_action)action;
		assert_int_equal(sink_journal_fields(&message, fields, &len), 0);
		assert_int_equal(len, 6);
		assert_memory_equal(fields[5].iov_base, "FDWARDEN_JSON={}", 16);
		snprintf(ids[action], sizeof(ids[0]), "%.*s", (int)fields[2].iov_len,
			 (char *)fields[2].iov_base);
		assert_int_equal(strspn(ids[action] + 11, "0123456789abcdef"), 32);
		for (other = 0; other < action; other++)
			assert_string_not_equal(ids[action], ids[other]);
		sink_journal_free(fields, len);
	}
}

static atomic_int journal_sent, journal_error;
static char journal_first[64];

static int fake_send(const struct iovec *fields, int len)
{
	int err = atomic_load(&journal_error);

	if (err)
		return err;
	if (atomic_fetch_add(&journal_sent, 1) == 0)
		snprintf(journal_first, sizeof(journal_first), "%.*s|%d",
			 (int)fields[0].iov_len, (char *)fields[0].iov_base, len);
	return 0;
}

static void test_journal(void **state)
{
	struct sink *sink = NULL;

	(void)state;
	atomic_store(&journal_error, -ENOENT);
	assert_int_equal(sink_open_journal_with(fake_send, &sink), -ENOENT);
	assert_null(sink);
	atomic_store(&journal_error, 0);
	assert_int_equal(sink_open_journal_with(fake_send, &sink), 0);
	/* its descriptor is open before it is needed */
	assert_int_equal(atomic_load(&journal_sent), 1);
	assert_string_equal(journal_first, "MESSAGE=alerts go to the journal|3");
	sink_put(sink, &journal_message);
	settle(sink, 1);
	assert_int_equal(atomic_load(&journal_sent), 2);
	atomic_store(&journal_error, -ENOENT);
	sink_put(sink, &journal_message);
	settle(sink, 2);
	assert_stats(sink, 1, 1, ENOENT);
	assert_report(sink,
		      "journal: no journal at /run/systemd/journal/socket; alerts "
		      "are being lost");
	sink_reopen(sink); /* nothing */
	assert_int_equal(sink_close(sink, 1000), 1);
}

/* ---- a program ---- */

static void test_hook(void **state)
{
	const char *program = path_of("hook"), *out = path_of("out");
	const char *log = path_of("log");
	struct sink *sink, *other;
	char script[512];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/bash\n" /* dash unblocks the signals itself */
		 "{ echo \"$# args\"\n"
		 "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=\n"
		 "ls -l /proc/$$/fd | grep -c -e eventfd -e %s\n"
		 "grep SigBlk /proc/self/status; cat; } >> %s\n"
		 "echo noise\n",
		 log, out);
	write_file(program, script, 0755);
	setenv("FDWARDEN_TEST_SECRET", "x", 1);
	assert_int_equal(sink_open_file(log, &other), 0);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	put(sink, "one\n");
	put(sink, "two\n");
	assert_int_equal(sink_close(sink, 8000), 0);
	assert_int_equal(sink_close(other, 1000), 0);
	/* no argument, nothing of our environment, none of our descriptors, no
	 * signal blocked */
#define PREAMBLE                                                                       \
	"0 "                                                                           \
	"args\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n0\n" \
	"SigBlk:\t0000000000000000\n"
	assert_file(out, PREAMBLE "one\n" PREAMBLE "two\n");
}

static void test_hook_errors(void **state)
{
	struct sink *sink = NULL;

	(void)state;
	assert_int_equal(sink_open_hook("bin/true", &sink), -EINVAL);
	assert_int_equal(sink_open_hook(path_of("none"), &sink), -ENOENT);
	assert_int_equal(sink_open_hook(dir, &sink), -EISDIR);
	write_file(path_of("plain"), "", 0644);
	assert_int_equal(sink_open_hook(path_of("plain"), &sink), -EACCES);
	assert_null(sink);
}

static void test_hook_fails(void **state)
{
	const char *program = path_of("hook");
	struct sink_stats stats;
	struct sink *sink;
	char expected[256];

	(void)state;
	write_file(program, "#!/bin/sh\nexit 3\n", 0755);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	/* more than a pipe holds, and it does not read at all */
	assert_int_equal(put_long(sink, 300000), 0);
	settle(sink, 1);
	assert_stats(sink, 0, 1, EIO);
	snprintf(expected, sizeof(expected),
		 "hook: %s failed with status 3; alerts are being lost", program);
	assert_report(sink, expected);
	/* not there any more */
	assert_int_equal(unlink(program), 0);
	put(sink, "line\n");
	settle(sink, 2);
	/* where a spawn can't tell, as under valgrind, it is status 127 */
	sink_stats(sink, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_true(stats.last_error == ENOENT || stats.last_error == EIO);
	write_file(program, "#!/bin/sh\nkill -9 $$\n", 0755);
	put(sink, "line\n");
	settle(sink, 3);
	write_file(program, "#!/bin/sh\ncat > /dev/null\n", 0755);
	put(sink, "line\n");
	settle(sink, 4);
	assert_stats(sink, 1, 3, 0);
	assert_report(sink, "hook: works again; 3 alerts lost");
	assert_int_equal(sink_take_loss(sink), 3);
	assert_int_equal(sink_take_loss(sink), 0);
	assert_int_equal(sink_close(sink, 1000), 3);
}

static bool is_gone(const char *pid_file)
{
	FILE *file = fopen(pid_file, "r");
	int pid = 0, found;
	char path[64], process_state = 0;

	assert_non_null(file);
	found = fscanf(file, "%d", &pid);
	fclose(file);
	assert_int_equal(found, 1);
	/* whose parent is gone is taken by init, in its time */
	for (int i = 0; i < 500; i++) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "r");
		if (file && fscanf(file, "%*d (%*[^)]) %c", &process_state) == 1 &&
		    process_state == 'Z')
			found = 0;
		if (file)
			fclose(file);
		if (!found)
			return true;
		usleep(10000);
	}
	return false;
}

static struct rlimit set_own_limit(rlim_t soft)
{
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = soft;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

/* The limit that we raised for ourselves is not the program's, but one that was lower
 * all along is. */
static void test_hook_limit(void **state)
{
	const char *program = path_of("hook"), *out = path_of("out");
	struct rlimit before = set_own_limit(400);
	struct sink *sink;
	char script[256], expected[64];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/bash\nread alert; { ulimit -Sn; ulimit -Hn; } >> %s\n", out);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	put(sink, "one\n");
	assert_int_equal(sink_close(sink, 8000), 0);
	sink_hook_set_soft_limit(200);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	put(sink, "two\n");
	assert_int_equal(sink_close(sink, 8000), 0);
	sink_hook_set_soft_limit(600);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	put(sink, "three\n");
	assert_int_equal(sink_close(sink, 8000), 0);
	sink_hook_set_soft_limit(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	snprintf(expected, sizeof(expected), "400\n%1$llu\n200\n%1$llu\n400\n%1$llu\n",
		 (unsigned long long)before.rlim_max);
	assert_file(out, expected);
}

/* With no descriptor left it runs all the same, one time after the other. */
static void test_hook_without_descriptors(void **state)
{
	const char *program = path_of("hook"), *out = path_of("out");
	struct rlimit before = set_own_limit(64);
	int fds[64], len = 0;
	struct sink *sink;
	char script[128];

	(void)state;
	snprintf(script, sizeof(script), "#!/bin/sh\ncat >> %s\n", out);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	while (len < 64) {
		fds[len] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[len] < 0)
			break;
		len++;
	}
	assert_int_equal(errno, EMFILE);
	for (int i = 1; i <= 3; i++) {
		put(sink, "line\n");
		settle(sink, (uint64_t)i);
	}
	while (len > 0)
		close(fds[--len]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_stats(sink, 3, 0, 0);
	assert_int_equal(sink_close(sink, 1000), 0);
	assert_file(out, "line\nline\nline\n");
}

/* One that hangs is ended after its time, one that hangs at the end at once. */
static void test_hook_hangs(void **state)
{
	const char *program = path_of("hook"), *pid = path_of("pid");
	struct sink *sink;
	char script[256], expected[256];
	int64_t begin;

	(void)state;
	snprintf(script, sizeof(script), "#!/bin/sh\necho $$ > %s\nexec sleep 60\n",
		 pid);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook_with(program, 300, &sink), 0);
	begin = now_ms();
	put(sink, "line\n");
	settle(sink, 1);
	assert_between(now_ms() - begin, 300, 4000);
	assert_stats(sink, 0, 1, ETIMEDOUT);
	snprintf(
		expected, sizeof(expected),
		"hook: %s ran for more than 0.3 s and was ended; alerts are being lost",
		program);
	assert_report(sink, expected);
	assert_true(is_gone(pid));
	sink_close(sink, 1000);

	assert_int_equal(unlink(pid), 0);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	begin = now_ms();
	put(sink, "line\n");
	while (access(pid, F_OK) < 0)
		usleep(1000);
	usleep(50000);
	assert_int_equal(sink_close(sink, 10), 1);
	assert_true(now_ms() - begin < 4000);
	assert_true(is_gone(pid));
}

/* What the program has started ends with it, in its group and in others. */
static void test_hook_leaves_nothing(void **state)
{
	const char *program = path_of("hook"), *pids[2] = {path_of("a"), path_of("b")};
	struct sink *sink;
	char script[512];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/bash\nsleep 60 &\necho $! > %s\nset -m\nsleep 60 &\n"
		 "echo $! > %s\nsleep 60\n",
		 pids[0], pids[1]);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook_with(program, 1000, &sink), 0);
	put(sink, "line\n");
	settle(sink, 1);
	assert_stats(sink, 0, 1, ETIMEDOUT);
	assert_true(is_gone(pids[0]));
	assert_true(is_gone(pids[1]));
	sink_close(sink, 1000);
}

static void await_file(const char *path)
{
	for (int i = 0; i < 1000 && access(path, F_OK) < 0; i++)
		usleep(10000);
}

/* Nor does it help to make a session of one's own, and to have no parent. */
static void test_hook_no_daemon(void **state)
{
	const char *program = path_of("hook"), *pid = path_of("daemon");
	struct sink *sink;
	char script[512];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nsetsid sh -c 'sleep 60 & echo $! > %1$s.new; mv %1$s.new "
		 "%1$s' &\nsleep 60\n",
		 pid);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook_with(program, 2000, &sink), 0);
	put(sink, "line\n");
	settle(sink, 1);
	assert_stats(sink, 0, 1, ETIMEDOUT);
	assert_true(is_gone(pid));
	sink_close(sink, 1000);
}

static bool is_running(const char *pid_file)
{
	FILE *file = fopen(pid_file, "r");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return kill(pid, 0) == 0;
}

/* What a program leaves behind has the rest of its time, and holds nothing up. */
static void test_hook_in_background(void **state)
{
	const char *program = path_of("hook"), *pid = path_of("pid");
	char script[512], expected[256];
	struct sink *sink;
	int64_t begin = now_ms();

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nread line\n[ $line = two ] && exit\nsetsid sleep 60 &\n"
		 "echo $! > %1$s.new; mv %1$s.new %1$s\n",
		 pid);
	write_file(program, script, 0755);
	assert_int_equal(sink_open_hook_with(program, 5000, &sink), 0);
	put(sink, "one\n");
	settle(sink, 1);
	put(sink, "two\n");
	settle(sink, 2);
	assert_stats(sink, 2, 0, 0);
	if (now_ms() - begin < 4500) /* of a machine that hangs nothing can be said */
		assert_true(is_running(pid));
	assert_true(is_gone(pid));
	snprintf(
		expected, sizeof(expected),
		"hook: %s left processes behind, which were ended 5 s after its start; "
		"this is said once",
		program);
	for (int i = 0; i < 1000 && !reports_wait(sink); i++)
		usleep(10000); /* it looks once a second */
	assert_report(sink, expected);

	/* At the end of the sink it has no more time. */
	assert_int_equal(unlink(pid), 0);
	put(sink, "one\n");
	await_file(pid);
	settle(sink, 3);
	assert_int_equal(sink_close(sink, 1000), 0);
	assert_true(is_gone(pid));
}

/* What is wrong with a program that is none is told as the kernel does. */
static void test_hook_no_interpreter(void **state)
{
	const char *program = path_of("hook");
	struct sink *sink;
	char expected[256];

	(void)state;
	write_file(program, "#!/no/such/interpreter\n", 0755);
	assert_int_equal(sink_open_hook(program, &sink), 0);
	put(sink, "line\n");
	settle(sink, 1);
	assert_stats(sink, 0, 1, ENOENT);
	snprintf(expected, sizeof(expected),
		 "hook: %s can't be run: No such file or directory; alerts are being "
		 "lost",
		 program);
	assert_report(sink, expected);
	sink_close(sink, 1000);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* The runner of a hook is this program, too. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stdout),
		cmocka_unit_test(test_stdout_invalid),
		cmocka_unit_test(test_stdout_unwritable),
		cmocka_unit_test(test_stopped_pipe),
		IN_DIR(test_stopped_fifo),
		cmocka_unit_test(test_stopped_socket),
		cmocka_unit_test(test_close_while_stopped),
		cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_room_comes_back),
		cmocka_unit_test(test_dead_reader),
		IN_DIR(test_next_reader),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_loss_is_in_its_place),
		IN_DIR(test_loss_is_told_by_itself),
		IN_DIR(test_loss_of_merged),
		cmocka_unit_test(test_signals_are_blocked),
		cmocka_unit_test(test_stuck_thread),
		IN_DIR(test_producers),
		IN_DIR(test_file),
		IN_DIR(test_file_errors),
		IN_DIR(test_file_half_line_before),
		IN_DIR(test_file_no_room),
		IN_DIR(test_file_no_cutting),
		IN_DIR(test_file_full_device),
		IN_DIR(test_file_reopen),
		IN_DIR(test_file_reopen_fails),
		IN_DIR(test_file_removed),
		IN_DIR(test_file_lost),
		cmocka_unit_test(test_journal_fields),
		cmocka_unit_test(test_journal_actions),
		cmocka_unit_test(test_journal),
		IN_DIR(test_hook),
		IN_DIR(test_hook_errors),
		IN_DIR(test_hook_fails),
		IN_DIR(test_hook_hangs),
		IN_DIR(test_hook_leaves_nothing),
		IN_DIR(test_hook_no_daemon),
		IN_DIR(test_hook_in_background),
		IN_DIR(test_hook_no_interpreter),
		IN_DIR(test_hook_limit),
		IN_DIR(test_hook_without_descriptors),
	};

	if (argc == 5 && !strcmp(argv[1], HOOK_RUNNER_COMMAND))
		return hook_runner_run(argv[2], argv[3], argv[4]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
