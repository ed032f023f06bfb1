/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /metrics as a scraper does it. The monitor is a thread of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/exporter.h"

#include "imitated_feed.h"

static struct exporter *exporter;
static struct sockaddr_in at;
static pthread_t monitor;
static atomic_bool monitor_ends;

static void *run_monitor(void *unused)
{
	uint64_t tick = 1;

	(void)unused;
	while (!atomic_load(&monitor_ends)) {
		struct pollfd wanted = {.fd = exporter_fd(exporter), .events = POLLIN};
		struct feed *feed;

		(void)poll(&wanted, 1, 10);
		feed = exporter_want(exporter, ++tick);
		if (!feed)
			continue;
		feed_fill(feed, tick, 5, 40);
		exporter_feed(exporter);
	}
	return NULL;
}

/* "127.0.0.1:PORT" of a port that is free now. */
static void free_address(char *out, size_t size)
{
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at = (struct sockaddr_in){.sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	snprintf(out, size, "127.0.0.1:%u", ntohs(at.sin_port));
}

static int set_up(void **state)
{
	char address[64], why[256] = "";

	(void)state;
	atomic_store(&monitor_ends, false);
	/* Another program may have taken the port meanwhile. */
	for (int tries = 0; tries < 5; tries++) {
		free_address(address, sizeof(address));
		if (!exporter_open(address, NULL, false, &exporter, why, sizeof(why)))
			return pthread_create(&monitor, NULL, run_monitor, NULL);
	}
	print_error("%s\n", why);
	return -1;
}

static int tear_down(void **state)
{
	(void)state;
	atomic_store(&monitor_ends, true);
	pthread_join(monitor, NULL);
	exporter_close(exporter);
	return 0;
}

static int come(void)
{
	struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The whole answer to a request that asks for the connection to end. */
static const char *ask(const char *method, const char *url)
{
	static char text[1 << 18];
	char request[256];
	size_t len = 0;
	int fd = come();
	ssize_t n;

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, url);
	say(fd, request);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return text;
}

static void has(const char *text, const char *what)
{
	if (!text || !strstr(text, what))
		fail_msg("no %s in %s", what, text ? text : "nothing");
}

static void metrics(void **state)
{
	const char *text = ask("GET", "/metrics");

	(void)state;
	has(text, "HTTP/1.1 200 OK\r\n");
	has(text, "Content-Type: text/plain; version=0.0.4");
	has(text, "\nfdwarden_");
}

static void head_has_no_body(void **state)
{
	const char *text = ask("HEAD", "/metrics");

	(void)state;
	has(text, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void what_is_not_there(void **state)
{
	const char *text = ask("GET", "/metric");

	(void)state;
	has(text, "HTTP/1.1 404 ");
	has(text, "Metrics are at /metrics.");
}

static void what_is_not_served(void **state)
{
	const char *text = ask("POST", "/metrics");

	(void)state;
	has(text, "HTTP/1.1 405 ");
	has(text, "Allow: GET, HEAD\r\n");
}

/* Whoever connects and says nothing holds up nobody: of more than 64 the oldest goes. */
static void silent_ones_give_way(void **state)
{
	int fds[70], gone = 0;

	(void)state;
	for (int i = 0; i < 70; i++) {
		fds[i] = come();
		say(fds[i], "GET /metr"); /* and no more */
	}
	has(ask("GET", "/metrics"), "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 70; i++) {
		char byte;

		/* Hung up: the end is there to be read, or a reset. */
		gone += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 0 ||
			errno == ECONNRESET;
		errno = 0;
		close(fds[i]);
	}
	assert_true(gone >= 6 && gone <= 10);
}

static void bad_address(void **state)
{
	struct exporter *none = NULL;
	char why[256], address[64];

	(void)state;
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(at.sin_port));
	assert_int_equal(exporter_open(address, NULL, false, &none, why, sizeof(why)),
			 -EADDRINUSE);
	has(why, address);
	assert_int_equal(exporter_open("9090", NULL, false, &none, why, sizeof(why)),
			 -EINVAL);
	has(why, "not ADDRESS:PORT");
	assert_int_equal(
		exporter_open("192.0.2.1:9", NULL, false, &none, why, sizeof(why)),
		-EADDRNOTAVAIL);
	assert_null(none);
}

/* A unix socket is its user's alone, and goes with the exporter. */
static void unix_socket(void **state)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	char directory[] = "/tmp/fdwarden-exporter-XXXXXX", why[256], text[4096];
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	struct exporter *own, *second = NULL;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(place.sun_path, sizeof(place.sun_path), "%s/sock", directory);
	assert_int_equal(
		exporter_open(place.sun_path, NULL, false, &own, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	assert_int_equal(
		exporter_open(place.sun_path, NULL, false, &second, why, sizeof(why)),
		-EADDRINUSE);
	assert_int_equal(stat(place.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(connect(fd, (struct sockaddr *)&place, sizeof(place)), 0);
	say(fd, request);
	assert_true(recv(fd, text, sizeof(text), MSG_WAITALL) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK", 15), 0);
	close(fd);
	exporter_close(own);
	assert_int_equal(stat(place.sun_path, &st), -1);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(what_is_not_served),
		cmocka_unit_test(silent_ones_give_way),
		cmocka_unit_test(bad_address),
		cmocka_unit_test(unix_socket),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
