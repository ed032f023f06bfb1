/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs that see where one process opens its descriptors, and the memory that they
 * write to; what is read in it may change at any moment (wire.h says how that is seen).
 */
#ifndef FDWARDEN_OPENINGS_H
#define FDWARDEN_OPENINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/hooks.h"
#include "fdwarden/wire.h"

struct stacks_bpf;

/* Where the programs run, the cheapest for other processes first. */
enum openings_way {
	WAY_SENSOR,    /* it runs those for where it is itself */
	WAY_FUNCTIONS, /* on those that put files into a table */
	WAY_EXITS,     /* at those of all calls */
};

struct openings {
	/* The sizes are set by the caller. */
	uint32_t opens_len;  /* numbers, a multiple of FDW_OPENS_PER_DIRTY */
	uint32_t dirty_len;  /* opens_len / FDW_OPENS_PER_DIRTY */
	uint32_t stacks_len; /* a power of two */
	size_t stack_size;   /* bytes, struct fdw_stack included */
	struct fdw_open *opens;
	uint64_t *dirty;
	uint8_t *stacks;

	/* openings.c's own */
	struct stacks_bpf *bpf;
	enum openings_way way;
	struct hooks *hooks; /* NULL: attached by itself */
	int hook;
	uint64_t missed_before; /* runs that were left out before the trace */
};

struct openings_wanted {
	pid_t tgid;           /* as in the initial pid namespace */
	uint32_t stack_bytes; /* of a stack */
	struct hooks *hooks;  /* of a sensor that outlives this; NULL: there is none */
};

/*
 * Loads the programs and has the sensor run them, if it can; else they sit on the functions
 * that put files into a table, if they prove on calls of our own to see openings there; else
 * at the exits of all calls. Needs CAP_BPF and CAP_PERFMON. Returns 0, or -errno with the
 * reason in one line, and nothing is left.
 */
int openings_open(const struct openings_wanted *wanted, struct openings *openings,
		  char *why, size_t why_size);
void openings_close(struct openings *openings); /* also one that is all zeros */

/* "sensor", "functions", "exits". On functions each opening by a call of the process is seen, and
 * by the fexit sensor each whose number is taken from now on: not one that waits in accept()
 * already. Else those that return the number, or write it to memory. Static. */
const char *openings_way(const struct openings *openings);

struct openings_losses {
	uint64_t
		no_stack; /* openings whose stack found no room, or could not be read */
	uint64_t too_high; /* openings of numbers that memory does not reach to */
	uint64_t
		missed; /* runs of a program that the kernel left out, for any process: it
			    was running on that CPU (counted since 5.12); of the sensor's,
			    if that runs it */
};
void openings_losses(const struct openings *openings, struct openings_losses *out);

/* Where the process's Python frames are, to be kept with each stack from now on; all zeros:
 * there are none. At any time. */
void openings_python(const struct openings *openings,
		     const struct fdw_python_layout *layout);

/* Whether files come later than their numbers: FDW_FILE_LATER. */
bool openings_later(const struct openings *openings);

/* For those numbers of a block of FDW_OPENS_PER_DIRTY: what is there now, a file's address
 * or FDW_FOUND_*; of others nothing. Until the next call. NULL: it can't be looked. */
const uint64_t *openings_look(const struct openings *openings, uint32_t block);

/* Of the program that opened one last; another one after each execve(). 0: none yet. */
uint64_t openings_exec_id(const struct openings *openings);

#endif
