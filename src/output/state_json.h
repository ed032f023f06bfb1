/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file's text: what stands, and the daemon's own figures, as JSON.
 * Whole numbers that must be exact are strings of digits in it; what is 0 is left
 * out.
 */
#ifndef FDWARDEN_STATE_JSON_H
#define FDWARDEN_STATE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "output/self.h"
#include "state/standing.h"

/* Longer ones are neither written nor read. */
#define STATE_JSON_MAX (16u << 20)

struct state_document {
	char boot_id[37];
	uint64_t start_ticks; /* of the daemon, self.pid: identity_start_ticks() */
	struct self_figures self;
	struct standing standing;
};

/* The text, one line with its newline, to be freed; NULL: no memory. Where it would
 * be longer than STATE_JSON_MAX, it is without what the processes are called. */
char *state_json_encode(const struct state_document *document, size_t *len);

/*
 * Reads a text, which may be anything. Returns 0, or -errno with `why` (static) and
 * an empty document: -EINVAL for what is damaged, -ESTALE for another boot or
 * another version. Free it with state_json_clear().
 */
int state_json_decode(const char *text, size_t len, const char *boot_id,
		      struct state_document *out, const char **why);

void state_json_clear(struct state_document *document);

#endif
