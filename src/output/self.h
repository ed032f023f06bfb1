/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor says of itself: how it sees, and what it lost. The member `self`
 * of the state file and of `ps --json`.
 */
#ifndef FDWARDEN_SELF_H
#define FDWARDEN_SELF_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define SELF_TEXT_LEN 32

struct self_figures {
	int pid; /* of the daemon; 0: these are of one snapshot, all others absent but
		    snapshot, snapshot_ns and torn */
	char sensor[SELF_TEXT_LEN], counters[SELF_TEXT_LEN], snapshot[SELF_TEXT_LEN];
	char started_at[SELF_TEXT_LEN];  /* when the daemon began; empty: not known */
	char snapshot_at[SELF_TEXT_LEN]; /* when the last one began; empty: never */
	uint64_t snapshot_ns;            /* how long it took */
	uint64_t processes, descriptors; /* in it */
	/* since the daemon started */
	uint64_t torn;  /* counts that may be off by a bit */
	uint64_t drift; /* processes that only a snapshot found near
					their limit */
	uint64_t snapshots_failed;
	uint64_t dropped;            /* records: no room for them */
	uint64_t refusals_uncounted; /* their map was full */
	uint64_t calls_uncounted;    /* no state for the process */
	uint64_t unreadable;         /* kernel memory that could not be read */
	uint64_t malformed;          /* records that failed the check */
	uint64_t late;               /* records of processes whose end had been told */
	uint64_t missed;             /* runs of the sensor's programs that the kernel
					left out */
	uint64_t explained;          /* alerts, in themselves or afterwards */
	uint64_t unexplained;        /* … for which there was no room */
	uint64_t alerts_lost;        /* on their way out */
	uint64_t state_failures;     /* the state file could not be written */
};

/* The figures that count what went wrong, by name: 0 is well. */
struct self_loss {
	const char *name;
	uint64_t value;
};
#define SELF_LOSSES 13
void self_losses(const struct self_figures *self, struct self_loss out[SELF_LOSSES]);

/* Adds the member "self" to `parent`. 0 or -ENOMEM. */
int self_add(cJSON *parent, const struct self_figures *self);

/* Reads it from an object made by self_add(). 0, or -EINVAL: it is not one. */
int self_read(const cJSON *object, struct self_figures *out);

#endif
