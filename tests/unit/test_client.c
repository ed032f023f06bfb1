/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/client.h"
#include "client/denial.h"
#include "client/member.h"

#define GREETING                                                                       \
	"{\"fdwarden\":{\"protocol\":1,\"version\":\"0.1.0\",\"pid\":123},"            \
	"\"host\":{\"name\":\"web-3\",\"boot\":{\"id\":\"b\"}}}\n"

static char directory[] = "/tmp/fdwarden-client-XXXXXX", path[64];

/* A daemon that says what it is told to, in pieces of `piece` bytes, and then reads one
 * line, answers it and closes. */
struct imitation {
	int listener;
	const char *says, *answers;
	size_t piece;
	char asked[256];
	pthread_t thread;
};

static void say(int fd, const char *text, size_t piece)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len < piece ? len : piece, MSG_NOSIGNAL);

		if (n < 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void *imitate(void *arg)
{
	struct imitation *d = arg;
	int fd = accept(d->listener, NULL, NULL);
	size_t len = 0;

	say(fd, d->says, d->piece);
	while (d->answers && len < sizeof(d->asked) - 1 &&
	       read(fd, d->asked + len, 1) == 1 && d->asked[len] != '\n')
		len++;
	d->asked[len] = 0;
	if (d->answers)
		say(fd, d->answers, d->piece);
	close(fd);
	return NULL;
}

static void begin(struct imitation *d, const char *says, const char *answers)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	*d = (struct imitation){.says = says, .answers = answers, .piece = 7};
	d->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink(path);
	assert_int_equal(
		bind(d->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(d->listener, 4), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, imitate, d), 0);
}

static void end(struct imitation *d)
{
	pthread_join(d->thread, NULL);
	close(d->listener);
}

static void greeting_is_read(void **state)
{
	struct imitation daemon;
	struct client *client;
	cJSON *line;
	char why[256];

	(void)state;
	begin(&daemon, GREETING "{\"alert\":{}}\n{\"lost\":", NULL);
	assert_int_equal(
		client_open(path, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)), 0);
	assert_int_equal(client_greeting(client)->pid, 123);
	assert_string_equal(client_greeting(client)->version, "0.1.0");
	assert_string_equal(client_greeting(client)->host_name, "web-3");
	assert_int_equal(client_read(client, -1, &line), 0);
	assert_non_null(cJSON_GetObjectItem(line, "alert"));
	cJSON_Delete(line);
	/* half a line is none */
	assert_int_equal(client_read(client, -1, &line), -ECONNRESET);
	assert_null(line);
	client_close(client);
	end(&daemon);
}

static void waiting_ends(void **state)
{
	struct imitation daemon;
	struct client *client;
	cJSON *line, *request = client_request("self");
	char why[256];

	(void)state;
	begin(&daemon, GREETING, "\n[1]\n");
	assert_int_equal(
		client_open(path, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)), 0);
	assert_int_equal(client_read(client, 0, &line), -EAGAIN);
	assert_int_equal(client_read(client, 20, &line), -EAGAIN);
	assert_int_equal(client_send(client, request), 0);
	/* what is no object */
	assert_int_equal(client_read(client, -1, &line), -EPROTO);
	assert_int_equal(client_read(client, -1, &line), -EPROTO);
	assert_int_equal(client_read(client, -1, &line), -ECONNRESET);
	client_close(client);
	end(&daemon);
	assert_string_equal(daemon.asked, "{\"request\":\"self\"}");
	cJSON_Delete(request);
}

static int ask(const char *answer, cJSON **reply, char *why, size_t size)
{
	struct imitation daemon;
	struct client *client;
	cJSON *request = client_request("process");
	int err;

	begin(&daemon, GREETING, answer);
	assert_int_equal(client_open(path, CLIENT_TIMEOUT_MS, &client, why, size), 0);
	err = client_ask(client, request, 5000, reply, why, size);
	cJSON_Delete(request);
	client_close(client);
	end(&daemon);
	return err;
}

static void answers_are_told_apart(void **state)
{
	cJSON *reply;
	char why[256];

	(void)state;
	assert_int_equal(ask("{\"alert\":{}}\n{\"lost\":3}\n{\"reply\":\"process\"}\n",
			     &reply, why, sizeof(why)),
			 0);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(reply, "reply")),
			    "process");
	cJSON_Delete(reply);
	assert_int_equal(ask("{\"error\":{\"code\":\"no-such-process\",\"message\":"
			     "\"no process 7\"}}\n",
			     &reply, why, sizeof(why)),
			 -ENOENT);
	assert_null(reply);
	assert_string_equal(why, "no process 7");
	/* an escape sequence does not reach a terminal */
	assert_int_equal(ask("{\"error\":{\"code\":\"failed\",\"message\":"
			     "\"a\\u001b[2Jb\"}}\n",
			     &reply, why, sizeof(why)),
			 -EREMOTEIO);
	assert_null(strchr(why, '\033'));
	assert_int_equal(ask("", &reply, why, sizeof(why)), -ECONNRESET);
	assert_non_null(strstr(why, "closed"));
}

