/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which line to change: from where a limit was set, what is wrong, and how fast the
 * process grows, the changes to make, in the order of their worth. Pure, but for memory.
 */
#ifndef FDWARDEN_ADVICE_H
#define FDWARDEN_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diagnosis.h"
#include "state/command.h"
#include "state/origin.h"

/* The names are in advice_action_name(). */
enum advice_action {
	ADVICE_FIX_LEAK,    /* the program must close them: raising only puts it off */
	ADVICE_DROP_IN,     /* LimitNOFILE= in a drop-in of the unit */
	ADVICE_MANAGER,     /* DefaultLimitNOFILE= */
	ADVICE_LIMITS_CONF, /* a line of limits.conf */
	ADVICE_CONTAINER,   /* the runtime's flag or file */
	ADVICE_PROGRAM,     /* its own setting (it sets the limit itself) */
	ADVICE_PARENT,      /* ulimit in the shell or script that starts it */
	ADVICE_PRLIMIT,     /* right now, until it is restarted */
	ADVICE_SYSCTL,      /* fs.nr_open or fs.file-max would stop it */
	ADVICE_ACTIONS
};

struct advice_question {
	const struct identity *who;
	const struct origin *origin;
	const struct diagnosis *diagnoses;
	size_t diagnoses_len;
	/* It is suspected by the floor of its count, whatever the diagnoses say. */
	bool leak_suspected;
	uint64_t used, soft_limit, hard_limit;
	uint64_t peak; /* most that were seen in use; less than `used`: not known */
	double seen_s; /* for how long it was watched; 0: one look */
	bool selects;  /* it was seen to call select(2) */
	/* It runs, may be traced, and which code opened what leaks is not known. */
	bool sites_wanted;
	/* Whoever asks is root without CAP_SYS_RESOURCE: no hard limit can be raised. */
	bool root_lacks_resource;
	bool growth_known;
	double growth_per_s;
	uint64_t nr_open;          /* fs.nr_open; 0: unknown */
	uint64_t files, files_max; /* fs.file-nr, fs.file-max; 0: unknown */
};

#define ADVICE_MAX      6
#define ADVICE_COMMANDS 6

struct advice {
	enum advice_action action;
	uint64_t value; /* limit that is proposed; 0: none */
	bool bandage;   /* it puts off what is a leak */
	char *text;     /* a plain sentence. Owned, hostile bytes as they are */
	char *file;     /* file to change or create; NULL. Owned */
	char *content;  /* line or lines to put there; NULL. Owned */
	struct command
		commands[ADVICE_COMMANDS]; /* to be typed, in this order. Owned */
	size_t commands_len;
	bool untypable; /* a command could not be made: there are none */
	/* The container in which its file and units are, and its commands end; NULL: they
	 * are the host's. Owned; the runtime as in struct identity. */
	char *container;
	const char *container_runtime;
	struct command enter; /* a shell there; of no length: none is proposed. Owned */
};

/* Returns how many, 0..ADVICE_MAX, or -ENOMEM; to be cleared with advice_clear(). */
int advice_make(const struct advice_question *question, struct advice out[ADVICE_MAX]);
void advice_clear(struct advice *advice, size_t len);

/* "fix-leak", "systemd-drop-in", "systemd-default", "limits-conf", "container",
 * "program", "parent", "prlimit", "sysctl". Static. */
const char *advice_action_name(enum advice_action action);

#endif
