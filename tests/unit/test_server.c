/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket as its clients see it. The monitor is a thread of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/places.h"
#include "server/server.h"

#include "imitated_feed.h"

#define PROCESSES 5

static char directory[] = "/tmp/fdwarden-server-XXXXXX";
static char path[64];
static struct server *server;
static pthread_t monitor;
static atomic_bool monitor_ends;
static atomic_uint looked_into;

/* ---- the monitor ---- */

static void *run_monitor(void *unused)
{
	uint64_t tick = 1;

	(void)unused;
	while (!atomic_load(&monitor_ends)) {
		struct pollfd wanted = {.fd = server_fd(server), .events = POLLIN};
		struct feed *feed;

		(void)poll(&wanted, 1, 10);
		feed = server_want(server, ++tick);
		if (!feed)
			continue;
		feed_fill(feed, tick, PROCESSES, 40);
		server_feed(server);
	}
	return NULL;
}

/* Says of which process it was asked, and what the monitor knew of it. */
static void inspect(void *context, struct server_job *job)
{
	(void)context;
	atomic_fetch_add(&looked_into, 1);
	if (job->request.kind == REQUEST_PROCESS && !job->watched_ns) {
		server_job_fail(job, REQUEST_NO_SUCH_PROCESS, "there is no process %d",
				job->request.pid);
		return;
	}
	job->start_ns = job->watched_ns;
	job->body = shared_text_format("\"pid\":%d,\"used\":%llu", job->request.pid,
				       (unsigned long long)job->watched.used);
}

static int set_up(void **state)
{
	struct server_settings settings = {
		.path = path,
		.version = "1.2.3",
		.host_json = "\"host\":{\"name\":\"web-3\"}",
		.inspect = inspect,
	};
	char why[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", directory);
	atomic_store(&monitor_ends, false);
	if (server_open(&settings, &server, why, sizeof(why)))
		return -1;
	return pthread_create(&monitor, NULL, run_monitor, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	atomic_store(&monitor_ends, true);
	pthread_join(monitor, NULL);
	server_close(server);
	return access(path, F_OK) ? 0 : -1; /* the socket went with it */
}

/* ---- a client ---- */

static int come(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The next line; NULL: the connection has ended. The caller deletes it. */
static cJSON *hear(int fd)
{
	static char line[1 << 20];
	size_t len = 0;
	cJSON *json;

	while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1)
		if (line[len++] == '\n')
			break;
	if (!len)
		return NULL;
	line[len] = 0;
	json = cJSON_Parse(line);
	if (!json)
		fail_msg("no JSON: %s", line);
	return json;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A client that has been greeted. */
static int greeted(void)
{
	int fd = come();
	cJSON *hello = hear(fd);

	assert_non_null(cJSON_GetObjectItem(hello, "fdwarden"));
	cJSON_Delete(hello);
	return fd;
}

static cJSON *ask(int fd, const char *request)
{
	say(fd, request);
	return hear(fd);
}

static const char *text_of(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	return text ? text : "";
}

static double number_of(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(json, name);

	return item ? item->valuedouble : -1;
}

static void alert(unsigned int number, int pid, uint64_t start_ns)
{
	char line[64];
	struct sink_message message = {.line = line, .pid = pid, .start_ns = start_ns};

	message.len = (size_t)snprintf(line, sizeof(line), "{\"n\":%u}\n", number);
	server_alert(server, &message);
}

/* ---- tests ---- */

static void greeting(void **state)
{
	int fd = come();
	cJSON *hello = hear(fd);
	const cJSON *own = cJSON_GetObjectItem(hello, "fdwarden");

	(void)state;
	assert_int_equal(number_of(own, "protocol"), SERVER_PROTOCOL);
	assert_string_equal(text_of(own, "version"), "1.2.3");
	assert_int_equal(number_of(own, "pid"), getpid());
	assert_string_equal(text_of(cJSON_GetObjectItem(hello, "host"), "name"),
			    "web-3");
	cJSON_Delete(hello);
	close(fd);
}

/* All processes, then those that have changed since: none. */
static void snapshot_and_delta(void **state)
{
	int fd = greeted();
	cJSON *full = ask(fd, "{\"request\":\"snapshot\",\"id\":7}\n"), *delta;
	char request[128];

	(void)state;
	assert_string_equal(text_of(full, "reply"), "snapshot");
	assert_int_equal(number_of(full, "id"), 7);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(full, "full")));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(full, "processes")),
			 PROCESSES);
	snprintf(request, sizeof(request),
		 "{\"request\":\"snapshot\",\"since\":%.0f}\n",
		 number_of(full, "number"));
	delta = ask(fd, request);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(delta, "full")));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(delta, "processes")),
			 0);
	assert_null(cJSON_GetObjectItem(delta, "id"));
	cJSON_Delete(full);
	cJSON_Delete(delta);
	close(fd);
}