static void bad_greetings_are_refused(void **state)
{
	static const struct {
		const char *says;
		int err;
		const char *why;
	} cases[] = {
		{"{\"fdwarden\":{\"protocol\":2,\"version\":\"9.0\"}}\n", -EPROTO,
		 "speaks protocol 2, this fdwarden 1: use the version of the daemon "
		 "(9.0)"},
		{"{}\n", -EPROTO, "no fdwarden daemon"},
		{"SSH-2.0-OpenSSH\r\n", -EPROTO, "no JSON object"},
		{"", -ECONNRESET, "closed the connection"},
		{"{\"error\":{\"code\":\"busy\",\"message\":\"100 clients\"}}\n",
		 -EBUSY, "100 clients"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imitation daemon;
		struct client *client;
		char why[256];

		begin(&daemon, cases[i].says, NULL);
		assert_int_equal(
			client_open(path, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)),
			cases[i].err);
		assert_null(client);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: not about %s", why, cases[i].why);
		end(&daemon);
	}
}

static void denials_say_what_to_do(void **state)
{
	struct client *client;
	char why[512], far[200];

	(void)state;
	unlink(path);
	assert_int_equal(
		client_open(path, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)),
		-ENOENT);
	assert_non_null(strstr(why, "no daemon is running"));
	/* of a daemon that has died, the file is still there */
	{
		struct imitation daemon;

		begin(&daemon, "", NULL);
		shutdown(daemon.listener, SHUT_RDWR);
		end(&daemon);
	}
	assert_int_equal(
		client_open(path, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)),
		-ECONNREFUSED);
	assert_non_null(strstr(why, "systemctl start fdwarden"));
	assert_int_equal(chmod(path, 0600), 0);
	denial_explain(path, -EACCES, why, sizeof(why));
	assert_non_null(strstr(why, "or give [socket] group "));
	assert_null(strstr(why, "usermod"));
	assert_int_equal(chmod(path, 0660), 0);
	denial_explain(path, -EACCES, why, sizeof(why));
	assert_non_null(strstr(why, "run it with sudo"));
	/* root's own group is none to be added to, nor is one that does not exist */
	if (!getgrnam(CLIENT_SOCKET_GROUP) && !getegid())
		assert_null(strstr(why, "usermod"));
	if (!geteuid()) {
		assert_int_equal(chown(path, (uid_t)-1, 4242), 0);
		denial_explain(path, -EACCES, why, sizeof(why));
		assert_non_null(strstr(why, "('sudo usermod -aG 4242 "));
		assert_non_null(strstr(why, "log in anew"));
	}
	memset(far, 'a', sizeof(far) - 1);
	far[0] = '/';
	far[sizeof(far) - 1] = 0;
	assert_int_equal(client_open(far, CLIENT_TIMEOUT_MS, &client, why, sizeof(why)),
			 -ENAMETOOLONG);
}

static void members_are_found(void **state)
{
	static const struct {
		const char *line, *name, *value;
	} cases[] = {
		{"{\"a\":1}", "a", "1"},
		{" { \"a\" : 9223372036854775807 , \"b\":2}", "a",
		 "9223372036854775807 "},
		{"{\"b\":{\"a\":1,\"c\":[{}]},\"a\":[1,{\"x\":\"]}\"}]}", "a",
		 "[1,{\"x\":\"]}\"}]"},
		{"{\"s\":\"\\\"a\\\":3,\",\"a\":\"\\\\\"}", "a", "\"\\\\\""},
		{"{\"ab\":1}", "a", NULL},
		{"{}", "a", NULL},
		{"", "a", NULL},
		{"[\"a\",1]", "a", NULL},
		{"{\"a\":1", "a", NULL},
		{"{\"a\"", "a", NULL},
		{"{\"a\":\"\\", "a", NULL},
		{"{,", "a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = 0;
		const char *value = member_find(cases[i].line, strlen(cases[i].line),
						cases[i].name, &len);

		if (!cases[i].value) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		assert_int_equal(len, strlen(cases[i].value));
		assert_memory_equal(value, cases[i].value, len);
	}
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greeting_is_read),
		cmocka_unit_test(waiting_ends),
		cmocka_unit_test(answers_are_told_apart),
		cmocka_unit_test(bad_greetings_are_refused),
		cmocka_unit_test(denials_say_what_to_do),
		cmocka_unit_test(members_are_found),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
