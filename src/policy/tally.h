/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a summary tells of the processes in it: the first few by name, and the refused
 * calls of all, exactly. Pure but for its own memory.
 */
#ifndef FDWARDEN_TALLY_H
#define FDWARDEN_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_MEMBERS     50 /* named; the others are in the sums */
#define TALLY_CALLS       64 /* told apart; those beyond are FDW_CALL_ELSE */
/* Kept of a member's command line, in bytes. */
#define TALLY_COMMAND_MAX 256

struct tally_call {
	uint32_t call; /* as on the wire */
	int error;
	uint64_t count;
};

/* What is known of one process. Strings and the list are borrowed. */
struct tally_figures {
	int32_t pid;
	const char *command_line; /* NULL: not known */
	bool table_known;         /* the next two are */
	uint64_t used, soft_limit;
	const struct tally_call *calls; /* refused in its incident */
	size_t calls_len;
};

struct tally_member {
	int32_t pid;
	char *command_line; /* NULL: not known; owned */
	bool table_known;
	uint64_t used, soft_limit;
	uint64_t refused;
	/* It has alerts of its own as well, which account for its refusals: the sums
	 * do not. */
	bool alone;
};

/* Zeroed is empty. */
struct tally {
	struct tally_member members[TALLY_MEMBERS];
	size_t members_len;
	struct tally_call calls[TALLY_CALLS];
	size_t calls_len;
	uint64_t processes; /* that were added, named or not */
	uint64_t alone;     /* of them */
};

/* Adds one process. */
void tally_add(struct tally *tally, const struct tally_figures *figures, bool alone);

/* Adds what `from` has, which stays as it is. */
void tally_merge(struct tally *tally, const struct tally *from);

/* Frees what it holds, and zeroes it. */
void tally_clear(struct tally *tally);

#endif
