// SPDX-License-Identifier: GPL-2.0-or-later
/* What a view asks a daemon while it has not answered yet, and when it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "top/source.h"

#define GREETING                                                                       \
	"{\"fdwarden\":{\"protocol\":1,\"version\":\"0.1.0\",\"pid\":123},"            \
	"\"host\":{\"name\":\"web-3\",\"boot\":{\"id\":\"b\"}}}\n"

static char directory[] = "/tmp/fdwarden-source-XXXXXX", path[64];
static int listener;
static char got[256]; /* what was handed over, one after the other */

static void *welcome(void *out)
{
	int *fd = out;

	*fd = accept(listener, NULL, NULL);
	if (send(*fd, GREETING, strlen(GREETING), MSG_NOSIGNAL) < 0)
		perror("send");
	return NULL;
}

static void on_trouble(void *context, const char *why)
{
	(void)context;
	(void)why;
}

static void on_incidents(void *context, const struct source_incidents *incidents)
{
	size_t len = strlen(got);

	(void)context;
	snprintf(got + len, sizeof(got) - len, "%d at %d%s ", (int)incidents->pid,
		 (int)incidents->start_ns, incidents->error ? ": error" : "");
}

static void on_report(void *context, const struct source_report *report)
{
	size_t len = strlen(got);

	(void)context;
	snprintf(got + len, sizeof(got) - len, "%s: %s ", report->id,
		 report->error ? report->error : report->lines[0]);
}

static const struct source_handlers handlers = {
	.incidents = on_incidents, .report = on_report, .trouble = on_trouble};

/* The daemon's side: the next question, without its newline. */
static void check_asked(int fd, const char *holds)
{
	char line[512];
	size_t len = 0;

	while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1 &&
	       line[len] != '\n')
		len++;
	line[len] = 0;
	if (!strstr(line, holds))
		fail_msg("asked %s, not %s", line, holds);
}

static void check_quiet(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 0), 0);
}

static void answer(int fd, struct source *source, const char *text)
{
	struct pollfd p[SOURCE_FDS_MAX];

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_int_equal(source_fds(source, p), 1);
	assert_int_equal(poll(p, 1, -1), 1);
	got[0] = 0;
	source_handle(source);
}

static struct source *open_source(int *fd)
{
	struct source *source;
	pthread_t thread;
	char why[256];

	assert_int_equal(pthread_create(&thread, NULL, welcome, fd), 0);
	assert_int_equal(source_open_socket(path, &handlers, &source, why, sizeof(why)),
			 0);
	pthread_join(thread, NULL);
	return source;
}

static void an_answer_says_whose_it_is(void **state)
{
	int fd = -1;
	struct source *source = open_source(&fd);

	(void)state;
	source_ask_report(source, "aa", 80, true);
	source_ask_report(source, "bb", 80, true);
	source_ask_report(source, "cc", 80, true);
	check_asked(fd, "\"incident\":\"aa\"");
	check_quiet(fd);
	answer(fd, source, "{\"reply\":\"report\",\"page\":[\"of aa\"]}\n");
	assert_string_equal(got, "aa: of aa ");
	/* the one between is not looked at any more */
	check_asked(fd, "\"incident\":\"cc\"");
	answer(fd, source, "{\"id\":\"report\",\"error\":{\"message\":\"none\"}}\n");
	assert_string_equal(got, "cc: none ");
	check_quiet(fd);

	source_ask_incidents(source, 7, 70, "a.service");
	source_ask_incidents(source, 8, 80, NULL);
	check_asked(fd, "\"service\":\"a.service\"");
	answer(fd, source, "{\"reply\":\"incidents\",\"incidents\":[]}\n");
	assert_string_equal(got, "7 at 70 ");
	check_asked(fd, "\"start_ns\":\"80\"");
	answer(fd, source, "{\"id\":\"incidents\",\"error\":{\"message\":\"none\"}}\n");
	assert_string_equal(got, "8 at 80: error ");
	check_quiet(fd);
	source_close(source);
	close(fd);
}

static void a_lost_question_is_asked_again(void **state)
{
	int fd = -1;
	struct source *source = open_source(&fd);
	struct pollfd p[SOURCE_FDS_MAX];
	pthread_t thread;

	(void)state;
	source_ask_report(source, "aa", 80, true);
	source_ask_incidents(source, 7, 70, NULL);
	check_asked(fd, "\"incident\":\"aa\"");
	close(fd);
	while (source_fds(source, p))
		source_handle(source);
	assert_int_equal(pthread_create(&thread, NULL, welcome, &fd), 0);
	while (!source_fds(source, p)) {
		source_handle(source);
		poll(NULL, 0, 10);
	}
	pthread_join(thread, NULL);
	check_asked(fd, "\"snapshot\"");
	check_asked(fd, "\"incident\":\"aa\"");
	check_asked(fd, "\"pid\":7");
	source_close(source);
	close(fd);
}

static int listen_there(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	       listen(listener, 4);
}

static int remove_it(void **state)
{
	(void)state;
	close(listener);
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_says_whose_it_is),
		cmocka_unit_test(a_lost_question_is_asked_again),
	};

	return cmocka_run_group_tests(tests, listen_there, remove_it);
}
