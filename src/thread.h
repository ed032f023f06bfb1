/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that do what may wait, for a caller that must not.
 */
#ifndef FDWARDEN_THREAD_H
#define FDWARDEN_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The largest buffers of what runs in them are some 30 KB. */
#define THREAD_STACK_SIZE (256ul * 1024)

/* Starts one that takes no signal: those are the main thread's. `name` is cut to 15
 * bytes. Returns 0, or a negative errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

/* The same of one that neither sees what is other users' nor starts what does: it gives up
 * the monitor's capabilities first (guard/capabilities.h). */
int thread_start_plain(pthread_t *thread, const char *name, void *(*run)(void *),
		       void *arg);

/* A condition whose deadlines are of CLOCK_MONOTONIC, and such a deadline. */
void thread_cond_init(pthread_cond_t *cond);
struct timespec thread_deadline(uint64_t ns_from_now);

#endif
