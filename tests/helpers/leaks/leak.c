// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaks at one line while others open and close correctly:
 *	leak COUNT [PER_SECOND [OTHERS]]
 * Says "ready", waits for a line, leaks COUNT (0: without end), says "done" and waits again.
 * The OTHERS are threads, 2 if not said. Built -O2 without frame pointers; see the Makefile
 * for static and stripped ones.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile int sink;

__attribute__((noinline)) static int leak_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC); /* LEAK */

	return fd + sink;
}

__attribute__((noinline)) static int handle_request(int number)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", number % 2 ? "null" : "zero");
	return leak_file(path) + sink;
}

__attribute__((noinline)) static void use_file(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sink += 0;
	close(fd);
}

__attribute__((noinline)) static void use_socket(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return;
	close(pair[0]);
	close(pair[1]);
}

static void *churn(void *arg)
{
	(void)arg;
	for (;;) {
		use_file();
		use_socket();
		usleep(300);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
	long per_second = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
	long others = argc > 3 ? strtol(argv[3], NULL, 10) : 2;
	pthread_t thread;
	char line[16];

	for (long i = 0; i < others; i++)
		if (pthread_create(&thread, NULL, churn, NULL))
			return 1;
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	for (long i = 0; !count || i < count; i++) {
		handle_request((int)i);
		if (per_second)
			usleep((useconds_t)(1000000 / per_second));
	}
	printf("done\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	return 0;
}
