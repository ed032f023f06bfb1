/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The histories of floors as one file: compact, checked, for one boot. Those in which
 * nothing ever happened are left out, and so most are.
 */
#ifndef FDWARDEN_HISTORY_H
#define FDWARDEN_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "state/process_table.h"

/* Longer ones are neither written nor read: some 40,000 processes. */
#define HISTORY_MAX (16u << 20)

/* To be freed; NULL: no memory, or there are too many. */
char *history_encode(struct process_table *processes, const char *boot_id, size_t *len);

/* Writes the checksum of what is there, at least a header. */
void history_seal(char *data, size_t len);

/*
 * Puts them into a table before its first snapshot, as processes that were never seen;
 * what is then not in the snapshot has exited. The bytes may be anything. Returns the
 * number of processes, or -errno with `why` (static), and then nothing was put in:
 * -EINVAL for what is damaged, -ESTALE for another boot or another version.
 */
int history_decode(const char *data, size_t len, const char *boot_id,
		   struct process_table *processes, const char **why);

#endif
