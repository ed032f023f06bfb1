/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file on disk: read whole or not at all, replaced whole or not at all,
 * and kept by one daemon only.
 */
#ifndef FDWARDEN_STATE_FILE_H
#define FDWARDEN_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "output/state_json.h"

/*
 * Reads what the last daemon wrote. Returns 0, or -errno with the reason in `why`
 * (static): -ENOENT, there is none; -EINVAL, -ESTALE, not to be used. Free the
 * document with state_json_clear().
 */
int state_file_load(const char *path, struct state_document *out, const char **why);

/* Whether the daemon that wrote it runs. */
bool state_file_is_live(const struct state_document *document);

/* Any file of that kind: as much as `max` bytes, to be freed. 0 or -errno. */
int state_file_read(const char *path, size_t max, char **text, size_t *len);

struct state_file;

/*
 * For the daemon, which holds a lock beside it from here on (NAME.lock): two would
 * overwrite each other's. 0, or -errno: it can't be kept there; -EWOULDBLOCK: another
 * daemon does, `owner`, or 0 if that is not known.
 */
int state_file_open(const char *path, struct state_file **out, pid_t *owner);

/* Another one in the same place, under the same lock: its name with `suffix`. */
int state_file_open_beside(const struct state_file *first, const char *suffix,
			   struct state_file **out);

/* At most `max` bytes; 0, or -errno: what was there before is still there. */
int state_file_write(struct state_file *file, const char *text, size_t len, size_t max);

/* Accepts NULL. The file stays. */
void state_file_close(struct state_file *file);

#endif
