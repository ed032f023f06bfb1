/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds out what explains a process's trouble, in threads of its own: one for what the
 * kernel alone tells, which never waits; two for what a limit comes from, which is to read
 * files. Those are read in a process that is ended when it is over its time, and each user
 * has a budget of that time. For one calling thread, which is never held up for longer than
 * it asks to be.
 */
#ifndef FDWARDEN_EXPLAINER_H
#define FDWARDEN_EXPLAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/explain.h"

/* Questions that wait, at the most; beyond them they are dropped. */
#define EXPLAINER_QUEUE_MAX   32
/* Of one user's, that wait for files. */
#define EXPLAINER_USER_MAX    8
/* With so many threads that are stuck in a file no other one is started. */
#define EXPLAINER_STUCK_MAX   4
#define EXPLAINER_PATIENCE_NS 5000000000ull

enum explainer_stage {
	EXPLAINER_WAITS,
	EXPLAINER_HAS_DESCRIPTORS, /* inventory and diagnosis; or why not */
	EXPLAINER_HAS_ALL,         /* … origin and advice, as far as can be known */
};

/* What an answer is for. */
enum explainer_purpose {
	EXPLAINER_ALERT,
	EXPLAINER_REMEDY,  /* no origin is wanted */
	EXPLAINER_KINDS,   /* nor here: for what grows */
	EXPLAINER_HOLDERS, /* of what another limit counts; no descriptors */
	EXPLAINER_AHEAD,   /* the origin alone, kept for later; there is no answer */
};

struct explainer_job;
struct explainer;

struct explainer_stats {
	uint64_t asked, dropped; /* dropped: the queue was full */
	uint64_t worked;         /* to the end */
	uint64_t unread; /* whose files were not read, for want of room or time */
	uint64_t late;   /* threads that were given up */
};

/* With its own census; without it (`why`: the reason) what the descriptors are is never
 * known. A thread that is over files for longer than `patience_ns` is taken for stuck.
 * NULL: no memory. free accepts NULL, and does not wait for what is stuck. */
struct explainer *explainer_new(struct census *census, const char *why,
				uint64_t patience_ns);
void explainer_free(struct explainer *explainer);

/*
 * Asks; the question is moved, also on failure. Returns the job, or NULL: too many wait, or
 * no memory or thread. Whoever has it ends it with explainer_done(). An EXPLAINER_AHEAD
 * question has none, and returns NULL.
 */
struct explainer_job *explainer_ask(struct explainer *explainer,
				    enum explainer_purpose purpose,
				    const char incident[37],
				    struct explain_question *question);

/* Waits until the job is at `stage`, for at most wait_ns. Returns where it is. */
enum explainer_stage explainer_wait(struct explainer *explainer,
				    struct explainer_job *job,
				    enum explainer_stage stage, uint64_t wait_ns);

/* What is known by now; grows with each wait. Valid until explainer_done(). */
const struct explanation *explainer_why(const struct explainer_job *job);
const struct explain_question *explainer_question(const struct explainer_job *job);
const char *explainer_incident(const struct explainer_job *job);
uint64_t explainer_number(const struct explainer_job *job); /* counted up from 1 */
enum explainer_purpose explainer_purpose_of(const struct explainer_job *job);

void explainer_done(struct explainer *explainer, struct explainer_job *job);

/* Readable when a job has come to its end that explainer_done() was not called for; it is
 * then given by explainer_next(), once. NULL: none. */
int explainer_fd(const struct explainer *explainer);
struct explainer_job *explainer_next(struct explainer *explainer);

/* About once a second: gives up a thread that is stuck, so that others are answered. */
void explainer_tick(struct explainer *explainer);

void explainer_stats(struct explainer *explainer, struct explainer_stats *out);

/* Whose files have used up the user's time since it was asked last, in a line for the log.
 * false: nobody's. */
bool explainer_report(struct explainer *explainer, char *line, size_t size);

#endif
