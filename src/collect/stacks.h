/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where one process opens its descriptors: the kernel keeps registers and the top of the
 * stack of each opening, and this hands those over that last, once each. What is made of
 * a stack is kept by the number of the descriptor.
 */
#ifndef FDWARDEN_STACKS_H
#define FDWARDEN_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/openings.h"
#include "fdwarden/wire.h"

struct stacks;

/* Of the stacks of Go's net/http and of Node, 4 KiB are not enough. */
#define STACKS_BYTES_DEFAULT 8192

struct stacks_options {
	pid_t tgid;           /* as in the initial pid namespace */
	uint32_t stack_bytes; /* FDW_STACK_MIN … FDW_STACK_MAX, a multiple of 8 */
	uint64_t
		memory; /* bytes, for all of it, in the kernel and here; at least 4 MiB */
	uint64_t numbers; /* the process will have none above: its hard limit */
	/* Of a sensor that runs, and does so until stacks_close(). NULL: there is none. */
	struct hooks *hooks;
};

/* Begins to watch one process: see openings_open(), which it returns. */
int stacks_open(const struct stacks_options *options, struct stacks **out, char *why,
		size_t why_size);
void stacks_close(struct stacks *stacks); /* NULL is fine */

const char *stacks_way(const struct stacks *stacks); /* see openings_way() */

/* What becomes of an opening, by its stack: a number of the caller's own from 1 on, or one
 * of these. */
#define STACKS_LOST 0u           /* no stack was kept: nothing will be known */
#define STACKS_WAIT (UINT32_MAX) /* ask again in the next turn */

/* `stack` is being written to by the kernel: stacks_still() says whether it was whole after
 * all has been read that matters. */
typedef uint32_t stacks_visit(void *context, const struct fdw_stack *stack);
bool stacks_still(const struct fdw_stack *stack, uint64_t opened_ns);

/* Visits the openings that are `min_age_ns` old, not seen to be closed, and not visited
 * before. Returns their number. */
size_t stacks_sweep(struct stacks *stacks, uint64_t min_age_ns, stacks_visit *visit,
		    void *context);

/* To be called before a census; stacks_find() is about that one then. */
void stacks_begin(struct stacks *stacks);

enum stacks_found {
	STACKS_UNSEEN,   /* no opening was seen that this descriptor is of */
	STACKS_NO_STACK, /* … but its stack was not kept */
	STACKS_WAITING,  /* … and its stack has not been visited, or has it to wait */
	STACKS_KNOWN,
};

/* What is known of the descriptor that the census found at `fd`, with this address of its
 * struct file. Visits its stack if that has not been done. */
struct stacks_opening {
	uint64_t opened_ns; /* CLOCK_BOOTTIME */
	uint32_t call;
	uint32_t value; /* of stacks_visit: _KNOWN */
};
enum stacks_found stacks_find(struct stacks *stacks, uint32_t fd, uint64_t file,
			      stacks_visit *visit, void *context,
			      struct stacks_opening *out);

/* Whether neither an opening nor a closing of this number was seen since stacks_open(). */
bool stacks_untouched(const struct stacks *stacks, uint32_t fd);

/* Without a census, as the process is gone: visits all openings that were not seen to be
 * closed. `known` is as stacks_find() returns it. */
typedef void stacks_left(void *context, enum stacks_found known,
			 const struct stacks_opening *opening);
void stacks_each_left(struct stacks *stacks, stacks_visit *visit, stacks_left *left,
		      void *context);

/* See openings_python(). */
void stacks_python(const struct stacks *stacks, const struct fdw_python_layout *layout);

void stacks_losses(const struct stacks *stacks, struct openings_losses *out);

/* What it takes: bytes of the maps and of what is kept here, at the most. */
uint64_t stacks_memory(const struct stacks *stacks);

/* Of the program that opened one last; another one after each execve(). 0: none yet. */
uint64_t stacks_exec_id(const struct stacks *stacks);

#endif
