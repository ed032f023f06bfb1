/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes state files for a caller that a disk must not hold up: a thread writes, and
 * the newest text that it has not begun with replaces the one before. For one calling
 * thread.
 */
#ifndef FDWARDEN_STATE_WRITER_H
#define FDWARDEN_STATE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/state_file.h"

enum state_writer_kind { STATE_WRITER_STATE, STATE_WRITER_HISTORY, STATE_WRITER_KINDS };

struct state_writer;

/* Takes the files over, each of which may be NULL. 0 or -errno: then they stay the
 * caller's. */
int state_writer_new(struct state_file *files[STATE_WRITER_KINDS],
		     struct state_writer **out);

/* Takes the text over, which is of at most `max` bytes or else counts as failed. */
void state_writer_put(struct state_writer *writer, enum state_writer_kind kind,
		      char *text, size_t len, size_t max);

/* Whether all that was put has been written, or tried. */
bool state_writer_idle(struct state_writer *writer, enum state_writer_kind kind);

/* How the last write that ended went: 0 or -errno, and how long it took, in ns. False:
 * none has ended since this was asked. */
bool state_writer_result(struct state_writer *writer, enum state_writer_kind kind,
			 int *err, uint64_t *took_ns);

/* Lets it write what it has, for so long. True: it has. Else its thread is left to
 * itself, with the files. */
bool state_writer_close(struct state_writer *writer, uint64_t wait_ns);

#endif