/* The thread that looks into single ones gets what the monitor knew; its alerts follow. */
static void process(void **state)
{
	int fd = greeted();
	const cJSON *alerts;
	char request[128];
	cJSON *reply;

	(void)state;
	alert(1, 1 << 28, 5000000000ull);
	alert(2, 1 << 28, 4000000000ull); /* of one that had the pid before it */
	alert(3, 7, 5000000000ull);
	alert(4, 1 << 28, 5000000000ull);
	snprintf(request, sizeof(request), "{\"request\":\"process\",\"pid\":%d}\n",
		 1 << 28);
	reply = ask(fd, request);
	assert_int_equal(number_of(reply, "pid"), 1 << 28);
	assert_int_equal(number_of(reply, "used"), 40);
	alerts = cJSON_GetObjectItem(reply, "alerts");
	assert_int_equal(cJSON_GetArraySize(alerts), 2);
	assert_int_equal(number_of(cJSON_GetArrayItem(alerts, 0), "n"), 1);
	assert_int_equal(number_of(cJSON_GetArrayItem(alerts, 1), "n"), 4);
	cJSON_Delete(reply);
	close(fd);
}

/* A process that the last tick did not see is looked for all the same; then it is said. */
static void process_that_is_not_known(void **state)
{
	int fd = greeted();
	unsigned int before = atomic_load(&looked_into);
	cJSON *reply =
		ask(fd, "{\"request\":\"process\",\"pid\":4000000,\"id\":\"a\"}\n");
	const cJSON *error = cJSON_GetObjectItem(reply, "error");

	(void)state;
	assert_int_equal(atomic_load(&looked_into), before + 1);
	assert_string_equal(text_of(error, "code"), "no-such-process");
	assert_string_equal(text_of(reply, "id"), "a");
	cJSON_Delete(reply);
	close(fd);
}

/* Who subscribes gets what is kept, and what comes; nobody else does. */
static void subscription(void **state)
{
	int fd = greeted(), silent = greeted();
	cJSON *reply;

	(void)state;
	for (unsigned int i = 1; i <= 5; i++)
		alert(i, 7, 1);
	reply = ask(silent, "{\"request\":\"self\"}\n");
	assert_string_equal(text_of(reply, "reply"), "self");
	cJSON_Delete(reply);
	reply = ask(fd, "{\"request\":\"subscribe\",\"recent\":2}\n");
	assert_string_equal(text_of(reply, "reply"), "subscribe");
	cJSON_Delete(reply);
	alert(6, 7, 1);
	for (unsigned int i = 4; i <= 6; i++) {
		reply = hear(fd);
		assert_int_equal(number_of(cJSON_GetObjectItem(reply, "alert"), "n"),
				 i);
		cJSON_Delete(reply);
	}
	reply = ask(silent, "{\"request\":\"self\"}\n");
	assert_string_equal(text_of(reply, "reply"), "self");
	cJSON_Delete(reply);
	close(fd);
	close(silent);
}

