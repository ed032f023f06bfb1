/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the explainer's threads and its queue share. */
#ifndef FDWARDEN_EXPLAINER_IMPL_H
#define FDWARDEN_EXPLAINER_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/explainer.h"
#include "daemon/origin_cache.h"
#include "policy/user_budget.h"

/* Of the caller and of the thread that works on it: the last one frees. */
struct explainer_job {
	struct explainer_job *next; /* in the queue, or among those that ended */
	enum explainer_purpose purpose;
	uint64_t number;
	char incident[37];
	struct explain_question question; /* the thread's, once it has taken the job */
	/* The rest is under the lock. */
	int holders;
	enum explainer_stage stage;
	bool ended;              /* is among the ended, or has been given away */
	struct explanation why;  /* the caller's, from the stage on that it has seen */
	struct explanation rest; /* origin and advice, before the caller takes them */
};

/* What the kernel tells must not wait for those who read files. */
enum slot { FOR_KERNEL, FOR_FILES, FOR_FILES_TOO, SLOTS };

struct worker {
	struct explainer *explainer;
	enum slot slot;
	pthread_t thread;
	struct explainer_job *job; /* NULL: idle */
	uint64_t files_since_ns;   /* over files since then; 0: not */
	bool given_up;
};

/* Of the owner and of each thread: the last one frees. */
struct explainer {
	struct census *census; /* used in the first step alone, by one thread */
	char why_none[EXPLANATION_WHY_MAX];
	int event_fd;
	uint64_t patience_ns;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t asked, answered;
	int holders;
	bool leave;
	struct worker *workers[SLOTS]; /* NULL: none */
	unsigned stuck; /* threads that were given up, and have not come back */
	struct explainer_job *queue, *files; /* for the first step, for the second */
	struct explainer_job *ended, **ended_end;
	size_t waiting, files_waiting;
	struct user_budget budget;
	uid_t slow_user; /* whose time is used up, and is to be told */
	pid_t slow_pid;  /* 0: nobody's */
	struct origin_cache *origins;
	struct explainer_stats stats;
};

/* CLOCK_MONOTONIC. */
uint64_t explainer_now_ns(void);

/* ---- all that follows: under the lock ---- */

/* With all that it holds; the other one if no one else holds it. */
void explainer_job_free(struct explainer_job *job);
void explainer_job_release(struct explainer_job *job);

/* Into a list (queue, files) of `len`, in front of what is ahead of its time. */
void explainer_queue_put(struct explainer_job **list, struct explainer_job *job,
			 size_t *len);

/* What a thread of this slot is to do next, out of its list; NULL: nothing. */
struct explainer_job *explainer_queue_take(struct explainer *e, enum slot slot);
struct explainer_job *explainer_queue_take_ended(struct explainer *e);

/* Out of the list that it is in. false: it is in none. */
bool explainer_queue_unlink(struct explainer_job **list,
			    const struct explainer_job *job);

/* Whether its files are not to be read, and a line that says why. */
bool explainer_queue_refuses(struct explainer *e, const struct explainer_job *job,
			     char *text, size_t size);

#endif
