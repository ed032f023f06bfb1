// SPDX-License-Identifier: GPL-2.0-or-later
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/capabilities.h"

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	char cut[16];
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
	/* A SIGPIPE that stays blocked is nothing but an EPIPE. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
	snprintf(cut, sizeof(cut), "%s", name);
	pthread_setname_np(*thread, cut);
	return 0;
}

struct plain {
	void *(*run)(void *);
	void *arg;
};

static void *thread_run_plain(void *arg)
{
	struct plain plain = *(struct plain *)arg;

	free(arg);
	capabilities_give_up();
	return plain.run(plain.arg);
}

int thread_start_plain(pthread_t *thread, const char *name, void *(*run)(void *),
		       void *arg)
{
	struct plain *plain = malloc(sizeof(*plain));
	int err;

	if (!plain)
		return -ENOMEM;
	*plain = (struct plain){run, arg};
	err = thread_start(thread, name, thread_run_plain, plain);
	if (err)
		free(plain);
	return err;
}

void thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec thread_deadline(uint64_t ns_from_now)
{
	struct timespec until;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = (uint64_t)until.tv_nsec + ns_from_now % 1000000000u;
	until.tv_sec += (time_t)(ns_from_now / 1000000000u + ns / 1000000000u);
	until.tv_nsec = (long)(ns % 1000000000u);
	return until;
}