/* What is wrong is answered; what is no JSON at all ends the connection. */
static void bad_requests(void **state)
{
	int fd = greeted();
	cJSON *reply = ask(fd, "{\"request\":\"dance\",\"id\":1}\n");

	(void)state;
	assert_string_equal(text_of(cJSON_GetObjectItem(reply, "error"), "code"),
			    "unknown-request");
	assert_int_equal(number_of(reply, "id"), 1);
	cJSON_Delete(reply);
	reply = ask(fd, "{\"request\":\"process\"}\n");
	assert_string_equal(text_of(cJSON_GetObjectItem(reply, "error"), "code"),
			    "bad-request");
	cJSON_Delete(reply);
	reply = ask(fd, "GET / HTTP/1.1\r\n");
	assert_string_equal(text_of(cJSON_GetObjectItem(reply, "error"), "code"),
			    "bad-request");
	cJSON_Delete(reply);
	assert_null(hear(fd));
	close(fd);
}

/* A line without an end is not kept for ever. */
static void line_too_long(void **state)
{
	int fd = greeted();
	static char line[REQUEST_LINE_MAX + 1];
	cJSON *reply;

	(void)state;
	memset(line, ' ', sizeof(line));
	assert_int_equal(send(fd, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
	reply = hear(fd);
	assert_string_equal(text_of(cJSON_GetObjectItem(reply, "error"), "code"),
			    "bad-request");
	cJSON_Delete(reply);
	assert_null(hear(fd));
	close(fd);
}

/* A request in pieces, several in one, and one side closed: all are answered, in order. */
static void pieces(void **state)
{
	static const char requests[] = "{\"request\":\"self\",\"id\":1}\n"
				       "{\"request\":\"snapshot\",\"id\":2}\r\n\n"
				       "{\"request\":\"self\",\"id\":3}\n";
	int fd = greeted();

	(void)state;
	for (size_t i = 0; i < sizeof(requests) - 1; i++)
		assert_int_equal(send(fd, requests + i, 1, MSG_NOSIGNAL), 1);
	shutdown(fd, SHUT_WR);
	for (int i = 1; i <= 3; i++) {
		cJSON *reply = hear(fd);

		assert_int_equal(number_of(reply, "id"), i);
		cJSON_Delete(reply);
	}
	assert_null(hear(fd));
	close(fd);
}

/* One more than there are places is told so, and the others are served on. */
static void no_place(void **state)
{
	int fds[SERVER_CLIENTS_MAX], fd;
	cJSON *reply;

	(void)state;
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
		fds[i] = greeted();
	fd = come();
	reply = hear(fd);
	assert_string_equal(text_of(cJSON_GetObjectItem(reply, "error"), "code"),
			    "busy");
	cJSON_Delete(reply);
	assert_null(hear(fd));
	close(fd);
	reply = ask(fds[SERVER_CLIENTS_MAX - 1], "{\"request\":\"self\"}\n");
	assert_string_equal(text_of(reply, "reply"), "self");
	cJSON_Delete(reply);
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* A second daemon at the same path, a file that is no socket, a path that is too long. */
static void can_not_be_opened(void **state)
{
	struct server_settings settings = {
		.path = path, .version = "", .host_json = ""};
	char why[256], other[64], name[200] = "/";
	struct server *second;

	(void)state;
	assert_int_equal(server_open(&settings, &second, why, sizeof(why)),
			 -EADDRINUSE);
	assert_non_null(strstr(why, "another daemon listens there"));
	snprintf(other, sizeof(other), "%s/file", directory);
	close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	settings.path = other;
	assert_int_equal(server_open(&settings, &second, why, sizeof(why)), -EEXIST);
	assert_non_null(strstr(why, other));
	assert_int_equal(unlink(other), 0); /* it is still there */
	memset(name + 1, 'x', sizeof(name) - 2);
	settings.path = name;
	assert_int_equal(server_open(&settings, &second, why, sizeof(why)),
			 -ENAMETOOLONG);
}

/* What a daemon that was killed has left is no hindrance, and nobody else gets in. */
static void left_socket(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	assert_int_equal(set_up(state), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(greeted());
	assert_int_equal(tear_down(state), 0);
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

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(greeting),         WITH_SERVER(snapshot_and_delta),
		WITH_SERVER(process),          WITH_SERVER(process_that_is_not_known),
		WITH_SERVER(subscription),     WITH_SERVER(bad_requests),
		WITH_SERVER(line_too_long),    WITH_SERVER(pieces),
		WITH_SERVER(no_place),         WITH_SERVER(can_not_be_opened),
		cmocka_unit_test(left_socket),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
